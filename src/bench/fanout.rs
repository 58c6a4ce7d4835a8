//! Live deliveries: the messages of a group, to all its members.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{TryStreamExt, future::BoxFuture};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{self, MissedTickBehavior, timeout},
};

use super::{
    Benchmark, Error, Result,
    callers::{histogram, nanos},
    client::Client,
    connection::PATIENCE,
    nodes::Watch,
    people::People,
    progress,
    report::{Findings, Report, Table, Times, count, each},
    subscribers::{self, Reading, Subscriber},
};
use crate::{cli::FanoutBench, config::Config};

impl Benchmark for FanoutBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move { measure(&config, &self).await })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fanout {
    members: u32,
    messages: u32,
    senders: u32,
    /// How many messages a second were to be sent; `None` for as many as go.
    rate: Option<u32>,
    deliveries: u64,
    /// From the first message's being sent to the last delivery.
    seconds: f64,
    per_second: f64,
    messages_per_second: f64,
    #[serde(flatten)]
    times: Times,
    /// `None` where there is one node.
    between: Option<Between>,
}

/// The deliveries of several nodes, apart.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Between {
    /// To subscribers of the node that the message was sent through.
    same_node: Deliveries,
    across_nodes: Deliveries,
    /// How much longer those take.
    added: Times,
}

#[derive(Serialize)]
struct Deliveries {
    deliveries: u64,
    #[serde(flatten)]
    times: Times,
}

async fn measure(config: &Config, bench: &FanoutBench) -> Result<String> {
    let people = People::at_least(config, bench.on.urls(), bench.members).await?;
    let others: Vec<u32> = (1..bench.members).collect();
    let mut owner = people.client(0).await?;
    let group: Arc<str> = owner.found(&others).await?.into();
    let mut members: Vec<Subscriber> =
        subscribers::open_all(&people, 0..bench.members, Reading::Much).try_collect().await?;
    subscribers::call_together(&mut owner, &group, &mut members).await?;

    let senders = bench.senders.min(bench.members);
    let mut shares = Vec::new();
    for n in 0..senders {
        let share = bench.messages / senders + u32::from(n < bench.messages % senders);
        shares.push((people.client(n).await?, people.node_of(n), share));
    }
    let watch = Watch::begin(&people.addresses).await?;
    let bar = progress(bench.messages.into());
    bar.set_message("sending");
    let begun = Instant::now();
    let receiving: JoinSet<_> =
        members.into_iter().map(|member| receive(member, bench.messages, begun)).collect();
    let sending: JoinSet<_> = shares
        .into_iter()
        .zip(paces(bench.rate, senders))
        .map(|((sender, node, share), pace)| {
            send(sender, node, group.clone(), share, begun, pace, bar.clone())
        })
        .collect();
    for sent in sending.join_all().await {
        sent?;
    }
    let received = timeout(PATIENCE, receiving.join_all()).await.map_err(|_| Error::Unheard)?;
    let watched = watch.end().await?;
    bar.finish_and_clear();

    let mut heard = Heard::new(people.addresses.len())?;
    let mut members = Vec::with_capacity(received.len());
    for received in received {
        members.push(heard.take_in(received?)?);
    }
    subscribers::say_goodbye(&mut owner, &group, &mut members).await?;
    let seconds = heard.lasted.as_secs_f64();
    let deliveries = heard.by_node.iter().sum();
    let found = Fanout {
        members: bench.members,
        messages: bench.messages,
        senders,
        rate: bench.rate,
        deliveries,
        seconds,
        per_second: each(deliveries, seconds),
        messages_per_second: each(bench.messages.into(), seconds),
        times: heard.times()?,
        between: heard.between(),
    };
    let nodes = watched.uses(&people.addresses, |node| heard.by_node[node]);
    Report::new(people.stores, found).by_nodes(nodes).print(bench.on.running.json)
}

/// When each of the senders may send, by turns; `None` for whenever they can.
fn paces(rate: Option<u32>, senders: u32) -> impl Iterator<Item = Option<time::Interval>> {
    let turn = rate.map(|rate| Duration::from_secs(1) / rate);
    let start = time::Instant::now();
    (0..senders).map(move |n| {
        let mut pace = time::interval_at(start + turn? * n, turn? * senders);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(pace)
    })
}

