//! The port that keeps accounts, sessions and one-time codes.

use std::fmt;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;

use super::{CodeHash, Device, EmailAddress, KeptCode, NewCode, PasswordHash, Purpose, TokenHash};
use crate::{
    error::Result,
    ids::{SessionId, UserId},
    jobs::Job,
    messaging::Entry,
    people::Username,
};

/// An account that is to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its person's id.
    pub id: UserId,
    /// Unique, for ever.
    pub username: Username,
    /// Unique among those that count as confirmed.
    pub email: EmailAddress,
    /// Of the password.
    pub password: PasswordHash,
    /// Whether the address counts as confirmed from the start.
    pub email_verified: bool,
    /// When it lapses, if nobody signs in to it; never without.
    pub lapses_at: Option<Timestamp>,
    /// Now.
    pub at: Timestamp,
}

/// How many accounts that were registered with the same address can be confirmed at a time: more than
/// mails go to one address as long as a code is valid.
pub const RIVALS: usize = 16;

/// How registering ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The account is made.
    Made,
    /// Somebody has the username; nothing was written.
    UsernameTaken,
    /// Somebody has the address, which was to count as confirmed, and nobody the
    /// username; nothing was written.
    EmailTaken,
}

/// How changing an address ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailChange {
    /// The account has the new address.
    Done,
    /// Somebody else has it; nothing was written.
    Taken,
    /// The code is not there any more, or the account had another address
    /// than was thought; nothing was written.
    Gone,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its person's id.
    pub id: UserId,
    /// Unique.
    pub username: Username,
    /// Its address, or the one that it was registered with and has yet to confirm.
    pub email: EmailAddress,
    /// Whether the address is confirmed. Until then it is not found by it, and
    /// others may be registered with the same one.
    pub email_verified: bool,
    /// Of the password.
    pub password: PasswordHash,
}

/// What finds an account when somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The username.
    Username(Username),
    /// The e-mail address.
    Email(EmailAddress),
}

impl fmt::Display for Login {
    /// As it is compared; no username is an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username(name) => name.as_str(),
            Self::Email(email) => email.as_str(),
        })
    }
}

/// A session that is to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// What it runs on, in the words of its client.
    pub device: Option<Device>,
    /// Of its first refresh token.
    pub token: TokenHash,
    /// Now.
    pub at: Timestamp,
}

/// A session, as its user may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// What it runs on, in the words of its client.
    pub device: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was opened or last refreshed.
    pub last_used_at: Timestamp,
}

/// How trading a refresh token ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Trade {
    /// The next token stands now.
    Done {
        /// Whose session it is.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// The token had been traded before: its session has just been ended,
    /// which is what was appended to the log.
    Reused(Vec<Entry>),
    /// The token is unknown or too old, or its session has ended.
    Refused,
}

/// Keeps accounts, sessions and one-time codes.
///
/// Each operation is one transaction: all of it happened or none, and of
/// several at once each sees the others whole or not at all. Where an
/// operation ends sessions, it appends a
/// [`SessionEnded`](crate::messaging::Change::SessionEnded) for each of them
/// to the log in the same transaction, and returns what it appended. A
/// session ends once.
///
/// # Errors
///
/// A store's failure, in each operation. After
/// [`Unavailable`](crate::error::StoreError::Unavailable) it is not known
/// whether a write happened.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    // ---------------------------------------------------------- accounts

    /// Makes the account together with its first code, if any, and writes
    /// `jobs` down.
    async fn register(
        &self,
        account: &NewAccount,
        code: Option<&NewCode>,
        jobs: &[Job],
    ) -> Result<Registration>;

    /// The account of this person.
    async fn account(&self, user: UserId) -> Result<Option<Account>>;

    /// The account that signs in so.
    async fn account_by_login(&self, login: &Login) -> Result<Option<Account>>;

    /// The accounts that were registered with this address and have not confirmed it, be it
    /// somebody's or not; the newest first, at most [`RIVALS`].
    async fn unconfirmed(&self, email: &EmailAddress) -> Result<Vec<Account>>;

    /// Replaces the password `old` by `new`, drops the pending codes for
    /// resetting it and for another address, and ends all the user's sessions
    /// but `keep`. `None`, and nothing done, where the password is not `old`
    /// any more.
    async fn change_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>>;

    /// Takes the account away, with its codes, refresh tokens and the devices
    /// of its sessions; ends them all, keeps the username from ever being
    /// given to anyone again, and writes down the `job` that takes the person
    /// out of everything else. `None`, and nothing done, where the password is
    /// not `checked` any more.
    async fn close_account(
        &self,
        user: UserId,
        checked: &PasswordHash,
        job: &Job,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>>;

    // ------------------------------------------------------------- codes

    /// Keeps the codes of these accounts, each in place of an earlier one for the same
    /// purpose, and writes down the job that mails them.
    async fn put_codes(&self, codes: &[(UserId, NewCode)], mail: &Job) -> Result<()>;

    /// Uses one of the tries of each code for this purpose of these accounts, of which there
    /// has to be one, and returns what was kept of them. Left out are those that expired at or
    /// before `at`, and those that have no try left. However many ask at once, a code is
    /// answered for as often as it has tries. As many statements in any case.
    async fn try_codes(
        &self,
        users: &[UserId],
        purpose: Purpose,
        at: Timestamp,
    ) -> Result<Vec<(UserId, KeptCode)>>;

    /// Consumes the code `used` for [`Purpose::VerifyEmail`], notes that the
    /// address is confirmed, which makes it the account's, and opens the session. `false`, and
    /// nothing done, where that code is not there any more, and where the address is
    /// somebody's by now.
    async fn verify_email(
        &self,
        user: UserId,
        used: &CodeHash,
        session: &NewSession,
    ) -> Result<bool>;

    /// Consumes the code `used` for [`Purpose::ResetPassword`] and every other
    /// code of the account, sets the password, notes that the address is
    /// confirmed, ends all the user's sessions, and opens the new one. `None`,
    /// and nothing done, where that code is not there any more.
    async fn reset_password(
        &self,
        user: UserId,
        used: &CodeHash,
        password: &PasswordHash,
        session: &NewSession,
    ) -> Result<Option<Vec<Entry>>>;

    /// Consumes the code `used` for [`Purpose::ChangeEmail`] and every other
    /// code of the account, gives it the address `new`, notes that it is
    /// confirmed, and writes down the job that tells the old one.
    async fn change_email(
        &self,
        account: &Account,
        used: &CodeHash,
        new: &EmailAddress,
        notice: &Job,
        at: Timestamp,
    ) -> Result<EmailChange>;

    // ---------------------------------------------------------- sessions

    /// Opens the session if the account's password is still the one that was
    /// checked; else returns `false`, so that no session outlives a change of
    /// password that it raced with.
    async fn open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: &NewSession,
    ) -> Result<bool>;

    /// Trades a token that was issued after `issued_after` for `next`. Of
    /// several trades of one token exactly one is done; the others are reuse.
    async fn trade_token(
        &self,
        token: &TokenHash,
        next: &TokenHash,
        at: Timestamp,
        issued_after: Timestamp,
    ) -> Result<Trade>;

    /// Ends the session if it is this user's and has not ended; else returns
    /// `None`.
    async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<Option<Vec<Entry>>>;

    /// Ends all sessions of this user.
    async fn end_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Entry>>;

    /// The user's sessions that have not ended and were last used after
    /// `used_after`, newest use first.
    async fn sessions(&self, user: UserId, used_after: Timestamp) -> Result<Vec<SessionInfo>>;

    /// Sessions of anyone that ended at or after `since`, and when.
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>>;
}
