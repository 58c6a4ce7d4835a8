//! Changing the address of an account.

use chatterbox_graph::Timestamp;

use super::{Sql, bytes, codes, commit, is_duplicate, jobs, retried, timed};
use crate::{
    accounts::{Account, CodeHash, EmailAddress, EmailChange, Purpose},
    error::Result,
    jobs::Job,
};

/// Gives the account the address that its code was mailed to.
pub(super) async fn change(
    sql: &Sql,
    account: &Account,
    used: &CodeHash,
    new: &EmailAddress,
    notice: &Job,
    at: Timestamp,
) -> Result<EmailChange> {
    retried(|| try_change(sql, account, used, new, notice, at)).await
}

async fn try_change(
    sql: &Sql,
    account: &Account,
    used: &CodeHash,
    new: &EmailAddress,
    notice: &Job,
    at: Timestamp,
) -> Result<EmailChange> {
    let mut tx = sql.begin().await?;
    let update = sqlx::query(
        "UPDATE accounts SET email = ?, email_verified_at = ? WHERE id = ? AND email = ?",
    )
    .bind(new.as_str().to_owned())
    .bind(at.0)
    .bind(bytes(account.id))
    .bind(account.email.as_str().to_owned());
    let outcome = timed("accounts.change_email", async {
        match update.execute(&mut *tx).await {
            Ok(touched) if touched.rows_affected() > 0 => Ok(EmailChange::Done),
            Ok(_) => Ok(EmailChange::Gone),
            Err(error) if is_duplicate(&error) => Ok(EmailChange::Taken),
            Err(error) => Err(error),
        }
    })
    .await?;
    if outcome != EmailChange::Done {
        timed("rollback", tx.rollback()).await?;
        return Ok(outcome);
    }
    if !codes::consume(&mut tx, account.id, Purpose::ChangeEmail, used).await? {
        return Ok(EmailChange::Gone);
    }
    codes::drop_all(&mut tx, account.id).await?;
    jobs::insert(&mut tx, notice).await?;
    commit(tx).await?;
    Ok(EmailChange::Done)
}
