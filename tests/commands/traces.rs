//! Spans, as an OpenTelemetry collector gets them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any,
    trace::v1::Span,
};
use prost::Message;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{
    Client, Feed, eventually,
    process::{Process, free_address},
    stores::StoreUrls,
};

const PASSWORD: &str = "correct horse";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// What a collector got.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    services: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// Takes spans at this address.
    async fn listen(&self, at: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(Self::take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    async fn take(State(collector): State<Self>, body: Bytes) -> StatusCode {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for of_one in request.resource_spans {
            for attribute in of_one.resource.unwrap().attributes {
                if let ("service.name", Some(Any::StringValue(name))) =
                    (&*attribute.key, attribute.value.unwrap().value)
                {
                    collector.services.lock().unwrap().push(name);
                }
            }
            let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            collector.spans.lock().unwrap().extend(spans);
        }
        StatusCode::OK
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans of a trace that has ended, the one that it began with first.
    async fn trace(&self, id: &str) -> Trace {
        eventually("a trace", || async {
            let of_it = |span: &Span| hex(&span.trace_id) == id;
            let spans: Vec<_> = self.spans().into_iter().filter(of_it).collect();
            spans.iter().any(|span| span.name == "request").then_some(Trace(spans))
        })
        .await
    }
}

struct Trace(Vec<Span>);

impl Trace {
    fn the(&self, name: &str) -> &Span {
        self.0.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {self}"))
    }

    /// Whether it holds a span of this name somewhere below the other.
    fn has_below(&self, name: &str, other: &Span) -> bool {
        let by_id: HashMap<_, _> = self.0.iter().map(|span| (&span.span_id, span)).collect();
        self.0.iter().filter(|span| span.name == name).any(|span| {
            let mut above =
                std::iter::successors(Some(span), |span| by_id.get(&span.parent_span_id).copied());
            above.any(|span| span.span_id == other.span_id)
        })
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|span| writeln!(f, "{} {span:?}", span.name))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()?.value? {
        Any::StringValue(text) => Some(text),
        other => Some(format!("{other:?}")),
    }
}

/// A service that exports its spans.
struct Traced {
    _folder: TempDir,
    service: Process,
}

impl Traced {
    async fn start(command: &[&str], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = [&["--verify-email", "off", "--log-format", "json"], options].concat();
        let data = folder.path().join("data");
        let service = Process::start_by(command, data, StoreUrls::embedded(), &options).await;
        Self { _folder: folder, service }
    }

    /// Asks, as part of a caller's trace where there is one; returns the
    /// trace id that is answered.
    async fn ask(
        &self,
        token: Option<&str>,
        traceparent: Option<&str>,
        query: &str,
    ) -> (Value, String) {
        let url = format!("http://{}/graphql", self.service.address);
        let mut request = reqwest::Client::new().post(url).json(&json!({ "query": query }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        let response = request.send().await.unwrap();
        let trace = response.headers()["x-trace-id"].to_str().unwrap().to_owned();
        (response.json().await.unwrap(), trace)
    }

    async fn person(&self, name: &str) -> Client {
        let register = format!(
            "mutation {{ register(input: {{ username: \"{name}\", email: \"{name}@example.org\", \
             password: \"{PASSWORD}\" }}) {{ id }} }}"
        );
        let sign_in = format!(
            "mutation {{ signIn(input: {{ login: \"{name}\", password: \"{PASSWORD}\" }}) \
             {{ accessToken refreshToken viewer {{ user {{ id username }} }} }} }}"
        );
        self.ask(None, None, &register).await;
        let (answer, _) = self.ask(None, None, &sign_in).await;
        Client::signed_in(self.service.address, &answer["data"]["signIn"])
    }

    async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.service.address);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
        line.parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_its_caller_to_the_statements() {
    let collector = Collector::default();
    let endpoint = format!("http://{}/", collector.listen(([127, 0, 0, 1], 0).into()).await);
    let mut traced = Traced::start(&[], &["--otlp-endpoint", &endpoint]).await;
    let (ada, grace) = (traced.person("ada").await, traced.person("grace").await);
    let token = ada.token.as_deref();

    let send = "mutation Say { sendMessage(input: { to: { username: \"grace\" }, body: \"Hello\" }) { seq } }";
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let (answer, answered) = traced.ask(token, Some(&traceparent), send).await;
    assert_eq!(answer["data"]["sendMessage"]["seq"], 1, "{answer:#}");
    assert_eq!(answered, TRACE);
    let trace = collector.trace(TRACE).await;
    let (request, operation, commit) =
        (trace.the("request"), trace.the("operation"), trace.the("commit"));
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(operation.parent_span_id, request.span_id, "{trace}");
    assert_eq!(attribute(operation, "field").as_deref(), Some("sendMessage"));
    assert_eq!(attribute(operation, "name").as_deref(), Some("Say"));
    assert!(trace.has_below("commit", operation) && trace.has_below("sql", commit), "{trace}");
    assert!(trace.has_below("graph", operation), "{trace}");
    assert!(request.end_time_unix_nano >= commit.end_time_unix_nano, "{trace}");

    let (_, own) = traced.ask(token, None, "{ viewer { user { id } } }").await;
    let trace = collector.trace(&own).await;
    assert!(trace.the("request").parent_span_id.is_empty(), "it began here");
    let quiet = own.replace(|digit: char| digit != '0', "1");
    traced.ask(token, Some(&format!("00-{quiet}-{CALLER}-00")), "{ viewer { user { id } } }").await;
    let (_, befriending) = traced
        .ask(
            token,
            None,
            &format!("mutation {{ sendFriendRequest(userId: \"{}\") {{ id }} }}", grace.id),
        )
        .await;
    let trace = collector.trace(&befriending).await;
    assert_eq!(attribute(trace.the("job"), "task").as_deref(), Some("change_friendship"));
    assert!(trace.has_below("graph", trace.the("job")), "{trace}");

    let mut socket = Feed::connect(&ada).await;
    let query = json!({ "query": "{ viewer { unreadCount } }" });
    socket.send(json!({ "type": "subscribe", "id": "1", "payload": query })).await;
    let on_a_socket = eventually("an operation on a socket", || async {
        let spans = collector.spans();
        spans.into_iter().find(|span| span.name == "operation" && span.parent_span_id.is_empty())
    });
    let on_a_socket = hex(&on_a_socket.await.trace_id);
    assert!(traced.service.log().contains(&format!("\"trace_id\":\"{TRACE}\"")), "in the log too");

    // What waits is sent before it stops.
    let (_, last) = traced.ask(token, None, "{ viewer { user { id } } }").await;
    traced.service.terminate();
    assert!(traced.service.ended().await.success());
    collector.trace(&last).await;
    for span in collector.spans() {
        let trace = hex(&span.trace_id);
        assert_ne!(trace, quiet, "its caller does not sample it");
        let root = span.parent_span_id.is_empty();
        assert!(!root || !["sql", "graph"].contains(&&*span.name), "{span:?}");
        let path = attribute(&span, "path").unwrap_or_default();
        assert!(!path.starts_with("/health/"), "{span:?}");
        assert!(trace != on_a_socket || span.name != "request", "{span:?}");
    }
    assert!(collector.services.lock().unwrap().iter().all(|name| name == "chatterbox"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_harms_nobody() {
    // Nobody listens there, until later.
    let address = free_address();
    let standard = format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}");
    let traced = Traced::start(&["env", &standard], &[]).await;
    let ada = traced.person("ada").await;
    let me = "{ viewer { user { username } } }";
    let lost = || async { traced.metric("chatterbox_spans_dropped_total").await };
    for _ in 0..3 {
        let before = lost().await;
        assert_eq!(ada.data(me, Value::Null).await["viewer"]["user"]["username"], "ada");
        eventually("spans to be lost", || async { (lost().await > before).then_some(()) }).await;
    }
    let told = traced.service.log().matches("spans can't be exported").count();
    assert_eq!(told, 1, "{}", traced.service.log());

    let collector = Collector::default();
    collector.listen(address).await;
    eventually("the collector to be used", || async {
        ada.data(me, Value::Null).await;
        (traced.metric("chatterbox_spans_exported_total").await > 0.0).then_some(())
    })
    .await;
    assert!(traced.service.log().contains("spans are exported again"));
    assert!(!collector.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_nothing_is_exported() {
    let traced = Traced::start(&[], &[]).await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let (_, answered) = traced.ask(None, Some(&traceparent), "{ __typename }").await;
    assert_eq!(answered, TRACE);
    let (_, own) = traced.ask(None, None, "{ __typename }").await;
    assert!(own.len() == 32 && own != TRACE);
    for name in ["chatterbox_spans_exported_total", "chatterbox_spans_dropped_total"] {
        assert_eq!(traced.metric(name).await, 0.0, "{name}");
    }
}
