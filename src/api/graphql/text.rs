//! What the text of a document may be, told before it is parsed: deep values
//! exhaust the stack of whoever parses or checks them, and each token takes
//! many times its length.

use async_graphql::{ServerError, ServerResult};

/// How deep brackets of all kinds may be nested.
const MAX_NESTING: usize = 64;
/// How many tokens a document may have (GraphQL, section 2.1.6).
const MAX_TOKENS: usize = 2_000;

/// Refuses a text of too many tokens, or with brackets nested too deep.
///
/// # Errors
///
/// Beyond 2,000 tokens and 64 levels.
pub fn check(query: &str) -> ServerResult<()> {
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    let mut rest = query.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match first {
            b'#' => after_comment(after),
            b'"' => after_string(rest),
            b'.' => after_spread(rest),
            _ if is_wordy(*first) => after_word(after),
            _ => after,
        };
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens += usize::from(!matches!(first, b'#' | b',' | b' ' | b'\t' | b'\n' | b'\r'));
        if depth > MAX_NESTING {
            return Err(ServerError::new("brackets are nested deeper than 64 levels", None));
        }
        if tokens > MAX_TOKENS {
            return Err(ServerError::new("the document has more than 2,000 tokens", None));
        }
    }
    Ok(())
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
}
