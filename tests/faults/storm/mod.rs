//! Whatever breaks while people write, whenever it does: nothing that was
//! acknowledged is lost, nothing is doubled, and nothing is out of order.

mod check;
mod faults;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;
use tokio::sync::RwLockWriteGuard;

use self::faults::{Done, Fault};
use crate::{
    away::{stores_alone, stores_stay},
    chance::seed,
    cluster::Cluster,
    support::{Client, stores::StoreUrls},
    town::{PAUSE, Sent, Subscriber, try_send_by_key},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_embedded() {
    use Fault::{CutClients, HaltService, KillService};

    let storm = Storm::gather(StoreUrls::embedded(), 1, None).await;
    let faults = [KillService, KillService, KillService, KillService, KillService, HaltService];
    storm.rage(faults.into_iter().chain([CutClients; 6]).collect()).await.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_servers() {
    use Fault::{CutClients, CutStores, HaltService, HaltSql, KillService, KillStore};

    let alone = stores_alone().await;
    let storm = Storm::gather(StoreUrls::servers().await, 1, Some(alone)).await;
    let mut faults = vec![HaltService, HaltSql, KillStore("mysql"), KillStore("neo4j")];
    faults.extend([KillService, CutClients, CutStores].repeat(3));
    storm.rage(faults).await.end().await;
}

/// Senders and subscribers go to another node each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_by_three_nodes() {
    use Fault::{CutClients, HaltService, KillService, KillStore, LeaveBus, LeaveSql};

    let alone = stores_alone().await;
    let storm = Storm::gather(StoreUrls::servers().await, 3, Some(alone)).await;
    let mut faults = vec![HaltService, KillStore("nats"), KillStore("mysql"), KillService];
    faults.extend([KillService, CutClients, LeaveBus, LeaveSql, KillStore("nats")].repeat(2));
    storm.rage(faults).await.end().await;
}

/// One node after the other stops when it is asked to, and starts anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_and_doubles_nothing() {
    let _stay = stores_stay().await;
    let storm = Storm::gather(StoreUrls::servers().await, 3, None).await;
    let storm = storm.rage(vec![Fault::RestartService; 6]).await;
    for (_, subscriber) in &storm.subscribers {
        let closes = subscriber.closes();
        assert!(closes.iter().all(|code| *code == 1001), "{closes:?}");
    }
    storm.end().await;
}

/// How long a message may be refused: longer than what broke takes to be mended.
const PATIENCE: Duration = Duration::from_secs(120);
const SENDERS: usize = 8;
/// How much each of them writes at least, however slow all is.
const FEWEST: usize = 30;
/// How long a sender thinks about the next message.
const THOUGHT: Duration = Duration::from_millis(50);

/// One place where people talk, and which of them write there.
struct Place {
    id: String,
    writers: Vec<usize>,
    members: Vec<usize>,
}

/// Nodes with connections that can be cut, their people and what they follow.
struct Storm {
    cluster: Cluster,
    alone: Option<RwLockWriteGuard<'static, ()>>,
    random: StdRng,
    seed: u64,
    people: Vec<Client>,
    places: Vec<Place>,
    /// Some people have two devices.
    subscribers: Vec<(usize, Subscriber)>,
    /// The node that breaks next.
    next: usize,
    done: BTreeMap<Fault, Done>,
}

impl Storm {
    async fn gather(
        stores: StoreUrls,
        nodes: usize,
        alone: Option<RwLockWriteGuard<'static, ()>>,
    ) -> Self {
        let seed = seed();
        let cluster = Cluster::of(stores, nodes).await;
        let names: Vec<String> = (0..SENDERS).map(|number| format!("s{number}")).collect();
        let people = join_all(names.iter().map(|name| cluster.town.person(name))).await;
        let people: Vec<Client> =
            people.iter().enumerate().map(|(at, person)| cluster.at(at % nodes, person)).collect();
        let places = places(&people).await;
        let devices = (0..SENDERS).chain([0, 2, 4, 6]).enumerate();
        let follow = |(device, person): (usize, usize)| {
            let (client, nodes) = (&people[person], cluster.nodes_from(device));
            async move { (person, Subscriber::start_at(client, nodes).await) }
        };
        let subscribers = join_all(devices.map(follow)).await;
        let (random, done) = (StdRng::seed_from_u64(seed), BTreeMap::new());
        Self { cluster, alone, random, seed, people, places, subscribers, next: 0, done }
    }

