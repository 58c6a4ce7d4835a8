//! A crash between the two stores heals itself.

use std::time::Instant;

use chatterbox::{
    accounts::{AccountStore, EmailAddress, NewAccount, Password, PasswordHasher},
    ambient::Ambient,
    app::Stores,
    ids::UserId,
    jobs::{Job, JobStore, Task, Turn},
    people::{FriendshipAction, FriendshipChange, MAX_FRIENDS, Username},
};
use chatterbox_graph::NewPerson;
use serde_json::{Value, json};

use crate::{
    away::stores_stay,
    support::{Client, app::config, eventually, stores::unique},
    town::Town,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_open_is_finished_embedded() {
    what_a_crash_left_open_is_finished(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_open_is_finished_servers() {
    let _stay = stores_stay().await;
    what_a_crash_left_open_is_finished(Town::servers().await).await;
}

async fn what_a_crash_left_open_is_finished(mut town: Town) {
    let carried_out = Pair::new(&town, "carried").await;
    let not_begun = Pair::new(&town, "idle").await;
    let crossing = Pair::new(&town, "crossing").await;
    town.service.kill();

    // As far as each got before the power went.
    let ambient = Ambient::system();
    let stores = Stores::open(&config(&town.data, &town.stores, &[])).unwrap();
    let newcomer = registered_but_not_in_the_graph(&stores, &ambient).await;
    let Pair { one, other, .. } = &carried_out;
    asked_but_not_told(&stores, &ambient, one, other).await;
    asked_but_not_begun(&stores, &ambient, &not_begun.one, &not_begun.other).await;
    let Pair { one, other, .. } = &crossing;
    asked_but_not_told(&stores, &ambient, one, other).await;
    asked_but_not_begun(&stores, &ambient, other, one).await;
    assert_eq!(stores.sql.pending().await.unwrap(), 5);

    let begun = Instant::now();
    town.service.restart().await;
    let nobody = Client::new(town.service.address, None);
    let sign_in =
        "mutation ($login: String!) { signIn(input: { login: $login, password: \"password\" }) {
        accessToken refreshToken viewer { user { id username } } } }";
    eventually("the newcomer to be in the graph", || async {
        let response = nobody.response(sign_in, json!({ "login": newcomer })).await;
        response["errors"].is_null().then_some(())
    })
    .await;
    eventually("the jobs to be done", || async {
        (stores.sql.pending().await.unwrap() == 0).then_some(())
    })
    .await;
    eprintln!("all made good {:?} after the start", begun.elapsed());
    carried_out.hears("REQUEST_SENT", "REQUEST_RECEIVED").await;
    not_begun.hears("REQUEST_SENT", "REQUEST_RECEIVED").await;
    crossing.hears("FRIENDS", "FRIENDS").await;
    stores.sql.close().await;
    town.end().await;
}

/// Two people who follow their events, and where they stood before the crash.
struct Pair {
    one: Client,
    other: Client,
    cursors: [String; 2],
}

impl Pair {
    async fn new(town: &Town, name: &str) -> Self {
        let one = town.person(&format!("{name}1")).await;
        let other = town.person(&format!("{name}2")).await;
        let (mut here, mut there) = (one.feed().await, other.feed().await);
        one.send(&other, "hello").await;
        let cursor = |event: Value| event["cursor"].as_str().unwrap().to_owned();
        let cursors = [cursor(here.next().await), cursor(there.next().await)];
        Self { one, other, cursors }
    }

    /// Fails unless both are told, perhaps in several steps, what stands
    /// between them now.
    async fn hears(&self, one_sees: &str, other_sees: &str) {
        let sides = [(&self.one, &self.other, one_sees), (&self.other, &self.one, other_sees)];
        for ((who, whom, sees), cursor) in sides.into_iter().zip(&self.cursors) {
            assert_eq!(who.friendship(whom).await, sees, "{}", who.username);
            let mut feed = who.feed_after(cursor).await;
            while feed.friendship().await != (whom.username.clone(), sees.to_owned()) {}
        }
    }
}

async fn registered_but_not_in_the_graph(stores: &Stores, ambient: &Ambient) -> String {
    let username = format!("new_{}", unique());
    let hasher = PasswordHasher::start(ambient.clone()).unwrap();
    let account = NewAccount {
        id: ambient.id(),
        username: Username::parse(&username).unwrap(),
        email: EmailAddress::parse(&format!("{username}@example.org")).unwrap(),
        password: hasher.hash(Password::parse("password", "password").unwrap()).await.unwrap(),
        email_verified: true,
        lapses_at: None,
        at: ambient.now(),
    };
    let person = NewPerson {
        id: account.id,
        username: username.clone(),
        display_name: "Newcomer".to_owned(),
        created_at: account.at,
    };
    let job = Job::new(ambient, Task::AddPerson(person));
    stores.sql.register(&account, None, &[job]).await.unwrap();
    username
}

fn change(ambient: &Ambient, by: &Client, other: &Client) -> FriendshipChange {
    let id = |client: &Client| client.id.parse::<UserId>().unwrap();
    let action = FriendshipAction::Ask { note: None };
    FriendshipChange { by: id(by), other: id(other), action, at: ambient.now() }
}

/// Who dies gives no turn back.
async fn has_the_turn(stores: &Stores, ambient: &Ambient, job: &Job) {
    let turn = Turn::of(job, ambient);
    stores.sql.take_turn(&turn, ambient.now()).await.unwrap();
}

async fn asked_but_not_begun(stores: &Stores, ambient: &Ambient, by: &Client, other: &Client) {
    let job = Job::new(ambient, Task::ChangeFriendship(change(ambient, by, other)));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    has_the_turn(stores, ambient, &job).await;
}

async fn asked_but_not_told(stores: &Stores, ambient: &Ambient, by: &Client, other: &Client) {
    let change = change(ambient, by, other);
    let job = Job::new(ambient, Task::ChangeFriendship(change.clone()));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    has_the_turn(stores, ambient, &job).await;
    stores.graph.ask(change.by, change.other, None, change.at, MAX_FRIENDS).await.unwrap();
}
