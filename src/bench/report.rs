//! What was measured, for people and for machines.

use std::{fmt, time::Duration};

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::{Result, callers::Waits, questions::Crowd};
use crate::{
    cli::{GraphBench, Question},
    config::PublicUrl,
    error::Error,
};

/// What was measured, and how.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The store of the graph and its version.
    graph: String,
    /// The service that was asked; else the store itself was.
    url: Option<String>,
    users: u32,
    callers: u32,
    seconds: f64,
    machine: Machine,
    answers: Vec<Line>,
}

/// How one question was answered. Times are in microseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    question: Question,
    asked_by: Crowd,
    answers: u64,
    per_second: f64,
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

/// What it was measured on; callers and what they call share it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    cores: Option<usize>,
    memory_bytes: Option<u64>,
}

impl Report {
    pub(super) fn new(
        graph: String,
        url: Option<&PublicUrl>,
        bench: &GraphBench,
        answers: Vec<Line>,
    ) -> Self {
        let GraphBench { users, callers, seconds, .. } = *bench;
        let url = url.map(|url| url.as_str().to_owned());
        Self { graph, url, users, callers, seconds, machine: Machine::this(), answers }
    }

    /// As it is wanted.
    pub(super) fn print(&self, bench: &GraphBench) -> Result<String> {
        if bench.json {
            Ok(serde_json::to_string_pretty(self).map_err(Error::internal)?)
        } else {
            Ok(self.to_string())
        }
    }
}

impl Line {
    pub(super) fn of(question: Question, asked_by: Crowd, waits: &Waits) -> Self {
        let times = &waits.times;
        let at = |quantile| micros(times.value_at_quantile(quantile));
        Self {
            question,
            asked_by,
            answers: times.len(),
            per_second: per_second(times.len(), waits.lasted),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: micros(times.max()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "times are kept to three digits")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "so many calls take longer than anybody waits")]
fn per_second(calls: u64, lasted: Duration) -> f64 {
    if calls == 0 { 0.0 } else { calls as f64 / lasted.as_secs_f64() }
}

impl Machine {
    fn this() -> Self {
        Self {
            cores: std::thread::available_parallelism().ok().map(usize::from),
            memory_bytes: memory(),
        }
    }
}

/// As Linux tells it; other systems are not asked.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { graph, url, users, callers, seconds, machine, answers } = self;
        let (users, callers) = (HumanCount((*users).into()), HumanCount((*callers).into()));
        let through = url.as_ref().map_or_else(String::new, |url| format!(" through {url}"));
        writeln!(f, "{graph}{through}, with {users} people:")?;
        writeln!(
            f,
            "each question for {seconds} s, by {callers} at the same time, on {machine}\n"
        )?;
        write!(f, "{:<15} {:<8}", "question", "asked by")?;
        for title in ["per second", "p50 ms", "p95 ms", "p99 ms", "max ms"] {
            write!(f, " {title:>10}")?;
        }
        answers.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { question, asked_by, per_second, .. } = self;
        write!(f, "{question:<15} {asked_by:<8} {per_second:>10.0}")?;
        let times = [self.p50, self.p95, self.p99, self.max];
        times.iter().try_for_each(|micros| write!(f, " {:>10.3}", micros / 1e3))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cores {
            Some(cores) => write!(f, "{cores} cores")?,
            None => f.write_str("an unknown machine")?,
        }
        self.memory_bytes.map_or(Ok(()), |bytes| write!(f, ", {}", HumanBytes(bytes)))
    }
}
