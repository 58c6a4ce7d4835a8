//! What the log keeps of a change, beside whom it is for.

use chatterbox_graph::{Group, GroupRole};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    ids::{SessionId, UserId},
    messaging::Change,
};

pub(super) const MESSAGE_SENT: &str = "message_sent";
const FRIENDSHIP_CHANGED: &str = "friendship_changed";
const GROUP_CHANGED: &str = "group_changed";
const MEMBERSHIP_CHANGED: &str = "membership_changed";
const PERSON_CHANGED: &str = "person_changed";
const SESSION_ENDED: &str = "session_ended";

#[derive(Serialize, Deserialize)]
struct FriendshipChanged {
    other: UserId,
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

/// The kind of a change, and what it says. Of a message the log says nothing:
/// the message stands at the same position.
pub(super) fn encode(change: &Change) -> Result<(&'static str, String)> {
    match change {
        Change::MessageSent { .. } => Ok((MESSAGE_SENT, String::new())),
        Change::FriendshipChanged { other, .. } => {
            json(FRIENDSHIP_CHANGED, &FriendshipChanged { other: *other })
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

/// The group that somebody left, out of the entry that tells so.
pub(super) fn left_group(payload: &str) -> Result<Group> {
    let MembershipChanged { group, .. } = parse(payload)?;
    Ok(group)
}

/// The change of this kind, any but a message.
pub(super) fn decode(kind: &str, payload: &str) -> Result<Change> {
    Ok(match kind {
        FRIENDSHIP_CHANGED => {
            let FriendshipChanged { other } = parse(payload)?;
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
