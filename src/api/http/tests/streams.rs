//! Server-Sent Events and multipart subscriptions.

use axum::http::Method;
use bytes::Bytes;
use futures::future::join;

use super::{socket::Client, *};

const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;subscriptionSpec=\"1.0\", application/json";
const MOMENT: Duration = Duration::from_millis(30);

/// An answer that is read as it comes.
pub(super) struct Reader {
    response: reqwest::Response,
    read: String,
}

impl Reader {
    pub(super) async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        Self { response, read: String::new() }
    }

    /// With the good token.
    async fn subscribe(server: &Server, accept: &str, query: &str) -> Self {
        let request = server.post(&json!({ "query": query })).header("accept", accept);
        Self::open(request.bearer_auth(TOKEN)).await
    }

    fn header(&self, name: &str) -> &str {
        self.response.headers()[name].to_str().expect("text")
    }

    /// Reads until `text` has come.
    pub(super) async fn until(&mut self, text: &str) {
        while !self.read.contains(text) {
            assert!(self.more().await, "{text} did not come: {}", self.read);
        }
    }

    /// All of it, once it has ended.
    pub(super) async fn into_end(mut self) -> String {
        while self.more().await {}
        self.read
    }

    async fn more(&mut self) -> bool {
        let chunk = tokio::time::timeout(Duration::from_secs(5), self.response.chunk()).await;
        let chunk = chunk.expect("in time").expect("a chunk");
        self.read.extend(chunk.iter().map(|chunk| std::str::from_utf8(chunk).expect("text")));
        chunk.is_some()
    }
}

fn times(operation: Duration, heartbeat: Duration) -> impl FnOnce(&mut HttpParts<TestSchema>) {
    move |parts| parts.request_times = RequestTimes { operation, heartbeat }
}

