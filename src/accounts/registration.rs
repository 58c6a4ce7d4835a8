//! Making an account, and confirming its address.

use chatterbox_graph::NewPerson;

use super::{
    Account, Accounts, Authentication, CodeHash, Device, EmailAddress, Login, NewAccount, Password,
    Purpose, Registration, Viewer, code::Code,
};
use crate::{
    error::{Error, Result},
    ids::UserId,
    jobs::{Job, Task},
    people::{DisplayName, Username},
};

pub(super) const WRONG_CODE: Error = Error::InvalidCredentials("the code is wrong or has expired");

impl Accounts {
    /// Makes an account and its person, who is called as the username was
    /// typed where no `display_name` is given. Where addresses have to be
    /// confirmed, a code is mailed.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a `username` or an `email` that is taken.
    pub async fn register(
        &self,
        username: &str,
        email: &str,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<NewPerson> {
        let name = DisplayName::parse(display_name.unwrap_or(username));
        let username = Username::parse(username)?;
        let name = name?;
        let email = EmailAddress::parse(email)?;
        let password = Password::parse("password", password)?;
        let password = self.parts.hasher.hash(password).await?;
        let ambient = &self.parts.ambient;
        let account = NewAccount {
            id: ambient.id(),
            username,
            email,
            password,
            email_verified: !self.parts.verify_email,
            at: ambient.now(),
        };
        let person = NewPerson {
            id: account.id,
            username: account.username.as_str().to_owned(),
            display_name: name.as_str().to_owned(),
            created_at: account.at,
        };
        self.keep(&account, &person).await?;
        Ok(person)
    }

    async fn keep(&self, account: &NewAccount, person: &NewPerson) -> Result<()> {
        let ambient = &self.parts.ambient;
        let mut jobs = vec![Job::new(ambient, Task::AddPerson(person.clone()))];
        let code = (!account.email_verified).then(|| Code::draw(ambient));
        if let Some(code) = &code {
            let mail = code.mail(&account.email, Purpose::VerifyEmail);
            jobs.push(Job::new(ambient, Task::SendMail(mail)));
        }
        let code = code.map(|code| code.kept(account.id, Purpose::VerifyEmail, account.at));
        match self.parts.store.register(account, code.as_ref(), &jobs).await? {
            Registration::Made => {}
            Registration::UsernameTaken => return Err(taken("username")),
            Registration::EmailTaken => return Err(taken("email")),
        }
        for job in &jobs {
            self.parts.relay.attempt(job).await;
        }
        Ok(())
    }

    /// Confirms the address with the code that was mailed to it, and signs in.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] for an address that is unknown or
    /// confirmed already, and for a code that is wrong, used, expired or
    /// replaced by a newer one.
    pub async fn verify_email(
        &self,
        email: &str,
        code: &str,
        device: Option<&str>,
    ) -> Result<Authentication> {
        let email = EmailAddress::parse(email)?;
        let device = Device::parse(device)?;
        let (user, used) = self.check_code(email, Purpose::VerifyEmail, code).await?;
        let (session, token) = self.opening(device);
        if !self.parts.store.verify_email(user, &used, &session).await? {
            return Err(WRONG_CODE);
        }
        self.authentication(Viewer { user, session: session.id }, &token)
    }

    /// Mails a new code for confirming the address, if it is that of an
    /// account which is not confirmed. The answer is the same where it is not.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub async fn resend_verification(&self, email: &str) -> Result<()> {
        let login = Login::Email(EmailAddress::parse(email)?);
        match self.parts.store.account_by_login(&login).await? {
            Some(account) if !account.email_verified => {
                self.mail_code(&account, Purpose::VerifyEmail).await
            }
            _ => Ok(()),
        }
    }

    /// Replaces the account's code for this purpose and mails the new one.
    pub(super) async fn mail_code(&self, account: &Account, purpose: Purpose) -> Result<()> {
        let ambient = &self.parts.ambient;
        let code = Code::draw(ambient);
        let job = Job::new(ambient, Task::SendMail(code.mail(&account.email, purpose)));
        let code = code.kept(account.id, purpose, ambient.now());
        self.parts.store.put_code(account.id, &code, &job).await?;
        self.parts.relay.attempt(&job).await;
        Ok(())
    }

    /// Whose code this is, and its hash. Uses one of its tries.
    pub(super) async fn check_code(
        &self,
        email: EmailAddress,
        purpose: Purpose,
        code: &str,
    ) -> Result<(UserId, CodeHash)> {
        let store = &self.parts.store;
        let account = store.account_by_login(&Login::Email(email)).await?.ok_or(WRONG_CODE)?;
        let kept = store.try_code(account.id, purpose, self.parts.ambient.now()).await?;
        let given = CodeHash::of(account.id, purpose, code.trim());
        match kept {
            Some(kept) if kept.matches(&given) => Ok((account.id, kept)),
            _ => Err(WRONG_CODE),
        }
    }
}

fn taken(field: &'static str) -> Error {
    Error::Conflict { field, reason: "is already taken" }
}
