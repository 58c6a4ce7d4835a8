//! Who hears of it that somebody read or muted: all devices of everyone whom
//! it concerns, and nobody else, also those that come back later.

use serde_json::{Value, json};

use super::write;
use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    reading_on_one_device_clears_the_count_on_the_others,
    all_members_hear_of_a_marker_and_nobody_else,
    a_mute_is_heard_by_the_own_devices_only,
    whoever_comes_back_hears_what_was_read_meanwhile,
}

/// With what changes for a device that shows how much is unread.
const COUNTS: &str = "subscription { events { __typename cursor
    ... on ReadMarkerMoved { conversation { id unreadCount muted } marker { user { id } seq } }
    ... on MuteChanged { conversation { id unreadCount muted } }
    ... on MessageSent { message { body conversation { id unreadCount } } } } }";

async fn counting(client: &Client) -> Feed {
    let mut feed = Feed::connect(client).await;
    let payload = json!({ "query": COUNTS });
    feed.send(json!({ "id": "counts", "type": "subscribe", "payload": payload })).await;
    feed.is_served().await;
    feed
}

impl Feed {
    /// The next event, which has to be about a marker of `who`; returns the marker.
    pub async fn hears_marker(&mut self, conversation: &str, who: &Client) -> Value {
        let mut event = self.next().await;
        assert_eq!(event["__typename"], "ReadMarkerMoved", "{event:#}");
        assert_eq!(event["conversation"]["id"], conversation);
        assert_eq!(event["marker"]["user"]["id"], who.id.as_str());
        event["marker"].take()
    }
}

async fn reading_on_one_device_clears_the_count_on_the_others(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let phone = app.device("grace", "phone").await;
    let id = write(&ada, &grace, 2).await;
    let (mut on_phone, mut on_desk) = (counting(&phone).await, counting(&grace).await);
    ada.send(&grace, "three").await;
    for feed in [&mut on_phone, &mut on_desk] {
        let event = feed.next().await;
        assert_eq!(event["message"]["conversation"], json!({ "id": id, "unreadCount": 3 }));
    }
    assert_eq!(phone.read(&id, 3).await["unreadCount"], 0);
    for feed in [&mut on_phone, &mut on_desk] {
        let event = feed.next().await;
        let expected = json!({ "id": id, "unreadCount": 0, "muted": false });
        assert_eq!(event["conversation"], expected, "{event:#}");
        assert_eq!(event["marker"], json!({ "user": { "id": grace.id }, "seq": 3 }));
    }
    assert_eq!(grace.unread_in_all().await, 0);
}

async fn all_members_hear_of_a_marker_and_nobody_else(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
    let id = write(&ada, &grace, 2).await;
    let group = ada.found("Walks", "PUBLIC", &[&grace, &alan]).await;
    ada.tell(&group, "Hello").await;
    alan.leave_group(&group).await.unwrap();
    let (mut of_ada, mut also_of_ada, mut of_grace) =
        tokio::join!(ada.feed(), ada.feed(), grace.feed());
    let (mut of_alan, mut of_emmy) = tokio::join!(alan.feed(), emmy.feed());
    let mut only = Feed::open(&ada, json!({ "conversationId": group })).await;

    grace.read(&id, 1).await;
    grace.read(&group, 1).await;
    for feed in [&mut of_ada, &mut also_of_ada, &mut of_grace] {
        let heard = feed.hears_marker(&id, &grace).await;
        assert_eq!(
            (&heard["seq"], &heard["user"]["username"]),
            (&json!(1), &json!(grace.username))
        );
        assert_eq!(feed.hears_marker(&group, &grace).await["seq"], 1);
    }
    assert_eq!(only.hears_marker(&group, &grace).await["seq"], 1);
    for feed in [&mut of_alan, &mut of_emmy, &mut only] {
        feed.is_served().await;
    }
    // Who joins hears of what comes then.
    alan.join_group(&group).await.unwrap();
    of_alan.hears_role(&group, &alan, Some("MEMBER")).await;
    ada.tell(&group, "Welcome").await;
    of_alan.message().await;
    grace.read(&group, 2).await;
    assert_eq!(of_alan.hears_marker(&group, &grace).await["seq"], 2);
}

async fn a_mute_is_heard_by_the_own_devices_only(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let phone = app.device("grace", "phone").await;
    let id = write(&ada, &grace, 1).await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let (mut on_phone, mut on_desk) = (counting(&phone).await, counting(&grace).await);
    let mut of_ada = ada.feed().await;
    grace.mute(&id, true).await;
    grace.mute(&id, true).await;
    phone.mute(&group, true).await;
    phone.mute(&id, false).await;
    for feed in [&mut on_phone, &mut on_desk] {
        for (id, muted, unread) in [(&id, true, 1), (&group, true, 0), (&id, false, 1)] {
            let event = feed.next().await;
            assert_eq!(event["__typename"], "MuteChanged");
            assert_eq!(event["conversation"]["id"], id.as_str());
            // What a later event tells already may be told before.
            let is_now = event["conversation"]["muted"] == grace.state(id).await["muted"];
            assert!(event["conversation"]["muted"] == muted || is_now, "{event:#}");
            assert_eq!(event["conversation"]["unreadCount"], unread);
        }
    }
    of_ada.is_served().await;
}

async fn whoever_comes_back_hears_what_was_read_meanwhile(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let group = ada.found("Walks", "PUBLIC", &[&grace, &alan]).await;
    let (mut of_ada, mut of_grace, mut of_alan) =
        tokio::join!(ada.feed(), grace.feed(), alan.feed());
    ada.tell(&group, "Hello").await;
    let id = write(&ada, &grace, 2).await;
    alan.send(&ada, "for ada").await;
    let mut cursors = Vec::new();
    for (feed, count) in [(&mut of_ada, 4), (&mut of_grace, 3), (&mut of_alan, 2)] {
        for _ in 1..count {
            feed.message().await;
        }
        cursors.push(feed.next().await["cursor"].as_str().unwrap().to_owned());
    }
    grace.read(&id, 2).await;
    alan.read(&group, 1).await;
    grace.mute(&group, true).await;
    ada.read(&id, 1).await;
    let live: Vec<Value> = {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(of_grace.next().await);
        }
        all
    };
    let kinds = ["ReadMarkerMoved", "ReadMarkerMoved", "MuteChanged", "ReadMarkerMoved"];
    assert!(live.iter().map(|event| &event["__typename"]).eq(&kinds));

    app.restart().await;
    let mut resumed = grace.feed_after(&cursors[1]).await;
    for event in &live {
        assert_eq!(resumed.next().await, *event);
    }
    let mut resumed = ada.feed_after(&cursors[0]).await;
    resumed.hears_marker(&id, &grace).await;
    resumed.hears_marker(&group, &alan).await;
    resumed.hears_marker(&id, &ada).await;
    let mut resumed = alan.feed_after(&cursors[2]).await;
    resumed.hears_marker(&group, &alan).await;
    resumed.is_served().await;
}
