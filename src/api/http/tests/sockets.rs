//! GraphQL over WebSocket.

use tokio_tungstenite::tungstenite::Message;

use super::{
    socket::{CURRENT, Client, OLDER},
    *,
};

fn next(id: &str, data: Value) -> Value {
    let mut message = json!({ "type": "next", "id": id, "payload": {} });
    message["payload"]["data"] = data;
    message
}

fn complete(id: &str) -> Value {
    json!({ "type": "complete", "id": id })
}

#[tokio::test]
async fn operations_of_every_kind_run_over_a_socket() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    let user = VIEWER.user.to_string();
    for (query, results) in [
        ("{ viewer }", vec![json!({ "viewer": user })]),
        ("mutation { bump }", vec![json!({ "bump": 1 })]),
        ("subscription { count(to: 2) }", vec![json!({ "count": 1 }), json!({ "count": 2 })]),
    ] {
        socket.subscribe("1", query).await;
        for result in results {
            assert_eq!(socket.message().await, next("1", result));
        }
        assert_eq!(socket.message().await, complete("1"));
    }
    assert_eq!(server.seen.prepared.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_subscription_ends_when_its_client_says_so_or_goes() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("a", "subscription { feed }").await;
    socket.subscribe("b", "subscription { feed }").await;
    socket.message().await;
    socket.message().await;
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 2);
    socket.send(complete("a")).await;
    socket.send(complete("never there")).await;
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 1).await;
    // The id is free again, and nothing of its first use is heard.
    socket.subscribe("a", "{ one }").await;
    assert_eq!(socket.message().await, next("a", json!({ "one": 1 })));
    assert_eq!(socket.message().await, complete("a"));
    drop(socket);
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn without_a_token_public_operations_work() {
    let server = Server::start().await;
    for message in
        [json!({ "type": "connection_init" }), json!({ "type": "connection_init", "payload": {} })]
    {
        let mut socket = Client::connect(&server).await;
        socket.send(message).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket.subscribe("1", "{ one }").await;
        assert_eq!(socket.message().await, next("1", json!({ "one": 1 })));
        socket.message().await;
        socket.subscribe("2", "{ viewer }").await;
        // It was executed, and that is what came of it.
        let message = socket.message().await;
        assert_eq!(message["type"], "next");
        assert_eq!(code(&message["payload"]), "UNAUTHENTICATED");
        assert_eq!(socket.message().await, complete("2"));
    }
}

#[tokio::test]
async fn what_never_began_is_an_error_and_nothing_follows() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    for (query, expected) in [
        ("{ one", "BAD_USER_INPUT"),
        ("{ two }", "BAD_USER_INPUT"),
        ("subscription { refused }", "CURSOR_EXPIRED"),
    ] {
        socket.subscribe("1", query).await;
        let message = socket.message().await;
        assert_eq!(
            (&message["type"], &message["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!(expected))
        );
        socket.subscribe("1", "{ one }").await;
        assert_eq!(socket.message().await, next("1", json!({ "one": 1 })));
        assert_eq!(socket.message().await, complete("1"));
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_closes_the_socket() {
    let server = Server::with(|parts| parts.socket_times.init = Duration::from_millis(200)).await;
    let mut silent = Client::connect(&server).await;
    assert_eq!(silent.close_code().await, 4408);

    let subscribe =
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "subscription { feed }" } });
    let init = json!({ "type": "connection_init" });
    for (messages, expected) in [
        (vec![subscribe.clone()], 4401),
        (vec![init.clone(), init.clone()], 4429),
        (vec![init.clone(), subscribe.clone(), subscribe.clone()], 4409),
        (vec![json!({ "type": "start" })], 4400),
        (vec![json!("connection_init")], 4400),
        (vec![init.clone(), json!({ "type": "subscribe", "id": "1" })], 4400),
        (
            vec![
                json!({ "type": "connection_init", "payload": { "Authorization": "Bearer bad" } }),
            ],
            4403,
        ),
        (vec![json!({ "type": "connection_init", "payload": { "authorization": 7 } })], 4403),
    ] {
        let mut socket = Client::connect(&server).await;
        for message in &messages {
            socket.send(message.clone()).await;
        }
        assert_eq!(socket.close_code().await, expected, "{messages:?}");
    }
    for frame in [
        Message::binary(init.to_string()),
        Message::text("{"),
        Message::text(" ".repeat(BODY_LIMIT + 1)),
    ] {
        let mut socket = Client::connect(&server).await;
        socket.send_frame(frame).await;
        assert_eq!(socket.close_code().await, 4400);
    }
}

