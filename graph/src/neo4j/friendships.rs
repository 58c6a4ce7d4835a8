//! Asking, accepting, ending and blocking, and what stands between people.

use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{BondRows, Bound, Statement, statements, text},
};
use crate::{Ask, Block, Friendship, Result, Timestamp, UserId, bonds::Bonds};

statements! {
    ASK = "friendships/ask";
    ACCEPT = "friendships/accept";
    WITHDRAW = "friendships/withdraw";
    UNFRIEND = "friendships/unfriend";
    BLOCK = "friendships/block";
    UNBLOCK = "friendships/unblock";
    BETWEEN = "friendships/between";
    TIES = "friendships/ties";
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
        let block = BLOCK.bound().bind_two(("by", by), ("other", other)).bind("at", at.0);
        Ok(match self.session.write_answer(block).await? {
            None => Block::Unknown,
            Some((true, _)) => Block::AlreadyBlocked,
            Some((false, visible)) => Block::Blocked { visible },
        })
    }

    pub(super) async fn friendships(
        &self,
        pairs: &[(UserId, UserId)],
    ) -> Result<Vec<Option<Friendship>>> {
        self.shared.friendships.ask(&self.session, pairs, between).await
    }

    pub(super) async fn ties(&self, id: UserId) -> Result<Vec<UserId>> {
        let ties = self.session.answer::<Vec<UserId>>(TIES.bind("id", text(id))).await?;
        let mut ties = ties.unwrap_or_default();
        ties.sort_unstable();
        Ok(ties)
    }

    /// What came of asking or accepting. No row where either is not in the graph.
    async fn outcome(&self, statement: Bound) -> Result<Ask> {
        let outcome = self.session.write_answer::<Outcome>(statement).await?;
        Ok(outcome.map_or(Ask::Unknown, Ask::from))
    }

    /// Whether there was something to end. No row where either is not in the graph.
    async fn ended(&self, statement: Bound) -> Result<bool> {
        Ok(self.session.write_answer(statement).await?.unwrap_or(false))
    }
}

async fn between(
    session: Session,
    pairs: Vec<(UserId, UserId)>,
) -> Result<Vec<Option<Friendship>>> {
    let asked = pairs
        .iter()
        .map(|&(viewer, other)| [("viewer", text(viewer).into()), ("other", text(other).into())]);
    let bonds = session.answer_each::<BondRows>(BETWEEN.asked(asked)).await?.into_iter();
    let seen = |(bonds, (viewer, other)): (BondRows, _)| {
        if viewer == other { Friendship::Myself } else { Bonds::from(bonds).seen() }
    };
    Ok(bonds.zip(pairs).map(|(bonds, pair)| bonds.map(|bonds| seen((bonds, pair)))).collect())
}
