//! Making an account, and confirming its address.

use chatterbox_graph::{NewPerson, Timestamp};

use super::{
    Account, Accounts, Authentication, Client, CodeHash, Device, EmailAddress, KeptCode, Login,
    NewAccount, Password, Purpose, Registration, Viewer,
    code::{Code, mail},
};
use crate::{
    error::{Error, Result, chain},
    ids::UserId,
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
    /// the mail says. Others may be registered with it too: who confirms it has it.
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
        let jobs = jobs(match store.account_by_login(&holder).await? {
            Some(_) => known_already(&account.email),
            None => mail(&account.email, Purpose::VerifyEmail, &[(&account.username, code)]),
        });
        match store.register(account, Some(&kept), &jobs).await? {
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

    /// Mails new codes for confirming the address to the accounts that were registered
    /// with it, if it is nobody's. The answer is the same where it is
    /// somebody's, and does not wait for the mail.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] where too many mails were asked for, be the
    /// address known or not.
    pub async fn resend_verification(&self, email: &str) -> Result<()> {
        let email = EmailAddress::parse(email)?;
        self.count_mail(&email).await?;
        let mut accounts = self.at(&email).await?;
        accounts.retain(|account| !account.email_verified);
        self.mail_codes(email, accounts, Purpose::VerifyEmail);
        Ok(())
    }

    /// The account whose address this is; where it is nobody's, those that were registered with
    /// it. As much work in any case.
    pub(super) async fn at(&self, email: &EmailAddress) -> Result<Vec<Account>> {
        let store = &self.parts.store;
        let holder = store.account_by_login(&Login::Email(email.clone())).await?;
        let registered = store.unconfirmed(email).await?;
        Ok(holder.map_or(registered, |holder| vec![holder]))
    }

    /// Replaces the codes of these accounts for this purpose and mails the new ones,
    /// behind the answer: how long that takes would tell that there are any.
    pub(super) fn mail_codes(&self, to: EmailAddress, accounts: Vec<Account>, purpose: Purpose) {
        if accounts.is_empty() {
            return;
        }
        let this = self.clone();
        self.parts.behind.spawn(async move {
            if let Err(error) = this.replace_codes(&to, &accounts, purpose).await {
                tracing::warn!(error = chain(&error), "could not mail a code");
            }
        });
    }

    async fn replace_codes(
        &self,
        to: &EmailAddress,
        accounts: &[Account],
        purpose: Purpose,
    ) -> Result<()> {
        let ambient = &self.parts.ambient;
        let (mut kept, mut mailed) = (Vec::new(), Vec::new());
        for account in accounts {
            let code = Code::draw(ambient);
            kept.push((account.id, code.kept(account.id, purpose, to, ambient.now())));
            mailed.push((&account.username, code));
        }
        let job = Job::new(ambient, Task::SendMail(mail(to, purpose, &mailed)));
        self.parts.store.put_codes(&kept, &job).await?;
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
        let accounts = self.at(&email).await?;
        let mut users: Vec<UserId> = accounts.iter().map(|account| account.id).collect();
        if users.is_empty() {
            users.push(ambient.id());
        }
        let kept = store.try_codes(&users, purpose, ambient.now()).await?;
        let matching = |(user, kept): (UserId, KeptCode)| {
            let given = CodeHash::of(user, purpose, &email, code.trim());
            kept.hash.matches(&given).then_some((user, kept.hash))
        };
        let found = kept.into_iter().filter_map(matching).next().ok_or(WRONG_CODE)?;
        let account = accounts.into_iter().find(|account| account.id == found.0);
        Ok((account.ok_or(WRONG_CODE)?, found.1))
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
