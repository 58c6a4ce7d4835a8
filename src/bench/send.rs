//! Sending: how many messages become durable, and how long each waits.

use futures::future::BoxFuture;
use serde::Serialize;

use super::{
    Benchmark, Result,
    callers::{self, Caller},
    client::Client,
    nodes::Watch,
    over_grpc::{GrpcClient, Line},
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
    /// How many messages each has under way.
    window: u32,
    protocol: &'static str,
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
        People::at_least(config, bench.on.urls(), bench.senders.saturating_add(conversations));
    let people = people.await?;
    let senders = senders(&people, bench, conversations).await?;
    let watch = Watch::begin(&people.addresses).await?;
    let waits = callers::measure_shown("sending", senders, bench.seconds).await?;
    let watched = watch.end().await?;
    let commits = u32::try_from(watched.commits()).unwrap_or(u32::MAX);
    let found = Sent {
        senders: bench.senders,
        window: bench.window,
        protocol: match (&bench.grpc, bench.streams) {
            (None, _) => "GraphQL",
            (Some(_), false) => "gRPC",
            (Some(_), true) => "gRPC streams",
        },
        conversations,
        seconds: bench.seconds,
        messages: waits.times.len(),
        per_second: each(waits.times.len(), waits.lasted.as_secs_f64()),
        times: Times::of(&waits.times),
        messages_per_commit: each(watched.messages(), commits.into()),
        commits_per_second: each(commits.into(), watched.lasted.as_secs_f64()),
    };
    let nodes = watched.uses(&people.addresses, |_| 0);
    Report::new(people.stores, found).by_nodes(nodes).print(bench.on.running.json)
}

/// Somebody who sends into some conversations, by turns.
struct Sender {
    way: Way,
    conversations: Vec<String>,
    sent: usize,
}

/// By which protocol somebody sends.
enum Way {
    GraphQl(Client),
    Grpc(GrpcClient),
}

impl Caller for Sender {
    async fn call(&mut self) -> Result<()> {
        let to = &self.conversations[self.sent % self.conversations.len()];
        self.sent += 1;
        let text = "I'll be there at half past seven, don't wait for me with dinner.";
        match &mut self.way {
            Way::GraphQl(client) => client.say(to, text).await,
            Way::Grpc(client) => client.say(to, text).await,
        }
    }
}

/// The first of the people, as many as send. The others are those to whom they do.
async fn senders(
    people: &People,
    SendBench { senders, grpc, streams, window, .. }: &SendBench,
    conversations: u32,
) -> Result<Vec<Sender>> {
    let senders = *senders;
    let mut line = grpc.as_ref().map(|url| Line::to(url, streams.then_some(*window)));
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
        let ways: Vec<_> = match &mut line {
            Some(line) => line.callers(client).await?.into_iter().map(Way::Grpc).collect(),
            None => vec![Way::GraphQl(client)],
        };
        let senders = ways.into_iter().map(|way| {
            let conversations = conversations.clone();
            Sender { way, conversations, sent: 0 }
        });
        made.extend(senders);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(made)
}

impl Findings for Sent {
    fn how(&self) -> String {
        let Self { senders, window, protocol, conversations, seconds, .. } = self;
        let (senders, conversations) = (count(*senders), count(*conversations));
        let under_way = match window {
            1 => String::new(),
            many => format!(", each with {many} messages under way"),
        };
        format!(
            "{senders} senders in {conversations} conversations for {seconds} s, \
             by {protocol}{under_way},"
        )
    }

    fn table(&self) -> Table {
        let titles = [&["per second"][..], &Times::TITLES, &["per commit", "commits/s"]];
        let figures = [format!("{:.0}", self.per_second)].into_iter().chain(self.times.cells());
        let commits =
            [format!("{:.1}", self.messages_per_commit), format!("{:.0}", self.commits_per_second)];
        Table::new(&[], &titles.concat()).line(figures.chain(commits))
    }
}
