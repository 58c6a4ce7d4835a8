//! People, and what stands between two of them.

use std::collections::HashMap;

use super::{
    SqliteGraph,
    statement::{PERSON, Statement, bytes, flag, list, person, person_columns, statements},
};
use crate::{NewPerson, Pair, Person, Result, UserId, bonds::Bonds, fold::fold};

statements! {
    ADD = "people/add":
        "INSERT INTO graph_people (id, username, display_name, folded_name, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
    GET = "people/get":
        concat!("SELECT ", person_columns!(), " FROM graph_people p \
         WHERE p.id IN (SELECT unhex(value) FROM json_each(?1))");
    BY_USERNAME = "people/by_username":
        concat!("SELECT ", person_columns!(), " FROM graph_people p \
         WHERE p.username = ?1 ORDER BY p.id LIMIT 1");
    PAIR = "people/pair":
        concat!("SELECT ", person_columns!(), ", \
           o.id, o.username, o.display_name, o.bio, o.avatar_url, o.created_at, \
           EXISTS (SELECT 1 FROM graph_friends WHERE person = ?1 AND friend = ?2), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?1 AND receiver = ?2), \
           EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?2 AND receiver = ?1), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = ?2), \
           EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?2 AND blocked = ?1) \
         FROM graph_people p JOIN graph_people o ON o.id = ?2 WHERE p.id = ?1");
}

impl SqliteGraph {
    pub(super) async fn add_person(&self, person: &NewPerson) -> Result<()> {
        ADD.bind(bytes(person.id))
            .bind(person.username.clone())
            .bind(person.display_name.clone())
            .bind(fold(&person.display_name))
            .bind(person.created_at.0)
            .execute(&mut *self.writer().await?)
            .await?;
        Ok(())
    }

    pub(super) async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = GET.bind(list(ids)).all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| person(row, 0).map(|person| (person.id, person))).collect()
    }

    pub(super) async fn person_by_username(&self, username: &str) -> Result<Option<Person>> {
        let by_username = BY_USERNAME.bind(username.to_owned());
        let row = by_username.optional(&mut *self.reader().await?).await?;
        row.map(|row| person(&row, 0)).transpose()
    }

    pub(super) async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        let pair = PAIR.bind(bytes(one)).bind(bytes(other));
        let Some(row) = pair.optional(&mut *self.reader().await?).await? else { return Ok(None) };
        let bonds = Bonds {
            friends: flag(&row, 2 * PERSON)?,
            sent: flag(&row, 2 * PERSON + 1)?,
            received: flag(&row, 2 * PERSON + 2)?,
            blocks: flag(&row, 2 * PERSON + 3)?,
            blocked_by: flag(&row, 2 * PERSON + 4)?,
        };
        Ok(Some(bonds.pair(person(&row, 0)?, person(&row, PERSON)?)))
    }
}
