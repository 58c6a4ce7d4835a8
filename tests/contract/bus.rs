//! What every bus has to do.

use std::{sync::Arc, time::Duration};

use chatterbox::{
    ambient::Ambient,
    ids::UserId,
    live::{Bus, InProcessBus, Packet, Passing, Presence, Roll, RollCall, Signal},
    messaging::{Change, Entry, Position, Recipients, Scope},
    nats::NatsBus,
};
use chatterbox_graph::Timestamp;
use tokio::{sync::broadcast::Receiver, time::timeout};
use uuid::Uuid;

use crate::support::stores::required;

/// A log's id that no other test has.
fn log() -> Uuid {
    Uuid::from_bytes(Ambient::system().bytes())
}

/// A node that takes part once the server knows of it.
async fn nats(log: Uuid) -> NatsBus {
    let bus = NatsBus::join(&required("CHATTERBOX_TEST_BUS_URL"), log).await.unwrap();
    assert!(bus.check().await.unwrap().starts_with("NATS/"));
    bus
}

fn batch(from: i64, count: i64) -> Vec<Arc<Entry>> {
    let ambient = Ambient::system();
    let entry = |pos| {
        let user: UserId = ambient.id();
        let change = Change::SessionEnded { session: ambient.id() };
        let (scope, to) = (Scope::User(user), Recipients::one(user));
        Arc::new(Entry { pos: Position(pos), at: Timestamp(pos), scope, to, change })
    };
    (from..from + count).map(entry).collect()
}

fn signal() -> Arc<Signal> {
    let user = Ambient::system().id();
    let presence = Some(Presence { online: true, last_seen_at: None });
    let what = Passing::Presence { user, person: None, presence };
    Arc::new(Signal { at: Timestamp(1), to: [user].into(), what })
}

async fn next(packets: &mut Receiver<Packet>) -> Packet {
    timeout(Duration::from_secs(10), packets.recv()).await.expect("a packet").unwrap()
}

/// The entries of the next packets, as many as there have to be.
async fn entries(packets: &mut Receiver<Packet>, count: usize) -> Vec<Arc<Entry>> {
    let mut entries = Vec::new();
    while entries.len() < count {
        match next(packets).await {
            Packet::Logged(batch) => entries.extend(batch.iter().cloned()),
            other => panic!("{other:?}"),
        }
    }
    entries
}

/// What is handed to one is heard by the listeners of both, in order, once.
async fn what_is_published_is_heard(from: &dyn Bus, to: &dyn Bus) {
    let mut heard = [from.subscribe(), to.subscribe()];
    let (first, second, passing) = (batch(1, 300), batch(301, 1), signal());
    from.publish(first.clone().into());
    from.publish(second.clone().into());
    from.signal(passing.clone());
    for heard in &mut heard {
        let all: Vec<_> = first.iter().chain(&second).cloned().collect();
        assert_eq!(entries(heard, all.len()).await, all);
        assert!(matches!(next(heard).await, Packet::Passing(signal) if signal == passing));
        assert!(heard.is_empty(), "nothing comes twice");
    }
}

#[tokio::test]
async fn what_is_published_is_heard_in_process() {
    let bus = InProcessBus::default();
    what_is_published_is_heard(&bus, &bus).await;
    assert_eq!(bus.check().await.unwrap(), "in process");
}

#[tokio::test]
async fn what_is_published_is_heard_nats() {
    let log = log();
    let nodes = [nats(log).await, nats(log).await];
    what_is_published_is_heard(&nodes[0], &nodes[1]).await;
    what_is_published_is_heard(&nodes[1], &nodes[0]).await;
}

#[tokio::test]
async fn who_shares_another_log_hears_nothing_nats() {
    let log = log();
    let (node, other, stranger) = (nats(log).await, nats(log).await, nats(self::log()).await);
    let (mut heard, mut unheard) = (other.subscribe(), stranger.subscribe());
    node.publish(batch(1, 1).into());
    assert_eq!(entries(&mut heard, 1).await[0].pos, Position(1));
    // What came before its own packet would have come by now.
    stranger.signal(signal());
    assert!(matches!(next(&mut unheard).await, Packet::Passing(_)));
    assert!(unheard.is_empty());
}

#[tokio::test]
async fn nodes_call_each_other_nats() {
    let log = log();
    let (node, other) = (nats(log).await, nats(log).await);
    let (mut own, mut heard) = (node.subscribe(), other.subscribe());
    let here = vec![Ambient::system().id()];
    let roll = Arc::new(Roll { node: Ambient::system().id(), call: RollCall::Here(here) });
    node.call(roll.clone());
    for heard in [&mut own, &mut heard] {
        assert!(matches!(next(heard).await, Packet::Roll(heard) if heard == roll));
    }
}

#[tokio::test]
async fn a_bus_that_is_away_is_no_hindrance_nats() {
    let nowhere = NatsBus::join("nats://127.0.0.1:1", log()).await.unwrap();
    let mut heard = nowhere.subscribe();
    for pos in 1..=2_000 {
        nowhere.publish(batch(pos, 1).into());
        assert_eq!(entries(&mut heard, 1).await[0].pos, Position(pos));
    }
    for url in ["nats://", "http://127.0.0.1:4222"] {
        let refused = NatsBus::join(url, log()).await.err().unwrap().to_string();
        assert!(!refused.contains(url), "{refused}");
    }
}
