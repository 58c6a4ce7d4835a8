//! A change costs the same number of statements whatever it is made to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    audits,
    counting::made_by,
    support::{Client, TestApp, eventually},
};

audits! {
    a_change_of_a_group_costs_the_same_whatever_its_size,
    a_message_to_a_group_reads_no_store_on_its_way,
    what_one_does_alone_costs_little,
}

type Made = BTreeMap<String, u64>;

/// Waits until the group is among the client's last chats.
async fn projected(client: &Client, group: &str) {
    eventually("the group's last chat", || async {
        let query = "{ viewer { lastChatted { conversation { id } } } }";
        let data = client.data(query, Value::Null).await;
        (data["viewer"]["lastChatted"][0]["conversation"]["id"] == group).then_some(())
    })
    .await;
}

/// What each change of a group costs that begins with so many members.
async fn life_of_a_group(
    app: &TestApp,
    by: &Client,
    people: &[Client],
) -> Vec<(&'static str, Made)> {
    let members: Vec<&Client> = people.iter().collect();
    let (few, more) = members.split_at(members.len() / 2);
    let (group, created) = made_by(app, by.found("Walks", "PUBLIC", few)).await;
    let mut costs = vec![("create", created)];
    by.tell(&group, "Hello").await;
    projected(by, &group).await;
    macro_rules! cost {
        ($what:literal, $change:expr) => {
            costs.push(($what, made_by(app, $change).await.1));
        };
    }
    cost!("add", by.add_members(&group, more));
    cost!("add again", by.add_members(&group, more));
    cost!("appoint", by.set_role(&group, members[0], "ADMIN"));
    cost!("update", by.update_group(&group, json!({ "name": "Runs" })));
    cost!("remove", by.remove_member(&group, members[0]));
    cost!("write", by.tell(&group, "Faster"));
    projected(by, &group).await;
    cost!("delete", by.delete_group(&group));
    costs
}

async fn a_change_of_a_group_costs_the_same_whatever_its_size(app: &TestApp) {
    let ada = app.person("ada").await;
    let people = app.crowd("member", 24).await;
    // What is known by heart from then on.
    life_of_a_group(app, &ada, &people[..6]).await;
    let few = life_of_a_group(app, &ada, &people[..6]).await;
    let many = life_of_a_group(app, &ada, &people).await;
    assert_eq!(few, many);
    for (what, made) in many {
        let sum = made.values().sum::<u64>();
        let most = MOST.iter().find(|(known, _)| *known == what).unwrap().1;
        assert!(sum <= most, "{what} took {sum}: {made:#?}");
    }
}

/// What a change of a group costs at most, with the answer that shows it.
const MOST: [(&str, u64); 8] = [
    ("create", 26),
    ("add", 23),
    ("add again", 3),
    ("appoint", 19),
    ("update", 18),
    ("remove", 19),
    ("write", 7),
    ("delete", 14),
];

async fn a_message_to_a_group_reads_no_store_on_its_way(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
    ada.tell(&group, "first").await;
    projected(&grace, &group).await;
    let mut feeds = Vec::new();
    for listener in [&ada, &grace, &alan, &grace, &alan, &grace] {
        feeds.push(listener.feed().await);
    }
    let ((), made) = made_by(app, async {
        ada.tell(&group, "second").await;
        for feed in &mut feeds {
            let event = feed.next().await;
            let message = &event["message"];
            assert_eq!(message["body"], "second");
            assert_eq!(message["sender"]["displayName"], "ada");
            assert_eq!(message["conversation"], json!({ "id": group, "name": "Walks" }));
        }
    })
    .await;
    assert!(made.keys().eq(&WRITES), "{made:#?}");
    assert!(made.values().all(|count| *count == 1), "{made:#?}");
}

/// What writes a message down, in the order of the alphabet.
const WRITES: [&str; 6] = [
    "conversations.advance",
    "conversations.last_seq",
    "head.advance",
    "log.insert_messages",
    "memberships.sent",
    "messages.insert",
];

async fn what_one_does_alone_costs_little(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let crowd = app.crowd("c", 12).await;
    app.acquaint(crowd.iter().map(|other| (&ada, other))).await;
    app.acquaint(crowd.iter().map(|other| (&grace, other))).await;
    macro_rules! cost {
        ($most:literal, $change:expr) => {
            let (_, made) = made_by(app, $change).await;
            let sum = made.values().sum::<u64>();
            assert!(sum <= $most, "{} took {sum}: {made:#?}", stringify!($change));
        };
    }
    cost!(1, ada.data("{ viewer { settings { messagesFrom } } }", Value::Null));
    cost!(9, ada.change_settings(json!({ "messagesFrom": "FRIENDS_OF_FRIENDS" })));
    cost!(10, ada.change_profile(json!({ "bio": "Notes." })));
    cost!(15, ada.act("sendFriendRequest", &grace));
    let accept = "mutation ($id: ID!) { acceptFriendRequest(userId: $id) { friendship
        mutualFriends(first: 100) { totalCount nodes { username } } } }";
    cost!(17, grace.data(accept, json!({ "id": ada.id })));
    cost!(12, ada.act("removeFriend", &grace));
    let path = "query ($name: String!) { user(username: $name) { friendship distance
        path { username } lastChattedAt directConversation { id } } }";
    cost!(11, ada.data(path, json!({ "name": grace.username })));
}
