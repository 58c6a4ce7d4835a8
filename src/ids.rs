//! Typed ids: a type's prefix and a UUIDv7 in Crockford's base32, lower case
//! (TypeID specification 0.3). Clients treat them as opaque.

use std::str::FromStr;

use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

pub use chatterbox_graph::{ConversationId, UserId};

use crate::error::{Error, Result};

macro_rules! id {
    ($marker:ident, $alias:ident, $prefix:literal, $doc:literal) => {
        #[doc = concat!("Marks the ids of ", $doc, ".")]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $marker;

        impl StaticType for $marker {
            const TYPE: &'static str = $prefix;
        }

        #[doc = concat!("The id of ", $doc, ": `", $prefix, "_…`.")]
        pub type $alias = TypeSafeId<$marker>;
    };
}

id!(Message, MessageId, "msg", "messages");
id!(Session, SessionId, "ses", "sessions");
id!(Job, JobId, "job", "jobs");

/// Reads an id that a client sent as the argument `field`.
///
/// # Errors
///
/// [`Error::Invalid`] for what is malformed, and for an id of another type.
pub fn parse<T: StaticType>(field: &'static str, text: &str) -> Result<TypeSafeId<T>> {
    TypeSafeId::from_str(text)
        .map_err(|_| Error::invalid(field, format!("is not an id of the form {}_…", T::TYPE)))
}

/// The id that a store keeps as 16 bytes.
///
/// # Errors
///
/// [`Error::Store`] where there are not 16 of them.
pub fn from_bytes<T: StaticType>(bytes: &[u8]) -> Result<TypeSafeId<T>> {
    Uuid::from_slice(bytes).map(TypeSafeId::from_uuid).map_err(Error::internal)
}
