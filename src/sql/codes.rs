//! One-time codes.

use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{Sql, bytes, commit, get, get_id, push_ids, timed};
use crate::{
    accounts::{CodeHash, EmailAddress, KeptCode, NewCode, Purpose},
    error::{Error, Result},
    ids::UserId,
};

fn number(purpose: Purpose) -> i64 {
    i64::from(purpose.number())
}

/// Keeps the code in place of an earlier one.
pub(super) async fn put(
    tx: &mut Transaction<'static, Any>,
    user: UserId,
    code: &NewCode,
) -> Result<()> {
    let statement = sqlx::query(
        "REPLACE INTO codes (account_id, purpose, hash, expires_at, tries_left, email) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(bytes(user))
    .bind(number(code.purpose))
    .bind(code.hash.as_bytes().to_vec())
    .bind(code.expires_at.0)
    .bind(i64::from(code.tries))
    .bind(code.email.as_ref().map(|email| email.as_str().to_owned()));
    timed("codes.put", statement.execute(&mut **tx)).await.map(drop)
}

/// Uses one try of each code that has one left, and returns what they are. The
/// statements are the same where there is none: their number would tell
/// whether an address is known, and whether a code is on its way to it.
pub(super) async fn use_tries(
    sql: &Sql,
    users: &[UserId],
    purpose: Purpose,
    at: Timestamp,
) -> Result<Vec<(UserId, KeptCode)>> {
    let mut tx = sql.begin().await?;
    // One below none tells that there was none left.
    let mut update =
        QueryBuilder::new("UPDATE codes SET tries_left = tries_left - 1 WHERE account_id");
    push_ids(&mut update, users.iter().copied());
    update.push(" AND tries_left >= 0 AND purpose = ").push_bind(number(purpose));
    timed("codes.use_tries", update.build().execute(&mut *tx)).await?;
    let mut select =
        QueryBuilder::new("SELECT account_id, hash, email FROM codes WHERE account_id");
    push_ids(&mut select, users.iter().copied());
    select.push(" AND tries_left >= 0 AND purpose = ").push_bind(number(purpose));
    select.push(" AND expires_at > ").push_bind(at.0);
    let rows = timed("codes.kept", select.build().fetch_all(&mut *tx)).await?;
    commit(tx).await?;
    rows.iter().map(|row| Ok((get_id(row, "account_id")?, decode(row)?))).collect()
}

fn decode(row: &AnyRow) -> Result<KeptCode> {
    let hash: Vec<u8> = get(row, "hash")?;
    let hash = hash.try_into().map_err(|_| Error::internal("a code's hash is not 32 bytes"))?;
    let email: Option<String> = get(row, "email")?;
    Ok(KeptCode { hash: CodeHash::from_bytes(hash), email: email.map(EmailAddress::from_stored) })
}

/// Takes the code away, and returns whether it was still that one.
pub(super) async fn consume(
    tx: &mut Transaction<'static, Any>,
    user: UserId,
    purpose: Purpose,
    used: &CodeHash,
) -> Result<bool> {
    let delete = sqlx::query("DELETE FROM codes WHERE account_id = ? AND purpose = ? AND hash = ?")
        .bind(bytes(user))
        .bind(number(purpose))
        .bind(used.as_bytes().to_vec());
    let touched = timed("codes.consume", delete.execute(&mut **tx)).await?;
    Ok(touched.rows_affected() > 0)
}

/// Takes the code for this purpose away, if there is one.
pub(super) async fn drop_for(
    tx: &mut Transaction<'static, Any>,
    user: UserId,
    purpose: Purpose,
) -> Result<()> {
    let delete = sqlx::query("DELETE FROM codes WHERE account_id = ? AND purpose = ?")
        .bind(bytes(user))
        .bind(number(purpose));
    timed("codes.drop", delete.execute(&mut **tx)).await.map(drop)
}

/// Takes all codes of the account away.
pub(super) async fn drop_all(tx: &mut Transaction<'static, Any>, user: UserId) -> Result<()> {
    let delete = sqlx::query("DELETE FROM codes WHERE account_id = ?").bind(bytes(user));
    timed("codes.drop_all", delete.execute(&mut **tx)).await.map(drop)
}
