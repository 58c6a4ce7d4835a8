//! Small requests that would cost much are refused before they do.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Feed, TestApp, within},
};

stories! {
    what_is_nested_too_deep_is_refused,
    fragments_that_double_are_refused,
    lists_in_lists_that_multiply_are_refused,
    what_a_client_needs_for_a_page_is_answered,
}

/// Fails unless the document is refused, over HTTP and on a socket, by a
/// server that lives on.
async fn is_refused(app: &TestApp, document: &str) {
    let stranger = app.stranger();
    let response = within("a refusal", stranger.response(document, json!({}))).await;
    let code = &response["errors"][0]["extensions"]["code"];
    let shown: String = document.chars().take(200).collect();
    assert_eq!(code, "BAD_USER_INPUT", "{shown}: {response:#}");

    let mut socket = Feed::connect(&stranger).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": document } })).await;
    assert_eq!(socket.refused().await, "BAD_USER_INPUT", "{shown}");
    assert_eq!(stranger.data("{ __typename }", Value::Null).await["__typename"], "Query");
}

async fn what_is_nested_too_deep_is_refused(app: &TestApp) {
    for levels in [100, 500, 830, 20_000] {
        let nested =
            |open: &str, close: &str| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        for value in [nested("[", "]"), nested("{a:", "}"), nested("[{a:", "}]")] {
            is_refused(app, &format!("{{ user(username: {value}) {{ id }} }}")).await;
            is_refused(
                app,
                &format!("query ($a: Int = {value}) {{ user(username: $a) {{ id }} }}"),
            )
            .await;
        }
        is_refused(app, &"{ viewer ".repeat(levels)).await;
    }
}

async fn fragments_that_double_are_refused(app: &TestApp) {
    for spread in ["...f#", "...f# __typename", "... { ...f# } ... { ...f# }"] {
        let fragments: String = (0..30)
            .map(|n| {
                let spread = spread.replace('#', &(n + 1).to_string());
                format!("fragment f{n} on Query {{ {spread} {spread} }} ")
            })
            .collect();
        let document = format!("{{ ...f0 }} {fragments} fragment f30 on Query {{ __typename }}");
        is_refused(app, &document).await;
        is_refused(app, &format!("query A {{ __typename }} query B {document}")).await;
    }
}

async fn lists_in_lists_that_multiply_are_refused(app: &TestApp) {
    let ada = app.person("ada").await;
    let repeated = |open: &str, times: usize| {
        let levels = open.matches('{').count() * times;
        format!("{} id {}", open.repeat(times), "}".repeat(levels))
    };
    let conversation = "on DirectConversation { messages(first: 100) { nodes { conversation { ... ";
    for selection in [
        format!(
            "viewer {{ friends(first: 100) {{ nodes {{ {} }} }} }}",
            repeated("mutualFriends(first: 100) { nodes { ", 2)
        ),
        format!(
            "viewer {{ friends {{ nodes {{ {} }} }} }}",
            repeated("mutualFriends { edges { node { ", 2)
        ),
        format!("user(username: \"ada\") {{ {} }}", repeated("path { ", 5)),
        format!(
            "user(username: \"ada\") {{ directConversation {{ ... {} on Node {{ id }} {} }} }}",
            conversation.repeat(2),
            "} } } }".repeat(2)
        ),
        format!(
            "nodes(ids: [{}]) {{ ... on User {{ {} }} }}",
            "\"user_00000000000000000000000000\" ".repeat(100),
            repeated("mutualFriends(first: 100) { nodes { ", 1)
        ),
    ] {
        let response = ada.response(&format!("{{ {selection} }}"), Value::Null).await;
        let code = &response["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{selection}: {response:#}");
        let message = response["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("20,000 fields"), "the limit is named: {message}");
    }
    // However the length is said.
    let query = |arguments: &str| {
        format!(
            "query {arguments} {{ viewer {{ friends(first: $n) {{ nodes {{
                mutualFriends(first: $n) {{ nodes {{ id username displayName }} }} }} }} }} }}"
        )
    };
    ada.data(&query("($n: Int)"), json!({ "n": 10 })).await;
    ada.data(&query("($n: Int = 10)"), json!({})).await;
    for (arguments, variables) in
        [("($n: Int)", json!({ "n": 100 })), ("($n: Int = 100)", json!({}))]
    {
        assert_eq!(ada.code(&query(arguments), variables).await, "BAD_USER_INPUT");
    }
}

async fn what_a_client_needs_for_a_page_is_answered(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "Hello").await;
    const PERSON: &str = "id username displayName avatarUrl friendship";
    for query in [
        format!(
            "{{ viewer {{ email sessions {{ id device current }} user {{ {PERSON} bio }}
            conversations {{ pageInfo {{ hasNextPage endCursor }} nodes {{ __typename id
                lastActivityAt lastMessage {{ id seq body sentAt sender {{ {PERSON} }} }}
                ... on DirectConversation {{ peer {{ {PERSON} lastChattedAt }} }} }} }} }} }}"
        ),
        format!(
            "{{ viewer {{ friends(first: 100) {{ totalCount pageInfo {{ hasNextPage endCursor }}
            edges {{ cursor since lastChattedAt node {{ {PERSON}
                mutualFriends(first: 3) {{ totalCount nodes {{ {PERSON} }} }} }} }} }} }} }}"
        ),
        format!(
            "{{ user(username: \"{}\") {{ {PERSON} distance path {{ {PERSON} }}
            mutualFriends {{ totalCount nodes {{ {PERSON} }} }}
            directConversation {{ messages(last: 100) {{ pageInfo {{ startCursor }}
                edges {{ cursor node {{ id seq body sentAt sender {{ {PERSON} }} }} }} }} }} }} }}",
            grace.username
        ),
    ] {
        ada.data(&query, Value::Null).await;
    }
}
