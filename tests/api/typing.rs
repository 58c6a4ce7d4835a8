//! Who is typing, as the others hear it.

use std::time::{Duration, Instant};

use chatterbox::live::TYPING;
use serde_json::json;

use crate::{
    stories,
    support::{Client, Feed, TestApp, client::Refusal},
};

stories! {
    the_other_one_hears_who_types,
    a_message_ends_typing,
    typing_ends_by_itself,
    the_others_of_a_group_hear_who_types,
    who_leaves_a_group_hears_of_it_no_more,
    only_who_may_write_types,
    typing_is_not_replayed,
    a_feed_of_one_conversation_hears_of_that_one,
}

/// Two people, and their conversation.
async fn two(app: &TestApp) -> (Client, Client, String) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let conversation = sent["conversation"]["id"].as_str().unwrap().to_owned();
    (ada, grace, conversation)
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
    outcome.unwrap_err().code
}

async fn the_other_one_hears_who_types(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let (mut theirs, mut own) = ([grace.feed().await, grace.feed().await], ada.feed().await);
    assert_eq!(ada.types(&talk, false).await, Ok(true), "it was so before");
    for _ in 0..3 {
        assert_eq!(ada.types(&talk, true).await, Ok(true));
    }
    for feed in &mut theirs {
        let event = feed.hears_typing(&ada, &talk, true).await;
        assert_eq!(event["user"]["username"], ada.username.as_str());
    }
    grace.types(&talk, true).await.unwrap();
    own.hears_typing(&grace, &talk, true).await;
    for _ in 0..2 {
        assert_eq!(ada.types(&talk, false).await, Ok(true));
    }
    ada.send(&grace, "Well").await;
    for feed in &mut theirs {
        feed.hears_typing(&ada, &talk, false).await;
        assert_eq!(feed.message().await, "Well");
    }
    assert_eq!(own.message().await, "Well", "one does not hear oneself");
}

async fn a_message_ends_typing(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let mut feed = grace.feed().await;
    for body in ["one", "two"] {
        ada.types(&talk, true).await.unwrap();
        feed.hears_typing(&ada, &talk, true).await;
        ada.send(&grace, body).await;
        assert_eq!(feed.message().await, body);
        feed.hears_typing(&ada, &talk, false).await;
    }
    // That of somebody else does not.
    ada.types(&talk, true).await.unwrap();
    feed.hears_typing(&ada, &talk, true).await;
    grace.send(&ada, "three").await;
    assert_eq!(feed.message().await, "three");
    ada.types(&talk, false).await.unwrap();
    feed.hears_typing(&ada, &talk, false).await;
}

