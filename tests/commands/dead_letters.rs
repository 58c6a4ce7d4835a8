//! A job that can't be carried out, from its first failure to its end.

use std::time::Duration;

use chatterbox::{
    ambient::Ambient,
    app::Stores,
    jobs::{DeadLetterStore, Job, JobStore, Task},
    mail::Mail,
};
use chatterbox_graph::Timestamp;

use crate::{
    chatterbox, said,
    support::{TestApp, app::config, eventually, stores::StoreUrls},
};

/// To an address that no mail can be made for.
fn hopeless(ambient: &Ambient) -> Job {
    let mail = Mail { to: "nobody".into(), subject: "hello".into(), text: "hello\n".into() };
    let job = Job::new(ambient, Task::SendMail(mail));
    Job { run_at: Timestamp(job.created_at.0), ..job }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_keeps_failing_is_given_up_listed_replayed_and_dropped() {
    let app = TestApp::start(StoreUrls::embedded(), &[]).await;
    let stores = Stores::open(&config(app.data.path(), &app.stores, &[])).unwrap();
    let job = hopeless(&Ambient::system());
    let id = job.id.to_string();
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let folder = app.data.path().to_str().unwrap();
    let command = |action: &[&str]| {
        let arguments = [&["dead-letters"], action, &["--data", folder]].concat();
        let output = chatterbox(&arguments, &[]);
        let printed = String::from_utf8_lossy(&output.stdout);
        (output.status.code(), format!("{printed}{}", said(&output)))
    };
    let given_up = async || {
        eventually("the job to be given up", || async {
            // Its pauses grow to a minute: nobody need wait for them.
            app.clock.advance(Duration::from_secs(60));
            (stores.sql.count_dead_letters().await.unwrap() == 1).then_some(())
        })
        .await;
    };

    given_up().await;
    let (status, text) = command(&["list"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains(&id) && text.contains("send_mail"), "{text}");
    let (_, text) = command(&["show", &id]);
    assert!(text.contains("subject     nobody") && text.contains("attempts    10"), "{text}");
    let metrics = reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("chatterbox_dead_letters_total{task=\"send_mail\"}"), "{metrics}");

    assert_eq!(command(&["replay", &id]).0, Some(0));
    given_up().await;
    assert_eq!(command(&["drop", &id]).0, Some(0));
    let (status, text) = command(&["list"]);
    assert_eq!((status, text.trim()), (Some(0), "no dead letters"));
    let (status, text) = command(&["drop", &id]);
    assert_eq!(status, Some(1), "{text}");
    let (status, text) = command(&["show", "msg_01h455vb4pex5vsknk084sn02q"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("job_"), "{text}");
    stores.sql.close().await;
    app.stop().await;
}
