//! Changing a password, and setting a new one for one that was forgotten.

use super::{
    Accounts, Authentication, EmailAddress, Login, Password, Purpose, Viewer,
    registration::WRONG_CODE,
};
use crate::error::{Error, Result};

pub(super) const WRONG_PASSWORD: Error = Error::InvalidCredentials("the current password is wrong");

impl Accounts {
    /// Changes the password, ends all the viewer's other sessions, and lets
    /// pending codes for resetting it die.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] where `current` is not the password.
    pub async fn change_password(&self, viewer: Viewer, current: &str, new: &str) -> Result<()> {
        let new = Password::parse("new", new)?;
        let current = Password::parse("current", current).map_err(|_| WRONG_PASSWORD)?;
        let Some(account) = self.parts.store.account(viewer.user).await? else {
            return Err(Error::Unauthenticated);
        };
        let hasher = &self.parts.hasher;
        if !hasher.verify(current, account.password.clone()).await? {
            return Err(WRONG_PASSWORD);
        }
        let new = hasher.hash(new).await?;
        let now = self.parts.ambient.now();
        let store = &self.parts.store;
        let ended = store
            .change_password(viewer.user, &account.password, &new, viewer.session, now)
            .await?
            .ok_or(WRONG_PASSWORD)?;
        self.announce(ended);
        Ok(())
    }

    /// Mails a code for setting a new password, if the address is that of an
    /// account. The answer is the same where it is not.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn request_password_reset(&self, email: &str) -> Result<()> {
        let login = Login::Email(EmailAddress::parse(email)?);
        match self.parts.store.account_by_login(&login).await? {
            Some(account) => self.mail_code(&account, Purpose::ResetPassword).await,
            None => Ok(()),
        }
    }

    /// Sets a new password with the code that was mailed, ends all the
    /// account's sessions, and signs in. Whoever read the mail has the
    /// address: it counts as confirmed.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] for an address that is unknown, and for a
    /// code that is wrong, used, expired or replaced by a newer one.
    pub async fn reset_password(
        &self,
        email: &str,
        code: &str,
        new: &str,
    ) -> Result<Authentication> {
        let email = EmailAddress::parse(email)?;
        let new = Password::parse("new", new)?;
        let (user, used) = self.check_code(email, Purpose::ResetPassword, code).await?;
        let new = self.parts.hasher.hash(new).await?;
        let (session, token) = self.opening(None);
        let store = &self.parts.store;
        let ended = store.reset_password(user, &used, &new, &session).await?.ok_or(WRONG_CODE)?;
        self.announce(ended);
        self.authentication(Viewer { user, session: session.id }, &token)
    }
}
