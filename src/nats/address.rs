//! Where NATS is and how to sign in there.

use url::Url;

use crate::login;

/// What a URL says. Without `Debug`, since it holds the password.
pub(super) struct Address {
    /// The URL without the login.
    pub(super) server: String,
    /// User and password.
    pub(super) login: Option<(String, String)>,
}

/// Why a URL is not one of a NATS server. Says nothing of its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus's URL is not of the form nats://user:password@host:port")]
pub(super) struct AddressError;

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(url).map_err(|_| AddressError)?;
        let known = matches!(url.scheme(), "nats" | "tls") && matches!(url.path(), "" | "/");
        if !known || url.host_str().is_none_or(str::is_empty) {
            return Err(AddressError);
        }
        let login = login::of_url(&url).map_err(|_| AddressError)?;
        let login = login.map(|(user, password)| (user, password.unwrap_or_default()));
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| AddressError)?;
        Ok(Self { server: url.into(), login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_taken_out_of_the_url() {
        let address = Address::parse("nats://me:p%40ss@example.org:4222").ok().unwrap();
        assert_eq!(address.server, "nats://example.org:4222");
        assert_eq!(address.login, Some(("me".to_owned(), "p@ss".to_owned())));
        let address = Address::parse("tls://example.org").ok().unwrap();
        assert_eq!((address.server.as_str(), address.login), ("tls://example.org", None));
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "nats",
            "nats://",
            "http://example.org",
            "nats://example.org/a",
            "nats://me:%ff@example.org",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
