//! Live deliveries: the messages of a group, to all its members.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{TryStreamExt, future::BoxFuture};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{task::JoinSet, time::timeout};

use super::{
    Benchmark, Error, Result,
    callers::{histogram, nanos},
    client::Client,
    connection::PATIENCE,
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
    deliveries: u64,
    /// From the first message's being sent to the last delivery.
    seconds: f64,
    per_second: f64,
    messages_per_second: f64,
    #[serde(flatten)]
    times: Times,
}

async fn measure(config: &Config, bench: &FanoutBench) -> Result<String> {
    let people = People::at_least(config, &bench.running, bench.members).await?;
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
        shares.push((people.client(n).await?, share));
    }
    let bar = progress(bench.messages.into());
    bar.set_message("sending");
    let begun = Instant::now();
    let receiving: JoinSet<_> =
        members.into_iter().map(|member| receive(member, bench.messages, begun)).collect();
    let sending: JoinSet<_> = shares
        .into_iter()
        .map(|(sender, share)| send(sender, group.clone(), share, begun, bar.clone()))
        .collect();
    for sent in sending.join_all().await {
        sent?;
    }
    let received = timeout(PATIENCE, receiving.join_all()).await.map_err(|_| Error::Unheard)?;
    bar.finish_and_clear();

    let mut times = histogram()?;
    let mut lasted = Duration::ZERO;
    let mut members = Vec::with_capacity(received.len());
    for received in received {
        let Received { member, waits, last } = received?;
        for wait in waits {
            times.record(wait).map_err(crate::error::Error::internal)?;
        }
        lasted = lasted.max(last);
        members.push(member);
    }
    subscribers::say_goodbye(&mut owner, &group, &mut members).await?;
    let seconds = lasted.as_secs_f64();
    let found = Fanout {
        members: bench.members,
        messages: bench.messages,
        senders,
        deliveries: times.len(),
        seconds,
        per_second: each(times.len(), seconds),
        messages_per_second: each(bench.messages.into(), seconds),
        times: Times::of(&times),
    };
    Report::new(people.stores, found).print(bench.running.json)
}

async fn send(
    mut sender: Client,
    group: Arc<str>,
    messages: u32,
    begun: Instant,
    bar: ProgressBar,
) -> Result<()> {
    for _ in 0..messages {
        sender.say(&group, &subscribers::timed(begun.elapsed())).await?;
        bar.inc(1);
    }
    Ok(())
}

/// What one member heard.
struct Received {
    member: Subscriber,
    /// In nanoseconds.
    waits: Vec<u64>,
    /// When the last message came.
    last: Duration,
}

async fn receive(mut member: Subscriber, messages: u32, begun: Instant) -> Result<Received> {
    let mut waits = Vec::with_capacity(messages as usize);
    let mut last = Duration::ZERO;
    for _ in 0..messages {
        let sent = member.hear_timed().await?;
        last = begun.elapsed();
        waits.push(nanos(last).saturating_sub(sent));
    }
    Ok(Received { member, waits, last })
}

impl Findings for Fanout {
    fn how(&self) -> String {
        let Self { members, messages, senders, .. } = self;
        let (members, messages, senders) = (count(*members), count(*messages), count(*senders));
        format!("{messages} messages to each of {members} members, {senders} of whom send them,")
    }

    fn table(&self) -> Table {
        let figures = ["deliveries", "per second", "messages/s"];
        let table = Table::new(&[], &[&figures[..], &Times::TITLES].concat());
        let figures = [
            count(self.deliveries),
            format!("{:.0}", self.per_second),
            format!("{:.0}", self.messages_per_second),
        ];
        table.line(figures.into_iter().chain(self.times.cells()))
    }
}
