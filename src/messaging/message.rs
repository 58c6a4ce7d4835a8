//! A message and what it is made of.

use chatterbox_graph::Timestamp;
use serde::{Deserialize, Serialize};

use super::Position;
use crate::{
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
};

/// A message as it stands in its conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, for ever.
    pub id: MessageId,
    /// Where it was sent.
    pub conversation: ConversationId,
    /// Its place there: 1, 2, 3 … without a gap.
    pub seq: i64,
    /// Its place in the log.
    pub pos: Position,
    /// `None` where the account is gone.
    pub sender: Option<UserId>,
    /// `None` once it is deleted.
    pub body: Option<String>,
    /// When it was committed.
    pub sent_at: Timestamp,
    /// When its body was changed last.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The message that it replies to, of the same conversation.
    pub reply_to: Option<MessageId>,
    /// The members whom its body names, in that order; nobody twice.
    pub mentions: Vec<UserId>,
}

/// The text of a message: 1 to 4,000 characters, not only white space, no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageBody(String);

impl MessageBody {
    /// How many characters (Unicode scalar values) a body may have.
    pub const MAX_CHARS: usize = 4_000;

    /// Parses the argument `body`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: String) -> Result<Self> {
        if text.chars().all(char::is_whitespace) {
            return Err(Error::invalid("body", "must not be empty"));
        }
        if text.len() > Self::MAX_CHARS && text.chars().count() > Self::MAX_CHARS {
            return Err(Error::invalid("body", "must have 1 to 4,000 characters"));
        }
        if text.contains('\0') {
            return Err(Error::invalid("body", "must not contain U+0000"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The client's own key of a message, which lets it retry safely: 1 to 128
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageKey(String);

impl MessageKey {
    /// How many characters a key may have.
    pub const MAX_CHARS: usize = 128;

    /// Parses the argument `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: String) -> Result<Self> {
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS {
            return Err(Error::invalid("key", "must have 1 to 128 characters"));
        }
        Ok(Self(text))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
