//! Lists that are read page by page.

use std::collections::HashMap;

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Neo4jGraph,
    statement::{Bound, PersonRow, Statement, list, read, signed, statements, text},
};
use crate::{
    Blocked, Friend, FriendRequest, Page, Person, RequestDirection, Result, TimeKey, Timestamp,
    UserId, fold::fold,
};

statements! {
    FRIENDS = "lists/friends";
    INCOMING = "lists/incoming";
    OUTGOING = "lists/outgoing";
    BLOCKED = "lists/blocked";
    MUTUAL = "lists/mutual_friends";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FriendRow {
    person: PersonRow,
    since: Timestamp,
    last_chatted_at: Option<Timestamp>,
}

/// An item of a list that is ordered by time.
#[derive(Deserialize)]
struct TimedRow {
    person: PersonRow,
    #[serde(default)]
    note: Option<String>,
    at: Timestamp,
}

#[derive(Deserialize)]
struct ListRow<T> {
    items: Vec<T>,
    total: u64,
}

#[derive(Deserialize)]
struct MutualRow {
    id: UserId,
    items: Vec<PersonRow>,
    total: u64,
}

impl Neo4jGraph {
    pub(super) async fn friends(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Friend>> {
        let friends = FRIENDS
            .bind("viewer", text(viewer))
            .bind("query", query.map(fold))
            .bind("after", after.unwrap_or_default());
        self.page(friends, limit, |row: FriendRow| Friend {
            person: row.person.into(),
            since: row.since,
            last_chatted_at: row.last_chatted_at,
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
        let requests = match direction {
            RequestDirection::Incoming => INCOMING,
            RequestDirection::Outgoing => OUTGOING,
        };
        let requests = before(requests.bind("viewer", text(viewer)), after);
        self.page(requests, limit, |row: TimedRow| FriendRequest {
            person: row.person.into(),
            note: row.note,
            at: row.at,
        })
        .await
    }

    pub(super) async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>> {
        let blocked = before(BLOCKED.bind("viewer", text(viewer)), after);
        self.page(blocked, limit, |row: TimedRow| Blocked { person: row.person.into(), at: row.at })
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
        let mutual = MUTUAL
            .bind("viewer", text(viewer))
            .bind("others", list(others))
            .bind("after", after.unwrap_or_default())
            .bind("limit", signed(limit).saturating_add(1));
        let rows = self.session.read(mutual).await?;
        let pages = read::<MutualRow>(&rows)?.into_iter();
        Ok(pages.map(|row| (row.id, cut(row.items, row.total, limit, Person::from))).collect())
    }

    /// A page of a list. No row where the viewer is not in the graph.
    async fn page<R: DeserializeOwned, T>(
        &self,
        items: Bound,
        limit: usize,
        item: impl Fn(R) -> T,
    ) -> Result<Page<T>> {
        let items = items.bind("limit", signed(limit).saturating_add(1));
        let rows = self.session.read(items).await?;
        let row = read::<ListRow<R>>(&rows)?.pop();
        Ok(row.map(|row| cut(row.items, row.total, limit, item)).unwrap_or_default())
    }
}

/// A page out of one item more than it is to have.
fn cut<R, T>(rows: Vec<R>, total: u64, limit: usize, item: impl Fn(R) -> T) -> Page<T> {
    let has_next = rows.len() > limit;
    Page { items: rows.into_iter().take(limit).map(item).collect(), has_next, total }
}

/// Where a list that is ordered by time goes on; without a place, before all.
fn before(items: Bound, after: Option<TimeKey>) -> Bound {
    match after {
        Some(TimeKey { at, id }) => items.bind("at", at.0).bind("id", text(id)),
        None => items.bind("at", i64::MAX).bind("id", "~"),
    }
}
