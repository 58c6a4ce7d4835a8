//! What one request asks for at once, what a delivery costs, and what a burst.

use futures::future::join_all;
use serde_json::json;

use crate::{
    audits,
    counting::{PEOPLE, certain, made_by, projected},
    support::TestApp,
};

audits! {
    a_list_costs_the_same_however_long_it_is,
    a_person_is_read_once,
    a_delivery_reads_no_store,
    sending_costs_the_same_for_many_as_for_one,
}

const EVERYTHING: &str = "query ($first: Int!) { viewer {
    user { displayName }
    friends(first: $first) { totalCount edges { since lastChattedAt } nodes {
        id username displayName friendship lastChattedAt distance
        path { username }
        mutualFriends(first: 3) { totalCount nodes { username } }
        directConversation { id lastMessage { body sender { username } }
            messages(last: 3) { nodes { seq body sender { username } } } } } }
    conversations(first: $first) { nodes { id lastMessage { body sender { username friendship } }
        ... on DirectConversation { peer { username } } } }
    lastChatted(first: $first) { at conversation { id } with { ... on User { username } } } } }";

async fn a_list_costs_the_same_however_long_it_is(app: &TestApp) {
    let ada = app.person("ada").await;
    let names: Vec<String> = (0..12).map(|number| format!("friend{number}")).collect();
    let friends = join_all(names.iter().map(|name| app.person(name))).await;
    for friend in &friends {
        ada.befriend(friend).await;
        ada.send(friend, "hello").await;
    }
    projected(&ada, friends.len()).await;

    let ask = async |first: i32| {
        let (data, made) = made_by(app, ada.data(EVERYTHING, json!({ "first": first }))).await;
        let nodes = data["viewer"]["friends"]["nodes"].as_array().unwrap().len();
        assert_eq!(nodes, usize::try_from(first).unwrap());
        made
    };
    let (two, twelve) = (ask(2).await, ask(12).await);
    assert!(certain(&two).eq(certain(&twelve)), "{two:#?} {twelve:#?}");
    // Twice where one part of the answer knows its keys later than another.
    assert!(twelve.values().all(|count| *count <= 2), "{twelve:#?}");
    assert!(twelve.values().sum::<u64>() <= 18, "{twelve:#?}");
}

async fn a_person_is_read_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let query = "query ($id: ID!) { node(id: $id) { ... on User { displayName distance } } }";
    let ask = async || {
        let (data, made) = made_by(app, ada.data(query, json!({ "id": grace.id }))).await;
        let name = data["node"]["displayName"].as_str().unwrap().to_owned();
        (name, made.contains_key(PEOPLE))
    };
    ask().await;
    assert_eq!(ask().await, ("grace".to_owned(), false));
    grace.change_profile(json!({ "displayName": "Grace Hopper" })).await;
    assert_eq!(ask().await, ("Grace Hopper".to_owned(), true));
    assert_eq!(ask().await, ("Grace Hopper".to_owned(), false));
}

async fn a_delivery_reads_no_store(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "first").await;
    let mut feeds = Vec::new();
    for _ in 0..10 {
        feeds.push(grace.feed().await);
    }
    projected(&ada, 1).await;

    let ((), made) = made_by(app, async {
        ada.send(&grace, "second").await;
        for feed in &mut feeds {
            assert_eq!(feed.message().await, "second");
        }
    })
    .await;
    for (statement, count) in &made {
        let writes = [
            "head.advance",
            "conversations.last_seq",
            "messages.insert",
            "log.insert_messages",
            "conversations.advance",
            "memberships.sent",
        ];
        // The answer to the sender names the conversation.
        let known = writes.contains(&&**statement) || statement == "conversations.by_id";
        assert!(known && *count == 1, "{statement} ran {count} times: {made:#?}");
    }
}

async fn sending_costs_the_same_for_many_as_for_one(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "first").await;
    let (_, made) = made_by(app, async {
        let to = json!({ "userId": grace.id });
        let sends = (0..64).map(|turn| {
            let (ada, to) = (ada.clone(), to.clone());
            async move { ada.send_to(to, &format!("{turn}"), None).await.unwrap() }
        });
        join_all(sends).await
    })
    .await;
    let commits = made["head.advance"];
    assert!(commits <= 32, "64 messages sent at once took {commits} commits: {made:#?}");
    // Two for the one batch or two that may have more than 32.
    let inserts = made["messages.insert"];
    assert!((commits..=commits + 2).contains(&inserts), "{made:#?}");
}
