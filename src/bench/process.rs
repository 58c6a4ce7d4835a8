//! What a process of this machine uses, as Linux tells it.

use std::{fs, io, time::Duration};

use super::{Error, Result};

/// How often the clock ticks by which it counts a process's time, in a
/// second: `USER_HZ`, which is this wherever Rust's Linux targets run.
const TICKS: u64 = 100;

/// A process.
#[derive(Clone, Copy)]
pub(super) struct Process {
    pid: u32,
}

impl Process {
    /// That of this id.
    pub(super) fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// How many bytes of memory it takes.
    pub(super) fn resident(&self) -> Result<u64> {
        let kibibytes: Option<u64> = self.read("status", |status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        })?;
        Ok(kibibytes.map_or(0, |kibibytes| kibibytes * 1_024))
    }

    /// For how long it has kept a core busy.
    pub(super) fn busy(&self) -> Result<Duration> {
        let ticks = self.read("stat", ticks)?;
        Ok(Duration::from_millis(ticks.unwrap_or_default() * 1_000 / TICKS))
    }

    fn read<T>(&self, file: &str, find: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid));
        let text = text.map_err(|source: io::Error| Error::NoProcess { pid: self.pid, source })?;
        Ok(find(&text))
    }
}

/// In user mode and in the kernel: the 14th and 15th field, of which the
/// second is a name in brackets that may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_found_whatever_its_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 25 75 0 0 20 0 1 0";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something() {
        let process = Process::of(std::process::id());
        assert!(process.resident().unwrap() > 1 << 20);
        assert!(process.busy().is_ok());
        assert!(matches!(Process::of(0).resident(), Err(Error::NoProcess { pid: 0, .. })));
    }
}
