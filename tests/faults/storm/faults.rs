//! What breaks, and how it is mended.

use std::{fmt, ops::Range, time::Duration};

use rand::RngExt;

use super::Storm;
use crate::away::{Away, Halted};

/// What breaks; of several nodes the next one each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9`, at times also while it starts again.
    KillService,
    /// `SIGTERM`, and a new start.
    RestartService,
    /// `SIGSTOP`, for a while.
    HaltService,
    /// `kill -9` of a store, or of the bus.
    KillStore(&'static str),
    /// `SIGSTOP` of MariaDB, for a while.
    HaltSql,
    /// Connections between clients and service.
    CutClients,
    /// Connections between service and stores.
    CutStores,
    /// A node finds its SQL server no more, for a while.
    LeaveSql,
    /// A node finds the bus no more, for a while.
    LeaveBus,
}

/// How often something broke.
#[derive(Default)]
pub(super) struct Done {
    pub(super) times: usize,
    pub(super) hit: usize,
}

/// How long something stands still.
const HALT: Duration = Duration::from_secs(5);

impl Storm {
    /// Breaks something, and mends it; returns how much it was.
    pub(super) async fn strike(&mut self, fault: Fault) -> usize {
        let node = self.next;
        self.next = (node + 1) % self.cluster.gates.len();
        match fault {
            Fault::KillService => return self.kill_service(node).await,
            Fault::RestartService => {
                let service = self.cluster.service(node);
                service.terminate();
                let ended = service.ended().await;
                assert!(ended.success(), "{ended}");
                service.restart().await;
            }
            Fault::HaltService => {
                self.cluster.service(node).signal("STOP");
                tokio::time::sleep(HALT).await;
                self.cluster.service(node).signal("CONT");
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
            Fault::CutClients => return self.cluster.gates[node].clients.cut(&mut self.random),
            Fault::CutStores => {
                let stores = self.cluster.gates[node].stores.iter();
                return stores.map(|proxy| proxy.cut(&mut self.random)).sum();
            }
            Fault::LeaveSql => {
                self.cluster.gates[node].sql().shut();
                tokio::time::sleep(self.pause(500..2_500)).await;
                self.cluster.gates[node].sql().open();
            }
            Fault::LeaveBus => {
                self.cluster.gates[node].bus().shut();
                tokio::time::sleep(self.pause(500..2_500)).await;
                self.cluster.gates[node].bus().open();
            }
        }
        1
    }

    async fn kill_service(&mut self, node: usize) -> usize {
        let twice = self.random.random_bool(0.5);
        let pause = self.pause(0..200);
        let service = self.cluster.service(node);
        service.kill();
        if twice {
            service.spawn();
            tokio::time::sleep(pause).await;
            service.kill();
        }
        service.restart().await;
        1 + usize::from(twice)
    }

    fn pause(&mut self, millis: Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(millis))
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
