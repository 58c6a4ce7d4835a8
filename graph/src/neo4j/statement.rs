//! Statements with a name, their parameters, and what comes out.

use neo4rs::{BoltMap, BoltType, DeError, Query, Row};
use serde::{Deserialize, de::DeserializeOwned};
use type_safe_id::{StaticType, TypeSafeId};

use crate::{
    Audience, Group, GroupId, GroupVisibility, Page, Person, Settings, Timestamp, UserId,
    bonds::Bonds,
};

/// A file under `cypher/`. Its path is what spans and metrics call it.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    pub(super) name: &'static str,
    pub(super) cypher: &'static str,
}

/// Declares a module's statements, and `ALL` of them for the test that looks
/// for files that no statement uses.
macro_rules! statements {
    ($($name:ident = $path:literal;)+) => {
        $(const $name: Statement = Statement {
            name: $path,
            cypher: include_str!(concat!("../../../cypher/", $path, ".cypher")),
        };)+
        #[cfg(test)]
        pub(super) const ALL: &[Statement] = &[$($name),+];
    };
}
pub(super) use statements;

/// A statement and its parameters.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) name: &'static str,
    pub(super) query: Query,
    /// How many questions it answers, or changes it makes.
    pub(super) questions: u64,
}

impl Statement {
    pub(super) fn bound(self) -> Bound {
        Bound { name: self.name, query: Query::new(self.cypher.to_owned()), questions: 1 }
    }

    /// Gives the first parameter.
    pub(super) fn bind(self, key: &str, value: impl Into<BoltType>) -> Bound {
        self.bound().bind(key, value)
    }

    /// Gives the questions, see [`Bound::asked`].
    pub(super) fn asked<const N: usize>(
        self,
        asked: impl IntoIterator<Item = [(&'static str, BoltType); N]>,
    ) -> Bound {
        self.bound().asked(asked)
    }
}

impl Bound {
    /// Gives many questions as the parameter `asked`: maps, each with its place.
    pub(super) fn asked<const N: usize>(
        self,
        asked: impl IntoIterator<Item = [(&'static str, BoltType); N]>,
    ) -> Self {
        let asked: Vec<_> = (0_i64..)
            .zip(asked)
            .map(|(place, entries)| map([("place", place.into())].into_iter().chain(entries)))
            .collect();
        let questions = asked.len() as u64;
        Self { questions, ..self.bind("asked", list(asked)) }
    }

    /// Gives the next parameter.
    pub(super) fn bind(self, key: &str, value: impl Into<BoltType>) -> Self {
        Self { query: self.query.param(key, value), ..self }
    }

    /// Gives two people under their parts, and in the order in which they
    /// are locked.
    pub(super) fn bind_two(self, parts: (&str, UserId), others: (&str, UserId)) -> Self {
        let (one, other) = (parts.1, others.1);
        self.bind(parts.0, text(one))
            .bind(others.0, text(other))
            .bind("lower", text(one.min(other)))
            .bind("higher", text(one.max(other)))
    }
}

/// An id as the graph keeps it.
pub(super) fn text<T: StaticType + Copy>(id: TypeSafeId<T>) -> String {
    id.to_string()
}

/// Ids, each once.
pub(super) fn ids<T: StaticType + Copy + Ord>(
    ids: impl IntoIterator<Item = TypeSafeId<T>>,
) -> BoltType {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    list(ids.into_iter().map(text))
}

/// A list as a parameter.
pub(super) fn list(items: impl IntoIterator<Item: Into<BoltType>>) -> BoltType {
    items.into_iter().collect()
}

/// A map as a parameter.
pub(super) fn map<'k>(entries: impl IntoIterator<Item = (&'k str, BoltType)>) -> BoltType {
    BoltType::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<BoltMap>())
}

/// `LIMIT` takes signed numbers.
pub(super) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// How many rows to read for a page of `limit`: one tells whether more follow.
pub(super) fn and_one(limit: usize) -> i64 {
    signed(limit).saturating_add(1)
}

/// The end of the range of an index that has all that begins with `prefix`:
/// the last character there is, which nothing contains.
pub(super) fn up_to(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// The one column of rows, `answer`.
pub(super) fn answers<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, DeError> {
    #[derive(Deserialize)]
    struct AnswerRow<T> {
        answer: T,
    }
    rows.iter().map(|row| row.to_strict().map(|AnswerRow { answer }| answer)).collect()
}

/// The answers to many questions, in their order; `None` for those that have no row. Of
/// several rows for a question the last counts.
pub(super) fn in_order<T: DeserializeOwned>(
    rows: &[Row],
    questions: u64,
) -> Result<Vec<Option<T>>, DeError> {
    #[derive(Deserialize)]
    struct PlacedRow<T> {
        place: usize,
        answer: T,
    }
    let mut ordered: Vec<Option<T>> = (0..questions).map(|_| None).collect();
    for row in rows {
        let PlacedRow { place, answer } = row.to_strict()?;
        if let Some(slot) = ordered.get_mut(place) {
            *slot = Some(answer);
        }
    }
    Ok(ordered)
}

/// A list's items, one more than the page is to have, and how many the list has.
#[derive(Deserialize)]
pub(super) struct ListRow<T>(Vec<T>, u64);

impl<R> ListRow<R> {
    pub(super) fn page<T: From<R>>(self, limit: usize) -> Page<T> {
        let Self(items, total) = self;
        let has_next = items.len() > limit;
        Page { items: items.into_iter().take(limit).map(T::from).collect(), has_next, total }
    }
}

/// A person as statements return them: lists, which cost less than maps on both sides.
#[derive(Deserialize)]
pub(super) struct PersonRow(UserId, String, String, Option<String>, Option<String>, Timestamp);

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        let PersonRow(id, username, display_name, bio, avatar_url, created_at) = row;
        Self { id, username, display_name, bio, avatar_url, created_at }
    }
}

/// A group as statements return it.
#[derive(Deserialize)]
pub(super) struct GroupRow(GroupId, String, Option<String>, GroupVisibility, Timestamp);

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        let GroupRow(id, name, description, visibility, created_at) = row;
        Self { id, name, description, visibility, created_at }
    }
}

/// Settings as statements return them: what was never decided is not there.
#[derive(Deserialize)]
pub(super) struct SettingsRow(Option<Audience>, Option<Audience>, Option<bool>, Option<bool>);

impl From<SettingsRow> for Settings {
    fn from(row: SettingsRow) -> Self {
        let SettingsRow(messages_from, presence_to, read_receipts, discoverable) = row;
        let undecided = Self::default();
        Self {
            messages_from: messages_from.unwrap_or(undecided.messages_from),
            presence_to: presence_to.unwrap_or(undecided.presence_to),
            read_receipts: read_receipts.unwrap_or(undecided.read_receipts),
            discoverable: discoverable.unwrap_or(undecided.discoverable),
        }
    }
}

/// The edges between two people: of which type, and whether they lead from the
/// first to the second.
#[derive(Deserialize)]
pub(super) struct BondRows(Vec<(BondType, bool)>);

#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum BondType {
    FriendsWith,
    Requested,
    Blocked,
}

impl From<BondRows> for Bonds {
    fn from(BondRows(bonds): BondRows) -> Self {
        Self {
            friends: bonds.iter().any(|bond| bond.0 == BondType::FriendsWith),
            sent: bonds.contains(&(BondType::Requested, true)),
            received: bonds.contains(&(BondType::Requested, false)),
            blocks: bonds.contains(&(BondType::Blocked, true)),
            blocked_by: bonds.contains(&(BondType::Blocked, false)),
        }
    }
}
