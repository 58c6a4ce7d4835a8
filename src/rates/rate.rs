//! How often something may be done, as operators write it.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use governor::Quota;

/// The units of time: how they are written, how they are spoken of, and how
/// many seconds they have.
const UNITS: [(&str, &str, u64); 4] =
    [("s", "second", 1), ("m", "minute", 60), ("h", "hour", 60 * 60), ("d", "day", 24 * 60 * 60)];
/// How often anything may be done at the most.
const MOST: u32 = 100_000;
/// The longest time to which a rate refers.
const LONGEST: Duration = Duration::from_hours(24);

/// So often in a time: 1 to 100,000 times in 1 second to 1 day, written like
/// `5/h` or `10/15m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: NonZeroU32,
    /// In which time; whole seconds.
    pub per: Duration,
}

impl Rate {
    fn parse(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        Some(Self { count: times(count)?, per: period(per)? })
    }

    /// The time in its largest unit: how many, its letter and its word.
    fn unit(&self) -> (u64, &'static str, &'static str) {
        let seconds = self.per.as_secs();
        let whole = UNITS.into_iter().rev().find(|(.., length)| seconds.is_multiple_of(*length));
        let (letter, word, length) = whole.unwrap_or(UNITS[0]);
        (seconds / length, letter, word)
    }

    /// Such as `5 an hour` or `10 in 15 minutes`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self.unit() {
            (1, _, "hour") => format!("{} an hour", self.count),
            (1, _, word) => format!("{} a {word}", self.count),
            (many, _, word) => format!("{} in {many} {word}s", self.count),
        }
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(
            "accepted is a number and a time, such as '10/15m': \
             1 to 100,000 times in 1 second to 1 day",
        )
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit() {
            (1, letter, _) => write!(f, "{}/{letter}", self.count),
            (many, letter, _) => write!(f, "{}/{many}{letter}", self.count),
        }
    }
}

/// A rate, and how often it may be done at once after a rest: 1 to 100,000
/// times, written like `20/s:60`; without, as often as the rate has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    rate: Rate,
    quota: Quota,
}

impl Bursts {
    fn parse(text: &str) -> Option<Self> {
        let (rate, burst) = match text.split_once(':') {
            Some((rate, burst)) => (Rate::parse(rate)?, times(burst)?),
            None => Rate::parse(text).map(|rate| (rate, rate.count))?,
        };
        let quota = Quota::with_period(rate.per / rate.count.get())?.allow_burst(burst);
        Some(Self { rate, quota })
    }

    /// The same, as it is counted.
    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    /// How many may be done at once, where that is not as the rate has it.
    fn burst(&self) -> Option<NonZeroU32> {
        Some(self.quota.burst_size()).filter(|burst| *burst != self.rate.count)
    }

    /// Such as `20 a second, in bursts of 60`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let rate = self.rate.in_words();
        self.burst().map_or(rate.clone(), |burst| format!("{rate}, in bursts of {burst}"))
    }
}

impl FromStr for Bursts {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(
            "accepted is a number and a time, and how many may come at once, such as '5/h' or \
             '20/s:60': 1 to 100,000 times in 1 second to 1 day",
        )
    }
}

impl fmt::Display for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rate.fmt(f)?;
        self.burst().map_or(Ok(()), |burst| write!(f, ":{burst}"))
    }
}

fn times(text: &str) -> Option<NonZeroU32> {
    // Signs are not taken.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|count: &NonZeroU32| digits && count.get() <= MOST)
}

fn period(text: &str) -> Option<Duration> {
    let (letter, _, length) = UNITS.into_iter().find(|(letter, ..)| text.ends_with(letter))?;
    let many = text.strip_suffix(letter)?;
    let many = if many.is_empty() { 1 } else { times(many)?.get() };
    Some(Duration::from_secs(u64::from(many) * length)).filter(|period| *period <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_written_and_spoken_of() {
        for (text, shown, words) in [
            ("5/h", "5/h", "5 an hour"),
            ("10/15m", "10/15m", "10 in 15 minutes"),
            ("20/1s", "20/s", "20 a second"),
            ("1/60s", "1/m", "1 a minute"),
            ("100000/24h", "100000/d", "100000 a day"),
            ("3/90m", "3/90m", "3 in 90 minutes"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.to_string(), rate.in_words()), (shown.to_owned(), words.to_owned()));
            assert_eq!(Bursts::from_str(text).unwrap().to_string(), shown);
        }
        let bursts: Bursts = "20/s:60".parse().unwrap();
        assert_eq!(bursts.to_string(), "20/s:60");
        assert_eq!(bursts.in_words(), "20 a second, in bursts of 60");
        assert_eq!(bursts.quota().replenish_interval(), Duration::from_millis(50));
        assert_eq!(Bursts::from_str("5/h:5").unwrap().to_string(), "5/h");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "5",
            "/h",
            "5/",
            "0/h",
            "-1/h",
            "+1/h",
            "5/0s",
            "5/2d",
            "5/w",
            "5 /h",
            "5/h ",
            "100001/h",
            "1.5/s",
            "5/h:",
            "5/h:0",
            "5/h:100001",
            "5/h:1:1",
            "5/25h",
            "5/99999999999s",
        ] {
            assert!(Bursts::from_str(text).is_err(), "{text}");
            assert!(Rate::from_str(text).is_err(), "{text}");
        }
        assert!(Rate::from_str("20/s:60").is_err());
    }
}
