//! The graph is the older copy.

use chatterbox::{ids::UserId, reconcile::Older};
use chatterbox_graph::{
    Graph, GroupEdit, GroupProfile, GroupRole, GroupVisibility, NewPerson, Tie, Timestamp,
};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::{Copies, usernames};
use crate::{
    stories,
    support::{Client, TestApp, accounts::PASSWORD},
};

stories! {
    what_people_did_since_is_done_again,
    groups_come_back_as_they_were,
    who_closed_their_account_does_not_come_back,
}

fn id(client: &Client) -> UserId {
    client.id.parse().unwrap()
}

async fn befriend(graph: &dyn Graph, one: &Client, other: &Client) {
    let tie = Tie { one: id(one), other: id(other), since: Timestamp(7) };
    graph.load(&[], &[tie]).await.unwrap();
}

async fn what_people_did_since_is_done_again(app: &TestApp) {
    let people = join_all(["ada", "bob", "cid", "dan", "fay"].map(|name| app.person(name))).await;
    let [ada, bob, cid, dan, fay] = <[Client; 5]>::try_from(people).ok().unwrap();
    ada.befriend(&bob).await;
    dan.act("blockUser", &bob).await.unwrap();
    // Here the copy was taken.
    let eve = app.person("eve").await;
    ada.befriend(&eve).await;
    bob.act("removeFriend", &ada).await.unwrap();
    cid.act("sendFriendRequest", &ada).await.unwrap();
    ada.act("blockUser", &dan).await.unwrap();
    dan.act("unblockUser", &bob).await.unwrap();
    ada.befriend(&fay).await;
    ada.act("blockUser", &fay).await.unwrap();
    let everybody = [&ada, &bob, &cid, &dan, &eve, &fay];
    let lists = ["friends", "blocked", "friendRequests", "friendRequests(direction: OUTGOING)"];
    let picture = async || {
        let mut picture = Vec::new();
        for person in everybody {
            for list in lists {
                picture.push(usernames(person, list).await);
            }
        }
        picture
    };
    let now = picture().await;

    let copies = Copies::of(app, &everybody, &[]);
    let graph = &*copies.stores.graph;
    graph.remove_person(id(&eve)).await.unwrap();
    befriend(graph, &ada, &bob).await;
    graph.withdraw(id(&cid), id(&ada)).await.unwrap();
    graph.unblock(id(&ada), id(&dan)).await.unwrap();
    graph.unblock(id(&ada), id(&fay)).await.unwrap();
    graph.block(id(&dan), id(&bob), Timestamp(7)).await.unwrap();
    // Eve, her friendship, and that of each of the others.
    copies.mend(Older::Graph, 7).await;
    assert_eq!(picture().await, now);
    // It goes on from there.
    ada.act("acceptFriendRequest", &cid).await.unwrap();
    assert_eq!(cid.friendship(&ada).await, "FRIENDS");
    copies.close().await;
}

/// Makes a group as an older graph has it.
async fn found(graph: &dyn Graph, group: &str, name: &str, members: &[(&Client, GroupRole)]) {
    let profile = GroupProfile {
        name: name.to_owned(),
        description: None,
        visibility: GroupVisibility::Private,
    };
    let edit = GroupEdit {
        group: group.parse().unwrap(),
        token: Uuid::from_u128(1),
        version: 0,
        profile: Some(profile),
        set: members.iter().map(|(member, role)| (id(member), *role)).collect(),
        remove: Vec::new(),
        at: Timestamp(7),
    };
    assert!(graph.edit_group(&edit).await.unwrap());
}

async fn forget(graph: &dyn Graph, group: &str) {
    let group = group.parse().unwrap();
    let state = graph.group_state(group, &[], Uuid::nil()).await.unwrap().expect("a group");
    assert!(graph.delete_group(group, state.version).await.unwrap());
}

