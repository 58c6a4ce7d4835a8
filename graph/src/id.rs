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
pub struct DirectConversation;

impl StaticType for DirectConversation {
    const TYPE: &'static str = "dm";
}

/// Marks the ids of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupMark;

impl StaticType for GroupMark {
    const TYPE: &'static str = "grp";
}

/// The id of a person: `user_…`.
pub type UserId = TypeSafeId<User>;

/// The id of a one-to-one conversation: `dm_…`.
pub type DirectConversationId = TypeSafeId<DirectConversation>;

/// The id of a group, and of its conversation: `grp_…`.
pub type GroupId = TypeSafeId<GroupMark>;
