//! Somebody blocks somebody, who is not to notice.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp},
};

stories! {
    a_block_looks_like_nothing_to_the_blocked_one,
    neither_side_asks_or_writes_across_a_block,
    a_block_ends_friendship_and_requests,
    unblocking_leaves_nothing_between_them,
    a_block_holds_at_once_whatever_was_remembered,
    two_may_block_each_other,
    the_blocked_are_listed_for_the_blocker_only,
}

/// Whom the client has blocked, newest first.
async fn blocked(client: &Client) -> Vec<String> {
    let query = "{ viewer { blocked { totalCount nodes { username friendship } } } }";
    let data = client.data(query, Value::Null).await;
    let list = &data["viewer"]["blocked"];
    let nodes = list["nodes"].as_array().unwrap();
    assert_eq!(list["totalCount"], nodes.len());
    assert!(nodes.iter().all(|node| node["friendship"] == "BLOCKED"));
    nodes.iter().map(|node| node["username"].as_str().unwrap().to_owned()).collect()
}

async fn a_block_looks_like_nothing_to_the_blocked_one(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let query = "query ($name: String!) { user(username: $name) {
        id username displayName friendship distance path { id } mutualFriends { totalCount }
        directConversation { id peer { username } } } }";
    let seen = || grace.data(query, json!({ "name": ada.username }));
    let before = seen().await;
    let mut feeds = [ada.feed().await, grace.feed().await];

    assert_eq!(ada.act("blockUser", &grace).await.unwrap(), "BLOCKED");
    assert_eq!(ada.friendship(&grace).await, "BLOCKED");
    assert_eq!(seen().await, before, "whom one is blocked by looks as always");
    assert_eq!(before["user"]["friendship"], "NONE");
    let node = grace.data("query ($id: ID!) { node(id: $id) { id } }", json!({ "id": ada.id }));
    assert_eq!(node.await["node"]["id"], ada.id.as_str());
    assert!(blocked(&grace).await.is_empty());

    // Nothing that grace could see has changed, so that she hears of nothing.
    alan.send(&grace, "from alan").await;
    alan.send(&ada, "from alan").await;
    assert_eq!(feeds[1].message().await, "from alan");
    assert_eq!(feeds[0].friendship().await, (grace.username.clone(), "BLOCKED".to_owned()));
    assert_eq!(feeds[0].message().await, "from alan");
}

async fn neither_side_asks_or_writes_across_a_block(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let sent = grace.send(&ada, "before").await;
    let mut feed = ada.feed().await;
    ada.act("blockUser", &grace).await.unwrap();
    assert_eq!(feed.friendship().await.1, "BLOCKED");

    let mut asked = Vec::new();
    let mut written = Vec::new();
    for (from, to) in [(&ada, &grace), (&grace, &ada)] {
        asked.push(from.act("sendFriendRequest", to).await.unwrap_err());
        for target in [
            json!({ "userId": to.id }),
            json!({ "username": to.username }),
            json!({ "conversationId": sent["conversation"]["id"] }),
        ] {
            written.push(from.send_to(target, "across", None).await.unwrap_err());
        }
        let gone = from.act("acceptFriendRequest", to).await.unwrap_err();
        assert_eq!(gone.code, "NOT_FOUND");
    }
    for refused in [&asked, &written] {
        assert_eq!(refused[0].code, "FORBIDDEN");
        // Who blocked whom can't be told from the refusal.
        assert!(refused.iter().all(|one| one == &refused[0]), "{refused:#?}");
    }
    assert_eq!(ada.friendship(&grace).await, "BLOCKED");
    assert_eq!(grace.friendship(&ada).await, "NONE");

    // What was said stays readable, and nothing was added.
    for client in [&ada, &grace] {
        let data = client
            .data(
                "query ($id: ID!) { conversation(id: $id) { messages { nodes { body } } } }",
                json!({ "id": sent["conversation"]["id"] }),
            )
            .await;
        assert_eq!(data["conversation"]["messages"]["nodes"], json!([{ "body": "before" }]));
    }
    let alan = app.person("alan").await;
    alan.send(&ada, "not blocked").await;
    assert_eq!(feed.message().await, "not blocked");
}

