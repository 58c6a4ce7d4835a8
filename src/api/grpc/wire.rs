//! Messages as the protocol writes them.

use prost_types::Timestamp as Time;

use super::generated::{ChatMessage, chat_message::To};
use crate::{
    error::{Error, Result},
    ids::{self, ConversationId, MessageId},
    live::Cursor,
    messaging::{Message, MessageBody, MessageKey, Outgoing, Place, Position, Target},
};

const SECOND: i64 = 1_000_000;

/// What somebody wants to say, and where.
///
/// # Errors
///
/// [`Error::Invalid`] for what is malformed, and as [`Target::username`].
pub(super) fn outgoing(message: ChatMessage) -> Result<(Target, Outgoing)> {
    let ChatMessage { to, body, key, reply_to_id, .. } = message;
    let target = match to.ok_or_else(|| Error::invalid("to", "is missing"))? {
        To::ConversationId(id) => Target::conversation(&id)?,
        To::UserId(id) => Target::user(&id)?,
        To::Username(name) => Target::username(&name)?,
    };
    let outgoing = Outgoing {
        body: MessageBody::parse(body)?,
        key: given(key).map(MessageKey::parse).transpose()?,
        reply_to: given(reply_to_id).map(|id| ids::parse("replyTo", &id)).transpose()?,
    };
    Ok((target, outgoing))
}

/// What is empty was not given (Protocol Buffers, "Field Presence").
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A message as it is told to its sender, with the sender's own key for it.
pub(super) fn answer(message: Message, place: &Place, key: String) -> ChatMessage {
    let reply_to = message.reply_to;
    ChatMessage { key, ..told(message, place, reply_to) }
}

/// A message as it is told to whom it is for, who may see that it replies to `reply_to`.
pub(super) fn event(
    message: Message,
    place: &Place,
    reply_to: Option<MessageId>,
    pos: Position,
) -> ChatMessage {
    ChatMessage { cursor: Cursor(pos).to_string(), ..told(message, place, reply_to) }
}

fn told(message: Message, place: &Place, reply_to: Option<MessageId>) -> ChatMessage {
    let Message { id, conversation, seq, sender, body, sent_at, .. } = message;
    ChatMessage {
        to: Some(To::ConversationId(conversation_id(conversation, place))),
        body: body.unwrap_or_default(),
        reply_to_id: reply_to.map(|id| id.to_string()).unwrap_or_default(),
        id: id.to_string(),
        seq,
        sender_id: sender.map(|sender| sender.to_string()).unwrap_or_default(),
        sent_at: Some(time(sent_at.0)),
        ..ChatMessage::default()
    }
}

fn conversation_id(id: ConversationId, place: &Place) -> String {
    match place {
        Place::Direct => id.direct().to_string(),
        Place::Group(_) => id.group().to_string(),
    }
}

/// Of microseconds since 1970.
fn time(micros: i64) -> Time {
    // Less than a second, so less than the type can hold.
    let nanos = i32::try_from(micros.rem_euclid(SECOND) * 1_000).unwrap_or_default();
    Time { seconds: micros.div_euclid(SECOND), nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: ChatMessage) -> &'static str {
        match outgoing(message) {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    fn to_ada(body: &str) -> ChatMessage {
        ChatMessage {
            to: Some(To::Username("ada".to_owned())),
            body: body.to_owned(),
            ..ChatMessage::default()
        }
    }

    #[test]
    fn what_is_wrong_names_its_argument() {
        assert_eq!(refused(ChatMessage::default()), "to");
        assert_eq!(refused(to_ada(" ")), "body");
        assert_eq!(refused(ChatMessage { key: "k".repeat(129), ..to_ada("Hi") }), "key");
        assert_eq!(refused(ChatMessage { reply_to_id: "7".to_owned(), ..to_ada("Hi") }), "replyTo");
        for (to, field) in [
            (To::UserId("ada".to_owned()), "userId"),
            (To::ConversationId("grp_".to_owned()), "conversationId"),
        ] {
            assert_eq!(refused(ChatMessage { to: Some(to), ..to_ada("Hi") }), field);
        }
        let nobody = ChatMessage { to: Some(To::Username("?".to_owned())), ..to_ada("Hi") };
        assert!(matches!(outgoing(nobody), Err(Error::NotFound("user"))));
    }

    #[test]
    fn what_is_empty_was_not_given() {
        let (_, outgoing) = outgoing(to_ada("Hi")).unwrap();
        assert!(outgoing.key.is_none() && outgoing.reply_to.is_none());
    }

    #[test]
    fn times_keep_their_microseconds() {
        assert_eq!(time(1_500_000), Time { seconds: 1, nanos: 500_000_000 });
        assert_eq!(time(-1), Time { seconds: -1, nanos: 999_999_000 });
    }
}
