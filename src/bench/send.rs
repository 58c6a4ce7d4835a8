//! Sending: how many messages become durable, and how long each waits.

use std::time::Instant;

use futures::future::BoxFuture;
use serde::Serialize;

use super::{
    Benchmark, Result,
    callers::{self, Caller},
    client::Client,
    connection::Connection,
    people::People,
    progress,
    report::{Findings, Report, Table, Times, count, each},
};
use crate::{cli::SendBench, config::Config};

impl Benchmark for SendBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move { measure(&config, &self).await })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    senders: u32,
    conversations: u32,
    seconds: f64,
    messages: u64,
    per_second: f64,
    #[serde(flatten)]
    times: Times,
    messages_per_commit: f64,
    commits_per_second: f64,
}

async fn measure(config: &Config, bench: &SendBench) -> Result<String> {
    let conversations = bench.conversations.unwrap_or(bench.senders);
    let people =
        People::at_least(config, &bench.running, bench.senders.saturating_add(conversations));
    let people = people.await?;
    let senders = senders(&people, bench.senders, conversations).await?;
    let mut metrics = Connection::open(&people.address).await?;
    let before = Counted::read(&mut metrics).await?;
    let waits = callers::measure_shown("sending", senders, bench.seconds).await?;
    let after = Counted::read(&mut metrics).await?;
    let commits = u32::try_from(after.commits.saturating_sub(before.commits)).unwrap_or(u32::MAX);
    let found = Sent {
        senders: bench.senders,
        conversations,
        seconds: bench.seconds,
        messages: waits.times.len(),
        per_second: each(waits.times.len(), waits.lasted.as_secs_f64()),
        times: Times::of(&waits.times),
        messages_per_commit: each(after.messages.saturating_sub(before.messages), commits.into()),
        commits_per_second: each(commits.into(), (after.at - before.at).as_secs_f64()),
    };
    Report::new(people.stores, found).print(bench.running.json)
}

/// Somebody who sends into some conversations, by turns.
struct Sender {
    client: Client,
    conversations: Vec<String>,
    sent: usize,
}

impl Caller for Sender {
    async fn call(&mut self) -> Result<()> {
        let to = &self.conversations[self.sent % self.conversations.len()];
        self.sent += 1;
        self.client
            .say(to, "I'll be there at half past seven, don't wait for me with dinner.")
            .await
    }
}

/// The first of the people, as many as send. The others are those to whom they do.
async fn senders(people: &People, senders: u32, conversations: u32) -> Result<Vec<Sender>> {
    let bar = progress(senders.into());
    bar.set_message("opening conversations");
    let mut made = Vec::with_capacity(senders as usize);
    let mut groups: Vec<String> = Vec::new();
    for n in 0..senders {
        let mut client = people.client(n).await?;
        let conversations = if conversations >= senders {
            let own = (n..conversations).step_by(senders as usize);
            client.open(&own.map(|own| senders + own).collect::<Vec<_>>()).await?
        } else {
            let shared = n % conversations;
            if n == shared {
                let others = (n..senders).step_by(conversations as usize).skip(1);
                groups.push(client.found(&others.collect::<Vec<_>>()).await?);
            }
            vec![groups[shared as usize].clone()]
        };
        made.push(Sender { client, conversations, sent: 0 });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(made)
}

/// What the service counted.
struct Counted {
    messages: u64,
    commits: u64,
    at: Instant,
}

impl Counted {
    async fn read(connection: &mut Connection) -> Result<Self> {
        let text = connection.get_bytes("/metrics").await?;
        let text = String::from_utf8_lossy(&text);
        let messages = counter(&text, "chatterbox_messages_total");
        let commits = counter(&text, "chatterbox_message_commits_total");
        Ok(Self { messages, commits, at: Instant::now() })
    }
}

/// The value of a counter; what was never counted is not there.
fn counter(metrics: &str, name: &str) -> u64 {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_default()
}

impl Findings for Sent {
    fn how(&self) -> String {
        let Self { senders, conversations, seconds, .. } = self;
        let (senders, conversations) = (count(*senders), count(*conversations));
        format!("{senders} senders in {conversations} conversations for {seconds} s,")
    }

    fn table(&self) -> Table {
        let titles = [&["per second"][..], &Times::TITLES, &["per commit", "commits/s"]];
        let figures = [format!("{:.0}", self.per_second)].into_iter().chain(self.times.cells());
        let commits =
            [format!("{:.1}", self.messages_per_commit), format!("{:.0}", self.commits_per_second)];
        Table::new(&[], &titles.concat()).line(figures.chain(commits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_names() {
        let text = "# TYPE chatterbox_messages_total counter\n\
                    chatterbox_messages_total_of_old 3\nchatterbox_messages_total 42\n";
        assert_eq!(counter(text, "chatterbox_messages_total"), 42);
        assert_eq!(counter(text, "chatterbox_message_commits_total"), 0);
    }
}
