//! A crash between the two stores heals itself.

use chatterbox::{
    accounts::{AccountStore, EmailAddress, NewAccount, Password, PasswordHasher},
    ambient::Ambient,
    app::Stores,
    ids::UserId,
    jobs::{Job, JobStore, Task},
    messaging::{Change, LogStore, Position},
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
    let (ada, grace) = (town.person("ada").await, town.person("grace").await);
    town.service.kill();

    // As far as each got before the power went.
    let ambient = Ambient::system();
    let stores = Stores::open(&config(&town.data, &town.stores, &[])).unwrap();
    let newcomer = registered_but_not_in_the_graph(&stores, &ambient).await;
    asked_but_not_told(&stores, &ambient, &ada, &grace).await;
    asked_but_not_begun(&stores, &ambient, &grace, &ada).await;
    let before = stores.sql.head().await.unwrap();

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
    // The crossing requests made them friends.
    eventually("the friendship", || async {
        (ada.friendship(&grace).await == "FRIENDS").then_some(())
    })
    .await;
    eventually("the jobs to be done", || async {
        (stores.sql.pending().await.unwrap() == 0).then_some(())
    })
    .await;
    for (one, other) in [(&ada, &grace), (&grace, &ada)] {
        assert!(told(&stores, before, one, other).await, "{} was not told", one.username);
    }
    stores.sql.close().await;
    town.end().await;
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

async fn asked_but_not_begun(stores: &Stores, ambient: &Ambient, by: &Client, other: &Client) {
    let job = Job::new(ambient, Task::ChangeFriendship(change(ambient, by, other)));
    JobStore::insert(&stores.sql, &job).await.unwrap();
}

async fn asked_but_not_told(stores: &Stores, ambient: &Ambient, by: &Client, other: &Client) {
    let change = change(ambient, by, other);
    let job = Job::new(ambient, Task::ChangeFriendship(change.clone()));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    stores.graph.ask(change.by, change.other, None, change.at, MAX_FRIENDS).await.unwrap();
}

async fn told(stores: &Stores, after: Position, one: &Client, other: &Client) -> bool {
    let head = stores.sql.head().await.unwrap();
    let user: UserId = one.id.parse().unwrap();
    let log = stores.sql.read_for(user, after, head, 100).await.unwrap();
    let other: Value = json!(other.id);
    log.iter().any(|entry| match &entry.change {
        Change::FriendshipChanged { other: with, .. } => json!(with.to_string()) == other,
        _ => false,
    })
}
