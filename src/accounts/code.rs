//! One-time codes: what a mail carries to prove that it was read.

use std::fmt;

use chatterbox_graph::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::EmailAddress;
use crate::{ambient::Ambient, ids::UserId, mail::Mail, people::Username};

/// What a code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Confirming the account's address.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Giving the account another address, which it is mailed to.
    ChangeEmail,
}

impl Purpose {
    /// The number that stores keep and that goes into the hash; never changes.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::VerifyEmail => 1,
            Self::ResetPassword => 2,
            Self::ChangeEmail => 3,
        }
    }
}

/// What the store keeps of a code. Six digits are soon guessed from it, so it
/// never shows in `Debug`.
#[derive(Clone)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// The hash of `code` as that account's, for that purpose, mailed `to`
    /// this address: it dies with the address that the account had.
    #[must_use]
    pub fn of(user: UserId, purpose: Purpose, to: &EmailAddress, code: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(user.uuid().as_bytes())
            .chain_update([purpose.number()])
            .chain_update(to.as_str())
            .chain_update([0])
            .chain_update(code);
        Self(hash.finalize().into())
    }

    /// The hash that a store kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same; the time it takes tells nothing.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(_)")
    }
}

/// A code that is to be kept.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// What it is good for.
    pub purpose: Purpose,
    /// Of the code.
    pub hash: CodeHash,
    /// It is good for anything before this only.
    pub expires_at: Timestamp,
    /// How many tries it allows.
    pub tries: u8,
    /// The address that the account gets by it. Without one it can't be
    /// confirmed as [`Purpose::ChangeEmail`].
    pub email: Option<EmailAddress>,
}

/// A code that was kept.
#[derive(Clone, Debug)]
pub struct KeptCode {
    /// What it has to hash to.
    pub hash: CodeHash,
    /// The address that the account gets by it.
    pub email: Option<EmailAddress>,
}

/// A code: six digits. Never shows in `Debug`.
pub(super) struct Code(SecretString);

impl Code {
    /// How long a code is valid, in microseconds.
    pub(super) const TTL: i64 = 15 * 60 * 1_000_000;
    /// How many tries a code allows.
    pub(super) const TRIES: u8 = 5;

    /// A new one.
    pub(super) fn draw(ambient: &Ambient) -> Self {
        // Out of 128 bits the remainder is uniform, but for one part in 10^32.
        let number = u128::from_le_bytes(ambient.bytes()) % 1_000_000;
        Self(format!("{number:06}").into())
    }

    /// What is to be kept of it, which is mailed `to` this address.
    pub(super) fn kept(
        &self,
        user: UserId,
        purpose: Purpose,
        to: &EmailAddress,
        now: Timestamp,
    ) -> NewCode {
        NewCode {
            purpose,
            hash: CodeHash::of(user, purpose, to, self.0.expose_secret()),
            expires_at: Timestamp(now.0.saturating_add(Self::TTL)),
            tries: Self::TRIES,
            email: None,
        }
    }
}

/// The mail that carries the codes of the accounts with these names, each alone on a line. Whoever
/// registers with the address of others must not be confirmed by them: so each code says
/// whose it is.
pub(super) fn mail(to: &EmailAddress, purpose: Purpose, codes: &[(&Username, Code)]) -> Mail {
    let (subject, begin, what, otherwise) = match purpose {
        Purpose::VerifyEmail => (
            "Confirm your e-mail address",
            "Welcome to Chatterbox! ",
            "confirms this e-mail address for the account",
            "If you did not register under that name, ignore it: nobody gets your address.",
        ),
        Purpose::ResetPassword => (
            "Reset your password",
            "",
            "lets you set a new password for the Chatterbox account",
            "If you did not ask for it, ignore this mail: your password stays as it is.",
        ),
        Purpose::ChangeEmail => (
            "Confirm your new e-mail address",
            "",
            "makes this the e-mail address of the Chatterbox account",
            "If you did not ask for it, ignore this mail: nobody gets your address.",
        ),
    };
    let mut text = begin.to_owned();
    for (username, code) in codes {
        let (username, code) = (username.as_str(), code.0.expose_secret());
        text.push_str(&format!("This code {what} \u{201c}{username}\u{201d}:\n\n{code}\n\n"));
    }
    text.push_str(&format!("It is valid for 15 minutes. {otherwise}\n"));
    Mail { to: to.as_str().to_owned(), subject: subject.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::{Random, SystemClock};

    /// Gives the same number again and again, as little-endian bytes.
    struct Always(u128);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            for (to, from) in bytes.iter_mut().zip(self.0.to_le_bytes()) {
                *to = from;
            }
        }
    }

    fn drawn(number: u128) -> String {
        let code = Code::draw(&Ambient::new(SystemClock, Always(number)));
        code.0.expose_secret().to_owned()
    }

    #[test]
    fn codes_have_six_digits() {
        assert_eq!(drawn(0), "000000");
        assert_eq!(drawn(42), "000042");
        assert_eq!(drawn(7_999_999), "999999");
        assert_eq!(drawn(u128::MAX), "211455");
    }

    #[test]
    fn a_hash_is_good_for_one_account_purpose_address_and_code() {
        let ambient = Ambient::system();
        let (ada, grace): (UserId, UserId) = (ambient.id(), ambient.id());
        let [old, new] = ["old@example.org", "new@example.org"]
            .map(|address| EmailAddress::parse(address).unwrap());
        let kept = CodeHash::of(ada, Purpose::VerifyEmail, &old, "123456");
        assert!(kept.matches(&CodeHash::of(ada, Purpose::VerifyEmail, &old, "123456")));
        assert!(!kept.matches(&CodeHash::of(ada, Purpose::VerifyEmail, &old, "123457")));
        assert!(!kept.matches(&CodeHash::of(ada, Purpose::VerifyEmail, &new, "123456")));
        assert!(!kept.matches(&CodeHash::of(ada, Purpose::ResetPassword, &old, "123456")));
        assert!(!kept.matches(&CodeHash::of(grace, Purpose::VerifyEmail, &old, "123456")));
    }

    #[test]
    fn the_mail_has_the_code_alone_on_a_line() {
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let names = ["ada", "mallory"].map(|name| Username::parse(name).unwrap());
        for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::ChangeEmail] {
            let codes = [(&names[0], Code("042042".into())), (&names[1], Code("911911".into()))];
            let mail = mail(&to, purpose, &codes);
            assert_eq!(mail.to, "ada@example.org");
            let lines: Vec<_> = mail.text.lines().filter(|line| !line.is_empty()).collect();
            assert!(lines[0].contains("\u{201c}ada\u{201d}") && lines[1] == "042042");
            assert!(lines[2].contains("\u{201c}mallory\u{201d}") && lines[3] == "911911");
            assert!(!mail.subject.contains("042042"));
        }
    }

    #[test]
    fn nothing_of_a_code_shows() {
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let user = Ambient::system().id();
        let kept = Code("042042".into()).kept(user, Purpose::VerifyEmail, &to, Timestamp(5));
        assert_eq!(kept.expires_at, Timestamp(900_000_005));
        assert_eq!(kept.tries, 5);
        assert!(format!("{kept:?}").contains("CodeHash(_)"));
    }
}
