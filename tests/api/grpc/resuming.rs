//! Streams that go on from a cursor, and readers who are too slow.

use futures::{StreamExt, stream};

use crate::{
    stories,
    support::{TestApp, grpc::to},
};

stories! {
    a_stream_goes_on_from_its_cursor,
    a_cursor_that_is_none_is_refused,
    who_reads_too_slowly_is_told_to_come_back,
}

async fn a_stream_goes_on_from_its_cursor(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (sender, reader) = (app.caller(&ada).await, app.caller(&grace).await);
    let mut talk = reader.talk(None).await.unwrap();
    sender.send(to(&grace, "1")).await.unwrap();
    let cursor = talk.next().await.cursor;
    drop(talk);
    for body in ["2", "3", "4"] {
        sender.send(to(&grace, body)).await.unwrap();
    }
    let mut talk = reader.talk(Some(&cursor)).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(talk.next().await);
    }
    sender.send(to(&grace, "5")).await.unwrap();
    heard.push(talk.next().await);
    let seqs: Vec<i64> = heard.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, [2, 3, 4, 5], "nothing lost, nothing twice");
    // The cursors of both protocols are the same.
    let mut feed = grace.feed_after(&heard[1].cursor).await;
    assert_eq!([feed.message().await, feed.message().await], ["4", "5"]);
    // Who can't read any more what was sent is told that it was.
    sender.send(to(&grace, "6")).await.unwrap();
    let last = talk.next().await;
    ada.delete_message(&serde_json::json!(last.id)).await.unwrap();
    let again = reader.talk(Some(&heard[3].cursor)).await.unwrap().next().await;
    assert_eq!((again.id, again.body.as_str()), (last.id, ""));
}

async fn a_cursor_that_is_none_is_refused(app: &TestApp) {
    let caller = app.caller(&app.person("ada").await).await;
    let refused = caller.talk_refused(Some("yesterday")).await;
    assert_eq!(refused.status, tonic::Code::InvalidArgument);
    assert_eq!(refused.what(), ("BAD_USER_INPUT", "last-cursor"));
    // Of another log, or of a time that a restore has undone.
    let refused = caller.talk_refused(Some("c17fffffffffffffff")).await;
    assert_eq!((refused.status, refused.what()), (tonic::Code::OutOfRange, ("CURSOR_EXPIRED", "")));
}

/// More than a subscription keeps, and than fits on the way to a reader.
const MANY: i64 = 1_300;

async fn who_reads_too_slowly_is_told_to_come_back(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let slow = app.caller_of_little(&grace).await;
    let mut talk = slow.talk(None).await.unwrap();
    let mut quick = app.caller(&grace).await.talk(None).await.unwrap();
    let sender = app.caller(&ada).await;
    let body = "x".repeat(4_000);
    let sending = stream::iter(0..MANY).for_each_concurrent(32, |_| async {
        sender.send(to(&grace, &body)).await.unwrap();
    });
    let reading = async {
        for seq in 1..=MANY {
            assert_eq!(quick.next().await.seq, seq, "others hear everything");
        }
    };
    tokio::join!(sending, reading);
    let (heard, end) = talk.rest().await;
    let refused = end.expect_err("it ends");
    assert_eq!((refused.status, refused.what()), (tonic::Code::Unavailable, ("SLOW_CONSUMER", "")));
    let cursor = &heard.last().expect("some were heard").cursor;
    let mut talk = slow.talk(Some(cursor)).await.unwrap();
    let mut seqs: Vec<i64> = heard.iter().map(|message| message.seq).collect();
    while seqs.len() < MANY as usize {
        seqs.push(talk.next().await.seq);
    }
    assert!(seqs.into_iter().eq(1..=MANY), "nothing lost, nothing twice");
}
