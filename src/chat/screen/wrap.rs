//! Text in columns: wide characters and joined emoji take what a terminal
//! gives them (UAX #11, by unicode-width).

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Breaks a text into lines of at most so many columns: between words where
/// that is possible, between characters where it is not.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    text.split('\n').flat_map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(text: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive(' ') {
        // What separates words ends with the line.
        if line.width() + word.trim_end().width() <= columns {
            line.push_str(word);
            continue;
        }
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        line.clear();
        for part in word.graphemes(true) {
            if line.width() + part.trim_end().width() > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(part);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// The beginning of a text, on one line and in at most so many columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let text = text.replace('\n', " ");
    if text.width() <= columns {
        return text;
    }
    let mut short = String::new();
    for part in text.graphemes(true) {
        if short.width() + part.width() + 1 > columns {
            break;
        }
        short.push_str(part);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// A text with blanks behind it, in exactly so many columns.
pub(super) fn fill(text: &str, columns: usize) -> String {
    let short = cut(text, columns);
    let missing = columns.saturating_sub(short.width());
    short + &" ".repeat(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_never_within_a_character() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("in nanoseconds.", 14), ["in", "nanoseconds."]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語です", 5), ["日本", "語で", "す"]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
        let family = "👩‍👩‍👧";
        assert_eq!(wrap(&family.repeat(3), 4), [family.repeat(2), family.to_owned()]);
        for text in ["wide 日本語 words", "  leading", "x y z", ""] {
            for columns in 1..12 {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| line.width() <= columns.max(2)), "{lines:?}");
                let kept = |text: &str| text.replace(' ', "");
                assert_eq!(kept(&lines.concat()), kept(text));
            }
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(fill("日本語", 4), "日… ");
        assert_eq!(fill("a", 3), "a  ");
        assert_eq!(cut("a", 0), "");
    }
}