async fn a_block_ends_friendship_and_requests(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
    ada.act("sendFriendRequest", &alan).await.unwrap();
    emmy.act("sendFriendRequest", &ada).await.unwrap();
    let mut feeds = [grace.feed().await, alan.feed().await, emmy.feed().await];

    for (other, feed) in [&grace, &alan, &emmy].into_iter().zip(&mut feeds) {
        assert_eq!(ada.act("blockUser", other).await.unwrap(), "BLOCKED");
        // They see the friendship or the request end, and not why.
        assert_eq!(feed.friendship().await, (ada.username.clone(), "NONE".to_owned()));
        assert_eq!(other.friendship(&ada).await, "NONE");
        assert_eq!(other.act("cancelFriendRequest", &ada).await.unwrap_err().code, "NOT_FOUND");
    }
    let query = "{ viewer { friends { totalCount }
        sent: friendRequests(direction: OUTGOING) { totalCount }
        received: friendRequests { totalCount } } }";
    for client in [&ada, &grace, &alan, &emmy] {
        let none = json!({ "totalCount": 0 });
        let data = client.data(query, Value::Null).await;
        assert_eq!(data["viewer"], json!({ "friends": none, "sent": none, "received": none }));
    }
    // Newest first.
    assert_eq!(blocked(&ada).await, [&emmy, &alan, &grace].map(|other| other.username.clone()));
}

async fn unblocking_leaves_nothing_between_them(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    // What does not change is no event and no error.
    assert_eq!(ada.act("unblockUser", &grace).await.unwrap(), "FRIENDS");
    let mut feeds = [ada.feed().await, grace.feed().await];
    for _ in 0..3 {
        assert_eq!(ada.act("blockUser", &grace).await.unwrap(), "BLOCKED");
    }
    for _ in 0..3 {
        assert_eq!(ada.act("unblockUser", &grace).await.unwrap(), "NONE");
    }
    assert_eq!(grace.friendship(&ada).await, "NONE", "the friendship does not come back");
    assert!(blocked(&ada).await.is_empty());

    grace.send(&ada, "Hello again").await;
    let told = [&["BLOCKED", "NONE"][..], &["NONE"][..]];
    for (feed, told) in feeds.iter_mut().zip(told) {
        for expected in told {
            assert_eq!(feed.friendship().await.1, *expected);
        }
        assert_eq!(feed.message().await, "Hello again");
    }
    ada.befriend(&grace).await;
}

async fn a_block_holds_at_once_whatever_was_remembered(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    for round in 0..5 {
        let sent = ada.send(&grace, &format!("round {round}")).await;
        let conversation = json!({ "conversationId": sent["conversation"]["id"] });
        grace.act("blockUser", &ada).await.unwrap();
        for (from, to) in [(&ada, json!({ "userId": grace.id })), (&grace, conversation)] {
            let refused = from.send_to(to, "too late", None).await.unwrap_err();
            assert_eq!(refused.code, "FORBIDDEN");
        }
        grace.act("unblockUser", &ada).await.unwrap();
    }
    assert_eq!(ada.send(&grace, "last").await["seq"], 6, "what was refused takes no place");
}

async fn two_may_block_each_other(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.act("blockUser", &grace).await.unwrap();
    assert_eq!(grace.act("blockUser", &ada).await.unwrap(), "BLOCKED");
    ada.act("unblockUser", &grace).await.unwrap();
    assert_eq!(ada.friendship(&grace).await, "NONE");
    assert_eq!(grace.friendship(&ada).await, "BLOCKED");
    let refused = ada.send_to(json!({ "userId": grace.id }), "Hello?", None).await.unwrap_err();
    assert_eq!(refused.code, "FORBIDDEN", "the other block still stands");
    grace.act("unblockUser", &ada).await.unwrap();
    ada.send(&grace, "Peace").await;
}

async fn the_blocked_are_listed_for_the_blocker_only(app: &TestApp) {
    let ada = app.person("ada").await;
    let mut expected = Vec::new();
    for n in 0..5 {
        let other = app.person(&format!("p{n}")).await;
        ada.act("blockUser", &other).await.unwrap();
        assert!(blocked(&other).await.is_empty());
        expected.insert(0, other.username);
    }
    assert_eq!(blocked(&ada).await, expected);
    let mut found = Vec::new();
    let mut after = Value::Null;
    for left in [3, 1, 0] {
        let data = ada
            .data(
                "query ($after: String) { viewer { blocked(first: 2, after: $after) {
                    totalCount nodes { username } pageInfo { hasNextPage endCursor } } } }",
                json!({ "after": after }),
            )
            .await;
        let page = &data["viewer"]["blocked"];
        assert_eq!(page["totalCount"], 5);
        assert_eq!(page["pageInfo"]["hasNextPage"], left > 0);
        let nodes = page["nodes"].as_array().unwrap();
        found.extend(nodes.iter().map(|node| node["username"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(found, expected);
}
