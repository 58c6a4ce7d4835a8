//! When people were online last.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder};

use super::{Dialect, Sql, bytes, get, get_id, push_ids, timed};
use crate::{error::Result, ids::UserId, live::LastSeenStore};

/// How many rows one statement writes: each account looks for its time among all.
const ROWS: usize = 128;

#[async_trait]
impl LastSeenStore for Sql {
    async fn last_seen(&self, ids: &[UserId]) -> Result<HashMap<UserId, Timestamp>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT user_id, at FROM last_seen WHERE user_id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("last_seen.get", query.build().fetch_all(&mut *connection)).await?;
        rows.iter().map(|row| Ok((get_id(row, "user_id")?, Timestamp(get(row, "at")?)))).collect()
    }

    async fn note_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<()> {
        // In one order on all nodes, so that none waits for another crosswise.
        let mut seen = seen.to_vec();
        seen.sort_unstable();
        for part in seen.chunks(ROWS) {
            let mut query =
                QueryBuilder::<Any>::new("INSERT INTO last_seen (user_id, at) SELECT id, CASE id");
            for (user, at) in part {
                query.push(" WHEN ").push_bind(bytes(*user)).push(" THEN ").push_bind(at.0);
            }
            query.push(" END FROM accounts WHERE id");
            push_ids(&mut query, part.iter().map(|(user, _)| *user));
            query.push(match self.dialect {
                Dialect::Sqlite => " ON CONFLICT (user_id) DO UPDATE SET at = max(at, excluded.at)",
                Dialect::Mysql => {
                    " ON DUPLICATE KEY UPDATE at = GREATEST(last_seen.at, VALUES(at))"
                }
            });
            let mut connection = self.availability.unless_away(self.write.acquire()).await?;
            timed("last_seen.note", query.build().execute(&mut *connection)).await?;
        }
        Ok(())
    }
}
