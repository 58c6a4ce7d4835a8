//! Searching messages.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal, eventually},
};

stories! {
    messages_are_found_by_all_their_words,
    what_is_found_leads_to_where_it_was_said,
    pages_stay_as_they_are_while_more_is_said,
    only_what_the_viewer_may_read_is_found,
    what_a_message_says_now_counts,
    what_is_no_search_is_refused,
}

const SEARCH: &str = "query ($query: String!, $in: ID, $first: Int, $after: String) { viewer {
    searchMessages(query: $query, conversationId: $in, first: $first, after: $after) {
        nodes { id seq body sender { id username } conversation { id
            ... on DirectConversation { peer { username } } ... on Group { name } } }
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";

async fn search(client: &Client, variables: Value) -> Result<Value, Refusal> {
    let data = client.attempt(SEARCH, variables).await;
    data.map(|mut data| data["viewer"]["searchMessages"].take())
}

fn bodies(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["body"].as_str().unwrap().to_owned()).collect()
}

async fn found(client: &Client, query: &str) -> Vec<String> {
    bodies(&search(client, json!({ "query": query })).await.unwrap())
}

/// Waits until a message with these words can be found.
async fn indexed(client: &Client, query: &str) {
    eventually(query, || async { (!found(client, query).await.is_empty()).then_some(()) }).await;
}

async fn messages_are_found_by_all_their_words(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let texts = ["Who has the key? — É", "THE KEY is a Schlüssel", "键在桌子上 🔑", "カギはここ"];
    for text in texts {
        ada.send(&grace, text).await;
    }
    indexed(&grace, "カギ").await;
    for (query, expected) in [
        ("key", vec![texts[1], texts[0]]),
        ("the k", vec![texts[1], texts[0]]),
        ("e who", vec![texts[0]]),
        ("schlussel", vec![texts[1]]),
        ("a schl the", vec![texts[1]]),
        ("键", vec![texts[2]]),
        ("桌子", vec![texts[2]]),
        ("カギ", vec![texts[3]]),
        ("keyboard", vec![]),
        ("key 键", vec![]),
    ] {
        assert_eq!(found(&grace, query).await, expected, "{query}");
        assert_eq!(found(&ada, query).await, expected, "{query}");
    }
}

async fn what_is_found_leads_to_where_it_was_said(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = ada.found("Reading", "PRIVATE", &[&grace]).await;
    let sent = ada.send(&grace, "a needle").await;
    grace.tell(&group, "another needle").await;
    indexed(&grace, "another needle").await;
    let page = search(&grace, json!({ "query": "needle" })).await.unwrap();
    let nodes = &page["nodes"];
    assert_eq!(nodes[0]["conversation"], json!({ "id": group, "name": "Reading" }));
    assert_eq!(nodes[0]["sender"]["username"], grace.username.as_str());
    assert_eq!(nodes[1]["id"], sent["id"]);
    assert_eq!(nodes[1]["seq"], 1);
    assert_eq!(nodes[1]["conversation"]["id"], sent["conversation"]["id"]);
    assert_eq!(nodes[1]["conversation"]["peer"]["username"], ada.username.as_str());

    for (within, expected) in
        [(sent["conversation"]["id"].clone(), "a needle"), (json!(group), "another needle")]
    {
        let page = search(&grace, json!({ "query": "needle", "in": within })).await.unwrap();
        assert_eq!(bodies(&page), [expected]);
    }
}

async fn pages_stay_as_they_are_while_more_is_said(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    for turn in 0..7 {
        ada.send(&grace, &format!("word {turn}")).await;
    }
    indexed(&grace, "word 6").await;
    let (mut after, mut read) = (Value::Null, Vec::new());
    for turn in 0..3 {
        let page = search(&grace, json!({ "query": "word", "first": 3, "after": after })).await;
        let page = page.unwrap();
        assert_eq!(page["pageInfo"]["hasNextPage"], turn < 2);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], turn > 0);
        after = page["pageInfo"]["endCursor"].clone();
        read.extend(bodies(&page));
        ada.send(&grace, &format!("word, new{turn}")).await;
        indexed(&grace, &format!("new{turn}")).await;
    }
    let expected: Vec<String> = (0..7).rev().map(|turn| format!("word {turn}")).collect();
    assert_eq!(read, expected);
    assert_eq!(found(&grace, "word").await.len(), 10);
}

