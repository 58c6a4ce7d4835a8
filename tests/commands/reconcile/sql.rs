//! SQL is the older copy: the graph has what came after it.

use chatterbox::{ambient::Ambient, ids::UserId, reconcile::Older};
use chatterbox_graph::{
    Graph, GroupEdit, GroupMark, GroupProfile, GroupRole, GroupVisibility, NewPerson, Tie,
    Timestamp,
};
use uuid::Uuid;

use super::{Copies, usernames};
use crate::{
    stories,
    support::{Client, TestApp, accounts::PASSWORD, stores::unique},
};

stories! {
    groups_are_followed_as_they_are_now,
    who_came_or_went_since_is_gone,
}

fn id(client: &Client) -> UserId {
    client.id.parse().unwrap()
}

/// Changes a group as a service did of which SQL knows nothing any more.
async fn edit(
    graph: &dyn Graph,
    group: &str,
    name: Option<&str>,
    set: &[(UserId, GroupRole)],
    remove: &[UserId],
) {
    let group = group.parse().unwrap();
    let state = graph.group_state(group, &[], Uuid::nil()).await.unwrap();
    let profile = name.map(|name| GroupProfile {
        name: name.to_owned(),
        description: None,
        visibility: GroupVisibility::Private,
    });
    let edit = GroupEdit {
        group,
        token: Uuid::from_u128(set.len() as u128 + 1),
        version: state.map_or(0, |state| state.version),
        profile,
        set: set.to_vec(),
        remove: remove.to_vec(),
        at: Timestamp(7),
    };
    assert!(graph.edit_group(&edit).await.unwrap());
}

async fn groups_are_followed_as_they_are_now(app: &TestApp) {
    let (ada, bob) = tokio::join!(app.person("ada"), app.person("bob"));
    let (cid, dan) = tokio::join!(app.person("cid"), app.person("dan"));
    let walks = ada.found("Walks", "PRIVATE", &[&bob, &dan]).await;
    let chess = ada.found("Chess", "PRIVATE", &[&bob]).await;
    bob.tell(&chess, "mate").await;
    // Here the copy was taken.
    let runs = Ambient::system().id::<GroupMark>().to_string();
    let copies = Copies::of(app, &[&ada, &bob, &cid, &dan], &[&walks, &chess, &runs]);
    let graph = &*copies.stores.graph;
    let set = [(id(&bob), GroupRole::Owner), (id(&ada), GroupRole::Member)];
    edit(graph, &runs, Some("Runs"), &set, &[]).await;
    let set = [(id(&bob), GroupRole::Admin), (id(&cid), GroupRole::Member)];
    edit(graph, &walks, Some("Long walks"), &set, &[id(&dan)]).await;
    assert!(graph.delete_group(chess.parse().unwrap(), 1).await.unwrap());
    assert_eq!(cid.try_tell(&walks, "too early").await.unwrap_err().code, "NOT_FOUND");

    copies.mend(Older::Sql, 3).await;
    cid.tell(&walks, "here").await;
    assert_eq!(bob.reads(&walks).await, ["here"]);
    assert!(dan.try_tell(&walks, "gone").await.is_err());
    assert_eq!(dan.reads(&walks).await, Vec::<String>::new());
    ada.tell(&runs, "on the run").await;
    assert_eq!(bob.reads(&runs).await, ["on the run"]);
    assert!(bob.try_tell(&chess, "again").await.is_err());
    bob.add_members(&walks, &[&dan]).await.unwrap();
    dan.tell(&walks, "here again").await;
    copies.close().await;
}

async fn who_came_or_went_since_is_gone(app: &TestApp) {
    let (ada, zoe) = app.friends("ada", "zoe").await;
    let walks = ada.found("Walks", "PRIVATE", &[&zoe]).await;
    zoe.tell(&walks, "hello").await;
    // Here the copy was taken.
    let mut copies = Copies::of(app, &[&ada, &zoe], &[&walks]);
    let username = format!("eve_{}", unique());
    let eve: UserId = Ambient::system().id();
    copies.people.push(eve);
    let graph = copies.stores.graph.clone();
    let person = NewPerson {
        id: eve,
        username: username.clone(),
        display_name: "Eve".to_owned(),
        created_at: Timestamp(7),
    };
    graph.add_person(&person).await.unwrap();
    let tie = Tie { one: id(&ada), other: eve, since: Timestamp(7) };
    graph.load(&[], &[tie]).await.unwrap();
    // She has been given the group, and owns it alone.
    let set = [(eve, GroupRole::Owner), (id(&ada), GroupRole::Member)];
    edit(&*graph, &walks, None, &set, &[id(&zoe)]).await;
    graph.remove_person(id(&zoe)).await.unwrap();
    assert_eq!(usernames(&ada, "friends").await, std::slice::from_ref(&username));

    // Zoe's account is closed, Eve's node is taken out, of the group as well.
    copies.mend(Older::Sql, 3).await;
    assert_eq!(usernames(&ada, "friends").await, Vec::<String>::new());
    assert_eq!(ada.members(&walks).await, [(ada.username.clone(), "OWNER".to_owned())]);
    ada.tell(&walks, "alone").await;
    assert_eq!(ada.reads(&walks).await, ["hello", "alone"]);
    let refused = app.sign_in(&zoe.username, PASSWORD).await;
    assert_eq!(refused.err().unwrap().code, "INVALID_CREDENTIALS");
    // The name that was lost can be had again, the other one never.
    let email = format!("{username}@example.org");
    app.try_register(&username, &email, "Eve").await.unwrap();
    let again = app.try_register(&zoe.username, "zoe@example.org", "Zoe").await;
    assert_eq!(again.unwrap_err().code, "CONFLICT");
    copies.close().await;
}