async fn typing_ends_by_itself(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let mut feed = grace.feed().await;
    ada.types(&talk, true).await.unwrap();
    feed.hears_typing(&ada, &talk, true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let last = Instant::now();
    ada.types(&talk, true).await.unwrap();
    feed.hears_typing(&ada, &talk, false).await;
    let after = last.elapsed();
    assert!(after >= TYPING && after < TYPING * 2, "{after:?}");
}

async fn the_others_of_a_group_hear_who_types(app: &TestApp) {
    let (ada, grace, alan, emmy) = tokio::join!(
        app.person("ada"),
        app.person("grace"),
        app.person("alan"),
        app.person("emmy")
    );
    let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
    let mut feeds = [grace.feed().await, alan.feed().await];
    let mut own = ada.feed().await;
    ada.types(&group, true).await.unwrap();
    for feed in &mut feeds {
        feed.hears_typing(&ada, &group, true).await;
    }
    // Who comes later may type as well.
    ada.add_members(&group, &[&emmy]).await.unwrap();
    own.hears_role(&group, &emmy, Some("MEMBER")).await;
    emmy.types(&group, true).await.unwrap();
    own.hears_typing(&emmy, &group, true).await;
    ada.tell(&group, "Sunday?").await;
    assert_eq!(own.message().await, "Sunday?");
    for feed in &mut feeds {
        feed.hears_role(&group, &emmy, Some("MEMBER")).await;
        feed.hears_typing(&emmy, &group, true).await;
        assert_eq!(feed.message().await, "Sunday?");
        feed.hears_typing(&ada, &group, false).await;
    }
}

async fn who_leaves_a_group_hears_of_it_no_more(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
    let (mut of_ada, mut of_grace) = (ada.feed().await, grace.feed().await);
    alan.types(&group, true).await.unwrap();
    grace.types(&group, true).await.unwrap();
    of_grace.hears_typing(&alan, &group, true).await;
    grace.leave_group(&group).await.unwrap();
    of_grace.hears_role(&group, &grace, None).await;
    alan.types(&group, false).await.unwrap();
    of_ada.hears_typing(&alan, &group, true).await;
    of_ada.hears_typing(&grace, &group, true).await;
    of_ada.hears_role(&group, &grace, None).await;
    of_ada.hears_typing(&grace, &group, false).await;
    of_ada.hears_typing(&alan, &group, false).await;
    assert_eq!(refusal(grace.types(&group, true).await), "NOT_FOUND");
    ada.send(&grace, "Bye").await;
    assert_eq!(of_grace.message().await, "Bye");
    assert_eq!(of_ada.message().await, "Bye");
}

async fn only_who_may_write_types(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let (alan, eve) = tokio::join!(app.person("alan"), app.person("eve"));
    let with_eve = ada.send(&eve, "Hello").await["conversation"]["id"].take();
    let with_eve = with_eve.as_str().unwrap();
    let [private, public] =
        [ada.found("Private", "PRIVATE", &[]).await, ada.found("Public", "PUBLIC", &[]).await];
    let (mut of_ada, mut of_eve) = (ada.feed().await, eve.feed().await);
    ada.act("blockUser", &eve).await.unwrap();
    assert_eq!(of_ada.friendship().await, (eve.username.clone(), "BLOCKED".to_owned()));
    let nowhere = format!("{}zz", &talk[..talk.len() - 2]);
    for typing in [true, false] {
        for (who, conversation, code) in [
            (&alan, &*talk, "NOT_FOUND"),
            (&alan, &nowhere, "NOT_FOUND"),
            (&alan, &private, "NOT_FOUND"),
            (&alan, &public, "NOT_FOUND"),
            (&grace, &talk.replace("dm_", "grp_"), "NOT_FOUND"),
            (&ada, &private.replace("grp_", "dm_"), "NOT_FOUND"),
            (&eve, with_eve, "FORBIDDEN"),
            (&ada, with_eve, "FORBIDDEN"),
            (&ada, "", "BAD_USER_INPUT"),
            (&ada, "nonsense", "BAD_USER_INPUT"),
            (&ada, &ada.id, "BAD_USER_INPUT"),
            (&app.stranger(), &talk, "UNAUTHENTICATED"),
        ] {
            let refused = who.types(conversation, typing).await.unwrap_err();
            assert_eq!(refused.code, code, "{conversation}: {refused:?}");
            let field = (code == "BAD_USER_INPUT").then(|| "conversationId".to_owned());
            assert_eq!(refused.field, field, "{conversation}");
        }
    }
    // None of it was heard.
    alan.send(&ada, "for Ada").await;
    assert_eq!(of_ada.message().await, "for Ada");
    alan.send(&eve, "for Eve").await;
    assert_eq!(of_eve.message().await, "for Eve");
}

async fn typing_is_not_replayed(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let mut feed = grace.feed().await;
    ada.types(&talk, true).await.unwrap();
    let event = feed.hears_typing(&ada, &talk, true).await;
    ada.send(&grace, "missed").await;
    assert_eq!(feed.message().await, "missed");
    feed.hears_typing(&ada, &talk, false).await;
    let mut resumed = grace.feed_after(event["cursor"].as_str().unwrap()).await;
    assert_eq!(resumed.message().await, "missed");
    ada.send(&grace, "live").await;
    assert_eq!(resumed.message().await, "live");
}

async fn a_feed_of_one_conversation_hears_of_that_one(app: &TestApp) {
    let (ada, grace, talk) = two(app).await;
    let alan = app.person("alan").await;
    let other = alan.send(&grace, "Hello").await["conversation"]["id"].take();
    let mut feed = Feed::open(&grace, json!({ "conversationId": talk })).await;
    alan.types(other.as_str().unwrap(), true).await.unwrap();
    ada.types(&talk, true).await.unwrap();
    feed.hears_typing(&ada, &talk, true).await;
}
