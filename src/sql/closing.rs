//! Accounts that come to their end.

use chatterbox_graph::{Friendship, Timestamp};
use sqlx::{Any, AnyConnection, QueryBuilder, Transaction};

use super::{
    Sql, accounts::hold_password, bytes, codes, commit, get, get_id, jobs, log::Tail, push_names,
    retried, sessions, signed, timed,
};
use crate::{
    accounts::PasswordHash,
    error::Result,
    ids::UserId,
    jobs::Job,
    messaging::{Change, Entry, NewEntry},
    people::{Username, departure::departed},
};

/// Takes the account away, and keeps its name from being given again.
pub(super) async fn close(
    sql: &Sql,
    user: UserId,
    checked: &PasswordHash,
    job: &Job,
    at: Timestamp,
) -> Result<Option<Vec<Entry>>> {
    retried(|| try_close(sql, user, checked, job, at)).await
}

async fn try_close(
    sql: &Sql,
    user: UserId,
    checked: &PasswordHash,
    job: &Job,
    at: Timestamp,
) -> Result<Option<Vec<Entry>>> {
    let mut tx = sql.begin().await?;
    let mut tail = Tail::lock(&mut tx, sql.dialect, at).await?;
    if !hold_password(&mut tx, user, checked).await? {
        return Ok(None);
    }
    let retire = sqlx::query(
        "INSERT INTO retired_usernames (username, retired_at) \
         SELECT username, ? FROM accounts WHERE id = ?",
    );
    let retire = retire.bind(at.0).bind(bytes(user));
    timed("accounts.retire_username", retire.execute(&mut *tx)).await?;
    let delete = sqlx::query("DELETE FROM accounts WHERE id = ?").bind(bytes(user));
    timed("accounts.delete", delete.execute(&mut *tx)).await?;
    codes::drop_all(&mut tx, user).await?;
    sessions::drop_tokens(&mut tx, user).await?;
    sessions::drop_devices(&mut tx, user).await?;
    sessions::end_all(&mut tx, &mut tail, user, None).await?;
    jobs::insert(&mut tx, job).await?;
    let entries = tail.write(&mut tx).await?;
    commit(tx).await?;
    Ok(Some(entries))
}

/// Whether somebody had this name who is gone.
pub(super) async fn is_retired(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<bool> {
    let select = sqlx::query("SELECT username FROM retired_usernames WHERE username = ?")
        .bind(username.as_str().to_owned());
    Ok(timed("accounts.retired", select.fetch_optional(connection)).await?.is_some())
}

/// Has entries tell that who closed their account since the graph was read is nobody's friend.
/// What their departure tells may stand before it, so that nothing would correct it.
pub(super) async fn outlive(
    tx: &mut Transaction<'static, Any>,
    entries: &mut [NewEntry],
) -> Result<()> {
    let told = entries.iter_mut().filter_map(|entry| match &mut entry.change {
        Change::FriendshipChanged { now: Some((person, sees)), .. } => Some((person, sees)),
        _ => None,
    });
    let mut bound: Vec<_> = told.filter(|(_, sees)| **sees != Friendship::None).collect();
    if bound.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::<Any>::new("SELECT username FROM retired_usernames WHERE username");
    push_names(&mut query, bound.iter().map(|(person, _)| person.username.clone()));
    let rows = timed("accounts.retired_of", query.build().fetch_all(&mut **tx)).await?;
    let gone: Vec<String> = rows.iter().map(|row| get(row, "username")).collect::<Result<_>>()?;
    for (person, sees) in &mut bound {
        if gone.contains(&person.username) {
            (**person, **sees) = (departed(person.id), Friendship::None);
        }
    }
    Ok(())
}

/// Accounts that lapsed.
pub(super) async fn lapsed(sql: &Sql, at: Timestamp, limit: usize) -> Result<Vec<UserId>> {
    let select = sqlx::query("SELECT id FROM accounts WHERE lapses_at < ? LIMIT ?")
        .bind(at.0)
        .bind(signed(limit));
    let mut connection = sql.read().await?;
    let rows = timed("accounts.lapsed", select.fetch_all(&mut *connection)).await?;
    rows.iter().map(|row| get_id(row, "id")).collect()
}

/// Takes a lapsed account away, to which nobody ever signed in: it has no
/// sessions.
pub(super) async fn drop_lapsed(sql: &Sql, user: UserId, job: &Job, at: Timestamp) -> Result<bool> {
    retried(|| try_drop_lapsed(sql, user, job, at)).await
}

async fn try_drop_lapsed(sql: &Sql, user: UserId, job: &Job, at: Timestamp) -> Result<bool> {
    let mut tx = sql.begin().await?;
    let delete = sqlx::query("DELETE FROM accounts WHERE id = ? AND lapses_at < ?")
        .bind(bytes(user))
        .bind(at.0);
    if timed("accounts.drop_lapsed", delete.execute(&mut *tx)).await?.rows_affected() == 0 {
        return Ok(false);
    }
    codes::drop_all(&mut tx, user).await?;
    jobs::insert(&mut tx, job).await?;
    commit(tx).await?;
    Ok(true)
}
