//! Signing in, staying signed in, and signing out.

use std::time::Duration;

use chatterbox_graph::Timestamp;

use super::{
    Account, Accounts, Authentication, Device, EmailAddress, Login, Password, RefreshToken,
    SessionInfo, Trade, Viewer,
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
    /// username. Unknown logins take as long as wrong passwords.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`]; [`Error::EmailNotVerified`] for the
    /// right password of an account that has to be confirmed first.
    pub async fn sign_in(
        &self,
        login: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<Authentication> {
        let device = Device::parse(device)?;
        let password = Password::parse("password", password).map_err(|_| WRONG_LOGIN)?;
        let account = self.check_password(login, password).await?.ok_or(WRONG_LOGIN)?;
        if self.parts.verify_email && !account.email_verified {
            return Err(Error::EmailNotVerified);
        }
        let (session, token) = self.opening(device);
        let store = &self.parts.store;
        if !store.open_session(account.id, &account.password, &session).await? {
            return Err(WRONG_LOGIN);
        }
        self.authentication(Viewer { user: account.id, session: session.id }, &token)
    }

    /// The account with this login, if that is its password.
    async fn check_password(&self, login: &str, password: Password) -> Result<Option<Account>> {
        let account = match parse_login(login) {
            Some(login) => self.parts.store.account_by_login(&login).await?,
            None => None,
        };
        let hasher = &self.parts.hasher;
        let Some(account) = account else {
            hasher.verify_nobody(password).await?;
            return Ok(None);
        };
        let right = hasher.verify(password, account.password.clone()).await?;
        Ok(right.then_some(account))
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

fn idle_since(now: Timestamp) -> Timestamp {
    let limit = i64::try_from(IDLE_LIMIT.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(limit))
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
