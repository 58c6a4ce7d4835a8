//! What the API answers, as far as it is shown.

use jiff::Timestamp;
use serde::Deserialize;

use super::text::{Line, Text};

/// An id of the API; opaque.
pub(super) type Id = String;

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    pub id: Id,
    pub username: Line,
    pub display_name: Line,
    /// `None` where it is hidden, or was not asked for.
    #[serde(default)]
    pub presence: Option<Presence>,
    #[serde(default)]
    pub friendship: Option<Friendship>,
}

/// Whether somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Presence {
    pub online: bool,
    pub last_seen_at: Option<Timestamp>,
}

/// What stands between the viewer and somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Friendship {
    #[serde(rename = "SELF")]
    Viewer,
    None,
    RequestSent,
    RequestReceived,
    Friends,
    Blocked,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub id: Id,
    pub seq: u64,
    pub conversation: Ref,
    pub sender: Option<Person>,
    pub body: Option<Text>,
    pub sent_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub reply_to: Option<Replied>,
    /// `None` where they were not asked for.
    #[serde(default)]
    pub reactions: Option<Vec<Reaction>>,
}

/// What a message replies to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Replied {
    pub seq: u64,
    pub sender: Option<Person>,
    pub body: Option<Text>,
}

/// An emoji on a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reaction {
    pub emoji: Line,
    pub count: u64,
    pub viewer_reacted: bool,
}

/// Something that is only named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Ref {
    pub id: Id,
}

/// With whom one talks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Partner {
    #[serde(rename = "DirectConversation")]
    Peer { peer: Person },
    Group {
        name: Line,
        #[serde(rename = "memberCount")]
        member_count: u64,
    },
}

/// A conversation, as it stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub id: Id,
    #[serde(flatten)]
    pub partner: Partner,
    pub unread_count: u64,
    pub muted: bool,
    pub last_message: Option<Message>,
    pub last_activity_at: Option<Timestamp>,
}

/// Somebody who asked to be a friend.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Request {
    #[serde(rename = "node")]
    pub person: Person,
    pub note: Option<Line>,
}

/// What the screen shows at first.
#[derive(Clone, Debug)]
pub(super) struct Overview {
    pub me: Person,
    pub conversations: Vec<Summary>,
    pub requests: Vec<Request>,
}

/// A page of a conversation's messages, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub messages: Vec<Message>,
    /// Where what lies before it is read on; `None` at the beginning.
    pub before: Option<String>,
}

/// Something that happened, and where it stands in the stream.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Happening {
    pub cursor: String,
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Event {
    MessageSent {
        message: Message,
    },
    MessageEdited {
        message: Message,
    },
    MessageDeleted {
        message: Message,
    },
    ReactionsChanged {
        message: Reacted,
    },
    ReadMarkerMoved {
        conversation: Ref,
        marker: Marker,
    },
    MuteChanged {
        conversation: Muted,
    },
    GroupChanged {
        group: Named,
    },
    MembershipChanged {
        group: Named,
        user: Person,
        role: Option<String>,
    },
    FriendshipChanged {
        user: Person,
    },
    TypingChanged {
        conversation: Ref,
        user: Person,
        typing: bool,
    },
    PresenceChanged {
        user: Person,
    },
    /// Of a newer version.
    #[serde(other)]
    Other,
}

/// A message whose reactions changed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reacted {
    pub seq: u64,
    pub conversation: Ref,
    pub reactions: Vec<Reaction>,
}

/// How far somebody has read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Marker {
    pub user: Ref,
    pub seq: u64,
}

/// Whether a conversation is muted.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Muted {
    pub id: Id,
    pub muted: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Named {
    pub id: Id,
    pub name: Line,
}

impl Message {
    /// The sender's name.
    pub fn author(&self) -> &str {
        author(self.sender.as_ref())
    }
}

/// A sender's name.
pub(super) fn author(sender: Option<&Person>) -> &str {
    sender.map_or("somebody", |person| &person.username)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_a_newer_version_is_passed_over() {
        let text = r#"{"__typename":"CallStarted","cursor":"c1","at":"2026-01-01T00:00:00Z"}"#;
        let happening: Happening = serde_json::from_str(text).unwrap();
        assert_eq!(happening.cursor, "c1");
        assert!(matches!(happening.event, Event::Other));
    }

    #[test]
    fn an_event_is_read_with_its_cursor() {
        let text = r#"{"__typename":"TypingChanged","cursor":"c2","conversation":{"id":"dm_1"},
            "user":{"id":"user_1","username":"ada","displayName":"Ada\u001b[2J"},"typing":true}"#;
        let happening: Happening = serde_json::from_str(text).unwrap();
        let Event::TypingChanged { user, typing: true, .. } = happening.event else {
            panic!("{happening:?}");
        };
        assert_eq!(&*user.display_name, "Ada[2J");
    }
}
