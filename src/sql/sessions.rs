//! Sessions and their refresh tokens.
//!
//! Rows are locked in one order everywhere: the log's head, the account, the
//! refresh token, the session. Whoever opens a session holds its account's
//! row, so that ending all of a user's sessions, which holds it too, misses none.

use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{Sql, bytes, commit, get, get_id, log::Tail, push_ids, retried, timed};
use crate::{
    accounts::{NewSession, SessionInfo, TokenHash, Trade},
    error::Result,
    ids::{SessionId, UserId},
    messaging::{Change, Entry, NewEntry},
};

/// Opens the session with its first token.
pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    user: UserId,
    session: &NewSession,
) -> Result<()> {
    let statement = sqlx::query(
        "INSERT INTO sessions (id, account_id, device, created_at, last_used_at) \
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(bytes(session.id))
    .bind(bytes(user))
    .bind(session.device.as_ref().map(|device| device.as_str().to_owned()))
    .bind(session.at.0)
    .bind(session.at.0);
    timed("sessions.insert", statement.execute(&mut **tx)).await?;
    insert_token(tx, session.id, &session.token, session.at).await
}

async fn insert_token(
    tx: &mut Transaction<'static, Any>,
    session: SessionId,
    token: &TokenHash,
    at: Timestamp,
) -> Result<()> {
    let statement =
        sqlx::query("INSERT INTO refresh_tokens (hash, session_id, issued_at) VALUES (?, ?, ?)")
            .bind(token.as_bytes().to_vec())
            .bind(bytes(session))
            .bind(at.0);
    timed("refresh_tokens.insert", statement.execute(&mut **tx)).await.map(drop)
}

/// Trades the token for `next`, or ends the session of one traded before.
pub(super) async fn trade(
    sql: &Sql,
    token: &TokenHash,
    next: &TokenHash,
    at: Timestamp,
    issued_after: Timestamp,
) -> Result<Trade> {
    let traded_now = retried(|| try_trade(sql, token, next, at, issued_after)).await?;
    if let Some((user, session)) = traded_now {
        return Ok(Trade::Done { user, session });
    }
    // A transaction of its own, as the head has to be locked first in it.
    // Nothing in between can make a token that was traded one that was not.
    let Some((user, session)) = traded(sql, token).await? else { return Ok(Trade::Refused) };
    Ok(end(sql, user, session, at).await?.map_or(Trade::Refused, Trade::Reused))
}

async fn try_trade(
    sql: &Sql,
    token: &TokenHash,
    next: &TokenHash,
    at: Timestamp,
    issued_after: Timestamp,
) -> Result<Option<(UserId, SessionId)>> {
    let mut tx = sql.begin().await?;
    let update = sqlx::query(
        "UPDATE refresh_tokens SET traded_at = ? \
         WHERE hash = ? AND traded_at IS NULL AND issued_at > ?",
    )
    .bind(at.0)
    .bind(token.as_bytes().to_vec())
    .bind(issued_after.0);
    if timed("refresh_tokens.trade", update.execute(&mut *tx)).await?.rows_affected() == 0 {
        timed("rollback", tx.rollback()).await?;
        return Ok(None);
    }
    let select = sqlx::query(
        "SELECT s.id, s.account_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id \
         WHERE t.hash = ?",
    )
    .bind(token.as_bytes().to_vec());
    let row = timed("refresh_tokens.session", select.fetch_one(&mut *tx)).await?;
    let (user, session) = (get_id(&row, "account_id")?, get_id(&row, "id")?);
    let update =
        sqlx::query("UPDATE sessions SET last_used_at = ? WHERE id = ? AND ended_at IS NULL")
            .bind(at.0)
            .bind(bytes(session));
    if timed("sessions.use", update.execute(&mut *tx)).await?.rows_affected() == 0 {
        timed("rollback", tx.rollback()).await?;
        return Ok(None);
    }
    insert_token(&mut tx, session, next, at).await?;
    commit(tx).await?;
    Ok(Some((user, session)))
}

/// Whose the token is, if it was traded.
async fn traded(sql: &Sql, token: &TokenHash) -> Result<Option<(UserId, SessionId)>> {
    let select = sqlx::query(
        "SELECT s.id, s.account_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id \
         WHERE t.hash = ? AND t.traded_at IS NOT NULL",
    )
    .bind(token.as_bytes().to_vec());
    let mut connection = sql.read().await?;
    let row = timed("refresh_tokens.traded", select.fetch_optional(&mut *connection)).await?;
    row.map(|row| Ok((get_id(&row, "account_id")?, get_id(&row, "id")?))).transpose()
}

/// Ends one session of this user, if it has not ended.
pub(super) async fn end(
    sql: &Sql,
    user: UserId,
    session: SessionId,
    at: Timestamp,
) -> Result<Option<Vec<Entry>>> {
    retried(|| try_end(sql, user, session, at)).await
}

async fn try_end(
    sql: &Sql,
    user: UserId,
    session: SessionId,
    at: Timestamp,
) -> Result<Option<Vec<Entry>>> {
    let mut tx = sql.begin().await?;
    let mut tail = Tail::lock(&mut tx, sql.dialect, at).await?;
    let update = sqlx::query(
        "UPDATE sessions SET ended_at = ? WHERE id = ? AND account_id = ? AND ended_at IS NULL",
    )
    .bind(at.0)
    .bind(bytes(session))
    .bind(bytes(user));
    if timed("sessions.end", update.execute(&mut *tx)).await?.rows_affected() == 0 {
        return Ok(None);
    }
    tail.tell(ended(user, session));
    let entries = tail.write(&mut tx).await?;
    commit(tx).await?;
    Ok(Some(entries))
}

/// Ends the user's sessions, but for `keep`. The transaction holds the
/// account's row.
pub(super) async fn end_all(
    tx: &mut Transaction<'static, Any>,
    tail: &mut Tail,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<()> {
    let select = sqlx::query(
        "SELECT id FROM sessions WHERE account_id = ? AND ended_at IS NULL ORDER BY id",
    )
    .bind(bytes(user));
    let rows = timed("sessions.open", select.fetch_all(&mut **tx)).await?;
    let mut open = rows.iter().map(|row| get_id(row, "id")).collect::<Result<Vec<SessionId>>>()?;
    open.retain(|session| Some(*session) != keep);
    // Where none is kept, an id that no session has.
    let kept = keep.map_or_else(|| vec![0; 16], bytes);
    let update = sqlx::query(
        "UPDATE sessions SET ended_at = ? \
         WHERE account_id = ? AND ended_at IS NULL AND id <> ?",
    )
    .bind(tail.at().0)
    .bind(bytes(user))
    .bind(kept);
    timed("sessions.end_all", update.execute(&mut **tx)).await?;
    open.into_iter().for_each(|session| tail.tell(ended(user, session)));
    Ok(())
}

/// How many sessions' tokens one statement takes away at most.
const TOKENS_OF: usize = 500;

/// Takes the tokens of all the user's sessions away, those of ended ones too.
/// The transaction holds the account's row.
pub(super) async fn drop_tokens(tx: &mut Transaction<'static, Any>, user: UserId) -> Result<()> {
    let select = sqlx::query("SELECT id FROM sessions WHERE account_id = ?").bind(bytes(user));
    let rows = timed("sessions.all", select.fetch_all(&mut **tx)).await?;
    let sessions = rows.iter().map(|row| get_id(row, "id")).collect::<Result<Vec<SessionId>>>()?;
    for part in sessions.chunks(TOKENS_OF) {
        let mut query = QueryBuilder::<Any>::new("DELETE FROM refresh_tokens WHERE session_id");
        push_ids(&mut query, part.iter().copied());
        timed("refresh_tokens.drop", query.build().execute(&mut **tx)).await?;
    }
    Ok(())
}

/// Forgets on what the user's sessions ran.
pub(super) async fn drop_devices(tx: &mut Transaction<'static, Any>, user: UserId) -> Result<()> {
    let update = sqlx::query("UPDATE sessions SET device = NULL WHERE account_id = ?");
    timed("sessions.drop_devices", update.bind(bytes(user)).execute(&mut **tx)).await.map(drop)
}

fn ended(user: UserId, session: SessionId) -> NewEntry {
    NewEntry { user, change: Change::SessionEnded { session } }
}

/// The user's sessions that live.
pub(super) async fn live(
    sql: &Sql,
    user: UserId,
    used_after: Timestamp,
) -> Result<Vec<SessionInfo>> {
    let select = sqlx::query(
        "SELECT id, device, created_at, last_used_at FROM sessions \
         WHERE account_id = ? AND ended_at IS NULL AND last_used_at > ? \
         ORDER BY last_used_at DESC, id DESC",
    )
    .bind(bytes(user))
    .bind(used_after.0);
    let mut connection = sql.read().await?;
    let rows = timed("sessions.live", select.fetch_all(&mut *connection)).await?;
    rows.iter().map(decode).collect()
}

/// Anyone's sessions that ended lately.
pub(super) async fn ended_since(
    sql: &Sql,
    since: Timestamp,
) -> Result<Vec<(SessionId, Timestamp)>> {
    let select = sqlx::query("SELECT id, ended_at FROM sessions WHERE ended_at >= ?").bind(since.0);
    let mut connection = sql.read().await?;
    let rows = timed("sessions.ended_since", select.fetch_all(&mut *connection)).await?;
    rows.iter().map(|row| Ok((get_id(row, "id")?, Timestamp(get(row, "ended_at")?)))).collect()
}

fn decode(row: &AnyRow) -> Result<SessionInfo> {
    Ok(SessionInfo {
        id: get_id(row, "id")?,
        device: get(row, "device")?,
        created_at: Timestamp(get(row, "created_at")?),
        last_used_at: Timestamp(get(row, "last_used_at")?),
    })
}
