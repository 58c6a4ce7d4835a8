//! Operations that are known by the hashes of their texts: Apollo's automatic
//! persisted queries, <https://www.apollographql.com/docs/apollo-server/performance/apq>.

use std::sync::Arc;

use async_graphql::{Request, ServerError, ServerResult, Value};
use moka::sync::Cache;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::operation::coded;
use crate::api::codes::Code;

/// The entry of the extensions that names an operation.
const EXTENSION: &str = "persistedQuery";
/// What clients look for, to send the text as well.
const NOT_FOUND: &str = "PersistedQueryNotFound";

/// SHA-256 of a text, as 64 lower-case hexadecimal digits.
type Hash = String;

/// The texts that clients sent with their hashes, as long as there is room.
/// Each node has its own: a client whose operation is not known sends the
/// text again.
#[derive(Clone)]
pub(super) struct Persisted {
    texts: Cache<Hash, Arc<str>>,
}

/// A text that a client wants to be kept under its hash.
pub(super) struct Offered(Hash);

impl Persisted {
    /// How long all texts together may be, in bytes.
    const CAPACITY: u64 = 4 * 1024 * 1024;

    /// Gives a request that only names its operation the text of it. Returns
    /// what is to be kept, once it has turned out to be a document.
    ///
    /// # Errors
    ///
    /// Where the text is not known, or is not the one that is named.
    pub(super) fn complete(&self, request: &mut Request) -> ServerResult<Option<Offered>> {
        let Some(named) =
            request.extensions.0.get(EXTENSION).filter(|named| **named != Value::Null)
        else {
            return Ok(None);
        };
        let hash = hash(named)?;
        if request.query.is_empty() {
            let known = self.texts.get(&hash);
            let text = known.ok_or_else(|| coded(Code::PersistedQueryNotFound, NOT_FOUND))?;
            text.as_ref().clone_into(&mut request.query);
            return Ok(None);
        }
        if format!("{:x}", Sha256::digest(&request.query)) != hash {
            return Err(refused("sha256Hash is not the hash of query"));
        }
        Ok(Some(Offered(hash)))
    }

    /// Keeps the text of a document.
    pub(super) fn keep(&self, Offered(hash): Offered, text: &str) {
        self.texts.insert(hash, text.into());
    }
}

impl Default for Persisted {
    fn default() -> Self {
        let texts = Cache::builder()
            .weigher(|_, text: &Arc<str>| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(Self::CAPACITY)
            .build();
        Self { texts }
    }
}

/// Whether the extensions name an operation, whose text may be left out.
pub(super) fn is_named(extensions: &Map<String, Json>) -> bool {
    extensions.get(EXTENSION).is_some_and(|named| !named.is_null())
}

fn hash(named: &Value) -> ServerResult<Hash> {
    let fields = match named {
        Value::Object(fields) => (fields.get("version"), fields.get("sha256Hash")),
        _ => (None, None),
    };
    match fields {
        (Some(Value::Number(version)), Some(Value::String(digits)))
            if version.as_i64() == Some(1)
                && digits.len() == 64
                && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            Ok(digits.to_ascii_lowercase())
        }
        _ => Err(refused("persistedQuery has version 1 and a sha256Hash of 64 hexadecimal digits")),
    }
}

fn refused(message: &str) -> ServerError {
    coded(Code::BadUserInput, message)
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn request(text: &str, named: Value) -> Request {
        let mut request = Request::new(text);
        request.extensions.0.insert(EXTENSION.to_owned(), named);
        request
    }

    fn named(text: &str) -> Value {
        value!({ "version": 1, "sha256Hash": (format!("{:X}", Sha256::digest(text))) })
    }

    fn message(outcome: ServerResult<Option<Offered>>) -> String {
        outcome.err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn a_text_is_known_by_its_hash_once_it_was_kept() {
        let persisted = Persisted::default();
        let text = "{ one }";
        assert_eq!(message(persisted.complete(&mut request("", named(text)))), NOT_FOUND);
        let offered = persisted.complete(&mut request(text, named(text))).unwrap().unwrap();
        assert_eq!(message(persisted.complete(&mut request("", named(text)))), NOT_FOUND);
        persisted.keep(offered, text);
        let mut by_name = request("", named(text));
        assert!(persisted.complete(&mut by_name).unwrap().is_none());
        assert_eq!(by_name.query, text);
        let mut unnamed = request("", Value::Null);
        assert!(persisted.complete(&mut unnamed).unwrap().is_none() && unnamed.query.is_empty());
    }

    #[test]
    fn only_the_hash_of_the_text_is_taken() {
        let persisted = Persisted::default();
        let other = persisted.complete(&mut request("{ one }", named("{ two }")));
        assert!(message(other).contains("sha256Hash"));
        let digits = "0".repeat(64);
        for odd in [
            value!(1),
            value!({}),
            value!({ "version": 2, "sha256Hash": (digits.clone()) }),
            value!({ "version": 1 }),
            value!({ "version": 1, "sha256Hash": (digits[1..].to_owned()) }),
            value!({ "version": 1, "sha256Hash": (format!("g{}", &digits[1..])) }),
            value!({ "version": 1, "sha256Hash": 0 }),
        ] {
            assert!(message(persisted.complete(&mut request("", odd))).contains("version 1"));
        }
    }
}
