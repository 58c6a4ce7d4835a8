//! Callers, and how long they wait.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::{Result, passing};
use crate::error::Error;

/// The part of that time, one in so many, that is warmed up first, so that caches
/// and connections are as they are in the long run.
const WARM_UP: u32 = 5;
/// To how many digits times are kept.
const DIGITS: u8 = 3;

/// One of those who ask at the same time.
pub(super) trait Caller: Send + 'static {
    /// Asks once, and waits for the answer.
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// How long callers waited, in nanoseconds, and for how long they called.
pub(super) struct Waits {
    pub(super) times: Histogram<u64>,
    pub(super) lasted: Duration,
}

impl Waits {
    fn new() -> Result<Self> {
        Ok(Self { times: histogram()?, lasted: Duration::ZERO })
    }
}

/// Lets the callers call, all at the same time and each again and again, for
/// that long after they warmed up. The first call that fails ends all.
pub(super) async fn measure<C: Caller>(callers: Vec<C>, lasting: Duration) -> Result<Waits> {
    let from = Instant::now() + lasting / WARM_UP;
    let mut calling: JoinSet<Result<Waits>> =
        callers.into_iter().map(|caller| call(caller, from, lasting)).collect();
    let mut all = Waits::new()?;
    while let Some(ended) = calling.join_next().await {
        let waits = ended.map_err(Error::internal)??;
        all.times.add(&waits.times).map_err(Error::internal)?;
        all.lasted = all.lasted.max(waits.lasted);
    }
    Ok(all)
}

/// As [`measure`], and shows how the time passes.
pub(super) async fn measure_shown<C: Caller>(
    what: &'static str,
    callers: Vec<C>,
    seconds: f64,
) -> Result<Waits> {
    let lasting = Duration::from_secs_f64(seconds);
    passing(what, lasting + lasting / WARM_UP, measure(callers, lasting)).await
}

async fn call<C: Caller>(mut caller: C, from: Instant, lasting: Duration) -> Result<Waits> {
    let mut waits = Waits::new()?;
    loop {
        let begun = Instant::now();
        if begun >= from + lasting {
            waits.lasted = begun - from;
            return Ok(waits);
        }
        caller.call().await?;
        if begun >= from {
            waits.times.record(nanos(begun.elapsed())).map_err(Error::internal)?;
        }
    }
}

/// No times yet, of those that are kept in nanoseconds.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new(DIGITS).map_err(Error::internal)?)
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while, so many times.
    struct Slow(u32);

    impl Caller for Slow {
        async fn call(&mut self) -> Result<()> {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.0 = self.0.checked_sub(1).ok_or(Error::NotFound("answer"))?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn callers_call_at_the_same_time_and_wait() {
        let callers = vec![Slow(u32::MAX), Slow(u32::MAX)];
        let waits = measure(callers, Duration::from_millis(200)).await.unwrap();
        assert!((2..=80).contains(&waits.times.len()), "{}", waits.times.len());
        assert!(waits.times.min() >= nanos(Duration::from_millis(5)));
        assert!(waits.lasted >= Duration::from_millis(190), "{:?}", waits.lasted);
    }

    #[tokio::test]
    async fn one_failure_ends_all() {
        let begun = Instant::now();
        let callers = vec![Slow(u32::MAX), Slow(2)];
        assert!(measure(callers, Duration::from_secs(60)).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
