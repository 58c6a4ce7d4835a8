//! Relay connections: arguments, cursors, and the types of a list.

use async_graphql::SimpleObject;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox_graph::{DirectoryKey, GroupKey, Tier, TimeKey, Timestamp};

use crate::{
    error::{Error, Result},
    ids,
    messaging::SearchQuery,
};

/// How many items a page may have.
pub const MAX: i32 = 100;

/// Whether a connection goes on.
#[derive(SimpleObject)]
pub struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) has_previous_page: bool,
    pub(super) start_cursor: Option<String>,
    pub(super) end_cursor: Option<String>,
}

impl PageInfo {
    /// Of a list that is only read forwards.
    pub(super) fn forward<'a>(
        has_next_page: bool,
        has_previous_page: bool,
        mut cursors: impl DoubleEndedIterator<Item = &'a String>,
    ) -> Self {
        let start_cursor = cursors.next().cloned();
        let end_cursor = cursors.next_back().or(start_cursor.as_ref()).cloned();
        Self { has_next_page, has_previous_page, start_cursor, end_cursor }
    }
}

/// Parses `first` or `last`.
///
/// # Errors
///
/// [`Error::Invalid`] outside 1 to 100.
pub fn count(field: &'static str, n: i32) -> Result<usize> {
    usize::try_from(n)
        .ok()
        .filter(|_| (1..=MAX).contains(&n))
        .ok_or_else(|| Error::invalid(field, "must be 1 to 100"))
}

/// Parses the `query` of a list by name: what names begin with.
///
/// # Errors
///
/// [`Error::Invalid`] beyond 200 characters, as in a search; no name has as many.
pub fn prefix(query: Option<String>) -> Result<Option<String>> {
    if query.as_ref().is_some_and(|query| query.chars().nth(SearchQuery::MAX_CHARS).is_some()) {
        return Err(Error::invalid("query", "must have at most 200 characters"));
    }
    Ok(query)
}

/// A place in a list, as clients carry it: a letter for the kind of list and
/// what the next page starts behind.
fn seal(kind: char, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}{text}"))
}

fn open(kind: char, field: &'static str, cursor: &str) -> Result<String> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(kind).map(ToOwned::to_owned))
        .ok_or_else(|| malformed(field))
}

fn malformed(field: &'static str) -> Error {
    Error::invalid(field, "is not a cursor of this list")
}

/// In a list ordered by username.
pub fn name_cursor(username: &str) -> String {
    seal('u', username)
}

/// Parses a cursor of a list ordered by username.
///
/// # Errors
///
/// [`Error::Invalid`] for any other.
pub fn parse_name(after: Option<&str>) -> Result<Option<String>> {
    after.map(|cursor| open('u', "after", cursor)).transpose()
}

/// In a list ordered by time.
pub fn time_cursor(key: TimeKey) -> String {
    seal('t', &format!("{} {}", key.at.0, key.id))
}

/// Parses a cursor of a list ordered by time.
///
/// # Errors
///
/// [`Error::Invalid`] for any other.
pub fn parse_time(after: Option<&str>) -> Result<Option<TimeKey>> {
    let Some(cursor) = after else { return Ok(None) };
    let text = open('t', "after", cursor)?;
    let (at, id) = text.split_once(' ').ok_or_else(|| malformed("after"))?;
    let at = Timestamp(at.parse().map_err(|_| malformed("after"))?);
    Ok(Some(TimeKey { at, id: ids::parse("after", id)? }))
}

/// In a list ordered by a number.
pub fn number_cursor(number: i64) -> String {
    seal('n', &number.to_string())
}

/// Parses a cursor of a list ordered by a number.
///
/// # Errors
///
/// [`Error::Invalid`] for any other.
pub fn parse_number(field: &'static str, cursor: Option<&str>) -> Result<Option<i64>> {
    cursor.map(|cursor| open('n', field, cursor)?.parse().map_err(|_| malformed(field))).transpose()
}

/// In the list of public groups.
pub fn group_cursor(key: &GroupKey) -> String {
    seal('g', &format!("{} {} {}", key.friends, key.id, key.name))
}

/// Parses a cursor of the list of public groups.
///
/// # Errors
///
/// [`Error::Invalid`] for any other.
pub fn parse_group(after: Option<&str>) -> Result<Option<GroupKey>> {
    let Some(cursor) = after else { return Ok(None) };
    let text = open('g', "after", cursor)?;
    let mut parts = text.splitn(3, ' ');
    let (Some(friends), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed("after"));
    };
    let friends = friends.parse().map_err(|_| malformed("after"))?;
    Ok(Some(GroupKey { friends, name: name.to_owned(), id: ids::parse("after", id)? }))
}

/// The tiers of the directory, as cursors name them.
const TIERS: [Tier; 4] = [Tier::Friends, Tier::FriendsOfFriends, Tier::Username, Tier::DisplayName];

