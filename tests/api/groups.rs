//! Groups, from their making to their end.

mod lists;
mod owners;
mod reading;
mod resuming;
mod rules;
mod size;

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp, client::Refusal},
};

stories! {
    a_group_is_made_with_its_members,
    who_is_a_member_hears_of_it_before_anything_else,
    a_group_is_changed,
    roles_are_given_and_taken,
    a_public_group_is_joined_and_left,
    whoever_is_added_has_to_be_within_reach,
    what_is_so_already_is_no_event,
    a_deleted_group_is_gone,
}

fn code<T>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Ok(_) => panic!("it was not refused"),
        Err(refusal) => refusal.code,
    }
}

/// Members as they are listed, by username.
fn members<const N: usize>(members: [(&Client, &str); N]) -> Vec<(String, String)> {
    let mut members =
        members.map(|(member, role)| (member.username.clone(), role.to_owned())).to_vec();
    members.sort();
    members
}

/// Fails unless the next event of each is this change of a membership.
async fn all_hear(feeds: &mut [Feed], group: &str, who: &Client, role: Option<&str>) {
    for feed in feeds {
        feed.hears_role(group, who, role).await;
    }
}

/// Fails unless nothing came before this message.
async fn all_hear_message(feeds: &mut [Feed], body: &str) {
    for feed in feeds {
        assert_eq!(feed.message().await, body);
    }
}

/// Three people who are in a group of the first.
async fn three(app: &TestApp, visibility: &str) -> (String, [Client; 3]) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let group = ada.found("Walks", visibility, &[&grace, &alan]).await;
    // What the founding is heard by is over before anybody listens.
    ada.tell(&group, "Welcome").await;
    (group, [ada, grace, alan])
}

async fn feeds(people: &[Client]) -> Vec<Feed> {
    join_all(people.iter().map(Client::feed)).await
}

async fn a_group_is_made_with_its_members(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let input = json!({
        "name": "  Sunday Walk 🥾 ", "description": " Boots.\nWhatever the weather. ",
        // Named twice, and the owner among them: each is in it once.
        "memberIds": [grace.id, alan.id, ada.id, grace.id],
    });
    let made = ada.create_group(input).await.unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("grp_"), "{id}");
    let expected = |role: &str| {
        json!({
            "id": id, "name": "Sunday Walk 🥾", "description": "Boots.\nWhatever the weather.",
            "visibility": "PRIVATE", "memberCount": 3, "viewerRole": role,
        })
    };
    assert_eq!(made, expected("OWNER"));
    for (person, role) in [(&ada, "OWNER"), (&grace, "MEMBER"), (&alan, "MEMBER")] {
        assert_eq!(person.group(id).await, expected(role));
        let listed = members([(&ada, "OWNER"), (&grace, "MEMBER"), (&alan, "MEMBER")]);
        assert_eq!(person.members(id).await, listed);
    }

    // Alone, and with nothing but a name.
    let alone = ada.create_group(json!({ "name": "Alone" })).await.unwrap();
    assert_eq!((&alone["memberCount"], &alone["description"]), (&json!(1), &Value::Null));
    assert_ne!(alone["id"], made["id"]);
    assert_eq!(grace.group(alone["id"].as_str().unwrap()).await, Value::Null);
}

async fn who_is_a_member_hears_of_it_before_anything_else(app: &TestApp) {
    let people = join_all(["ada", "grace", "alan", "emmy"].map(|name| app.person(name))).await;
    let mut heard = feeds(&people).await;
    let [ada, grace, alan, emmy] = &people[..] else { unreachable!("they are four") };
    let group = ada.found("Walks", "PRIVATE", &[grace, alan]).await;
    ada.tell(&group, "Welcome").await;
    ada.add_members(&group, &[emmy]).await.unwrap();
    alan.tell(&group, "Hello, Emmy").await;

    for (person, feed) in people[..3].iter().zip(&mut heard) {
        let founding = feed.until_message("Welcome").await;
        let told: Vec<(&str, &str)> = founding
            .iter()
            .map(|event| {
                assert_eq!(event["group"], json!({ "id": group, "name": "Walks" }));
                (event["user"]["username"].as_str().unwrap(), event["role"].as_str().unwrap())
            })
            .collect();
        let role = if person.id == ada.id { "OWNER" } else { "MEMBER" };
        assert_eq!(told.first(), Some(&(person.username.as_str(), role)), "{told:?}");
        assert_eq!(told.iter().collect::<HashSet<_>>().len(), told.len(), "{told:?}");
        feed.hears_role(&group, emmy, Some("MEMBER")).await;
        assert_eq!(feed.message().await, "Hello, Emmy");
    }
    let event = heard[3].hears_role(&group, emmy, Some("MEMBER")).await;
    assert_eq!(event["group"]["name"], "Walks");
    let event = heard[3].next().await;
    let message = &event["message"];
    assert_eq!(message["body"], "Hello, Emmy");
    assert_eq!(message["sender"]["displayName"], "alan");
    assert_eq!(message["conversation"], json!({ "id": group, "name": "Walks" }));
}

