//! Who reads what: members from when they joined until they left, and
//! nobody else anything.

use serde_json::{Value, json};

use super::{all_hear_message, code, feeds, members, three};
use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    a_message_reaches_all_members_and_nobody_else,
    who_joins_reads_from_then_on,
    who_is_gone_neither_reads_nor_hears,
    who_comes_back_reads_from_then_on,
    a_group_is_followed_by_itself,
    others_see_the_face_of_a_public_group,
    a_key_is_good_in_groups_too,
}

/// What somebody finds of a group and of one of its messages.
async fn findings(client: &Client, group: &str, message: &Value) -> Value {
    let query = "query ($group: ID!, $message: ID!) {
        conversation(id: $group) { id lastMessage { body } messages(last: 9) { nodes { body } } }
        group: node(id: $group) { ... on Group { viewerRole lastMessage { body } lastActivityAt
            members { totalCount nodes { id } } messages(last: 9) { nodes { body } } } }
        message: node(id: $message) { ... on Message { body } }
        viewer { conversations { nodes { id } } lastChatted { conversation { id } } } }";
    client.data(query, json!({ "group": group, "message": message["id"] })).await
}

/// What is found by who is not in a private group.
fn nothing() -> Value {
    json!({
        "conversation": null, "group": null, "message": null,
        "viewer": { "conversations": { "nodes": [] }, "lastChatted": [] },
    })
}

/// What is found by who is not in a public group.
fn a_face() -> Value {
    let mut found = nothing();
    found["group"] = json!({
        "viewerRole": null, "lastMessage": null, "lastActivityAt": null,
        "members": { "totalCount": 0, "nodes": [] }, "messages": { "nodes": [] },
    });
    found
}

/// How a subscription to the group's events alone is refused.
async fn refused_to_follow(client: &Client, group: &str) -> String {
    let mut feed = Feed::connect(client).await;
    feed.subscribe("group", json!({ "conversationId": group })).await;
    feed.refused().await
}

async fn a_message_reaches_all_members_and_nobody_else(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let [ada, grace, alan] = &people;
    let emmy = app.person("emmy").await;
    ada.befriend(&emmy).await;
    let (mut theirs, mut others) = (feeds(&people).await, emmy.feed().await);
    let mut of_phone = app.device("grace", "phone").await.feed().await;

    for (seq, by) in (2..).zip([ada, grace, alan, grace]) {
        let body = format!("{} says {seq}", by.username);
        let sent = by.tell(&group, &body).await;
        assert_eq!(sent["seq"], seq);
        assert_eq!(sent["conversation"]["id"], group.as_str());
        for feed in theirs.iter_mut().chain([&mut of_phone]) {
            let event = feed.next().await;
            assert_eq!(event["message"]["id"], sent["id"], "{event:#}");
            assert_eq!(event["message"]["body"], body);
            assert_eq!(event["message"]["sender"]["id"], by.id.as_str());
            assert_eq!(event["message"]["conversation"]["id"], group.as_str());
        }
    }
    let bodies: Vec<String> = ["ada", "grace", "alan", "grace"]
        .iter()
        .zip(2..)
        .map(|(name, seq)| format!("{} says {seq}", app.username(name)))
        .collect();
    for person in &people {
        assert_eq!(person.reads(&group).await[1..], bodies);
    }
    assert!(emmy.reads(&group).await.is_empty());
    assert_eq!(code(emmy.try_tell(&group, "Me too").await), "FORBIDDEN");
    ada.send(&emmy, "You are missing something").await;
    assert_eq!(others.message().await, "You are missing something");
}

