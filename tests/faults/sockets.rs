//! How sockets come to their end.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    away::stores_stay,
    footprint::Footprint,
    scenarios,
    support::{Client, Feed, accounts::sign_in, feed::Closed, within},
    town::{Subscriber, Town},
};

scenarios! {
    a_session_that_ends_closes_its_sockets,
}

/// What comes before the socket is closed, and how it is.
pub async fn until_closed(feed: &mut Feed) -> (Vec<Value>, Closed) {
    let mut events = Vec::new();
    loop {
        match feed.frame().await {
            Ok(mut frame) => events.push(frame["payload"]["data"]["events"].take()),
            Err(closed) => return (events, closed),
        }
    }
}

async fn a_session_that_ends_closes_its_sockets(town: &mut Town) {
    const SOCKETS: usize = 3;
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let nobody = Client::new(town.service.address, None);
    let device = async || sign_in(&nobody, &ada.username, "password", None).await.unwrap();
    let (signs_out, is_ended) = (device().await, device().await);
    let mut stays = ada.feed().await;
    for (session, ended_by) in [(&signs_out, "signOut"), (&is_ended, "endSession")] {
        let mut feeds = join_all((0..SOCKETS).map(|_| session.feed())).await;
        feeds.push(Feed::connect(session).await);
        grace.send(&ada, ended_by).await;
        for feed in &mut feeds[..SOCKETS] {
            assert_eq!(feed.message().await, ended_by);
        }
        assert_eq!(stays.message().await, ended_by);
        let id = session.session().await;
        let asked = Instant::now();
        match ended_by {
            "signOut" => drop(session.data("mutation { signOut }", Value::Null).await),
            _ => drop(ada.end_session(&id).await.unwrap()),
        }
        for feed in &mut feeds {
            let (events, closed) = until_closed(feed).await;
            assert_eq!((events, closed.code), (Vec::new(), 4403));
        }
        let took = asked.elapsed();
        eprintln!("{} sockets closed {took:?} after {ended_by} was asked for", feeds.len());
        assert!(took < Duration::from_secs(1), "{took:?}");
        let refused = Feed::admitted(session).await.err().unwrap();
        assert_eq!(refused.code, 4403, "the token is not good any more");
        stays.is_served().await;
    }
    grace.send(&ada, "still here").await;
    assert_eq!(stays.message().await, "still here");
}

/// On both sets of stores at once, since there is little to do but to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_is_found_by_ping() {
    let _stay = stores_stay().await;
    let towns = tokio::join!(Town::embedded(), Town::servers());
    tokio::join!(is_found_by_ping(towns.0), is_found_by_ping(towns.1));
}

async fn is_found_by_ping(town: Town) {
    let before = Footprint::of(&town).await;
    vanish(&town).await;
    before.is_all(&town).await;
    town.end().await;
}

async fn vanish(town: &Town) {
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    let sockets = async || town.metric("chatterbox_websocket_connections").await;
    let stays = Subscriber::start(&grace).await;
    // Nothing answers pings unless it is read.
    let vanished = tokio::join!(grace.feed(), ada.feed(), Feed::connect(&ada));
    let begun = Instant::now();
    ada.send(&grace, "unread").await;
    assert_eq!(sockets().await, 4.0);
    let found = async {
        while sockets().await > 1.0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.expect("never found");
    let took = begun.elapsed();
    eprintln!("who vanished was found after {took:?}");
    assert!(took < Duration::from_secs(32), "{took:?}");
    assert_eq!(stays.breaks(), 0, "who answers pings stays");
    assert_eq!(stays.bodies(), ["unread"]);
    drop(vanished);
}

/// What the stores are makes no difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_let_go() {
    const ANSWERS: usize = 400;
    let town = Town::embedded().await;
    let before = Footprint::of(&town).await;
    let mut silent = TcpStream::connect(town.service.address).await.unwrap();
    let request = "GET /playground/playground.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    silent.write_all(request.repeat(ANSWERS).as_bytes()).await.unwrap();
    within("an answer", silent.readable()).await.unwrap();

    let begun = Instant::now();
    let let_go = async {
        while Footprint::of(&town).await != before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), let_go).await.expect("never let go");
    eprintln!("who took nothing was let go after {:?}", begun.elapsed());
    // What lies in the buffers is still to be had.
    let mut taken = Vec::new();
    let _broken = silent.read_to_end(&mut taken).await;
    let answers = taken.windows(15).filter(|part| part == b"HTTP/1.1 200 OK").count();
    assert!((1..ANSWERS).contains(&answers), "{answers} answers were taken");
    town.end().await;
}
