//! What several do at once comes to something that one after the other could
//! have come to.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal},
};

stories! {
    a_request_that_is_accepted_twice_makes_friends_once,
    a_block_beats_what_is_accepted_meanwhile,
    who_block_each_other_hear_last_that_they_do,
    a_request_is_accepted_or_withdrawn,
    somebody_who_is_added_twice_joins_once,
    a_group_keeps_an_owner_whoever_goes,
    changes_of_a_group_at_once_are_all_made,
    a_group_is_deleted_or_joined,
}

fn codes<T>(outcomes: impl IntoIterator<Item = Result<T, Refusal>>) -> Vec<String> {
    let code =
        |outcome: Result<T, Refusal>| outcome.map_or_else(|refusal| refusal.code, |_| "OK".into());
    let mut codes: Vec<String> = outcomes.into_iter().map(code).collect();
    codes.sort();
    codes
}

/// The owners of a group.
async fn owners(by: &Client, group: &str) -> usize {
    by.members(group).await.iter().filter(|(_, role)| role == "OWNER").count()
}

async fn a_request_that_is_accepted_twice_makes_friends_once(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let phone = app.device("grace", "phone").await;
    ada.act("sendFriendRequest", &grace).await.unwrap();
    let mut feed = ada.feed().await;
    let outcomes =
        join_all([&grace, &phone, &grace].map(|device| device.act("acceptFriendRequest", &ada)))
            .await;
    assert_eq!(codes(outcomes), ["CONFLICT", "CONFLICT", "OK"]);
    assert_eq!(feed.friendship().await.1, "FRIENDS");
    grace.send(&ada, "Once").await;
    assert_eq!(feed.message().await, "Once");
    let query = "{ viewer { friends { totalCount } } }";
    for client in [&ada, &grace] {
        let data = client.data(query, Value::Null).await;
        assert_eq!(data["viewer"]["friends"]["totalCount"], 1);
    }
}

async fn a_block_beats_what_is_accepted_meanwhile(app: &TestApp) {
    for turn in 0..4 {
        let names = ["ada", "grace"].map(|name| format!("{name}{turn}"));
        let (ada, grace) = tokio::join!(app.person(&names[0]), app.person(&names[1]));
        ada.act("sendFriendRequest", &grace).await.unwrap();
        let (blocked, accepted) =
            tokio::join!(ada.act("blockUser", &grace), grace.act("acceptFriendRequest", &ada));
        assert_eq!(blocked.unwrap(), "BLOCKED");
        // Before the block it was a friendship, after it there is no request.
        let accepted = codes([accepted]);
        assert!(["OK", "NOT_FOUND", "FORBIDDEN"].contains(&accepted[0].as_str()), "{accepted:?}");
        assert_eq!(ada.friendship(&grace).await, "BLOCKED");
        assert_eq!(grace.friendship(&ada).await, "NONE");
        for (from, to) in [(&ada, &grace), (&grace, &ada)] {
            let refused = from.send_to(json!({ "userId": to.id }), "Hello?", None).await;
            assert_eq!(codes([refused]), ["FORBIDDEN"]);
        }
    }
}

async fn who_block_each_other_hear_last_that_they_do(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feeds = [ada.feed().await, grace.feed().await];
    let walks = ada.found("Walks", "PRIVATE", &[&grace]).await;
    for turn in 0..6 {
        let (one, other) = tokio::join!(ada.act("blockUser", &grace), grace.act("blockUser", &ada));
        assert_eq!(codes([one, other]), ["OK"; 2]);
        let mark = format!("blocked {turn}");
        ada.tell(&walks, &mark).await;
        for feed in &mut feeds {
            let mut told = feed.until_message(&mark).await;
            told.retain(|event| event["__typename"] == "FriendshipChanged");
            assert_eq!(told.last().unwrap()["user"]["friendship"], "BLOCKED", "{told:#?}");
        }
        for (by, of) in [(&ada, &grace), (&grace, &ada)] {
            by.act("unblockUser", of).await.unwrap();
        }
        ada.befriend(&grace).await;
    }
}

async fn a_request_is_accepted_or_withdrawn(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    for _ in 0..6 {
        ada.act("sendFriendRequest", &grace).await.unwrap();
        let (withdrawn, accepted) = tokio::join!(
            ada.act("cancelFriendRequest", &grace),
            grace.act("acceptFriendRequest", &ada)
        );
        let expected = if accepted.is_ok() { "FRIENDS" } else { "NONE" };
        assert_eq!(codes([withdrawn, accepted]), ["NOT_FOUND", "OK"]);
        assert_eq!(ada.friendship(&grace).await, expected);
        assert_eq!(grace.friendship(&ada).await, expected);
        if expected == "FRIENDS" {
            ada.act("removeFriend", &grace).await.unwrap();
        }
    }
}