async fn who_joins_reads_from_then_on(app: &TestApp) {
    let (group, [ada, grace, _]) = three(app, "PUBLIC").await;
    let (added, joined) = tokio::join!(app.person("added"), app.person("joined"));
    let before = ada.tell(&group, "before").await;
    ada.add_members(&group, &[&added]).await.unwrap();
    joined.join_group(&group).await.unwrap();

    for newcomer in [&added, &joined] {
        assert!(newcomer.reads(&group).await.is_empty());
        let found = findings(newcomer, &group, &before).await;
        assert_eq!(found["message"], Value::Null);
        assert_eq!(found["conversation"]["lastMessage"], Value::Null);
        assert_eq!(found["group"]["lastMessage"], Value::Null);
        assert_eq!(found["group"]["members"]["totalCount"], 5);
        let listed = json!([{ "id": group }]);
        assert_eq!(found["viewer"]["conversations"]["nodes"], listed, "it is in their list");
    }

    let after = grace.tell(&group, "after").await;
    let info = "query ($id: ID!, $after: String, $before: String) { conversation(id: $id) {
        messages(last: 9, after: $after, before: $before) { nodes { seq body }
            pageInfo { hasPreviousPage hasNextPage } } } }";
    for newcomer in [&added, &joined] {
        let found = findings(newcomer, &group, &after).await;
        assert_eq!(found["message"]["body"], "after");
        assert_eq!(found["group"]["lastMessage"]["body"], "after");
        let data = newcomer.data(info, json!({ "id": group })).await;
        let expected = json!({
            "nodes": [{ "seq": 3, "body": "after" }],
            "pageInfo": { "hasPreviousPage": false, "hasNextPage": false },
        });
        assert_eq!(data["conversation"]["messages"], expected);
        // Not even from a cursor of somebody who was there before.
        let cursors = "query ($id: ID!) { conversation(id: $id) {
            messages(first: 2) { edges { cursor } } } }";
        let theirs = ada.data(cursors, json!({ "id": group })).await;
        let edges = &theirs["conversation"]["messages"]["edges"];
        for variables in [
            json!({ "id": group, "after": edges[0]["cursor"] }),
            json!({ "id": group, "before": edges[1]["cursor"] }),
        ] {
            let data = newcomer.data(info, variables).await;
            let nodes = data["conversation"]["messages"]["nodes"].as_array().unwrap();
            assert!(nodes.iter().all(|node| node["body"] == "after"), "{nodes:?}");
        }
    }
    assert_eq!(ada.reads(&group).await, ["Welcome", "before", "after"]);
}

async fn who_is_gone_neither_reads_nor_hears(app: &TestApp) {
    for (visibility, found, refusal) in
        [("PRIVATE", nothing(), "NOT_FOUND"), ("PUBLIC", a_face(), "FORBIDDEN")]
    {
        let name = |name: &str| format!("{name}.{}", visibility.to_lowercase());
        let (ada, removed) = (app.person(&name("ada")).await, app.person(&name("removed")).await);
        let left = app.person(&name("left")).await;
        let group = ada.found("Walks", visibility, &[&removed, &left]).await;
        let sent = ada.tell(&group, "while they were there").await;
        for gone in [&removed, &left] {
            let (mut all, mut of_group) =
                (gone.feed().await, Feed::open(gone, json!({ "conversationId": group })).await);
            if gone.id == left.id {
                let shown = gone.leave_group(&group).await.unwrap();
                assert_eq!(shown["name"], "Walks", "what one left is shown once more");
            } else {
                ada.remove_member(&group, gone).await.unwrap();
            }
            for feed in [&mut all, &mut of_group] {
                let event = feed.hears_role(&group, gone, None).await;
                assert_eq!(event["group"]["name"], "Walks");
            }
            ada.tell(&group, "without them").await;
            ada.update_group(&group, json!({ "description": gone.username })).await.unwrap();

            assert_eq!(findings(gone, &group, &sent).await, found);
            assert_eq!(code(gone.try_tell(&group, "Hello?").await), refusal);
            assert_eq!(refused_to_follow(gone, &group).await, "NOT_FOUND");
            ada.send(gone, "Sorry").await;
            assert_eq!(all.message().await, "Sorry");
            of_group.is_served().await;
        }
        let told = ["while they were there", "without them", "without them"];
        assert_eq!(ada.reads(&group).await, told);
    }
}