/// In the directory.
pub fn directory_cursor(key: &DirectoryKey) -> String {
    let tier = TIERS.iter().position(|tier| *tier == key.tier).unwrap_or_default();
    seal('d', &format!("{tier} {} {}", key.id, key.name))
}

/// Parses a cursor of the directory.
///
/// # Errors
///
/// [`Error::Invalid`] for any other.
pub fn parse_directory(after: Option<&str>) -> Result<Option<DirectoryKey>> {
    let Some(cursor) = after else { return Ok(None) };
    let text = open('d', "after", cursor)?;
    let mut parts = text.splitn(3, ' ');
    let (Some(tier), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed("after"));
    };
    let tier = tier.parse().ok().and_then(|tier: usize| TIERS.get(tier).copied());
    let tier = tier.ok_or_else(|| malformed("after"))?;
    Ok(Some(DirectoryKey { tier, name: name.to_owned(), id: ids::parse("after", id)? }))
}

/// Makes the types of a connection: `XConnection { edges, nodes, pageInfo }`
/// and `XEdge { cursor, node, … }`, with `totalCount` where it is `counted`.
macro_rules! connection {
    ($connection:ident, $edge:ident { $($field:ident: $ty:ty),* } of $node:ty $(, $counted:ident)?) => {
        #[doc = concat!("One item of a `", stringify!($connection), "`.")]
        pub struct $edge {
            pub(super) cursor: String,
            pub(super) node: $node,
            $(pub(super) $field: $ty),*
        }

        #[doc = concat!("One item of a `", stringify!($connection), "`.")]
        #[async_graphql::Object]
        impl $edge {
            async fn cursor(&self) -> &str {
                &self.cursor
            }

            async fn node(&self) -> $crate::api::graphql::eager::EagerRef<'_, $node> {
                $crate::api::graphql::eager::EagerRef(&self.node)
            }

            $(async fn $field(&self) -> &$ty {
                &self.$field
            })*
        }

        #[doc = concat!("A page of `", stringify!($edge), "`s.")]
        pub struct $connection {
            pub(super) edges: Vec<$edge>,
            pub(super) page_info: $crate::api::graphql::page::PageInfo,
            $(pub(super) $counted: i32,)?
        }

        #[doc = concat!("A page of `", stringify!($edge), "`s.")]
        #[async_graphql::Object]
        impl $connection {
            async fn edges(&self) -> Vec<$crate::api::graphql::eager::EagerRef<'_, $edge>> {
                self.edges.iter().map($crate::api::graphql::eager::EagerRef).collect()
            }

            async fn nodes(&self) -> Vec<$crate::api::graphql::eager::EagerRef<'_, $node>> {
                let nodes = self.edges.iter().map(|edge| &edge.node);
                nodes.map($crate::api::graphql::eager::EagerRef).collect()
            }

            async fn page_info(&self) -> &$crate::api::graphql::page::PageInfo {
                &self.page_info
            }

            $(
                /// How many the whole list has.
                async fn $counted(&self) -> i32 {
                    self.$counted
                }
            )?
        }
    };
}
pub(super) use connection;

/// GraphQL's Int has 32 bits.
pub(super) fn int(n: impl TryInto<i32>) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back_and_never_mistaken_for_one_another() {
        let key = TimeKey { at: Timestamp(-5), id: ids::UserId::from_uuid(uuid::Uuid::nil()) };
        assert_eq!(parse_time(Some(&time_cursor(key))).unwrap(), Some(key));
        assert_eq!(parse_name(Some(&name_cursor("ada"))).unwrap().as_deref(), Some("ada"));
        assert_eq!(parse_number("before", Some(&number_cursor(7))).unwrap(), Some(7));
        let group = GroupKey {
            friends: 3,
            name: "a walk".into(),
            id: type_safe_id::TypeSafeId::from_uuid(uuid::Uuid::nil()),
        };
        assert_eq!(parse_group(Some(&group_cursor(&group))).unwrap(), Some(group));
        for tier in TIERS {
            let listed = DirectoryKey { tier, name: "ada l".into(), id: key.id };
            assert_eq!(parse_directory(Some(&directory_cursor(&listed))).unwrap(), Some(listed));
        }
        assert!(parse_directory(Some(&seal('d', "4 x y"))).is_err());
        assert!(parse_time(Some(&name_cursor("ada"))).is_err());
        assert!(parse_name(Some("%%%")).is_err());
        assert!(parse_number("after", Some("")).is_err());
    }

    #[test]
    fn a_page_has_1_to_100_items() {
        assert_eq!(count("first", 100).unwrap(), 100);
        for bad in [0, -1, 101, i32::MAX, i32::MIN] {
            assert!(count("first", bad).is_err());
        }
    }
}
