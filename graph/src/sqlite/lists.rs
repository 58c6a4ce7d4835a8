//! Lists that are read page by page.

use sqlx::any::AnyRow;

use super::{
    SqliteGraph,
    statement::{
        Bound, PERSON, Statement, bytes, count, flag, get, hex, json, person, person_columns,
        signed, statements, time,
    },
};
use crate::{
    Blocked, Friend, FriendRequest, FriendsOf, MutualFriendsOf, Page, Person, RequestDirection,
    Result, TimeKey, Timestamp, UserId, fold::fold,
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
pub(super) use matches_query;

statements! {
    FRIENDS = "lists/friends":
        concat!("SELECT \
           CASE WHEN ?2 IS NULL THEN (SELECT count(*) FROM graph_friends WHERE person = ?1) \
           ELSE (SELECT count(*) FROM graph_friends f \
                 CROSS JOIN graph_people p ON p.id = f.friend \
                 WHERE f.person = ?1 AND ", matches_query!("?2"), ") END, ",
           person_columns!(), ", page.since, c.at \
         FROM (SELECT 1) \
         LEFT JOIN (SELECT f.friend, f.username, f.since \
                    FROM graph_friends f CROSS JOIN graph_people p ON p.id = f.friend \
                    WHERE f.person = ?1 AND f.username > ?3 AND ", matches_query!("?2"), " \
                    ORDER BY f.username LIMIT ?4) page \
         LEFT JOIN graph_people p ON p.id = page.friend \
         LEFT JOIN graph_last_chatted c ON c.person = ?1 AND c.other = page.friend \
         ORDER BY page.username");
    INCOMING = "lists/incoming":
        concat!("SELECT (SELECT count(*) FROM graph_requests WHERE receiver = ?1), ",
           person_columns!(), ", page.note, page.at \
         FROM (SELECT 1) \
         LEFT JOIN (SELECT sender, note, at FROM graph_requests \
                    WHERE receiver = ?1 AND (at, sender) < (?2, ?3) \
                    ORDER BY at DESC, sender DESC LIMIT ?4) page \
         LEFT JOIN graph_people p ON p.id = page.sender \
         ORDER BY page.at DESC, page.sender DESC");
    OUTGOING = "lists/outgoing":
        concat!("SELECT (SELECT count(*) FROM graph_requests WHERE sender = ?1), ",
           person_columns!(), ", page.note, page.at \
         FROM (SELECT 1) \
         LEFT JOIN (SELECT receiver, note, at FROM graph_requests \
                    WHERE sender = ?1 AND (at, receiver) < (?2, ?3) \
                    ORDER BY at DESC, receiver DESC LIMIT ?4) page \
         LEFT JOIN graph_people p ON p.id = page.receiver \
         ORDER BY page.at DESC, page.receiver DESC");
    BLOCKED = "lists/blocked":
        concat!("SELECT (SELECT count(*) FROM graph_blocks WHERE blocker = ?1), ",
           person_columns!(), ", page.at \
         FROM (SELECT 1) \
         LEFT JOIN (SELECT blocked, at FROM graph_blocks \
                    WHERE blocker = ?1 AND (at, blocked) < (?2, ?3) \
                    ORDER BY at DESC, blocked DESC LIMIT ?4) page \
         LEFT JOIN graph_people p ON p.id = page.blocked \
         ORDER BY page.at DESC, page.blocked DESC");
    // The friends of who has fewer are looked for among those of the other.
    // Of each asked a row that says that the other is there, then the first
    // of those before the page, if only for the total, and then the page.
    MUTUAL = "lists/mutual_friends":
        concat!("WITH asked AS MATERIALIZED ( \
           SELECT key AS place, unhex(value ->> 0) AS viewer, unhex(value ->> 1) AS other, \
                  value ->> 2 AS after, value ->> 3 AS most FROM json_each(?1)), \
         degrees AS MATERIALIZED ( \
           SELECT asked.*, \
                  (SELECT count(*) FROM graph_friends WHERE person = viewer) AS mine, \
                  (SELECT count(*) FROM graph_friends WHERE person = other) AS theirs \
           FROM asked WHERE viewer <> other), \
         found AS MATERIALIZED ( \
           SELECT place, most, f.friend, f.username, f.username > after AS follows \
           FROM degrees \
           CROSS JOIN graph_friends f ON f.person = iif(mine < theirs, viewer, other) \
           CROSS JOIN graph_friends g \
             ON g.person = iif(mine < theirs, other, viewer) AND g.friend = f.friend), \
         page AS MATERIALIZED ( \
           SELECT place, most, friend, follows, count(*) OVER (PARTITION BY place) AS total, \
                  row_number() OVER (PARTITION BY place, follows ORDER BY username) AS number \
           FROM found) \
         SELECT place, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL \
         FROM asked CROSS JOIN graph_people o ON o.id = other \
         UNION ALL \
         SELECT place, total, follows, ", person_columns!(), " \
         FROM page CROSS JOIN graph_people p ON p.id = page.friend \
         WHERE number <= iif(follows, most, 1) \
         ORDER BY 1, 2, 3, 5");
}

impl SqliteGraph {
    pub(super) async fn friends(&self, asked: &[FriendsOf]) -> Result<Vec<Page<Friend>>> {
        let mut reader = self.reader().await?;
        let mut pages = Vec::with_capacity(asked.len());
        for FriendsOf { viewer, query, limit, after } in asked {
            let rows = FRIENDS
                .bind(bytes(*viewer))
                .bind(query.as_deref().map(fold))
                .bind(after.clone().unwrap_or_default())
                .bind(signed(*limit).saturating_add(1))
                .all(&mut reader)
                .await?;
            pages.push(page(&rows, *limit, |row| {
                Ok(Friend {
                    person: person(row, 1)?,
                    since: time(row, 1 + PERSON)?,
                    last_chatted_at: get::<Option<i64>>(row, 2 + PERSON)?.map(Timestamp),
                })
            })?);
        }
        Ok(pages)
    }

    pub(super) async fn mutual_friends(
        &self,
        asked: &[MutualFriendsOf],
    ) -> Result<Vec<Option<Page<Person>>>> {
        let one = |asked: &MutualFriendsOf| {
            let after = asked.after.as_deref().unwrap_or_default();
            let most = signed(asked.limit).saturating_add(1);
            (hex(asked.viewer), hex(asked.other), after.to_owned(), most)
        };
        let questions: Vec<_> = asked.iter().map(one).collect();
        let rows = MUTUAL.bind(json(&questions)?).all(&mut *self.reader().await?).await?;
        let mut pages: Vec<Option<Page<Person>>> = asked.iter().map(|_| None).collect();
        for row in &rows {
            let place = usize::try_from(get::<i64>(row, 0)?).unwrap_or(usize::MAX);
            let Some(page) = pages.get_mut(place) else { continue };
            let page = page.get_or_insert_default();
            page.total = page.total.max(count(row, 1)?);
            if flag(row, 2)? {
                page.items.push(person(row, 3)?);
            }
        }
        for (page, asked) in pages.iter_mut().zip(asked) {
            if let Some(page) = page {
                page.has_next = page.items.len() > asked.limit;
                page.items.truncate(asked.limit);
            }
        }
        Ok(pages)
    }

    pub(super) async fn friend_requests(
        &self,
        viewer: UserId,
        direction: RequestDirection,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<FriendRequest>> {
        let requests = match direction {
            RequestDirection::Incoming => INCOMING,
            RequestDirection::Outgoing => OUTGOING,
        };
        let requests = before(requests.bind(bytes(viewer)), after);
        let requests = requests.bind(signed(limit).saturating_add(1));
        page(&requests.all(&mut *self.reader().await?).await?, limit, |row| {
            Ok(FriendRequest {
                person: person(row, 1)?,
                note: get(row, 1 + PERSON)?,
                at: time(row, 2 + PERSON)?,
            })
        })
    }

    pub(super) async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>> {
        let blocked = before(BLOCKED.bind(bytes(viewer)), after);
        let blocked = blocked.bind(signed(limit).saturating_add(1));
        page(&blocked.all(&mut *self.reader().await?).await?, limit, |row| {
            Ok(Blocked { person: person(row, 1)?, at: time(row, 1 + PERSON)? })
        })
    }
}

/// A page out of at most one row more than `limit`. Each begins with how many
/// the whole list has; one that has nothing else stands for an empty page.
pub(super) fn page<T>(
    rows: &[AnyRow],
    limit: usize,
    read: impl Fn(&AnyRow) -> Result<T>,
) -> Result<Page<T>> {
    let Some(first) = rows.first() else { return Ok(Page::default()) };
    let total = count(first, 0)?;
    if get::<Option<&[u8]>>(first, 1)?.is_none() {
        return Ok(Page { total, ..Page::default() });
    }
    Ok(Page {
        items: rows.iter().take(limit).map(read).collect::<Result<_>>()?,
        has_next: rows.len() > limit,
        total,
    })
}

/// Where a list that is ordered by time goes on; without a place, before all.
fn before(items: Bound, after: Option<TimeKey>) -> Bound {
    match after {
        Some(TimeKey { at, id }) => items.bind(at.0).bind(bytes(id)),
        None => items.bind(i64::MAX).bind(vec![u8::MAX; 16]),
    }
}
