//! Sockets on which nothing happens but pings, seen from outside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{TryStreamExt, future::BoxFuture};
use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};

use super::{
    Benchmark, Error, Result, passing,
    people::People,
    process::Process,
    progress,
    report::{Findings, Report, Table, count, each},
    subscribers::{self, Reading, Subscriber},
};
use crate::{cli::IdleBench, config::Config};

/// How long the service may still be busy with what was opened last.
const SETTLE: Duration = Duration::from_secs(2);
/// How many files are open besides sockets, at most.
const OTHER_FILES: u64 = 100;

impl Benchmark for IdleBench {
    fn run(self, config: Config) -> BoxFuture<'static, Result<String>> {
        Box::pin(async move { measure(&config, &self).await })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Idle {
    sockets: u32,
    seconds: f64,
    opened_per_second: f64,
    pings: u64,
    service: Option<Use>,
}

/// What the service took of the machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Use {
    bytes_before: u64,
    bytes: u64,
    bytes_per_socket: f64,
    /// Of one core.
    cpu_percent: f64,
}

async fn measure(config: &Config, bench: &IdleBench) -> Result<String> {
    allow_files(u64::from(bench.sockets) + OTHER_FILES)?;
    let people = People::at_least(config, bench.running.urls(), bench.sockets).await?;
    let process = bench.pid.map(Process::of);
    let before = process.as_ref().map(Process::resident).transpose()?;

    let pings = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut resting = open(&people, bench.sockets, &pings).await?;
    let opened = begun.elapsed();
    pause(&mut resting, SETTLE).await?;

    let (busy, begun) = (process.as_ref().map(Process::busy).transpose()?, Instant::now());
    pings.store(0, Ordering::Relaxed);
    pause(&mut resting, Duration::from_secs_f64(bench.seconds)).await?;
    let service = match (process, before, busy) {
        (Some(process), Some(bytes_before), Some(busy)) => {
            let lasted = begun.elapsed().as_secs_f64();
            let cpu = process.busy()?.saturating_sub(busy).as_secs_f64() / lasted;
            let bytes = process.resident()?;
            let grown = bytes.saturating_sub(bytes_before);
            let bytes_per_socket = each(grown, bench.sockets.into());
            Some(Use { bytes_before, bytes, bytes_per_socket, cpu_percent: cpu * 100.0 })
        }
        _ => None,
    };
    let found = Idle {
        sockets: bench.sockets,
        seconds: bench.seconds,
        opened_per_second: each(bench.sockets.into(), opened.as_secs_f64()),
        pings: pings.load(Ordering::Relaxed),
        service,
    };
    Report::new(people.stores, found).print(bench.running.json)
}

/// Each socket is a file to this process.
fn allow_files(files: u64) -> Result<()> {
    match rlimit::increase_nofile_limit(files) {
        Ok(allowed) if allowed >= files => Ok(()),
        Ok(allowed) => Err(Error::TooManyFiles { files, allowed }),
        Err(error) => Err(crate::error::Error::internal(error).into()),
    }
}

/// Those who rest, each in a task that ends where something goes wrong.
type Resting = JoinSet<Result<()>>;

async fn open(people: &People, sockets: u32, pings: &Arc<AtomicU64>) -> Result<Resting> {
    let bar = progress(sockets.into());
    bar.set_message("opening sockets");
    let mut resting = JoinSet::new();
    let mut opened = subscribers::open_all(people, 0..sockets, Reading::Little);
    while let Some(subscriber) = opened.try_next().await? {
        resting.spawn(rest(subscriber, pings.clone()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(resting)
}

async fn rest(mut subscriber: Subscriber, pings: Arc<AtomicU64>) -> Result<()> {
    let pinged = || {
        pings.fetch_add(1, Ordering::Relaxed);
    };
    match subscriber.rest(pinged).await? {}
}

/// Lets time pass, in which nobody is to be disturbed.
async fn pause(resting: &mut Resting, lasting: Duration) -> Result<()> {
    let undisturbed = async {
        tokio::select! {
            () = sleep(lasting) => Ok(()),
            Some(ended) = resting.join_next() => ended.map_err(crate::error::Error::internal)?,
        }
    };
    passing("nothing happens", lasting, undisturbed).await
}

impl Findings for Idle {
    fn how(&self) -> String {
        let Self { sockets, seconds, pings, .. } = self;
        let (sockets, pings) = (count(*sockets), count(*pings));
        format!("{sockets} sockets for {seconds} s, with {pings} pings,")
    }

    fn table(&self) -> Table {
        let cells = self.service.as_ref().map(|service| {
            let mebi = |bytes: u64| format!("{}", bytes >> 20);
            let each = format!("{:.2}", service.bytes_per_socket / 1_024.0);
            let cpu = format!("{:.2}", service.cpu_percent);
            [mebi(service.bytes_before), mebi(service.bytes), each, cpu]
        });
        let opened = format!("{:.0}", self.opened_per_second);
        let cells = cells.unwrap_or_else(|| ["–"; 4].map(str::to_owned));
        let titles = ["opened/s", "MiB before", "MiB open", "KiB each", "% of a core"];
        Table::new(&[], &titles).line([opened].into_iter().chain(cells))
    }
}
