//! Lists that are read page by page.

use std::collections::HashMap;

use sqlx::any::AnyRow;

use super::{
    SqliteGraph,
    statement::{
        Bound, PERSON, Statement, bytes, count, get, id, list, person, person_columns, signed,
        statements, time,
    },
};
use crate::{
    Blocked, Friend, FriendRequest, Page, Person, RequestDirection, Result, TimeKey, Timestamp,
    UserId, fold::fold,
};

/// Prefixes are compared letter by letter, so that nothing in a query is special.
macro_rules! matches_query {
    ($query:literal) => {
        concat!(
            "(",
            $query,
            " IS NULL OR substr(p.username, 1, length(",
            $query,
            ")) = ",
            $query,
            " OR substr(p.folded_name, 1, length(",
            $query,
            ")) = ",
            $query,
            ")"
        )
    };
}

statements! {
    FRIENDS = "lists/friends":
        concat!("SELECT ", person_columns!(), ", f.since, c.at \
         FROM graph_friends f CROSS JOIN graph_people p ON p.id = f.friend \
         LEFT JOIN graph_last_chatted c ON c.person = f.person AND c.other = f.friend \
         WHERE f.person = ?1 AND p.username > ?3 AND ", matches_query!("?2"),
         " ORDER BY p.username LIMIT ?4");
    COUNT_FRIENDS = "lists/count_friends":
        "SELECT count(*) FROM graph_friends WHERE person = ?1";
    COUNT_MATCHING_FRIENDS = "lists/count_matching_friends":
        concat!("SELECT count(*) FROM graph_friends f CROSS JOIN graph_people p ON p.id = f.friend \
         WHERE f.person = ?1 AND ", matches_query!("?2"));
    INCOMING = "lists/incoming":
        concat!("SELECT ", person_columns!(), ", r.note, r.at \
         FROM graph_requests r CROSS JOIN graph_people p ON p.id = r.sender \
         WHERE r.receiver = ?1 AND (r.at, r.sender) < (?2, ?3) \
         ORDER BY r.at DESC, r.sender DESC LIMIT ?4");
    COUNT_INCOMING = "lists/count_incoming":
        "SELECT count(*) FROM graph_requests WHERE receiver = ?1";
    OUTGOING = "lists/outgoing":
        concat!("SELECT ", person_columns!(), ", r.note, r.at \
         FROM graph_requests r CROSS JOIN graph_people p ON p.id = r.receiver \
         WHERE r.sender = ?1 AND (r.at, r.receiver) < (?2, ?3) \
         ORDER BY r.at DESC, r.receiver DESC LIMIT ?4");
    COUNT_OUTGOING = "lists/count_outgoing":
        "SELECT count(*) FROM graph_requests WHERE sender = ?1";
    BLOCKED = "lists/blocked":
        concat!("SELECT ", person_columns!(), ", b.at \
         FROM graph_blocks b CROSS JOIN graph_people p ON p.id = b.blocked \
         WHERE b.blocker = ?1 AND (b.at, b.blocked) < (?2, ?3) \
         ORDER BY b.at DESC, b.blocked DESC LIMIT ?4");
    COUNT_BLOCKED = "lists/count_blocked":
        "SELECT count(*) FROM graph_blocks WHERE blocker = ?1";
    MUTUAL = "lists/mutual_friends":
        concat!("SELECT ", person_columns!(), ", other FROM ( \
           SELECT o.id AS other, f.friend, \
                  row_number() OVER (PARTITION BY o.id ORDER BY q.username) AS place \
           FROM graph_people o \
           CROSS JOIN graph_friends f ON f.person = o.id \
           CROSS JOIN graph_friends v ON v.person = ?1 AND v.friend = f.friend \
           CROSS JOIN graph_people q ON q.id = f.friend \
           WHERE o.id IN (SELECT unhex(value) FROM json_each(?2)) AND o.id <> ?1 \
             AND q.username > ?3) m \
         CROSS JOIN graph_people p ON p.id = m.friend \
         WHERE m.place <= ?4 ORDER BY m.other, m.place");
    COUNT_MUTUAL = "lists/count_mutual_friends":
        "SELECT o.id, \
           (SELECT count(*) FROM graph_friends f \
            CROSS JOIN graph_friends v ON v.person = ?1 AND v.friend = f.friend \
            WHERE f.person = o.id AND o.id <> ?1) \
         FROM graph_people o WHERE o.id IN (SELECT unhex(value) FROM json_each(?2))";
}

