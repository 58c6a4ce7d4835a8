//! Lists that are read page by page.

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Neo4jGraph,
    session::Session,
    statement::{Bound, ListRow, PersonRow, Statement, and_one, statements, text},
};
use crate::{
    Blocked, Friend, FriendRequest, FriendsOf, MutualFriendsOf, Page, Person, RequestDirection,
    Result, TimeKey, Timestamp, UserId, fold::fold,
};

statements! {
    FRIENDS = "lists/friends";
    FRIENDS_FOUND = "lists/friends_found";
    MUTUAL = "lists/mutual_friends";
    INCOMING = "lists/incoming";
    OUTGOING = "lists/outgoing";
    BLOCKED = "lists/blocked";
}

#[derive(Deserialize)]
struct FriendRow(PersonRow, Timestamp, Option<Timestamp>);

impl From<FriendRow> for Friend {
    fn from(FriendRow(person, since, last_chatted_at): FriendRow) -> Self {
        Self { person: person.into(), since, last_chatted_at }
    }
}

#[derive(Deserialize)]
struct RequestRow(PersonRow, Option<String>, Timestamp);

impl From<RequestRow> for FriendRequest {
    fn from(RequestRow(person, note, at): RequestRow) -> Self {
        Self { person: person.into(), note, at }
    }
}

#[derive(Deserialize)]
struct BlockedRow(PersonRow, Timestamp);

impl From<BlockedRow> for Blocked {
    fn from(BlockedRow(person, at): BlockedRow) -> Self {
        Self { person: person.into(), at }
    }
}

impl Neo4jGraph {
    pub(super) async fn friends(&self, asked: &[FriendsOf]) -> Result<Vec<Page<Friend>>> {
        self.shared.friends.ask(&self.session, asked, friends).await
    }

    pub(super) async fn mutual_friends(
        &self,
        asked: &[MutualFriendsOf],
    ) -> Result<Vec<Option<Page<Person>>>> {
        self.shared.mutual_friends.ask(&self.session, asked, mutual).await
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
        self.newest::<RequestRow, _>(requests, viewer, limit, after).await
    }

    pub(super) async fn blocked(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<Blocked>> {
        self.newest::<BlockedRow, _>(BLOCKED, viewer, limit, after).await
    }

    /// A page of a list that is ordered by time. No row where the viewer is not in the graph.
    async fn newest<R: DeserializeOwned, T: From<R>>(
        &self,
        items: Statement,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Result<Page<T>> {
        let items = before(items.bind("viewer", text(viewer)), after).bind("limit", and_one(limit));
        let list = self.session.answer::<ListRow<R>>(items).await?;
        Ok(list.map(|list| list.page(limit)).unwrap_or_default())
    }
}

/// Those with a query and those without are asked apart: without one, nobody's
/// names have to be read to count.
async fn friends(session: Session, asked: Vec<FriendsOf>) -> Result<Vec<Page<Friend>>> {
    let (found, all): (Vec<_>, Vec<_>) =
        asked.iter().enumerate().partition(|(_, asked)| asked.query.is_some());
    let mut pages: Vec<_> = asked.iter().map(|_| Page::default()).collect();
    for (statement, asked) in [(FRIENDS, all), (FRIENDS_FOUND, found)] {
        if asked.is_empty() {
            continue;
        }
        let most = asked.iter().map(|(_, asked)| asked.limit).max().unwrap_or_default();
        let questions = asked.iter().map(|(_, asked)| {
            [
                ("viewer", text(asked.viewer).into()),
                ("query", asked.query.as_deref().map(fold).into()),
                ("after", asked.after.as_deref().unwrap_or_default().into()),
            ]
        });
        let friends = statement.asked(questions).bind("limit", and_one(most));
        let lists = session.answer_each::<ListRow<FriendRow>>(friends).await?;
        for ((place, asked), list) in asked.into_iter().zip(lists) {
            pages[place] = list.map(|list| list.page(asked.limit)).unwrap_or_default();
        }
    }
    Ok(pages)
}

async fn mutual(
    session: Session,
    asked: Vec<MutualFriendsOf>,
) -> Result<Vec<Option<Page<Person>>>> {
    let questions = asked.iter().map(|asked| {
        [
            ("viewer", text(asked.viewer).into()),
            ("other", text(asked.other).into()),
            ("after", asked.after.as_deref().unwrap_or_default().into()),
            ("limit", and_one(asked.limit).into()),
        ]
    });
    let lists = session.answer_each::<ListRow<PersonRow>>(MUTUAL.asked(questions)).await?;
    let lists = lists.into_iter();
    Ok(lists.zip(asked).map(|(list, asked)| list.map(|list| list.page(asked.limit))).collect())
}

/// Where a list that is ordered by time goes on; without a place, before all.
fn before(items: Bound, after: Option<TimeKey>) -> Bound {
    match after {
        Some(TimeKey { at, id }) => items.bind("at", at.0).bind("id", text(id)),
        None => items.bind("at", i64::MAX).bind("id", "~"),
    }
}
