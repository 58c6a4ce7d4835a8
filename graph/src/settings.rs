//! Whom a person lets come near: audiences, by distance in the graph.

use serde::{Deserialize, Serialize};

/// Who is meant, by distance in the friendship graph. Nobody who is blocked,
/// either way, is ever meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Audience {
    /// All.
    Everyone,
    /// Friends, and those who have a friend in common.
    FriendsOfFriends,
    /// Friends.
    Friends,
    /// None.
    Nobody,
}

/// What a person decided about others. What was never decided is as in
/// [`Settings::default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Who may start a conversation with the person.
    pub messages_from: Audience,
    /// Who may see when the person is online or was last seen.
    pub presence_to: Audience,
    /// Whether others see how far the person has read.
    pub read_receipts: bool,
    /// Whether the person is listed in the directory and in suggestions.
    pub discoverable: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            messages_from: Audience::Everyone,
            presence_to: Audience::Friends,
            read_receipts: true,
            discoverable: true,
        }
    }
}

/// What changes of a person's settings; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// See [`Settings::messages_from`].
    pub messages_from: Option<Audience>,
    /// See [`Settings::presence_to`].
    pub presence_to: Option<Audience>,
    /// See [`Settings::read_receipts`].
    pub read_receipts: Option<bool>,
    /// See [`Settings::discoverable`].
    pub discoverable: Option<bool>,
}

/// How near two different people are, as far as audiences ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nearness {
    /// They are friends.
    Friends,
    /// They are not, but have a friend in common.
    FriendsOfFriends,
    /// Neither.
    Strangers,
}

impl Audience {
    /// Whether somebody that near is meant.
    #[must_use]
    pub fn includes(self, nearness: Nearness) -> bool {
        match self {
            Self::Everyone => true,
            Self::FriendsOfFriends => nearness != Nearness::Strangers,
            Self::Friends => nearness == Nearness::Friends,
            Self::Nobody => false,
        }
    }
}

/// What one person may do towards another, by the settings of the other and
/// by blocks: with a block either way, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Start a conversation.
    pub messages: bool,
    /// See whether the other is online.
    pub presence: bool,
}

impl Reach {
    /// What somebody that near, with no block between the two, may do towards
    /// a person with these settings.
    #[must_use]
    pub fn of(settings: &Settings, nearness: Nearness) -> Self {
        Self {
            messages: settings.messages_from.includes(nearness),
            presence: settings.presence_to.includes(nearness),
        }
    }
}
