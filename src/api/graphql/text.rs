//! What the text of a document may be, told before it is parsed: deep values
//! exhaust the stack of whoever parses or checks them, and each token takes
//! many times its length. And of a field of an input object that is given twice
//! the parser keeps only the last.

use std::collections::HashSet;

use async_graphql::{Pos, ServerError, ServerResult};

/// How deep brackets of all kinds may be nested.
const MAX_NESTING: usize = 64;
/// How many tokens a document may have (GraphQL, section 2.1.6).
const MAX_TOKENS: usize = 2_000;

/// Refuses a text of too many tokens, with brackets nested too deep, or with an
/// input object to which a field is given twice (GraphQL, section 5.6.3).
///
/// # Errors
///
/// Beyond 2,000 tokens and 64 levels, and where a field is given twice.
pub fn check(query: &str) -> ServerResult<()> {
    let (mut brackets, mut tokens, mut last) = (Brackets::default(), 0, 0..0);
    let whole = query.as_bytes();
    let mut rest = whole;
    while let [first, after @ ..] = rest {
        let begin = whole.len() - rest.len();
        rest = match first {
            b'#' => after_comment(after),
            b'"' => after_string(rest),
            b'.' => after_spread(rest),
            _ if is_wordy(*first) => after_word(after),
            _ => after,
        };
        if matches!(first, b'#' | b',' | b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        }
        if brackets.meet(*first, &whole[last.clone()]) {
            let message = "a field of an input object is given twice";
            return Err(ServerError::new(message, Some(place(&whole[..last.start]))));
        }
        last = begin..whole.len() - rest.len();
        tokens += 1;
        if brackets.0.len() > MAX_NESTING {
            return Err(ServerError::new("brackets are nested deeper than 64 levels", None));
        }
        if tokens > MAX_TOKENS {
            return Err(ServerError::new("the document has more than 2,000 tokens", None));
        }
    }
    Ok(())
}

/// The brackets that are open.
#[derive(Default)]
struct Brackets<'a>(Vec<Bracket<'a>>);

/// What a bracket encloses.
enum Bracket<'a> {
    Selections,
    /// Arguments, or the items of a list.
    Values,
    /// The fields of an input object, of which these were given.
    Fields(HashSet<&'a [u8]>),
}

impl<'a> Brackets<'a> {
    /// Meets a token that begins with this byte, and comes after that one. Returns whether they
    /// give a field twice.
    fn meet(&mut self, first: u8, last: &'a [u8]) -> bool {
        match (first, self.0.last_mut()) {
            (b'(' | b'[', _) => self.0.push(Bracket::Values),
            (b'{', None | Some(Bracket::Selections)) => self.0.push(Bracket::Selections),
            (b'{', Some(_)) => self.0.push(Bracket::Fields(HashSet::new())),
            (b'}' | b']' | b')', Some(_)) => {
                self.0.pop();
            }
            (b':', Some(Bracket::Fields(given))) => return !given.insert(last),
            _ => {}
        }
        false
    }
}

/// Where something stands that comes after this text.
fn place(before: &[u8]) -> Pos {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[begin..]).chars().count() + 1;
    Pos { line, column }
}

fn after_comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(&[], |end| &text[end..])
}

/// What follows a string; nothing where it has no end.
fn after_string(text: &[u8]) -> &[u8] {
    let block = text.starts_with(b"\"\"\"");
    let quote: &[u8] = if block { b"\"\"\"" } else { b"\"" };
    let mut at = quote.len();
    while at < text.len() {
        if text[at..].starts_with(quote) {
            return &text[at + quote.len()..];
        }
        let escaped = text[at] == b'\\' && (!block || text[at + 1..].starts_with(quote));
        at += if escaped { 1 + quote.len() } else { 1 };
    }
    &[]
}

fn after_spread(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"...").unwrap_or(&text[1..])
}

fn after_word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_wordy(*byte) && *byte != b'.');
    end.map_or(&[], |end| &text[end..])
}

/// Whether names and numbers are made of it.
fn is_wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_are_none() {
        let many = "[".repeat(100);
        for fine in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"\\\"\"\"{many} \" \"\" \"\"\") }}"),
            format!("{{ a # {many}\n }}"),
            format!("\"{many}"),
            "{}[]()".repeat(300),
        ] {
            assert!(check(&fine).is_ok(), "{fine}");
        }
        for deep in [
            many.clone(),
            format!("\"\" {many}"),
            format!("\"\\\\\" {many}"),
            format!("\"\"\"a\\\"\"\"\"\"\" {many}"),
            format!("# a\n{many}"),
        ] {
            assert!(check(&deep).is_err(), "{deep}");
        }
    }

    #[test]
    fn tokens_are_counted_as_the_specification_has_them() {
        for (text, tokens) in [
            ("", 0),
            (" ,\t\r\n # a comment", 0),
            ("name", 1),
            ("-1.5e+10", 1),
            ("$a:Int!=1", 7),
            ("...F", 2),
            ("... on F@a{b}", 8),
            ("\"a string, of words\"", 1),
            ("\"\"\"a block\n\"of\"\n words\"\"\"", 1),
            ("{ a(b: [1, 2], c: \"\") # d e f\n }", 14),
        ] {
            let filled = |more: usize| format!("{}{text}", "! ".repeat(MAX_TOKENS - tokens + more));
            assert!(check(&filled(0)).is_ok(), "{text}");
            assert!(check(&filled(1)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_of_an_input_object_is_given_once() {
        for fine in [
            "{ a { b } a { b } }",
            "{ a: b(x: 1) { a: b(x: 1) } a: b(x: 1) { a: b(x: 1) } }",
            "{ f(x: { a: 1, b: { a: 1 }, c: [{ a: 1 }, { a: 1 }] }) }",
            "{ f(x: { a: \"a: 1, a: 1\" }) } # { a: 1, a: 1 }",
            "query ($x: I = { a: 1 }, $y: I = { a: 1 }) { f @d(x: { a: $x }) g @d(x: { a: $y }) }",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for (twice, column) in [
            ("{ f(x: { a: 1, a: 1 }) }", 16),
            ("{ f(x: { a: { b: 1, b: 2 } }) }", 21),
            ("{ f(x: [{ a: 1 }, { b: [1], c: 2, b # again\n : [2] }]) }", 35),
            ("query ($x: I = { a: 1 a: 1 }) { f }", 23),
            ("{ f @d(x: { a: \"é\", a: 1 }) }", 21),
            ("{f(x:{\u{e9}:\u{e9}:", 10),
        ] {
            let error = check(twice).err();
            let at = error.map(|error| error.locations[0]);
            assert_eq!(at.map(|at| at.column), Some(column), "{twice}");
        }
        let below = check("{\n  f(x: { a: 1,\n a: 2 }) }").unwrap_err();
        assert_eq!((below.locations[0].line, below.locations[0].column), (3, 2));
    }
}
