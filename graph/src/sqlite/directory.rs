//! The directory, tier by tier.

use super::{
    SqliteGraph,
    prefix::{Prefix, starts},
    statement::{PERSON, Statement, bytes, count, get, person, person_columns, signed, statements},
};
use crate::{DirectoryKey, Listed, Result, Slice, Tier, UserId};

/// Whether a person is listed for `?1`.
macro_rules! visible {
    () => {
        "p.id <> ?1 AND p.discoverable IS NOT 0 \
         AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = p.id) \
         AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = p.id AND blocked = ?1)"
    };
}

/// Whether one of a person's names is between `?2` and `?3`.
macro_rules! matches {
    () => {
        concat!(
            "(",
            starts!("p.username", "?2", "?3"),
            " OR ",
            starts!("p.folded_name", "?2", "?3"),
            ")"
        )
    };
}

/// The people whom the friends of `?1` know.
macro_rules! known_to_friends {
    () => {
        "SELECT g.friend FROM graph_friends f \
         CROSS JOIN graph_friends g ON g.person = f.friend WHERE f.person = ?1"
    };
}

// Each tier begins after the name `?4` and the id `?5`.
statements! {
    FRIENDS = "directory/friends":
        concat!("SELECT ", person_columns!(), ", p.username \
         FROM graph_friends f CROSS JOIN graph_people p ON p.id = f.friend \
         WHERE f.person = ?1 AND (f.username, f.friend) > (?4, ?5) \
           AND ", matches!(), " AND ", visible!(), " \
         ORDER BY f.username, f.friend LIMIT ?6");
    FRIENDS_OF_FRIENDS = "directory/friends_of_friends":
        concat!("SELECT ", person_columns!(), ", p.username \
         FROM (", known_to_friends!(), " EXCEPT \
               SELECT friend FROM graph_friends WHERE person = ?1) near \
         CROSS JOIN graph_people p ON p.id = near.friend \
         WHERE (p.username, p.id) > (?4, ?5) AND ", matches!(), " AND ", visible!(), " \
         ORDER BY p.username, p.id LIMIT ?6");
    BY_USERNAME = "directory/by_username":
        concat!("SELECT ", person_columns!(), ", p.username FROM graph_people p \
         WHERE (p.username, p.id) > (?4, ?5) AND p.username < coalesce(?3, x'') \
           AND p.id NOT IN (", known_to_friends!(), " \
                            UNION SELECT friend FROM graph_friends WHERE person = ?1) \
           AND ", visible!(), " \
         ORDER BY p.username, p.id LIMIT ?6");
    BY_DISPLAY_NAME = "directory/by_display_name":
        concat!("SELECT ", person_columns!(), ", p.folded_name FROM graph_people p \
         WHERE (p.folded_name, p.id) > (?4, ?5) AND p.folded_name < coalesce(?3, x'') \
           AND NOT (", starts!("p.username", "?2", "?3"), ") \
           AND p.id NOT IN (", known_to_friends!(), " \
                            UNION SELECT friend FROM graph_friends WHERE person = ?1) \
           AND ", visible!(), " \
         ORDER BY p.folded_name, p.id LIMIT ?6");
    SIZE = "directory/size":
        concat!("SELECT \
           (SELECT count(*) FROM graph_people \
            WHERE ", starts!("username", "?2", "?3"), " AND discoverable IS NOT 0) \
         + (SELECT count(*) FROM graph_people \
            WHERE ?2 <> '' AND ", starts!("folded_name", "?2", "?3"), " \
              AND NOT (", starts!("username", "?2", "?3"), ") AND discoverable IS NOT 0) \
         - (SELECT count(*) FROM graph_people p \
            WHERE p.id IN (SELECT ?1 \
                           UNION SELECT blocked FROM graph_blocks WHERE blocker = ?1 \
                           UNION SELECT blocker FROM graph_blocks WHERE blocked = ?1) \
              AND p.discoverable IS NOT 0 AND ", matches!(), ")");
}

/// In their order.
const TIERS: [(Tier, Statement); 4] = [
    (Tier::Friends, FRIENDS),
    (Tier::FriendsOfFriends, FRIENDS_OF_FRIENDS),
    (Tier::Username, BY_USERNAME),
    (Tier::DisplayName, BY_DISPLAY_NAME),
];

impl SqliteGraph {
    /// A tier is read only where those before it don't fill the page.
    pub(super) async fn directory(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&DirectoryKey>,
    ) -> Result<Slice<Listed>> {
        let prefix = Prefix::of(query);
        let wanted = limit.saturating_add(1);
        let mut items = Vec::new();
        let mut reader = self.reader().await?;
        let mut snapshot = Self::snapshot(&mut reader).await?;
        for (tier, statement) in TIERS {
            let passed = after.is_some_and(|key| tier < key.tier);
            // Every username begins with nothing, so no display name is left to be found by.
            let has_none = tier == Tier::DisplayName && prefix.is_empty();
            if passed || has_none || items.len() >= wanted {
                continue;
            }
            let (name, id) = start(tier, &prefix).max(match after {
                Some(key) if key.tier == tier => (key.name.clone(), bytes(key.id)),
                _ => Default::default(),
            });
            let rows = prefix
                .bind_to(statement.bind(bytes(viewer)))
                .bind(name)
                .bind(id)
                .bind(signed(wanted - items.len()))
                .all(&mut snapshot)
                .await?;
            for row in &rows {
                let (person, name) = (person(row, 0)?, get(row, PERSON)?);
                let key = DirectoryKey { tier, name, id: person.id };
                items.push(Listed { person, key });
            }
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Slice { items, has_next })
    }

    pub(super) async fn directory_size(&self, viewer: UserId, query: Option<&str>) -> Result<u64> {
        let size = Prefix::of(query).bind_to(SIZE.bind(bytes(viewer)));
        count(&size.one(&mut *self.reader().await?).await?, 0)
    }
}

/// The place before all of a tier. Those that are ordered by the name that
/// matches are read from where their index has it.
fn start(tier: Tier, prefix: &Prefix) -> (String, Vec<u8>) {
    match tier {
        Tier::Friends | Tier::FriendsOfFriends => Default::default(),
        Tier::Username | Tier::DisplayName => prefix.start(),
    }
}
