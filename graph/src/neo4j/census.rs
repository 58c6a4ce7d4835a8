//! Everybody there is.

use async_trait::async_trait;
use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{GroupRow, PersonRow, Statement, signed, statements, text},
};
use crate::{Census, GroupId, GroupRole, Person, Result, Roster, UserId};

statements! {
    PEOPLE = "census/people";
    GROUPS = "census/groups";
}

#[async_trait]
impl Census for Neo4jGraph {
    async fn everyone(&self, after: Option<UserId>, limit: usize) -> Result<Vec<Person>> {
        let after = after.map(text).unwrap_or_default();
        let people = PEOPLE.bind("after", after).bind("limit", signed(limit));
        let people = self.patient.answers::<PersonRow>(people).await?;
        Ok(people.into_iter().map(Person::from).collect())
    }

    async fn all_groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<Roster>> {
        #[derive(Deserialize)]
        struct RosterRow(GroupRow, i64, Vec<(UserId, GroupRole)>);
        let after = after.map(text).unwrap_or_default();
        let groups = GROUPS.bind("after", after).bind("limit", signed(limit));
        let rows = self.patient.answers::<RosterRow>(groups).await?.into_iter();
        let rosters = rows.map(|RosterRow(group, version, mut members)| {
            members.sort_unstable();
            Roster { group: group.into(), version, members }
        });
        Ok(rosters.collect())
    }
}