#[tokio::test]
async fn a_subscription_comes_as_events() {
    let server = Server::start().await;
    let reader = Reader::subscribe(&server, EVENTS, "subscription { count(to: 2) }").await;
    assert_eq!(reader.header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(reader.header("cache-control"), "no-store");
    assert_eq!(reader.header("x-accel-buffering"), "no");
    assert_eq!(
        reader.into_end().await,
        concat!(
            ":\n\n",
            "event: next\ndata: {\"data\":{\"count\":1}}\n\n",
            "event: next\ndata: {\"data\":{\"count\":2}}\n\n",
            "event: complete\ndata:\n\n",
        )
    );
    assert_eq!(server.seen.prepared.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_subscription_comes_in_parts() {
    let server = Server::start().await;
    let reader = Reader::subscribe(&server, PARTS, "subscription { count(to: 1) }").await;
    let boundary = reader.header("x-trace-id").to_owned();
    assert_eq!(
        reader.header("content-type"),
        format!("multipart/mixed;boundary=\"{boundary}\";subscriptionSpec=1.0")
    );
    let part = "content-type: application/json\r\n\r\n{\"payload\":{\"data\":{\"count\":1}}}";
    let whole = format!("\r\n--{boundary}\r\n{part}\r\n--{boundary}--\r\n");
    assert_eq!(reader.into_end().await, whole);
}

#[tokio::test]
async fn what_is_shared_is_not_executed_again() {
    struct Said;

    impl Feeds for Said {
        fn open(
            &self,
            _request: Request,
            _viewer: Viewer,
            _plainly: Plainly,
            _line: Line,
        ) -> Payloads {
            let payload = Bytes::from_static(b"{\"data\":{\"feed\":7}}");
            stream::iter([Payload::Shared(payload)]).boxed()
        }
    }

    let server = Server::with(|parts| parts.feeds = Arc::new(Said)).await;
    for (accept, expected) in [
        (EVENTS, "data: {\"data\":{\"feed\":7}}\n"),
        (PARTS, "{\"payload\":{\"data\":{\"feed\":7}}}"),
    ] {
        let reader = Reader::subscribe(&server, accept, "subscription { feed }").await;
        let text = reader.into_end().await;
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_operations_are_streamed_where_nothing_else_is_accepted() {
    let server = Server::start().await;
    for (query, expected) in [
        ("{ one }", "{\"data\":{\"one\":1}}"),
        ("mutation { bump }", "{\"data\":{\"bump\":1}}"),
        ("{ viewer }", VIEWER.user.to_string().as_str()),
        ("{ two }", "BAD_USER_INPUT"),
        ("{ one", "BAD_USER_INPUT"),
        ("subscription { two }", "BAD_USER_INPUT"),
        ("subscription { refused }", "CURSOR_EXPIRED"),
        ("{ panic }", "INTERNAL"),
        ("subscription { panics }", "INTERNAL"),
    ] {
        let text = Reader::subscribe(&server, EVENTS, query).await.into_end().await;
        assert!(text.contains(expected), "{query}: {text}");
        assert!(text.ends_with("\n\nevent: complete\ndata:\n\n"), "{query}: {text}");
    }
    for accept in [PARTS, "text/event-stream, application/json"] {
        let request = server.post(&json!({ "query": "{ one }" })).header("accept", accept);
        assert_eq!(read(request).await, (200, json!({ "data": { "one": 1 } })));
    }
    let batch = json!([{ "query": "{ one }" }]);
    assert_eq!(read(server.post(&batch).header("accept", EVENTS)).await.0, 406);
    assert_eq!(read(server.post(&batch).header("accept", PARTS)).await.0, 200);
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn get_opens_a_stream_and_never_runs_a_mutation() {
    let server = Server::start().await;
    let get = |query: &str| {
        client().get(server.url(&format!("/graphql?query={query}"))).header("accept", EVENTS)
    };
    let text = Reader::open(get("subscription%7Bcount(to:1)%7D")).await.into_end().await;
    assert!(text.contains("{\"count\":1}"), "{text}");
    assert_eq!(read(get("mutation%7Bbump%7D")).await.0, 405);
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stream_gives_signs_of_life() {
    let server = Server::with(times(MOMENT, MOMENT)).await;
    for (accept, sign) in [(EVENTS, "\n\n:\n\n"), (PARTS, "\r\n\r\n{}\r\n--")] {
        let mut reader = Reader::subscribe(&server, accept, "subscription { feed }").await;
        reader.until(sign).await;
        assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 1, "it has no end of its own");
        drop(reader);
        until(|| server.seen.feeds.load(Ordering::SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let server = Server::start().await;
    let subscription = "subscription { feed }";
    let (mut events, mut parts) = join(
        Reader::subscribe(&server, EVENTS, subscription),
        Reader::subscribe(&server, PARTS, subscription),
    )
    .await;
    events.until("{\"feed\":1}").await;
    parts.until("{\"feed\":1}").await;
    server.ended.end(server.session(), Ambient::system().now());
    let text = events.into_end().await;
    assert!(text.contains("\"code\":\"UNAUTHENTICATED\""), "{text}");
    assert!(text.ends_with("event: complete\ndata:\n\n"), "{text}");
    let text = parts.into_end().await;
    assert!(text.contains("{\"payload\":null,\"errors\":[{") && text.ends_with("--\r\n"), "{text}");
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_single_result_is_waited_for_whatever_happens() {
    let mut server = Server::start().await;
    let mut reader = Reader::subscribe(&server, EVENTS, "{ wait(millis: 300) }").await;
    reader.until(":\n\n").await;
    until(|| server.seen.waits.load(Ordering::SeqCst) == 1).await;
    server.ended.end(server.session(), Ambient::system().now());
    server.stop.cancel();
    let text = reader.into_end().await;
    assert!(text.contains("{\"data\":{\"wait\":true}}"), "{text}");
    assert!(text.ends_with("event: complete\ndata:\n\n"), "{text}");
    tokio::time::timeout(Duration::from_secs(2), &mut server.serving)
        .await
        .expect("ended")
        .expect("well");
}

#[tokio::test]
async fn streams_are_told_to_come_back_when_the_service_stops() {
    let mut server = Server::start().await;
    let mut reader = Reader::subscribe(&server, EVENTS, "subscription { feed }").await;
    reader.until("{\"feed\":1}").await;
    server.stop.cancel();
    let text = reader.into_end().await;
    for expected in ["\"code\":\"UNAVAILABLE\"", "\"retryAfterMs\":"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("complete"), "{text}");
    tokio::time::timeout(Duration::from_secs(2), &mut server.serving)
        .await
        .expect("ended")
        .expect("well");
    assert_eq!(server.seen.feeds.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_service_that_stops_opens_no_stream() {
    let stopping = CancellationToken::new();
    stopping.cancel();
    let server = Server::stopped_by(stopping, CancellationToken::new(), |_| {}).await;
    let query = json!({ "query": "subscription { feed }" });
    let (status, body) = read(server.post(&query).header("accept", EVENTS)).await;
    assert_eq!((status, code(&body)), (503, "UNAVAILABLE"));
}

#[tokio::test]
async fn who_falls_behind_is_told_to_resume() {
    let server = Server::start().await;
    let text = Reader::subscribe(&server, EVENTS, "subscription { slow }").await.into_end().await;
    assert!(text.contains("{\"slow\":1}") && text.contains("SLOW_CONSUMER"), "{text}");
    assert!(!text.contains("complete"), "{text}");
}

#[tokio::test]
async fn who_does_not_read_costs_only_themselves() {
    let server = Server::with(times(MOMENT, Duration::from_millis(100))).await;
    let reader = Reader::subscribe(&server, EVENTS, "subscription { flood }").await;
    // Nobody reads, so it ends by itself.
    until(|| server.streams.is_empty()).await;
    let said = server.seen.floods.load(Ordering::SeqCst);
    let other = Reader::subscribe(&server, EVENTS, "subscription { count(to: 1) }").await;
    assert!(other.into_end().await.contains("complete"));
    assert_eq!(server.seen.floods.load(Ordering::SeqCst), said);
    assert!(!reader.into_end().await.contains("complete"));
}

#[tokio::test]
async fn an_operation_has_a_time_to_end_in() {
    let server = Server::with(times(MOMENT, Duration::from_secs(60))).await;
    let query = json!({ "query": "{ wait(millis: 60000) }" });
    for (accept, expected) in
        [("application/graphql-response+json", 503), ("application/json", 200)]
    {
        let (status, body) = read(server.post(&query).header("accept", accept)).await;
        assert_eq!((status, code(&body)), (expected, "UNAVAILABLE"), "{body}");
        let extensions = &body["errors"][0]["extensions"];
        assert!(extensions["retryAfterMs"].is_u64() && extensions["traceId"].is_string(), "{body}");
        assert!(body.get("data").is_none(), "{body}");
    }
    let text = Reader::subscribe(&server, EVENTS, "{ wait(millis: 60000) }").await.into_end().await;
    assert!(text.contains("UNAVAILABLE") && text.contains("complete"), "{text}");
    let mut socket = Client::acknowledged(&server).await;
    socket.subscribe("1", "{ wait(millis: 60000) }").await;
    let message = socket.message().await;
    assert_eq!(message["type"], "error", "{message}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "UNAVAILABLE", "{message}");
    let both = json!([query, { "query": "{ one }" }]);
    let (_, body) = read(server.post(&both)).await;
    assert_eq!((code(&body[0]), &body[1]["data"]["one"]), ("UNAVAILABLE", &json!(1)));
    assert_eq!(server.seen.waits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn who_goes_away_takes_their_operation_along() {
    let server = Server::start().await;
    for accept in ["application/json", EVENTS] {
        let query = json!({ "query": "{ wait(millis: 60000) }" });
        let request = server.post(&query).header("accept", accept);
        let asking = tokio::spawn(async move { request.send().await?.text().await });
        until(|| server.seen.waits.load(Ordering::SeqCst) == 1).await;
        asking.abort();
        until(|| server.seen.waits.load(Ordering::SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask_for_parts() {
    let server = Server::start().await;
    let preflight = client()
        .request(Method::OPTIONS, server.url("/graphql"))
        .header("origin", "https://web.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "accept,authorization,content-type");
    let response = preflight.send().await.expect("an answer");
    let allowed = response.headers()["access-control-allow-headers"].to_str().expect("text");
    assert!(allowed.split(',').any(|name| name == "accept"), "{allowed}");
}
