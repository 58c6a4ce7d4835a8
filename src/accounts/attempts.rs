//! How often something may be tried in vain, or asked for. Counted in the
//! store: neither a restart nor another node begins anew.

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sha2::{Digest, Sha256};

use super::{Account, Accounts, Client, EmailAddress};
use crate::{
    error::{Error, Result, chain},
    ids::UserId,
    rates::{self, Limits, Rate},
};

/// What attempts are counted by. Of what it stands for only a hash is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// The key of `what` among those of this kind.
    #[must_use]
    pub fn of(kind: &str, what: &str) -> Self {
        Self(
            Sha256::new().chain_update(kind).chain_update([0]).chain_update(what).finalize().into(),
        )
    }

    /// The key that a store kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn login(login: &str) -> Self {
        Self::of("login", login)
    }
}

impl fmt::Debug for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKey(_)")
    }
}

/// What was counted by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many attempts.
    pub times: u32,
    /// When counting begins anew.
    pub until: Timestamp,
}

/// Counts attempts.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait AttemptStore: Send + Sync + 'static {
    /// What is counted by these keys and does not begin anew by `at`.
    async fn attempts(
        &self,
        keys: &[AttemptKey],
        at: Timestamp,
    ) -> Result<HashMap<AttemptKey, Counted>>;

    /// Counts one more attempt by each key, and returns what is counted then.
    /// Where nothing was, or counting begins anew by `at`, it does so again
    /// at the time beside the key. Of several at once each sees a count of
    /// its own.
    async fn count_attempt(
        &self,
        keys: &[(AttemptKey, Timestamp)],
        at: Timestamp,
    ) -> Result<HashMap<AttemptKey, Counted>>;

    /// Takes one attempt back from each of these keys that has any.
    async fn take_back(&self, keys: &[AttemptKey]) -> Result<()>;

    /// Forgets what was counted by these keys.
    async fn forget_attempts(&self, keys: &[AttemptKey]) -> Result<()>;
}

/// What one attempt is counted by.
struct Bound {
    key: AttemptKey,
    allowed: Rate,
    /// Its name in the metrics, and in words.
    name: (&'static str, &'static str),
}

impl Bound {
    fn refused(&self, counted: Counted, now: Timestamp) -> Error {
        let wait = Duration::from_micros(counted.until.0.saturating_sub(now.0).unsigned_abs());
        let (name, what) = self.name;
        rates::refused(name, format!("{what}: at most {}", self.allowed.in_words()), wait)
    }
}

/// Refuses where so many `more` are too many.
fn refuse(
    bounds: &[&Bound],
    counted: &HashMap<AttemptKey, Counted>,
    more: u32,
    now: Timestamp,
) -> Result<()> {
    let over = bounds.iter().find_map(|bound| {
        let counted = counted.get(&bound.key)?;
        let over = counted.times.saturating_add(more) > bound.allowed.count.get();
        over.then(|| bound.refused(*counted, now))
    });
    over.map_or(Ok(()), Err)
}

/// An attempt that was counted, until it is known how it ended.
#[must_use]
pub(super) struct Attempt {
    /// What a success lets be forgotten.
    own: Option<AttemptKey>,
    /// What it is only taken back from.
    shared: Option<AttemptKey>,
}

impl Accounts {
    /// Counts an attempt to sign in, before anything is looked up. `login` as
    /// it is compared.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`], whatever the password is: it would tell.
    pub(super) async fn begin_sign_in(&self, login: &str, from: Client) -> Result<Option<Attempt>> {
        let Some(limits) = &self.parts.limits else { return Ok(None) };
        let own = AttemptKey::login(login);
        let name = ("sign_in_tries", "too many failed attempts to sign in with this login");
        let own = Bound { key: own, allowed: limits.sign_in_tries, name };
        let shared = of_client(from, limits);
        self.count(&[&own, &shared]).await?;
        Ok(Some(Attempt { own: Some(own.key), shared: Some(shared.key) }))
    }

