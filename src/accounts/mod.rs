//! Accounts: registering, signing in, sessions, one-time codes, passwords and
//! access tokens.

mod attempts;
mod client;
mod code;
mod deletion;
mod device;
mod email;
mod email_change;
mod keys;
mod password;
mod password_change;
mod registration;
mod sessions;
mod stale;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod verified;

use std::{fmt, sync::Arc};

use chatterbox_graph::{Graph, Timestamp};
use tokio_util::task::TaskTracker;

pub use attempts::{AttemptKey, AttemptStore, Counted};
pub use client::Client;
pub use code::{CodeHash, KeptCode, NewCode, Purpose};
pub use device::Device;
pub use email::EmailAddress;
pub use keys::SigningKeys;
pub use password::{Password, PasswordHash, PasswordHasher};
pub use sessions::IDLE_LIMIT;
pub use stale::StaleStore;
pub use store::{
    Account, AccountStore, EmailChange, Login, NewAccount, NewSession, RIVALS, Registration,
    SessionInfo, Trade,
};
pub use token::{AccessToken, RefreshToken, TokenHash, Tokens};

use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{SessionId, UserId},
    jobs::Relay,
    live::{Bus, EndedSessions},
    messaging::{Change, Entry, Faces},
    people::Suggestions,
    rates::{Limits, Rates},
};

/// What a valid access token proves: who asks, and in which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
}

/// What signing in gives. Its tokens never show in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Authentication {
    /// Proves who asks until `expires_at`; checked without a look-up.
    pub access_token: String,
    /// When the access token expires; a whole second.
    pub expires_at: Timestamp,
    /// Traded once, by [`Accounts::refresh`], for the next pair.
    pub refresh_token: String,
    /// What the access token proves.
    pub viewer: Viewer,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("expires_at", &self.expires_at)
            .field("viewer", &self.viewer)
            .finish_non_exhaustive()
    }
}

/// What an account shows to whom it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its address, in lower case.
    pub email: String,
    /// Whether the address is confirmed.
    pub email_verified: bool,
}

/// What [`Accounts`] is put together from.
pub struct Parts {
    /// Keeps accounts, sessions and codes.
    pub store: Arc<dyn AccountStore>,
    /// Counts attempts.
    pub attempts: Arc<dyn AttemptStore>,
    /// Deletes what nobody can use any more.
    pub stale: Arc<dyn StaleStore>,
    /// Hashes and checks passwords.
    pub hasher: PasswordHasher,
    /// Signs and checks access tokens.
    pub tokens: Tokens,
    /// Tells to whom somebody is tied who leaves.
    pub graph: Arc<dyn Graph>,
    /// Makes people in the graph and takes them out of it, and sends mails.
    pub relay: Arc<Relay>,
    /// Shows people, whom it has to forget when they leave.
    pub faces: Faces,
    /// Suggests people, likewise.
    pub suggestions: Suggestions,
    /// Tells the other nodes of sessions that ended.
    pub bus: Arc<dyn Bus>,
    /// Sessions whose access tokens are refused although not expired.
    pub ended: EndedSessions,
    /// Refuses those who register too often.
    pub rates: Rates,
    /// The clock and the randomness.
    pub ambient: Ambient,
    /// Whether an address has to be confirmed before its account can sign in.
    pub verify_email: bool,
    /// How often things may be tried; as often as one likes without.
    pub limits: Option<Limits>,
    /// What goes on when an answer was given, and is waited for in the end.
    pub behind: TaskTracker,
}

/// What people do with their accounts.
///
/// Arguments come as the client sent them and are parsed here.
///
/// # Errors
///
/// Beside what each operation names: [`Error::Invalid`] for an argument
/// outside its limits, and [`Error::Store`] where a store fails or too many
/// passwords wait to be hashed.
#[derive(Clone)]
pub struct Accounts {
    parts: Arc<Parts>,
}

impl Accounts {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Who asks with this access token. Looks nothing up.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for a token that is not ours, that has
    /// expired, or whose session is known to have ended.
    pub fn authenticate(&self, access_token: &str) -> Result<Viewer> {
        let viewer = self.parts.tokens.verify(access_token, self.parts.ambient.now())?;
        if self.parts.ended.contains(viewer.session) {
            return Err(Error::Unauthenticated);
        }
        Ok(viewer)
    }

    /// The keys that check our access tokens, as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.parts.tokens.jwks()
    }

    /// What the account of `user` shows to whom it belongs; `None` for an
    /// unknown one.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn account(&self, user: UserId) -> Result<Option<AccountInfo>> {
        let account = self.parts.store.account(user).await?;
        Ok(account.map(|account| AccountInfo {
            email: account.email.as_str().to_owned(),
            email_verified: account.email_verified,
        }))
    }

    /// A session to be opened now, and the token that will refresh it.
    fn opening(&self, device: Option<Device>) -> (NewSession, RefreshToken) {
        let token = RefreshToken::draw(&self.parts.ambient);
        let session = NewSession {
            id: self.parts.ambient.id(),
            device,
            token: token.hash(),
            at: self.parts.ambient.now(),
        };
        (session, token)
    }

    /// Sets the gauges of the passwords that wait.
    pub fn measure(&self) {
        self.parts.hasher.measure();
    }

    /// The tokens of a session that was just opened.
    fn opened(&self, viewer: Viewer, token: &RefreshToken) -> Result<Authentication> {
        metrics::counter!("chatterbox_sessions_opened_total").increment(1);
        self.authentication(viewer, token)
    }

    fn authentication(&self, viewer: Viewer, token: &RefreshToken) -> Result<Authentication> {
        let access = self.parts.tokens.sign(viewer, self.parts.ambient.now())?;
        Ok(Authentication {
            access_token: access.text,
            expires_at: access.expires_at,
            refresh_token: token.expose().to_owned(),
            viewer,
        })
    }

    /// Refuses the tokens of sessions that ended and closes their sockets,
    /// here at once and elsewhere by the bus.
    fn announce(&self, entries: Vec<Entry>) {
        for entry in &entries {
            if let Change::SessionEnded { session } = entry.change {
                self.parts.ended.end(session, entry.at);
                metrics::counter!("chatterbox_sessions_ended_total").increment(1);
            }
        }
        if !entries.is_empty() {
            self.parts.bus.publish(entries.into_iter().map(Arc::new).collect());
        }
    }
}