async fn groups_come_back_as_they_were(app: &TestApp) {
    let (ada, bob) = tokio::join!(app.person("ada"), app.person("bob"));
    let (cid, dan) = tokio::join!(app.person("cid"), app.person("dan"));
    let walks = ada.found("Walks", "PRIVATE", &[&bob, &dan]).await;
    let chess = ada.found("Chess", "PRIVATE", &[&bob]).await;
    // Here the copy was taken.
    let runs = bob.found("Runs", "PUBLIC", &[&ada]).await;
    ada.update_group(&walks, json!({ "name": "Long walks" })).await.unwrap();
    ada.set_role(&walks, &bob, "ADMIN").await.unwrap();
    bob.add_members(&walks, &[&cid]).await.unwrap();
    dan.leave_group(&walks).await.unwrap();
    cid.join_group(&runs).await.unwrap();
    ada.delete_group(&chess).await.unwrap();
    let picture = async || {
        let mut picture = Vec::new();
        for person in [&ada, &bob, &cid, &dan] {
            for group in [&walks, &chess, &runs] {
                let seen = person.group(group).await;
                let is_inside = !seen["viewerRole"].is_null();
                let members = if is_inside { person.members(group).await } else { Vec::new() };
                picture.push((seen, members));
            }
        }
        picture
    };
    let now = picture().await;

    let copies = Copies::of(app, &[&ada, &bob, &cid, &dan], &[&walks, &chess, &runs]);
    let graph = &*copies.stores.graph;
    forget(graph, &walks).await;
    forget(graph, &runs).await;
    let (owner, member) = (GroupRole::Owner, GroupRole::Member);
    found(graph, &walks, "Walks", &[(&ada, owner), (&bob, member), (&dan, member)]).await;
    found(graph, &chess, "Chess", &[(&ada, owner), (&bob, member)]).await;
    copies.mend(Older::Graph, 3).await;
    assert_eq!(picture().await, now);
    // Without that the conversation would be ahead of its group for ever.
    ada.add_members(&walks, &[&dan]).await.unwrap();
    dan.tell(&walks, "here again").await;
    assert_eq!(bob.reads(&walks).await, ["here again"]);
    bob.tell(&runs, "on the run").await;
    assert_eq!(cid.reads(&runs).await, ["on the run"]);
    assert_eq!(ada.try_tell(&chess, "mate").await.unwrap_err().code, "NOT_FOUND");
    copies.close().await;
}

async fn who_closed_their_account_does_not_come_back(app: &TestApp) {
    let (ada, zoe) = app.friends("ada", "zoe").await;
    let walks = zoe.found("Walks", "PRIVATE", &[&ada]).await;
    zoe.tell(&walks, "hello").await;
    // Here the copy was taken.
    zoe.delete_account(PASSWORD).await.unwrap();
    assert_eq!(ada.members(&walks).await, [(ada.username.clone(), "OWNER".to_owned())]);

    let copies = Copies::of(app, &[&ada, &zoe], &[&walks]);
    let graph = &*copies.stores.graph;
    let person = NewPerson {
        id: id(&zoe),
        username: zoe.username.clone(),
        display_name: "zoe".to_owned(),
        created_at: Timestamp(7),
    };
    graph.add_person(&person).await.unwrap();
    befriend(graph, &ada, &zoe).await;
    forget(graph, &walks).await;
    found(graph, &walks, "Walks", &[(&zoe, GroupRole::Owner), (&ada, GroupRole::Member)]).await;
    // The group, and she herself.
    copies.mend(Older::Graph, 2).await;
    assert_eq!(ada.act("sendFriendRequest", &zoe).await.unwrap_err().code, "NOT_FOUND");
    assert_eq!(usernames(&ada, "friends").await, Vec::<String>::new());
    assert_eq!(ada.members(&walks).await, [(ada.username.clone(), "OWNER".to_owned())]);
    ada.tell(&walks, "alone").await;
    assert_eq!(ada.reads(&walks).await, ["hello", "alone"]);
    copies.close().await;
}
