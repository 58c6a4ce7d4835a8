//! What keeps jobs that were given up.

use std::time::Duration;

use chatterbox::{
    jobs::{DeadLetterStore, Effects, Job, JobStore, Task},
    mail::Mail,
};
use chatterbox_graph::Timestamp;

use crate::Stores;

crate::promises! {
    a_job_that_is_given_up_waits_for_nobody_and_is_kept,
    a_replayed_letter_is_a_job_again,
    a_dropped_letter_is_gone,
}

async fn dead_job(stores: &Stores, to: &str) -> Job {
    let mail = Mail { to: to.into(), subject: "subject".into(), text: "text\n".into() };
    stores.clock.advance(Duration::from_millis(2));
    let job = Job::new(&stores.ambient, Task::SendMail(mail));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    stores.sql.bury(job.id, stores.ambient.now(), "no such mailbox: ü").await.unwrap();
    job
}

async fn a_job_that_is_given_up_waits_for_nobody_and_is_kept(stores: &Stores) {
    let first = dead_job(stores, "a@example.org").await;
    let second = dead_job(stores, "b@example.org").await;
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
    assert!(stores.sql.due(Timestamp(i64::MAX), 10).await.unwrap().is_empty());
    assert_eq!(stores.sql.count_dead_letters().await.unwrap(), 2);

    let letters = stores.sql.dead_letters(10).await.unwrap();
    let ids: Vec<_> = letters.iter().map(|letter| letter.job.id).collect();
    assert_eq!(ids, [first.id, second.id]);
    assert_eq!(letters[0].job.task, first.task);
    assert_eq!((letters[0].job.attempts, &*letters[0].last_error), (1, "no such mailbox: ü"));
    assert_eq!(stores.sql.dead_letter(second.id).await.unwrap().as_ref(), letters.get(1));
    assert_eq!(stores.sql.dead_letter(stores.ambient.id()).await.unwrap(), None);

    // A job of the same subject is not held up, and one that is done is not buried.
    let mail = Mail { to: "a@example.org".into(), subject: "x".into(), text: "x".into() };
    let next = Job::new(&stores.ambient, Task::SendMail(mail));
    assert!(JobStore::insert(&stores.sql, &next).await.unwrap().is_empty());
    stores.sql.complete(next.id, stores.ambient.now(), Effects::default()).await.unwrap();
    stores.sql.bury(next.id, stores.ambient.now(), "late").await.unwrap();
    assert_eq!(stores.sql.count_dead_letters().await.unwrap(), 2);
}

async fn a_replayed_letter_is_a_job_again(stores: &Stores) {
    let job = dead_job(stores, "a@example.org").await;
    let now = stores.ambient.now();
    assert!(stores.sql.replay(job.id, now).await.unwrap());
    assert!(!stores.sql.replay(job.id, now).await.unwrap(), "only once");
    assert_eq!(stores.sql.count_dead_letters().await.unwrap(), 0);
    let due = stores.sql.due(now, 10).await.unwrap();
    assert_eq!(due, [Job { run_at: now, attempts: 0, ..job }]);
}

async fn a_dropped_letter_is_gone(stores: &Stores) {
    let job = dead_job(stores, "a@example.org").await;
    assert!(stores.sql.drop_dead_letter(job.id).await.unwrap());
    assert!(!stores.sql.drop_dead_letter(job.id).await.unwrap());
    assert_eq!(stores.sql.dead_letters(10).await.unwrap(), []);
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
}
