//! SIGTERM: nothing new is taken, and nothing that was acknowledged is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    away::stores_stay,
    support::{Client, Feed, eventually, within},
    town::{PAUSE, Town, history, try_send},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_keeps_its_word_embedded() {
    a_service_that_stops_keeps_its_word(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_keeps_its_word_servers() {
    let _stay = stores_stay().await;
    a_service_that_stops_keeps_its_word(Town::servers().await).await;
}

async fn a_service_that_stops_keeps_its_word(mut town: Town) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let mut feeds = [Feed::connect(&ada).await, grace.feed().await];
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (ada, to, over) = (ada.clone(), grace.id.clone(), over.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    match try_send(&ada, &to, &format!("{sender} {turn}")).await {
                        Some(sent) => acknowledged.push(sent),
                        None => tokio::time::sleep(PAUSE).await,
                    }
                }
                acknowledged
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let under_way = UnderWay::begin(&ada, &grace.id, "under way").await;

    let asked = Instant::now();
    town.service.terminate();
    for feed in &mut feeds {
        assert_eq!(feed.closed().await, 1001);
    }
    // Lets the other side of the closing handshake go.
    drop(feeds);
    eventually("nothing new to be taken", || async {
        TcpStream::connect(ada.address).await.err().map(drop)
    })
    .await;
    let answer = under_way.finish().await;
    let status = within("the service to end", town.service.ended()).await;
    let took = asked.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    over.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }

    town.service.restart().await;
    let kept = history(&ada, &grace).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>());
    for sent in &acknowledged {
        assert!(kept.iter().any(|message| message.id == sent.id), "lost: {sent:?}");
    }
    assert!(!acknowledged.is_empty());
    let of_under_way = match answer["errors"][0]["extensions"]["code"].as_str() {
        None => {
            let id = answer["data"]["sendMessage"]["id"].as_str().expect("a message");
            assert!(kept.iter().any(|message| message.id == id), "lost: {answer}");
            "a message"
        }
        Some(code) => {
            assert_eq!(code, "UNAVAILABLE", "{answer}");
            code
        }
    };
    eprintln!(
        "{} acknowledged, {} kept, under way: {of_under_way}, ended after {took:?}",
        acknowledged.len(),
        kept.len()
    );
    town.end().await;
}

/// A request that the service has begun to read: it said so, by asking for
/// the body.
pub struct UnderWay {
    stream: TcpStream,
    body: String,
}

impl UnderWay {
    pub async fn begin(client: &Client, to: &str, text: &str) -> Self {
        let query = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }";
        let input = json!({ "to": { "userId": to }, "body": text, "key": text });
        let body = json!({ "query": query, "variables": { "input": input } }).to_string();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\
             expect: 100-continue\r\n\r\n",
            client.address,
            client.token.as_deref().unwrap(),
            body.len()
        );
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut heard = vec![0; expected.len()];
        within("100 Continue", stream.read_exact(&mut heard)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(expected));
        Self { stream, body }
    }

    /// Sends the body, and does not read what is answered.
    pub async fn send(&mut self) {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
    }

    /// Sends the body and returns the answer, which has to be a whole one.
    async fn finish(mut self) -> Value {
        self.send().await;
        let mut answer = String::new();
        within("an answer", self.stream.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(body).expect("a whole body")
    }
}
