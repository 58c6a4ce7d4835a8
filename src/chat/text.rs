//! Text of others, made safe for a terminal once, where it is read.

use std::ops::Deref;

use serde::Deserialize;

/// Text of one line: a name, an emoji, an error's message.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub(super) struct Line(String);

/// Text of several lines: a message's body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) struct Text(String);

impl From<String> for Line {
    fn from(raw: String) -> Self {
        let words: String = raw.chars().filter_map(harmless).map(spaced).collect();
        Self(words.trim().to_owned())
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        let raw = raw.replace("\r\n", "\n");
        Self(raw.chars().filter_map(harmless).collect())
    }
}

impl From<&str> for Line {
    fn from(raw: &str) -> Self {
        raw.to_owned().into()
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        raw.to_owned().into()
    }
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

fn spaced(c: char) -> char {
    if c == '\n' { ' ' } else { c }
}

/// What is left of a character: no control character (those of C1 begin escape
/// sequences too, ECMA-48, section 5.3) but the end of a line, and none that
/// turns the direction of what follows (UAX #9, section 2).
fn harmless(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let text =
            Text::from("a\u{1b}[31mred\u{9b}2J\u{7}\u{0}\u{8}\u{7f}\r\nb\tc\u{202e}d\u{2028}e");
        assert_eq!(&*text, "a[31mred2J\nb cd\ne");
        assert_eq!(&*Line::from(" x\ny\u{1b}]0;title\u{7} "), "x y]0;title");
    }

    #[test]
    fn letters_of_all_scripts_and_joined_emoji_stay() {
        for kept in ["日本語", "👩‍👩‍👧 é", "עברית", "👍🏽"] {
            assert_eq!(&*Text::from(kept), kept);
        }
    }
}