#[tokio::test]
async fn pings_are_answered() {
    let server = Server::start().await;
    let mut early = Client::connect(&server).await;
    early.send(json!({ "type": "ping" })).await;
    assert_eq!(early.message().await, json!({ "type": "pong" }));
    let mut socket = Client::acknowledged(&server).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong" }));
    socket.send(json!({ "type": "ping", "payload": { "at": 7 } })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong", "payload": { "at": 7 } }));
    socket.send(json!({ "type": "pong" })).await;
    socket.send_frame(Message::Ping(vec![1].into())).await;
    assert_eq!(socket.frame().await, Some(Message::Pong(vec![1].into())));
}

#[tokio::test]
async fn who_does_not_answer_pings_is_dropped() {
    let server = Server::with(|parts| {
        parts.socket_times.ping = Duration::from_millis(250);
    })
    .await;
    let mut answering = Client::acknowledged(&server).await;
    let mut mute = Client::acknowledged(&server).await;
    for socket in [&mut answering, &mut mute] {
        socket.subscribe("1", "subscription { feed }").await;
        socket.message().await;
    }
    // Only who reads answers.
    let reading = tokio::spawn(answering.rest());
    until(|| server.seen.feeds.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 1);
    assert!(!reading.is_finished());
    assert!(!mute.is_terminated());
    reading.abort();
}

#[test]
fn pings_of_many_sockets_come_together_and_never_late() {
    let times = SocketTimes { ping: Duration::from_secs(15), ..SocketTimes::default() };
    let begun = Instant::now();
    let opened = (0..1_500).map(|tenth: u32| begun + Duration::from_millis(10) * tenth);
    let mut moments: Vec<_> = opened
        .map(|now| {
            let ping = times.ping_after(now);
            assert!(ping <= now + times.ping && ping > now + times.ping * 63 / 64);
            ping
        })
        .collect();
    moments.dedup();
    assert!((64..=65).contains(&moments.len()), "{}", moments.len());
}

#[tokio::test]
async fn a_socket_has_room_for_a_hundred_operations() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    for id in 0..SOCKET_OPERATIONS {
        socket.subscribe(&id.to_string(), "subscription { feed }").await;
        socket.message().await;
    }
    socket.subscribe("more", "subscription { feed }").await;
    let message = socket.message().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("more")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    socket.send(complete("7")).await;
    socket.subscribe("more", "{ one }").await;
    assert_eq!(socket.message().await, next("more", json!({ "one": 1 })));
}

#[tokio::test]
async fn so_many_operations_of_a_socket_are_carried_out_at_a_time() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    for id in 0..3 * SOCKET_PLACES {
        socket.subscribe(&id.to_string(), "{ wait(millis: 20) }").await;
    }
    let mut answered = 0;
    while answered < 3 * SOCKET_PLACES {
        answered += usize::from(socket.message().await["type"] == "next");
    }
    assert_eq!(server.seen.most_waits.load(Ordering::SeqCst), SOCKET_PLACES);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_few() {
    // More than the kernel takes, and then wait.
    const MANY: usize = 80;
    let server = Server::start().await;
    let mut stuck = Client::acknowledged(&server).await;
    for id in 0..MANY {
        stuck.subscribe(&id.to_string(), "{ large(mebibytes: 1) }").await;
    }
    let made = until_full(&server).await;
    assert!((SOCKET_PLACES..MANY / 2).contains(&made), "{made} answers were made");
    let mut read = 0;
    while read < MANY {
        read += usize::from(stuck.message().await["type"] == "next");
    }
    assert_eq!(server.seen.floods.load(Ordering::SeqCst), MANY);
}

#[tokio::test]
async fn foreign_pages_and_other_protocols_get_no_socket() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://web.example"] {
        Client::dial(&server, CURRENT, Some(origin)).await.expect("a socket");
        Client::dial(&server, OLDER, Some(origin)).await.expect("a socket");
    }
    for origin in ["https://evil.example", "http://web.example", "null"] {
        assert_eq!(Client::refused(&server, CURRENT, Some(origin)).await, 403, "{origin}");
        assert_eq!(Client::refused(&server, OLDER, Some(origin)).await, 403, "{origin}");
    }
    assert_eq!(Client::refused(&server, "mqtt", None).await, 400);
}

#[tokio::test]
async fn the_newer_dialect_is_preferred() {
    let server = Server::start().await;
    for (offered, chosen) in [
        ("mqtt, graphql-transport-ws", CURRENT),
        ("graphql-ws, graphql-transport-ws", CURRENT),
        ("graphql-transport-ws,graphql-ws", CURRENT),
        ("graphql-ws, mqtt", OLDER),
    ] {
        let socket = Client::dial(&server, offered, None).await.expect("a socket");
        assert_eq!(socket.protocol, chosen, "{offered}");
    }
}

