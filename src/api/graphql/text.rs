//! What the text of a document may be, told before it is parsed: deep values
//! exhaust the stack of whoever parses or checks them, and each token takes
//! many times its length. And of a field of an input object that is given twice
//! the parser keeps only the last.
//!
//! The lexer is that of Apollo's parser, which is as strict as the specification. That of
//! async-graphql would take `"""a"` for two strings and `truefalse` for two values, so what is
//! counted here would not be what it reads.

use std::collections::HashSet;

use apollo_parser::{Error, Lexer, Token, TokenKind};
use async_graphql::{Pos, ServerError, ServerResult};

/// How deep brackets of all kinds may be nested.
const MAX_NESTING: usize = 64;
/// How many tokens a document may have (GraphQL, section 2.1.6).
const MAX_TOKENS: usize = 2_000;
/// How long a name may be: to find one that is like an unknown one takes as long.
const LONGEST_NAME: usize = 256;

/// Refuses a text of too many tokens or too long names, with brackets nested too
/// deep, or with an input object to which a field is given twice (GraphQL, section
/// 5.6.3).
///
/// # Errors
///
/// Beyond 2,000 tokens, 64 levels and 256 letters, where a field is given twice,
/// and where there is anything that is no token.
pub fn check(query: &str) -> ServerResult<()> {
    let (mut brackets, mut tokens) = (Brackets::default(), 0);
    let mut last: Option<Token<'_>> = None;
    for token in Lexer::new(query) {
        let token = match token {
            Ok(token) => token,
            Err(error) => return unreadable(query, &error, last.as_ref()),
        };
        if is_ignored(token.kind()) {
            continue;
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Err(ServerError::new("the document has more than 2,000 tokens", None));
        }
        if token.kind() == TokenKind::Name && token.data().len() > LONGEST_NAME {
            return refused(query, Some(&token), "a name is longer than 256 letters");
        }
        if brackets.hold_two_values_in(&token, last.as_ref()) {
            return refused(query, Some(&token), "the document can't be parsed: expected value");
        }
        if brackets.meet(token.kind(), last.as_ref()) {
            return refused(query, last.as_ref(), "a field of an input object is given twice");
        }
        if brackets.0.len() > MAX_NESTING {
            return Err(ServerError::new("brackets are nested deeper than 64 levels", None));
        }
        last = Some(token);
    }
    Ok(())
}

fn is_ignored(kind: TokenKind) -> bool {
    use TokenKind::{Comma, Comment, Eof, Whitespace};

    matches!(kind, Whitespace | Comment | Comma | Eof)
}

fn refused(query: &str, at: Option<&Token<'_>>, message: &str) -> ServerResult<()> {
    Err(ServerError::new(message, Some(place(&query[..at.map_or(0, Token::index)]))))
}

/// What the lexer says would show what there is.
fn unreadable(query: &str, error: &Error, last: Option<&Token<'_>>) -> ServerResult<()> {
    let message = if error.message().starts_with("unterminated string") {
        "the document can't be parsed: expected the end of a string"
    } else {
        "the document can't be parsed: expected a token"
    };
    // Of some errors it does not say where they are.
    let behind = last.map_or(0, |last| last.index() + last.data().len());
    let before = &query[..query.floor_char_boundary(error.index().max(behind))];
    Err(ServerError::new(message, Some(place(before))))
}

/// Where something stands that comes after this text.
fn place(before: &str) -> Pos {
    let (line, rest) = (before.matches('\n').count() + 1, before.rsplit('\n').next());
    Pos { line, column: rest.unwrap_or_default().chars().count() + 1 }
}

/// The brackets that are open.
#[derive(Default)]
struct Brackets<'a>(Vec<Bracket<'a>>);

/// What a bracket encloses.
enum Bracket<'a> {
    Selections,
    Arguments,
    List,
    /// The fields of an input object, of which these were given.
    Fields(HashSet<&'a str>),
}

impl<'a> Brackets<'a> {
    /// Meets a token that comes after that one. Returns whether they give a field twice.
    fn meet(&mut self, kind: TokenKind, last: Option<&Token<'a>>) -> bool {
        use TokenKind::{Colon, LBracket, LCurly, LParen, RBracket, RCurly, RParen};

        match (kind, self.0.last_mut()) {
            (LParen, _) => self.0.push(Bracket::Arguments),
            (LBracket, _) => self.0.push(Bracket::List),
            (LCurly, None | Some(Bracket::Selections)) => self.0.push(Bracket::Selections),
            (LCurly, Some(_)) => self.0.push(Bracket::Fields(HashSet::new())),
            (RCurly | RBracket | RParen, Some(_)) => {
                self.0.pop();
            }
            (Colon, Some(Bracket::Fields(given))) => {
                return last.is_some_and(|name| !given.insert(name.data()));
            }
            _ => {}
        }
        false
    }

    /// Whether it is a word that the parser would take for two values, as `truefalse`. There is
    /// no enum that has one.
    fn hold_two_values_in(&self, token: &Token<'_>, last: Option<&Token<'_>>) -> bool {
        let is_value = match self.0.last() {
            Some(Bracket::List) => true,
            Some(Bracket::Arguments | Bracket::Fields(_)) => {
                last.is_some_and(|last| last.kind() == TokenKind::Colon)
            }
            _ => false,
        };
        let (word, kind) = (token.data(), token.kind());
        let mut rest =
            ["true", "false", "null"].iter().filter_map(|value| word.strip_prefix(value));
        is_value && kind == TokenKind::Name && rest.any(|rest| !rest.is_empty())
    }
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
    fn what_is_no_token_is_refused_and_not_shown() {
        for (text, said, column) in [
            ("{ a(b: \"\"\"hunter2\" [[[[", "expected the end of a string", 8),
            ("{ a(b: \"hunter2", "expected the end of a string", 8),
            ("{ a(b: \"hunter2\n\") }", "expected a token", 8),
            ("{ a(b: 00) }", "expected a token", 8),
            ("{ a(b: 1c: 2) }", "expected a token", 8),
            ("{ a(b: 1.5.2) }", "expected a token", 8),
            ("{ a ..b }", "expected a token", 5),
            ("{ a(b: truefalse) }", "expected value", 8),
            ("{ a(b: [nullnull]) }", "expected value", 9),
            ("{ a(b: { c: trued: 1 }) }", "expected value", 13),
            ("{ a \u{e9} }", "expected a token", 5),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.message, format!("the document can't be parsed: {said}"), "{text}");
            assert_eq!(error.locations[0].column, column, "{text}");
        }
        for fine in ["{ nullable: trueLove(falsehood: true, b: null) }", "\u{feff}{ a\u{feff}: b }"]
        {
            assert!(check(fine).is_ok(), "{fine}");
        }
        let name = "n".repeat(LONGEST_NAME);
        assert!(check(&format!("{{ {name} }}")).is_ok());
        assert!(check(&format!("{{ {name}n }}")).is_err());
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
            ("x...F...F", 5),
            ("\u{feff}a", 1),
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
            "{ f(x: { a\u{feff}: 1, b\u{feff}: 2 }) }",
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
            ("{ f(x: { a\u{feff}: 1, a: 2 }) }", 17),
        ] {
            let error = check(twice).err();
            let at = error.map(|error| error.locations[0]);
            assert_eq!(at.map(|at| at.column), Some(column), "{twice}");
        }
        let below = check("{\n  f(x: { a: 1,\n a: 2 }) }").unwrap_err();
        assert_eq!((below.locations[0].line, below.locations[0].column), (3, 2));
    }
}
