//! The nodes that are measured: what each counted meanwhile, as its metrics
//! tell.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde::Serialize;

use super::{
    Result,
    connection::{Address, Connection},
    report::{Table, count, each},
};

/// Nodes that are watched while something is measured.
pub(super) struct Watch {
    nodes: Vec<(Connection, Counters)>,
    begun: Instant,
}

/// What all nodes counted meanwhile.
pub(super) struct Watched {
    pub(super) lasted: Duration,
    nodes: Vec<Counters>,
}

/// What one node did, and what it took of the machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeUse {
    url: String,
    /// That were sent to this node.
    messages: u64,
    /// That subscribers of this node read.
    deliveries: u64,
    /// What it kept of a core busy, for itself and for what the others did: in
    /// whole seconds, as it tells.
    cpu_seconds: u64,
    /// `None` where it took none, or kept a core busy for less than a second; as
    /// the next.
    cpu_micros_per_message: Option<f64>,
    cpu_micros_per_delivery: Option<f64>,
}

/// What a node has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    messages: u64,
    commits: u64,
    cpu_seconds: u64,
}

impl Watch {
    /// From now on.
    pub(super) async fn begin(addresses: &[Address]) -> Result<Self> {
        let mut nodes = Vec::with_capacity(addresses.len());
        for address in addresses {
            let mut connection = Connection::open(address).await?;
            let counters = Counters::read(&mut connection).await?;
            nodes.push((connection, counters));
        }
        Ok(Self { nodes, begun: Instant::now() })
    }

    /// Until now.
    pub(super) async fn end(self) -> Result<Watched> {
        let lasted = self.begun.elapsed();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (mut connection, before) in self.nodes {
            nodes.push(Counters::read(&mut connection).await?.since(before));
        }
        Ok(Watched { lasted, nodes })
    }
}

impl Watched {
    /// How many messages became durable.
    pub(super) fn messages(&self) -> u64 {
        self.nodes.iter().map(|node| node.messages).sum()
    }

    /// In how many transactions.
    pub(super) fn commits(&self) -> u64 {
        self.nodes.iter().map(|node| node.commits).sum()
    }

    /// What each of the nodes at these addresses did, in their order.
    /// `deliveries` tells how many were read from it.
    pub(super) fn uses(
        &self,
        addresses: &[Address],
        deliveries: impl Fn(usize) -> u64,
    ) -> Vec<NodeUse> {
        let uses = self.nodes.iter().zip(addresses).enumerate();
        let uses = uses.map(|(node, (Counters { messages, cpu_seconds, .. }, address))| {
            let (messages, deliveries) = (*messages, deliveries(node));
            NodeUse {
                url: address.url().to_owned(),
                messages,
                deliveries,
                cpu_seconds: *cpu_seconds,
                cpu_micros_per_message: micros_for_each(*cpu_seconds, messages),
                cpu_micros_per_delivery: micros_for_each(*cpu_seconds, deliveries),
            }
        });
        uses.collect()
    }
}

impl Counters {
    async fn read(connection: &mut Connection) -> Result<Self> {
        let text: Bytes = connection.get_bytes("/metrics").await?;
        Ok(Self::of(&String::from_utf8_lossy(&text)))
    }

    fn of(metrics: &str) -> Self {
        Self {
            messages: counter(metrics, "chatterbox_messages_total"),
            commits: counter(metrics, "chatterbox_message_commits_total"),
            cpu_seconds: counter(metrics, "process_cpu_seconds_total"),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(before.messages),
            commits: self.commits.saturating_sub(before.commits),
            cpu_seconds: self.cpu_seconds.saturating_sub(before.cpu_seconds),
        }
    }
}

/// The value of a counter; what was never counted is not there.
fn counter(metrics: &str, name: &str) -> u64 {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_default()
}

fn micros_for_each(cpu_seconds: u64, things: u64) -> Option<f64> {
    let things = u32::try_from(things).unwrap_or(u32::MAX);
    (cpu_seconds > 0 && things > 0).then(|| each(cpu_seconds * 1_000_000, things.into()))
}

/// The nodes in lines.
pub(super) fn table(nodes: &[NodeUse]) -> Table {
    let titles = ["messages", "deliveries", "cpu s", "cpu µs/message", "cpu µs/delivery"];
    nodes.iter().fold(Table::new(&["node"], &titles), |table, node| {
        let micros =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
        table.line([
            node.url.clone(),
            count(node.messages),
            count(node.deliveries),
            node.cpu_seconds.to_string(),
            micros(node.cpu_micros_per_message),
            micros(node.cpu_micros_per_delivery),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_names() {
        let text = "# TYPE chatterbox_messages_total counter\n\
                    chatterbox_messages_total_of_old 3\nchatterbox_messages_total 42\n\
                    process_cpu_seconds_total 7\n";
        assert_eq!(Counters::of(text), Counters { messages: 42, commits: 0, cpu_seconds: 7 });
    }

    #[test]
    fn what_was_counted_before_is_not_counted() {
        let before = Counters { messages: 40, commits: 9, cpu_seconds: 7 };
        let after = Counters { messages: 42, commits: 10, cpu_seconds: 7 };
        assert_eq!(after.since(before), Counters { messages: 2, commits: 1, cpu_seconds: 0 });
        // It was started anew.
        assert_eq!(Counters::default().since(before), Counters::default());
    }

    #[test]
    fn what_is_too_little_to_be_seen_is_not_shared_out() {
        assert_eq!(micros_for_each(2, 1_000), Some(2_000.0));
        assert_eq!(micros_for_each(0, 1_000), None);
        assert_eq!(micros_for_each(2, 0), None);
    }
}
