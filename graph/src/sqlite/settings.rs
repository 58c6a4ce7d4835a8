//! What people decided about others, and what follows for two of them.

use std::collections::HashMap;

use sqlx::any::AnyRow;

use super::{
    SqliteGraph,
    friendships::{BONDS, bonds, bonds_columns},
    statement::{
        Statement, bytes, flag, get, id, json, list, optional_word, pairs, place, statements,
    },
};
use crate::{Reach, Result, Settings, SettingsChange, UserId};

/// The columns that [`settings`] reads.
macro_rules! settings_columns {
    ($person:literal) => {
        concat!(
            $person,
            ".messages_from, ",
            $person,
            ".presence_to, ",
            $person,
            ".read_receipts, ",
            $person,
            ".discoverable"
        )
    };
}
pub(super) use settings_columns;

/// How many columns settings have.
pub(super) const SETTINGS: usize = 4;

/// Whether two people have a friend in common: looks for the friends of who
/// has fewer among those of the other. Counting is cheap, they lie together.
macro_rules! share_friends {
    ($one:literal, $other:literal) => {
        concat!(
            "CASE WHEN (SELECT count(*) FROM graph_friends WHERE person = ",
            $one,
            ") \
                    < (SELECT count(*) FROM graph_friends WHERE person = ",
            $other,
            ") \
             THEN EXISTS (SELECT 1 FROM graph_friends f \
                          CROSS JOIN graph_friends g ON g.person = ",
            $other,
            " AND g.friend = f.friend \
                          WHERE f.person = ",
            $one,
            ") \
             ELSE EXISTS (SELECT 1 FROM graph_friends f \
                          CROSS JOIN graph_friends g ON g.person = ",
            $one,
            " AND g.friend = f.friend \
                          WHERE f.person = ",
            $other,
            ") END"
        )
    };
}
pub(super) use share_friends;

statements! {
    GET = "settings/get":
        concat!("SELECT p.id, ", settings_columns!("p"), " FROM graph_people p \
         WHERE p.id IN (SELECT unhex(value) FROM json_each(?1))");
    CHANGE = "settings/change":
        concat!("UPDATE graph_people SET \
           messages_from = coalesce(?2 ->> 'messages_from', messages_from), \
           presence_to = coalesce(?2 ->> 'presence_to', presence_to), \
           read_receipts = coalesce(?2 ->> 'read_receipts', read_receipts), \
           discoverable = coalesce(?2 ->> 'discoverable', discoverable) \
         WHERE id = ?1 RETURNING ", settings_columns!("graph_people"));
    REACH = "settings/reach":
        concat!("SELECT ", bonds_columns!("p.id", "o.id"), ", ", settings_columns!("o"), ", \
           CASE WHEN 'FRIENDS_OF_FRIENDS' IN (o.messages_from, o.presence_to) \
                THEN ", share_friends!("p.id", "o.id"), " ELSE 0 END, asked.key \
         FROM json_each(?1) asked \
         CROSS JOIN graph_people p ON p.id = unhex(asked.value ->> 0) \
         CROSS JOIN graph_people o ON o.id = unhex(asked.value ->> 1)");
}

impl SqliteGraph {
    pub(super) async fn settings(&self, ids: &[UserId]) -> Result<HashMap<UserId, Settings>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = GET.bind(list(ids)).all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| Ok((id(row, 0)?, settings(row, 1)?))).collect()
    }

    pub(super) async fn change_settings(
        &self,
        id: UserId,
        change: &SettingsChange,
    ) -> Result<Option<Settings>> {
        let change = CHANGE.bind(bytes(id)).bind(json(change)?);
        let changed = change.all(&mut *self.writer().await?).await?;
        changed.first().map(|row| settings(row, 0)).transpose()
    }

    pub(super) async fn reach(&self, asked: &[(UserId, UserId)]) -> Result<Vec<Reach>> {
        let mut reach = vec![Reach::default(); asked.len()];
        if asked.is_empty() {
            return Ok(reach);
        }
        for row in REACH.bind(pairs(asked)).all(&mut *self.reader().await?).await? {
            let (settings, share_friends) = (settings(&row, BONDS)?, flag(&row, BONDS + SETTINGS)?);
            reach[place(&row, BONDS + SETTINGS + 1)?] =
                bonds(&row, 0)?.reach(&settings, share_friends);
        }
        Ok(reach)
    }
}

/// Settings out of four columns, the first of which is `first`.
pub(super) fn settings(row: &AnyRow, first: usize) -> Result<Settings> {
    let undecided = Settings::default();
    let (read_receipts, discoverable): (Option<i64>, Option<i64>) =
        (get(row, first + 2)?, get(row, first + 3)?);
    Ok(Settings {
        messages_from: optional_word(row, first)?.unwrap_or(undecided.messages_from),
        presence_to: optional_word(row, first + 1)?.unwrap_or(undecided.presence_to),
        read_receipts: read_receipts.map_or(undecided.read_receipts, |flag| flag != 0),
        discoverable: discoverable.map_or(undecided.discoverable, |flag| flag != 0),
    })
}
