//! Accounts.

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, Transaction, any::AnyRow};

use super::{
    Sql, bytes,
    closing::{self, is_retired},
    codes, commit, email_change, get, get_id, is_duplicate, jobs,
    log::Tail,
    retried, sessions, timed,
};
use crate::{
    accounts::{
        Account, AccountStore, CodeHash, EmailAddress, EmailChange, KeptCode, Login, NewAccount,
        NewCode, NewSession, PasswordHash, Purpose, RIVALS, Registration, SessionInfo, TokenHash,
        Trade,
    },
    error::{Error, Result},
    ids::{SessionId, UserId},
    jobs::Job,
    messaging::Entry,
    people::Username,
};

/// What is read of an account.
macro_rules! account_columns {
    () => {
        "SELECT id, username, email, wanted_email, email_verified_at, password_hash \
         FROM accounts "
    };
}

#[async_trait]
impl AccountStore for Sql {
    async fn register(
        &self,
        account: &NewAccount,
        code: Option<&NewCode>,
        jobs: &[Job],
    ) -> Result<Registration> {
        retried(|| self.try_register(account, code, jobs)).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Account>> {
        let statement = sqlx::query(concat!(account_columns!(), "WHERE id = ?"));
        let mut connection = self.read().await?;
        let row = statement.bind(bytes(user)).fetch_optional(&mut *connection);
        timed("accounts.by_id", row).await?.as_ref().map(decode).transpose()
    }

    async fn account_by_login(&self, login: &Login) -> Result<Option<Account>> {
        let (statement, value) = match login {
            Login::Username(username) => {
                (concat!(account_columns!(), "WHERE username = ?"), username.as_str())
            }
            Login::Email(email) => (concat!(account_columns!(), "WHERE email = ?"), email.as_str()),
        };
        let mut connection = self.read().await?;
        let row = sqlx::query(statement).bind(value.to_owned()).fetch_optional(&mut *connection);
        timed("accounts.by_login", row).await?.as_ref().map(decode).transpose()
    }

    async fn unconfirmed(&self, email: &EmailAddress) -> Result<Vec<Account>> {
        // Ids grow with time.
        let statement =
            concat!(account_columns!(), "WHERE wanted_email = ? ORDER BY id DESC LIMIT ?");
        let statement = sqlx::query(statement).bind(email.as_str().to_owned());
        let most = i64::try_from(RIVALS).unwrap_or(i64::MAX);
        let mut connection = self.read().await?;
        let rows = statement.bind(most).fetch_all(&mut *connection);
        timed("accounts.unconfirmed", rows).await?.iter().map(decode).collect()
    }

    async fn change_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>> {
        retried(|| self.try_change_password(user, old, new, keep, at)).await
    }

    async fn close_account(
        &self,
        user: UserId,
        checked: &PasswordHash,
        job: &Job,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>> {
        closing::close(self, user, checked, job, at).await
    }

    async fn put_codes(&self, codes: &[(UserId, NewCode)], mail: &Job) -> Result<()> {
        retried(|| async {
            let mut tx = self.begin().await?;
            for (user, code) in codes {
                codes::put(&mut tx, *user, code).await?;
            }
            jobs::insert(&mut tx, mail).await?;
            commit(tx).await
        })
        .await
    }

    async fn try_codes(
        &self,
        users: &[UserId],
        purpose: Purpose,
        at: Timestamp,
    ) -> Result<Vec<(UserId, KeptCode)>> {
        retried(|| codes::use_tries(self, users, purpose, at)).await
    }

    async fn verify_email(
        &self,
        user: UserId,
        used: &CodeHash,
        session: &NewSession,
    ) -> Result<bool> {
        retried(|| self.try_verify_email(user, used, session)).await
    }

    async fn reset_password(
        &self,
        user: UserId,
        used: &CodeHash,
        password: &PasswordHash,
        session: &NewSession,
    ) -> Result<Option<Vec<Entry>>> {
        retried(|| self.try_reset_password(user, used, password, session)).await
    }

    async fn change_email(
        &self,
        account: &Account,
        used: &CodeHash,
        new: &EmailAddress,
        notice: &Job,
        at: Timestamp,
    ) -> Result<EmailChange> {
        email_change::change(self, account, used, new, notice, at).await
    }

    async fn open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: &NewSession,
    ) -> Result<bool> {
        retried(|| self.try_open_session(user, checked, session)).await
    }

    async fn trade_token(
        &self,
        token: &TokenHash,
        next: &TokenHash,
        at: Timestamp,
        issued_after: Timestamp,
    ) -> Result<Trade> {
        sessions::trade(self, token, next, at, issued_after).await
    }

    async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>> {
        sessions::end(self, user, session, at).await
    }

    async fn end_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Entry>> {
        retried(|| self.try_end_sessions(user, at)).await
    }

    async fn sessions(&self, user: UserId, used_after: Timestamp) -> Result<Vec<SessionInfo>> {
        sessions::live(self, user, used_after).await
    }

    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>> {
        sessions::ended_since(self, since).await
    }
}

impl Sql {
    async fn try_register(
        &self,
        account: &NewAccount,
        code: Option<&NewCode>,
        jobs: &[Job],
    ) -> Result<Registration> {
        let mut tx = self.begin().await?;
        // Of many who insert a name and take it back, each lets the others run into deadlocks.
        if is_retired(&mut tx, &account.username).await? {
            return Ok(Registration::UsernameTaken);
        }
        if !insert(&mut tx, account).await? {
            timed("rollback", tx.rollback()).await?;
            return self.taken(account).await;
        }
        // Again: who was about to retire the name has done so.
        if is_retired(&mut tx, &account.username).await? {
            timed("rollback", tx.rollback()).await?;
            return Ok(Registration::UsernameTaken);
        }
        if let Some(code) = code {
            codes::put(&mut tx, account.id, code).await?;
        }
        for job in jobs {
            jobs::insert(&mut tx, job).await?;
        }
        commit(tx).await?;
        Ok(Registration::Made)
    }