    async fn rage(mut self, mut faults: Vec<Fault>) -> Self {
        let before = self.cluster.town.positions().await;
        let begun = Instant::now();
        let over = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for place in &self.places {
            for writer in &place.writers {
                let nodes = self.cluster.nodes_from(*writer);
                let sender = Sender { from: self.people[*writer].clone(), nodes, turn: 0 };
                senders.push(tokio::spawn(sender.write(place.id.clone(), over.clone())));
            }
        }
        assert_eq!(senders.len(), SENDERS);
        faults.shuffle(&mut self.random);
        for fault in faults {
            tokio::time::sleep(Duration::from_millis(self.random.random_range(100..700))).await;
            let hit = self.strike(fault).await;
            let done = self.done.entry(fault).or_default();
            done.times += 1;
            done.hit += hit;
        }
        over.store(true, Ordering::Relaxed);
        let (mut acknowledged, mut repeated) = (HashMap::<String, Vec<Sent>>::new(), 0);
        for sender in senders {
            let (place, sent, again) = sender.await.unwrap();
            acknowledged.entry(place).or_default().extend(sent);
            repeated += again;
        }
        let messages = self.check(acknowledged).await;
        let positions = self.cluster.town.positions().await;
        assert_eq!(positions, before + messages, "each message has one position");
        self.report(&format!(
            "{messages} messages of {SENDERS} senders in {} conversations, {repeated} sent again, \
             {positions} positions, {:?}",
            self.places.len(),
            begun.elapsed()
        ));
        self
    }

    async fn end(self) {
        self.cluster.end().await;
    }

    fn report(&self, what: &str) {
        let breaks = self.subscribers.iter().map(|(_, subscriber)| subscriber.breaks());
        let (fewest, all) = (breaks.clone().min().unwrap(), breaks.sum::<usize>());
        let nodes = self.cluster.gates.len();
        eprintln!(
            "seed {}: {nodes} node(s), {}; {what}; {all} breaks of {} subscribers, {fewest} at least",
            self.seed,
            self,
            self.subscribers.len()
        );
        if let (Some(kills), 1) = (self.done.get(&Fault::KillService), nodes) {
            assert!(fewest >= kills.times, "the service was hardly used");
        }
    }
}

/// Three couples and a group, in which those write who don't write elsewhere.
async fn places(people: &[Client]) -> Vec<Place> {
    let mut places = Vec::new();
    for (couple, writers) in [([0, 1], vec![0, 1]), ([2, 3], vec![2, 3]), ([4, 5], vec![4])] {
        let first = people[couple[0]].send(&people[couple[1]], "Hello").await;
        let id = first["conversation"]["id"].as_str().unwrap().to_owned();
        places.push(Place { id, writers, members: couple.to_vec() });
    }
    let guests: Vec<&Client> = people[5..].iter().collect();
    let id = people[4].found("Storm", "PRIVATE", &guests).await;
    people[4].tell(&id, "Hello").await;
    places.push(Place { id, writers: vec![5, 6, 7], members: vec![4, 5, 6, 7] });
    places
}

/// Somebody who writes, by the next node each time.
struct Sender {
    from: Client,
    nodes: Vec<SocketAddr>,
    turn: usize,
}

impl Sender {
    /// Writes until it is over; returns where, what was acknowledged, and how
    /// often something was sent again.
    async fn write(mut self, to: String, over: Arc<AtomicBool>) -> (String, Vec<Sent>, usize) {
        let (mut acknowledged, mut repeated) = (Vec::new(), 0);
        while !over.load(Ordering::Relaxed) || acknowledged.len() < FEWEST {
            let body = format!("{} {}", self.from.username, acknowledged.len());
            let (sent, again) = self.send(&to, &body).await;
            acknowledged.push(sent);
            repeated += again;
            tokio::time::sleep(THOUGHT).await;
        }
        (to, acknowledged, repeated)
    }

    /// Sends a message until it is acknowledged; returns how often it was sent again.
    async fn send(&mut self, to: &str, body: &str) -> (Sent, usize) {
        // One person says the same in several places.
        let (mut again, key) = (0, format!("{to} {body}"));
        let sending = async {
            loop {
                let to = json!({ "conversationId": to });
                self.from.address = self.nodes[self.turn % self.nodes.len()];
                self.turn += 1;
                if let Some(sent) = try_send_by_key(&self.from, to, body, &key).await {
                    return sent;
                }
                again += 1;
                tokio::time::sleep(PAUSE).await;
            }
        };
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        (sent.unwrap_or_else(|_| panic!("{body} is not acknowledged after {PATIENCE:?}")), again)
    }
}
