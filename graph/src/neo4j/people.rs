//! People, and what stands between two of them.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{Found, PersonRow, Statement, list, read, statements, text},
};
use crate::{NewPerson, Pair, Person, Result, UserId, bonds::Bonds, fold::fold};

statements! {
    ADD = "people/add";
    GET = "people/get";
    BY_USERNAME = "people/by_username";
    PAIR = "people/pair";
}

impl Neo4jGraph {
    pub(super) async fn add_person(&self, person: &NewPerson) -> Result<()> {
        let add = ADD
            .bind("id", text(person.id))
            .bind("username", person.username.as_str())
            .bind("displayName", person.display_name.as_str())
            .bind("foldedName", fold(&person.display_name))
            .bind("createdAt", person.created_at.0);
        self.session.write(add).await?;
        Ok(())
    }

    pub(super) async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.session.read(GET.bind("ids", list(ids))).await?;
        let found = read::<Found<PersonRow>>(&rows)?.into_iter();
        Ok(found.map(|row| Person::from(row.person)).map(|person| (person.id, person)).collect())
    }

    pub(super) async fn person_by_username(&self, username: &str) -> Result<Option<Person>> {
        let rows = self.session.read(BY_USERNAME.bind("username", username)).await?;
        Ok(read::<Found<PersonRow>>(&rows)?.pop().map(|row| row.person.into()))
    }

    pub(super) async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        #[derive(Deserialize)]
        struct PairRow {
            one: PersonRow,
            other: PersonRow,
            bonds: Bonds,
        }
        let pair = PAIR.bind("one", text(one)).bind("other", text(other));
        let rows = self.session.read(pair).await?;
        let row = read::<PairRow>(&rows)?.pop();
        Ok(row.map(|row| row.bonds.pair(row.one.into(), row.other.into())))
    }
}
