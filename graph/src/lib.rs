//! The social graph of Chatterbox: who there is, who knows whom, who asked or
//! blocked whom, and who chatted with whom last.
//!
//! [`Graph`] is the port, in the language of the domain. It has two
//! implementations that answer alike: [`neo4j::Neo4jGraph`] for production and
//! [`sqlite::SqliteGraph`], which keeps the graph in the tables of an embedded
//! SQLite file. The suite in `tests/contract` is what both have to pass.

mod bonds;
mod chat;
mod error;
mod fold;
mod id;
mod model;
pub mod neo4j;
mod port;
pub mod sqlite;

pub use error::{Error, Result};
pub use id::{Conversation, ConversationId, User, UserId};
pub use model::{
    Ask, Block, Blocked, Chat, Friend, FriendRequest, Friendship, LastChatted, NewPerson, Page,
    Pair, Path, Person, RequestDirection, TimeKey, Timestamp,
};
pub use port::Graph;
