//! The tokens of a document, as many as it may have. Each takes many times its
//! length, and deep values exhaust the stack of whoever parses or checks them.
//!
//! The lexer is that of Apollo's parser, which is as strict as the specification.

use apollo_parser::{Lexer, TokenKind};
use async_graphql::{Pos, ServerError, ServerResult};

use super::strings::BLOCK;

/// How deep brackets of all kinds may be nested.
pub(super) const MAX_NESTING: usize = 64;
/// How many tokens a document may have (GraphQL, section 2.1.6).
pub(super) const MAX_TOKENS: usize = 2_000;
/// How long a name may be: to find one that is like an unknown one takes as long.
pub(super) const LONGEST_NAME: usize = 256;

/// A token and where it stands. The last one is [`TokenKind::Eof`].
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) pos: Pos,
}

/// What is left of a text.
pub(super) struct Tokens<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    next: Token<'a>,
    /// Up to where the lexer has read, in bytes.
    end: usize,
    /// Up to where lines and columns are counted, in bytes, and what they are there.
    counted: (usize, Pos),
    number: usize,
    nesting: usize,
}

impl<'a> Tokens<'a> {
    /// Stands before the first token.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub(super) fn new(text: &'a str) -> ServerResult<Self> {
        let start = Pos { line: 1, column: 1 };
        let mut tokens = Self {
            text,
            lexer: Lexer::new(text),
            next: Token { kind: TokenKind::Eof, text: "", pos: start },
            end: 0,
            counted: (0, start),
            number: 0,
            nesting: 0,
        };
        tokens.take()?;
        Ok(tokens)
    }

    /// The one that comes next.
    pub(super) const fn next(&self) -> Token<'a> {
        self.next
    }

    /// Takes the one that comes next.
    ///
    /// # Errors
    ///
    /// Where what follows it is no token, or one too many, a name of more than 256
    /// letters or a bracket within 64 others.
    pub(super) fn take(&mut self) -> ServerResult<Token<'a>> {
        let next = self.lex()?;
        self.count(next)?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Takes the next one if it is of this kind.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub(super) fn take_if(&mut self, kind: TokenKind) -> ServerResult<Option<Token<'a>>> {
        (self.next.kind == kind).then(|| self.take()).transpose()
    }

    /// Takes one of this kind.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take), and where there is another one.
    pub(super) fn expect(&mut self, kind: TokenKind, name: &str) -> ServerResult<Token<'a>> {
        self.take_if(kind)?.ok_or_else(|| self.expected(name))
    }

    /// Where something else comes next. What it is may be a secret.
    pub(super) fn expected(&self, what: &str) -> ServerError {
        unreadable(what, self.next.pos)
    }

    fn lex(&mut self) -> ServerResult<Token<'a>> {
        loop {
            let Some(token) = self.lexer.next() else {
                return Ok(Token { kind: TokenKind::Eof, text: "", pos: self.pos_at(self.end) });
            };
            let token = token.map_err(|error| {
                // What the lexer says would show what there is.
                let unended = error.message().ends_with("string value");
                let what = if unended { "the end of a string" } else { "a token" };
                unreadable(what, self.pos_at(self.end))
            })?;
            let (kind, text, start) = (token.kind(), token.data(), self.end);
            if kind == TokenKind::StringValue && is_broken(text) {
                return Err(unreadable("a token", self.pos_at(start)));
            }
            self.end += text.len();
            if !matches!(kind, TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma) {
                return Ok(Token { kind, text, pos: self.pos_at(start) });
            }
        }
    }

    fn count(&mut self, token: Token<'_>) -> ServerResult<()> {
        use TokenKind::{Eof, LBracket, LCurly, LParen, Name, RBracket, RCurly, RParen};

        let refused = |message: &str| Err(ServerError::new(message, Some(token.pos)));
        self.number += usize::from(token.kind != Eof);
        match token.kind {
            LParen | LBracket | LCurly => self.nesting += 1,
            RParen | RBracket | RCurly => self.nesting = self.nesting.saturating_sub(1),
            Name if token.text.len() > LONGEST_NAME => {
                return refused("a name is longer than 256 letters");
            }
            _ => {}
        }
        if self.number > MAX_TOKENS {
            return refused("the document has more than 2,000 tokens");
        }
        if self.nesting > MAX_NESTING {
            return refused("brackets are nested deeper than 64 levels");
        }
        Ok(())
    }

    /// Of something that does not stand before what was counted.
    fn pos_at(&mut self, index: usize) -> Pos {
        let (counted, mut pos) = self.counted;
        let mut between = self.text[counted..index].chars().peekable();
        while let Some(letter) = between.next() {
            match letter {
                '\r' if between.peek() == Some(&'\n') => {}
                '\n' | '\r' => pos = Pos { line: pos.line + 1, column: 1 },
                _ => pos.column += 1,
            }
        }
        self.counted = (index, pos);
        pos
    }
}

/// Whether a line ends in a string that is no block: the lexer takes it right behind the quote.
fn is_broken(text: &str) -> bool {
    !text.starts_with(BLOCK) && text.contains(['\n', '\r'])
}

fn unreadable(what: &str, pos: Pos) -> ServerError {
    ServerError::new(format!("the document can't be parsed: expected {what}"), Some(pos))
}
