//! Asking, accepting, ending and blocking, and what stands between people.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{Bound, Statement, list, read, statements, text},
};
use crate::{Ask, Block, Friendship, Result, Timestamp, UserId, bonds::Bonds};

statements! {
    ASK = "friendships/ask";
    ACCEPT = "friendships/accept";
    WITHDRAW = "friendships/withdraw";
    UNFRIEND = "friendships/unfriend";
    BLOCK = "friendships/block";
    UNBLOCK = "friendships/unblock";
    WITH_EACH = "friendships/with_each";
}

/// The outcomes that the statements call by these names.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Sent,
    BecameFriends,
    AlreadyAsked,
    AlreadyFriends,
    Blocked,
    TooManyFriends,
    Unknown,
}

impl From<Outcome> for Ask {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Sent => Self::Sent,
            Outcome::BecameFriends => Self::BecameFriends,
            Outcome::AlreadyAsked => Self::AlreadyAsked,
            Outcome::AlreadyFriends => Self::AlreadyFriends,
            Outcome::Blocked => Self::Blocked,
            Outcome::TooManyFriends => Self::TooManyFriends,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

impl Neo4jGraph {
    pub(super) async fn ask(
        &self,
        from: UserId,
        to: UserId,
        note: Option<&str>,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        let ask = ASK
            .bound()
            .bind_two(("from", from), ("to", to))
            .bind("note", note)
            .bind("at", at.0)
            .bind("maxFriends", i64::from(max_friends));
        self.outcome(ask).await
    }

    pub(super) async fn accept(
        &self,
        by: UserId,
        from: UserId,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        let accept = ACCEPT
            .bound()
            .bind_two(("by", by), ("from", from))
            .bind("at", at.0)
            .bind("maxFriends", i64::from(max_friends));
        self.outcome(accept).await
    }

    pub(super) async fn withdraw(&self, from: UserId, to: UserId) -> Result<bool> {
        self.ended(WITHDRAW.bound().bind_two(("from", from), ("to", to))).await
    }

    pub(super) async fn unfriend(&self, one: UserId, other: UserId) -> Result<bool> {
        self.ended(UNFRIEND.bound().bind_two(("one", one), ("other", other))).await
    }

    pub(super) async fn unblock(&self, by: UserId, other: UserId) -> Result<bool> {
        self.ended(UNBLOCK.bound().bind_two(("by", by), ("other", other))).await
    }

    pub(super) async fn block(&self, by: UserId, other: UserId, at: Timestamp) -> Result<Block> {
        #[derive(Deserialize)]
        struct BlockRow {
            already: bool,
            visible: bool,
        }
        let block = BLOCK.bound().bind_two(("by", by), ("other", other)).bind("at", at.0);
        let rows = self.session.write(block).await?;
        Ok(match read::<BlockRow>(&rows)?.pop() {
            None => Block::Unknown,
            Some(BlockRow { already: true, .. }) => Block::AlreadyBlocked,
            Some(BlockRow { visible, .. }) => Block::Blocked { visible },
        })
    }

    pub(super) async fn friendships(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Friendship>> {
        #[derive(Deserialize)]
        struct OtherRow {
            id: UserId,
            bonds: Bonds,
        }
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let with_each = WITH_EACH.bind("viewer", text(viewer)).bind("others", list(others));
        let rows = self.session.read(with_each).await?;
        let seen = |row: OtherRow| {
            if row.id == viewer { Friendship::Myself } else { row.bonds.seen() }
        };
        Ok(read::<OtherRow>(&rows)?.into_iter().map(|row| (row.id, seen(row))).collect())
    }

    /// What came of asking or accepting. No row where either is not in the graph.
    async fn outcome(&self, statement: Bound) -> Result<Ask> {
        #[derive(Deserialize)]
        struct OutcomeRow {
            outcome: Outcome,
        }
        let rows = self.session.write(statement).await?;
        Ok(read::<OutcomeRow>(&rows)?.pop().map_or(Ask::Unknown, |row| row.outcome.into()))
    }

    /// Whether there was something to end. No row where either is not in the graph.
    async fn ended(&self, statement: Bound) -> Result<bool> {
        #[derive(Deserialize)]
        struct EndedRow {
            ended: bool,
        }
        let rows = self.session.write(statement).await?;
        Ok(read::<EndedRow>(&rows)?.pop().is_some_and(|row| row.ended))
    }
}
