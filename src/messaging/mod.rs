//! Conversations, messages, and the log that orders every durable event.

mod contacts;
mod conversation;
mod faces;
mod log;
mod membership;
mod message;
mod projector;
mod recency;
mod writer;

pub use contacts::{Contact, Contacts};
pub use conversation::{
    Conversation, ConversationKind, ConversationStore, Conversations, HistoryPage, HistoryRange,
    ListKey, Sent, Target,
};
pub use faces::Faces;
pub use log::{Change, Entry, LogStore, NewEntry, Place, Position, Scope};
pub use membership::{GroupSync, Recipient, Recipients, Standing};
pub use message::{Message, MessageBody, MessageKey};
pub use projector::{Projector, rebuild_last_chatted};
pub use recency::Recency;
pub use writer::{Draft, MessageStore, Outcome, Writer, WriterHandle};
