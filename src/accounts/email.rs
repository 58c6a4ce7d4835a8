//! E-mail addresses.

use url::Host;

use crate::error::{Error, Result};

/// An e-mail address, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// How many bytes an address may have (RFC 5321, section 4.5.3.1.3, less
    /// the angle brackets).
    const MAX_BYTES: usize = 254;

    /// Parses the argument `email`; white space around it is dropped,
    /// capital letters are folded, and a domain in other letters is kept as
    /// the DNS knows it, so that one mailbox has one account.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no address of at most 254 characters.
    pub fn parse(text: &str) -> Result<Self> {
        let address = with_plain_domain(text.trim().to_lowercase());
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        if address.len() > Self::MAX_BYTES
            || !address.chars().all(plain)
            || address.parse::<lettre::Address>().is_err()
            || is_literal(&address)
        {
            return Err(Error::invalid(
                "email",
                "must be an e-mail address of at most 254 characters",
            ));
        }
        Ok(Self(address))
    }

    /// The address that a store kept.
    #[must_use]
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it names a host by its number (RFC 5321, section 4.1.3), to which no mail is sent.
fn is_literal(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, domain)| domain.starts_with('['))
}

/// The address with its domain in ASCII (RFC 5890, section 2.3.2.1): written
/// in other forms of its letters, or with such as nobody sees, it is the same.
fn with_plain_domain(address: String) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match Host::parse(domain) {
            Ok(Host::Domain(plain)) => format!("{local}@{plain}"),
            _ => address,
        },
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_trimmed() {
        let address = EmailAddress::parse(" Ada.Lovelace+Chat@Example.ORG\n").unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+chat@example.org");
    }

    #[test]
    fn a_domain_is_one_however_it_is_written() {
        for (written, plain) in [
            ("ada@exam\u{200b}ple.org", "ada@example.org"),
            ("ada@ｅｘａｍｐｌｅ.org", "ada@example.org"),
            ("ada@example\u{3002}org", "ada@example.org"),
            ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(written).unwrap().as_str(), plain, "{written:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada lovelace@example.org",
            "ada@example.org, grace@example.org",
            "ada@exa mple.org",
            "ada@-example.org",
            "ada@example..org",
            "Ada <ada@example.org>",
            "ada@example.org\r\nBcc: x@example.org",
            "\"a\tb\"@example.org",
            "ada@[127.0.0.1]",
            "ada@[IPv6:::1]",
            &long,
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
