//! Two people talk.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{TestApp, eventually},
};

stories! {
    a_message_is_answered_and_arrives_live_at_all_devices_of_both,
    a_key_makes_sending_safe_to_repeat,
    history_is_paged_in_both_directions,
    a_feed_goes_on_from_its_cursor,
    last_chatted_follows_the_messages,
}

async fn a_message_is_answered_and_arrives_live_at_all_devices_of_both(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feeds = [ada.feed().await, grace.feed().await, grace.feed().await];

    let sent = ada.send(&grace, "Hello, Grace!").await;
    assert_eq!(sent["seq"], 1);
    assert_eq!(sent["sender"]["username"], ada.username.as_str());

    for feed in &mut feeds {
        let event = feed.next().await;
        assert_eq!(event["__typename"], "MessageSent");
        assert_eq!(event["message"]["id"], sent["id"]);
        assert_eq!(event["message"]["seq"], 1);
        assert_eq!(event["message"]["body"], "Hello, Grace!");
        assert_eq!(event["message"]["sender"]["id"], ada.id.as_str());
        assert_eq!(event["message"]["conversation"]["id"], sent["conversation"]["id"]);
    }

    let answer = grace
        .send_to(json!({ "conversationId": sent["conversation"]["id"] }), "Hello, Ada!", None)
        .await
        .unwrap();
    assert_eq!(answer["seq"], 2);
    for feed in &mut feeds {
        assert_eq!(feed.message().await, "Hello, Ada!");
    }
}

async fn a_key_makes_sending_safe_to_repeat(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let to = json!({ "username": grace.username });
    let send = |body, key| ada.send_to(to.clone(), body, Some(key));

    // At once, and later.
    let at_once = futures::future::join_all((0..8).map(|_| send("Only one of these", "k1"))).await;
    let first = at_once[0].as_ref().unwrap()["id"].clone();
    assert!(at_once.iter().all(|sent| sent.as_ref().unwrap()["id"] == first));
    assert_eq!(send("Only one of these", "k1").await.unwrap()["id"], first);

    let refused = send("Another text", "k1").await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("CONFLICT", Some("key")));
    // Keys are each sender's own, and compared to the letter.
    assert_eq!(
        grace.send_to(json!({ "userId": ada.id }), "Mine", Some("k1")).await.unwrap()["seq"],
        2
    );
    assert_eq!(send("Not the same key", "k1 ").await.unwrap()["seq"], 3);
}

async fn history_is_paged_in_both_directions(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    for n in 1..=7 {
        ada.send(&grace, &format!("message {n}")).await;
    }
    let page = async |arguments: &str| {
        let query = format!(
            "query ($name: String!) {{ user(username: $name) {{ directConversation {{
                messages({arguments}) {{ nodes {{ seq body }} edges {{ cursor }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }} }}"
        );
        let mut data = grace.data(&query, json!({ "name": ada.username })).await;
        data["user"]["directConversation"]["messages"].take()
    };
    let seqs = |page: &Value| -> Vec<i64> {
        page["nodes"].as_array().unwrap().iter().map(|node| node["seq"].as_i64().unwrap()).collect()
    };

    let newest = page("last: 3").await;
    assert_eq!(seqs(&newest), [5, 6, 7]);
    assert_eq!(newest["pageInfo"]["hasNextPage"], false);
    assert_eq!(newest["pageInfo"]["hasPreviousPage"], true);
    let before = newest["pageInfo"]["startCursor"].as_str().unwrap();
    let middle = page(&format!("last: 3, before: \"{before}\"")).await;
    assert_eq!(seqs(&middle), [2, 3, 4]);
    let before = middle["pageInfo"]["startCursor"].as_str().unwrap();
    let oldest = page(&format!("last: 3, before: \"{before}\"")).await;
    assert_eq!(seqs(&oldest), [1]);
    assert_eq!(oldest["pageInfo"]["hasPreviousPage"], false);

    let first = page("first: 4").await;
    assert_eq!(seqs(&first), [1, 2, 3, 4]);
    let after = first["pageInfo"]["endCursor"].as_str().unwrap();
    let rest = page(&format!("first: 4, after: \"{after}\"")).await;
    assert_eq!(seqs(&rest), [5, 6, 7]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
    assert_eq!(seqs(&page("last: 100").await), [1, 2, 3, 4, 5, 6, 7]);
}

async fn a_feed_goes_on_from_its_cursor(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "one").await;
    let cursor = feed.next().await["cursor"].as_str().unwrap().to_owned();
    drop(feed);

    ada.send(&grace, "two").await;
    ada.send(&alan, "not for grace").await;
    alan.send(&grace, "three").await;
    let mut feed = grace.feed_after(&cursor).await;
    assert_eq!(feed.message().await, "two");
    assert_eq!(feed.message().await, "three");
    ada.send(&grace, "four").await;
    assert_eq!(feed.message().await, "four");

    // Only one conversation.
    let sent = ada.send(&grace, "five").await;
    let variables = json!({ "after": cursor, "conversationId": sent["conversation"]["id"] });
    let mut feed = crate::support::Feed::open(&grace, variables).await;
    for expected in ["two", "four", "five"] {
        assert_eq!(feed.message().await, expected);
    }
    alan.send(&grace, "elsewhere").await;
    ada.send(&grace, "six").await;
    assert_eq!(feed.message().await, "six");
}

async fn last_chatted_follows_the_messages(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    ada.send(&grace, "first").await;
    let last = alan.send(&ada, "second").await;

    let query =
        "{ viewer { lastChatted { at conversation { id } with { ... on User { username } } } } }";
    let list = eventually("two LAST_CHATTED edges", || async {
        let data = ada.data(query, Value::Null).await;
        let list = data["viewer"]["lastChatted"].as_array().unwrap().clone();
        (list.len() == 2).then_some(list)
    })
    .await;
    assert_eq!(list[0]["with"]["username"], alan.username.as_str());
    assert_eq!(list[0]["at"], last["sentAt"]);
    assert_eq!(list[0]["conversation"]["id"], last["conversation"]["id"]);
    assert_eq!(list[1]["with"]["username"], grace.username.as_str());

    let data = ada
        .data(
            "query ($name: String!) { user(username: $name) { lastChattedAt } viewer { friends { edges { lastChattedAt node { username } } }
               conversations { nodes { id lastMessage { body } lastActivityAt } } } }",
            json!({ "name": alan.username }),
        )
        .await;
    assert_eq!(data["user"]["lastChattedAt"], last["sentAt"]);
    assert!(data["viewer"]["friends"]["edges"][0]["lastChattedAt"].is_string());
    let conversations = &data["viewer"]["conversations"]["nodes"];
    assert_eq!(conversations[0]["lastMessage"]["body"], "second");
    assert_eq!(conversations[1]["lastMessage"]["body"], "first");
}