async fn a_group_is_changed(app: &TestApp) {
    let (group, people) = three(app, "PRIVATE").await;
    let [ada, grace, _] = &people;
    let outsider = app.person("emmy").await;
    ada.set_role(&group, grace, "ADMIN").await.unwrap();
    let mut feeds = feeds(&people).await;
    for (by, changes, name, description, visibility) in [
        (ada, json!({ "name": " Long Walks " }), "Long Walks", None, "PRIVATE"),
        (grace, json!({ "description": "Far." }), "Long Walks", Some("Far."), "PRIVATE"),
        (ada, json!({ "visibility": "PUBLIC" }), "Long Walks", Some("Far."), "PUBLIC"),
        (ada, json!({ "description": null }), "Long Walks", None, "PUBLIC"),
        (
            grace,
            json!({ "name": "Runs", "description": "Fast.", "visibility": "PRIVATE" }),
            "Runs",
            Some("Fast."),
            "PRIVATE",
        ),
        (ada, json!({ "description": " \n" }), "Runs", None, "PRIVATE"),
    ] {
        let changed = by.update_group(&group, changes.clone()).await.unwrap();
        for feed in &mut feeds {
            let event = feed.next().await;
            assert_eq!(event["__typename"], "GroupChanged", "{event:#}");
            let expected = json!({
                "id": group, "name": name, "description": description, "visibility": visibility,
            });
            assert_eq!(event["group"], expected, "{changes}");
        }
        for seen in [&changed, &by.group(&group).await] {
            let told = (&seen["name"], &seen["description"], &seen["visibility"]);
            assert_eq!(told, (&json!(name), &json!(description), &json!(visibility)), "{changes}");
        }
        let found = outsider.group(&group).await;
        assert_eq!(found.is_null(), visibility == "PRIVATE", "{changes}");
    }

    // What a message tells of its group is what it is by now.
    grace.tell(&group, "Faster").await;
    for feed in &mut feeds {
        assert_eq!(feed.next().await["message"]["conversation"]["name"], "Runs");
    }
}

async fn roles_are_given_and_taken(app: &TestApp) {
    let (group, people) = three(app, "PRIVATE").await;
    let [ada, grace, alan] = &people;
    let mut feeds = feeds(&people).await;
    for (by, whom, role) in [
        (ada, grace, "ADMIN"),
        (ada, alan, "OWNER"),
        (alan, grace, "MEMBER"),
        (alan, ada, "MEMBER"),
        (alan, ada, "ADMIN"),
        (ada, ada, "MEMBER"),
    ] {
        let before = ada.members(&group).await;
        let changed = by.set_role(&group, whom, role).await.unwrap();
        if by.id == whom.id {
            assert_eq!(changed["viewerRole"], role);
        }
        all_hear(&mut feeds, &group, whom, Some(role)).await;
        assert_eq!(whom.group(&group).await["viewerRole"], role);
        let mut expected = before;
        expected.iter_mut().filter(|(name, _)| *name == whom.username).for_each(|(_, was)| {
            role.clone_into(was);
        });
        assert_eq!(alan.members(&group).await, expected);
    }
    ada.tell(&group, "Who is in charge?").await;
    all_hear_message(&mut feeds, "Who is in charge?").await;
}

async fn a_public_group_is_joined_and_left(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let emmy = app.person("emmy").await;
    let (mut theirs, mut own) = (feeds(&people).await, emmy.feed().await);
    for _ in 0..2 {
        let joined = emmy.join_group(&group).await.unwrap();
        assert_eq!((&joined["viewerRole"], &joined["memberCount"]), (&json!("MEMBER"), &json!(4)));
        all_hear(&mut theirs, &group, &emmy, Some("MEMBER")).await;
        own.hears_role(&group, &emmy, Some("MEMBER")).await;
        emmy.tell(&group, "Here I am").await;
        all_hear_message(&mut theirs, "Here I am").await;
        assert_eq!(own.message().await, "Here I am");

        let left = emmy.leave_group(&group).await.unwrap();
        assert_eq!((&left["viewerRole"], &left["memberCount"]), (&Value::Null, &json!(3)));
        all_hear(&mut theirs, &group, &emmy, None).await;
        own.hears_role(&group, &emmy, None).await;
    }
    // To remove oneself is to leave.
    emmy.join_group(&group).await.unwrap();
    emmy.remove_member(&group, &emmy).await.unwrap();
    for role in [Some("MEMBER"), None] {
        all_hear(&mut theirs, &group, &emmy, role).await;
        own.hears_role(&group, &emmy, role).await;
    }
    assert_eq!(emmy.group(&group).await["viewerRole"], Value::Null);
}

