//! Asking, accepting, ending and blocking, and what stands between people.

use std::collections::HashMap;

use sqlx::AnyConnection;

use super::{
    SqliteGraph, commit,
    statement::{Statement, bytes, flag, id, list, statements},
};
use crate::{Ask, Block, Friendship, Result, Timestamp, UserId, bonds::Bonds};

statements! {
    BONDS = "friendships/bonds":
        "SELECT \
           EXISTS (SELECT 1 FROM graph_friends WHERE person = ?1 AND friend = ?2), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?1 AND receiver = ?2), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?2 AND receiver = ?1), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = ?2), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?2 AND blocked = ?1) \
         FROM graph_people p JOIN graph_people o ON o.id = ?2 WHERE p.id = ?1";
    BONDS_WITH_EACH = "friendships/bonds_with_each":
        "SELECT \
           EXISTS (SELECT 1 FROM graph_friends WHERE person = ?1 AND friend = p.id), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?1 AND receiver = p.id), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = p.id AND receiver = ?1), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = p.id), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = p.id AND blocked = ?1), \
           p.id \
         FROM graph_people p WHERE p.id IN (SELECT unhex(value) FROM json_each(?2))";
    FULL = "friendships/full":
        "SELECT (SELECT count(*) FROM graph_friends WHERE person = ?1) >= ?3 \
             OR (SELECT count(*) FROM graph_friends WHERE person = ?2) >= ?3";
    REQUEST = "friendships/request":
        "INSERT INTO graph_requests (sender, receiver, note, at) VALUES (?1, ?2, ?3, ?4)";
    BEFRIEND = "friendships/befriend":
        "INSERT INTO graph_friends (person, friend, since) VALUES (?1, ?2, ?3), (?2, ?1, ?3)";
    END_REQUEST = "friendships/end_request":
        "DELETE FROM graph_requests WHERE sender = ?1 AND receiver = ?2";
    END_REQUESTS = "friendships/end_requests":
        "DELETE FROM graph_requests \
         WHERE (sender = ?1 AND receiver = ?2) OR (sender = ?2 AND receiver = ?1)";
    UNFRIEND = "friendships/unfriend":
        "DELETE FROM graph_friends \
         WHERE (person = ?1 AND friend = ?2) OR (person = ?2 AND friend = ?1)";
    BLOCK = "friendships/block":
        "INSERT INTO graph_blocks (blocker, blocked, at) VALUES (?1, ?2, ?3)";
    UNBLOCK = "friendships/unblock":
        "DELETE FROM graph_blocks WHERE blocker = ?1 AND blocked = ?2";
}

impl SqliteGraph {
    pub(super) async fn ask(
        &self,
        from: UserId,
        to: UserId,
        note: Option<&str>,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        let mut transaction = self.begin().await?;
        let Some(bonds) = bonds(&mut transaction, from, to).await? else {
            return Ok(Ask::Unknown);
        };
        let outcome = bonds.asking();
        match outcome {
            Ask::Sent | Ask::BecameFriends
                if full(&mut transaction, from, to, max_friends).await? =>
            {
                return Ok(Ask::TooManyFriends);
            }
            Ask::Sent => {
                let request = REQUEST.bind(bytes(from)).bind(bytes(to));
                let request = request.bind(note.map(str::to_owned)).bind(at.0);
                request.execute(&mut transaction).await?;
            }
            Ask::BecameFriends => befriend(&mut transaction, from, to, at).await?,
            nothing_changed => return Ok(nothing_changed),
        }
        commit(transaction).await?;
        Ok(outcome)
    }

    pub(super) async fn accept(
        &self,
        by: UserId,
        from: UserId,
        at: Timestamp,
        max_friends: u32,
    ) -> Result<Ask> {
        let mut transaction = self.begin().await?;
        let Some(bonds) = bonds(&mut transaction, by, from).await? else {
            return Ok(Ask::Unknown);
        };
        let outcome = bonds.accepting();
        if outcome != Ask::BecameFriends {
            return Ok(outcome);
        }
        if full(&mut transaction, by, from, max_friends).await? {
            return Ok(Ask::TooManyFriends);
        }
        befriend(&mut transaction, by, from, at).await?;
        commit(transaction).await?;
        Ok(outcome)
    }

    pub(super) async fn withdraw(&self, from: UserId, to: UserId) -> Result<bool> {
        let end = END_REQUEST.bind(bytes(from)).bind(bytes(to));
        Ok(end.execute(&mut *self.writer().await?).await? > 0)
    }

    pub(super) async fn unfriend(&self, one: UserId, other: UserId) -> Result<bool> {
        let end = UNFRIEND.bind(bytes(one)).bind(bytes(other));
        Ok(end.execute(&mut *self.writer().await?).await? > 0)
    }

    pub(super) async fn block(&self, by: UserId, other: UserId, at: Timestamp) -> Result<Block> {
        let mut transaction = self.begin().await?;
        match bonds(&mut transaction, by, other).await? {
            None => return Ok(Block::Unknown),
            Some(Bonds { blocks: true, .. }) => return Ok(Block::AlreadyBlocked),
            Some(_) => {}
        }
        let between = |statement: Statement| statement.bind(bytes(by)).bind(bytes(other));
        let ended = between(UNFRIEND).execute(&mut transaction).await?
            + between(END_REQUESTS).execute(&mut transaction).await?;
        between(BLOCK).bind(at.0).execute(&mut transaction).await?;
        commit(transaction).await?;
        Ok(Block::Blocked { visible: ended > 0 })
    }

    pub(super) async fn unblock(&self, by: UserId, other: UserId) -> Result<bool> {
        let end = UNBLOCK.bind(bytes(by)).bind(bytes(other));
        Ok(end.execute(&mut *self.writer().await?).await? > 0)
    }

    pub(super) async fn friendships(
        &self,
        viewer: UserId,
        others: &[UserId],
    ) -> Result<HashMap<UserId, Friendship>> {
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let each = BONDS_WITH_EACH.bind(bytes(viewer)).bind(list(others));
        let rows = each.all(&mut *self.reader().await?).await?;
        rows.iter()
            .map(|row| {
                let other = id(row, 5)?;
                let seen = if other == viewer { Friendship::Myself } else { read(row)?.seen() };
                Ok((other, seen))
            })
            .collect()
    }
}

/// What stands between two people; `None` where either is not in the graph.
async fn bonds(
    connection: &mut AnyConnection,
    one: UserId,
    other: UserId,
) -> Result<Option<Bonds>> {
    let row = BONDS.bind(bytes(one)).bind(bytes(other)).optional(connection).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &sqlx::any::AnyRow) -> Result<Bonds> {
    Ok(Bonds {
        friends: flag(row, 0)?,
        sent: flag(row, 1)?,
        received: flag(row, 2)?,
        blocks: flag(row, 3)?,
        blocked_by: flag(row, 4)?,
    })
}

/// Whether either has as many friends as one may have.
async fn full(
    connection: &mut AnyConnection,
    one: UserId,
    other: UserId,
    max_friends: u32,
) -> Result<bool> {
    let full = FULL.bind(bytes(one)).bind(bytes(other)).bind(i64::from(max_friends));
    flag(&full.one(connection).await?, 0)
}

async fn befriend(
    connection: &mut AnyConnection,
    one: UserId,
    other: UserId,
    since: Timestamp,
) -> Result<()> {
    END_REQUESTS.bind(bytes(one)).bind(bytes(other)).execute(connection).await?;
    BEFRIEND.bind(bytes(one)).bind(bytes(other)).bind(since.0).execute(connection).await?;
    Ok(())
}