async fn somebody_who_is_added_twice_joins_once(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    ada.set_role(&group, &grace, "ADMIN").await.unwrap();
    let mut feeds = [ada.feed().await, alan.feed().await];
    let (alone, both) = ([&alan], [&alan, &grace]);
    let (one, other, by_self, again) = tokio::join!(
        ada.add_members(&group, &alone),
        grace.add_members(&group, &alone),
        alan.join_group(&group),
        ada.add_members(&group, &both)
    );
    assert_eq!(codes([one, other, by_self, again]), ["OK"; 4]);
    assert_eq!(ada.group(&group).await["memberCount"], 3);
    ada.tell(&group, "Welcome").await;
    for feed in &mut feeds {
        feed.hears_role(&group, &alan, Some("MEMBER")).await;
        assert_eq!(feed.message().await, "Welcome");
    }
}

async fn a_group_keeps_an_owner_whoever_goes(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let alan = app.person("alan").await;
    for _ in 0..4 {
        // Two owners leave: one has to stay.
        let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
        ada.set_role(&group, &grace, "OWNER").await.unwrap();
        let (one, other) = tokio::join!(ada.leave_group(&group), grace.leave_group(&group));
        assert_eq!(codes([one, other]), ["FORBIDDEN", "OK"]);
        assert_eq!(owners(&alan, &group).await, 1);

        // Each takes the other's role.
        let group = ada.found("Runs", "PRIVATE", &[&grace, &alan]).await;
        ada.set_role(&group, &grace, "OWNER").await.unwrap();
        let (one, other) = tokio::join!(
            ada.set_role(&group, &grace, "MEMBER"),
            grace.set_role(&group, &ada, "MEMBER")
        );
        assert_eq!(codes([one, other]), ["FORBIDDEN", "OK"]);
        assert_eq!(owners(&alan, &group).await, 1);

        // The last owner leaves while another is appointed.
        let group = ada.found("Swims", "PRIVATE", &[&grace, &alan]).await;
        let phone = ada.clone();
        let (appointed, left) =
            tokio::join!(phone.set_role(&group, &grace, "OWNER"), ada.leave_group(&group));
        appointed.unwrap();
        let left = codes([left]);
        let expected = if left == ["OK"] { 1 } else { 2 };
        assert_eq!(owners(&alan, &group).await, expected, "{left:?}");
    }
}

async fn changes_of_a_group_at_once_are_all_made(app: &TestApp) {
    let ada = app.person("ada").await;
    let crowd = app.crowd("c", 8).await;
    let group = ada.found("Walks", "PUBLIC", &[&crowd[0]]).await;
    let mut feed = ada.feed().await;
    let adding = crowd[1..]
        .iter()
        .map(|person| async { ada.add_members(&group, &[person]).await.map(drop) });
    let naming = async { ada.update_group(&group, json!({ "name": "Runs" })).await.map(drop) };
    let removing = async { ada.remove_member(&group, &crowd[0]).await.map(drop) };
    let (added, named, removed) = tokio::join!(join_all(adding), naming, removing);
    assert_eq!(codes(added), ["OK"; 7]);
    assert_eq!(codes([named, removed]), ["OK"; 2]);
    let group_now = ada.group(&group).await;
    assert_eq!((&group_now["name"], &group_now["memberCount"]), (&json!("Runs"), &json!(8)));
    ada.tell(&group, "All of you?").await;
    let mut told: Vec<String> = feed
        .until_message("All of you?")
        .await
        .iter()
        .map(|event| match event["__typename"].as_str() {
            Some("GroupChanged") => "named".to_owned(),
            _ => format!("{} {}", event["user"]["username"], event["role"]),
        })
        .collect();
    told.sort();
    let mut expected: Vec<String> =
        crowd[1..].iter().map(|one| format!("\"{}\" \"MEMBER\"", one.username)).collect();
    expected.extend([format!("\"{}\" null", crowd[0].username), "named".to_owned()]);
    expected.sort();
    assert_eq!(told, expected, "each is told once");
}

async fn a_group_is_deleted_or_joined(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    for _ in 0..4 {
        let group = ada.found("Walks", "PUBLIC", &[]).await;
        let (deleted, joined, told) = tokio::join!(
            ada.delete_group(&group),
            grace.join_group(&group),
            ada.try_tell(&group, "Hello")
        );
        assert_eq!(deleted.unwrap(), true);
        for outcome in [codes([joined]), codes([told])] {
            assert!(outcome == ["OK"] || outcome == ["NOT_FOUND"], "{outcome:?}");
        }
        for person in [&ada, &grace] {
            assert_eq!(person.group(&group).await, Value::Null);
            assert_eq!(codes([person.try_tell(&group, "Hello?").await]), ["NOT_FOUND"]);
            let data =
                person.data("{ viewer { conversations { nodes { id } } } }", Value::Null).await;
            assert_eq!(data["viewer"]["conversations"]["nodes"], json!([]));
        }
    }
}
