//! Answers that are made smaller.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::*;

async fn decoded(mut decoder: impl AsyncRead + Unpin) -> Value {
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).await.expect("decoded");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn what_is_long_is_compressed_for_who_takes_it() {
    let server = Server::start().await;
    let query = "{ __schema { types { name description fields { name } } } }";
    let ask = |accept| server.post(&json!({ "query": query })).header("accept-encoding", accept);
    let plain = ask("identity").send().await.expect("an answer");
    let mut varies = plain.headers().get_all("vary").iter();
    assert!(varies.any(|by| by == "accept-encoding"));
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.expect("a body");
    let expected: Value = serde_json::from_slice(&plain).expect("JSON");
    for (accept, coding) in
        [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0.5, gzip", "gzip")]
    {
        let response = ask(accept).send().await.expect("an answer");
        assert_eq!(response.headers()["content-encoding"], coding);
        let bytes = response.bytes().await.expect("a body");
        assert!(bytes.len() * 2 < plain.len(), "{} of {} bytes", bytes.len(), plain.len());
        let read = match coding {
            "br" => decoded(BrotliDecoder::new(&bytes[..])).await,
            _ => decoded(GzipDecoder::new(&bytes[..])).await,
        };
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn what_is_short_or_comes_as_a_stream_stays_as_it_is() {
    let server = Server::start().await;
    for (accept, query) in [
        ("application/json", "{ one }"),
        ("text/event-stream", "subscription { count(to: 200) }"),
        ("multipart/mixed;subscriptionSpec=1.0", "subscription { count(to: 200) }"),
    ] {
        let request = server.post(&json!({ "query": query })).header("accept", accept);
        let response = request.header("accept-encoding", "gzip, br").send().await;
        let response = response.expect("an answer");
        assert!(!response.headers().contains_key("content-encoding"), "{accept}");
        assert!(response.text().await.expect("text").contains('1'), "{accept}");
    }
    let file =
        client().get(server.url("/playground/playground.js")).header("accept-encoding", "br, gzip");
    let file = file.send().await.expect("an answer");
    assert_eq!(file.headers()["content-encoding"], "gzip", "as it is stored");
}
