//! The demo town: people who know each other and have talked, for trying
//! things out.
//!
//! Filling it may be cut off at any point and be repeated: ids and message keys are
//! always the same, and the accounts, by which a filled store is known, come
//! last.

mod talk;
mod town;

use std::sync::Arc;

use chatterbox_graph::{Ask, GroupProfile, GroupRole, NewPerson, Person, Timestamp};
use futures::future::try_join_all;
use uuid::Uuid;

use crate::{
    accounts::{
        AccountStore, EmailAddress, Login, NewAccount, Password, PasswordHash, PasswordHasher,
    },
    ambient::Ambient,
    app::Stores,
    error::{Error, Result},
    ids::{GroupId, JobId, MessageId, UserId},
    jobs::{Job, JobStore, Task},
    messaging::{ConversationStore, Draft, MessageBody, MessageKey, MessageStore, Place},
    people::{GroupAction, GroupChange, MAX_FRIENDS, Username, groups},
};

/// The password of everyone in town.
pub const PASSWORD: &str = "chatterbox";

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

/// Whom one can sign in as.
pub fn usernames() -> impl Iterator<Item = &'static str> {
    town::PEOPLE.iter().map(|(username, _)| *username)
}

/// Fills empty stores with the town; leaves others as they are.
///
/// # Errors
///
/// The failure of a store.
pub async fn fill(stores: &Stores, hasher: &PasswordHasher, ambient: &Ambient) -> Result<()> {
    let (first, _) = town::PEOPLE[0];
    let login = Login::Username(Username::parse(first)?);
    let townspeople: Vec<UserId> = (0..town::PEOPLE.len()).map(user_id).collect();
    let filled = stores.sql.account_by_login(&login).await?.is_some();
    if filled || !stores.sql.has_only(&townspeople).await? {
        return Ok(());
    }
    let now = ambient.now();
    let passwords = hash_passwords(hasher);
    let people = people(stores, Timestamp(now.0 - 60 * DAY));
    let (passwords, people) = futures::try_join!(passwords, people)?;
    friendships(stores, &people, now).await?;
    conversations(stores, &people, ambient, now).await?;
    clubs(stores, &people, ambient, now).await?;
    accounts(stores, &people, passwords, now).await
}

/// UUIDv7 of the same moment for all; `kind` keeps people and messages apart.
fn id(kind: u8, number: usize) -> Uuid {
    let number = u64::try_from(number).unwrap_or_default().to_be_bytes();
    let mut random = [kind; 10];
    random[2..].copy_from_slice(&number);
    uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000, &random).into_uuid()
}

fn user_id(number: usize) -> UserId {
    UserId::from_uuid(id(1, number))
}

async fn hash_passwords(hasher: &PasswordHasher) -> Result<Vec<PasswordHash>> {
    try_join_all(
        town::PEOPLE
            .iter()
            .map(|_| async { hasher.hash(Password::parse("password", PASSWORD)?).await }),
    )
    .await
}

async fn people(stores: &Stores, at: Timestamp) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(town::PEOPLE.len());
    for (number, (username, display_name)) in town::PEOPLE.iter().enumerate() {
        let person = NewPerson {
            id: user_id(number),
            username: (*username).to_owned(),
            display_name: (*display_name).to_owned(),
            created_at: at,
        };
        stores.graph.add_person(&person).await?;
        people.push(Person {
            id: person.id,
            username: person.username,
            display_name: person.display_name,
            bio: None,
            avatar_url: None,
            created_at: at,
        });
    }
    Ok(people)
}

async fn friendships(stores: &Stores, people: &[Person], now: Timestamp) -> Result<()> {
    let friends = town::friendships();
    for (number, (one, other)) in friends.iter().enumerate() {
        let days = i64::try_from(friends.len() - number).unwrap_or_default();
        let at = Timestamp(now.0 - days * DAY);
        let (one, other) = (people[*one].id, people[*other].id);
        if stores.graph.ask(one, other, None, at, MAX_FRIENDS).await? == Ask::Sent {
            stores.graph.accept(other, one, at, MAX_FRIENDS).await?;
        }
    }
    for (from, to, note) in town::requests() {
        let (from, to) = (people[from].id, people[to].id);
        stores.graph.ask(from, to, Some(note), now, MAX_FRIENDS).await?;
    }
    Ok(())
}

