//! Where Neo4j is and how to sign in there.

use std::time::Duration;

use neo4rs::{Config, ConfigBuilder};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Error, Result};

const SCHEMES: [&str; 6] = ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"];

/// How many connections a node opens at most.
const CONNECTIONS: usize = 32;
/// How many rows come with one round trip.
const ROWS: usize = 500;
/// How long a pooled connection has to show that it still works.
const CHECK: Duration = Duration::from_secs(2);

/// Why a URL is not one of a Neo4j. Says nothing of its user and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("the graph's URL is not of the form neo4j://user:password@host:port")]
    Malformed,
    #[error("the graph's URL has to begin with one of bolt, bolt+s, neo4j, neo4j+s and ://")]
    Scheme,
    #[error("the graph's URL lacks the user and the password: neo4j://user:password@host:port")]
    Credentials,
    #[error("the user or the password in the graph's URL is not UTF-8")]
    NotUtf8,
}

/// What a URL says. Without `Debug`, since it holds the password.
struct Address {
    url: String,
    user: String,
    password: String,
    database: Option<String>,
}

impl Address {
    fn parse(url: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(url).map_err(|_| AddressError::Malformed)?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(AddressError::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(AddressError::Malformed);
        }
        let decoded = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8();
            decoded.map(String::from).map_err(|_| AddressError::NotUtf8)
        };
        let user = decoded(url.username())?;
        let password = decoded(url.password().ok_or(AddressError::Credentials)?)?;
        if user.is_empty() {
            return Err(AddressError::Credentials);
        }
        let database = Some(decoded(url.path().trim_matches('/'))?).filter(|name| !name.is_empty());
        url.set_path("");
        url.set_password(None).map_err(|()| AddressError::Malformed)?;
        url.set_username("").map_err(|()| AddressError::Malformed)?;
        Ok(Self { url: url.into(), user, password, database })
    }
}

/// The driver's configuration for a URL. `patience` bounds how long the server
/// may take to accept a connection and to answer a message, and how long one
/// waits for a connection while all are in use.
pub(super) fn config(url: &str, patience: Duration) -> Result<Config> {
    let address = Address::parse(url).map_err(|error| Error::Internal(Box::new(error)))?;
    let mut builder = ConfigBuilder::new()
        .uri(address.url)
        .user(address.user)
        .password(address.password)
        .max_connections(CONNECTIONS)
        .fetch_size(ROWS)
        .connection_timeout(patience)
        // These two are what their names do not say: how long the pool's
        // check of a connection and the wait for a free one may take.
        .idle_timeout(CHECK)
        .max_lifetime(patience);
    if let Some(database) = address.database {
        builder = builder.db(database);
    }
    builder.build().map_err(|error| Error::Internal(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    fn parsed(url: &str) -> Result<(String, String, String, Option<String>), AddressError> {
        let Address { url, user, password, database } = Address::parse(url)?;
        Ok((url, user, password, database))
    }

    #[test]
    fn user_and_password_are_decoded_and_left_out_of_the_url() {
        let (url, user, password, database) =
            parsed("neo4j+s://na%40me:p%3A%2F%25%C3%A9@db.example:7688").unwrap();
        assert_eq!(url, "neo4j+s://db.example:7688");
        assert_eq!((user.as_str(), password.as_str()), ("na@me", "p:/%é"));
        assert_eq!(database, None);
    }

    #[test]
    fn a_port_may_be_missing_and_a_database_named() {
        let (url, .., database) = parsed("bolt://neo4j:secret@[::1]/social").unwrap();
        assert_eq!((url.as_str(), database.as_deref()), ("bolt://[::1]", Some("social")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, error) in [
            ("", AddressError::Malformed),
            ("localhost", AddressError::Malformed),
            ("http://neo4j:secret@localhost", AddressError::Scheme),
            ("localhost:7687", AddressError::Scheme),
            ("bolt://localhost:7687", AddressError::Credentials),
            ("bolt://neo4j@localhost:7687", AddressError::Credentials),
            ("bolt://:secret@localhost:7687", AddressError::Credentials),
            ("bolt://neo4j:secret%FF@localhost", AddressError::NotUtf8),
            ("bolt://neo4j:secret@", AddressError::Malformed),
            ("bolt://neo4j:secret@localhost:port", AddressError::Malformed),
        ] {
            assert_eq!(parsed(url).unwrap_err(), error, "{url}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
