//! Typed ids: a type's prefix and a UUIDv7 in Crockford's base32
//! (TypeID specification 0.3), such as `user_01h455vb4pex5vsknk084sn02q`.

use type_safe_id::{StaticType, TypeSafeId};

/// Marks the ids of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User;

impl StaticType for User {
    const TYPE: &'static str = "user";
}

/// Marks the ids of one-to-one conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conversation;

impl StaticType for Conversation {
    const TYPE: &'static str = "dm";
}

/// The id of a person: `user_…`.
pub type UserId = TypeSafeId<User>;

/// The id of a one-to-one conversation: `dm_…`.
pub type ConversationId = TypeSafeId<Conversation>;
