//! Groups and who is in them, as they are read.

use std::collections::HashMap;

use sqlx::any::AnyRow;

use super::{
    SqliteGraph,
    lists::{matches_query, page},
    prefix::{Prefix, starts},
    statement::{
        PERSON, Statement, bytes, count, get, id, list, optional_word, pairs, person,
        person_columns, place, signed, statements, time, word,
    },
};
use crate::{
    FoundGroup, Group, GroupId, GroupKey, GroupView, Member, Page, Person, Result, Slice, UserId,
    fold::fold,
};

/// The columns that [`group`] reads, of a table called `g`.
macro_rules! group_columns {
    () => {
        "g.id, g.name, g.description, g.visibility, g.created_at"
    };
}
pub(super) use group_columns;

/// How many columns a group has.
pub(super) const GROUP: usize = 5;

/// The columns that [`view`] reads.
macro_rules! view_columns {
    ($viewer:literal) => {
        concat!(
            group_columns!(),
            ", g.members, \
             (SELECT role FROM graph_members WHERE group_id = g.id AND person = ",
            $viewer,
            ")"
        )
    };
}

/// How many columns a view has.
const VIEW: usize = GROUP + 2;

/// The groups that friends of `?1` are in.
macro_rules! groups_of_friends {
    () => {
        "SELECT m.group_id, count(*) AS friends FROM graph_friends f \
         CROSS JOIN graph_members m ON m.person = f.friend \
         WHERE f.person = ?1 GROUP BY m.group_id"
    };
}

statements! {
    GET = "groups/get":
        concat!("SELECT ", view_columns!("unhex(asked.value ->> 0)"), ", asked.key \
         FROM json_each(?1) asked CROSS JOIN graph_groups g ON g.id = unhex(asked.value ->> 1)");
    MEMBERS = "groups/members":
        concat!("WITH found AS MATERIALIZED ( \
           SELECT p.id, p.username, m.role, m.since \
           FROM graph_members m CROSS JOIN graph_people p ON p.id = m.person \
           WHERE m.group_id = ?1 AND ", matches_query!("?2"), ") \
         SELECT (SELECT count(*) FROM found), ", person_columns!(), ", page.role, page.since \
         FROM (SELECT 1) \
         LEFT JOIN (SELECT * FROM found WHERE username > ?3 ORDER BY username LIMIT ?4) page \
         LEFT JOIN graph_people p ON p.id = page.id \
         ORDER BY page.username");
    FRIENDS_INSIDE = "groups/friends_inside":
        concat!("WITH inside AS ( \
           SELECT m.group_id, m.person, \
                  row_number() OVER (PARTITION BY m.group_id ORDER BY q.username) AS place \
           FROM (SELECT DISTINCT unhex(value) AS id FROM json_each(?2)) asked \
           CROSS JOIN graph_friends f ON f.person = ?1 \
           CROSS JOIN graph_members m ON m.group_id = asked.id AND m.person = f.friend \
           CROSS JOIN graph_people q ON q.id = f.friend) \
         SELECT ", person_columns!(), ", inside.group_id \
         FROM inside CROSS JOIN graph_people p ON p.id = inside.person \
         WHERE inside.place <= ?3 ORDER BY inside.group_id, inside.place");
    WITH_FRIENDS = "groups/with_friends":
        concat!("SELECT ", view_columns!("?1"), ", g.folded_name, near.friends \
         FROM (", groups_of_friends!(), ") near \
         CROSS JOIN graph_groups g ON g.id = near.group_id \
         WHERE g.visibility = 'PUBLIC' AND ", starts!("g.folded_name", "?2", "?3"), " \
           AND (-near.friends, g.folded_name, g.id) > (-?4, ?5, ?6) \
         ORDER BY near.friends DESC, g.folded_name, g.id LIMIT ?7");
    WITHOUT_FRIENDS = "groups/without_friends":
        concat!("SELECT ", view_columns!("?1"), ", g.folded_name, 0 FROM graph_groups g \
         WHERE g.visibility = 'PUBLIC' AND g.folded_name < coalesce(?3, x'') \
           AND (g.folded_name, g.id) > (?4, ?5) \
           AND g.id NOT IN (SELECT group_id FROM (", groups_of_friends!(), ")) \
         ORDER BY g.folded_name, g.id LIMIT ?6");
    OF_PERSON = "groups/of_person":
        "SELECT group_id FROM graph_members WHERE person = ?1 ORDER BY group_id";
}

