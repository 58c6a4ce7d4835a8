//! People, and what stands between two of them.

use std::collections::HashMap;

use super::{
    SqliteGraph, commit,
    friendships::{BONDS, bonds, bonds_columns},
    settings::{SETTINGS, settings, settings_columns, share_friends},
    statement::{
        PERSON, Statement, bytes, flag, ids, json, list, person, person_columns, statements,
    },
};
use crate::{Circle, NewPerson, Pair, Person, ProfileChange, Result, UserId, fold::fold};

statements! {
    ADD = "people/add":
        "INSERT INTO graph_people (id, username, display_name, folded_name, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
    GET = "people/get":
        concat!("SELECT ", person_columns!(), " FROM graph_people p \
         WHERE p.id IN (SELECT unhex(value) FROM json_each(?1))");
    BY_USERNAME = "people/by_username":
        concat!("SELECT ", person_columns!(), " FROM graph_people p \
         WHERE p.username IN (SELECT value FROM json_each(?1)) ORDER BY p.username, p.id DESC");
    CIRCLES = "people/circles":
        concat!("SELECT ", person_columns!(), ", ", settings_columns!("p"), ", \
           (SELECT group_concat(hex(friend), '') FROM graph_friends WHERE person = p.id) \
         FROM graph_people p WHERE p.id IN (SELECT unhex(value) FROM json_each(?1))");
    PAIR = "people/pair":
        concat!("SELECT ", person_columns!(), ", \
           o.id, o.username, o.display_name, o.bio, o.avatar_url, o.created_at, ",
           bonds_columns!("p.id", "o.id"), ", ",
           settings_columns!("p"), ", ", settings_columns!("o"), ", \
           CASE WHEN 'FRIENDS_OF_FRIENDS' \
                     IN (p.messages_from, p.presence_to, o.messages_from, o.presence_to) \
                THEN ", share_friends!("p.id", "o.id"), " ELSE 0 END \
         FROM graph_people p JOIN graph_people o ON o.id = ?2 WHERE p.id = ?1");
    CHANGE = "people/change":
        "UPDATE graph_people SET \
           display_name = coalesce(?2, display_name), \
           folded_name = coalesce(?3, folded_name), \
           bio = CASE WHEN ?4 THEN ?5 ELSE bio END, \
           avatar_url = CASE WHEN ?6 THEN ?7 ELSE avatar_url END \
         WHERE id = ?1 \
         RETURNING id, username, display_name, bio, avatar_url, created_at";
    // The twins, which lie with the others, go before what they are found by.
    END_FRIENDSHIPS = "people/end_friendships":
        "DELETE FROM graph_friends WHERE friend = ?1 \
         AND person IN (SELECT friend FROM graph_friends WHERE person = ?1)";
    END_OWN_FRIENDSHIPS = "people/end_own_friendships":
        "DELETE FROM graph_friends WHERE person = ?1";
    FORGET_CHATS = "people/forget_chats":
        "DELETE FROM graph_last_chatted WHERE other = ?1 \
         AND person IN (SELECT other FROM graph_last_chatted WHERE person = ?1)";
    FORGET_OWN_CHATS = "people/forget_own_chats":
        "DELETE FROM graph_last_chatted WHERE person = ?1";
    END_REQUESTS = "people/end_requests":
        "DELETE FROM graph_requests WHERE sender = ?1 OR receiver = ?1";
    END_BLOCKS = "people/end_blocks":
        "DELETE FROM graph_blocks WHERE blocker = ?1 OR blocked = ?1";
    LEAVE_GROUPS = "people/leave_groups":
        "DELETE FROM graph_members WHERE person = ?1";
    REMOVE = "people/remove":
        "DELETE FROM graph_people WHERE id = ?1";
}

/// All that ties a person to others, in the order in which it can go.
const TIES: [Statement; 7] = [
    END_FRIENDSHIPS,
    END_OWN_FRIENDSHIPS,
    FORGET_CHATS,
    FORGET_OWN_CHATS,
    END_REQUESTS,
    END_BLOCKS,
    LEAVE_GROUPS,
];

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

    pub(super) async fn remove_person(&self, id: UserId) -> Result<bool> {
        let mut transaction = self.begin().await?;
        for ties in TIES {
            ties.bind(bytes(id)).execute(&mut transaction).await?;
        }
        let removed = REMOVE.bind(bytes(id)).execute(&mut transaction).await?;
        commit(transaction).await?;
        Ok(removed > 0)
    }

    pub(super) async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = GET.bind(list(ids)).all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| person(row, 0).map(|person| (person.id, person))).collect()
    }

    /// Should several have the same username, whose id is lowest is meant.
    pub(super) async fn people_by_username(
        &self,
        usernames: &[String],
    ) -> Result<HashMap<String, Person>> {
        if usernames.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = BY_USERNAME.bind(json(&usernames)?).all(&mut *self.reader().await?).await?;
        let named = |person: Person| (person.username.clone(), person);
        rows.iter().map(|row| person(row, 0).map(named)).collect()
    }

    pub(super) async fn circles(&self, people: &[UserId]) -> Result<HashMap<UserId, Circle>> {
        if people.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = CIRCLES.bind(list(people)).all(&mut *self.reader().await?).await?;
        let circles = rows.iter().map(|row| {
            let (person, settings) = (person(row, 0)?, settings(row, PERSON)?);
            let mut friends = ids(row, PERSON + SETTINGS)?;
            friends.sort_unstable();
            Ok((person.id, Circle { person, settings, friends }))
        });
        circles.collect()
    }

    pub(super) async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        let pair = PAIR.bind(bytes(one)).bind(bytes(other));
        let Some(row) = pair.optional(&mut *self.reader().await?).await? else { return Ok(None) };
        let own = 2 * PERSON + BONDS;
        Ok(Some(bonds(&row, 2 * PERSON)?.pair(
            (person(&row, 0)?, settings(&row, own)?),
            (person(&row, PERSON)?, settings(&row, own + SETTINGS)?),
            flag(&row, own + 2 * SETTINGS)?,
        )))
    }

    pub(super) async fn change_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<Person>> {
        let changed = CHANGE
            .bind(bytes(id))
            .bind(change.display_name.clone())
            .bind(change.display_name.as_deref().map(fold))
            .bind(i64::from(change.bio.is_some()))
            .bind(change.bio.clone().flatten())
            .bind(i64::from(change.avatar_url.is_some()))
            .bind(change.avatar_url.clone().flatten())
            .all(&mut *self.writer().await?)
            .await?;
        changed.first().map(|row| person(row, 0)).transpose()
    }
}
