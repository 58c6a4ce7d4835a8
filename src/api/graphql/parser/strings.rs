//! What strings say: GraphQL, September 2025, section 2.9.4.

use std::str::Chars;

/// What block strings begin and end with.
pub(super) const BLOCK: &str = "\"\"\"";

/// What a string says that the lexer took; `None` where it should not have.
pub(super) fn value(literal: &str) -> Option<String> {
    match literal.strip_prefix(BLOCK) {
        Some(block) => Some(block_value(block.strip_suffix(BLOCK)?)),
        None => unescaped(literal.strip_prefix('"')?.strip_suffix('"')?),
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut said = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => match letters.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => code_point(&mut letters)?,
                itself => itself,
            },
            itself => itself,
        };
        said.push(letter);
    }
    Some(said)
}

/// What stands behind `\u`: `{…}`, four digits, or the two halves of a pair.
fn code_point(letters: &mut Chars<'_>) -> Option<char> {
    let text = letters.as_str();
    if let Some(braced) = text.strip_prefix('{') {
        let (digits, rest) = braced.split_once('}')?;
        *letters = rest.chars();
        return char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    }
    let unit = |from: usize| u16::from_str_radix(text.get(from..from + 4)?, 16).ok();
    let first = unit(0)?;
    let is_whole = char::from_u32(first.into()).is_some();
    let (units, length) = if is_whole { (vec![first], 4) } else { (vec![first, unit(6)?], 10) };
    *letters = text[length..].chars();
    char::decode_utf16(units).next()?.ok()
}

/// `BlockStringValue`: without what all lines are indented by, and without
/// blank lines around.
fn block_value(raw: &str) -> String {
    let lines: Vec<&str> = raw.split("\r\n").flat_map(|part| part.split(['\r', '\n'])).collect();
    let indent = |line: &str| line.find(|letter| !matches!(letter, ' ' | '\t'));
    let common = lines.iter().skip(1).filter_map(|line| indent(line)).min().unwrap_or(0);
    let dedented = lines.iter().enumerate().map(|(number, line)| {
        if number == 0 { line } else { line.get(common..).unwrap_or_default() }
    });
    let dedented: Vec<&str> = dedented.collect();
    let is_blank = |line: &&str| indent(line).is_none();
    let first = dedented.iter().take_while(|line| is_blank(line)).count();
    let last = dedented.iter().rev().take_while(|line| is_blank(line)).count();
    let said = dedented.get(first..dedented.len() - last).unwrap_or_default();
    said.join("\n").replace("\\\"\"\"", BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_what_they_stand_for() {
        for (literal, said) in [
            (r#""""#, ""),
            (r#""plain, é and 👋""#, "plain, é and 👋"),
            (r#""\" \\ \/ \b\f\n\r\t""#, "\" \\ / \u{8}\u{c}\n\r\t"),
            (r#""a\u0062c\u00E9\uFEFF""#, "abcé\u{feff}"),
            (r#""\u{1F44B} \u{62}\u{000000063}""#, "👋 bc"),
            (r#""\uD83D\uDC4B\uD83D\uDC4B!""#, "👋👋!"),
            ("\"a\tb\"", "a\tb"),
        ] {
            assert_eq!(value(literal).as_deref(), Some(said), "{literal}");
        }
        for none in
            [r#""\uD83D""#, r#""\uD83D\n....""#, r#""\uDC4B""#, r#""\u{D83D}""#, r#""\u12""#]
        {
            assert_eq!(value(none), None, "{none}");
        }
    }

    #[test]
    fn blocks_lose_their_indent_and_what_is_blank_around() {
        for (raw, said) in [
            ("", ""),
            ("\r\n", ""),
            (" \n\t\r \r\n", ""),
            ("a", "a"),
            ("  a  ", "  a  "),
            ("\n    a,\n      b\n\n    c\n  ", "a,\n  b\n\nc"),
            ("a\r\n   b\n     c\r    d", "a\nb\n  c\n d"),
            ("\n\tä\n\t\tb\n \n", "ä\n\tb"),
            ("\n  a\n \n  b", "a\n\nb"),
            ("\n \u{2003}a\n  b", "\u{2003}a\n b"),
            (r#"\""" \n \" "" \u0062 \"""."#, r#"""" \n \" "" \u0062 """."#),
        ] {
            let literal = format!("\"\"\"{raw}\"\"\"");
            assert_eq!(value(&literal).as_deref(), Some(said), "{literal}");
        }
    }
}
