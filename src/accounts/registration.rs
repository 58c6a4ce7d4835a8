//! Making an account, and confirming its address.

use chatterbox_graph::{NewPerson, Timestamp};

use super::{
    Account, Accounts, Authentication, Client, CodeHash, Device, EmailAddress, Login, NewAccount,
    Password, Purpose, Registration, Viewer, code::Code,
};
use crate::{
    error::{Error, Result, chain},
    jobs::{Job, Task},
    mail::Mail,
    people::{DisplayName, Username},
};

pub(super) const WRONG_CODE: Error = Error::InvalidCredentials("the code is wrong or has expired");

/// How long an account waits for its address to be confirmed, in
/// microseconds: 7 days.
const LAPSES: i64 = 7 * 24 * 60 * 60 * 1_000_000;

impl Accounts {
    /// Makes an account and its person, who is called as the username was
    /// typed where no `display_name` is given. Where addresses have to be
    /// confirmed, a code is mailed, and the account lapses after 7 days unless
    /// somebody signs in to it.
    ///
    /// Whether the address is somebody's already is then told to nobody but
    /// to them, by mail: an account is made all the same, with that username
    /// and password, which is not found by the address and can't be
    /// confirmed. Nothing that can be asked about it, or be tried with it,
    /// tells it from one whose code has not been typed in yet.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a `username` that is taken, and, only where
    /// addresses need not be confirmed, for such an `email`.
    /// [`Error::RateLimited`] for too many accounts or too many mails to that
    /// address, be it known or not.
    pub async fn register(
        &self,
        username: &str,
        email: &str,
        password: &str,
        display_name: Option<&str>,
        from: Client,
    ) -> Result<NewPerson> {
        let name = DisplayName::parse(display_name.unwrap_or(username));
        let username = Username::parse(username)?;
        let name = name?;
        let email = EmailAddress::parse(email)?;
        let password = Password::parse("password", password)?;
        self.parts.rates.registration(from)?;
        let password = self.parts.hasher.hash(password).await?;
        let ambient = &self.parts.ambient;
        let at = ambient.now();
        let account = NewAccount {
            id: ambient.id(),
            username,
            email,
            password,
            email_verified: !self.parts.verify_email,
            lapses_at: self.parts.verify_email.then(|| Timestamp(at.0.saturating_add(LAPSES))),
            at,
        };
        let person = NewPerson {
            id: account.id,
            username: account.username.as_str().to_owned(),
            display_name: name.as_str().to_owned(),
            created_at: account.at,
        };
        let jobs = if self.parts.verify_email {
            self.keep_unconfirmed(&account, &person).await?
        } else {
            self.keep(&account, &person).await?
        };
        for job in jobs {
            match job.task {
                Task::SendMail(_) => self.send(job).await,
                _ => self.parts.relay.attempt(&job).await,
            }
        }
        Ok(person)
    }

    /// Sends a mail that was written down, behind the answer where it may
    /// take long.
    pub(super) async fn send(&self, mail: Job) {
        let relay = self.parts.relay.clone();
        if relay.mails_promptly() {
            relay.attempt(&mail).await;
        } else {
            self.parts.behind.spawn(async move { relay.attempt(&mail).await });
        }
    }

    async fn keep(&self, account: &NewAccount, person: &NewPerson) -> Result<Vec<Job>> {
        let jobs = vec![Job::new(&self.parts.ambient, Task::AddPerson(person.clone()))];
        match self.parts.store.register(account, None, &jobs).await? {
            Registration::Made => Ok(jobs),
            Registration::UsernameTaken => Err(taken("username")),
            Registration::EmailTaken => Err(taken("email")),
        }
    }

    /// Does the same whether or not the address is somebody's, but for what
    /// the mail says.
    async fn keep_unconfirmed(&self, account: &NewAccount, person: &NewPerson) -> Result<Vec<Job>> {
        let (ambient, store) = (&self.parts.ambient, &self.parts.store);
        self.count_mail(&account.email).await?;
        let code = Code::draw(ambient);
        let kept = code.kept(account.id, Purpose::VerifyEmail, &account.email, account.at);
        let jobs = |mail| {
            let person = Job::new(ambient, Task::AddPerson(person.clone()));
            vec![person, Job::new(ambient, Task::SendMail(mail))]
        };
        let holder = Login::Email(account.email.clone());
        if store.account_by_login(&holder).await?.is_none() {
            let jobs = jobs(code.mail(&account.email, Purpose::VerifyEmail));
            match store.register(account, Some(&kept), &jobs).await? {
                Registration::Made => return Ok(jobs),
                Registration::UsernameTaken => return Err(taken("username")),
                // Just now.
                Registration::EmailTaken => {}
            }
        }
        let jobs = jobs(known_already(&account.email));
        match store.register_in_vain(account, &kept, &jobs).await? {
            Registration::Made => Ok(jobs),
            _ => Err(taken("username")),
        }
    }

