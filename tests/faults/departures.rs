//! Somebody who leaves for good is gone from everywhere, also where the
//! service died on the way.

use chatterbox::{
    accounts::AccountStore,
    ambient::Ambient,
    app::Stores,
    ids::UserId,
    jobs::{Job, JobStore, Task},
    people::{Departure, departure},
};
use serde_json::{Value, json};

use crate::{
    away::stores_stay,
    support::{Client, app::config, eventually},
    town::{Subscriber, Town},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_closing_their_account_is_gone_embedded() {
    who_was_closing_their_account_is_gone(Town::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_closing_their_account_is_gone_servers() {
    let _stay = stores_stay().await;
    who_was_closing_their_account_is_gone(Town::servers().await).await;
}

async fn who_was_closing_their_account_is_gone(mut town: Town) {
    let (grace, alan) = (town.person("grace").await, town.person("alan").await);
    let heard = Subscriber::start(&grace).await;
    let mut leaving = Vec::new();
    for name in ["closed", "halfway"] {
        let person = town.person(name).await;
        person.befriend(&grace).await;
        let group = person.found(name, "PRIVATE", &[&grace, &alan]).await;
        person.set_role(&group, &alan, "ADMIN").await.unwrap();
        person.tell(&group, "Hello, all").await;
        leaving.push((person, group));
    }
    eventually("all to be heard", || async { (heard.bodies().len() == 2).then_some(()) }).await;
    let before = heard.events().len();
    town.service.kill();

    let ambient = Ambient::system();
    let stores = Stores::open(&config(&town.data, &town.stores, &[])).unwrap();
    for (person, _) in &leaving {
        let job = close(&stores, &ambient, person).await;
        if person.username.starts_with("halfway") {
            // The graph has forgotten them, and nobody was told.
            let Task::RemovePerson(gone) = &job.task else { unreachable!("it is a departure") };
            departure::carry_out(&*stores.graph, &stores.sql, gone, job.id).await.unwrap();
        }
    }
    town.service.restart().await;
    eventually("the jobs to be done", || async {
        (stores.sql.pending().await.unwrap() == 0).then_some(())
    })
    .await;
    stores.sql.close().await;

    for (person, group) in &leaving {
        let members = [(&alan.username, "OWNER"), (&grace.username, "MEMBER")];
        let members = members.map(|(name, role)| (name.clone(), role.to_owned()));
        assert_eq!(grace.members(group).await, members, "{}", person.username);
        let query = "query ($id: ID!, $group: ID!) { node(id: $id) { id }
            conversation(id: $group) { messages { nodes { body sender { id } } } }
            viewer { friends { totalCount } } }";
        let data = grace.data(query, json!({ "id": person.id, "group": group })).await;
        let expected = json!({
            "node": null,
            "conversation": { "messages": { "nodes": [{ "body": "Hello, all", "sender": null }] } },
            "viewer": { "friends": { "totalCount": 0 } },
        });
        assert_eq!(data, expected, "{}", person.username);
        assert_eq!(person.code("{ viewer { email } }", Value::Null).await, "UNAUTHENTICATED");
    }
    alan.send(&grace, "That is all").await;
    eventually("the end", || async { (heard.bodies().len() == 3).then_some(()) }).await;
    each_was_told_once(&heard.events()[before..], &leaving, &alan);
    town.end().await;
}

/// Closes the account as far as SQL goes.
async fn close(stores: &Stores, ambient: &Ambient, person: &Client) -> Job {
    let user: UserId = person.id.parse().unwrap();
    let (at, ties) = (ambient.now(), stores.graph.ties(user).await.unwrap());
    let job = Job::new(ambient, Task::RemovePerson(Departure { user, ties, at }));
    let account = stores.sql.account(user).await.unwrap().unwrap();
    let closed = stores.sql.close_account(user, &account.password, &job, at).await;
    closed.unwrap().unwrap();
    job
}

fn each_was_told_once(events: &[Value], leaving: &[(Client, String)], heir: &Client) {
    for (_, group) in leaving {
        let of_group = events.iter().filter(|event| event["group"]["id"] == group.as_str());
        let mut roles: Vec<Option<&str>> = of_group
            .map(|event| {
                let role = event["role"].as_str();
                assert_eq!(role.is_some(), event["user"]["username"] == heir.username.as_str());
                role
            })
            .collect();
        roles.sort();
        assert_eq!(roles, [None, Some("OWNER")], "{events:#?}");
    }
    let ended = events.iter().filter(|event| event["__typename"] == "FriendshipChanged");
    let ended: Vec<&Value> = ended.map(|event| &event["user"]).collect();
    let gone = json!({ "displayName": "Deleted account", "friendship": "NONE" });
    assert_eq!(ended, [&gone, &gone]);
}