    /// Counts an attempt to type in a code, whose own tries are counted with
    /// it: what is bounded here is how many codes somebody tries.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub(super) async fn begin_code(&self, from: Client) -> Result<Option<Attempt>> {
        let Some(limits) = &self.parts.limits else { return Ok(None) };
        let shared = of_client(from, limits);
        self.count(&[&shared]).await?;
        Ok(Some(Attempt { own: None, shared: Some(shared.key) }))
    }

    /// Counts an attempt to prove, while signed in, to be who one is.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub(super) async fn begin_proof(&self, user: UserId) -> Result<Option<Attempt>> {
        let Some(limits) = &self.parts.limits else { return Ok(None) };
        let key = AttemptKey::of("password", &user.to_string());
        let name = ("password_tries", "too many wrong passwords");
        self.count(&[&Bound { key, allowed: limits.sign_in_tries, name }]).await?;
        Ok(Some(Attempt { own: Some(key), shared: None }))
    }

    /// Counts a mail that is asked for, to an address that may be nobody's.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub(super) async fn count_mail(&self, to: &EmailAddress) -> Result<()> {
        let Some(limits) = &self.parts.limits else { return Ok(()) };
        self.count(&[&of_mail(to, limits)]).await
    }

    /// The same for one that a user asks for who is signed in, by whom it is
    /// counted too: they may name as many addresses as they like.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`].
    pub(super) async fn count_mail_of(&self, user: UserId, to: &EmailAddress) -> Result<()> {
        let Some(limits) = &self.parts.limits else { return Ok(()) };
        let key = AttemptKey::of("mail of", &user.to_string());
        let name = ("mails", "too many mails to new addresses");
        let own = Bound { key, allowed: limits.mails, name };
        self.count(&[&own, &of_mail(to, limits)]).await
    }

    async fn count(&self, bounds: &[&Bound]) -> Result<()> {
        let now = self.parts.ambient.now();
        let store = &self.parts.attempts;
        let keys: Vec<AttemptKey> = bounds.iter().map(|bound| bound.key).collect();
        // Who is refused anyway writes nothing, however often they come.
        refuse(bounds, &store.attempts(&keys, now).await?, 1, now)?;
        let ends = |allowed: Rate| {
            let micros = i64::try_from(allowed.per.as_micros()).unwrap_or(i64::MAX);
            Timestamp(now.0.saturating_add(micros))
        };
        let keys: Vec<_> = bounds.iter().map(|bound| (bound.key, ends(bound.allowed))).collect();
        refuse(bounds, &store.count_attempt(&keys, now).await?, 0, now)
    }

    /// Only what failed stays counted: not a success, which lets earlier
    /// failures of one's own be forgotten, and not what a store prevented.
    pub(super) async fn end_attempt<T>(&self, attempt: Option<Attempt>, outcome: &Result<T>) {
        let Some(Attempt { own, shared }) = attempt else { return };
        let store = &self.parts.attempts;
        match outcome {
            Ok(_) => {
                noted(store.forget_attempts(own.as_slice()).await);
                noted(store.take_back(shared.as_slice()).await);
            }
            Err(Error::Store(_)) => {
                let both: Vec<AttemptKey> = own.into_iter().chain(shared).collect();
                noted(store.take_back(&both).await);
            }
            Err(_) => {}
        }
    }

    /// Lets failures to sign in be forgotten, by whichever login: whoever
    /// reads the account's mail has proved more than that.
    pub(super) async fn forgive(&self, account: &Account) {
        if self.parts.limits.is_some() {
            let logins = [account.username.as_str(), account.email.as_str()];
            noted(self.parts.attempts.forget_attempts(&logins.map(AttemptKey::login)).await);
        }
    }
}

fn of_mail(to: &EmailAddress, limits: &Limits) -> Bound {
    let key = AttemptKey::of("mail", to.as_str());
    Bound { key, allowed: limits.mails, name: ("mails", "too many mails to this address") }
}

fn of_client(from: Client, limits: &Limits) -> Bound {
    let key = AttemptKey::of("client", &from.to_string());
    let name = ("sign_in_tries_of_client", "too many failed attempts to sign in from this address");
    Bound { key, allowed: limits.sign_in_tries_of_client, name }
}

/// What stays counted by mistake is forgotten by itself.
fn noted(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(error = chain(&error), "an attempt stays counted");
    }
}
