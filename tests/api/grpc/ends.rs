//! What ends a stream: its session, its deadline, the service.

use std::time::Duration;

use crate::{
    stories,
    support::{TestApp, grpc::to},
};

stories! {
    an_ended_session_ends_its_streams,
    an_ended_session_ends_a_stream_that_nobody_reads,
    a_stream_outlives_its_token,
    a_deadline_ends_a_stream,
    a_service_that_stops_ends_its_streams,
}

async fn an_ended_session_ends_its_streams(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let caller = app.caller(&phone).await;
    let mut talk = caller.talk(None).await.unwrap();
    let mut others = app.caller(&ada).await.talk(None).await.unwrap();
    let sending = {
        let caller = caller.clone();
        tokio::spawn(async move { caller.send_all(futures::stream::pending()).await })
    };
    ada.end_session(&phone.session().await).await.unwrap();
    let refused = talk.end().await.expect_err("it ends");
    assert_eq!(refused.status, tonic::Code::Unauthenticated);
    assert_eq!(refused.code, "UNAUTHENTICATED");
    let status = sending.await.unwrap().expect_err("it ends");
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    assert_eq!(caller.talk_refused(None).await.code, "UNAUTHENTICATED");
    // That of another session goes on.
    others.close();
    assert_eq!(others.end().await, Ok(()));
}

async fn an_ended_session_ends_a_stream_that_nobody_reads(app: &TestApp) {
    const MANY: usize = 200;
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let phone = app.device("ada", "phone").await;
    let mut unread = app.caller_of_little(&phone).await.talk(None).await.unwrap();
    feed.sees(&ada, true).await;
    let body = "x".repeat(4_000);
    for _ in 0..MANY {
        grace.send(&ada, &body).await;
    }
    ada.end_session(&phone.session().await).await.unwrap();
    feed.sees(&ada, false).await;
    let (heard, end) = unread.rest().await;
    assert_eq!(end.expect_err("it ends").code, "UNAUTHENTICATED");
    assert!((1..MANY).contains(&heard.len()), "{} messages were told", heard.len());
    let seqs: Vec<_> = heard.iter().map(|message| message.seq).collect();
    assert!(seqs.into_iter().eq(1..=heard.len() as i64), "without a gap");
}

async fn a_stream_outlives_its_token(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let mut talk = caller.talk(None).await.unwrap();
    app.clock.advance(Duration::from_secs(11 * 60));
    assert_eq!(caller.refused(to(&grace, "Hello")).await.code, "UNAUTHENTICATED");
    talk.say(to(&grace, "Hello"));
    assert_eq!(talk.answer().await.seq, 1);
}

async fn a_deadline_ends_a_stream(app: &TestApp) {
    let caller = app.caller(&app.person("ada").await).await;
    let mut request = caller.request(futures::stream::pending());
    // The client itself keeps to it only until the stream begins.
    request.set_timeout(Duration::from_secs(4));
    let mut stub = caller.stub.clone();
    match stub.send_messages_grpc(request).await {
        Ok(answer) => {
            let ended = crate::support::within("the end", answer.into_inner().message()).await;
            assert_eq!(ended.expect_err("it ends").code(), tonic::Code::DeadlineExceeded);
        }
        Err(status) => {
            let codes = [tonic::Code::DeadlineExceeded, tonic::Code::Cancelled];
            assert!(codes.contains(&status.code()), "{status}");
        }
    }
}

async fn a_service_that_stops_ends_its_streams(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&grace).await;
    let mut talk = caller.talk(None).await.unwrap();
    app.caller(&ada).await.send(to(&grace, "Before")).await.unwrap();
    let cursor = talk.next().await.cursor;
    app.restart().await;
    let refused = talk.end().await.expect_err("it ends");
    assert_eq!((refused.status, refused.code.as_str()), (tonic::Code::Unavailable, "UNAVAILABLE"));
    assert!(refused.more.contains_key("retryAfterMs") && refused.more.contains_key("traceId"));
    app.caller(&ada).await.send(to(&grace, "After")).await.unwrap();
    let mut talk = app.caller(&grace).await.talk(Some(&cursor)).await.unwrap();
    assert_eq!(talk.next().await.body, "After");
}
