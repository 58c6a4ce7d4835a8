//! `kill -9` of the service at random moments, while groups are made and changed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chatterbox::{app::Stores, ids::UserId, jobs::JobStore, people::DepartureStore};
use futures::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    away::stores_stay,
    chance::seed,
    support::{Client, app::config, eventually},
    town::{PAUSE, Subscriber, Town, try_data},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_group_is_whole_whatever_happens_embedded() {
    every_group_is_whole_whatever_happens(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_group_is_whole_whatever_happens_servers() {
    let _stay = stores_stay().await;
    every_group_is_whole_whatever_happens(Town::servers().await).await;
}

const OWNERS: usize = 3;
const KILLS: usize = 6;
/// How many groups each makes, however slow the stores are.
const AT_LEAST: usize = 3;
/// How long that may take after the last kill.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is taken into the groups: one becomes an admin, one is removed, one comes later.
struct Guests {
    admin: Client,
    removed: Client,
    late: Client,
}

async fn every_group_is_whole_whatever_happens(mut town: Town) {
    let seed = seed();
    let names: Vec<String> = (0..OWNERS).map(|n| format!("owner{n}")).collect();
    let owners = join_all(names.iter().map(|name| town.person(name))).await;
    let guests = Arc::new(Guests {
        admin: town.person("admin").await,
        removed: town.person("removed").await,
        late: town.person("late").await,
    });
    let Guests { admin, removed, late } = &*guests;
    let everyone: Vec<&Client> = owners.iter().chain([admin, removed, late]).collect();
    let heard = join_all(everyone.iter().map(|person| Subscriber::start(person))).await;

    let over = Arc::new(AtomicBool::new(false));
    let founding = owners
        .iter()
        .map(|owner| tokio::spawn(found_groups(owner.clone(), guests.clone(), over.clone())));
    let founding: Vec<_> = founding.collect();
    let at_start = kill_at_random(&mut town, seed).await;
    over.store(true, Ordering::Relaxed);
    let founded = tokio::time::timeout(PATIENCE, join_all(founding)).await;
    let acknowledged = founded.expect("groups that are made at last").into_iter();
    let acknowledged: Vec<Vec<String>> = acknowledged.map(Result::unwrap).collect();

    let stores = Stores::open(&config(&town.data, &town.stores, &[])).unwrap();
    eventually("the jobs to be done", || async {
        (stores.sql.pending().await.unwrap() == 0).then_some(())
    })
    .await;
    let groups = groups_of(&stores, &everyone).await;
    stores.sql.close().await;
    let told = end(&everyone, &heard).await;
    for (owner, made) in owners.iter().zip(&acknowledged) {
        for group in made {
            let expected = [(owner, "OWNER"), (admin, "ADMIN"), (late, "MEMBER")];
            assert_eq!(admin.members(group).await, by_username(expected), "{group}");
            finished_group_was_told_of(group, owner, &guests, &told);
        }
    }
    let finished: usize = acknowledged.iter().map(Vec::len).sum();
    let mut begun = 0;
    for (group, members) in &groups {
        if acknowledged.iter().flatten().any(|known| known == group) {
            continue;
        }
        // Nobody was told that it was made; then it is as it was to be.
        begun += 1;
        let owner = owners.iter().find(|owner| members.contains(&owner.username)).unwrap();
        let expected = by_username([(owner, "OWNER"), (admin, "MEMBER"), (removed, "MEMBER")]);
        assert_eq!(owner.members(group).await, expected, "{group}");
        founding_was_told_of(group, &[owner, admin, removed], &told);
    }
    let positions = town.positions().await;
    let breaks: usize = heard.iter().map(Subscriber::breaks).sum();
    eprintln!(
        "seed {seed}: {at_start} kills during the start, {finished} groups finished, {begun} made \
         without an answer, {positions} positions, {breaks} breaks"
    );
    town.end().await;
}

/// Returns how many more kills hit the service while it started.
async fn kill_at_random(town: &mut Town, seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let mut at_start = 0;
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..900))).await;
        town.service.kill();
        if random.random_bool(0.5) {
            town.service.spawn();
            tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
            town.service.kill();
            at_start += 1;
        }
        town.service.restart().await;
    }
    at_start
}

