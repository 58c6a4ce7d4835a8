//! Signing in, staying signed in, and signing out.

use std::time::Duration;

use chatterbox_graph::Timestamp;

use super::{
    Account, Accounts, Authentication, Client, Device, EmailAddress, Login, Password, RefreshToken,
    SessionInfo, Trade, Viewer, password::Turn,
};
use crate::{
    error::{Error, Result},
    ids::SessionId,
    people::Username,
};

/// How long a session lives without being refreshed.
pub const IDLE_LIMIT: Duration = Duration::from_hours(90 * 24);

/// How much longer an ended session is remembered than its access tokens
/// live, in microseconds: the clocks of two nodes are not quite the same.
const MARGIN: i64 = 60_000_000;

const WRONG_LOGIN: Error = Error::InvalidCredentials("wrong login or password");

impl Accounts {
    /// Signs in. `login` is an e-mail address if it contains an '@', else a
    /// username. Unknown logins take as much work as wrong passwords, and as
    /// many failures.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`]; [`Error::EmailNotVerified`] for the
    /// right password of an account that has to be confirmed first;
    /// [`Error::RateLimited`] after too many failures, be the password right
    /// or wrong.
    pub async fn sign_in(
        &self,
        login: &str,
        password: &str,
        device: Option<&str>,
        from: Client,
    ) -> Result<Authentication> {
        let device = Device::parse(device)?;
        let password = Password::parse("password", password).map_err(|_| WRONG_LOGIN)?;
        let turn = self.parts.hasher.turn()?;
        let known = parse_login(login);
        let counted = known.as_ref().map_or_else(|| login.trim().to_lowercase(), Login::to_string);
        let attempt = self.begin_sign_in(&counted, from).await?;
        let outcome = self.try_sign_in(known, password, device, &turn).await;
        self.end_attempt(attempt, &outcome).await;
        outcome
    }

    async fn try_sign_in(
        &self,
        login: Option<Login>,
        password: Password,
        device: Option<Device>,
        turn: &Turn,
    ) -> Result<Authentication> {
        let account = self.check_password(login, password, turn).await?.ok_or(WRONG_LOGIN)?;
        if !account.email_verified {
            return Err(Error::EmailNotVerified);
        }
        let (session, token) = self.opening(device);
        let store = &self.parts.store;
        if !store.open_session(account.id, &account.password, &session).await? {
            return Err(WRONG_LOGIN);
        }
        self.opened(Viewer { user: account.id, session: session.id }, &token)
    }

    /// The account with this login, if that is its password.
    async fn check_password(
        &self,
        login: Option<Login>,
        password: Password,
        turn: &Turn,
    ) -> Result<Option<Account>> {
        let found = match &login {
            Some(login) => self.parts.store.account_by_login(login).await?,
            None => None,
        };
        match login {
            Some(Login::Email(email)) if self.parts.verify_email => {
                self.check_by_address(&email, found, password, turn).await
            }
            _ => matching(found, password, turn).await,
        }
    }

    /// The account whose confirmed address this is, if that is its password;
    /// else the newest that was registered with it and is not confirmed, if
    /// it is that one's. Whether somebody had the address before makes no
    /// difference to who tries to register with it, and then to sign in.
    async fn check_by_address(
        &self,
        email: &EmailAddress,
        found: Option<Account>,
        password: Password,
        turn: &Turn,
    ) -> Result<Option<Account>> {
        if let Some(account) = matching(found, password.clone(), turn).await? {
            return Ok(Some(account));
        }
        let newest = self.parts.store.unconfirmed(email).await?.into_iter().next();
        matching(newest, password, turn).await
    }

