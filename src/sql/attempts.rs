//! Attempts, counted.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, QueryBuilder};

use super::{Dialect, Sql, commit, get, retried, shapes::padded, timed};
use crate::{
    accounts::{AttemptKey, AttemptStore, Counted},
    error::{Error, Result},
};

#[async_trait]
impl AttemptStore for Sql {
    async fn attempts(
        &self,
        keys: &[AttemptKey],
        at: Timestamp,
    ) -> Result<HashMap<AttemptKey, Counted>> {
        let mut connection = self.read().await?;
        let mut counted = read(&mut connection, keys).await?;
        counted.retain(|_, counted| counted.until > at);
        Ok(counted)
    }

    async fn count_attempt(
        &self,
        keys: &[(AttemptKey, Timestamp)],
        at: Timestamp,
    ) -> Result<HashMap<AttemptKey, Counted>> {
        // In one order everywhere, so that none waits for another crosswise.
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        retried(|| self.count_once(&keys, at)).await
    }

    async fn take_back(&self, keys: &[AttemptKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let update = "UPDATE attempts SET times = times - 1 WHERE times > 0 AND hash";
        retried(|| self.change("attempts.take_back", update, keys)).await
    }

    async fn forget_attempts(&self, keys: &[AttemptKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let delete = "DELETE FROM attempts WHERE hash";
        retried(|| self.change("attempts.forget", delete, keys)).await
    }
}

impl Sql {
    async fn change(
        &self,
        name: &'static str,
        statement: &'static str,
        keys: &[AttemptKey],
    ) -> Result<()> {
        let mut query = QueryBuilder::<Any>::new(statement);
        push_keys(&mut query, keys);
        let mut connection = self.availability.unless_away(self.write.acquire()).await?;
        timed(name, query.build().execute(&mut *connection)).await.map(drop)
    }

    async fn count_once(
        &self,
        keys: &[(AttemptKey, Timestamp)],
        at: Timestamp,
    ) -> Result<HashMap<AttemptKey, Counted>> {
        let mut query = QueryBuilder::<Any>::new("INSERT INTO attempts (hash, times, ends_at) ");
        query.push_values(keys, |mut row, (key, ends_at)| {
            row.push_bind(key.as_bytes().to_vec()).push_bind(1_i64).push_bind(ends_at.0);
        });
        let new = match self.dialect {
            Dialect::Sqlite => {
                query.push(" ON CONFLICT (hash) DO UPDATE SET ");
                "excluded.ends_at"
            }
            Dialect::Mysql => {
                query.push(" ON DUPLICATE KEY UPDATE ");
                "VALUES(ends_at)"
            }
        };
        // MySQL sets the one column before it reads it for the other.
        query
            .push("times = CASE WHEN attempts.ends_at > ")
            .push_bind(at.0)
            .push(" THEN attempts.times + 1 ELSE 1 END, ends_at = CASE WHEN attempts.ends_at > ")
            .push_bind(at.0)
            .push(" THEN attempts.ends_at ELSE ")
            .push(new)
            .push(" END");
        let mut tx = self.begin().await?;
        timed("attempts.count", query.build().execute(&mut *tx)).await?;
        let keys: Vec<AttemptKey> = keys.iter().map(|(key, _)| *key).collect();
        let counted = read(&mut tx, &keys).await?;
        commit(tx).await?;
        Ok(counted)
    }
}

async fn read(
    connection: &mut AnyConnection,
    keys: &[AttemptKey],
) -> Result<HashMap<AttemptKey, Counted>> {
    let mut query =
        QueryBuilder::<Any>::new("SELECT hash, times, ends_at FROM attempts WHERE hash");
    push_keys(&mut query, keys);
    let rows = timed("attempts.read", query.build().fetch_all(connection)).await?;
    let counted = rows.iter().map(|row| {
        let hash = get::<Vec<u8>>(row, "hash")?.try_into();
        let hash = hash.map_err(|_| Error::internal("a key of attempts is not 32 bytes"))?;
        let times = u32::try_from(get::<i64>(row, "times")?).unwrap_or(u32::MAX);
        let until = Timestamp(get(row, "ends_at")?);
        Ok((AttemptKey::from_bytes(hash), Counted { times, until }))
    });
    counted.collect()
}

fn push_keys(query: &mut QueryBuilder<Any>, keys: &[AttemptKey]) {
    push_hashes(query, keys.iter().map(|key| key.as_bytes().to_vec()));
}

/// `IN (…)` of hashes; there has to be one.
pub(super) fn push_hashes(
    query: &mut QueryBuilder<Any>,
    hashes: impl IntoIterator<Item = Vec<u8>>,
) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for hash in padded(hashes) {
        list.push_bind(hash);
    }
    query.push(")");
}
