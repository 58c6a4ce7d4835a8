//! What both stores make of a batch of chats.

use std::collections::BTreeMap;

use crate::{Chat, DirectConversationId, GroupId, Timestamp, UserId};

/// The latest chat of two people, the lower id first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) low: UserId,
    pub(crate) high: UserId,
    pub(crate) conversation: DirectConversationId,
    pub(crate) at: Timestamp,
}

/// The latest chat of each two people and of each group, in the order of the
/// ids. Of two at the same time the one in the higher conversation counts,
/// so that the outcome does not depend on the order in which they come.
pub(crate) fn latest(chats: &[Chat]) -> (Vec<Direct>, Vec<(GroupId, Timestamp)>) {
    let mut direct: BTreeMap<(UserId, UserId), (Timestamp, DirectConversationId)> = BTreeMap::new();
    let mut groups: BTreeMap<GroupId, Timestamp> = BTreeMap::new();
    for chat in chats {
        match *chat {
            Chat::Direct { one, other, conversation, at } if one != other => {
                let two = (one.min(other), one.max(other));
                let when = (at, conversation);
                direct.entry(two).and_modify(|known| *known = when.max(*known)).or_insert(when);
            }
            Chat::Direct { .. } => {}
            Chat::Group { group, at } => {
                groups.entry(group).and_modify(|known| *known = at.max(*known)).or_insert(at);
            }
        }
    }
    let direct = direct
        .into_iter()
        .map(|((low, high), (at, conversation))| Direct { low, high, conversation, at })
        .collect();
    (direct, groups.into_iter().collect())
}