    /// Trades a refresh token for a new pair. One that was traded before ends
    /// its session: either it or its successor is in the wrong hands. So does
    /// the second of two trades at once.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for a token that is unknown, was traded
    /// before or not for [`IDLE_LIMIT`], or whose session has ended.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Authentication> {
        let token = RefreshToken::parse(refresh_token).ok_or(Error::Unauthenticated)?;
        let next = RefreshToken::draw(&self.parts.ambient);
        let now = self.parts.ambient.now();
        let store = &self.parts.store;
        match store.trade_token(&token.hash(), &next.hash(), now, idle_since(now)).await? {
            Trade::Done { user, session } => self.authentication(Viewer { user, session }, &next),
            Trade::Reused(ended) => {
                tracing::warn!("a refresh token was traded twice: its session is ended");
                metrics::counter!("chatterbox_refresh_tokens_reused_total").increment(1);
                self.announce(ended);
                Err(Error::Unauthenticated)
            }
            Trade::Refused => Err(Error::Unauthenticated),
        }
    }

    /// Ends the viewer's session. One that has ended meanwhile is fine.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn sign_out(&self, viewer: Viewer) -> Result<()> {
        match self.end_session(viewer, viewer.session).await {
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends one of the viewer's sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for one that has ended or is somebody else's.
    pub async fn end_session(&self, viewer: Viewer, session: SessionId) -> Result<()> {
        let now = self.parts.ambient.now();
        let ended = self.parts.store.end_session(viewer.user, session, now).await?;
        self.announce(ended.ok_or(Error::NotFound("session"))?);
        Ok(())
    }

    /// Ends all the viewer's sessions, this one too.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn sign_out_everywhere(&self, viewer: Viewer) -> Result<()> {
        let now = self.parts.ambient.now();
        let ended = self.parts.store.end_sessions(viewer.user, now).await?;
        self.announce(ended);
        Ok(())
    }

    /// The viewer's sessions, newest use first; not those that ended or were
    /// idle for [`IDLE_LIMIT`].
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn sessions(&self, viewer: Viewer) -> Result<Vec<SessionInfo>> {
        let idle_since = idle_since(self.parts.ambient.now());
        self.parts.store.sessions(viewer.user, idle_since).await
    }

    /// Reads which sessions ended while access tokens of theirs may still be
    /// about. To be called before the first token is checked.
    ///
    /// # Errors
    ///
    /// A store's failure.
    pub async fn load_ended(&self) -> Result<()> {
        for (session, at) in self.parts.store.ended_since(self.remembered_since()).await? {
            self.parts.ended.end(session, at);
        }
        Ok(())
    }

    /// Forgets ended sessions whose access tokens have all expired. To be
    /// called now and then.
    pub fn forget_ended(&self) {
        self.parts.ended.forget(self.remembered_since());
    }

    fn remembered_since(&self) -> Timestamp {
        let remembered = self.parts.tokens.ttl_micros().saturating_add(MARGIN);
        Timestamp(self.parts.ambient.now().0.saturating_sub(remembered))
    }
}

/// Who was last used then or before is idle too long `now`.
pub(super) fn idle_since(now: Timestamp) -> Timestamp {
    let limit = i64::try_from(IDLE_LIMIT.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(limit))
}

/// The account, if that is its password. As much work without one.
async fn matching(
    account: Option<Account>,
    password: Password,
    turn: &Turn,
) -> Result<Option<Account>> {
    let known = account.as_ref().map(|account| account.password.clone());
    let right = turn.verify(password, known).await?;
    Ok(account.filter(|_| right))
}

fn parse_login(login: &str) -> Option<Login> {
    let login = login.trim();
    if login.contains('@') {
        EmailAddress::parse(login).ok().map(Login::Email)
    } else {
        Username::parse(login).ok().map(Login::Username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_an_address_if_it_has_an_at() {
        let address = EmailAddress::parse("ada@example.org").unwrap();
        assert_eq!(parse_login(" Ada@Example.org "), Some(Login::Email(address)));
        let name = Username::parse("ada").unwrap();
        assert_eq!(parse_login("ADA"), Some(Login::Username(name)));
        for bad in ["", "@", "a b", "ada@"] {
            assert_eq!(parse_login(bad), None, "{bad:?}");
        }
    }
}
