//! What a session runs on.

use crate::error::{Error, Result};

/// What a session runs on, in the words of its client: 1 to 200 characters
/// without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// How many characters it may have.
    pub const MAX_CHARS: usize = 200;

    /// Parses the argument `device`; white space around it is dropped, and
    /// what is empty then is none.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(text: Option<&str>) -> Result<Option<Self>> {
        let text = text.unwrap_or_default().trim();
        if text.chars().count() > Self::MAX_CHARS || text.chars().any(char::is_control) {
            return Err(Error::invalid(
                "device",
                "must have at most 200 characters, and no control characters",
            ));
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_bounded_and_may_be_missing() {
        assert_eq!(Device::parse(Some(" phone ")).unwrap().unwrap().as_str(), "phone");
        assert_eq!(Device::parse(Some("  ")).unwrap(), None);
        assert_eq!(Device::parse(None).unwrap(), None);
        assert!(Device::parse(Some(&"x".repeat(201))).is_err());
        assert!(Device::parse(Some("a\u{1b}[2J")).is_err());
    }
}