    /// What the account that could not be inserted collides with: the driver
    /// does not name the index.
    async fn taken(&self, account: &NewAccount) -> Result<Registration> {
        let username = Login::Username(account.username.clone());
        if self.account_by_login(&username).await?.is_some()
            || is_retired(&mut *self.read().await?, &account.username).await?
        {
            return Ok(Registration::UsernameTaken);
        }
        let email = Login::Email(account.email.clone());
        if account.email_verified && self.account_by_login(&email).await?.is_some() {
            return Ok(Registration::EmailTaken);
        }
        Err(Error::unavailable("an account that collides is not there any more"))
    }

    async fn try_verify_email(
        &self,
        user: UserId,
        used: &CodeHash,
        session: &NewSession,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        if !confirm(&mut tx, user, session.at).await? {
            return Ok(false);
        }
        if !codes::consume(&mut tx, user, Purpose::VerifyEmail, used).await? {
            return Ok(false);
        }
        sessions::insert(&mut tx, user, session).await?;
        commit(tx).await?;
        Ok(true)
    }

    async fn try_open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: &NewSession,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        if !hold_password(&mut tx, user, checked).await? {
            return Ok(false);
        }
        sessions::insert(&mut tx, user, session).await?;
        commit(tx).await?;
        Ok(true)
    }

