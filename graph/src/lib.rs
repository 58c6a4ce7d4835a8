//! The social graph of Chatterbox: who there is, who knows whom, who asked or
//! blocked whom, who is in which group, and who chatted with whom last.
//!
//! [`Graph`] is the port, in the language of the domain. It has two
//! implementations that answer alike: [`neo4j::Neo4jGraph`] for production and
//! [`sqlite::SqliteGraph`], which keeps the graph in the tables of an embedded
//! SQLite file. The suite in `tests/contract` is what both have to pass.

mod bonds;
mod census;
mod chat;
mod directory;
mod error;
mod fold;
mod group;
mod id;
mod model;
pub mod neo4j;
mod port;
mod question;
pub mod sample;
mod settings;
pub mod sqlite;

pub use census::{Census, Roster};
pub use directory::{DirectoryKey, Listed, Slice, Suggestion, Tier};
pub use error::{Error, Result};
pub use fold::fold;
pub use group::{
    FoundGroup, Group, GroupEdit, GroupKey, GroupProfile, GroupRole, GroupState, GroupView,
    GroupVisibility, Member,
};
pub use id::{DirectConversation, DirectConversationId, GroupId, GroupMark, User, UserId};
pub use model::{
    Ask, Block, Blocked, Chat, ChatPartner, Circle, Friend, FriendRequest, Friendship, LastChatted,
    NewPerson, Page, Pair, Path, Person, ProfileChange, RequestDirection, Tie, TimeKey, Timestamp,
};
pub use port::Graph;
pub use question::{FriendsOf, MutualFriendsOf, PathBetween, SuggestionsFor};
pub use settings::{Audience, Nearness, Reach, Settings, SettingsChange};
