//! What the graph's questions and answers are made of.

use serde::{Deserialize, Serialize};

use crate::{DirectConversationId, Group, GroupId, Reach, Settings, UserId};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A person as everyone may see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their id, for ever.
    pub id: UserId,
    /// Unique, lower case, and never changed.
    pub username: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// At most 500 characters.
    pub bio: Option<String>,
    /// An absolute https URL.
    pub avatar_url: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What makes a person's node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPerson {
    /// Their id, for ever.
    pub id: UserId,
    /// Unique, lower case; its uniqueness is the SQL store's to keep.
    pub username: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A person and those who are nearest: whom it concerns what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// Who.
    pub person: Person,
    /// What they decided about others.
    pub settings: Settings,
    /// Their friends, by id.
    pub friends: Vec<UserId>,
}

/// What stands between a viewer and another person, as that viewer sees it:
/// a block by the other side looks like [`Friendship::None`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Friendship {
    /// The viewer is that person.
    Myself,
    /// Nothing, or nothing that the viewer may know of.
    None,
    /// The viewer asked.
    RequestSent,
    /// The other side asked.
    RequestReceived,
    /// They are friends.
    Friends,
    /// The viewer blocked the other side.
    Blocked,
}

/// Two people and what stands between them, from both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The first of the two that were asked for.
    pub one: Person,
    /// The second.
    pub other: Person,
    /// What `one` sees.
    pub one_sees: Friendship,
    /// What `other` sees.
    pub other_sees: Friendship,
    /// Whether either has blocked the other.
    pub blocked: bool,
    /// What `one` may do towards `other`.
    pub one_reaches: Reach,
    /// What `other` may do towards `one`.
    pub other_reaches: Reach,
}

/// What changes of a person; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// 1 to 64 characters.
    pub display_name: Option<String>,
    /// At most 500 characters; `Some(None)` takes it away.
    pub bio: Option<Option<String>>,
    /// An absolute https URL; `Some(None)` takes it away.
    pub avatar_url: Option<Option<String>>,
}

/// How asking for friendship ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The request stands now.
    Sent,
    /// The other side had asked: the two are friends now.
    BecameFriends,
    /// The same request stood already; nothing changed.
    AlreadyAsked,
    /// They were friends already; nothing changed.
    AlreadyFriends,
    /// Either side has blocked the other; nothing changed.
    Blocked,
    /// One of the two has as many friends as one may have; nothing changed.
    TooManyFriends,
    /// One of the two is not in the graph; nothing changed.
    Unknown,
}

/// How blocking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The block stands now. `visible` tells whether the other side lost
    /// something it could see: a friendship, or a request either way.
    Blocked {
        /// Whether a friendship or a request ended.
        visible: bool,
    },
    /// It stood already; nothing changed.
    AlreadyBlocked,
    /// One of the two is not in the graph; nothing changed.
    Unknown,
}

/// A friend, in a list of friends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub person: Person,
    /// Since when they are friends.
    pub since: Timestamp,
    /// When the two chatted last, if they did.
    pub last_chatted_at: Option<Timestamp>,
}

/// Which friend requests are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestDirection {
    /// Those that others sent to the viewer.
    Incoming,
    /// Those that the viewer sent.
    Outgoing,
}

/// A friend request, in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendRequest {
    /// The other side.
    pub person: Person,
    /// What was written with it.
    pub note: Option<String>,
    /// When it was sent.
    pub at: Timestamp,
}

/// Someone the viewer blocked, in a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub person: Person,
    /// Since when.
    pub at: Timestamp,
}

/// A place in a list that is ordered by time, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeKey {
    /// The time of the last item of the page before.
    pub at: Timestamp,
    /// Its person, which breaks ties.
    pub id: UserId,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether more follow.
    pub has_next: bool,
    /// How many the whole list has, over all pages.
    pub total: u64,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), has_next: false, total: 0 }
    }
}

/// A shortest chain of friends, both ends included. Its length less one is
/// the distance.
pub type Path = Vec<UserId>;

/// That somebody wrote: what LAST_CHATTED is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chat {
    /// In the conversation of two people.
    Direct {
        /// One of the two; the order does not matter.
        one: UserId,
        /// The other.
        other: UserId,
        /// Their conversation.
        conversation: DirectConversationId,
        /// When.
        at: Timestamp,
    },
    /// In a group.
    Group {
        /// Which.
        group: GroupId,
        /// When.
        at: Timestamp,
    },
}

/// With whom the viewer chatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatPartner {
    /// A person, in the conversation of the two.
    Person(Person, DirectConversationId),
    /// A group.
    Group(Group),
}

/// With whom the viewer chatted, and when last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChatted {
    /// The other side.
    pub with: ChatPartner,
    /// When the last message was sent.
    pub at: Timestamp,
}

/// A friendship, where many are loaded at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    /// One of the two; the order does not matter.
    pub one: UserId,
    /// The other.
    pub other: UserId,
    /// Since when they are friends.
    pub since: Timestamp,
}
