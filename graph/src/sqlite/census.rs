//! Everybody there is.

use async_trait::async_trait;

use super::{
    SqliteGraph,
    groups::{GROUP, group, group_columns},
    statement::{
        Statement, bytes, get, id, optional_word, person, person_columns, signed, statements,
    },
};
use crate::{Census, Group, GroupId, Person, Result, Roster, UserId};

statements! {
    PEOPLE = "census/people":
        concat!("SELECT ", person_columns!(), " FROM graph_people p \
         WHERE p.id > ?1 ORDER BY p.id LIMIT ?2");
    GROUPS = "census/groups":
        concat!("WITH page AS ( \
           SELECT id FROM graph_groups WHERE id > ?1 ORDER BY id LIMIT ?2) \
         SELECT ", group_columns!(), ", g.version, m.person, m.role \
         FROM page CROSS JOIN graph_groups g ON g.id = page.id \
         LEFT JOIN graph_members m ON m.group_id = g.id ORDER BY g.id, m.person");
}

#[async_trait]
impl Census for SqliteGraph {
    async fn everyone(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Person>> {
        let after = after.map(bytes).unwrap_or_default();
        let people = PEOPLE.bind(after).bind(signed(limit));
        let rows = people.all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| person(row, 0)).collect()
    }

    async fn all_groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Roster>> {
        let after = after.map(bytes).unwrap_or_default();
        let groups = GROUPS.bind(after).bind(signed(limit));
        let mut rosters: Vec<Roster> = Vec::new();
        for row in groups.all(&mut *self.reader().await?).await? {
            let group: Group = group(&row, 0)?;
            if rosters.last().is_none_or(|last| last.group.id != group.id) {
                let version = get(&row, GROUP)?;
                rosters.push(Roster { group, version, members: Vec::new() });
            }
            // Nobody is in a row that stands for a group without any members.
            let role = optional_word(&row, GROUP + 2)?;
            if let (Some(roster), Some(role)) = (rosters.last_mut(), role) {
                roster.members.push((id(&row, GROUP + 1)?, role));
            }
        }
        Ok(rosters)
    }
}
