//! Subscribers who come back all at once, and catch up.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    StreamExt, TryStreamExt,
    future::{BoxFuture, try_join_all},
    stream,
};
use serde::Serialize;
use tokio::{task::JoinSet, time::timeout};

use super::{
    Benchmark, Error, Result,
    callers::{histogram, nanos},
    client::Client,
    connection::PATIENCE,
    nodes::Watch,
    people::People,
    progress,
    report::{Findings, Report, Table, Times, count, each},
    subscribers::{self, Memory, Reading, Subscriber},
};
use crate::{cli::ResumeBench, config::Config};

/// How many send at the same time what is missed.
const SPEAKERS: usize = 64;

impl Benchmark for ResumeBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move { measure(&config, &self).await })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resumed {
    subscribers: u32,
    groups: usize,
    missed: u32,
    deliveries: u64,
    /// Until the last has caught up.
    seconds: f64,
    per_second: f64,
    #[serde(flatten)]
    times: Times,
}

async fn measure(config: &Config, bench: &ResumeBench) -> Result<String> {
    let people = Arc::new(People::at_least(config, bench.on.urls(), bench.subscribers).await?);
    let groups = miss(leave(&people, bench).await?, bench.missed).await?;
    let number = groups.len();
    let watch = Watch::begin(&people.addresses).await?;
    let begun = Instant::now();
    let resuming: JoinSet<_> = groups
        .into_iter()
        .map(|group| group.come_back(people.clone(), bench.missed, begun))
        .collect();
    let resumed = timeout(PATIENCE, resuming.join_all()).await.map_err(|_| Error::Unheard)?;
    let watched = watch.end().await?;

    let mut times = histogram()?;
    let mut deliveries = vec![0; people.addresses.len()];
    for group in resumed {
        let (mut group, members) = group?;
        let (mut members, took): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        subscribers::say_goodbye(&mut group.speaker, &group.id, &mut members).await?;
        for member in &members {
            deliveries[member.node()] += u64::from(bench.missed);
        }
        for took in took {
            times.record(nanos(took)).map_err(crate::error::Error::internal)?;
        }
    }
    let nodes = watched.uses(&people.addresses, |node| deliveries[node]);
    let deliveries: u64 = deliveries.iter().sum();
    let seconds = Duration::from_nanos(times.max()).as_secs_f64();
    let found = Resumed {
        subscribers: bench.subscribers,
        groups: number,
        missed: bench.missed,
        deliveries,
        seconds,
        per_second: each(deliveries, seconds),
        times: Times::of(&times),
    };
    Report::new(people.stores.clone(), found).by_nodes(nodes).print(bench.on.running.json)
}

/// A group whose members are away.
struct Group {
    id: String,
    /// One of the members, who sends.
    speaker: Client,
    away: Vec<Memory>,
}

/// Everybody subscribes, hears something, and leaves.
async fn leave(people: &People, bench: &ResumeBench) -> Result<Vec<Group>> {
    let bar = progress(bench.subscribers.into());
    bar.set_message("subscribing and leaving");
    let mut groups = Vec::new();
    for first in (0..bench.subscribers).step_by(bench.members as usize) {
        let numbers = first..bench.subscribers.min(first + bench.members);
        let mut speaker = people.client(first).await?;
        let id = speaker.found(&numbers.clone().skip(1).collect::<Vec<_>>()).await?;
        let opened = subscribers::open_all(people, numbers.clone(), Reading::Much);
        let mut members: Vec<Subscriber> = opened.try_collect().await?;
        subscribers::call_together(&mut speaker, &id, &mut members).await?;
        let away = try_join_all(members.into_iter().map(Subscriber::leave)).await?;
        groups.push(Group { id, speaker, away });
        bar.inc(numbers.len() as u64);
    }
    bar.finish_and_clear();
    Ok(groups)
}

/// So many messages are sent in each group.
async fn miss(groups: Vec<Group>, messages: u32) -> Result<Vec<Group>> {
    let bar = progress(u64::from(messages) * groups.len() as u64);
    bar.set_message("sending");
    let speaking = groups.into_iter().map(|mut group| async {
        for _ in 0..messages {
            // Nobody asks when and where it was sent.
            group.speaker.say(&group.id, &subscribers::timed(Duration::ZERO, 0)).await?;
            bar.inc(1);
        }
        Ok(group)
    });
    let groups = stream::iter(speaking).buffer_unordered(SPEAKERS).try_collect().await;
    bar.finish_and_clear();
    groups
}

impl Group {
    /// All members come back, and read what they missed. With each, how long
    /// that took.
    async fn come_back(
        mut self,
        people: Arc<People>,
        missed: u32,
        begun: Instant,
    ) -> Result<(Self, Vec<(Subscriber, Duration)>)> {
        let coming = mem::take(&mut self.away).into_iter().map(|memory| async {
            let mut member = Subscriber::resume(&people, memory).await?;
            for _ in 0..missed {
                member.hear_timed().await?;
            }
            Ok::<_, Error>((member, begun.elapsed()))
        });
        let members = try_join_all(coming).await?;
        Ok((self, members))
    }
}

impl Findings for Resumed {
    fn how(&self) -> String {
        let Self { subscribers, groups, missed, .. } = self;
        let (subscribers, missed) = (count(*subscribers), count(*missed));
        format!("{subscribers} subscribers of {groups} groups, who each missed {missed} messages,")
    }

    fn table(&self) -> Table {
        let titles = [&["deliveries", "per second"][..], &Times::TITLES].concat();
        let figures = [count(self.deliveries), format!("{:.0}", self.per_second)];
        Table::new(&[], &titles).line(figures.into_iter().chain(self.times.cells()))
    }
}
