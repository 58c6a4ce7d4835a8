//! How a node stops.

use super::{socket::Client, *};

#[tokio::test]
async fn what_runs_is_finished_and_nothing_new_is_taken() {
    let mut server = Server::start().await;
    let slow = tokio::spawn(read(server.post(&json!({ "query": "{ wait(millis: 300) }" }))));
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.cancel();
    assert_eq!(slow.await.expect("done").1["data"]["wait"], true);
    tokio::time::timeout(Duration::from_secs(2), &mut server.serving)
        .await
        .expect("ended")
        .expect("well");
    assert!(client().get(server.url("/health/live")).send().await.is_err());
}

#[tokio::test]
async fn sockets_are_told_to_come_back() {
    let mut server = Server::start().await;
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "subscription { feed }").await;
    socket.message().await;
    server.stop.cancel();
    assert_eq!(socket.close_code().await, 1001);
    tokio::time::timeout(Duration::from_secs(2), &mut server.serving)
        .await
        .expect("ended")
        .expect("well");
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn while_it_stops_it_is_not_ready() {
    // Stopping, but still taking connections.
    let stopping = CancellationToken::new();
    stopping.cancel();
    let server = Server::stopped_by(stopping, CancellationToken::new(), |_| {}).await;
    assert_eq!(server.get("/health/ready").await.status(), 503);
    assert_eq!(server.get("/health/live").await.status(), 200);
    assert_eq!(server.query("{ one }").await["data"]["one"], 1);
    assert_eq!(Client::refused(&server, "graphql-transport-ws", None).await, 503);
}

#[tokio::test]
async fn who_does_not_end_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, never) = (CancellationToken::new(), Router::new().fallback(pending::<()>));
    let patience = Duration::from_millis(200);
    let serving = tokio::spawn(serve(listener, never, TaskTracker::new(), stop.clone(), patience));
    let waiting = tokio::spawn(client().get(format!("http://{address}/")).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), serving).await.expect("in time").expect("well");
    waiting.abort();
}