impl SqliteGraph {
    pub(super) async fn groups(
        &self,
        asked: &[(UserId, GroupId)],
    ) -> Result<Vec<Option<GroupView>>> {
        let mut views = vec![None; asked.len()];
        if asked.is_empty() {
            return Ok(views);
        }
        for row in GET.bind(pairs(asked)).all(&mut *self.reader().await?).await? {
            views[place(&row, VIEW)?] = Some(view(&row, 0)?);
        }
        Ok(views)
    }

    pub(super) async fn members(
        &self,
        group: GroupId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Member>> {
        let rows = MEMBERS
            .bind(bytes(group))
            .bind(query.map(fold))
            .bind(after.unwrap_or_default().to_owned())
            .bind(signed(limit).saturating_add(1))
            .all(&mut *self.reader().await?)
            .await?;
        page(&rows, limit, |row| {
            Ok(Member {
                person: person(row, 1)?,
                role: word(row, 1 + PERSON)?,
                since: time(row, 2 + PERSON)?,
            })
        })
    }

    pub(super) async fn friends_inside(
        &self,
        viewer: UserId,
        groups: &[GroupId],
        limit: usize,
    ) -> Result<HashMap<GroupId, Vec<Person>>> {
        let mut inside: HashMap<GroupId, Vec<Person>> = HashMap::new();
        if groups.is_empty() {
            return Ok(inside);
        }
        let rows = FRIENDS_INSIDE.bind(bytes(viewer)).bind(list(groups)).bind(signed(limit));
        for row in rows.all(&mut *self.reader().await?).await? {
            inside.entry(id(&row, PERSON)?).or_default().push(person(&row, 0)?);
        }
        Ok(inside)
    }

    /// Those without friends inside are read only where the others don't fill the page.
    pub(super) async fn public_groups(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Result<Slice<FoundGroup>> {
        let prefix = Prefix::of(query);
        let wanted = limit.saturating_add(1);
        let place = |key: &GroupKey| (key.name.clone(), bytes(key.id));
        let mut items = Vec::new();
        let mut reader = self.reader().await?;
        let mut snapshot = Self::snapshot(&mut reader).await?;
        if after.is_none_or(|key| key.friends > 0) {
            let (name, id) = after.map(place).unwrap_or_default();
            let friends = after.map_or(i64::MAX, |key| key.friends.cast_signed());
            let with_friends = prefix
                .bind_to(WITH_FRIENDS.bind(bytes(viewer)))
                .bind(friends)
                .bind(name)
                .bind(id)
                .bind(signed(wanted));
            items = found(&with_friends.all(&mut snapshot).await?)?;
        }
        if items.len() < wanted {
            let after = after.filter(|key| key.friends == 0).map(place);
            let (name, id) = after.unwrap_or_default().max(prefix.start());
            let without_friends = prefix
                .bind_to(WITHOUT_FRIENDS.bind(bytes(viewer)))
                .bind(name)
                .bind(id)
                .bind(signed(wanted - items.len()));
            items.extend(found(&without_friends.all(&mut snapshot).await?)?);
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Slice { items, has_next })
    }

    pub(super) async fn groups_of(&self, person: UserId) -> Result<Vec<GroupId>> {
        let rows = OF_PERSON.bind(bytes(person)).all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| id(row, 0)).collect()
    }
}

/// A group out of five columns, the first of which is `first`.
pub(super) fn group(row: &AnyRow, first: usize) -> Result<Group> {
    Ok(Group {
        id: id(row, first)?,
        name: get(row, first + 1)?,
        description: get(row, first + 2)?,
        visibility: word(row, first + 3)?,
        created_at: time(row, first + 4)?,
    })
}

/// A group as someone sees it, out of seven columns, the first of which is `first`.
fn view(row: &AnyRow, first: usize) -> Result<GroupView> {
    Ok(GroupView {
        group: group(row, first)?,
        members: count(row, first + GROUP)?,
        role: optional_word(row, first + GROUP + 1)?,
    })
}

fn found(rows: &[AnyRow]) -> Result<Vec<FoundGroup>> {
    rows.iter()
        .map(|row| {
            let view = view(row, 0)?;
            let (name, friends) = (get(row, VIEW)?, count(row, VIEW + 1)?);
            let key = GroupKey { friends, name, id: view.group.id };
            Ok(FoundGroup { view, key })
        })
        .collect()
}
