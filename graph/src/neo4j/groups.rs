//! Groups and who is in them, as they are read.

use std::{cmp::Reverse, collections::HashMap};

use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{
        GroupRow, ListRow, PersonRow, Statement, and_one, ids, signed, statements, text, up_to,
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
        let list = self.session.answer::<ListRow<MemberRow>>(members).await?;
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
        let friends = self.session.answers::<(GroupId, Vec<PersonRow>)>(friends).await?.into_iter();
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
            items = self.with_friends(viewer, &prefix, limit, after).await?;
        }
        if items.len() <= limit {
            let (name, id) = match after.filter(|after| after.friends == 0) {
                Some(after) => (after.name.as_str(), text(after.id)),
                None => (prefix.as_str(), String::new()),
            };
            let others = WITHOUT_FRIENDS
                .bind("viewer", text(viewer))
                .bind("name", name)
                .bind("id", id)
                .bind("to", up_to(&prefix))
                .bind("limit", and_one(limit - items.len()));
            let others = self.session.answers::<(ViewRow, String)>(others).await?;
            items.extend(others.into_iter().map(|(view, name)| found(view.into(), 0, name)));
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Slice { items, has_next })
    }

    /// One more than `limit`, if there are as many. They are put in order here:
    /// Neo4j compares some names otherwise than it sorts them.
    async fn with_friends(
        &self,
        viewer: UserId,
        prefix: &str,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Result<Vec<FoundGroup>> {
        let most = after.map_or(i64::MAX, |after| after.friends.cast_signed());
        let keys =
            WITH_FRIENDS.bind("viewer", text(viewer)).bind("prefix", prefix).bind("friends", most);
        let keys = self.session.answers::<(u64, String, GroupId)>(keys).await?.into_iter();
        let mut keys: Vec<_> =
            keys.map(|(friends, name, id)| (Reverse(friends), name, id)).collect();
        if let Some(GroupKey { friends, name, id }) = after {
            let after = (Reverse(*friends), name.clone(), *id);
            keys.retain(|key| *key > after);
        }
        keys.sort_unstable();
        keys.truncate(limit.saturating_add(1));
        let asked: Vec<_> = keys.iter().map(|&(.., id)| (viewer, id)).collect();
        let views = self.groups(&asked).await?.into_iter().zip(keys);
        Ok(views
            .filter_map(|(view, (friends, name, _))| Some(found(view?, friends.0, name)))
            .collect())
    }

    pub(super) async fn groups_of(&self, id: UserId) -> Result<Vec<GroupId>> {
        let groups = self.session.answer::<Vec<GroupId>>(OF_PERSON.bind("id", text(id))).await?;
        let mut groups = groups.unwrap_or_default();
        groups.sort_unstable();
        Ok(groups)
    }
}

async fn views(session: Session, asked: Vec<(UserId, GroupId)>) -> Result<Vec<Option<GroupView>>> {
    let questions = asked
        .iter()
        .map(|&(viewer, group)| [("viewer", text(viewer).into()), ("group", text(group).into())]);
    let views = session.answer_each::<ViewRow>(GET.asked(questions)).await?.into_iter();
    Ok(views.map(|view| view.map(GroupView::from)).collect())
}

fn found(view: GroupView, friends: u64, name: String) -> FoundGroup {
    FoundGroup { key: GroupKey { friends, name, id: view.group.id }, view }
}
