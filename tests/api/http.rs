//! What is served beside the operations, and who may run which.

use serde_json::{Value, json};

use crate::{
    introspection::{Schema, is_needed, text},
    stories,
    support::{Client, TestApp},
};

stories! {
    without_a_token_only_public_operations_run,
    machines_find_what_they_look_for,
    changes_in_one_request_run_one_after_another,
}

/// The operations that need nobody to be signed in.
const PUBLIC: [&str; 7] = [
    "register",
    "verifyEmail",
    "resendVerification",
    "signIn",
    "refreshSession",
    "requestPasswordReset",
    "resetPassword",
];

/// Some value of this type, as GraphQL writes it.
fn sample(schema: &Schema, kind: &Value) -> String {
    match (text(&kind["kind"]), kind["name"].as_str().unwrap_or_default()) {
        ("NON_NULL", _) => sample(schema, &kind["ofType"]),
        ("LIST", _) => format!("[{}]", sample(schema, &kind["ofType"])),
        ("ENUM", name) => schema.first_value(name).to_owned(),
        ("INPUT_OBJECT", name) => {
            let fields = schema.input_fields(name);
            let needed = fields.iter().filter(|field| is_needed(field));
            let mut given: Vec<String> = needed.map(|field| argument(schema, field)).collect();
            if given.is_empty() {
                given.extend(fields.first().map(|field| argument(schema, field)));
            }
            format!("{{{}}}", given.join(", "))
        }
        (_, "Boolean") => "true".to_owned(),
        (_, "Int") => "1".to_owned(),
        _ => "\"sample\"".to_owned(),
    }
}

fn argument(schema: &Schema, argument: &Value) -> String {
    format!("{}: {}", text(&argument["name"]), sample(schema, &argument["type"]))
}

/// An operation that selects this field, with whatever arguments it needs.
fn operation(schema: &Schema, keyword: &str, field: &Value) -> String {
    let arguments = field["args"].as_array().unwrap().iter();
    let needed: Vec<String> =
        arguments.filter(|given| is_needed(given)).map(|given| argument(schema, given)).collect();
    let needed = if needed.is_empty() { String::new() } else { format!("({})", needed.join(", ")) };
    let selection = schema.selection(&field["type"]);
    format!("{keyword} {{ {}{needed} {selection} }}", text(&field["name"]))
}

async fn without_a_token_only_public_operations_run(app: &TestApp) {
    let stranger = app.stranger();
    let schema = Schema::of(&stranger).await;
    let with_a_bad_token = Client::new(app.address, Some("sample".to_owned()));
    let mut public = Vec::new();
    for (keyword, kind) in [("query", "Query"), ("mutation", "Mutation")] {
        for field in schema.fields(kind) {
            let operation = operation(&schema, keyword, field);
            let name = text(&field["name"]);
            for client in [&stranger, &with_a_bad_token] {
                let outcome = client.attempt(&operation, Value::Null).await;
                if PUBLIC.contains(&name) {
                    let code = outcome.map_or_else(|refused| refused.code, |_| "OK".to_owned());
                    // Only its own token is what this one is about.
                    let refused = name != "refreshSession" && code == "UNAUTHENTICATED";
                    assert!(!refused && code != "INTERNAL", "{operation}: {code}");
                    public.push(name);
                } else {
                    let refused = outcome.expect_err(&operation);
                    assert_eq!(refused.code, "UNAUTHENTICATED", "{operation}: {refused:?}");
                }
            }
        }
    }
    public.dedup();
    public.sort_unstable();
    let mut expected = PUBLIC;
    expected.sort_unstable();
    assert_eq!(public, expected);
}

async fn machines_find_what_they_look_for(app: &TestApp) {
    let get = async |path: &str| {
        let response = reqwest::get(app.url(path)).await.unwrap();
        let trace = response.headers()["x-trace-id"].to_str().unwrap().to_owned();
        assert_eq!(trace.len(), 32);
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("/health/live").await.0, 200);
    let (status, ready) = get("/health/ready").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(status, 200, "{ready:#}");
    let parts = ready["parts"].as_array().unwrap();
    for name in ["sql", "graph", "bus", "mail"] {
        let part = parts.iter().find(|part| part["name"] == name).unwrap();
        assert_eq!(part["ok"], true, "{ready:#}");
        assert!(!part["version"].as_str().unwrap().is_empty(), "{ready:#}");
    }
    let sdl = get("/schema.graphql").await.1;
    assert_eq!(sdl, include_str!("../../schema.graphql"));
    assert!(get("/metrics").await.1.contains("chatterbox_http_requests_total"));
    assert_eq!(get("/no/such/page").await.0, 404);
}

async fn changes_in_one_request_run_one_after_another(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let data = ada
        .data(
            "mutation ($id: ID!, $to: MessageTarget!) {
                ask: sendFriendRequest(userId: $id) { friendship }
                hello: sendMessage(input: { to: $to, body: \"Hello\" }) { seq }
                block: blockUser(userId: $id) { friendship }
                unblock: unblockUser(userId: $id) { friendship }
                again: sendMessage(input: { to: $to, body: \"Sorry\" }) { seq } }",
            json!({ "id": grace.id, "to": { "userId": grace.id } }),
        )
        .await;
    assert_eq!(
        data,
        json!({
            "ask": { "friendship": "REQUEST_SENT" }, "hello": { "seq": 1 },
            "block": { "friendship": "BLOCKED" }, "unblock": { "friendship": "NONE" },
            "again": { "seq": 2 },
        })
    );
}
