//! Whatever breaks while people write, whenever it does: nothing that was
//! acknowledged is lost, nothing is doubled, and nothing is out of order.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chatterbox::live::Cursor;
use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use tokio::sync::RwLockWriteGuard;

use crate::{
    away::{Away, Halted, stores_alone},
    chance::seed,
    proxy::Proxy,
    support::{Client, eventually, stores::StoreUrls},
    town::{PAUSE, Sent, Subscriber, Town, kept, try_send_by_key},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_embedded() {
    use Fault::{CutClients, HaltService, KillService};

    let storm = Storm::gather(StoreUrls::embedded(), None).await;
    let faults = [KillService, KillService, KillService, KillService, KillService, HaltService];
    storm.rage(faults.into_iter().chain([CutClients; 6]).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_servers() {
    use Fault::{CutClients, CutStores, HaltService, HaltSql, KillService, KillStore};

    let alone = stores_alone().await;
    let storm = Storm::gather(StoreUrls::servers().await, Some(alone)).await;
    let mut faults = vec![HaltService, HaltSql, KillStore("mysql"), KillStore("neo4j")];
    faults.extend([KillService, CutClients, CutStores].repeat(3));
    storm.rage(faults).await;
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// `kill -9`, at times also while it starts again.
    KillService,
    /// `SIGSTOP`, for a while.
    HaltService,
    /// `kill -9` of a store.
    KillStore(&'static str),
    /// `SIGSTOP` of MariaDB, for a while.
    HaltSql,
    /// Connections between clients and service.
    CutClients,
    /// Connections between service and stores.
    CutStores,
}

/// How long something stands still.
const HALT: Duration = Duration::from_secs(5);
/// How long a message may be refused: longer than what broke takes to be mended.
const PATIENCE: Duration = Duration::from_secs(120);
const SENDERS: usize = 8;
/// How long a sender thinks about the next message.
const THOUGHT: Duration = Duration::from_millis(50);
/// What is sent last.
const END: &str = "end";

/// One place where people talk, and which of them write there.
struct Place {
    id: String,
    writers: Vec<usize>,
    members: Vec<usize>,
}

/// A town with connections that can be cut, its people and what they follow.
struct Storm {
    town: Town,
    to_service: Proxy,
    to_stores: Vec<Proxy>,
    alone: Option<RwLockWriteGuard<'static, ()>>,
    random: StdRng,
    seed: u64,
    people: Vec<Client>,
    places: Vec<Place>,
    /// Some people have two devices.
    subscribers: Vec<(usize, Subscriber)>,
    done: BTreeMap<Fault, Done>,
}

/// How often something broke.
#[derive(Default)]
struct Done {
    times: usize,
    hit: usize,
}

impl Storm {
    async fn gather(stores: StoreUrls, alone: Option<RwLockWriteGuard<'static, ()>>) -> Self {
        let seed = seed();
        let (mut to_stores, mut through) = (Vec::new(), stores.clone());
        for url in [&mut through.sql, &mut through.graph].into_iter().flatten() {
            let (proxy, by) = Proxy::before_url(url).await;
            to_stores.push(proxy);
            *url = by;
        }
        let town = Town::start_behind(stores, through, &[], &[]).await;
        let to_service = Proxy::before(town.service.address).await;
        let names: Vec<String> = (0..SENDERS).map(|number| format!("s{number}")).collect();
        let people = join_all(names.iter().map(|name| town.person(name))).await;
        let by_proxy = |person| Client { address: to_service.address, ..person };
        let people: Vec<Client> = people.into_iter().map(by_proxy).collect();
        let places = places(&people).await;
        let devices = (0..SENDERS).chain([0, 2, 4, 6]);
        let follow = |person: usize| {
            let client = &people[person];
            async move { (person, Subscriber::start(client).await) }
        };
        let subscribers = join_all(devices.map(follow)).await;
        let (random, done) = (StdRng::seed_from_u64(seed), BTreeMap::new());
        Self { town, to_service, to_stores, alone, random, seed, people, places, subscribers, done }
    }

    async fn rage(mut self, mut faults: Vec<Fault>) {
        let before = self.town.positions().await;
        let begun = Instant::now();
        let over = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for place in &self.places {
            for writer in &place.writers {
                let (from, to) = (self.people[*writer].clone(), place.id.clone());
                senders.push(tokio::spawn(write(from, to, over.clone())));
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
        let positions = self.town.positions().await;
        assert_eq!(positions, before + messages, "each message has one position");
        self.report(&format!(
            "{messages} messages of {SENDERS} senders in {} conversations, {repeated} sent again, \
             {positions} positions, {:?}",
            self.places.len(),
            begun.elapsed()
        ));
        self.town.end().await;
    }

    /// Breaks something, and mends it; returns how much it was.
    async fn strike(&mut self, fault: Fault) -> usize {
        match fault {
            Fault::KillService => return self.kill_service().await,
            Fault::HaltService => {
                self.town.service.signal("STOP");
                tokio::time::sleep(HALT).await;
                self.town.service.signal("CONT");
            }
            Fault::KillStore(name) => {
                let away = Away::kill(name, self.alone.take().unwrap());
                tokio::time::sleep(self.pause(0..1_000)).await;
                self.alone = Some(away.end());
            }
            Fault::HaltSql => {
                let _halted = Halted::new("mysql", self.alone.as_ref().unwrap());
                tokio::time::sleep(HALT).await;
            }
            Fault::CutClients => return self.to_service.cut(&mut self.random),
            Fault::CutStores => {
                return self.to_stores.iter().map(|proxy| proxy.cut(&mut self.random)).sum();
            }
        }
        1
    }

    async fn kill_service(&mut self) -> usize {
        let twice = self.random.random_bool(0.5);
        let pause = self.pause(0..200);
        let service = &mut self.town.service;
        service.kill();
        if twice {
            service.spawn();
            tokio::time::sleep(pause).await;
            service.kill();
        }
        service.restart().await;
        1 + usize::from(twice)
    }

    fn pause(&mut self, millis: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(millis))
    }

    /// Compares what was acknowledged with what is kept and with what was
    /// heard; returns how many messages there are.
    async fn check(&self, mut acknowledged: HashMap<String, Vec<Sent>>) -> usize {
        let mut expected = HashMap::new();
        for place in &self.places {
            let reader = &self.people[place.members[0]];
            let mut sent = acknowledged.remove(&place.id).unwrap();
            let first = &sent[0];
            let from = place.writers.iter().map(|writer| &self.people[*writer]);
            let from = from.into_iter().find(|who| first.body.starts_with(&who.username)).unwrap();
            let again = send(from, &place.id, &first.body).await.0;
            assert_eq!((&again.id, again.seq), (&first.id, first.seq), "the key gave another");
            // Behind it nothing may be on its way any more.
            sent.push(send(reader, &place.id, END).await.0);
            let bodies = check_kept(reader, &place.id, &sent).await;
            expected.insert(place.id.as_str(), bodies);
        }
        for (person, subscriber) in &self.subscribers {
            self.check_heard(*person, subscriber, &expected).await;
        }
        // The first message of each was there before.
        expected.values().map(|bodies| bodies.len() - 1).sum()
    }

    async fn check_heard(
        &self,
        person: usize,
        subscriber: &Subscriber,
        expected: &HashMap<&str, Vec<String>>,
    ) {
        let mine = || self.places.iter().filter(|place| place.members.contains(&person));
        eventually("the end of all conversations to be heard", || async {
            let heard = by_place(&subscriber.events());
            let ended = |place: &Place| heard.get(&place.id)?.last().map(|body| body == END);
            mine().all(|place| ended(place) == Some(true)).then_some(())
        })
        .await;
        let events = subscriber.events();
        let said = events.iter().filter(|event| event["__typename"] == "MessageSent");
        let said: Vec<Cursor> =
            said.map(|event| Cursor::parse(event["cursor"].as_str().unwrap()).unwrap()).collect();
        assert!(said.is_sorted_by(|one, next| one < next), "cursors grow");
        let heard = by_place(&events);
        assert_eq!(heard.len(), mine().count());
        for place in mine() {
            assert_eq!(heard[&place.id], expected[place.id.as_str()][1..], "each once, in order");
        }
    }

    fn report(&self, what: &str) {
        let breaks = self.subscribers.iter().map(|(_, subscriber)| subscriber.breaks());
        let (fewest, all) = (breaks.clone().min().unwrap(), breaks.sum::<usize>());
        let kills = self.done[&Fault::KillService].times;
        eprintln!(
            "seed {}: {}; {what}; {all} breaks of {} subscribers, {fewest} at least",
            self.seed,
            self,
            self.subscribers.len()
        );
        assert!(fewest >= kills, "the service was hardly used");
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (fault, Done { times, hit })) in self.done.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{fault:?} {times}")?;
            if hit != times {
                write!(f, " ({hit})")?;
            }
        }
        Ok(())
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

/// Writes until it is over; returns where, what was acknowledged, and how
/// often something was sent again.
async fn write(from: Client, to: String, over: Arc<AtomicBool>) -> (String, Vec<Sent>, usize) {
    let (mut acknowledged, mut repeated) = (Vec::new(), 0);
    while !over.load(Ordering::Relaxed) {
        let body = format!("{} {}", from.username, acknowledged.len());
        let (sent, again) = send(&from, &to, &body).await;
        acknowledged.push(sent);
        repeated += again;
        tokio::time::sleep(THOUGHT).await;
    }
    (to, acknowledged, repeated)
}

/// Sends a message until it is acknowledged; returns how often it was sent again.
async fn send(from: &Client, to: &str, body: &str) -> (Sent, usize) {
    // One person says the same in several places.
    let (mut again, key) = (0, format!("{to} {body}"));
    let sending = async {
        loop {
            let to = json!({ "conversationId": to });
            if let Some(sent) = try_send_by_key(from, to, body, &key).await {
                return sent;
            }
            again += 1;
            tokio::time::sleep(PAUSE).await;
        }
    };
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    (sent.unwrap_or_else(|_| panic!("{body} is not acknowledged after {PATIENCE:?}")), again)
}

/// Fails unless a conversation holds what was acknowledged, each once, and
/// nothing else; returns what it holds.
async fn check_kept(reader: &Client, place: &str, acknowledged: &[Sent]) -> Vec<String> {
    let kept = kept(reader, place).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>(), "gaps or duplicates in seq");
    let bodies: Vec<String> = kept.iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), bodies.len(), "sent twice");
    for sent in acknowledged {
        let message = usize::try_from(sent.seq - 1).ok().and_then(|index| kept.get(index));
        let message = message.unwrap_or_else(|| panic!("lost: {sent:?}"));
        assert_eq!((&message.id, &message.body), (&sent.id, &sent.body), "changed");
    }
    assert_eq!(kept.len(), 1 + acknowledged.len(), "each was repeated until it was acknowledged");
    assert!(kept.len() > 25, "the service was hardly used");
    bodies
}

/// The bodies that were heard, by the conversation.
fn by_place(events: &[Value]) -> HashMap<String, Vec<String>> {
    let mut bodies = HashMap::<String, Vec<String>>::new();
    for message in events.iter().map(|event| &event["message"]) {
        if let (Some(place), Some(body)) =
            (message["conversation"]["id"].as_str(), message["body"].as_str())
        {
            bodies.entry(place.to_owned()).or_default().push(body.to_owned());
        }
    }
    bodies
}
