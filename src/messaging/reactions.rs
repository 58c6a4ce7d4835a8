//! Reactions to messages.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Change, MessageNews, Messages, Position, Revised};
use crate::{
    error::{Error, Result},
    ids::{MessageId, UserId},
};

/// An emoji that people reacted with to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// One grapheme.
    pub emoji: String,
    /// How many people.
    pub count: i64,
    /// The first of them, in the order in which they reacted; at most [`Reaction::LISTED`].
    pub users: Vec<UserId>,
}

impl Reaction {
    /// How many of those who reacted are listed.
    pub const LISTED: usize = 100;
    /// How many different emoji a message may have.
    pub const MAX_KINDS: usize = 20;
}

/// One emoji as Unicode recommends it for interchange, fully qualified: so that there
/// are no two of which each looks like the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emoji(&'static str);

impl Emoji {
    /// Parses the argument `emoji`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is not one emoji.
    pub fn parse(text: &str) -> Result<Self> {
        let known =
            emojis::get(text).ok_or_else(|| Error::invalid("emoji", "must be one emoji"))?;
        Ok(Self(known.as_str()))
    }

    /// The emoji.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Somebody reacts to a message, or takes it back.
#[derive(Clone, Copy, Debug)]
pub struct Reacting {
    /// To which.
    pub message: MessageId,
    /// Who.
    pub by: UserId,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is there from then on.
    pub present: bool,
}

/// Keeps reactions.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait ReactionStore: Send + Sync + 'static {
    /// Adds a reaction or takes it back, and tells the members, in one
    /// transaction. Of what is so already nothing is told.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where there is no such message or `by` is not in its
    /// conversation, [`Error::Conflict`] where it is deleted, and
    /// [`Error::Invalid`] beyond [`Reaction::MAX_KINDS`].
    async fn react(&self, at: Timestamp, reacting: Reacting) -> Result<Revised>;

    /// The reactions to the messages at these positions, in the order in which each
    /// emoji came first. One statement.
    async fn reactions(&self, messages: &[Position]) -> Result<HashMap<Position, Arc<[Reaction]>>>;

    /// With what `user` reacted to these messages. One statement.
    async fn reacted(
        &self,
        user: UserId,
        messages: &[Position],
    ) -> Result<HashMap<Position, HashSet<String>>>;
}

impl Messages {
    /// Reacts to a message. What is so already changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a message that `by` can't read,
    /// [`Error::Forbidden`] where they may not write, [`Error::Conflict`] for a deleted one,
    /// [`Error::Invalid`] where it has too many different ones; or the failure of a store.
    pub async fn add_reaction(
        &self,
        by: UserId,
        message: MessageId,
        emoji: Emoji,
    ) -> Result<MessageNews> {
        self.react(Reacting { message, by, emoji, present: true }).await
    }

    /// Takes a reaction back, also where `by` may not write any more.
    ///
    /// # Errors
    ///
    /// As [`Messages::add_reaction`].
    pub async fn remove_reaction(
        &self,
        by: UserId,
        message: MessageId,
        emoji: Emoji,
    ) -> Result<MessageNews> {
        self.react(Reacting { message, by, emoji, present: false }).await
    }

    async fn react(&self, reacting: Reacting) -> Result<MessageNews> {
        let Reacting { message, by, present, .. } = reacting;
        let (_, talk) = self.readable(by, message).await?;
        if present {
            self.may_write(by, &talk).await?;
        }
        let revised = self.reactions.react(self.ambient.now(), reacting).await?;
        Ok(self.tell(by, revised, Change::ReactionsChanged).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_one_however_it_is_written() {
        let parsed = |text: &str| Emoji::parse(text).map(Emoji::as_str).ok();
        assert_eq!(parsed("\u{2764}"), Some("\u{2764}\u{fe0f}"));
        assert_eq!(parsed("\u{2764}\u{fe0f}"), Some("\u{2764}\u{fe0f}"));
        for emoji in ["👍", "👍🏽", "👩‍👩‍👧‍👦", "👩‍💻", "🇺🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "🏳️‍🌈"]
        {
            assert_eq!(parsed(emoji), Some(emoji));
        }
    }

    #[test]
    fn nothing_else_is_an_emoji() {
        let long = "👍".repeat(5_000);
        for text in [
            "", " ", "a", "1", "👍👍", "👍 ", " 👍", "thumbsup", ":+1:", "\0", "🇺", "\u{200d}",
            &long,
        ] {
            assert!(Emoji::parse(text).is_err(), "{text:?}");
        }
    }
}
