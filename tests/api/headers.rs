//! What browsers are told about each answer, and what pages of others can do.

use reqwest::{Method, Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::Refusal, stores::StoreUrls, stores::unique};

const OURS: &str = "https://web.example";
const FOREIGN: &str = "https://evil.example";

/// What is no page loads and runs nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

async fn app(options: &[&str]) -> TestApp {
    TestApp::start(StoreUrls::embedded(), options).await
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A request without a body, with more headers.
async fn ask(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http().request(method, app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// A post as a page may send it without asking first, or not.
async fn post(app: &TestApp, origin: &str, kind: Option<&str>, body: &str) -> Response {
    let mut request = http().post(app.url("/graphql")).header("origin", origin);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    request.body(body.to_owned()).send().await.unwrap()
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut all = headers.get_all(name).iter();
    let value = all.next().map_or("", |value| value.to_str().unwrap());
    assert!(all.next().is_none(), "{name} comes once: {headers:#?}");
    value
}

fn varies_by(headers: &HeaderMap, name: &str) -> bool {
    let all = headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
    all.flat_map(|value| value.split(',')).any(|field| field.trim().eq_ignore_ascii_case(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_browsers_may_do_with_it() {
    let app = app(&["--allowed-origin", OURS]).await;
    let page = "playground's";
    for (method, path, status, cache, policy) in [
        (Method::GET, "/graphql?query={__typename}", 200, "no-store", NOTHING),
        (Method::GET, "/graphql?query={", 200, "no-store", NOTHING),
        (Method::GET, "/graphql", 400, "no-store", NOTHING),
        (Method::POST, "/graphql", 415, "no-store", NOTHING),
        (Method::PUT, "/graphql", 405, "no-store", NOTHING),
        (Method::POST, "/metrics", 405, "no-store", NOTHING),
        (Method::OPTIONS, "/graphql", 200, "no-store", NOTHING),
        (Method::GET, "/nothing/here", 404, "no-store", NOTHING),
        (Method::GET, "/health/live", 200, "no-store", NOTHING),
        (Method::GET, "/health/ready", 200, "no-store", NOTHING),
        (Method::GET, "/metrics", 200, "no-store", NOTHING),
        (Method::GET, "/schema.graphql", 200, "no-store", NOTHING),
        (Method::GET, "/.well-known/jwks.json", 200, "public, max-age=300", NOTHING),
        (Method::GET, "/", 303, "no-store", NOTHING),
        (Method::GET, "/playground", 200, "no-cache", page),
        (Method::HEAD, "/playground", 200, "no-cache", page),
        (Method::GET, "/playground/icon.svg", 200, "no-cache", page),
        (Method::GET, "/playground/playground.js", 200, "no-cache", page),
        (Method::GET, "/playground/playground.css", 200, "no-cache", page),
        (Method::GET, "/playground/licences.txt", 200, "no-cache", page),
    ] {
        let response = ask(&app, method.clone(), path, &[("accept", "*/*")]).await;
        let headers = response.headers();
        let shown = format!("{method} {path}: {headers:#?}");
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(one(headers, "x-content-type-options"), "nosniff", "{shown}");
        assert_eq!(one(headers, "referrer-policy"), "no-referrer", "{shown}");
        assert_eq!(one(headers, "cross-origin-resource-policy"), "same-origin", "{shown}");
        assert_eq!(one(headers, "cache-control"), cache, "{shown}");
        assert!(varies_by(headers, "origin"), "{shown}");
        assert!(headers.get("strict-transport-security").is_none(), "{shown}");
        assert!(headers.get("set-cookie").is_none(), "{shown}");
        assert!(headers.get("server").is_none(), "{shown}");
        let said = one(headers, "content-security-policy");
        if policy == page {
            is_strict(said);
            assert!(said.contains("script-src 'self';"), "{shown}");
            assert_eq!(one(headers, "cross-origin-opener-policy"), "same-origin", "{shown}");
            for feature in ["camera=()", "geolocation=()", "microphone=()", "payment=()"] {
                assert!(one(headers, "permissions-policy").contains(feature), "{shown}");
            }
        } else {
            assert_eq!(said, policy, "{shown}");
        }
    }
    app.stop().await;
}

/// Nothing but its own files and the API, and in nobody's frame.
fn is_strict(policy: &str) {
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for needed in
        ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    {
        assert!(directives.contains(&needed), "{needed}: {policy}");
    }
    for source in directives.iter().flat_map(|directive| directive.split(' ').skip(1)) {
        assert!(["'none'", "'self'", "data:"].contains(&source), "{source}: {policy}");
    }
    let data = directives.iter().filter(|directive| directive.contains("data:"));
    assert!(data.into_iter().all(|directive| directive.starts_with("img-src ")), "{policy}");
}

/// The policy forbids it, so a page that has some does not work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
    let app = app(&[]).await;
    let page = ask(&app, Method::GET, "/playground", &[]).await.text().await.unwrap();
    for tag in page.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        assert!(!tag.contains(" on") && !tag.contains(" style="), "{tag}");
        assert!(!tag.contains("//"), "{tag}");
        assert!(!tag.starts_with("style") && !tag.contains("javascript:"), "{tag}");
        assert!(!tag.starts_with("script") || text.is_empty(), "{tag}: {text}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_are_told_to_stay_with_https_only_where_clients_come_by_it() {
    let app = app(&["--public-url", "https://chat.example.org"]).await;
    for path in ["/graphql?query={__typename}", "/playground", "/nothing", "/health/live"] {
        let response = ask(&app, Method::GET, path, &[]).await;
        let told = one(response.headers(), "strict-transport-security");
        let (name, seconds) = told.split_once('=').unwrap();
        assert_eq!(name, "max-age", "{path}: {told}");
        assert!(seconds.parse::<u32>().unwrap() >= 31_536_000, "{path}: {told}");
    }
    app.stop().await;

    let plain = self::app(&["--public-url", "http://chat.example.org"]).await;
    let response = ask(&plain, Method::GET, "/playground", &[]).await;
    assert!(response.headers().get("strict-transport-security").is_none());
    plain.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_of_allowed_origins_may_ask_and_read() {
    let options = ["--allowed-origin", OURS, "--public-url", "https://chat.example.org"];
    let app = app(&options).await;
    for (origin, allowed) in [
        (OURS, true),
        ("https://chat.example.org", true),
        (FOREIGN, false),
        ("http://web.example", false),
        ("https://web.example:8443", false),
        ("https://web.example.evil.example", false),
        ("https://evil.example/?https://web.example", false),
        ("null", false),
        ("*", false),
    ] {
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,traceparent"),
        ];
        let preflight = ask(&app, Method::OPTIONS, "/graphql", &preflight).await;
        let request =
            post(&app, origin, Some("application/json"), r#"{"query":"{__typename}"}"#).await;
        assert_eq!(request.status(), 200, "the answer is for who may read it: {origin}");
        for headers in [preflight.headers(), request.headers()] {
            let granted = headers.get("access-control-allow-origin");
            assert_eq!(granted.is_some_and(|granted| granted == origin), allowed, "{headers:#?}");
            assert_eq!(granted.is_some(), allowed, "{headers:#?}");
            assert!(headers.get("access-control-allow-credentials").is_none(), "{headers:#?}");
            assert!(varies_by(headers, "origin"), "{headers:#?}");
        }
        let headers = preflight.headers();
        assert_eq!(one(headers, "access-control-allow-methods"), "GET,POST");
        let named = one(headers, "access-control-allow-headers");
        let apollos = "apollo-require-preflight,apollographql-client-name,\
                       apollographql-client-version,x-apollo-operation-name";
        assert_eq!(named, format!("accept,authorization,content-type,traceparent,{apollos}"));
    }
    app.stop().await;
}

async fn register_by(client: &Client, name: &str) -> Result<Value, Refusal> {
    client.attempt(&registration(name), Value::Null).await
}

fn registration(name: &str) -> String {
    format!(
        "mutation {{ register(input: {{ username: \"{name}\", email: \"{name}@example.org\", \
         password: \"correct horse\" }}) {{ id }} }}"
    )
}

/// What a browser sends for any page without a preflight: Fetch, section
/// "CORS-safelisted request-header".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_others_runs_nothing_without_asking_first() {
    let app = app(&["--allowed-origin", OURS]).await;
    let name = format!("ada_{}", unique());
    let operation = json!({ "query": registration(&name) }).to_string();
    let form = format!("query={}", registration(&name).replace(' ', "+"));
    let multipart = format!(
        "--x\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{operation}\r\n--x--\r\n"
    );
    for (kind, body) in [
        (None, &operation),
        (Some("text/plain"), &operation),
        (Some("text/plain; charset=utf-8"), &operation),
        (Some("text/plain; application/json"), &operation),
        (Some("text/plain;application/json;charset=utf-8"), &operation),
        (Some("application/x-www-form-urlencoded"), &form),
        (Some("application/x-www-form-urlencoded"), &operation),
        (Some("multipart/form-data; boundary=x"), &multipart),
        (Some("multipart/form-data; boundary=\"application/json\""), &operation),
    ] {
        // Not even for a page that may ask: it has to ask first.
        for origin in [FOREIGN, OURS, "null"] {
            let response = post(&app, origin, kind, body).await;
            assert_eq!(response.status(), 415, "{kind:?}");
        }
    }
    // A link, an image, a form with method=get.
    let query = url_encoded(&registration(&name));
    for path in
        [format!("/graphql?query={query}"), format!("/graphql?query={query}&variables={{}}")]
    {
        let response = ask(&app, Method::GET, &path, &[("origin", FOREIGN)]).await;
        assert_eq!(response.status(), 405, "{path}");
    }
    // Nothing of all that was run: the name is free.
    register_by(&app.stranger(), &name).await.unwrap();
    assert_eq!(register_by(&app.stranger(), &name).await.unwrap_err().code, "CONFLICT");
    app.stop().await;
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Browsers open sockets for any page, without a preflight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_others_opens_no_socket() {
    let app = app(&["--allowed-origin", OURS]).await;
    let same = format!("http://{}", app.address);
    for protocol in ["graphql-transport-ws", "graphql-ws"] {
        for (origin, refused) in
            [(FOREIGN, true), ("null", true), (OURS, false), (same.as_str(), false)]
        {
            let upgrade = [
                ("origin", origin),
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-protocol", protocol),
            ];
            let response = ask(&app, Method::GET, "/graphql", &upgrade).await;
            assert_eq!(response.status() == 403, refused, "{protocol} {origin}");
        }
    }
    app.stop().await;
}

/// Who comes by a name that is not ours is answered, and the name is used for
/// nothing: not for where a redirect leads, nor for who signed a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_that_a_client_gives_the_host_is_used_for_nothing() {
    let app = app(&["--verify-email", "off"]).await;
    for path in ["/", "/playground", "/graphql?query={__typename}", "/schema.graphql", "/nothing"] {
        let host = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
        let response = ask(&app, Method::GET, path, &host).await;
        assert!(!format!("{:?}", response.headers()).contains("evil"), "{path}");
        assert!(!response.text().await.unwrap_or_default().contains("evil.example"), "{path}");
    }
    app.stop().await;
}
