//! GraphQL over WebSocket as clients of before 2021 speak it.

use super::{
    socket::{Client, OLDER},
    *,
};

fn data(id: &str, data: &Value) -> Value {
    json!({ "type": "data", "id": id, "payload": { "data": data } })
}

fn complete(id: &str) -> Value {
    json!({ "type": "complete", "id": id })
}

fn stop(id: &str) -> Value {
    json!({ "type": "stop", "id": id })
}

#[tokio::test]
async fn operations_of_every_kind_run_in_the_older_dialect() {
    let server = Server::start().await;
    let mut socket = Client::older_acknowledged(&server).await;
    assert_eq!(socket.protocol, OLDER);
    let user = VIEWER.user.to_string();
    for (query, results) in [
        ("{ viewer }", vec![json!({ "viewer": user })]),
        ("mutation { bump }", vec![json!({ "bump": 1 })]),
        ("subscription { count(to: 2) }", vec![json!({ "count": 1 }), json!({ "count": 2 })]),
    ] {
        socket.subscribe("1", query).await;
        for result in results {
            assert_eq!(socket.message().await, data("1", &result));
        }
        assert_eq!(socket.message().await, complete("1"));
    }
    let payload = json!({
        "query": "query Sum($a: Int!) { plus(a: $a, b: 1) }",
        "operationName": "Sum", "variables": { "a": 6 }, "extensions": null,
    });
    socket.send(json!({ "id": "2", "payload": payload, "type": "start" })).await;
    assert_eq!(socket.message().await, data("2", &json!({ "plus": 7 })));
}