    /// Confirms the address with the code that was mailed to it, and signs in.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] for an address that is unknown or
    /// confirmed already, and for a code that is wrong, used, expired or
    /// replaced by a newer one; [`Error::RateLimited`] where that was so too
    /// often.
    pub async fn verify_email(
        &self,
        email: &str,
        code: &str,
        device: Option<&str>,
        from: Client,
    ) -> Result<Authentication> {
        let email = EmailAddress::parse(email)?;
        let device = Device::parse(device)?;
        let (account, used) = self.check_code(email, Purpose::VerifyEmail, code, from).await?;
        let user = account.id;
        let (session, token) = self.opening(device);
        if !self.parts.store.verify_email(user, &used, &session).await? {
            return Err(WRONG_CODE);
        }
        self.forgive(&account).await;
        self.opened(Viewer { user, session: session.id }, &token)
    }

    /// Mails a new code for confirming the address, if it is that of an
    /// account which is not confirmed. The answer is the same where it is
    /// not, and does not wait for the mail.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] where too many mails were asked for, be the
    /// address known or not.
    pub async fn resend_verification(&self, email: &str) -> Result<()> {
        let email = EmailAddress::parse(email)?;
        self.count_mail(&email).await?;
        let account = self.parts.store.account_by_login(&Login::Email(email)).await?;
        if let Some(account) = account.filter(|account| !account.email_verified) {
            self.mail_code(account, Purpose::VerifyEmail);
        }
        Ok(())
    }

    /// Replaces the account's code for this purpose and mails the new one,
    /// behind the answer: how long that takes would tell that there is one.
    pub(super) fn mail_code(&self, account: Account, purpose: Purpose) {
        let accounts = self.clone();
        self.parts.behind.spawn(async move {
            if let Err(error) = accounts.replace_code(&account, purpose).await {
                tracing::warn!(error = chain(&error), "could not mail a code");
            }
        });
    }

    async fn replace_code(&self, account: &Account, purpose: Purpose) -> Result<()> {
        let ambient = &self.parts.ambient;
        let code = Code::draw(ambient);
        let job = Job::new(ambient, Task::SendMail(code.mail(&account.email, purpose)));
        let code = code.kept(account.id, purpose, &account.email, ambient.now());
        self.parts.store.put_code(account.id, &code, &job).await?;
        self.parts.relay.attempt(&job).await;
        Ok(())
    }

    /// Whose code this is, and its hash. Uses one of its tries. The work is
    /// the same for an address that nobody has.
    pub(super) async fn check_code(
        &self,
        email: EmailAddress,
        purpose: Purpose,
        code: &str,
        from: Client,
    ) -> Result<(Account, CodeHash)> {
        let attempt = self.begin_code(from).await?;
        let outcome = self.try_code(email, purpose, code).await;
        self.end_attempt(attempt, &outcome).await;
        outcome
    }

    async fn try_code(
        &self,
        email: EmailAddress,
        purpose: Purpose,
        code: &str,
    ) -> Result<(Account, CodeHash)> {
        let (ambient, store) = (&self.parts.ambient, &self.parts.store);
        let account = store.account_by_login(&Login::Email(email.clone())).await?;
        let user = account.as_ref().map_or_else(|| ambient.id(), |account| account.id);
        let kept = store.try_code(user, purpose, ambient.now()).await?;
        let given = CodeHash::of(user, purpose, &email, code.trim());
        match (account, kept) {
            (Some(account), Some(kept)) if kept.hash.matches(&given) => Ok((account, kept.hash)),
            _ => Err(WRONG_CODE),
        }
    }
}

pub(super) fn taken(field: &'static str) -> Error {
    Error::Conflict { field, reason: "is already taken" }
}

/// What the owner of an address is told when somebody registers with it.
fn known_already(to: &EmailAddress) -> Mail {
    Mail {
        to: to.as_str().to_owned(),
        subject: "You have an account already".to_owned(),
        text: "Somebody tried to register at Chatterbox with this address, which belongs to an \
               account already.\n\nIf it was you, sign in, or reset your password if you forgot \
               it. If it was not you, ignore this mail: nothing of yours has changed.\n"
            .to_owned(),
    }
}
