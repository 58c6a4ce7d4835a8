//! Changing a password, and setting a new one for one that was forgotten.

use super::{
    Account, Accounts, Authentication, Client, EmailAddress, Password, Purpose, Viewer,
    registration::WRONG_CODE,
};
use crate::error::{Error, Result};

pub(super) const WRONG_PASSWORD: Error = Error::InvalidCredentials("the current password is wrong");

impl Accounts {
    /// Changes the password, ends all the viewer's other sessions, and lets
    /// pending codes for resetting it, and for another address, die.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] where `current` is not the password, and
    /// [`Error::RateLimited`] where it was not too often.
    pub async fn change_password(&self, viewer: Viewer, current: &str, new: &str) -> Result<()> {
        let new = Password::parse("new", new)?;
        let current = Password::parse("current", current).map_err(|_| WRONG_PASSWORD)?;
        let account = self.prove(viewer, current).await?;
        let new = self.parts.hasher.hash(new).await?;
        let now = self.parts.ambient.now();
        let store = &self.parts.store;
        let ended = store
            .change_password(viewer.user, &account.password, &new, viewer.session, now)
            .await?
            .ok_or(WRONG_PASSWORD)?;
        self.announce(ended);
        Ok(())
    }

    /// The viewer's account, if that is its password.
    pub(super) async fn prove(&self, viewer: Viewer, password: Password) -> Result<Account> {
        let attempt = self.begin_proof(viewer.user).await?;
        let outcome = self.try_proof(viewer, password).await;
        self.end_attempt(attempt, &outcome).await;
        outcome
    }

    async fn try_proof(&self, viewer: Viewer, password: Password) -> Result<Account> {
        let Some(account) = self.parts.store.account(viewer.user).await? else {
            return Err(Error::Unauthenticated);
        };
        let right = self.parts.hasher.verify(password, account.password.clone()).await?;
        if right { Ok(account) } else { Err(WRONG_PASSWORD) }
    }

    /// Mails a code for setting a new password, if the address is that of an
    /// account. The answer is the same where it is not, and does not wait for
    /// the mail.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] where too many mails were asked for, be the
    /// address known or not.
    pub async fn request_password_reset(&self, email: &str) -> Result<()> {
        let email = EmailAddress::parse(email)?;
        self.count_mail(&email).await?;
        let accounts = self.at(&email).await?;
        self.mail_codes(email, accounts, Purpose::ResetPassword);
        Ok(())
    }

    /// Sets a new password with the code that was mailed, ends all the
    /// account's sessions, and signs in. Whoever read the mail has the
    /// address: it counts as confirmed.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] for an address that is unknown, and for a
    /// code that is wrong, used, expired or replaced by a newer one;
    /// [`Error::RateLimited`] where that was so too often.
    pub async fn reset_password(
        &self,
        email: &str,
        code: &str,
        new: &str,
        from: Client,
    ) -> Result<Authentication> {
        let email = EmailAddress::parse(email)?;
        let new = Password::parse("new", new)?;
        let (account, used) = self.check_code(email, Purpose::ResetPassword, code, from).await?;
        let user = account.id;
        let new = self.parts.hasher.hash(new).await?;
        let (session, token) = self.opening(None);
        let store = &self.parts.store;
        let ended = store.reset_password(user, &used, &new, &session).await?.ok_or(WRONG_CODE)?;
        self.announce(ended);
        self.forgive(&account).await;
        self.opened(Viewer { user, session: session.id }, &token)
    }
}
