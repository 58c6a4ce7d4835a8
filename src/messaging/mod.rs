//! Conversations, messages, and the log that orders every durable event.

mod contacts;
mod conversation;
mod faces;
mod group_commit;
mod indexer;
mod lag;
mod log;
mod membership;
mod mentions;
mod message;
mod projector;
mod reactions;
mod reading;
mod receipts;
mod recency;
mod revision;
mod rewritten;
mod search;
mod sending;
mod trimming;
mod writer;

pub use contacts::{Contact, Contacts};
pub use conversation::{
    Conversation, ConversationKind, ConversationStore, HistoryPage, HistoryRange, ListKey,
};
pub use faces::Faces;
pub use indexer::{IndexStore, Indexed, Indexer, SEARCH};
pub use log::{Change, Entry, LogStore, MessageNews, NewEntry, Place, Position, Scope};
pub use membership::{GroupSync, Recipient, Recipients, Standing};
pub use mentions::{MAX_MENTIONS, MentionStore, mentioned};
pub use message::{Message, MessageBody, MessageKey};
pub use projector::{LAST_CHATTED, Projector, rebuild_last_chatted};
pub use reactions::{Emoji, Reacting, Reaction, ReactionStore};
pub use reading::{
    MAX_MARKERS, Mark, Marked, MarkerWriter, ReadMarker, ReadState, Reading, ReadingStore,
};
pub use receipts::Receipts;
pub use recency::Recency;
pub use revision::{Messages, Revised, Revision, RevisionStore};
pub use rewritten::Rewritten;
pub use search::{SearchQuery, SearchStore, Word, tokens};
pub use sending::{Conversations, Outgoing, Target};
pub use trimming::{KEPT, TrimStore, Trimming};
pub use writer::{Draft, MessageStore, Outcome, Outdated, Writer, WriterHandle};