#[tokio::test]
async fn who_says_too_much_is_cut_off() {
    let server = Server::start().await;
    let pong = Message::text(json!({ "type": "pong" }).to_string());
    // Besides the burst, what is free again while it is sent.
    let far_too_much = SOCKET_BURST.get() + SOCKET_MESSAGES.get() * 60;
    for frame in [&pong, &Message::Ping(Vec::new().into())] {
        let mut socket = Client::acknowledged(&server).await;
        socket.flood(frame, far_too_much).await;
        assert_eq!(socket.close_code().await, 1008);
    }
    let mut burst = Client::acknowledged(&server).await;
    // Two more are there already, and to come.
    burst.flood(&pong, SOCKET_BURST.get() - 2).await;
    burst.subscribe("1", "{ one }").await;
    assert_eq!(burst.message().await, next("1", json!({ "one": 1 })));
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    let mut public = Client::connect(&server).await;
    public.init(json!({})).await;
    public.message().await;
    let now = Ambient::system().now();
    server.ended.end(server.session(), now);
    let code = tokio::time::timeout(Duration::from_secs(1), socket.close_code()).await;
    assert_eq!(code, Ok(4403));
    public.subscribe("1", "{ one }").await;
    assert_eq!(public.message().await["type"], "next");
    // One that opens after that is closed too.
    let mut late = Client::connect(&server).await;
    late.init(json!({ "authorization": "Bearer good" })).await;
    assert_eq!(late.close_code().await, 4403);
}

#[tokio::test]
async fn who_is_too_slow_is_told_to_resume() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "subscription { slow }").await;
    assert_eq!(socket.message().await, next("1", json!({ "slow": 1 })));
    assert_eq!(socket.close_code().await, 1013);
}

/// Waits until nothing more is made for a client that does not read; returns how much was.
async fn until_full(server: &Server) -> usize {
    let floods = || server.seen.floods.load(Ordering::SeqCst);
    // Once the kernel's buffers are full no more is made.
    let mut before = 0;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if floods() > 0 && floods() == before {
            break;
        }
        before = floods();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(floods(), before);
    before
}

#[tokio::test]
async fn who_does_not_read_holds_up_only_itself() {
    let server = Server::start().await;
    let mut stuck = Client::acknowledged(&server).await;
    stuck.subscribe("1", "subscription { flood }").await;
    let made = until_full(&server).await;
    let mut other = Client::acknowledged(&server).await;
    other.subscribe("1", "{ one }").await;
    assert_eq!(other.message().await, next("1", json!({ "one": 1 })));
    // Reading again lets it go on, and it can still be closed.
    for _ in 0..made + 20 {
        stuck.message().await;
    }
    server.ended.end(server.session(), Ambient::system().now());
    assert_eq!(stuck.close_code().await, 4403);
}

#[tokio::test]
async fn what_has_begun_is_carried_on_with_though_nobody_reads() {
    let server = Server::start().await;
    let mut stuck = Client::acknowledged(&server).await;
    stuck.subscribe("1", "subscription { poked }").await;
    stuck.subscribe("2", "subscription { flood }").await;
    until_full(&server).await;
    let floods = || server.seen.floods.load(Ordering::SeqCst);
    // Whatever wakes the socket has it try again, and the kernel may take a little more.
    let (mut pokes, mut in_vain) = (0, 0);
    while in_vain < 5 {
        let before = floods();
        server.seen.poke.notify_one();
        pokes += 1;
        until(|| server.seen.pokes.load(Ordering::SeqCst) == pokes).await;
        in_vain = if floods() == before { in_vain + 1 } else { 0 };
    }
}

#[tokio::test]
async fn a_panic_ends_its_operation_only() {
    let server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "subscription { panics }").await;
    assert_eq!(socket.message().await, next("1", json!({ "panics": 1 })));
    let message = socket.message().await;
    assert_eq!(code(&message["payload"]), "INTERNAL");
    assert_eq!(
        message["payload"]["errors"][0]["extensions"]["traceId"].as_str().map(str::len),
        Some(32)
    );
    assert_eq!(socket.message().await, complete("1"));
    socket.subscribe("2", "{ panic }").await;
    assert_eq!(socket.message().await["payload"][0]["extensions"]["code"], "INTERNAL");
    socket.subscribe("3", "{ one }").await;
    assert_eq!(socket.message().await, next("3", json!({ "one": 1 })));
}
