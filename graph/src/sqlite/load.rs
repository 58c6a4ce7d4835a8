//! Many people and friendships at once.

use super::{
    SqliteGraph, commit,
    statement::{Statement, hex, json, statements},
};
use crate::{NewPerson, Result, Tie, fold::fold};

statements! {
    PEOPLE = "load/people":
        "INSERT INTO graph_people (id, username, display_name, folded_name, created_at) \
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4 \
         FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING";
    FRIENDS = "load/friends":
        "INSERT INTO graph_friends (person, friend, username, since) \
         SELECT p.id, f.id, f.username, tie.value ->> 2 FROM json_each(?1) tie \
         CROSS JOIN graph_people p ON p.id = unhex(tie.value ->> 0) \
         CROSS JOIN graph_people f ON f.id = unhex(tie.value ->> 1) \
         WHERE true ON CONFLICT (person, friend) DO NOTHING";
}

impl SqliteGraph {
    pub(super) async fn load(&self, people: &[NewPerson], ties: &[Tie]) -> Result<()> {
        let people: Vec<_> = people
            .iter()
            .map(|person| {
                let NewPerson { id, username, display_name, created_at } = person;
                (hex(*id), username, display_name, fold(display_name), created_at)
            })
            .collect();
        let mut friends: Vec<_> = ties
            .iter()
            .filter(|tie| tie.one != tie.other)
            .flat_map(|tie| [(tie.one, tie.other, tie.since), (tie.other, tie.one, tie.since)])
            .collect();
        // In the order of the table, so that its pages are gone through once.
        friends.sort_unstable();
        let friends: Vec<_> = friends
            .iter()
            .map(|&(person, friend, since)| (hex(person), hex(friend), since))
            .collect();

        let mut transaction = self.begin().await?;
        PEOPLE.bind(json(&people)?).execute(&mut transaction).await?;
        FRIENDS.bind(json(&friends)?).execute(&mut transaction).await?;
        commit(transaction).await
    }
}
