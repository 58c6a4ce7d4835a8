//! Members whom the text of a message names.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MessageBody;
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    people::Username,
};

/// How many names of one text count, the first ones.
pub const MAX_MENTIONS: usize = 50;

/// Finds people by what they are called in a text.
#[async_trait]
pub trait MentionStore: Send + Sync + 'static {
    /// Those members of the conversation who have one of these names; there
    /// has to be one. One statement.
    ///
    /// # Errors
    ///
    /// The store's failure.
    async fn members_named(
        &self,
        conversation: ConversationId,
        names: &[Username],
    ) -> Result<HashMap<String, UserId>>;
}

/// The members whom the text names, in the order of their first mention.
///
/// # Errors
///
/// The store's failure; it is asked only where somebody may be named.
pub async fn mentioned(
    store: &dyn MentionStore,
    conversation: ConversationId,
    body: &MessageBody,
) -> Result<Vec<UserId>> {
    let names = names(body.as_str());
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found = store.members_named(conversation, &names).await?;
    Ok(names.iter().filter_map(|name| found.get(name.as_str()).copied()).collect())
}

/// What may be usernames behind an '@', in the order in which they come
/// first, none twice.
fn names(text: &str) -> Vec<Username> {
    let mut names = Vec::new();
    let mut rest = text;
    let mut before = None;
    while let Some((skipped, behind)) = rest.split_once('@') {
        before = skipped.chars().next_back().or(before);
        let run = behind.len() - behind.trim_start_matches(is_of_a_name).len();
        let (run, after) = behind.split_at(run);
        // At the end of a sentence the dot is not the name's.
        let name = Username::parse(run.trim_end_matches('.')).ok();
        if let Some(name) =
            name.filter(|name| !before.is_some_and(is_of_a_name) && !names.contains(name))
        {
            names.push(name);
            if names.len() == MAX_MENTIONS {
                break;
            }
        }
        before = run.chars().next_back().or(Some('@'));
        rest = after;
    }
    names
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        names(text).iter().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn names_follow_an_at_sign() {
        for (text, expected) in [
            ("", &[][..]),
            ("no one", &[]),
            ("@", &[]),
            ("@ada", &["ada"]),
            ("(@ada), @Grace_H: @alan.t!", &["ada", "grace_h", "alan.t"]),
            ("Ask @ada. Or @grace...", &["ada", "grace"]),
            ("@ADA and @ada and @Ada", &["ada"]),
            ("@@ada", &["ada"]),
            ("ünï@ada\n@grace\t@alan", &["ada", "grace", "alan"]),
            ("👩‍💻@ada👩‍💻", &["ada"]),
        ] {
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_no_mention() {
        for text in ["ada@example.org", "ada.@example", "_@grace", "@ada@grace"] {
            assert!(found(text).iter().all(|name| name == "ada"), "{text:?}");
        }
        assert_eq!(found("@ada@grace"), ["ada"]);
        assert!(found("x@ada x@grace").is_empty());
    }

    #[test]
    fn what_is_too_short_or_too_long_is_no_name() {
        let longest = "a".repeat(32);
        assert_eq!(
            found(&format!("@{longest} @{longest}a @ab @a.. @abc")),
            [longest.as_str(), "abc"]
        );
    }

    #[test]
    fn only_the_first_names_count() {
        let text: String = (0..60).map(|n| format!("@name{n} ")).collect();
        let names = found(&text);
        assert_eq!(names.len(), MAX_MENTIONS);
        assert_eq!(names.last().unwrap(), "name49");
    }
}
