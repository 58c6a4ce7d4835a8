//! Asking, accepting, ending and blocking, and what stands between people.

use sqlx::{AnyConnection, any::AnyRow};

use super::{
    SqliteGraph, commit,
    statement::{Statement, bytes, flag, id, pairs, place, statements},
};
use crate::{Ask, Block, Friendship, Result, Timestamp, UserId, bonds::Bonds};

/// The columns that [`bonds`] reads, of two people.
macro_rules! bonds_columns {
    ($one:literal, $other:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM graph_friends WHERE person = ",
            $one,
            " AND friend = ",
            $other,
            "), EXISTS (SELECT 1 FROM graph_requests WHERE sender = ",
            $one,
            " AND receiver = ",
            $other,
            "), EXISTS (SELECT 1 FROM graph_requests WHERE sender = ",
            $other,
            " AND receiver = ",
            $one,
            "), EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ",
            $one,
            " AND blocked = ",
            $other,
            "), EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ",
            $other,
            " AND blocked = ",
            $one,
            ")"
        )
    };
}
pub(super) use bonds_columns;

/// How many columns bonds have.
pub(super) const BONDS: usize = 5;

statements! {
    BETWEEN = "friendships/between":
        concat!("SELECT ", bonds_columns!("p.id", "o.id"), " \
         FROM graph_people p JOIN graph_people o ON o.id = ?2 WHERE p.id = ?1");
    BETWEEN_EACH = "friendships/between_each":
        concat!("SELECT ", bonds_columns!("unhex(asked.value ->> 0)", "p.id"), ", \
           unhex(asked.value ->> 0), p.id, asked.key \
         FROM json_each(?1) asked CROSS JOIN graph_people p ON p.id = unhex(asked.value ->> 1)");
    TIES = "friendships/ties":
        "SELECT friend FROM graph_friends WHERE person = ?1 \
         UNION SELECT receiver FROM graph_requests WHERE sender = ?1 \
         UNION SELECT sender FROM graph_requests WHERE receiver = ?1 \
         ORDER BY 1";
    FULL = "friendships/full":
        "SELECT (SELECT count(*) FROM graph_friends WHERE person = ?1) >= ?3 \
             OR (SELECT count(*) FROM graph_friends WHERE person = ?2) >= ?3";
    REQUEST = "friendships/request":
        "INSERT INTO graph_requests (sender, receiver, note, at) VALUES (?1, ?2, ?3, ?4)";
    BEFRIEND = "friendships/befriend":
        "INSERT INTO graph_friends (person, friend, username, since) \
         SELECT ?1, id, username, ?3 FROM graph_people WHERE id = ?2 \
         UNION ALL SELECT ?2, id, username, ?3 FROM graph_people WHERE id = ?1";
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
        let Some(bonds) = between(&mut transaction, from, to).await? else {
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
        let Some(bonds) = between(&mut transaction, by, from).await? else {
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
        match between(&mut transaction, by, other).await? {
            None => return Ok(Block::Unknown),
            Some(Bonds { blocks: true, .. }) => return Ok(Block::AlreadyBlocked),
            Some(_) => {}
        }
        let of_both = |statement: Statement| statement.bind(bytes(by)).bind(bytes(other));
        let ended = of_both(UNFRIEND).execute(&mut transaction).await?
            + of_both(END_REQUESTS).execute(&mut transaction).await?;
        of_both(BLOCK).bind(at.0).execute(&mut transaction).await?;
        commit(transaction).await?;
        Ok(Block::Blocked { visible: ended > 0 })
    }

    pub(super) async fn unblock(&self, by: UserId, other: UserId) -> Result<bool> {
        let end = UNBLOCK.bind(bytes(by)).bind(bytes(other));
        Ok(end.execute(&mut *self.writer().await?).await? > 0)
    }

    pub(super) async fn friendships(
        &self,
        asked: &[(UserId, UserId)],
    ) -> Result<Vec<Option<Friendship>>> {
        let mut seen = vec![None; asked.len()];
        if asked.is_empty() {
            return Ok(seen);
        }
        for row in BETWEEN_EACH.bind(pairs(asked)).all(&mut *self.reader().await?).await? {
            let (viewer, other): (UserId, UserId) = (id(&row, BONDS)?, id(&row, BONDS + 1)?);
            seen[place(&row, BONDS + 2)?] =
                Some(if viewer == other { Friendship::Myself } else { bonds(&row, 0)?.seen() });
        }
        Ok(seen)
    }

    pub(super) async fn ties(&self, of: UserId) -> Result<Vec<UserId>> {
        let rows = TIES.bind(bytes(of)).all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| id(row, 0)).collect()
    }
}

/// What stands between two people; `None` where either is not in the graph.
async fn between(
    connection: &mut AnyConnection,
    one: UserId,
    other: UserId,
) -> Result<Option<Bonds>> {
    let row = BETWEEN.bind(bytes(one)).bind(bytes(other)).optional(connection).await?;
    row.map(|row| bonds(&row, 0)).transpose()
}

/// Bonds out of five columns, the first of which is `first`.
pub(super) fn bonds(row: &AnyRow, first: usize) -> Result<Bonds> {
    Ok(Bonds {
        friends: flag(row, first)?,
        sent: flag(row, first + 1)?,
        received: flag(row, first + 2)?,
        blocks: flag(row, first + 3)?,
        blocked_by: flag(row, first + 4)?,
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