    async fn try_change_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let update =
            sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?")
                .bind(new.as_str().to_owned())
                .bind(bytes(user))
                .bind(old.as_str().to_owned());
        let touched = timed("accounts.change_password", update.execute(&mut *tx)).await?;
        if touched.rows_affected() == 0 {
            return Ok(None);
        }
        for purpose in [Purpose::ResetPassword, Purpose::ChangeEmail] {
            codes::drop_for(&mut tx, user, purpose).await?;
        }
        sessions::end_all(&mut tx, &mut tail, user, Some(keep)).await?;
        let entries = tail.write(&mut tx).await?;
        commit(tx).await?;
        Ok(Some(entries))
    }

    async fn try_reset_password(
        &self,
        user: UserId,
        used: &CodeHash,
        password: &PasswordHash,
        session: &NewSession,
    ) -> Result<Option<Vec<Entry>>> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, session.at).await?;
        let update = sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ?")
            .bind(password.as_str().to_owned())
            .bind(bytes(user));
        timed("accounts.reset_password", update.execute(&mut *tx)).await?;
        if !confirm(&mut tx, user, session.at).await? {
            return Ok(None);
        }
        if !codes::consume(&mut tx, user, Purpose::ResetPassword, used).await? {
            return Ok(None);
        }
        codes::drop_all(&mut tx, user).await?;
        sessions::end_all(&mut tx, &mut tail, user, None).await?;
        sessions::insert(&mut tx, user, session).await?;
        let entries = tail.write(&mut tx).await?;
        commit(tx).await?;
        Ok(Some(entries))
    }

    async fn try_end_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Entry>> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let update = sqlx::query("UPDATE accounts SET created_at = created_at WHERE id = ?");
        timed("accounts.hold", update.bind(bytes(user)).execute(&mut *tx)).await?;
        sessions::end_all(&mut tx, &mut tail, user, None).await?;
        let entries = tail.write(&mut tx).await?;
        commit(tx).await?;
        Ok(entries)
    }
}

/// Holds the account's row until the transaction ends; it lapses no more.
/// Returns whether its password is still the one that was checked.
pub(super) async fn hold_password(
    tx: &mut Transaction<'static, Any>,
    user: UserId,
    checked: &PasswordHash,
) -> Result<bool> {
    let update =
        sqlx::query("UPDATE accounts SET lapses_at = NULL WHERE id = ? AND password_hash = ?")
            .bind(bytes(user))
            .bind(checked.as_str().to_owned());
    let touched = timed("accounts.hold_password", update.execute(&mut **tx)).await?;
    Ok(touched.rows_affected() > 0)
}

/// Returns whether the account's names were free.
async fn insert(tx: &mut Transaction<'static, Any>, account: &NewAccount) -> Result<bool> {
    let email = account.email.as_str().to_owned();
    // The column is unique and never empty; an id is no address, so nobody is found by it.
    let (email, wanted) =
        if account.email_verified { (email, None) } else { (account.id.to_string(), Some(email)) };
    let statement = sqlx::query(
        "INSERT INTO accounts (id, username, email, wanted_email, password_hash, \
         email_verified_at, lapses_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(bytes(account.id))
    .bind(account.username.as_str().to_owned())
    .bind(email)
    .bind(wanted)
    .bind(account.password.as_str().to_owned())
    .bind(account.email_verified.then_some(account.at.0))
    .bind(account.lapses_at.map(|at| at.0))
    .bind(account.at.0);
    timed("accounts.insert", unless_duplicate(statement.execute(&mut **tx))).await
}

/// Makes the address that it was registered with the account's, which counts as confirmed then.
/// `false`, and nothing done, where it is somebody's by now.
async fn confirm(tx: &mut Transaction<'static, Any>, user: UserId, at: Timestamp) -> Result<bool> {
    // In this order: MySQL sees what was set before in the same statement.
    let update = sqlx::query(
        "UPDATE accounts SET email = COALESCE(wanted_email, email), wanted_email = NULL, \
         lapses_at = NULL, email_verified_at = COALESCE(email_verified_at, ?) WHERE id = ?",
    )
    .bind(at.0)
    .bind(bytes(user));
    timed("accounts.confirm", unless_duplicate(update.execute(&mut **tx))).await
}

async fn unless_duplicate<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<bool, sqlx::Error> {
    match statement.await {
        Ok(_) => Ok(true),
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn decode(row: &AnyRow) -> Result<Account> {
    let wanted: Option<String> = get(row, "wanted_email")?;
    let email = wanted.map_or_else(|| get(row, "email"), Ok)?;
    Ok(Account {
        id: get_id(row, "id")?,
        username: Username::from_stored(get(row, "username")?),
        email: EmailAddress::from_stored(email),
        email_verified: get::<Option<i64>>(row, "email_verified_at")?.is_some(),
        password: PasswordHash::from_stored(get(row, "password_hash")?),
    })
}
