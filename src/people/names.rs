//! What people are called.

use crate::error::{Error, Result};

/// A username: 3 to 32 of a-z, 0-9, '_' and '.', kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Parses the argument `username`; capital letters are folded.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: &str) -> Result<Self> {
        let name = text.to_ascii_lowercase();
        let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        if !(3..=32).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::invalid(
                "username",
                "must have 3 to 32 characters out of a-z, 0-9, '_' and '.'",
            ));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How somebody wants to be called: 1 to 64 characters, without control
/// characters and without those that are invisible or turn the direction of
/// what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// How many characters a display name may have.
    pub const MAX_CHARS: usize = 64;

    /// Parses the argument `displayName`; white space around it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: &str) -> Result<Self> {
        let name = text.trim();
        if !(1..=Self::MAX_CHARS).contains(&name.chars().count()) {
            return Err(Error::invalid("displayName", "must have 1 to 64 characters"));
        }
        if name.chars().any(is_deceptive) {
            return Err(Error::invalid(
                "displayName",
                "must not contain control, invisible or direction-changing characters",
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Zero-width joiners stay: emoji and some scripts need them.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{00ad}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_folded_and_bounded() {
        assert_eq!(Username::parse("Ada.L_9").unwrap().as_str(), "ada.l_9");
        for bad in ["", "ab", "with space", "ünal", "a-b-c", &"a".repeat(33), "ada\n"] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn display_names_hide_nothing() {
        assert_eq!(DisplayName::parse("  Ada 👩‍💻 ").unwrap().as_str(), "Ada 👩‍💻");
        for bad in ["", "  ", "a\u{202e}b", "\u{200b}\u{200b}", "a\nb", &"x".repeat(65)] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
