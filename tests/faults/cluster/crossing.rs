//! Two who act on each other at the same moment, each at a node of their own.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use super::Cluster;
use crate::{
    away::stores_stay,
    support::{Client, Feed, stores::StoreUrls},
};

const ROUNDS: usize = 24;

/// Two people at two nodes, and what each of their devices has heard of the other.
struct Crossing {
    cluster: Cluster,
    ada: Client,
    grace: Client,
    group: String,
    devices: Vec<Device>,
    marks: usize,
}

/// Somebody's device at a node.
struct Device {
    what: String,
    owner: Client,
    other: Client,
    feed: Feed,
    /// What stands between the two, by all that was heard.
    known: String,
}

impl Crossing {
    async fn start() -> Self {
        let cluster = Cluster::of(StoreUrls::servers().await, 2).await;
        let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
        let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
        let mut devices = Vec::new();
        for (owner, other) in [(&ada, &grace), (&grace, &ada)] {
            for node in 0..2 {
                let owner = cluster.at(node, owner);
                devices.push(Device {
                    what: format!("{} at node {node}", owner.username),
                    feed: owner.feed().await,
                    owner,
                    other: other.clone(),
                    known: "NONE".to_owned(),
                });
            }
        }
        Self { cluster, ada, grace, group, devices, marks: 0 }
    }

    /// Ada at the first node, and Grace at the second.
    fn two(&self) -> (Client, Client) {
        (self.cluster.at(0, &self.ada), self.cluster.at(1, &self.grace))
    }

    /// Fails unless every device knows by what it heard what it would fetch anew. What was
    /// answered is in the log, so that it comes before what is said now.
    async fn agree(&mut self, round: &str) {
        self.marks += 1;
        let mark = format!("mark {}", self.marks);
        self.ada.tell(&self.group, &mark).await;
        let mut heard = BTreeMap::new();
        for device in &mut self.devices {
            let events = device.feed.until_message(&mark).await;
            let of_two = events.iter().filter(|event| event["__typename"] == "FriendshipChanged");
            let told: Vec<String> = of_two
                .map(|event| event["user"]["friendship"].as_str().unwrap().to_owned())
                .collect();
            device.known = told.last().unwrap_or(&device.known).clone();
            let so = device.owner.friendship(&device.other).await;
            heard.insert(&device.what, (told, device.known.clone(), so));
        }
        let agree = heard.values().all(|(_, known, so)| known == so);
        assert!(agree, "{round}: heard, known by it, and so in truth: {heard:#?}");
    }

    /// As if they had never met.
    async fn part(&mut self) {
        for (by, of) in [(&self.ada, &self.grace), (&self.grace, &self.ada)] {
            for undo in ["unblockUser", "cancelFriendRequest", "removeFriend"] {
                let _nothing = by.act(undo, of).await;
            }
        }
        self.agree("parted").await;
    }

    async fn end(self) {
        let Self { cluster, devices, .. } = self;
        drop(devices);
        cluster.town.positions().await;
        cluster.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocks_each_other_at_once_hears_last_what_is_so() {
    let _stay = stores_stay().await;
    let mut crossing = Crossing::start().await;
    for round in 0..ROUNDS {
        crossing.part().await;
        crossing.ada.befriend(&crossing.grace).await;
        let (ada, grace) = crossing.two();
        // Every other time they also ask each other, from the other node.
        let phones = [crossing.cluster.at(1, &ada), crossing.cluster.at(0, &grace)];
        let asking = [(&phones[0], &grace), (&phones[1], &ada)];
        let asking = asking[..round % 2 * 2].iter().map(|(by, of)| by.act("sendFriendRequest", of));
        let (one, other, _asked) = tokio::join!(
            ada.act("blockUser", &grace),
            grace.act("blockUser", &ada),
            join_all(asking)
        );
        assert_eq!((one.unwrap(), other.unwrap()), ("BLOCKED".to_owned(), "BLOCKED".to_owned()));
        crossing.agree(&format!("blocks, round {round}")).await;
    }
    crossing.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_accepts_or_withdraws_at_once_hears_last_what_is_so() {
    let _stay = stores_stay().await;
    let mut crossing = Crossing::start().await;
    for round in 0..ROUNDS / 2 {
        crossing.part().await;
        let (ada, grace) = crossing.two();
        let (one, other) = tokio::join!(
            ada.act("sendFriendRequest", &grace),
            grace.act("sendFriendRequest", &ada)
        );
        let both = (one.map(drop), other.map(drop));
        assert_eq!(both, (Ok(()), Ok(())), "round {round}: the second to ask accepts");
        crossing.agree(&format!("requests, round {round}")).await;

        crossing.part().await;
        ada.act("sendFriendRequest", &grace).await.unwrap();
        let (withdrawn, accepted) = tokio::join!(
            ada.act("cancelFriendRequest", &grace),
            grace.act("acceptFriendRequest", &ada)
        );
        assert_ne!(withdrawn.is_ok(), accepted.is_ok(), "round {round}: one comes first");
        crossing.agree(&format!("accepted or withdrawn, round {round}")).await;
    }
    crossing.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_somebody_that_leaves_hears_that_nothing_came_of_it() {
    let _stay = stores_stay().await;
    let cluster = Cluster::of(StoreUrls::servers().await, 2).await;
    let (ada, grace) = (cluster.town.person("ada").await, cluster.town.person("grace").await);
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    let mut feed = ada.feed().await;
    for round in 0..ROUNDS {
        let alan = cluster.town.person(&format!("alan{round}")).await;
        let (leaver, mark) = (cluster.at(1, &alan), format!("mark {round}"));
        let (_asked, left) =
            tokio::join!(ada.act("sendFriendRequest", &alan), leaver.delete_account("password"));
        left.unwrap();
        ada.tell(&group, &mark).await;
        let events = feed.until_message(&mark).await;
        let known =
            events.last().map_or("NONE", |event| event["user"]["friendship"].as_str().unwrap());
        assert_eq!(known, "NONE", "round {round}: {events:#?}");
        let asked = "{ viewer { friendRequests(direction: OUTGOING) { totalCount } } }";
        let data = ada.data(asked, Value::Null).await;
        assert_eq!(data["viewer"]["friendRequests"], json!({ "totalCount": 0 }), "round {round}");
    }
    drop(feed);
    cluster.end().await;
}
