//! Friendships, requests and blocks: an older graph is brought after what the
//! log tells of them.

use std::collections::BTreeMap;

use chatterbox_graph::{Friendship, Tie, Timestamp};

use super::{
    Decision::{self, Leave},
    LoggedBond, Reconciling,
};
use crate::{error::Result, ids::UserId, messaging::Position, people::MAX_FRIENDS};

/// How many entries of the log one statement looks through.
const WINDOW: i64 = 10_000;
/// How many pairs are compared at a time.
const PAGE: usize = 128;

/// What each of two people was told last, the one with the lower id first.
#[derive(Clone, Copy, Default)]
struct Told {
    low: Option<Friendship>,
    high: Option<Friendship>,
    at: Timestamp,
    /// Before that something changed of which the log does not tell what.
    unknown: bool,
}

impl Told {
    fn is_known(&self) -> bool {
        !self.unknown || (self.low.is_some() && self.high.is_some())
    }
}

/// What stands between two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bonds {
    friends: bool,
    low_asked: bool,
    high_asked: bool,
    low_blocks: bool,
    high_blocks: bool,
}

impl Bonds {
    fn seen(low: Friendship, high: Friendship) -> Self {
        let either = |sees| low == sees || high == sees;
        let blocked = either(Friendship::Blocked);
        Self {
            friends: !blocked && either(Friendship::Friends),
            low_asked: !blocked
                && (low == Friendship::RequestSent || high == Friendship::RequestReceived),
            high_asked: !blocked
                && (high == Friendship::RequestSent || low == Friendship::RequestReceived),
            low_blocks: low == Friendship::Blocked,
            high_blocks: high == Friendship::Blocked,
        }
    }
}

struct Mend {
    low: UserId,
    high: UserId,
    is: Bonds,
    should: Bonds,
    at: Timestamp,
}

type Pair = (UserId, UserId);

impl Reconciling {
    pub(super) async fn bonds(&mut self) -> Result<()> {
        let told: Vec<(Pair, Told)> = self.told().await?.into_iter().collect();
        for page in told.chunks(PAGE) {
            let asked: Vec<Pair> =
                page.iter().flat_map(|((low, high), _)| [(*low, *high), (*high, *low)]).collect();
            let seen = self.parts.graph.friendships(&asked).await?;
            for ((pair, told), seen) in page.iter().zip(seen.chunks(2)) {
                // Who is gone is nobody's friend.
                if let [Some(low), Some(high)] = seen {
                    self.report.pairs += 1;
                    self.pair(*pair, told, *low, *high).await?;
                }
            }
        }
        Ok(())
    }

    /// What the log tells last of each two people.
    async fn told(&self) -> Result<BTreeMap<Pair, Told>> {
        let records = &self.parts.records;
        let (mut from, head) = (records.projected("trimmed").await?, records.head().await?);
        let mut told: BTreeMap<Pair, Told> = BTreeMap::new();
        while from < head {
            let until = Position(head.0.min(from.0 + WINDOW));
            for LoggedBond { at, user, other, sees } in records.bonds_logged(from, until).await? {
                let last = told.entry((user.min(other), user.max(other))).or_default();
                match sees {
                    None => *last = Told { unknown: true, ..Told::default() },
                    sees if user < other => last.low = sees,
                    sees => last.high = sees,
                }
                last.at = at;
            }
            from = until;
        }
        Ok(told)
    }

    async fn pair(
        &mut self,
        (low, high): Pair,
        told: &Told,
        low_sees: Friendship,
        high_sees: Friendship,
    ) -> Result<()> {
        let is = Bonds::seen(low_sees, high_sees);
        let should = Bonds::seen(told.low.unwrap_or(low_sees), told.high.unwrap_or(high_sees));
        let what = format!("{low} and {high}: {}", words(is, should));
        let decision = match (told.is_known(), is == should) {
            (true, true) => return Ok(()),
            (false, _) => Leave("an earlier version logged that it changed, but not how"),
            (true, false) => {
                let mend = Mend { low, high, is, should, at: told.at };
                Decision::Mend(mend, "brought after the log")
            }
        };
        match self.decided(&what, decision) {
            Some(mend) => self.mend(mend).await,
            None => Ok(()),
        }
    }

    async fn mend(&self, Mend { low, high, is, should, at }: Mend) -> Result<()> {
        let graph = &self.parts.graph;
        for (by, other, blocks, should_block) in [
            (low, high, is.low_blocks, should.low_blocks),
            (high, low, is.high_blocks, should.high_blocks),
        ] {
            if should_block {
                graph.block(by, other, at).await?;
            } else if blocks {
                graph.unblock(by, other).await?;
            }
        }
        if is.friends && !should.friends {
            graph.unfriend(low, high).await?;
        }
        for (from, to, should_ask) in
            [(low, high, should.low_asked), (high, low, should.high_asked)]
        {
            if !should_ask {
                graph.withdraw(from, to).await?;
            }
        }
        for (from, to, should_ask) in
            [(low, high, should.low_asked), (high, low, should.high_asked)]
        {
            if should_ask {
                graph.ask(from, to, None, at, MAX_FRIENDS).await?;
            }
        }
        if should.friends && !is.friends {
            graph.load(&[], &[Tie { one: low, other: high, since: at }]).await?;
        }
        Ok(())
    }
}

fn words(is: Bonds, should: Bonds) -> String {
    format!("{} in the graph, {} by the log", word(is), word(should))
}

fn word(bonds: Bonds) -> &'static str {
    match bonds {
        Bonds { low_blocks: true, .. } | Bonds { high_blocks: true, .. } => "a block",
        Bonds { friends: true, .. } => "friends",
        Bonds { low_asked: true, .. } | Bonds { high_asked: true, .. } => "a request",
        _ => "nothing",
    }
}
