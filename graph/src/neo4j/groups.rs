//! Groups and who is in them, as they are read.

use std::collections::HashMap;

use neo4rs::Row;
use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{
        Bound, GroupRow, ListRow, PersonRow, Statement, and_one, answer, answers, ids, in_order,
        signed, statements, text, up_to,
    },
};
use crate::{
    FoundGroup, GroupId, GroupKey, GroupRole, GroupView, Member, Page, Person, Result, Slice,
    Timestamp, UserId, fold::fold,
};

statements! {
    GET = "groups/get";
    MEMBERS = "groups/members";
    FRIENDS_INSIDE = "groups/friends_inside";
    WITH_FRIENDS = "groups/with_friends";
    WITHOUT_FRIENDS = "groups/without_friends";
    OF_PERSON = "groups/of_person";
}

#[derive(Deserialize)]
struct ViewRow(GroupRow, Option<GroupRole>, u64);

impl From<ViewRow> for GroupView {
    fn from(ViewRow(group, role, members): ViewRow) -> Self {
        Self { group: group.into(), role, members }
    }
}

#[derive(Deserialize)]
struct MemberRow(PersonRow, GroupRole, Timestamp);

impl From<MemberRow> for Member {
    fn from(MemberRow(person, role, since): MemberRow) -> Self {
        Self { person: person.into(), role, since }
    }
}

impl Neo4jGraph {
    pub(super) async fn groups(
        &self,
        asked: &[(UserId, GroupId)],
    ) -> Result<Vec<Option<GroupView>>> {
        self.shared.groups.ask(&self.session, asked, views).await
    }

    pub(super) async fn members(
        &self,
        group: GroupId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Member>> {
        let members = MEMBERS
            .bind("group", text(group))
            .bind("query", query.map(fold))
            .bind("after", after.unwrap_or_default())
            .bind("limit", and_one(limit));
        let rows = self.session.read(members).await?;
        let list = answer::<ListRow<MemberRow>>(&rows)?;
        Ok(list.map(|list| list.page(limit)).unwrap_or_default())
    }

    pub(super) async fn friends_inside(
        &self,
        viewer: UserId,
        groups: &[GroupId],
        limit: usize,
    ) -> Result<HashMap<GroupId, Vec<Person>>> {
        if groups.is_empty() {
            return Ok(HashMap::new());
        }
        let friends = FRIENDS_INSIDE
            .bind("viewer", text(viewer))
            .bind("groups", ids(groups.iter().copied()))
            .bind("limit", signed(limit));
        let rows = self.session.read(friends).await?;
        let friends = answers::<(GroupId, Vec<PersonRow>)>(&rows)?.into_iter();
        let people = |people: Vec<PersonRow>| people.into_iter().map(Person::from).collect();
        Ok(friends.map(|(group, friends)| (group, people(friends))).collect())
    }

    /// Those without friends inside are asked for only where the others don't
    /// fill the page.
    pub(super) async fn public_groups(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Result<Slice<FoundGroup>> {
        let prefix = query.map(fold).unwrap_or_default();
        let mut items = Vec::new();
        if after.is_none_or(|after| after.friends > 0) {
            let friends = after.map_or(i64::MAX, |after| after.friends.cast_signed());
            let with_friends = place(WITH_FRIENDS.bind("viewer", text(viewer)), after, "")
                .bind("friends", friends)
                .bind("prefix", prefix.as_str())
                .bind("limit", and_one(limit));
            items = found(&self.session.read(with_friends).await?)?;
        }
        if items.len() <= limit {
            let after = after.filter(|after| after.friends == 0);
            let others = place(WITHOUT_FRIENDS.bind("viewer", text(viewer)), after, &prefix)
                .bind("to", up_to(&prefix))
                .bind("limit", and_one(limit - items.len()));
            items.extend(found(&self.session.read(others).await?)?);
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Slice { items, has_next })
    }

    pub(super) async fn groups_of(&self, id: UserId) -> Result<Vec<GroupId>> {
        let rows = self.session.read(OF_PERSON.bind("id", text(id))).await?;
        let mut groups = answer::<Vec<GroupId>>(&rows)?.unwrap_or_default();
        groups.sort_unstable();
        Ok(groups)
    }
}

async fn views(session: Session, asked: Vec<(UserId, GroupId)>) -> Result<Vec<Option<GroupView>>> {
    let questions = asked
        .iter()
        .map(|&(viewer, group)| [("viewer", text(viewer).into()), ("group", text(group).into())]);
    let rows = session.read(GET.asked(questions)).await?;
    let views = in_order::<ViewRow>(&rows, asked.len())?.into_iter();
    Ok(views.map(|view| view.map(GroupView::from)).collect())
}

/// Where a list of groups goes on; without a place, with the first whose name
/// is not before `first`.
fn place(groups: Bound, after: Option<&GroupKey>, first: &str) -> Bound {
    match after {
        Some(after) => groups.bind("name", after.name.as_str()).bind("id", text(after.id)),
        None => groups.bind("name", first).bind("id", ""),
    }
}

fn found(rows: &[Row]) -> Result<Vec<FoundGroup>> {
    let found = answers::<(ViewRow, u64, String)>(rows)?.into_iter();
    Ok(found
        .map(|(view, friends, name)| {
            let view = GroupView::from(view);
            FoundGroup { key: GroupKey { friends, name, id: view.group.id }, view }
        })
        .collect())
}
