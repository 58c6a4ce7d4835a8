//! What the log keeps of a change, beside whom it is for.

use chatterbox_graph::{Friendship, Group, GroupRole};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    ids::{ConversationId, SessionId, UserId},
    messaging::{Change, MessageNews, Place, ReadMarker},
};

pub(super) const MESSAGE_SENT: &str = "message_sent";
const MESSAGE_EDITED: &str = "message_edited";
const MESSAGE_DELETED: &str = "message_deleted";
const REACTIONS_CHANGED: &str = "reactions_changed";
const READ_MARKER_MOVED: &str = "read_marker_moved";
const MUTE_CHANGED: &str = "mute_changed";
pub(super) const FRIENDSHIP_CHANGED: &str = "friendship_changed";
const GROUP_CHANGED: &str = "group_changed";
const MEMBERSHIP_CHANGED: &str = "membership_changed";
pub(super) const PERSON_CHANGED: &str = "person_changed";
const SESSION_ENDED: &str = "session_ended";

#[derive(Serialize, Deserialize)]
struct ReadMarkerMoved {
    conversation: ConversationId,
    marker: ReadMarker,
    direct: bool,
}

#[derive(Serialize, Deserialize)]
struct MuteChanged {
    conversation: ConversationId,
    direct: bool,
}

#[derive(Serialize, Deserialize)]
struct FriendshipChanged {
    other: UserId,
    /// What the entry's user sees since, for mending an older graph.
    sees: Option<Friendship>,
}

#[derive(Serialize, Deserialize)]
struct GroupChanged {
    group: Group,
}

#[derive(Serialize, Deserialize)]
struct MembershipChanged {
    group: Group,
    user: UserId,
    role: Option<GroupRole>,
}

#[derive(Serialize, Deserialize)]
struct PersonChanged {}

#[derive(Serialize, Deserialize)]
struct SessionEnded {
    session: SessionId,
}

/// The kinds of entries that tell of what changed about people.
pub(super) const ABOUT_PEOPLE: [&str; 2] = [FRIENDSHIP_CHANGED, PERSON_CHANGED];

/// The kinds of entries after which a message may have other words.
pub(super) const ABOUT_WORDS: [&str; 3] = [MESSAGE_SENT, MESSAGE_EDITED, MESSAGE_DELETED];

/// What an entry of this kind tells of its message; `None` where it is not
/// about one.
pub(super) fn about_message(kind: &str) -> Option<fn(MessageNews) -> Change> {
    match kind {
        MESSAGE_SENT => Some(Change::MessageSent),
        MESSAGE_EDITED => Some(Change::MessageEdited),
        MESSAGE_DELETED => Some(Change::MessageDeleted),
        REACTIONS_CHANGED => Some(Change::ReactionsChanged),
        _ => None,
    }
}

/// The position of the message that a change is about, where that is not the
/// entry's own.
pub(super) fn message_pos(change: &Change) -> Option<i64> {
    match change {
        Change::MessageEdited(news)
        | Change::MessageDeleted(news)
        | Change::ReactionsChanged(news) => Some(news.message.pos.0),
        _ => None,
    }
}

fn place(direct: bool) -> Place {
    if direct { Place::Direct } else { Place::Group(None) }
}

/// The kind of a change, and what it says. Of a message the log says nothing
/// but where it stands.
pub(super) fn encode(change: &Change) -> Result<(&'static str, String)> {
    match change {
        Change::MessageSent(_) => Ok((MESSAGE_SENT, String::new())),
        Change::MessageEdited(_) => Ok((MESSAGE_EDITED, String::new())),
        Change::MessageDeleted(_) => Ok((MESSAGE_DELETED, String::new())),
        Change::ReactionsChanged(_) => Ok((REACTIONS_CHANGED, String::new())),
        Change::ReadMarkerMoved { conversation, marker, place, .. } => {
            let (conversation, marker) = (*conversation, *marker);
            let direct = matches!(place, Place::Direct);
            json(READ_MARKER_MOVED, &ReadMarkerMoved { conversation, marker, direct })
        }
        Change::MuteChanged { conversation, place } => {
            let (conversation, direct) = (*conversation, matches!(place, Place::Direct));
            json(MUTE_CHANGED, &MuteChanged { conversation, direct })
        }
        Change::FriendshipChanged { other, now } => {
            let (other, sees) = (*other, now.as_ref().map(|(_, sees)| *sees));
            json(FRIENDSHIP_CHANGED, &FriendshipChanged { other, sees })
        }
        Change::GroupChanged { group } => {
            json(GROUP_CHANGED, &GroupChanged { group: group.clone() })
        }
        Change::MembershipChanged { group, user, role, .. } => {
            let (group, user, role) = (group.clone(), *user, *role);
            json(MEMBERSHIP_CHANGED, &MembershipChanged { group, user, role })
        }
        Change::PersonChanged => json(PERSON_CHANGED, &PersonChanged {}),
        Change::SessionEnded { session } => {
            json(SESSION_ENDED, &SessionEnded { session: *session })
        }
    }
}

fn json(kind: &'static str, payload: &impl Serialize) -> Result<(&'static str, String)> {
    Ok((kind, serde_json::to_string(payload).map_err(Error::internal)?))
}

/// The kinds of entries that tell of a group.
pub(super) const ABOUT_GROUPS: [&str; 2] = [GROUP_CHANGED, MEMBERSHIP_CHANGED];

/// The group, out of an entry that tells of one.
pub(super) fn group(payload: &str) -> Result<Group> {
    let GroupChanged { group } = parse(payload)?;
    Ok(group)
}

/// Whom an entry about a friendship tells of, and what its user sees since.
pub(super) fn bond(payload: &str) -> Result<(UserId, Option<Friendship>)> {
    let FriendshipChanged { other, sees } = parse(payload)?;
    Ok((other, sees))
}

/// The change of this kind, any but one of a message.
pub(super) fn decode(kind: &str, payload: &str) -> Result<Change> {
    Ok(match kind {
        READ_MARKER_MOVED => {
            let ReadMarkerMoved { conversation, marker, direct } = parse(payload)?;
            let (person, place) = (None, place(direct));
            Change::ReadMarkerMoved { conversation, marker, person, place }
        }
        MUTE_CHANGED => {
            let MuteChanged { conversation, direct } = parse(payload)?;
            Change::MuteChanged { conversation, place: place(direct) }
        }
        FRIENDSHIP_CHANGED => {
            let FriendshipChanged { other, .. } = parse(payload)?;
            Change::FriendshipChanged { other, now: None }
        }
        GROUP_CHANGED => {
            let GroupChanged { group } = parse(payload)?;
            Change::GroupChanged { group }
        }
        MEMBERSHIP_CHANGED => {
            let MembershipChanged { group, user, role } = parse(payload)?;
            Change::MembershipChanged { group, user, role, person: None }
        }
        PERSON_CHANGED => {
            let PersonChanged {} = parse(payload)?;
            Change::PersonChanged
        }
        SESSION_ENDED => {
            let SessionEnded { session } = parse(payload)?;
            Change::SessionEnded { session }
        }
        _ => return Err(Error::internal(format!("a log entry of the unknown kind {kind}"))),
    })
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Result<T> {
    serde_json::from_str(payload).map_err(Error::internal)
}