async fn only_what_the_viewer_may_read_is_found(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    alan.befriend(&ada).await;
    let group = ada.found("Ours", "PUBLIC", &[&grace]).await;
    ada.tell(&group, "secret before").await;
    ada.send(&grace, "secret between two").await;
    alan.join_group(&group).await.unwrap();
    ada.tell(&group, "secret after").await;
    indexed(&ada, "secret after").await;
    assert_eq!(found(&alan, "secret").await, ["secret after"]);
    assert_eq!(found(&grace, "secret").await.len(), 3);

    grace.leave_group(&group).await.unwrap();
    eventually("the group to be left", || async {
        (found(&grace, "secret").await == ["secret between two"]).then_some(())
    })
    .await;
    let refused = search(&grace, json!({ "query": "secret", "in": group })).await.unwrap_err();
    assert_eq!(refused.code, "NOT_FOUND");
    ada.delete_group(&group).await.unwrap();
    eventually("the group to be gone", || async {
        (found(&alan, "secret").await.is_empty()).then_some(())
    })
    .await;
}

async fn what_a_message_says_now_counts(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (edited, deleted) =
        (ada.send(&grace, "an early word").await, ada.send(&grace, "an early error").await);
    indexed(&grace, "early error").await;
    ada.edit(&edited["id"], "a late word").await.unwrap();
    ada.delete_message(&deleted["id"]).await.unwrap();
    assert!(found(&grace, "error").await.is_empty());
    indexed(&grace, "late").await;
    assert!(found(&grace, "early").await.is_empty());
    assert_eq!(found(&grace, "word").await, ["a late word"]);
}

async fn what_is_no_search_is_refused(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let sent = ada.send(&grace, "hello").await;
    let theirs = &sent["conversation"]["id"];
    for (variables, code, field) in [
        (json!({ "query": "" }), "BAD_USER_INPUT", Some("query")),
        (json!({ "query": " \n" }), "BAD_USER_INPUT", Some("query")),
        (json!({ "query": "?! … 🎉" }), "BAD_USER_INPUT", Some("query")),
        (json!({ "query": "x".repeat(201) }), "BAD_USER_INPUT", Some("query")),
        (
            json!({ "query": "a b c d e f g h i j k l m n o p q r s t u" }),
            "BAD_USER_INPUT",
            Some("query"),
        ),
        (json!({ "query": "x", "first": 0 }), "BAD_USER_INPUT", Some("first")),
        (json!({ "query": "x", "first": 101 }), "BAD_USER_INPUT", Some("first")),
        (json!({ "query": "x", "after": "nonsense" }), "BAD_USER_INPUT", Some("after")),
        (json!({ "query": "x", "in": "nonsense" }), "BAD_USER_INPUT", Some("conversationId")),
        (json!({ "query": "x", "in": alan.id }), "BAD_USER_INPUT", Some("conversationId")),
        (json!({ "query": "x", "in": theirs }), "NOT_FOUND", None),
    ] {
        let refused = search(&alan, variables.clone()).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, field), "{variables}");
    }
    let refused = search(&app.stranger(), json!({ "query": "hello" })).await.unwrap_err();
    assert_eq!(refused.code, "UNAUTHENTICATED");
    for odd in
        ["\" OR *", "+hello -x", "'; DROP TABLE messages; --", "NEAR(a b)", "words:x", "\u{0}x"]
    {
        assert!(found(&alan, odd).await.is_empty(), "{odd}");
    }
    assert_eq!(
        search(&alan, json!({ "query": "hello", "first": 100 })).await.unwrap()["nodes"],
        json!([])
    );
}
