//! Changing the address of an account.

use super::{
    Account, Accounts, Client, CodeHash, EmailAddress, EmailChange, Login, Password, Purpose,
    Viewer,
    code::{Code, mail},
    password_change::WRONG_PASSWORD,
    registration::{WRONG_CODE, taken},
};
use crate::{
    error::{Error, Result},
    jobs::{Job, Task},
    mail::Mail,
};

impl Accounts {
    /// Mails a code to the address that the viewer's account is to have,
    /// which has its own until then. A code that was mailed before is good
    /// for nothing more.
    ///
    /// Whether the address is somebody's already is told to nobody but to
    /// them, by mail: a code is kept all the same, which can't be confirmed.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] where `password` is not the password;
    /// [`Error::Conflict`] for the address that the account has;
    /// [`Error::RateLimited`] where the password was wrong too often, or too
    /// many mails were asked for, by the viewer or to that address, be it
    /// known or not.
    pub async fn change_email(&self, viewer: Viewer, email: &str, password: &str) -> Result<()> {
        let email = EmailAddress::parse(email)?;
        let password = Password::parse("password", password).map_err(|_| WRONG_PASSWORD)?;
        let account = self.prove(viewer, password).await?;
        if account.email == email {
            return Err(Error::Conflict { field: "email", reason: "is yours already" });
        }
        self.count_mail_of(viewer.user, &email).await?;
        let (ambient, store) = (&self.parts.ambient, &self.parts.store);
        let holder = store.account_by_login(&Login::Email(email.clone())).await?;
        let drawn = Code::draw(ambient);
        let mut code = drawn.kept(viewer.user, Purpose::ChangeEmail, &email, ambient.now());
        let mail = if holder.is_none() {
            code.email = Some(email.clone());
            mail(&email, Purpose::ChangeEmail, &[(&account.username, drawn)])
        } else {
            known_already(&email)
        };
        let job = Job::new(ambient, Task::SendMail(mail));
        store.put_codes(&[(viewer.user, code)], &job).await?;
        self.send(job).await;
        Ok(())
    }

    /// Gives the viewer's account the address that the code was mailed to,
    /// which counts as confirmed, and tells the old one. All other codes of
    /// the account die. Its sessions stay: whoever asked for the code knew the
    /// password.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] for a code that is wrong, used, expired
    /// or replaced by a newer one; [`Error::RateLimited`] where that was so
    /// too often; [`Error::Conflict`] for an address that became somebody
    /// else's meanwhile.
    pub async fn confirm_email_change(
        &self,
        viewer: Viewer,
        code: &str,
        from: Client,
    ) -> Result<()> {
        let attempt = self.begin_code(from).await?;
        let outcome = self.try_change(viewer, code).await;
        self.end_attempt(attempt, &outcome).await;
        let (account, used, email) = outcome?;
        let (ambient, store) = (&self.parts.ambient, &self.parts.store);
        let notice = Job::new(ambient, Task::SendMail(was_yours(&account)));
        match store.change_email(&account, &used, &email, &notice, ambient.now()).await? {
            EmailChange::Done => {
                self.send(notice).await;
                Ok(())
            }
            EmailChange::Taken => Err(taken("email")),
            EmailChange::Gone => Err(WRONG_CODE),
        }
    }

    /// The viewer's account, the hash of this code, and the address that it
    /// was mailed to. Uses one of its tries.
    async fn try_change(
        &self,
        viewer: Viewer,
        code: &str,
    ) -> Result<(Account, CodeHash, EmailAddress)> {
        let (store, now) = (&self.parts.store, self.parts.ambient.now());
        let account = store.account(viewer.user).await?.ok_or(Error::Unauthenticated)?;
        let kept = store.try_codes(&[viewer.user], Purpose::ChangeEmail, now).await?;
        let kept = kept.into_iter().next().map(|(_, kept)| kept);
        let Some((kept, email)) = kept.and_then(|kept| Some((kept.hash, kept.email?))) else {
            return Err(WRONG_CODE);
        };
        let given = CodeHash::of(viewer.user, Purpose::ChangeEmail, &email, code.trim());
        if kept.matches(&given) { Ok((account, kept, email)) } else { Err(WRONG_CODE) }
    }
}

/// What the owner of an address is told when somebody else wants it.
fn known_already(to: &EmailAddress) -> Mail {
    Mail {
        to: to.as_str().to_owned(),
        subject: "This address has an account already".to_owned(),
        text: "Somebody tried to make this the address of their Chatterbox account, but it \
               belongs to another account already.\n\nIf it was you, give that account another \
               address first, or close it. If it was not you, ignore this mail: nothing of yours \
               has changed.\n"
            .to_owned(),
    }
}

/// What the old address is told.
fn was_yours(account: &Account) -> Mail {
    let name = account.username.as_str();
    Mail {
        to: account.email.as_str().to_owned(),
        subject: "Your e-mail address was changed".to_owned(),
        text: format!(
            "The Chatterbox account {name} has another e-mail address now, and this one is not \
             its own any more.\n\nIf it was you, there is nothing to do. If it was not you, \
             somebody knows your password: ask those who run this server for help.\n"
        ),
    }
}