async fn whoever_is_added_has_to_be_within_reach(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let (hermit, blocker) = tokio::join!(app.person("hermit"), app.person("blocker"));
    let (fan, blocked) = tokio::join!(app.person("fan"), app.person("blocked"));
    hermit.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    fan.change_settings(json!({ "messagesFrom": "FRIENDS" })).await;
    blocker.act("blockUser", &ada).await.unwrap();
    ada.act("blockUser", &blocked).await.unwrap();
    let group = ada.found("Walks", "PUBLIC", &[]).await;
    let mut feed = grace.feed().await;

    for unwilling in [&hermit, &blocker, &blocked, &fan] {
        for people in [&[&grace, unwilling][..], &[unwilling, &grace]] {
            assert_eq!(code(ada.add_members(&group, people).await), "FORBIDDEN");
            let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
            let input = json!({ "name": "Another", "memberIds": ids });
            assert_eq!(code(ada.create_group(input).await), "FORBIDDEN");
        }
    }
    assert_eq!(ada.members(&group).await, members([(&ada, "OWNER")]), "nobody was added");
    ada.send(&grace, "Nothing so far?").await;
    assert_eq!(feed.message().await, "Nothing so far?");

    // Friends are within reach, and who is a member already is not asked about.
    ada.befriend(&fan).await;
    ada.add_members(&group, &[&fan]).await.unwrap();
    fan.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    ada.add_members(&group, &[&fan, &grace]).await.unwrap();
    // Who joins asks nobody.
    for person in [&hermit, &blocker, &blocked] {
        person.join_group(&group).await.unwrap();
    }
    assert_eq!(ada.group(&group).await["memberCount"], 6);
}

async fn what_is_so_already_is_no_event(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let [ada, grace, alan] = &people;
    ada.set_role(&group, grace, "ADMIN").await.unwrap();
    ada.update_group(&group, json!({ "description": "Far." })).await.unwrap();
    let mut feeds = feeds(&people).await;
    let before = ada.members(&group).await;

    ada.add_members(&group, &[grace, alan, ada]).await.unwrap();
    ada.add_members(&group, &[]).await.unwrap();
    ada.set_role(&group, grace, "ADMIN").await.unwrap();
    ada.set_role(&group, ada, "OWNER").await.unwrap();
    alan.set_role(&group, alan, "MEMBER").await.unwrap();
    grace.join_group(&group).await.unwrap();
    let same = json!({ "name": "Walks ", "description": "Far.", "visibility": "PUBLIC" });
    for unchanged in [same, json!({}), json!({ "name": null, "visibility": null })] {
        ada.update_group(&group, unchanged).await.unwrap();
    }

    assert_eq!(ada.members(&group).await, before);
    ada.tell(&group, "As always").await;
    all_hear_message(&mut feeds, "As always").await;
}

async fn a_deleted_group_is_gone(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let [ada, grace, _] = &people;
    let sent = grace.tell(&group, "The last word").await;
    let mut feeds = feeds(&people).await;
    assert_eq!(ada.delete_group(&group).await.unwrap(), true);

    for (person, feed) in people.iter().zip(&mut feeds) {
        // Others may be told of first; one's own is the last of it.
        loop {
            let event = feed.next().await;
            assert_eq!(event["__typename"], "MembershipChanged", "{event:#}");
            assert_eq!(event["role"], Value::Null);
            assert_eq!(event["group"], json!({ "id": group, "name": "Walks" }));
            if event["user"]["id"] == person.id.as_str() {
                break;
            }
        }
        let found = person
            .data(
                "query ($group: ID!, $message: ID!) { conversation(id: $group) { id }
                    group: node(id: $group) { id } message: node(id: $message) { id }
                    viewer { conversations { nodes { id } } } }",
                json!({ "group": group, "message": sent["id"] }),
            )
            .await;
        let nothing = json!({
            "conversation": null, "group": null, "message": null,
            "viewer": { "conversations": { "nodes": [] } },
        });
        assert_eq!(found, nothing);
        for refused in [
            person.try_tell(&group, "Hello?").await,
            person.join_group(&group).await,
            person.leave_group(&group).await,
            person.add_members(&group, &[ada]).await,
            person.update_group(&group, json!({ "name": "Anew" })).await,
            person.delete_group(&group).await,
        ] {
            assert_eq!(code(refused), "NOT_FOUND");
        }
    }
    ada.send(grace, "It was nice").await;
    assert_eq!(feeds[1].message().await, "It was nice");
}
