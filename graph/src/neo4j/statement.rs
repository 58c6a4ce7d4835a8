//! Statements with a name, their parameters, and what comes out.

use neo4rs::{BoltMap, BoltType, Query, Row};
use serde::{Deserialize, de::DeserializeOwned};
use type_safe_id::{StaticType, TypeSafeId};

use crate::{Error, Person, Result, Timestamp, UserId};

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
}

impl Statement {
    pub(super) fn bound(self) -> Bound {
        Bound { name: self.name, query: Query::new(self.cypher.to_owned()) }
    }

    /// Gives the first parameter.
    pub(super) fn bind(self, key: &str, value: impl Into<BoltType>) -> Bound {
        self.bound().bind(key, value)
    }
}

impl Bound {
    /// Gives the next parameter.
    pub(super) fn bind(self, key: &str, value: impl Into<BoltType>) -> Self {
        Self { name: self.name, query: self.query.param(key, value) }
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
pub(super) fn list(ids: &[UserId]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(text).collect()
}

/// A map as a parameter.
pub(super) fn map<const N: usize>(entries: [(&str, BoltType); N]) -> BoltType {
    BoltType::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<BoltMap>())
}

/// `LIMIT` takes signed numbers.
pub(super) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Reads rows by the names of their columns.
pub(super) fn read<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>> {
    rows.iter()
        .map(|row| row.to_strict().map_err(|error| Error::Internal(Box::new(error))))
        .collect()
}

/// A person as statements return them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonRow {
    id: UserId,
    username: String,
    display_name: String,
    bio: Option<String>,
    avatar_url: Option<String>,
    created_at: Timestamp,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        let PersonRow { id, username, display_name, bio, avatar_url, created_at } = row;
        Self { id, username, display_name, bio, avatar_url, created_at }
    }
}

/// An id, where it is all that is returned.
#[derive(Deserialize)]
pub(super) struct Found<T> {
    pub(super) person: T,
}