async fn send(
    mut sender: Client,
    node: usize,
    group: Arc<str>,
    messages: u32,
    begun: Instant,
    mut pace: Option<time::Interval>,
    bar: ProgressBar,
) -> Result<()> {
    for _ in 0..messages {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        sender.say(&group, &subscribers::timed(begun.elapsed(), node)).await?;
        bar.inc(1);
    }
    Ok(())
}

/// What one member heard.
struct Received {
    member: Subscriber,
    waits: Vec<Wait>,
    /// When the last message came.
    last: Duration,
}

/// How long a delivery took.
struct Wait {
    nanos: u64,
    /// The node that the message was sent through.
    from: usize,
}

async fn receive(mut member: Subscriber, messages: u32, begun: Instant) -> Result<Received> {
    let mut waits = Vec::with_capacity(messages as usize);
    let mut last = Duration::ZERO;
    for _ in 0..messages {
        let sent = member.hear_timed().await?;
        last = begun.elapsed();
        waits.push(Wait { nanos: nanos(last).saturating_sub(sent.nanos), from: sent.node });
    }
    Ok(Received { member, waits, last })
}

/// What all members heard, in nanoseconds.
struct Heard {
    same_node: Histogram<u64>,
    across_nodes: Histogram<u64>,
    /// How many deliveries each node made.
    by_node: Vec<u64>,
    /// Until the last of them.
    lasted: Duration,
}

impl Heard {
    fn new(nodes: usize) -> Result<Self> {
        Ok(Self {
            same_node: histogram()?,
            across_nodes: histogram()?,
            by_node: vec![0; nodes],
            lasted: Duration::ZERO,
        })
    }

    fn take_in(&mut self, Received { member, waits, last }: Received) -> Result<Subscriber> {
        let node = member.node();
        self.by_node[node] += waits.len() as u64;
        self.lasted = self.lasted.max(last);
        for Wait { nanos, from } in waits {
            let times = if from == node { &mut self.same_node } else { &mut self.across_nodes };
            times.record(nanos).map_err(crate::error::Error::internal)?;
        }
        Ok(member)
    }

    fn times(&self) -> Result<Times> {
        let mut all = self.same_node.clone();
        all.add(&self.across_nodes).map_err(crate::error::Error::internal)?;
        Ok(Times::of(&all))
    }

    fn between(&self) -> Option<Between> {
        let of = |times: &Histogram<u64>| Deliveries {
            deliveries: times.len(),
            times: Times::of(times),
        };
        let (same_node, across_nodes) = (of(&self.same_node), of(&self.across_nodes));
        let added = across_nodes.times.beyond(&same_node.times);
        (self.by_node.len() > 1).then_some(Between { same_node, across_nodes, added })
    }
}

impl Findings for Fanout {
    fn how(&self) -> String {
        let Self { members, messages, senders, rate, .. } = self;
        let (members, messages, senders) = (count(*members), count(*messages), count(*senders));
        let rate = rate.map(|rate| format!(", {} a second", count(rate))).unwrap_or_default();
        format!(
            "{messages} messages to each of {members} members, {senders} of whom send them{rate},"
        )
    }

    fn table(&self) -> Table {
        let figures = ["deliveries", "per second", "messages/s"];
        let table = Table::new(&["to"], &[&figures[..], &Times::TITLES].concat());
        let figures = [
            "all".to_owned(),
            count(self.deliveries),
            format!("{:.0}", self.per_second),
            format!("{:.0}", self.messages_per_second),
        ];
        let table = table.line(figures.into_iter().chain(self.times.cells()));
        let Some(Between { same_node, across_nodes, added }) = &self.between else { return table };
        let apart = |to: &str, deliveries: String, times: &Times| {
            let nothing = String::new;
            let figures = [to.to_owned(), deliveries, nothing(), nothing()];
            figures.into_iter().chain(times.cells())
        };
        table
            .line(apart("the same node", count(same_node.deliveries), &same_node.times))
            .line(apart("other nodes", count(across_nodes.deliveries), &across_nodes.times))
            .line(apart("other nodes add", String::new(), added))
    }
}
