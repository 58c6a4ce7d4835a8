//! What a service holds for those who are connected to it.

use std::{collections::HashSet, fs, path::PathBuf};

use crate::{support::eventually, town::Town};

/// Runs each scenario on both sets of stores, on a service that holds nothing
/// of it afterwards.
#[macro_export]
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let mut town = $crate::town::Town::embedded().await;
                let before = $crate::footprint::Footprint::of(&town).await;
                super::$name(&mut town).await;
                before.is_all(&town).await;
                town.end().await;
            })*
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let _stay = $crate::away::stores_stay().await;
                let mut town = $crate::town::Town::servers().await;
                let before = $crate::footprint::Footprint::of(&town).await;
                super::$name(&mut town).await;
                before.is_all(&town).await;
                town.end().await;
            })*
        }
    };
}

/// The pools of both stores together have room for less.
const POOLED: usize = 100;

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Connections of clients.
    connections: usize,
    /// Files and the like, other than those of the stores.
    files: usize,
    /// Sockets, as the metrics count them.
    sockets: usize,
    /// What runs on the sockets, as the metrics count it.
    operations: usize,
}

impl Footprint {
    /// What the service holds now, at a time when nobody is connected.
    pub async fn of(town: &Town) -> Self {
        // The metrics are asked for last: that takes a connection itself.
        let (connections, files) = open(town);
        let sockets = town.metric("chatterbox_websocket_connections").await as usize;
        let operations = town.metric("chatterbox_websocket_operations").await as usize;
        Self { connections, files, sockets, operations }
    }

    /// Waits until nothing is left of what came after this was taken.
    pub async fn is_all(self, town: &Town) {
        let clean = Self { connections: 0, sockets: 0, operations: 0, ..self };
        eventually("all that was opened to be closed", || async {
            let now = Self::of(town).await;
            if now != clean {
                eprintln!("still open: {now:?}");
            }
            (now == clean).then_some(())
        })
        .await;
    }
}

/// How many connections of clients and how many other files are open.
fn open(town: &Town) -> (usize, usize) {
    let process = PathBuf::from(format!("/proc/{}", town.service.id()));
    let port = town.service.address.port();
    let of_clients = sockets_at(&process, port);
    let (mut connections, mut files, mut pooled) = (0, 0, 0);
    for entry in fs::read_dir(process.join("fd")).unwrap() {
        // What closes meanwhile is not open.
        let Ok(target) = fs::read_link(entry.unwrap().path()) else { continue };
        let target = target.to_string_lossy();
        let socket = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        match socket {
            Some(inode) if of_clients.contains(inode) => connections += 1,
            Some(_) => pooled += 1,
            None if target.contains("chatterbox.db") => pooled += 1,
            None => files += 1,
        }
    }
    assert!(pooled < POOLED, "{pooled} connections to the stores");
    (connections, files)
}

/// The inodes of the sockets that are connected to this port.
fn sockets_at(process: &std::path::Path, port: u16) -> HashSet<String> {
    const LISTENING: &str = "0A";
    let table = fs::read_to_string(process.join("net/tcp")).unwrap();
    let port = format!(":{port:04X}");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields[1].ends_with(&port) && fields[3] != LISTENING).then(|| fields[9].to_owned())
    };
    table.lines().skip(1).filter_map(row).collect()
}
