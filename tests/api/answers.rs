//! The form of an answer, as the GraphQL specification has it.

use serde_json::{Value, json};

use crate::{stories, support::TestApp};

stories! {
    fields_come_in_the_order_of_the_question,
    what_fails_is_null_where_it_may_be_and_its_neighbours_stay,
}

/// Specification of October 2021, section 7.2.2: the order is kept, however long each field took.
async fn fields_come_in_the_order_of_the_question(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "hello").await;
    let query = "{ viewer { lastChatted { at } conversations { pageInfo { endCursor hasNextPage } nodes { id } }
        user { username id } friends { totalCount nodes { distance username id } edges { cursor since } } email } }";
    let response = reqwest::Client::new()
        .post(app.url("/graphql"))
        .bearer_auth(ada.token.as_deref().unwrap())
        .json(&json!({ "query": query }))
        .send()
        .await
        .unwrap();
    let text = response.text().await.unwrap();
    let mut rest = text.as_str();
    for key in [
        "viewer",
        "lastChatted",
        "conversations",
        "pageInfo",
        "endCursor",
        "hasNextPage",
        "nodes",
        "user",
        "username",
        "id",
        "friends",
        "totalCount",
        "nodes",
        "distance",
        "username",
        "id",
        "edges",
        "cursor",
        "since",
        "email",
    ] {
        let (_, after) = rest
            .split_once(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("{key} is not where it was asked for: {text}"));
        rest = after;
    }
}

/// Section 6.4.4: an error stops at the next field that may be null.
async fn what_fails_is_null_where_it_may_be_and_its_neighbours_stay(app: &TestApp) {
    let ada = app.person("ada").await;
    let query = "query ($name: String!) { user(username: $name) { username distance(max: 99) id } viewer { email } }";
    let response = ada.response(query, json!({ "name": ada.username })).await;
    assert_eq!(response["errors"][0]["extensions"]["field"], "max");
    assert_eq!(response["errors"][0]["path"], json!(["user", "distance"]));
    let user = response["data"]["user"].as_object().unwrap();
    assert_eq!(user["distance"], Value::Null);
    assert!(user.contains_key("distance"));
    assert_eq!(user["username"], ada.username.as_str());
    assert_eq!(response["data"]["viewer"]["email"], app.email("ada").as_str());

    // Nothing on the way up may be null: the whole answer is.
    let query = "query ($name: String!) { viewer { email friends(first: 0) { totalCount } } user(username: $name) { id } }";
    let response = ada.response(query, json!({ "name": ada.username })).await;
    assert_eq!(response["data"], Value::Null);
    assert_eq!(response["errors"][0]["path"], json!(["viewer", "friends"]));
}
