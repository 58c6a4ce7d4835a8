//! Conversations, messages, and the log that orders every durable event.

mod contacts;
mod conversation;
mod log;
mod message;
mod projector;
mod writer;

pub use contacts::{Contact, Contacts};
pub use conversation::{
    Conversation, ConversationStore, Conversations, HistoryPage, HistoryRange, ListKey, Target,
};
pub use log::{Change, Entry, LogStore, NewEntry, Position, Scope};
pub use message::{Message, MessageBody, MessageKey};
pub use projector::Projector;
pub use writer::{Draft, MessageStore, Outcome, Writer, WriterHandle};
