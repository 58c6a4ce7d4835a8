//! What was measured, for people and for machines.

use std::fmt;

use hdrhistogram::Histogram;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::{
    Result,
    nodes::{self, NodeUse},
};
use crate::error::Error;

/// What a benchmark found out.
pub(super) trait Findings: Serialize {
    /// What was done, in words. The machine is named behind them.
    fn how(&self) -> String;

    /// The figures.
    fn table(&self) -> Table;
}

/// What was measured, and on what.
#[derive(Serialize)]
pub(super) struct Report<F> {
    #[serde(flatten)]
    measured: Stores,
    machine: Machine,
    #[serde(flatten)]
    findings: F,
    /// Those that share the work, where it is told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeUse>,
}

/// The stores that were measured, with their versions.
#[derive(Clone, Serialize)]
pub(super) struct Stores {
    /// That of messages, where it took part.
    pub(super) sql: Option<String>,
    pub(super) graph: String,
    /// The service that was asked; else the store itself was.
    pub(super) url: Option<String>,
}

/// What it was measured on; those who ask and what they ask share it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    cores: Option<usize>,
    memory_bytes: Option<u64>,
}

/// Figures in lines.
pub(super) struct Table {
    /// How many columns say what a line is about, before those of figures.
    names: usize,
    lines: Vec<Vec<String>>,
}

/// How long something took, in microseconds.
#[derive(Serialize)]
pub(super) struct Times {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

impl<F: Findings> Report<F> {
    pub(super) fn new(measured: Stores, findings: F) -> Self {
        Self { measured, machine: Machine::this(), findings, nodes: Vec::new() }
    }

    /// With what each node did.
    pub(super) fn by_nodes(self, nodes: Vec<NodeUse>) -> Self {
        Self { nodes, ..self }
    }

    /// As it is wanted.
    pub(super) fn print(&self, json: bool) -> Result<String> {
        if json {
            return Ok(serde_json::to_string_pretty(self).map_err(Error::internal)?);
        }
        let Self { measured, machine, findings, nodes } = self;
        let told = format!("{measured}:\n{} on {machine}\n\n{}", findings.how(), findings.table());
        let told_of_nodes = (!nodes.is_empty()).then(|| format!("\n\n{}", nodes::table(nodes)));
        Ok(told + &told_of_nodes.unwrap_or_default())
    }
}

impl Table {
    /// One with these titles above its columns.
    pub(super) fn new(names: &[&str], figures: &[&str]) -> Self {
        let titles = names.iter().chain(figures).map(|title| (*title).to_owned());
        Self { names: names.len(), lines: vec![titles.collect()] }
    }

    /// With one more line.
    pub(super) fn line(mut self, cells: impl IntoIterator<Item = String>) -> Self {
        self.lines.push(cells.into_iter().collect());
        self
    }
}

impl Times {
    /// The titles of their columns.
    pub(super) const TITLES: [&str; 4] = ["p50 ms", "p95 ms", "p99 ms", "max ms"];

    /// Those of nanoseconds.
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        let at = |quantile| micros(nanos.value_at_quantile(quantile));
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: micros(nanos.max()) }
    }

    /// How much more than others they are.
    pub(super) fn beyond(&self, others: &Self) -> Self {
        Self {
            p50: self.p50 - others.p50,
            p95: self.p95 - others.p95,
            p99: self.p99 - others.p99,
            max: self.max - others.max,
        }
    }

    pub(super) fn cells(&self) -> [String; 4] {
        [self.p50, self.p95, self.p99, self.max].map(|micros| format!("{:.3}", micros / 1e3))
    }
}

/// A number with its thousands set apart.
pub(super) fn count(number: impl Into<u64>) -> String {
    HumanCount(number.into()).to_string()
}

/// How many of something there were for each of something else; 0 where there
/// was nothing.
#[expect(clippy::cast_precision_loss, reason = "of what is counted here there is less")]
pub(super) fn each(number: u64, of: f64) -> f64 {
    if number == 0 { 0.0 } else { number as f64 / of }
}

#[expect(clippy::cast_precision_loss, reason = "times are kept to three digits")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
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

impl fmt::Display for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sql {
            Some(sql) if *sql != self.graph => write!(f, "{sql} and {}", self.graph)?,
            _ => f.write_str(&self.graph)?,
        }
        self.url.as_ref().map_or(Ok(()), |url| write!(f, " through {url}"))
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

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.lines.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "\n" })?;
            for (column, cell) in line.iter().enumerate() {
                let cells = self.lines.iter().filter_map(|line| line.get(column));
                let width = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
                f.write_str(if column == 0 { "" } else { "  " })?;
                if column < self.names {
                    write!(f, "{cell:<width$}")?;
                } else {
                    write!(f, "{cell:>width$}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_below_each_other() {
        let table = Table::new(&["question"], &["per second", "p50"])
            .line(["friends", "7", "0.123"].map(str::to_owned))
            .line(["mutual friends", "12,345", "1.000"].map(str::to_owned));
        assert_eq!(
            table.to_string(),
            "question        per second    p50\n\
             friends                  7  0.123\n\
             mutual friends      12,345  1.000"
        );
    }

    #[test]
    fn stores_are_named_once() {
        let stores = |sql: Option<&str>, url: Option<&str>| Stores {
            sql: sql.map(str::to_owned),
            graph: "SQLite/3".to_owned(),
            url: url.map(str::to_owned),
        };
        assert_eq!(stores(None, None).to_string(), "SQLite/3");
        assert_eq!(
            stores(Some("SQLite/3"), Some("http://h")).to_string(),
            "SQLite/3 through http://h"
        );
        assert_eq!(stores(Some("MySQL/8"), None).to_string(), "MySQL/8 and SQLite/3");
    }
}
