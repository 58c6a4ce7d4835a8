//! Questions that the port takes many of at once, so that those who ask at
//! the same time can share a statement.

use crate::UserId;

/// Asks for a page of friends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FriendsOf {
    /// Whose.
    pub viewer: UserId,
    /// A prefix of the username or of the display name, without case and accents.
    pub query: Option<String>,
    /// How many.
    pub limit: usize,
    /// The username of the last item of the page before.
    pub after: Option<String>,
}

/// Asks for a page of the friends that two people share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MutualFriendsOf {
    /// Who asks.
    pub viewer: UserId,
    /// With whom they are shared.
    pub other: UserId,
    /// How many.
    pub limit: usize,
    /// The username of the last item of the page before.
    pub after: Option<String>,
}

/// Asks how two people are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathBetween {
    /// Who asks.
    pub viewer: UserId,
    /// To whom.
    pub other: UserId,
    /// How many hops at most.
    pub max: u8,
}

/// Asks for suggestions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SuggestionsFor {
    /// Who asks.
    pub viewer: UserId,
    /// How many.
    pub limit: usize,
}