impl SqliteGraph {
    pub(super) async fn friends(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Friend>> {
        let query = query.map(fold);
        let total = match &query {
            None => COUNT_FRIENDS.bind(bytes(viewer)),
            Some(query) => COUNT_MATCHING_FRIENDS.bind(bytes(viewer)).bind(query.clone()),
        };
        let items = FRIENDS.bind(bytes(viewer)).bind(query);
        let items = items.bind(after.unwrap_or_default().to_owned());
        self.page(total, items, limit, |row| {
            Ok(Friend {
                person: person(row, 0)?,
                since: time(row, PERSON)?,
                last_chatted_at: get::<Option<i64>>(row, PERSON + 1)?.map(Timestamp),
            })
        })
        .await
    }

    pub(super) async fn friend_requests(
        &self,
        viewer: UserId,
        direction: RequestDirection,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<FriendRequest>> {
        let (total, items) = match direction {
            RequestDirection::Incoming => (COUNT_INCOMING, INCOMING),
            RequestDirection::Outgoing => (COUNT_OUTGOING, OUTGOING),
        };
        let items = before(items.bind(bytes(viewer)), after);
        self.page(total.bind(bytes(viewer)), items, limit, |row| {
            Ok(FriendRequest {
                person: person(row, 0)?,
                note: get(row, PERSON)?,
                at: time(row, PERSON + 1)?,
            })
        })
        .await
    }

    pub(super) async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>> {
        let items = before(BLOCKED.bind(bytes(viewer)), after);
        self.page(COUNT_BLOCKED.bind(bytes(viewer)), items, limit, |row| {
            Ok(Blocked { person: person(row, 0)?, at: time(row, PERSON)? })
        })
        .await
    }

    pub(super) async fn mutual_friends(
        &self,
        viewer: UserId,
        others: &[UserId],
        limit: usize,
        after: Option<&str>,
    ) -> Result<HashMap<UserId, Page<Person>>> {
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let of_each = |statement: Statement| statement.bind(bytes(viewer)).bind(list(others));
        let mut snapshot = self.snapshot().await?;
        let totals = of_each(COUNT_MUTUAL).all(&mut snapshot).await?;
        let items = of_each(MUTUAL)
            .bind(after.unwrap_or_default().to_owned())
            .bind(signed(limit).saturating_add(1))
            .all(&mut snapshot)
            .await?;

        let mut pages: HashMap<UserId, Page<Person>> = totals
            .iter()
            .map(|row| Ok((id(row, 0)?, Page { total: count(row, 1)?, ..Page::default() })))
            .collect::<Result<_>>()?;
        for row in &items {
            if let Some(page) = pages.get_mut(&id(row, PERSON)?) {
                page.items.push(person(row, 0)?);
            }
        }
        for page in pages.values_mut() {
            page.has_next = page.items.len() > limit;
            page.items.truncate(limit);
        }
        Ok(pages)
    }

    /// A page of a list of which `items` reads one item more than `limit`.
    async fn page<T>(
        &self,
        total: Bound,
        items: Bound,
        limit: usize,
        read: impl Fn(&AnyRow) -> Result<T> + Send,
    ) -> Result<Page<T>> {
        let mut snapshot = self.snapshot().await?;
        let total = count(&total.one(&mut snapshot).await?, 0)?;
        let rows = items.bind(signed(limit).saturating_add(1)).all(&mut snapshot).await?;
        Ok(Page {
            items: rows.iter().take(limit).map(read).collect::<Result<_>>()?,
            has_next: rows.len() > limit,
            total,
        })
    }
}

/// Where a list that is ordered by time goes on; without a place, before all.
fn before(items: Bound, after: Option<TimeKey>) -> Bound {
    match after {
        Some(TimeKey { at, id }) => items.bind(at.0).bind(bytes(id)),
        None => items.bind(i64::MAX).bind(vec![u8::MAX; 16]),
    }
}