async fn who_comes_back_reads_from_then_on(app: &TestApp) {
    let (group, [ada, grace, _]) = three(app, "PRIVATE").await;
    let mut feed = grace.feed().await;
    ada.remove_member(&group, &grace).await.unwrap();
    feed.hears_role(&group, &grace, None).await;
    let meanwhile = ada.tell(&group, "while she was away").await;
    ada.add_members(&group, &[&grace]).await.unwrap();
    feed.hears_role(&group, &grace, Some("MEMBER")).await;

    let found = findings(&grace, &group, &meanwhile).await;
    assert_eq!((&found["message"], &found["group"]["lastMessage"]), (&Value::Null, &Value::Null));
    assert!(grace.reads(&group).await.is_empty(), "nor what she read before");
    ada.tell(&group, "Welcome back").await;
    assert_eq!(feed.message().await, "Welcome back");
    assert_eq!(grace.reads(&group).await, ["Welcome back"]);

    // Who comes back is a member like any other, whatever they were.
    ada.set_role(&group, &grace, "OWNER").await.unwrap();
    grace.leave_group(&group).await.unwrap();
    ada.add_members(&group, &[&grace]).await.unwrap();
    assert_eq!(grace.group(&group).await["viewerRole"], "MEMBER");
}

async fn a_group_is_followed_by_itself(app: &TestApp) {
    let (group, people) = three(app, "PRIVATE").await;
    let [ada, grace, alan] = &people;
    let mut feed = Feed::open(grace, json!({ "conversationId": group })).await;
    ada.send(grace, "elsewhere").await;
    ada.befriend(grace).await;
    let other = alan.found("Another", "PRIVATE", &[grace]).await;
    alan.tell(&other, "elsewhere too").await;

    ada.tell(&group, "here").await;
    ada.set_role(&group, alan, "ADMIN").await.unwrap();
    alan.update_group(&group, json!({ "name": "Runs" })).await.unwrap();
    assert_eq!(feed.message().await, "here");
    feed.hears_role(&group, alan, Some("ADMIN")).await;
    let event = feed.next().await;
    assert_eq!(event["group"]["name"], "Runs", "{event:#}");
}

async fn others_see_the_face_of_a_public_group(app: &TestApp) {
    let emmy = app.person("emmy").await;
    for visibility in ["PUBLIC", "PRIVATE"] {
        let name = |name: &str| format!("{name}.{}", visibility.to_lowercase());
        let (ada, friend) = (app.person(&name("ada")).await, app.person(&name("friend")).await);
        emmy.befriend(&friend).await;
        let group = ada.found("Walks", visibility, &[&friend]).await;
        let sent = ada.tell(&group, "among ourselves").await;
        let query = "query ($id: ID!) { node(id: $id) { ... on Group { name memberCount
            friendsInside { username } } } }";
        let seen = emmy.data(query, json!({ "id": group })).await["node"].take();
        if visibility == "PUBLIC" {
            let inside = json!([{ "username": friend.username }]);
            assert_eq!(seen, json!({ "name": "Walks", "memberCount": 2, "friendsInside": inside }));
            assert_eq!(findings(&emmy, &group, &sent).await, a_face());
        } else {
            assert_eq!(seen, Value::Null);
            assert_eq!(findings(&emmy, &group, &sent).await, nothing());
        }
        assert_eq!(refused_to_follow(&emmy, &group).await, "NOT_FOUND");
        assert_eq!(ada.members(&group).await, members([(&ada, "OWNER"), (&friend, "MEMBER")]));
    }
}

async fn a_key_is_good_in_groups_too(app: &TestApp) {
    let (group, people) = three(app, "PRIVATE").await;
    let [ada, grace, _] = &people;
    let mut feeds = feeds(&people).await;
    let to = json!({ "conversationId": group });
    let send = |body, key| ada.send_to(to.clone(), body, Some(key));
    let at_once = futures::future::join_all((0..6).map(|_| send("Only one", "k1"))).await;
    let first = at_once[0].as_ref().unwrap()["id"].clone();
    assert!(at_once.iter().all(|sent| sent.as_ref().unwrap()["id"] == first));
    let conflict = send("Another", "k1").await.unwrap_err();
    assert_eq!((conflict.code.as_str(), conflict.field.as_deref()), ("CONFLICT", Some("key")));
    grace.send_to(to.clone(), "Her own", Some("k1")).await.unwrap();
    all_hear_message(&mut feeds, "Only one").await;
    all_hear_message(&mut feeds, "Her own").await;
}
