//! What both stores read about two people, and what follows from it.

use serde::Deserialize;

use crate::{Ask, Friendship, Nearness, Pair, Person, Reach, Settings};

/// The edges between two people, seen from the one that comes first.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Bonds {
    /// They are friends.
    pub(crate) friends: bool,
    /// The first asked the second.
    pub(crate) sent: bool,
    /// The second asked the first.
    pub(crate) received: bool,
    /// The first blocked the second.
    pub(crate) blocks: bool,
    /// The second blocked the first.
    pub(crate) blocked_by: bool,
}

impl Bonds {
    /// What the first sees.
    pub(crate) fn seen(self) -> Friendship {
        if self.blocks {
            Friendship::Blocked
        } else if self.friends {
            Friendship::Friends
        } else if self.sent {
            Friendship::RequestSent
        } else if self.received {
            Friendship::RequestReceived
        } else {
            Friendship::None
        }
    }

    /// The same bonds, seen from the second.
    fn turned(self) -> Self {
        Self {
            friends: self.friends,
            sent: self.received,
            received: self.sent,
            blocks: self.blocked_by,
            blocked_by: self.blocks,
        }
    }

    /// Whether either blocked the other.
    pub(crate) fn blocked(self) -> bool {
        self.blocks || self.blocked_by
    }

    /// What the first may do towards the second, who has these settings.
    /// `share_friends` may be anything where the settings do not ask for it.
    pub(crate) fn reach(self, settings: &Settings, share_friends: bool) -> Reach {
        if self.blocked() {
            Reach::default()
        } else if self.friends {
            Reach::of(settings, Nearness::Friends)
        } else if share_friends {
            Reach::of(settings, Nearness::FriendsOfFriends)
        } else {
            Reach::of(settings, Nearness::Strangers)
        }
    }

    /// The two people, each with their settings, and all that stands between them.
    pub(crate) fn pair(
        self,
        (one, one_settings): (Person, Settings),
        (other, other_settings): (Person, Settings),
        share_friends: bool,
    ) -> Pair {
        Pair {
            one,
            other,
            one_sees: self.seen(),
            other_sees: self.turned().seen(),
            blocked: self.blocked(),
            one_reaches: self.reach(&other_settings, share_friends),
            other_reaches: self.reach(&one_settings, share_friends),
        }
    }

    /// What the first's asking the second comes to, if neither has too many
    /// friends.
    pub(crate) fn asking(self) -> Ask {
        if self.blocked() {
            Ask::Blocked
        } else if self.friends {
            Ask::AlreadyFriends
        } else if self.sent {
            Ask::AlreadyAsked
        } else if self.received {
            Ask::BecameFriends
        } else {
            Ask::Sent
        }
    }

    /// What the first's accepting the second's request comes to, if neither
    /// has too many friends.
    pub(crate) fn accepting(self) -> Ask {
        if self.friends {
            Ask::AlreadyFriends
        } else if !self.received {
            Ask::Unknown
        } else {
            Ask::BecameFriends
        }
    }
}