#[tokio::test]
async fn the_token_is_looked_for_where_old_clients_put_it() {
    let server = Server::start().await;
    let good = format!("Bearer {TOKEN}");
    for payload in [
        json!({ "authorization": good }),
        json!({ "AUTHORIZATION": good }),
        json!({ "headers": { "Authorization": good } }),
    ] {
        let mut socket = Client::older(&server).await;
        socket.init(payload).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        assert_eq!(socket.message().await["type"], "ka");
        socket.subscribe("1", "{ viewer }").await;
        assert_eq!(socket.message().await["type"], "data");
    }
    // Without one there is what is public.
    let mut socket = Client::older(&server).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    assert_eq!(socket.message().await["type"], "ka");
    socket.subscribe("1", "{ one }").await;
    assert_eq!(socket.message().await, data("1", &json!({ "one": 1 })));
    assert_eq!(socket.message().await, complete("1"));
    socket.subscribe("2", "{ viewer }").await;
    let message = socket.message().await;
    assert_eq!((&message["type"], code(&message["payload"])), (&json!("data"), "UNAUTHENTICATED"));
    // With a bad one there is nothing, and it is said why.
    let mut socket = Client::older(&server).await;
    socket.init(json!({ "authorization": "Bearer bad" })).await;
    let refusal = json!({ "type": "connection_error", "payload": { "message": "Forbidden" } });
    assert_eq!(socket.message().await, refusal);
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn what_was_started_can_be_stopped() {
    let server = Server::start().await;
    let feeds = || server.seen.feeds.load(Ordering::SeqCst);
    let mut socket = Client::older_acknowledged(&server).await;
    for id in ["a", "b"] {
        socket.subscribe(id, "subscription { feed }").await;
        assert_eq!(socket.message().await, data(id, &json!({ "feed": 1 })));
    }
    socket.send(stop("a")).await;
    assert_eq!(socket.message().await, complete("a"));
    until(|| feeds() == 1).await;
    // What does not run is not stopped, or a client would stop it once more.
    socket.send(stop("a")).await;
    // Apollo iOS sends again what it is not sure of.
    socket.subscribe("b", "subscription { feed }").await;
    assert_eq!(socket.message().await, data("b", &json!({ "feed": 1 })));
    until(|| feeds() == 1).await;
    socket.send(json!({ "type": "connection_terminate", "payload": null })).await;
    assert_eq!(socket.close_code().await, 1000);
    until(|| feeds() == 0).await;
}

#[tokio::test]
async fn what_never_began_is_one_error_with_all_of_them() {
    let server = Server::start().await;
    let mut socket = Client::older_acknowledged(&server).await;
    for (query, expected) in [
        ("{ one", "BAD_USER_INPUT"),
        ("{ two three }", "BAD_USER_INPUT"),
        ("subscription { refused }", "CURSOR_EXPIRED"),
    ] {
        socket.subscribe("1", query).await;
        let message = socket.message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")));
        let payload = &message["payload"];
        assert_eq!(code(payload), expected, "{message:#}");
        assert_eq!(payload["extensions"]["code"], expected);
        assert_eq!(payload["message"], payload["errors"][0]["message"]);
        socket.subscribe("1", "{ one }").await;
        assert_eq!(socket.message().await, data("1", &json!({ "one": 1 })));
        assert_eq!(socket.message().await, complete("1"));
    }
}

#[tokio::test]
async fn what_is_no_message_is_passed_over_and_said_so() {
    let server = Server::start().await;
    let mut socket = Client::older_acknowledged(&server).await;
    for message in [
        json!("connection_init"),
        json!({ "type": "start", "id": "1" }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ one }" } }),
        json!({ "type": "ping" }),
    ] {
        socket.send(message).await;
        let refusal = socket.message().await;
        assert_eq!(refusal["type"], "connection_error", "{refusal:#}");
        assert!(refusal["payload"]["message"].is_string(), "{refusal:#}");
    }
    socket.subscribe("1", "{ one }").await;
    assert_eq!(socket.message().await, data("1", &json!({ "one": 1 })));
}

#[tokio::test]
async fn the_codes_are_the_same_in_either_dialect() {
    let server = Server::with(|parts| parts.socket_times.init = Duration::from_millis(200)).await;
    let mut silent = Client::older(&server).await;
    assert_eq!(silent.close_code().await, 4408);
    let mut hasty = Client::older(&server).await;
    hasty.subscribe("1", "{ one }").await;
    assert_eq!(hasty.close_code().await, 4401);
    let mut again = Client::older_acknowledged(&server).await;
    again.init(json!({})).await;
    assert_eq!(again.close_code().await, 4429);
    let mut slow = Client::older_acknowledged(&server).await;
    slow.subscribe("1", "subscription { slow }").await;
    assert_eq!(slow.message().await, data("1", &json!({ "slow": 1 })));
    assert_eq!(slow.close_code().await, 1013);

    let mut ended = Client::older_acknowledged(&server).await;
    server.ended.end(server.session(), Ambient::system().now());
    let code = tokio::time::timeout(Duration::from_secs(1), ended.close_code()).await;
    assert_eq!(code, Ok(4403));
    let mut public = Client::older(&server).await;
    public.init(json!({})).await;
    assert_eq!(public.message().await["type"], "connection_ack");
    server.stop.cancel();
    assert_eq!(public.close_code().await, 1001);
}

#[tokio::test]
async fn signs_of_life_go_both_ways() {
    let server = Server::with(|parts| parts.socket_times.ping = Duration::from_millis(50)).await;
    let mut socket = Client::older_acknowledged(&server).await;
    let mut mute = Client::older_acknowledged(&server).await;
    mute.subscribe("1", "subscription { feed }").await;
    assert_eq!(mute.message().await["type"], "data");
    // Who reads answers the pings beneath, and hears that the server is there.
    for _ in 0..5 {
        assert_eq!(socket.message().await, json!({ "type": "ka" }));
    }
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 0).await;
    socket.subscribe("1", "{ one }").await;
    while socket.message().await != data("1", &json!({ "one": 1 })) {}
}

#[tokio::test]
async fn the_limits_are_the_same_in_either_dialect() {
    let server = Server::start().await;
    let mut socket = Client::older_acknowledged(&server).await;
    for id in 0..SOCKET_OPERATIONS {
        socket.subscribe(&id.to_string(), "subscription { feed }").await;
        socket.message().await;
    }
    socket.subscribe("more", "subscription { feed }").await;
    let message = socket.message().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("more")));
    assert_eq!(code(&message["payload"]), "BAD_USER_INPUT");
}
