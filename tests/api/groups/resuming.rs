//! A feed that is resumed tells what happened while one was a member,
//! whatever one is now.

use serde_json::{Value, json};

use super::three;
use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    a_feed_goes_on_through_all_that_happened,
    what_was_missed_ends_where_the_membership_did,
    a_group_that_is_gone_by_now_is_told_of_as_it_was,
    who_left_is_not_told_of_what_a_group_became,
}

/// What comes of an event: its text, or what somebody is now.
fn told(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("gone").to_owned();
    match event["__typename"].as_str().unwrap() {
        "MessageSent" => text(&event["message"]["body"]),
        "MembershipChanged" => {
            format!("{} {}", text(&event["user"]["displayName"]), text(&event["role"]))
        }
        "GroupChanged" => format!("called {}", text(&event["group"]["name"])),
        other => panic!("{other}: {event:#}"),
    }
}

/// What a feed tells up to this.
async fn tells(feed: &mut Feed, last: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    loop {
        let event = feed.next().await;
        let told = told(&event);
        events.push((told.clone(), event));
        if told == last {
            return events;
        }
    }
}

fn words(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(told, _)| told.as_str()).collect()
}

/// Where somebody's feed stands now.
async fn cursor(of: &Client, by: &Client) -> String {
    let mut feed = of.feed().await;
    by.send(of, "now").await;
    feed.next().await["cursor"].as_str().unwrap().to_owned()
}

async fn a_feed_goes_on_through_all_that_happened(app: &TestApp) {
    let (group, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let emmy = app.person("emmy").await;
    let start = cursor(&grace, &alan).await;
    let mut live = grace.feed().await;
    ada.tell(&group, "one").await;
    ada.add_members(&group, &[&emmy]).await.unwrap();
    emmy.tell(&group, "two").await;
    ada.update_group(&group, json!({ "name": "Runs" })).await.unwrap();
    ada.set_role(&group, &emmy, "ADMIN").await.unwrap();
    emmy.remove_member(&group, &alan).await.unwrap();
    emmy.leave_group(&group).await.unwrap();
    ada.tell(&group, "three").await;

    let expected = [
        "one",
        "emmy MEMBER",
        "two",
        "called Runs",
        "emmy ADMIN",
        "alan gone",
        "emmy gone",
        "three",
    ];
    let heard = tells(&mut live, "three").await;
    assert_eq!(words(&heard), expected);
    // From each event on, the same as it was told live.
    for from in 0..heard.len() {
        let after = heard[from].1["cursor"].as_str().unwrap();
        if from + 1 == heard.len() {
            let mut feed = grace.feed_after(after).await;
            ada.tell(&group, "four").await;
            assert_eq!(feed.message().await, "four");
            continue;
        }
        let mut feed = grace.feed_after(after).await;
        for (_, live) in &heard[from + 1..] {
            let again = feed.next().await;
            assert_eq!(again["cursor"], live["cursor"]);
            assert_eq!(told(&again), told(live));
        }
    }
    let variables = json!({ "after": start, "conversationId": group });
    let mut feed = Feed::open(&grace, variables).await;
    assert_eq!(words(&tells(&mut feed, "three").await), expected);
}

async fn what_was_missed_ends_where_the_membership_did(app: &TestApp) {
    let (group, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let start = cursor(&grace, &alan).await;
    ada.tell(&group, "one").await;
    ada.remove_member(&group, &grace).await.unwrap();
    ada.tell(&group, "without her").await;
    ada.set_role(&group, &alan, "ADMIN").await.unwrap();
    alan.send(&grace, "end").await;

    let mut feed = grace.feed_after(&start).await;
    let heard = tells(&mut feed, "end").await;
    assert_eq!(words(&heard), ["one", "grace gone", "end"]);
    assert_eq!(heard[0].1["message"]["conversation"]["id"], group.as_str());

    ada.add_members(&group, &[&grace]).await.unwrap();
    ada.tell(&group, "two").await;
    ada.remove_member(&group, &grace).await.unwrap();
    ada.tell(&group, "without her again").await;
    alan.send(&grace, "end again").await;
    let expected = ["one", "grace gone", "end", "grace MEMBER", "two", "grace gone", "end again"];
    let mut feed = grace.feed_after(&start).await;
    assert_eq!(words(&tells(&mut feed, "end again").await), expected);
    // Also from where she was no member, and over a restart.
    app.restart().await;
    let mut feed = grace.feed_after(heard[1].1["cursor"].as_str().unwrap()).await;
    assert_eq!(words(&tells(&mut feed, "end again").await), expected[2..]);
}

async fn a_group_that_is_gone_by_now_is_told_of_as_it_was(app: &TestApp) {
    let (group, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let start = cursor(&grace, &alan).await;
    ada.tell(&group, "one").await;
    alan.leave_group(&group).await.unwrap();
    ada.delete_group(&group).await.unwrap();
    alan.send(&grace, "end").await;

    let mut feed = grace.feed_after(&start).await;
    let heard = tells(&mut feed, "end").await;
    let mut heard_of = words(&heard);
    // Whether she hears of the owner before herself is not said.
    heard_of.retain(|told| *told != "ada gone");
    assert_eq!(heard_of, ["one", "alan gone", "grace gone", "end"]);
    let last = heard.iter().find(|(told, _)| told == "grace gone").unwrap();
    assert_eq!(last.1["group"], json!({ "id": group, "name": "Walks" }));
}

async fn who_left_is_not_told_of_what_a_group_became(app: &TestApp) {
    let (group, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let start = cursor(&grace, &alan).await;
    ada.tell(&group, "one").await;
    ada.update_group(&group, json!({ "name": "Runs" })).await.unwrap();
    grace.leave_group(&group).await.unwrap();
    ada.update_group(&group, json!({ "name": "Without Grace" })).await.unwrap();
    alan.send(&grace, "end").await;

    let mut feed = grace.feed_after(&start).await;
    let heard = tells(&mut feed, "end").await;
    assert_eq!(words(&heard), ["one", "called Runs", "grace gone", "end"]);
    assert_eq!(heard[2].1["group"]["name"], "Runs");
    assert_ne!(heard[0].1["message"]["conversation"]["name"], "Without Grace");
}
