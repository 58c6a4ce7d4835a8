//! The cursor of a live stream: a position in the log, opaque to clients, so
//! that what it holds can change without them.

use std::fmt;

use crate::{
    error::{Error, Result},
    messaging::Position,
};

/// Where a subscriber is in the stream of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub Position);

impl Cursor {
    /// The form: a version, and the position in hexadecimal.
    const VERSION: &'static str = "c1";

    /// Parses the argument `after`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is not a cursor of this service.
    pub fn parse(text: &str) -> Result<Self> {
        text.strip_prefix(Self::VERSION)
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit()))
            .and_then(|digits| i64::from_str_radix(digits, 16).ok())
            .map(|pos| Self(Position(pos)))
            .ok_or_else(|| Error::invalid("after", "is not a cursor of an event"))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:x}", Self::VERSION, self.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for pos in [0, 1, 255, i64::MAX] {
            let cursor = Cursor(Position(pos));
            assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        }
        for bad in ["", "c1", "c1-1", "c1+1", "c2ff", "c18000000000000000", "c1é", "abc"] {
            assert!(Cursor::parse(bad).is_err(), "{bad}");
        }
    }
}
