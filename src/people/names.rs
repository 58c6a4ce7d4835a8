//! What people are called.

use serde::{Deserialize, Serialize};

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

    /// The name that a store kept.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a name that people read: some characters, at least one of them
/// visible, without control characters and without those that are invisible
/// or turn the direction of what follows.
macro_rules! shown_name {
    ($name:ident, $field:literal, $max:literal, $limits:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// How many characters it may have.
            pub const MAX_CHARS: usize = $max;

            #[doc = concat!("Parses the argument `", $field, "`; white space around it is dropped.")]
            ///
            /// # Errors
            ///
            /// [`Error::Invalid`] outside the limits.
            pub fn parse(text: &str) -> Result<Self> {
                let name = text.trim();
                if name.chars().count() > Self::MAX_CHARS || name.chars().all(is_blank) {
                    return Err(Error::invalid($field, $limits));
                }
                if name.chars().any(is_deceptive) {
                    return Err(Error::invalid(
                        $field,
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
    };
}

shown_name!(
    DisplayName,
    "displayName",
    64,
    "must have 1 to 64 characters, not only invisible ones",
    "How somebody wants to be called: 1 to 64 characters."
);
shown_name!(
    GroupName,
    "name",
    80,
    "must have 1 to 80 characters, not only invisible ones",
    "What a group is called: 1 to 80 characters."
);

/// What somebody writes about themselves or about a group: at most 500
/// characters, in lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prose(String);

impl Prose {
    /// How many characters it may have.
    pub const MAX_CHARS: usize = 500;

    /// Parses the argument `field`; white space around it is dropped, and
    /// where nothing visible is left it is none.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(field: &'static str, text: &str) -> Result<Option<Self>> {
        let prose = text.trim();
        if prose.chars().count() > Self::MAX_CHARS {
            return Err(Error::invalid(field, "must have at most 500 characters"));
        }
        if prose.chars().any(|c| is_deceptive(c) && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Error::invalid(
                field,
                "must not contain control, invisible or direction-changing characters",
            ));
        }
        Ok((!prose.chars().all(is_blank)).then(|| Self(prose.to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Zero-width joiners stay: emoji and some scripts need them.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{00ad}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Nothing is seen of it: white space, the blank of Braille, and what has the
/// property `Default_Ignorable_Code_Point` (Unicode, `DerivedCoreProperties.txt`).
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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
        let blank = "\u{200d}\u{fe0f} \u{2800}\u{3164}";
        for bad in ["", "  ", "a\u{202e}b", "\u{200b}\u{200b}", blank, "a\nb", &"x".repeat(81)] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
            assert!(GroupName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prose_has_lines_and_is_none_where_nothing_is_seen() {
        let prose = Prose::parse("bio", " One.\nTwo. ").unwrap().unwrap();
        assert_eq!(prose.as_str(), "One.\nTwo.");
        for none in ["", " \n ", "\u{200d}"] {
            assert_eq!(Prose::parse("bio", none).unwrap(), None);
        }
        for bad in ["a\0b", "a\u{202e}b", &"x".repeat(501)] {
            assert!(Prose::parse("bio", bad).is_err(), "{bad:?}");
        }
    }
}
