//! Typed ids: a type's prefix and a UUIDv7 in Crockford's base32, lower case
//! (TypeID specification 0.3). Clients treat them as opaque.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

use chatterbox_graph::{DirectConversation as DirectMark, GroupMark};
pub use chatterbox_graph::{DirectConversationId, GroupId, UserId};

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
id!(Turn, TurnId, "turn", "turns, by which nodes do the same one after the other");
id!(Node, NodeId, "node", "the processes that serve together");

/// The id of a conversation of either kind. Clients know it as `dm_…` or, of
/// a group, as `grp_…`: which of them it is, the conversation itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(Uuid);

impl ConversationId {
    /// The id without its kind.
    #[must_use]
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id without its kind.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// As that of a conversation of two.
    #[must_use]
    pub fn direct(self) -> DirectConversationId {
        TypeSafeId::from_uuid(self.0)
    }

    /// As that of a group.
    #[must_use]
    pub fn group(self) -> GroupId {
        TypeSafeId::from_uuid(self.0)
    }
}

impl From<DirectConversationId> for ConversationId {
    fn from(id: DirectConversationId) -> Self {
        Self(id.uuid())
    }
}

impl From<GroupId> for ConversationId {
    fn from(id: GroupId) -> Self {
        Self(id.uuid())
    }
}

/// Reads an id that a client sent as the argument `field`.
///
/// # Errors
///
/// [`Error::Invalid`] for what is malformed, and for an id of another type.
pub fn parse<T: StaticType>(field: &'static str, text: &str) -> Result<TypeSafeId<T>> {
    TypeSafeId::from_str(text)
        .map_err(|_| Error::invalid(field, format!("is not an id of the form {}_…", T::TYPE)))
}

/// Reads the id of a conversation that a client sent as the argument `field`, and tells
/// whether it is that of a group.
///
/// # Errors
///
/// As [`parse`].
pub fn conversation(field: &'static str, text: &str) -> Result<(ConversationId, bool)> {
    if text.starts_with("grp_") {
        return Ok((parse::<GroupMark>(field, text)?.into(), true));
    }
    Ok((parse::<DirectMark>(field, text)?.into(), false))
}
