//! Statements with a name, and what goes into them and comes out.

use std::{fmt::Write, time::Instant};

use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};
use sqlx::{
    Any, AnyConnection, Encode, Row, Type,
    any::{AnyArguments, AnyRow},
    query::Query,
};
use tracing::Instrument;
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

use super::failure::failure;
use crate::{Error, Person, Result, Timestamp};

/// A statement. Its name is what spans and metrics call it.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// Declares a module's statements, and `ALL` of them for the test that looks
/// at their plans.
macro_rules! statements {
    ($($name:ident = $label:literal: $sql:expr;)+) => {
        $(const $name: Statement = Statement { name: $label, sql: $sql };)+
        #[cfg(test)]
        pub(super) const ALL: &[Statement] = &[$($name),+];
    };
}
pub(super) use statements;

/// A statement and its parameters.
pub(super) struct Bound {
    name: &'static str,
    query: Query<'static, Any, AnyArguments>,
}

impl Statement {
    /// Gives the first parameter.
    pub(super) fn bind<T>(self, value: T) -> Bound
    where
        T: Encode<'static, Any> + Type<Any> + 'static,
    {
        Bound { name: self.name, query: sqlx::query(self.sql).bind(value) }
    }
}

impl Bound {
    /// Gives the next parameter.
    pub(super) fn bind<T>(self, value: T) -> Self
    where
        T: Encode<'static, Any> + Type<Any> + 'static,
    {
        Self { name: self.name, query: self.query.bind(value) }
    }

    /// Runs it and returns all rows.
    pub(super) async fn all(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>> {
        timed(self.name, self.query.fetch_all(connection)).await
    }

    /// Runs it and returns its row, if it has one.
    pub(super) async fn optional(self, connection: &mut AnyConnection) -> Result<Option<AnyRow>> {
        timed(self.name, self.query.fetch_optional(connection)).await
    }

    /// Runs it and returns its row.
    pub(super) async fn one(self, connection: &mut AnyConnection) -> Result<AnyRow> {
        timed(self.name, self.query.fetch_one(connection)).await
    }

    /// Runs it and returns how many rows it touched.
    pub(super) async fn execute(self, connection: &mut AnyConnection) -> Result<u64> {
        Ok(timed(self.name, self.query.execute(connection)).await?.rows_affected())
    }
}

/// Runs a statement under its name.
pub(super) async fn timed<T>(
    name: &'static str,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T> {
    let started = Instant::now();
    let result = statement.instrument(tracing::debug_span!("graph", statement = name)).await;
    metrics::histogram!("chatterbox_graph_statement_duration_seconds", "statement" => name)
        .record(started.elapsed());
    result.map_err(failure).inspect_err(|error| error.count(name))
}

/// An id as the tables keep it.
pub(super) fn bytes<T: StaticType + Copy>(id: TypeSafeId<T>) -> Vec<u8> {
    id.uuid().as_bytes().to_vec()
}

/// Ids as one parameter, however many: a JSON array of their hexadecimal
/// digits, for `unhex(value)` over `json_each`. So every statement has one
/// text, which is prepared once, and no list is too long.
pub(super) fn list<T: StaticType>(ids: &[TypeSafeId<T>]) -> String {
    let mut list = String::with_capacity(2 + 35 * ids.len());
    list.push('[');
    for (index, id) in ids.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string can't fail.
        let _ = write!(list, "{comma}\"{}\"", id.uuid().simple());
    }
    list.push(']');
    list
}

/// Two ids of each as one parameter, as in [`list`]: `value ->> 0` and `value ->> 1`.
pub(super) fn pairs<A, B>(pairs: &[(TypeSafeId<A>, TypeSafeId<B>)]) -> String
where
    A: StaticType,
    B: StaticType,
{
    let pair = |(one, other): &(TypeSafeId<A>, TypeSafeId<B>)| {
        format!(r#"["{}","{}"]"#, one.uuid().simple(), other.uuid().simple())
    };
    format!("[{}]", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// An id's hexadecimal digits, for a parameter that holds more than ids.
pub(super) fn hex<T: StaticType + Copy>(id: TypeSafeId<T>) -> String {
    id.uuid().simple().to_string()
}

/// Anything as one parameter, for `json_each` and `->>`.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(defect)
}

/// `LIMIT` takes signed numbers.
pub(super) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn get<'r, T>(row: &'r AnyRow, column: usize) -> Result<T>
where
    T: sqlx::Decode<'r, Any> + Type<Any>,
{
    row.try_get(column).map_err(failure)
}

pub(super) fn id<T: StaticType>(row: &AnyRow, column: usize) -> Result<TypeSafeId<T>> {
    let bytes: &[u8] = get(row, column)?;
    Uuid::from_slice(bytes).map(TypeSafeId::from_uuid).map_err(defect)
}

/// Ids out of their hexadecimal digits, one after the other.
pub(super) fn ids<T: StaticType>(row: &AnyRow, column: usize) -> Result<Vec<TypeSafeId<T>>> {
    let digits: Option<&str> = get(row, column)?;
    let ids = digits.unwrap_or_default().as_bytes().chunks(32).map(Uuid::try_parse_ascii);
    ids.map(|id| id.map(TypeSafeId::from_uuid).map_err(defect)).collect()
}

pub(super) fn time(row: &AnyRow, column: usize) -> Result<Timestamp> {
    get(row, column).map(Timestamp)
}

pub(super) fn flag(row: &AnyRow, column: usize) -> Result<bool> {
    get::<i64>(row, column).map(|flag| flag != 0)
}

pub(super) fn count(row: &AnyRow, column: usize) -> Result<u64> {
    get::<i64>(row, column).map(i64::cast_unsigned)
}

/// Which of those that were asked for a row answers: a key of `json_each`.
pub(super) fn place(row: &AnyRow, column: usize) -> Result<usize> {
    let place: i64 = get(row, column)?;
    usize::try_from(place).map_err(defect)
}

/// A word that the port spells the same in JSON.
pub(super) fn word<'r, T: Deserialize<'r>>(row: &'r AnyRow, column: usize) -> Result<T> {
    spelled(get(row, column)?)
}

/// A word, if there is one.
pub(super) fn optional_word<'r, T: Deserialize<'r>>(
    row: &'r AnyRow,
    column: usize,
) -> Result<Option<T>> {
    get::<Option<&str>>(row, column)?.map(spelled).transpose()
}

fn spelled<'r, T: Deserialize<'r>>(word: &'r str) -> Result<T> {
    T::deserialize(word.into_deserializer()).map_err(defect::<value::Error>)
}

/// What is in the tables, or goes there, makes no sense.
fn defect<E: std::error::Error + Send + Sync + 'static>(error: E) -> Error {
    Error::Internal(Box::new(error))
}

/// The columns that [`person`] reads, of a table called `p`.
macro_rules! person_columns {
    () => {
        "p.id, p.username, p.display_name, p.bio, p.avatar_url, p.created_at"
    };
}
pub(super) use person_columns;

/// How many columns a person has.
pub(super) const PERSON: usize = 6;

/// A person out of six columns, the first of which is `first`.
pub(super) fn person(row: &AnyRow, first: usize) -> Result<Person> {
    Ok(Person {
        id: id(row, first)?,
        username: get(row, first + 1)?,
        display_name: get(row, first + 2)?,
        bio: get(row, first + 3)?,
        avatar_url: get(row, first + 4)?,
        created_at: time(row, first + 5)?,
    })
}
