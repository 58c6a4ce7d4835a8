//! People, and what stands between two of them.

use std::collections::{BTreeMap, HashMap};

use neo4rs::{BoltNull, BoltType};
use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{
        BondRows, Bound, PersonRow, SettingsRow, Statement, ids, list, map, statements, text,
    },
};
use crate::{
    Circle, NewPerson, Pair, Person, ProfileChange, Result, Tie, UserId, bonds::Bonds, fold::fold,
};

statements! {
    ADD = "people/add";
    LOAD = "people/load";
    REMOVE = "people/remove";
    GET = "people/get";
    BY_USERNAME = "people/by_username";
    CIRCLES = "people/circles";
    PAIR = "people/pair";
    CHANGE = "people/change";
}

impl Neo4jGraph {
    pub(super) async fn add_person(&self, person: &NewPerson) -> Result<()> {
        self.session.write(ADD.bind("person", node(person))).await
    }

    pub(super) async fn load(&self, people: &[NewPerson], ties: &[Tie]) -> Result<()> {
        self.patient.write(load(people, ties)).await
    }

    pub(super) async fn remove_person(&self, id: UserId) -> Result<bool> {
        Ok(self.session.write_answer(REMOVE.bind("id", text(id))).await?.unwrap_or(false))
    }

    pub(super) async fn people(&self, ids: &[UserId]) -> Result<HashMap<UserId, Person>> {
        let people = self.shared.people.ask(&self.session, ids, get).await?.into_iter().flatten();
        Ok(people.map(|person| (person.id, person)).collect())
    }

    pub(super) async fn people_by_username(
        &self,
        usernames: &[String],
    ) -> Result<HashMap<String, Person>> {
        let people =
            self.shared.people_by_username.ask(&self.session, usernames, by_username).await?;
        let people = people.into_iter().flatten();
        Ok(people.map(|person| (person.username.clone(), person)).collect())
    }

    pub(super) async fn circles(&self, people: &[UserId]) -> Result<HashMap<UserId, Circle>> {
        #[derive(Deserialize)]
        struct CircleRow(PersonRow, SettingsRow, Vec<UserId>);
        if people.is_empty() {
            return Ok(HashMap::new());
        }
        let circles = CIRCLES.bind("ids", ids(people.iter().copied()));
        let rows = self.session.answers::<CircleRow>(circles).await?.into_iter();
        let circle = |CircleRow(person, settings, mut friends)| {
            friends.sort_unstable();
            Circle { person: person.into(), settings: settings.into(), friends }
        };
        Ok(rows.map(circle).map(|circle| (circle.person.id, circle)).collect())
    }

    pub(super) async fn pair(&self, one: UserId, other: UserId) -> Result<Option<Pair>> {
        #[derive(Deserialize)]
        struct PairRow(PersonRow, SettingsRow, PersonRow, SettingsRow, BondRows, bool);
        let pair = PAIR.bind("one", text(one)).bind("other", text(other));
        Ok(self.session.answer(pair).await?.map(|row| {
            let PairRow(one, one_settings, other, other_settings, bonds, share_friends) = row;
            let one = (one.into(), one_settings.into());
            let other = (other.into(), other_settings.into());
            Bonds::from(bonds).pair(one, other, share_friends)
        }))
    }

    pub(super) async fn change_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<Person>> {
        let change = CHANGE.bind("id", text(id)).bind("change", changed(change));
        Ok(self.session.write_answer::<PersonRow>(change).await?.map(Person::from))
    }
}

/// The people with these ids, in their order.
pub(super) async fn get(session: Session, ids: Vec<UserId>) -> Result<Vec<Option<Person>>> {
    found(session, GET.asked(ids.into_iter().map(|id| [("id", text(id).into())]))).await
}

async fn by_username(session: Session, usernames: Vec<String>) -> Result<Vec<Option<Person>>> {
    let asked = usernames.into_iter().map(|username| [("username", username.into())]);
    found(session, BY_USERNAME.asked(asked)).await
}

async fn found(session: Session, people: Bound) -> Result<Vec<Option<Person>>> {
    let people = session.answer_each::<PersonRow>(people).await?.into_iter();
    Ok(people.map(|person| person.map(Person::from)).collect())
}

/// The properties of a new person's node.
fn node(person: &NewPerson) -> BoltType {
    map([
        ("id", text(person.id).into()),
        ("username", person.username.as_str().into()),
        ("displayName", person.display_name.as_str().into()),
        ("foldedName", fold(&person.display_name).into()),
        ("createdAt", person.created_at.0.into()),
    ])
}

/// Everything in the order of the ids, so that loads seldom wait for each other crosswise.
fn load(people: &[NewPerson], ties: &[Tie]) -> Bound {
    let people: BTreeMap<_, _> = people.iter().map(|person| (person.id, person)).collect();
    let apart = ties.iter().filter(|tie| tie.one != tie.other);
    let ties: BTreeMap<_, _> =
        apart.map(|tie| ((tie.one.min(tie.other), tie.one.max(tie.other)), tie.since)).collect();
    let questions = (people.len() + ties.len()) as u64;
    let ties = ties.into_iter().map(|((lower, higher), since)| {
        list([BoltType::from(text(lower)), text(higher).into(), since.0.into()])
    });
    let load = LOAD.bind("people", list(people.into_values().map(node))).bind("ties", list(ties));
    Bound { questions, ..load }
}

/// The properties that change; what is null is taken away.
fn changed(change: &ProfileChange) -> BoltType {
    let ProfileChange { display_name, bio, avatar_url } = change;
    let name = display_name.iter().flat_map(|name| {
        [("displayName", name.as_str().into()), ("foldedName", fold(name).into())]
    });
    let optional = |text: &Option<String>| match text {
        Some(text) => text.as_str().into(),
        None => BoltType::Null(BoltNull),
    };
    let bio = bio.iter().map(|bio| ("bio", optional(bio)));
    let avatar_url = avatar_url.iter().map(|url| ("avatarUrl", optional(url)));
    map(name.chain(bio).chain(avatar_url))
}
