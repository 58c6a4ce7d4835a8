//! How people present themselves, and whom they let come near.

use chatterbox_graph::{Graph, ProfileChange, SettingsChange};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    error::{Error, Result},
    ids::UserId,
    jobs::Effects,
    messaging::{Change, NewEntry},
};

/// What somebody changed of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonChange {
    /// How they present themselves.
    pub profile: ProfileChange,
    /// Whom they let come near.
    pub settings: SettingsChange,
}

/// An absolute https URL of at most 2,048 characters, without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvatarUrl(String);

impl AvatarUrl {
    /// How many characters a URL may have.
    pub const MAX_CHARS: usize = 2_048;

    /// Parses the argument `avatarUrl`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for any other.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            Error::invalid("avatarUrl", "must be an absolute https URL of at most 2,048 characters")
        };
        let url = Url::parse(text.trim()).map_err(|_| malformed())?;
        let open = url.username().is_empty() && url.password().is_none();
        let fits = url.as_str().len() <= Self::MAX_CHARS;
        if url.scheme() == "https" && url.has_host() && open && fits {
            Ok(Self(url.into()))
        } else {
            Err(malformed())
        }
    }

    /// The URL.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Carries a change out on the graph. Returns what is to be appended to the log.
///
/// # Errors
///
/// The failure of the graph; the change may be carried out again.
pub async fn carry_out(
    graph: &dyn Graph,
    user: UserId,
    change: &PersonChange,
) -> Result<(Effects, Result<()>)> {
    let mut known = true;
    if change.profile != ProfileChange::default() {
        known &= graph.change_profile(user, &change.profile).await?.is_some();
    }
    if change.settings != SettingsChange::default() {
        known &= graph.change_settings(user, &change.settings).await?.is_some();
    }
    if !known {
        return Ok((Effects::default(), Err(Error::NotFound("user"))));
    }
    let entries = vec![NewEntry { user, change: Change::PersonChanged }];
    let receipts_off = (change.settings.read_receipts == Some(false)).then_some(user);
    Ok((Effects { entries, receipts_off, ..Effects::default() }, Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_avatar_is_somewhere_on_the_web() {
        let url = AvatarUrl::parse("https://example.org/ada.png").unwrap();
        assert_eq!(url.into_string(), "https://example.org/ada.png");
        for bad in [
            "",
            "ada.png",
            "/ada.png",
            "http://example.org/ada.png",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://",
            "https://ada:secret@example.org/",
            &format!("https://example.org/{}", "a".repeat(2_048)),
        ] {
            assert!(AvatarUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
