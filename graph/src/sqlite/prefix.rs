//! Names that begin alike, as a range that an index can be read by.

use super::statement::Bound;
use crate::fold::fold;

/// Whether a name lies in the range that [`Prefix::bind_to`] gives: from the
/// first parameter to before the second. A blob comes after all text.
macro_rules! starts {
    ($name:literal, $from:literal, $to:literal) => {
        concat!($name, " >= ", $from, " AND ", $name, " < coalesce(", $to, ", x'')")
    };
}
pub(super) use starts;

/// What a name is to begin with, without case and accents.
pub(super) struct Prefix(String);

impl Prefix {
    /// Of a query; without one, that of all names.
    pub(super) fn of(query: Option<&str>) -> Self {
        Self(query.map(fold).unwrap_or_default())
    }

    /// Whether all names begin with it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place before all names that begin with it, as a name and an id.
    pub(super) fn start(&self) -> (String, Vec<u8>) {
        (self.0.clone(), Vec::new())
    }

    /// Gives the next two parameters.
    pub(super) fn bind_to(&self, statement: Bound) -> Bound {
        statement.bind(self.0.clone()).bind(self.end())
    }

    /// The first text after all that begins with it, if there is one.
    fn end(&self) -> Option<String> {
        let mut end = self.0.trim_end_matches(char::MAX).to_owned();
        let last = end.pop()?;
        end.extend((last..=char::MAX).nth(1));
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_range_ends_after_all_that_begins_with_its_prefix() {
        for (prefix, end) in [
            ("ada", Some("adb")),
            ("z\u{d7ff}", Some("z\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(Prefix(prefix.to_owned()).end().as_deref(), end, "{prefix:?}");
        }
    }
}