/// Spread over the last days, in the order in which they are in the log.
async fn conversations(
    stores: &Stores,
    people: &[Person],
    ambient: &Ambient,
    now: Timestamp,
) -> Result<()> {
    let talks = town::talks();
    let count = i64::try_from(talks.len()).unwrap_or(1);
    let mut at = now.0 - count * DAY / 8;
    for (number, (one, other)) in talks.into_iter().enumerate() {
        let pair: Arc<[Person]> = Arc::new([people[one].clone(), people[other].clone()]);
        let opened = stores.sql.open_direct(ambient, pair[0].id, &[pair[1].id]).await?;
        let conversation =
            opened.get(&pair[1].id).ok_or_else(|| Error::internal("no conversation"))?.id;
        for (turn, line) in talk::lines(number).enumerate() {
            let index = number * 100 + turn;
            let draft = Draft {
                id: MessageId::from_uuid(id(2, index)),
                conversation,
                sender: pair[turn % 2].id,
                body: MessageBody::parse(line.to_owned())?,
                key: Some(MessageKey::parse(format!("demo-{index}"))?),
                replied: None,
                mentions: Vec::new(),
                people: pair.clone(),
                place: Place::Direct,
                known_at: None,
            };
            let turns = i64::try_from(turn).unwrap_or_default();
            stores.sql.write(Timestamp(at + turns * MINUTE), &[draft]).await?;
        }
        at += DAY / 8;
    }
    Ok(())
}

async fn clubs(
    stores: &Stores,
    people: &[Person],
    ambient: &Ambient,
    now: Timestamp,
) -> Result<()> {
    for (number, club) in town::CLUBS.iter().enumerate() {
        let group = GroupId::from_uuid(id(3, number));
        // After all the talks of two, in the order of the log.
        let left = i64::try_from(town::CLUBS.len() - number).unwrap_or(1);
        let began = now.0 - left * 40 * MINUTE;
        found(stores, club, number, group, Timestamp(began - MINUTE), ambient).await?;
        for (turn, (who, line)) in club.talk.iter().enumerate() {
            let index = 10_000 + number * 100 + turn;
            let draft = Draft {
                id: MessageId::from_uuid(id(2, index)),
                conversation: group.into(),
                sender: people[*who].id,
                body: MessageBody::parse((*line).to_owned())?,
                key: Some(MessageKey::parse(format!("demo-{index}"))?),
                replied: None,
                mentions: Vec::new(),
                people: Arc::new([people[*who].clone()]),
                place: Place::Group(None),
                known_at: None,
            };
            let turns = i64::try_from(turn).unwrap_or_default();
            stores.sql.write(Timestamp(began + turns * MINUTE), &[draft]).await?;
        }
    }
    Ok(())
}

/// Makes a club by a job with an id that is always the same, so that one
/// which was cut off is finished.
async fn found(
    stores: &Stores,
    club: &town::Club,
    number: usize,
    group: GroupId,
    at: Timestamp,
    ambient: &Ambient,
) -> Result<()> {
    let members: Vec<UserId> = club.members.iter().map(|member| user_id(*member)).collect();
    let (owner, admin) = (members[0], members[1]);
    let profile = GroupProfile {
        name: club.name.to_owned(),
        description: Some(club.description.to_owned()),
        visibility: club.visibility,
    };
    let create = GroupAction::Create { profile, members: members[1..].to_vec() };
    let appoint = GroupAction::SetRole { user: admin, role: GroupRole::Admin };
    for (step, action) in [create, appoint].into_iter().enumerate() {
        let change = GroupChange { by: owner, group, action, at };
        let job = Job {
            id: JobId::from_uuid(id(4, number * 10 + step)),
            ..Job::new(ambient, Task::ChangeGroup(change.clone()))
        };
        let open = stores.sql.due(Timestamp(i64::MAX), 100).await?;
        if !open.iter().any(|known| known.id == job.id) {
            stores.sql.insert(&job).await?;
        }
        let (effects, outcome) = groups::carry_out(&*stores.graph, &change, job.id).await?;
        outcome?;
        stores.sql.complete(job.id, at, effects).await?;
    }
    Ok(())
}

async fn accounts(
    stores: &Stores,
    people: &[Person],
    passwords: Vec<PasswordHash>,
    now: Timestamp,
) -> Result<()> {
    // The first in town comes last: it is the one that is looked for.
    for (person, password) in people.iter().zip(passwords).rev() {
        let account = NewAccount {
            id: person.id,
            username: Username::parse(&person.username)?,
            email: EmailAddress::parse(&format!("{}@example.org", person.username))?,
            password,
            email_verified: true,
            lapses_at: None,
            at: now,
        };
        stores.sql.register(&account, None, &[]).await?;
    }
    Ok(())
}