/// Makes one group after the other and takes each to its end; returns those
/// that were acknowledged.
async fn found_groups(owner: Client, guests: Arc<Guests>, over: Arc<AtomicBool>) -> Vec<String> {
    let Guests { admin, removed, late } = &*guests;
    let create = "mutation ($name: String!, $members: [ID!]!) {
        group: createGroup(input: { name: $name, memberIds: $members }) { id } }";
    let mut made = Vec::new();
    for number in 0.. {
        if over.load(Ordering::Relaxed) && made.len() >= AT_LEAST {
            break;
        }
        let name = format!("{} {number}", owner.username);
        let members = json!({ "name": name, "members": [admin.id, removed.id] });
        let Some(created) = try_data(&owner, create, members).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let group = created.unwrap()["group"]["id"].as_str().unwrap().to_owned();
        let step = async |mutation: &str| {
            let query = format!("mutation {{ {mutation} {{ id }} }}").replace("$group", &group);
            until_acknowledged(&owner, &query).await;
        };
        let (late, admin, removed) = (&late.id, &admin.id, &removed.id);
        step(&format!("addGroupMembers(groupId: \"$group\", userIds: [\"{late}\"])")).await;
        step(&format!(
            "sendMessage(input: {{ to: {{ conversationId: \"$group\" }}, body: \"{name}\", key: \"{name}\" }})"
        ))
        .await;
        step(&format!("setGroupRole(groupId: \"$group\", userId: \"{admin}\", role: ADMIN)")).await;
        step(&format!("removeGroupMember(groupId: \"$group\", userId: \"{removed}\")")).await;
        made.push(group);
    }
    made
}

/// Repeats a change until it is acknowledged; who is not there to be removed
/// was removed by a try that had no answer.
async fn until_acknowledged(owner: &Client, query: &str) {
    loop {
        match try_data(owner, query, Value::Null).await {
            Some(Ok(_)) => return,
            Some(Err(code)) => {
                assert!(
                    code == "NOT_FOUND" && query.contains("removeGroupMember"),
                    "{code}: {query}"
                );
                return;
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn by_username(members: [(&Client, &str); 3]) -> Vec<(String, String)> {
    let mut members = members.map(|(who, role)| (who.username.clone(), role.to_owned()));
    members.sort();
    members.to_vec()
}

/// The members of all groups, as SQL and the graph agree on them.
async fn groups_of(stores: &Stores, people: &[&Client]) -> HashMap<String, Vec<String>> {
    let mut groups = HashMap::<String, Vec<String>>::new();
    for person in people {
        let id: UserId = person.id.parse().unwrap();
        let mut in_sql = stores.sql.groups_of(id).await.unwrap();
        in_sql.sort();
        assert_eq!(in_sql, stores.graph.groups_of(id).await.unwrap(), "{}", person.username);
        for group in in_sql {
            groups.entry(group.to_string()).or_default().push(person.username.clone());
        }
    }
    groups
}

/// What each person was told, behind which nothing is on its way.
async fn end(people: &[&Client], heard: &[Subscriber]) -> HashMap<String, Vec<Value>> {
    let mut told = HashMap::new();
    for (place, (person, subscriber)) in people.iter().zip(heard).enumerate() {
        people[(place + 1) % people.len()].send(person, "end").await;
        eventually("the end", || async {
            subscriber.bodies().contains(&"end".to_owned()).then_some(())
        })
        .await;
        told.insert(person.username.clone(), subscriber.events());
    }
    told
}

/// What somebody was told of a group: who is what, or what was said.
fn of_group(told: &HashMap<String, Vec<Value>>, person: &Client, group: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("gone").to_owned();
    let mut of_group = Vec::new();
    for event in &told[&person.username] {
        if event["group"]["id"] == group {
            let (who, role) = (text(&event["user"]["username"]), text(&event["role"]));
            of_group.push(format!("{who} {role}"));
        } else if event["message"]["conversation"]["id"] == group {
            of_group.push("said".to_owned());
        }
    }
    of_group
}

/// Each of the founders was told of themselves first, and of nobody twice.
/// Returns what came after the founding.
fn founding_was_told_of(
    group: &str,
    founders: &[&Client; 3],
    told: &HashMap<String, Vec<Value>>,
) -> HashMap<String, Vec<String>> {
    let founding = |place: usize| {
        let role = if place == 0 { "OWNER" } else { "MEMBER" };
        format!("{} {role}", founders[place].username)
    };
    let mut after = HashMap::new();
    for (place, founder) in founders.iter().enumerate() {
        let mut of_group = of_group(told, founder, group);
        assert_eq!(of_group.first(), Some(&founding(place)), "{group}: {of_group:?}");
        for other in (0..3).map(founding) {
            assert!(of_group.iter().filter(|one| **one == other).count() <= 1, "{of_group:?}");
        }
        of_group.retain(|one| (0..3).all(|place| *one != founding(place)));
        after.insert(founder.username.clone(), of_group);
    }
    after
}

fn finished_group_was_told_of(
    group: &str,
    owner: &Client,
    guests: &Guests,
    told: &HashMap<String, Vec<Value>>,
) {
    let Guests { admin, removed, late } = guests;
    let mut after = founding_was_told_of(group, &[owner, admin, removed], told);
    after.insert(late.username.clone(), of_group(told, late, group));
    let life = [
        format!("{} MEMBER", late.username),
        "said".to_owned(),
        format!("{} ADMIN", admin.username),
        format!("{} gone", removed.username),
    ];
    for (name, heard) in after {
        assert_eq!(heard, life, "{group}, as {name} heard it");
    }
}
