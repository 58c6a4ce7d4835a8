//! Everything besides GraphQL.

use axum::http::Method;
use futures::FutureExt;

use super::*;

fn part(name: &'static str, outcome: impl Fn() -> Result<String> + Send + Sync + 'static) -> Part {
    let outcome = Arc::new(outcome);
    let check = move || {
        let outcome = outcome.clone();
        async move { outcome() }.boxed()
    };
    Part { name, needed: true, check: Arc::new(check) }
}

#[tokio::test]
async fn ready_names_each_part() {
    let server = Server::with(|parts| {
        parts.health =
            vec![part("sql", || Ok("SQLite/3".to_owned())), part("graph", || Ok("9".to_owned()))];
    })
    .await;
    assert_eq!(server.get("/health/live").await.status(), 200);
    let response = server.get("/health/ready").await;
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["status"], "ready");
    assert_eq!(body["parts"][0], json!({ "name": "sql", "ok": true, "version": "SQLite/3" }));
    assert_eq!(body["parts"][1]["name"], "graph");
}

#[tokio::test]
async fn a_part_that_is_away_is_told_by_its_class_only() {
    let never = Part { name: "mail", needed: true, check: Arc::new(|| pending().boxed()) };
    let parts = [
        part("sql", || Err(Error::unavailable("mysql://me:hunter2@db"))),
        part("graph", || Err(Error::internal("odd"))),
        never,
    ];
    let reports = check_parts(&parts).await;
    let outcomes: Vec<_> = reports.iter().map(|report| report.outcome.clone()).collect();
    assert_eq!(outcomes, [Err("UNAVAILABLE"), Err("INTERNAL"), Err("TIMEOUT")]);
}

#[tokio::test]
async fn not_ready_is_503_and_live_stays_200() {
    let server = Server::with(|parts| {
        parts.health = vec![part("sql", || Err(Error::unavailable("mysql://me:hunter2@db")))];
    })
    .await;
    let response = server.get("/health/ready").await;
    assert_eq!(response.status(), 503);
    let text = response.text().await.expect("text");
    assert!(text.contains("UNAVAILABLE") && !text.contains("hunter2"), "{text}");
    assert_eq!(server.get("/health/live").await.status(), 200);
}

#[tokio::test]
async fn metrics_count_by_route_and_not_by_what_clients_make_up() {
    let server = Server::start().await;
    server.query("{ one two }").await;
    server.get("/made/up/by/a/client").await;
    let text = server.get("/metrics").await.text().await.expect("text");
    for expected in [
        "chatterbox_http_requests_total{path=\"/graphql\",method=\"POST\",status=\"200\"}",
        "chatterbox_http_requests_total{path=\"unmatched\",method=\"GET\",status=\"404\"}",
        "chatterbox_http_request_duration_seconds_bucket{path=\"/graphql\",le=\"0.001\"}",
        "chatterbox_graphql_errors_total{code=\"BAD_USER_INPUT\"}",
        "chatterbox_build_info{version=",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(!text.contains("made/up"));
}

#[tokio::test]
async fn the_schema_and_the_keys_are_there() {
    let server = Server::start().await;
    assert!(server.get("/schema.graphql").await.text().await.expect("text").contains("bump: Int!"));
    let keys = server.get("/.well-known/jwks.json").await.json::<Value>().await.expect("JSON");
    assert_eq!(keys, json!({ "keys": [] }));
}

#[tokio::test]
async fn the_playground_comes_from_the_binary() {
    let server = Server::start().await;
    for path in ["/", "/playground/"] {
        let response = server.get(path).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["location"]),
            (303, &"/playground".parse().expect("a value"))
        );
    }
    let browser = client().get(server.url("/graphql")).header("accept", "text/html,*/*;q=0.8");
    assert_eq!(browser.send().await.expect("an answer").status(), 303);

    for (path, kind, gzip) in [
        ("/playground", "text/html; charset=utf-8", false),
        ("/playground/icon.svg", "image/svg+xml", false),
        ("/playground/playground.js", "text/javascript; charset=utf-8", true),
        ("/playground/playground.css", "text/css; charset=utf-8", true),
        ("/playground/licences.txt", "text/plain; charset=utf-8", true),
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], kind);
        assert_eq!(
            headers.get("content-encoding").is_some_and(|coding| coding == "gzip"),
            gzip,
            "{path}"
        );
        assert!(
            headers["content-security-policy"]
                .to_str()
                .expect("text")
                .starts_with("default-src 'none'")
        );
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let again = client().get(server.url(path)).header("if-none-match", &headers["etag"]);
        assert_eq!(again.send().await.expect("an answer").status(), 304);
        let plain = client().get(server.url(path)).header("accept-encoding", "identity");
        assert_eq!(plain.send().await.expect("an answer").status(), if gzip { 406 } else { 200 });
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let server = Server::start().await;
    assert_eq!(code(&server.get("/nothing").await.json().await.expect("JSON")), "NOT_FOUND");
    let (status, body) = read(client().post(server.url("/metrics"))).await;
    assert_eq!((status, code(&body)), (405, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask() {
    let server = Server::start().await;
    for (origin, allowed) in [("https://web.example", true), ("https://evil.example", false)] {
        let preflight = client()
            .request(Method::OPTIONS, server.url("/graphql"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let response = preflight.send().await.expect("an answer");
        let granted = response.headers().get("access-control-allow-origin");
        assert_eq!(granted.is_some_and(|granted| granted == origin), allowed);

        let request = server.post(&json!({ "query": "{ one }" })).header("origin", origin);
        let response = request.send().await.expect("an answer");
        let headers = response.headers();
        assert_eq!(headers.contains_key("access-control-allow-origin"), allowed);
        assert_eq!(headers["access-control-expose-headers"], "x-trace-id");
    }
}
