//! GraphQL over HTTP.

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::*;

const MODERN: &str = "application/graphql-response+json";

#[tokio::test]
async fn a_query_is_answered_in_the_type_that_is_accepted() {
    let server = Server::start().await;
    for (accept, expected) in
        [(MODERN, MODERN), ("application/json", "application/json"), ("*/*", "application/json")]
    {
        let request = server.post(&json!({ "query": "{ one }" })).header("accept", accept);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert_eq!(kind, format!("{expected}; charset=utf-8"));
        assert_eq!(response.json::<Value>().await.expect("JSON"), json!({ "data": { "one": 1 } }));
    }
    let html = server.post(&json!({ "query": "{ one }" })).header("accept", "text/html");
    assert_eq!(read(html).await.0, 406);
    assert_eq!(server.seen.prepared.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_is_not_executed_has_no_data_and_a_status_by_type() {
    let server = Server::start().await;
    for query in ["{ one", "{ two }", "query A { one } query B { one }"] {
        for (accept, expected) in [(MODERN, 400), ("application/json", 200)] {
            let request = server.post(&json!({ "query": query })).header("accept", accept);
            let (status, body) = read(request).await;
            assert_eq!((status, code(&body)), (expected, "BAD_USER_INPUT"), "{body}");
            assert!(body.get("data").is_none(), "{body}");
        }
    }
    // Executed, and failed: 200 whatever the type.
    let request = server.post(&json!({ "query": "{ viewer }" })).header("accept", MODERN);
    let (status, body) = read(request).await;
    assert_eq!((status, code(&body), &body["data"]), (200, "UNAUTHENTICATED", &Value::Null));
}

#[tokio::test]
async fn a_document_is_parsed_once_and_means_what_the_request_says() {
    let server = Server::start().await;
    let query = "query A { one } query B($a: Int!) { plus(a: $a, b: 1) } mutation C { bump }";
    for turn in 1..=3 {
        for (name, expected) in [
            ("A", json!({ "one": 1 })),
            ("B", json!({ "plus": turn + 1 })),
            ("C", json!({ "bump": turn })),
        ] {
            let body = json!({ "query": query, "operationName": name, "variables": { "a": turn } });
            assert_eq!(read(server.post(&body)).await.1, json!({ "data": expected }));
        }
    }
    let refused = json!({ "query": query, "operationName": "D" });
    assert_eq!(code(&read(server.post(&refused)).await.1), "BAD_USER_INPUT");
}

#[tokio::test]
async fn only_json_is_read() {
    let server = Server::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let request = client().post(server.url("/graphql")).header("content-type", kind);
        let (status, body) = read(request.body(r#"{"query":"mutation { bump }"}"#)).await;
        assert_eq!((status, code(&body)), (415, "BAD_USER_INPUT"), "{kind}");
    }
    let nothing = client().post(server.url("/graphql")).body(r#"{"query":"mutation { bump }"}"#);
    assert_eq!(read(nothing).await.0, 415);
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let server = Server::start().await;
    for body in [
        "",
        "{",
        "1",
        "null",
        "{}",
        r#"{"query":1}"#,
        r#"{"query":"{one}","variables":[7]}"#,
        "[]",
        "[1]",
    ] {
        let request =
            client().post(server.url("/graphql")).header("content-type", "application/json");
        let (status, answer) = read(request.body(body)).await;
        assert_eq!((status, code(&answer)), (400, "BAD_USER_INPUT"), "{body}: {answer}");
    }
    let nulls =
        json!({ "query": "{ one }", "variables": null, "operationName": null, "extensions": null });
    assert_eq!(read(server.post(&nulls)).await, (200, json!({ "data": { "one": 1 } })));
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let server = Server::start().await;
    let body = |length: usize| {
        let start = r#"{"query":"{ one }"}"#;
        format!("{start}{}", " ".repeat(length - start.len()))
    };
    for (length, expected) in [(BODY_LIMIT, 200), (BODY_LIMIT + 1, 413), (3 * 1024 * 1024, 413)] {
        let request =
            client().post(server.url("/graphql")).header("content-type", "application/json");
        let (status, answer) = read(request.body(body(length))).await;
        assert_eq!(status, expected, "{answer}");
        assert!(status == 200 || code(&answer) == "BAD_USER_INPUT", "{answer}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_has_a_limit() {
    let server = Server::start().await;
    let batch = json!([{ "query": "{ wait(millis: 50) }" }, { "query": "{ two }" }, { "query": "{ one }" }]);
    let (status, body) = read(server.post(&batch)).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&body[0]["data"]["wait"], code(&body[1]), &body[2]["data"]["one"]),
        (&json!(true), "BAD_USER_INPUT", &json!(1))
    );
    assert!(body[1].get("data").is_none(), "it was not executed: {body}");
    assert_eq!(server.seen.prepared.load(Ordering::SeqCst), 3);

    let of = |count| Value::from(vec![json!({ "query": "mutation { bump }" }); count]);
    assert_eq!(read(server.post(&of(BATCH_LIMIT))).await.0, 200);
    let (status, body) = read(server.post(&of(BATCH_LIMIT + 1))).await;
    assert_eq!((status, code(&body)), (400, "BAD_USER_INPUT"));
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), BATCH_LIMIT);
}

#[tokio::test]
async fn get_serves_queries_and_never_runs_a_mutation() {
    let server = Server::start().await;
    let plus = "/graphql?query=query($a:Int!)%7Bplus(a:$a,b:2)%7D&variables=%7B%22a%22:40%7D";
    assert_eq!(server.get(plus).await.json::<Value>().await.expect("JSON")["data"]["plus"], 42);

    let both = "query%20Q%7Bone%7D%20mutation%20M%7Bbump%7D";
    for (query, status) in [
        ("query=mutation%7Bbump%7D".to_owned(), 405),
        (format!("query={both}&operationName=M"), 405),
        (format!("query={both}&operationName=Q"), 200),
        (format!("query={both}"), 200),
        (format!("query={both}&operationName=X"), 200),
        ("query=fragment%20F%20on%20MutationRoot%7Bbump%7D%20mutation%7B...F%7D".to_owned(), 405),
        ("query=subscription%7Bcount(to:1)%7D".to_owned(), 200),
        ("variables=%7B%7D".to_owned(), 400),
        ("query=%7Bone%7D&variables=7".to_owned(), 400),
    ] {
        let response = server.get(&format!("/graphql?{query}")).await;
        assert_eq!(response.status(), status, "{query}");
        if status == 405 {
            assert_eq!(response.headers()["allow"], "POST");
        }
    }
    assert_eq!(server.seen.bumps.load(Ordering::SeqCst), 0);
    let delete = client().delete(server.url("/graphql"));
    assert_eq!(read(delete).await.0, 405);
}

#[tokio::test]
async fn a_subscription_needs_a_socket_or_a_stream() {
    let server = Server::start().await;
    let body = server.query("subscription { count(to: 1) }").await;
    assert_eq!(code(&body), "BAD_USER_INPUT");
    let message = body["errors"][0]["message"].as_str().expect("text");
    assert!(message.contains("graphql-transport-ws") && message.contains("text/event-stream"));
}

#[tokio::test]
async fn a_bad_token_leaves_public_operations_alone() {
    let server = Server::start().await;
    let ask = json!({ "query": "{ one viewer }" });
    let with = |authorization| read(server.post(&ask).header("authorization", authorization));
    let user = VIEWER.user.to_string();
    assert_eq!(with("Bearer good").await.1["data"]["viewer"], json!(user));
    assert_eq!(with("bearer good").await.1["data"]["viewer"], json!(user));
    for bad in ["Bearer expired", "Bearer", "Basic good", "good", ""] {
        let (status, body) = with(bad).await;
        let message = &body["errors"][0]["message"];
        assert_eq!(
            (status, code(&body), message),
            (200, "UNAUTHENTICATED", &json!("bad")),
            "{bad}"
        );
        let public = server.post(&json!({ "query": "{ one }" })).header("authorization", bad);
        assert_eq!(read(public).await.1["data"]["one"], 1);
    }
    assert_eq!(server.query("{ viewer }").await["errors"][0]["message"], "none");
}

#[tokio::test]
async fn a_request_is_found_by_its_trace_id() {
    let server = Server::start().await;
    let given = "4bf92f3577b34da6a3ce929d0e0e4736";
    for header in
        [Some(format!("00-{given}-00f067aa0ba902b7-01")), Some("nonsense".to_owned()), None]
    {
        let mut request = server.post(&json!({ "query": "{ trace }" }));
        if let Some(header) = &header {
            request = request.header("traceparent", header);
        }
        let response = request.send().await.expect("an answer");
        let returned = response.headers()["x-trace-id"].to_str().expect("text").to_owned();
        assert_eq!(response.json::<Value>().await.expect("JSON")["data"]["trace"], json!(returned));
        let kept = header.is_some_and(|header| header.contains(given));
        assert_eq!((returned.len(), returned == given), (32, kept));
    }
}

#[tokio::test]
async fn a_panic_is_an_error_like_others() {
    let server = Server::start().await;
    let response = server.post(&json!({ "query": "{ panic }" })).send().await.expect("an answer");
    assert_eq!(response.status(), 500);
    let trace = response.headers()["x-trace-id"].to_str().expect("text").to_owned();
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(
        (code(&body), &body["errors"][0]["extensions"]["traceId"]),
        ("INTERNAL", &json!(trace))
    );
    assert!(!body.to_string().contains("as asked"));
    assert_eq!(server.query("{ one }").await["data"]["one"], 1);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_few() {
    const MANY: usize = CALLER_PLACES + 8;
    let server = Server::start().await;
    let made = || server.seen.floods.load(Ordering::SeqCst);
    // More than the kernel takes of each.
    let body = json!({ "query": "{ large(mebibytes: 6) }" }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut unread = Vec::new();
    for _ in 0..MANY {
        let mut client = TcpStream::connect(server.address).await.expect("a connection");
        client.write_all(request.as_bytes()).await.expect("sent");
        unread.push(client);
    }
    until(|| made() == CALLER_PLACES).await;
    // Small ones wait behind them, but those of others do not.
    assert_eq!(server.query("{ one }").await["data"]["one"], 1);
    assert_eq!(made(), CALLER_PLACES);
    // Whoever goes makes room, and so does who reads.
    drop(unread.remove(0));
    until(|| made() == CALLER_PLACES + 1).await;
    let mut reads = unread.remove(0);
    let mut read = vec![0; 6 * 1024 * 1024];
    tokio::io::AsyncReadExt::read_exact(&mut reads, &mut read).await.expect("the answer");
    until(|| made() == CALLER_PLACES + 2).await;
}
