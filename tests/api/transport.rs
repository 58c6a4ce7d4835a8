//! Clients without WebSocket: streams of events over HTTP.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    stories,
    support::{Client, Feed, TestApp, within},
};

stories! {
    a_stream_says_what_a_socket_says,
    a_stream_goes_on_behind_a_cursor,
    a_stream_ends_with_its_session,
    a_restart_tells_streams_to_come_back,
    who_has_a_stream_open_is_online,
    a_stream_that_can_not_be_is_refused_in_it,
    an_operation_may_be_named_by_its_hash,
}

const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;subscriptionSpec=1.0, application/json";
const WORDS: &str = "subscription ($after: String) { events(after: $after) {
    cursor ... on MessageSent { message { body sender { username friendship } } } } }";

/// A stream of events over HTTP.
struct Stream {
    response: reqwest::Response,
    unread: String,
}

impl Stream {
    async fn open(client: &Client, accept: &str, after: Option<&str>) -> Self {
        let body = json!({ "query": WORDS, "variables": { "after": after } });
        let token = client.token.as_deref().unwrap_or_default();
        let request = client.http.post(format!("http://{}/graphql", client.address));
        let request = request.bearer_auth(token).header("accept", accept).json(&body);
        let response = within("a stream", request.send()).await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, unread: String::new() }
    }

    /// The next result, or nothing once the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((line, rest)) = self.unread.split_once('\n') {
                let result = result(line.trim_end());
                self.unread = rest.to_owned();
                if result.is_some() {
                    return result;
                }
            }
            let chunk = within("a result", self.response.chunk()).await.unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is a message: whoever comes and goes is told, too.
    async fn event(&mut self) -> Value {
        loop {
            let mut result = self.next().await.expect("a result");
            assert!(result.get("errors").is_none(), "{result:#}");
            let event = result["data"]["events"].take();
            if event.get("message").is_some() {
                return event;
            }
        }
    }

    /// The body of the next message.
    async fn message(&mut self) -> String {
        self.event().await["message"]["body"].as_str().unwrap().to_owned()
    }

    /// The code of the error that comes next.
    async fn code(&mut self) -> String {
        let result = self.next().await.expect("a result");
        let code = result["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("{result:#}")).to_owned()
    }
}

/// The result that a line of either framing holds.
fn result(line: &str) -> Option<Value> {
    if let Some(data) = line.strip_prefix("data:") {
        return serde_json::from_str(data).ok();
    }
    let mut part: Value = serde_json::from_str(line).ok()?;
    let is_fatal = part.get("errors").is_some();
    let payload = part.get_mut("payload").map(Value::take)?;
    Some(if is_fatal { part } else { payload })
}

/// The cursor of a message that ada sends to grace.
async fn cursor(ada: &Client, grace: &Client) -> String {
    let mut feed = grace.feed().await;
    ada.send(grace, "before").await;
    feed.next().await["cursor"].as_str().unwrap().to_owned()
}

async fn a_stream_says_what_a_socket_says(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let after = cursor(&ada, &grace).await;
    let mut socket = grace.feed().await;
    let (mut events, mut parts, mut own) = tokio::join!(
        Stream::open(&grace, EVENTS, Some(&after)),
        Stream::open(&grace, PARTS, Some(&after)),
        Stream::open(&ada, EVENTS, Some(&after)),
    );
    let told = "--\ndata: {}\nevent: complete";
    ada.send(&grace, told).await;
    assert_eq!(socket.message().await, told);
    let mut heard = Vec::new();
    for (stream, friendship) in
        [(&mut events, "FRIENDS"), (&mut parts, "FRIENDS"), (&mut own, "SELF")]
    {
        let event = stream.event().await;
        assert_eq!(event["message"]["body"], told);
        let seen = &event["message"]["sender"]["friendship"];
        assert_eq!(*seen, friendship, "each sees their own");
        heard.push(event);
    }
    assert_eq!(heard[0], heard[1]);
}

async fn a_stream_goes_on_behind_a_cursor(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let first = cursor(&ada, &grace).await;
    for accept in [EVENTS, PARTS] {
        let mut stream = Stream::open(&grace, accept, Some(&first)).await;
        ada.send(&grace, accept).await;
        let event = loop {
            let event = stream.event().await;
            if event["message"]["body"] == accept {
                break event;
            }
        };
        drop(stream);
        ada.send(&grace, "missed").await;
        let cursor = event["cursor"].as_str();
        assert_eq!(Stream::open(&grace, accept, cursor).await.message().await, "missed");
    }
}

async fn a_stream_ends_with_its_session(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let after = cursor(&ada, &grace).await;
    let phone = app.device("grace", "phone").await;
    let mut streams = Vec::new();
    for accept in [EVENTS, PARTS] {
        streams.push(Stream::open(&grace, accept, Some(&after)).await);
    }
    let mut other = Stream::open(&phone, EVENTS, Some(&after)).await;
    grace.data("mutation { signOut }", Value::Null).await;
    for mut stream in streams {
        assert_eq!(stream.code().await, "UNAUTHENTICATED");
        assert_eq!(stream.next().await, None);
    }
    ada.send(&grace, "still there").await;
    assert_eq!(other.message().await, "still there");
    assert_eq!(Stream::open(&grace, EVENTS, None).await.code().await, "UNAUTHENTICATED");
}

async fn a_restart_tells_streams_to_come_back(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let after = cursor(&ada, &grace).await;
    let mut events = Stream::open(&grace, EVENTS, Some(&after)).await;
    let mut parts = Stream::open(&grace, PARTS, Some(&after)).await;
    app.restart().await;
    for stream in [&mut events, &mut parts] {
        assert_eq!(stream.code().await, "UNAVAILABLE");
        assert_eq!(stream.next().await, None);
    }
    ada.send(&grace, "after").await;
    assert_eq!(Stream::open(&grace, EVENTS, Some(&after)).await.message().await, "after");
}

async fn who_has_a_stream_open_is_online(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed: Feed = grace.feed().await;
    let stream = Stream::open(&ada, EVENTS, None).await;
    feed.sees(&ada, true).await;
    drop(stream);
    feed.sees(&ada, false).await;
}

async fn a_stream_that_can_not_be_is_refused_in_it(app: &TestApp) {
    let ada = app.person("ada").await;
    for (client, after, expected) in
        [(&app.stranger(), None, "UNAUTHENTICATED"), (&ada, Some("nonsense"), "BAD_USER_INPUT")]
    {
        for accept in [EVENTS, PARTS] {
            let mut stream = Stream::open(client, accept, after).await;
            assert_eq!(stream.code().await, expected);
            assert_eq!(stream.next().await, None);
        }
    }
}

async fn an_operation_may_be_named_by_its_hash(app: &TestApp) {
    let ada = app.person("ada").await;
    let query = "query ($name: String!) { user(username: $name) { id } }";
    let hash = format!("{:x}", Sha256::digest(query));
    let ask = async |with_text: bool| {
        let mut body = json!({
            "variables": { "name": ada.username },
            "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } },
        });
        if with_text {
            body["query"] = json!(query);
        }
        let token = ada.token.as_deref().unwrap();
        let request = ada.http.post(app.url("/graphql")).bearer_auth(token).json(&body);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let unknown = ask(false).await;
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
    for with_text in [true, false] {
        assert_eq!(ask(with_text).await["data"]["user"]["id"], ada.id.as_str());
    }
    // Each node has its own.
    app.restart().await;
    assert_eq!(ask(false).await["errors"][0]["message"], "PersistedQueryNotFound");
}
