//! The rules of friendship: requests, acceptance, blocks.

use chatterbox_graph::{Ask, Block, Friendship, Graph, Pair, Timestamp};
use serde::{Deserialize, Serialize};

use super::MAX_FRIENDS;
use crate::{
    error::{Error, Result},
    ids::UserId,
    jobs::Effects,
    messaging::{Change, NewEntry},
};

/// What is written with a friend request: at most 200 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestNote(String);

impl RequestNote {
    /// How many characters a note may have.
    pub const MAX_CHARS: usize = 200;

    /// Parses the argument `note`; white space around it is dropped, and an
    /// empty note is none.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let note = text.trim();
        if note.chars().count() > Self::MAX_CHARS {
            return Err(Error::invalid("note", "must have at most 200 characters"));
        }
        if note.contains('\0') {
            return Err(Error::invalid("note", "must not contain U+0000"));
        }
        Ok((!note.is_empty()).then(|| Self(note.to_owned())))
    }
}

/// What one can do to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FriendshipAction {
    /// Ask for friendship.
    Ask {
        /// What is written with the request.
        note: Option<RequestNote>,
    },
    /// Withdraw one's own request.
    Cancel,
    /// Accept the other's request.
    Accept,
    /// Decline the other's request.
    Decline,
    /// End the friendship.
    Remove,
    /// Block the other.
    Block,
    /// Take the block away.
    Unblock,
}

/// What somebody did to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendshipChange {
    /// Who.
    pub by: UserId,
    /// To whom.
    pub other: UserId,
    /// What.
    pub action: FriendshipAction,
    /// When.
    pub at: Timestamp,
}

impl FriendshipChange {
    /// The two, in an order that does not depend on who acts.
    #[must_use]
    pub fn pair(&self) -> (UserId, UserId) {
        (self.by.min(self.other), self.by.max(self.other))
    }
}

/// Who hears of a change.
enum Hears {
    Both,
    Actor,
    Nobody,
}

/// Carries a change out on the graph. Returns what is to be appended to the
/// log, and whether the rules allowed it. `again` tells that an earlier try may
/// have got as far as the graph: what is so already then is its work, of
/// which the two have yet to hear.
///
/// # Errors
///
/// The failure of the graph; the change may be carried out again.
pub async fn carry_out(
    graph: &dyn Graph,
    change: &FriendshipChange,
    again: bool,
) -> Result<(Effects, Result<()>)> {
    let outcome = match act(graph, change).await? {
        Err(Error::Conflict { .. } | Error::NotFound(_)) | Ok(Hears::Nobody) if again => {
            Ok(Hears::Both)
        }
        outcome => outcome,
    };
    match outcome {
        Err(refused) => Ok((Effects::default(), Err(refused))),
        Ok(Hears::Nobody) => Ok((Effects::default(), Ok(()))),
        Ok(hears) => {
            let pair = graph.pair(change.by, change.other).await?;
            let entries = pair.map(|pair| entries(pair, &hears)).unwrap_or_default();
            Ok((Effects { entries, ..Effects::default() }, Ok(())))
        }
    }
}

async fn act(graph: &dyn Graph, change: &FriendshipChange) -> Result<Result<Hears>> {
    let FriendshipChange { by, other, ref action, at } = *change;
    let there_was = |there_was: bool, what| {
        if there_was { Ok(Hears::Both) } else { Err(Error::NotFound(what)) }
    };
    Ok(match action {
        FriendshipAction::Ask { note } => {
            let note = note.as_ref().map(|note| note.0.as_str());
            asked(graph.ask(by, other, note, at, MAX_FRIENDS).await?)
        }
        FriendshipAction::Cancel => there_was(graph.withdraw(by, other).await?, "friend request"),
        FriendshipAction::Accept => {
            asked(graph.accept(by, other, at, MAX_FRIENDS).await?).map_err(|error| match error {
                Error::NotFound(_) => Error::NotFound("friend request"),
                error => error,
            })
        }
        FriendshipAction::Decline => there_was(graph.withdraw(other, by).await?, "friend request"),
        FriendshipAction::Remove => there_was(graph.unfriend(by, other).await?, "friendship"),
        FriendshipAction::Block => match graph.block(by, other, at).await? {
            Block::Blocked { visible: true } => Ok(Hears::Both),
            Block::Blocked { visible: false } => Ok(Hears::Actor),
            Block::AlreadyBlocked => Ok(Hears::Nobody),
            Block::Unknown => Err(Error::NotFound("user")),
        },
        FriendshipAction::Unblock => {
            Ok(if graph.unblock(by, other).await? { Hears::Actor } else { Hears::Nobody })
        }
    })
}

fn asked(outcome: Ask) -> Result<Hears> {
    let conflict = |reason| Err(Error::Conflict { field: "userId", reason });
    match outcome {
        Ask::Sent | Ask::BecameFriends => Ok(Hears::Both),
        Ask::AlreadyAsked => conflict("has been asked already"),
        Ask::AlreadyFriends => conflict("is a friend already"),
        Ask::Blocked => Err(Error::Forbidden("this person takes no friend requests from you")),
        Ask::TooManyFriends => Err(Error::Forbidden("one of you has 5,000 friends already")),
        Ask::Unknown => Err(Error::NotFound("user")),
    }
}

fn entries(pair: Pair, hears: &Hears) -> Vec<NewEntry> {
    let entry = |user, other: chatterbox_graph::Person, sees: Friendship| NewEntry {
        user,
        change: Change::FriendshipChanged { other: other.id, now: Some((other, sees)) },
    };
    let (one, other) = (pair.one.id, pair.other.id);
    let mut entries = vec![entry(one, pair.other, pair.one_sees)];
    if matches!(hears, Hears::Both) {
        entries.push(entry(other, pair.one, pair.other_sees));
    }
    entries
}
