//! A change of a group that was cut off, at whatever step, is finished once.

use chatterbox::{
    ambient::Ambient,
    app::Stores,
    ids::{GroupId, UserId},
    jobs::{Job, JobStore, Task},
    people::{GroupAction, GroupChange, GroupName, GroupUpdate, groups},
};
use chatterbox_graph::{GroupProfile, GroupRole, GroupVisibility};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    away::stores_stay,
    support::{Client, app::config, eventually},
    town::Town,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_cut_off_is_finished_once_embedded() {
    a_change_that_was_cut_off_is_finished_once(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_cut_off_is_finished_once_servers() {
    let _stay = stores_stay().await;
    a_change_that_was_cut_off_is_finished_once(Town::servers().await).await;
}

/// How far a change got before the power went.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It was written down.
    WrittenDown,
    /// The graph has it, and SQL does not.
    InTheGraph,
    /// All was done, and nobody was told.
    Done,
}

const STEPS: [Step; 3] = [Step::WrittenDown, Step::InTheGraph, Step::Done];

/// Those who are in the groups, or come into them.
struct Cast {
    ada: Client,
    grace: Client,
    alan: Client,
    emmy: Client,
}

impl Cast {
    async fn new(town: &Town) -> Self {
        let [ada, grace, alan, emmy] =
            ["ada", "grace", "alan", "emmy"].map(|name| town.person(name));
        let (ada, grace, alan, emmy) = tokio::join!(ada, grace, alan, emmy);
        Self { ada, grace, alan, emmy }
    }

    fn all(&self) -> [&Client; 4] {
        [&self.ada, &self.grace, &self.alan, &self.emmy]
    }
}

fn user(client: &Client) -> UserId {
    client.id.parse().unwrap()
}

/// One change of a group of ada, grace and alan, and what is to come of it.
struct Case {
    by: UserId,
    action: GroupAction,
    /// Who is what then; nothing where the group is gone.
    members: Vec<(String, String)>,
    /// What those are told who hear of all of it.
    told: Vec<String>,
}

fn cases(cast: &Cast) -> Vec<Case> {
    let Cast { ada, grace, alan, emmy } = cast;
    let of = |members: &[(&Client, &str)]| {
        let one = |(who, role): &(&Client, &str)| (who.username.clone(), (*role).to_owned());
        let mut members: Vec<_> = members.iter().map(one).collect();
        members.sort();
        members
    };
    let case = |by: &Client, action, members: &[(&Client, &str)], told: &[String]| Case {
        by: user(by),
        action,
        members: of(members),
        told: told.to_vec(),
    };
    let is = |who: &Client, role: &str| format!("{} {role}", who.username);
    let three = [(ada, "OWNER"), (grace, "MEMBER"), (alan, "MEMBER")];
    let four = [three[0], three[1], three[2], (emmy, "MEMBER")];
    let (without_grace, appointed) = ([three[0], three[2]], [three[0], (grace, "ADMIN"), three[2]]);
    let profile = GroupProfile {
        name: "Made".to_owned(),
        description: None,
        visibility: GroupVisibility::Public,
    };
    let renamed =
        GroupUpdate { name: Some(GroupName::parse("Runs").unwrap()), ..GroupUpdate::default() };
    let (grace_id, emmy_id) = (user(grace), user(emmy));
    let create = GroupAction::Create { profile, members: vec![grace_id, user(alan)] };
    let admin = GroupAction::SetRole { user: grace_id, role: GroupRole::Admin };
    vec![
        case(ada, create, &three, &[is(ada, "OWNER"), is(grace, "MEMBER"), is(alan, "MEMBER")]),
        case(ada, GroupAction::Add { users: vec![emmy_id] }, &four, &[is(emmy, "MEMBER")]),
        case(ada, GroupAction::Remove { user: grace_id }, &without_grace, &[is(grace, "gone")]),
        case(ada, admin, &appointed, &[is(grace, "ADMIN")]),
        case(ada, GroupAction::Update(renamed), &three, &["Runs".to_owned()]),
        case(emmy, GroupAction::Join, &four, &[is(emmy, "MEMBER")]),
        case(grace, GroupAction::Leave, &without_grace, &[is(grace, "gone")]),
    ]
}

async fn a_change_that_was_cut_off_is_finished_once(mut town: Town) {
    let cast = Cast::new(&town).await;
    let ambient = Ambient::system();
    let mut cut = Vec::new();
    for step in STEPS {
        for case in cases(&cast) {
            let group = match &case.action {
                GroupAction::Create { .. } => ambient.id(),
                _ => group_of_three(&cast).await,
            };
            cut.push((step, group, case));
        }
    }
    let deleted = join_all(STEPS.map(async |step| (step, group_of_three(&cast).await))).await;
    let cursors = join_all(cast.all().map(|who| cursor(&cast, who))).await;
    town.service.kill();

    let stores = Stores::open(&config(&town.data, &town.stores, &[])).unwrap();
    for (step, group, case) in &cut {
        cut_off(&stores, &ambient, *step, *group, case.by, case.action.clone()).await;
    }
    for (step, group) in &deleted {
        let by = user(&cast.ada);
        let seen = stores.graph.groups(&[(by, *group)]).await.unwrap().pop().unwrap();
        let action = GroupAction::Delete { group: seen.unwrap().group };
        cut_off(&stores, &ambient, *step, *group, by, action).await;
    }
    town.service.restart().await;
    eventually("the jobs to be done", || async {
        (stores.sql.pending().await.unwrap() == 0).then_some(())
    })
    .await;

    let mut heard = Vec::new();
    for (who, cursor) in cast.all().into_iter().zip(&cursors) {
        heard.push((who, hears(&cast, who, cursor).await));
    }
    for (step, group, case) in &cut {
        let what = format!("{:?} cut off when {step:?}", case.action);
        assert_eq!(cast.ada.members(&group.to_string()).await, case.members, "{what}");
        for (who, events) in &heard {
            check(case, who, &of_group(events, *group), &what);
        }
    }
    for (step, group) in &deleted {
        for (who, events) in &heard {
            assert_eq!(who.group(&group.to_string()).await, Value::Null, "{step:?}");
            let mut told = of_group(events, *group);
            // Of the others it may be told or not.
            let own = format!("{} gone", who.username);
            assert!(told.iter().all(|one| one.ends_with(" gone")), "{step:?}: {told:?}");
            assert_eq!(told.pop(), (who.id != cast.emmy.id).then_some(own), "{step:?}");
        }
    }
    stores.sql.close().await;
    town.end().await;
}

async fn group_of_three(cast: &Cast) -> GroupId {
    let group = cast.ada.found("Walks", "PUBLIC", &[&cast.grace, &cast.alan]).await;
    group.parse().unwrap()
}

/// Where somebody's feed stands, behind all that came before.
async fn cursor(cast: &Cast, who: &Client) -> String {
    let mut feed = who.feed().await;
    let other = if who.id == cast.ada.id { &cast.grace } else { &cast.ada };
    other.send(who, "before the crash").await;
    loop {
        let event = feed.next().await;
        if event["message"]["body"] == "before the crash" {
            return event["cursor"].as_str().unwrap().to_owned();
        }
    }
}

/// What somebody missed.
async fn hears(cast: &Cast, who: &Client, cursor: &str) -> Vec<Value> {
    let mut feed = who.feed_after(cursor).await;
    let other = if who.id == cast.ada.id { &cast.grace } else { &cast.ada };
    other.send(who, "after the crash").await;
    feed.until_message("after the crash").await
}

/// What was told of a group.
fn of_group(events: &[Value], group: GroupId) -> Vec<String> {
    let id = json!(group.to_string());
    let text = |value: &Value| value.as_str().unwrap_or("gone").to_owned();
    events
        .iter()
        .filter(|event| event["group"]["id"] == id)
        .map(|event| match event["__typename"].as_str() {
            Some("GroupChanged") => text(&event["group"]["name"]),
            _ => format!("{} {}", text(&event["user"]["username"]), text(&event["role"])),
        })
        .collect()
}

/// Fails unless somebody heard what they should, each once.
fn check(case: &Case, who: &Client, told: &[String], what: &str) {
    let is_member = case.members.iter().any(|(name, _)| *name == who.username);
    let own = case.told.iter().find(|one| one.starts_with(&who.username));
    if !is_member && own.is_none() {
        assert!(told.is_empty(), "{what}: {} heard {told:?}", who.username);
    } else if matches!(case.action, GroupAction::Create { .. }) {
        assert_eq!(told.first(), own, "{what}: {}", who.username);
        let mut each_once = told.to_vec();
        each_once.sort();
        each_once.dedup();
        assert_eq!(each_once.len(), told.len(), "{what}: {told:?}");
        assert!(told.iter().all(|one| case.told.contains(one)), "{what}: {told:?}");
    } else {
        assert_eq!(told, case.told, "{what}: {}", who.username);
    }
}

/// Does a part of the change.
async fn cut_off(
    stores: &Stores,
    ambient: &Ambient,
    step: Step,
    group: GroupId,
    by: UserId,
    action: GroupAction,
) {
    let change = GroupChange { by, group, action, at: ambient.now() };
    let job = Job::new(ambient, Task::ChangeGroup(change.clone()));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    if matches!(step, Step::WrittenDown) {
        return;
    }
    let (effects, outcome) = groups::carry_out(&*stores.graph, &change, job.id).await.unwrap();
    outcome.unwrap();
    if matches!(step, Step::Done) {
        stores.sql.complete(job.id, ambient.now(), effects).await.unwrap();
    }
}
