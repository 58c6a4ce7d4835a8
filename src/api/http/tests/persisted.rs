//! Operations that are named by their hashes.

use sha2::{Digest, Sha256};

use super::{socket::Client, *};

fn extensions(text: &str) -> Value {
    let hash = format!("{:x}", Sha256::digest(text));
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

#[tokio::test]
async fn a_text_that_was_sent_once_is_known_by_its_hash() {
    let server = Server::start().await;
    let text = "query ($a: Int!) { plus(a: $a, b: 1) }";
    let by_hash = json!({ "variables": { "a": 1 }, "extensions": extensions(text) });
    let mut with_text = by_hash.clone();
    with_text["query"] = json!(text);

    let (status, body) = read(server.post(&by_hash).header("accept", "application/json")).await;
    assert_eq!((status, code(&body)), (200, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(body["errors"][0]["message"], "PersistedQueryNotFound");
    for request in [&with_text, &by_hash, &by_hash] {
        assert_eq!(read(server.post(request)).await, (200, json!({ "data": { "plus": 2 } })));
    }
    let query = reqwest::Url::parse_with_params(
        &server.url("/graphql"),
        [
            ("extensions", extensions(text).to_string()),
            ("variables", json!({ "a": 41 }).to_string()),
        ],
    );
    let (_, body) = read(client().get(query.expect("an address"))).await;
    assert_eq!(body["data"]["plus"], 42);
}

#[tokio::test]
async fn only_what_can_be_parsed_is_kept_and_get_runs_no_mutation() {
    let server = Server::start().await;
    let send = async |text: &str, with_text: bool| {
        let mut body = json!({ "extensions": extensions(text) });
        if with_text {
            body["query"] = json!(text);
        }
        code(&read(server.post(&body)).await.1).to_owned()
    };
    let broken = "{ one";
    assert_eq!(send(broken, true).await, "BAD_USER_INPUT");
    assert_eq!(send(broken, false).await, "PERSISTED_QUERY_NOT_FOUND");

    let mutation = "mutation { bump }";
    assert_eq!(send(mutation, true).await, "none");
    let extensions = extensions(mutation).to_string();
    let address = server.url("/graphql");
    let query = reqwest::Url::parse_with_params(&address, [("extensions", extensions)]);
    let response = client().get(query.expect("an address")).send().await.expect("an answer");
    assert_eq!(response.status(), 405);
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), 1);

    let lied = json!({ "query": "{ one }", "extensions": self::extensions("{ two }") });
    assert_eq!(code(&read(server.post(&lied)).await.1), "BAD_USER_INPUT");
    let nothing = json!({ "extensions": { "persistedQuery": null } });
    assert_eq!(read(server.post(&nothing)).await.0, 400);
}

#[tokio::test]
async fn sockets_know_the_same_texts() {
    let server = Server::start().await;
    let text = "subscription { count(to: 1) }";
    let mut client = Client::acknowledged(&server).await;
    let mut payload = json!({ "extensions": extensions(text) });
    let ask = |payload: &Value| json!({ "type": "subscribe", "id": "1", "payload": payload });
    client.send(ask(&payload)).await;
    let refused = client.message().await;
    assert_eq!(refused["payload"][0]["message"], "PersistedQueryNotFound", "{refused}");

    payload["query"] = json!(text);
    let known = read(server.post(&payload).header("accept", "application/json")).await;
    assert_eq!(known.0, 200, "a subscription is a document, too");
    payload["query"] = Value::Null;
    client.send(ask(&payload)).await;
    assert_eq!(client.message().await["payload"]["data"]["count"], 1);
}
