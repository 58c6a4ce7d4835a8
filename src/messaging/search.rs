//! Finding messages by their words.
//!
//! Both stores keep the same: not the text but its words, each behind a mark
//! of its conversation. So a search costs what the asker's own conversations
//! have to do with it, however many other people there are.

use std::{collections::BTreeSet, fmt::Write};

use async_trait::async_trait;
use chatterbox_graph::fold;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::{Message, Position};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, UserId},
};

/// How many characters of a word count.
const WORD_CHARS: usize = 40;
/// How long a word may become as a [`Token`]; with its conversation's mark it
/// stays below 84, which is what InnoDB takes at most.
const WORD_LENGTH: usize = 66;

/// What is looked for: messages that have each of the words, at least as a
/// beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery(Vec<Word>);

impl SearchQuery {
    /// How many characters (Unicode scalar values) it may have.
    pub const MAX_CHARS: usize = 200;
    /// How many different words it may have.
    pub const MAX_WORDS: usize = 20;

    /// Parses the argument `query`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits, and for what has no word.
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Error::invalid("query", "must have at most 200 characters"));
        }
        let mut needed: Vec<Word> = Vec::new();
        for word in words(text) {
            // Who has a word has its beginnings, which come right before it.
            needed.pop_if(|before| word.0.starts_with(&before.0));
            needed.push(word);
        }
        match needed.len() {
            0 => Err(Error::invalid("query", "must have a word")),
            1..=Self::MAX_WORDS => Ok(Self(needed)),
            _ => Err(Error::invalid("query", "must have at most 20 different words")),
        }
    }

    /// The words; no one begins with another.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.0
    }
}

/// A word without case and accents, spelled with a-z, 0-9 and '_' only, which
/// is what all full-text indexes take for a part of a word. It begins with
/// another just where their letters do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(String);

impl Word {
    fn spell(letters: &str) -> Self {
        let mut spelled = String::with_capacity(letters.len());
        for letter in letters.chars().take(WORD_CHARS) {
            let before = spelled.len();
            if letter.is_ascii_alphanumeric() {
                spelled.push(letter);
            } else {
                push_code(&mut spelled, letter);
            }
            if spelled.len() > WORD_LENGTH {
                spelled.truncate(before);
                break;
            }
        }
        Self(spelled)
    }

    /// The word as it is kept of a message in this conversation. Longer than
    /// the shortest words that indexes take, and none of those they leave out.
    #[must_use]
    pub fn token(&self, conversation: ConversationId) -> String {
        // Half an id is enough: of one conversation too many, the messages
        // are not shown anyway.
        format!("c{:016x}{}", conversation.uuid().as_u64_pair().1, self.0)
    }
}

/// '_' and four digits to the base of 36: no letter's code begins with another's.
fn push_code(spelled: &mut String, letter: char) {
    spelled.push('_');
    let code = u32::from(letter);
    for place in [46_656, 1_296, 36, 1] {
        spelled.extend(char::from_digit(code / place % 36, 36));
    }
}

/// The different words of a text, in order.
fn words(text: &str) -> BTreeSet<Word> {
    // Put together again, a syllable of Hangul is one letter.
    let folded: String = fold(text).nfc().collect();
    folded
        .unicode_words()
        .flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric()))
        .filter(|letters| !letters.is_empty())
        .map(Word::spell)
        .collect()
}

/// What an index keeps of a text: a token for each of its words, between spaces.
#[must_use]
pub fn tokens(conversation: ConversationId, text: &str) -> String {
    let mut tokens = String::new();
    for word in words(text) {
        // Writing to a string does not fail.
        let _ = write!(tokens, "{} ", word.token(conversation));
    }
    tokens
}

/// Finds messages.
#[async_trait]
pub trait SearchStore: Send + Sync + 'static {
    /// Messages that fit the query, in the conversations that `user` is in, or
    /// in one of them; of each only what was sent since they joined, nothing
    /// that is deleted. Newest first, behind `after`, at most `limit`. Two
    /// statements; cost: the user's conversations, and what fits in them.
    ///
    /// # Errors
    ///
    /// The failure of the store.
    async fn search(
        &self,
        user: UserId,
        query: &SearchQuery,
        within: Option<ConversationId>,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Message>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.0).collect()
    }

    fn code(letter: char) -> String {
        Word::spell(&letter.to_string()).0
    }

    #[test]
    fn words_have_neither_case_nor_accents_nor_marks() {
        assert_eq!(spelled("Été, ÉTÉ! l'été…"), ["ete", "l"]);
        assert_eq!(spelled("Straße STRASSE"), ["strasse"]);
        assert_eq!(
            spelled("foo_bar e-mail 3.14 can't"),
            ["14", "3", "bar", "can", "e", "foo", "mail", "t"]
        );
        assert_eq!(spelled("  🎉 👩‍💻 !? _ "), Vec::<String>::new());
        assert_eq!(spelled("🎉party🎉"), ["party"]);
    }

    #[test]
    fn other_scripts_are_spelled_letter_by_letter() {
        assert_eq!(spelled("北京"), [code('京'), code('北')]);
        assert_eq!(spelled("タワー"), [code('タ') + &code('ワ') + &code('ー')]);
        assert_eq!(spelled("Привет"), spelled("привет"));
        assert_eq!(spelled("한"), [code('한')]);
        assert_eq!(code('é'), "_006h");
        assert_eq!(code('𠀀'), "_2t4w");
        for text in ["Ünïcödé Ж 日本語 हिन्दी ไทย 𞤀 ①", "ÀÉÎÕÜ"]
        {
            for word in spelled(text) {
                assert!(word.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'), "{word}");
            }
        }
    }

    #[test]
    fn a_beginning_stays_a_beginning() {
        let word = |letters: &str| Word::spell(letters).0;
        assert!(word("приветствие").starts_with(&word("привет")));
        assert!(!word("привет").starts_with(&word("приз")));
        let (long, longer) = ("ab".repeat(20), "ab".repeat(500));
        assert_eq!(word(&longer), long);
        let cut = word(&"я".repeat(500));
        assert_eq!(cut, code('я').repeat(13));
        let id = ConversationId::from_uuid(uuid::Uuid::max());
        assert!(Word(cut).token(id).len() <= 84);
        assert_eq!(tokens(id, "Hi, ho hi"), "cffffffffffffffffhi cffffffffffffffffho ");
    }

    #[test]
    fn a_query_has_words_and_limits() {
        let parsed = |text: &str| {
            SearchQuery::parse(text)
                .map(|query| query.words().iter().map(|word| word.0.clone()).collect::<Vec<_>>())
        };
        assert_eq!(parsed("the they a at who").unwrap(), ["at", "they", "who"]);
        let most: String = ('a'..='t').map(|c| format!("{c} ")).collect();
        assert_eq!(parsed(&most).unwrap().len(), 20);
        for bad in
            [String::new(), " ".into(), "?!".into(), "🎉".into(), "x".repeat(201), most + "u"]
        {
            assert!(matches!(parsed(&bad), Err(Error::Invalid { field: "query", .. })), "{bad}");
        }
        assert!(parsed(&"x".repeat(200)).is_ok());
    }
}
