//! What both stores make of a batch of chats.

use std::collections::BTreeMap;

use crate::{Chat, ConversationId, Timestamp, UserId};

/// The latest chat of each two people, the lower id first and in the order of
/// the ids. Of two at the same time the one in the higher conversation counts,
/// so that the outcome does not depend on the order in which they come.
pub(crate) fn latest(chats: &[Chat]) -> Vec<Chat> {
    let mut latest: BTreeMap<(UserId, UserId), (Timestamp, ConversationId)> = BTreeMap::new();
    for chat in chats.iter().filter(|chat| chat.one != chat.other) {
        let two = (chat.one.min(chat.other), chat.one.max(chat.other));
        let when = (chat.at, chat.conversation);
        latest.entry(two).and_modify(|known| *known = when.max(*known)).or_insert(when);
    }
    latest
        .into_iter()
        .map(|((one, other), (at, conversation))| Chat { one, other, conversation, at })
        .collect()
}
