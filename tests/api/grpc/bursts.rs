//! Many messages on a stream that nobody waits for one by one.

use chatterbox::api::grpc::generated::ChatMessage;

use crate::{
    stories,
    support::{
        TestApp,
        grpc::{into, to},
    },
};

stories! {
    what_is_sent_together_keeps_its_order,
    nothing_overtakes_what_has_to_be_asked_about_anew,
}

async fn what_is_sent_together_keeps_its_order(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let mut talk = app.caller(&ada).await.talk(None).await.unwrap();
    let lines: Vec<_> = (0..200).map(|n| format!("Line {n}")).collect();
    for (n, line) in lines.iter().enumerate() {
        let message = if n % 2 == 0 { to(&grace, line) } else { into(&group, line) };
        talk.say(ChatMessage { key: line.clone(), ..message });
        if n % 50 == 0 {
            talk.say(ChatMessage { key: "never".to_owned(), ..to(&grace, "") });
        }
    }
    talk.close();
    let (said, end) = talk.rest().await;
    assert_eq!(end, Ok(()));
    let answers = || said.iter().filter(|message| message.cursor.is_empty());
    let (failed, kept): (Vec<_>, Vec<_>) = answers().partition(|answer| answer.failure.is_some());
    assert_eq!(failed.len(), 4);
    assert!(failed.iter().all(|answer| answer.key == "never"));
    let keys: Vec<_> = kept.iter().map(|answer| answer.key.clone()).collect();
    assert_eq!(keys, lines, "answered in the order in which they were sent");
    let places: Vec<_> = kept.iter().map(|answer| answer.seq).collect();
    let expected: Vec<_> = (0..200).map(|n| n / 2 + 1).collect();
    assert_eq!(places, expected, "and so they stand in their conversations");
}

/// Something changes about the other one again and again meanwhile, so that messages are
/// handed in anew.
async fn nothing_overtakes_what_has_to_be_asked_about_anew(app: &TestApp) {
    const ROUNDS: usize = 12;
    const TOGETHER: usize = 25;
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, _) = app.friends("alan", "edsger").await;
    let mut talk = app.caller(&ada).await.talk(None).await.unwrap();
    let changing = async {
        for _ in 0..ROUNDS {
            grace.act("blockUser", &alan).await.unwrap();
            grace.act("unblockUser", &alan).await.unwrap();
        }
    };
    let sending = async {
        let mut seq = 0;
        for round in 0..ROUNDS {
            let lines: Vec<_> = (0..TOGETHER).map(|n| format!("{round} {n}")).collect();
            lines.iter().for_each(|line| talk.say(to(&grace, line)));
            for line in &lines {
                let answer = talk.answer().await;
                seq += 1;
                assert_eq!((answer.failure, answer.seq), (None, seq));
                assert_eq!(&answer.body, line);
            }
        }
    };
    futures::join!(changing, sending);
}
