//! People go, and nothing of them stays.

use chatterbox_graph::{
    Ask, Chat, Friendship,
    GroupRole::{Member, Owner},
    RequestDirection::{Incoming, Outgoing},
    Timestamp, UserId,
};

use crate::town::{MANY, Town, chat, fresh_id, newcomer, only, public, random_uuid, word};

on_each_store!(
    who_goes_is_not_in_the_graph_any_more,
    friendships_and_requests_go,
    blocks_go,
    memberships_go,
    chats_go,
    who_goes_connects_nobody,
    who_is_gone_can_not_go,
    who_comes_back_stands_alone,
);

async fn leave(town: &Town, id: UserId) {
    assert!(town.remove_person(id).await.unwrap());
}

async fn who_goes_is_not_in_the_graph_any_more(town: &Town) {
    let (word, ada) = (word(), town.person("ada").await);
    let eve = town.person(&word).await;
    let username = town.username(eve).await;

    leave(town, eve).await;

    assert!(town.people(&[eve]).await.unwrap().is_empty());
    assert!(town.people_by_username(&[username]).await.unwrap().is_empty());
    assert!(town.settings(&[eve]).await.unwrap().is_empty());
    assert_eq!(town.pair(ada, eve).await.unwrap(), None);
    assert_eq!(only(town.friendships(&[(ada, eve)]).await.unwrap()), None);
    assert_eq!(town.path(ada, eve, 6).await, None);
    assert!(town.directory_by(10, ada, &word).await.is_empty());
    assert_eq!(town.directory_size(ada, Some(&word)).await.unwrap(), 0);
    assert_eq!(town.ask(ada, eve, None, Timestamp(1), MANY).await.unwrap(), Ask::Unknown);
}

async fn friendships_and_requests_go(town: &Town) {
    let [ada, eve, grace] = town.people_called(["ada", "eve", "grace"]).await;
    let [asked, asks] = town.people_called(["asked", "asks"]).await;
    town.chain(&[ada, eve, grace, ada]).await;
    town.request_at(eve, asked, 1).await;
    town.request_at(asks, eve, 1).await;

    leave(town, eve).await;

    for other in [ada, eve, grace, asked, asks] {
        assert!(!town.ties(other).await.unwrap().contains(&eve));
    }
    assert_eq!(town.friends_of(ada).await.total, 1);
    assert_eq!(town.friends_of(eve).await.total, 0);
    assert_eq!(town.friend_requests(asked, Incoming, 9, None).await.unwrap().total, 0);
    assert_eq!(town.friend_requests(asks, Outgoing, 9, None).await.unwrap().total, 0);
    assert_eq!(town.sees(ada, grace).await, Friendship::Friends, "others stay friends");
    let room = town.ask(ada, asked, None, Timestamp(1), 2).await.unwrap();
    assert_eq!(room, Ask::Sent, "there is room for a friend again");
}

async fn blocks_go(town: &Town) {
    let [ada, eve, grace] = town.people_called(["ada", "eve", "grace"]).await;
    town.block(ada, eve, Timestamp(1)).await.unwrap();
    town.block(eve, ada, Timestamp(1)).await.unwrap();
    town.block(ada, grace, Timestamp(1)).await.unwrap();
    town.block(eve, grace, Timestamp(1)).await.unwrap();

    leave(town, eve).await;

    let blocked = town.blocked(ada, 9, None).await.unwrap();
    assert_eq!((blocked.total, blocked.items[0].person.id), (1, grace));
    assert!(!town.unblock(ada, eve).await.unwrap());
    assert_eq!(town.blocked(eve, 9, None).await.unwrap().total, 0);
}

async fn memberships_go(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    town.befriend(ada, eve).await;
    let name = word();
    let both = town.group_as(&public(&name), &[(eve, Owner), (ada, Member)]).await;
    let alone = town.group(&[(eve, Owner)]).await;

    leave(town, eve).await;

    assert_eq!(town.roles(both).await, [(ada, Member)]);
    assert_eq!(town.roles(alone).await, []);
    assert_eq!(town.groups_of(eve).await.unwrap(), []);
    let state = town.group_state(both, &[eve, ada], random_uuid()).await.unwrap().unwrap();
    assert_eq!((state.members, state.owners, state.roles.len()), (1, vec![], 1));
    assert_eq!(town.heir(both, eve).await.unwrap(), Some(ada));
    assert!(town.friends_inside(ada, &[both], 9).await.unwrap().is_empty());
    let found = town.public_groups(ada, Some(&name), 9, None).await.unwrap();
    assert_eq!(only(found.items).key.friends, 0);
    assert!(town.state(alone).await.is_some(), "the group itself stays");
}

async fn chats_go(town: &Town) {
    let [ada, eve, grace] = town.people_called(["ada", "eve", "grace"]).await;
    let group = town.group(&[(eve, Owner), (ada, Member)]).await;
    let written = Chat::Group { group, at: Timestamp(1) };
    town.record_chats(&[chat(ada, eve, 5), chat(ada, grace, 6), written]).await.unwrap();

    leave(town, eve).await;
    town.record_chats(&[chat(ada, eve, 7)]).await.unwrap();

    assert!(town.last_chatted(eve, 9).await.unwrap().is_empty());
    let at = town.last_chatted_at(ada, &[eve, grace]).await.unwrap();
    assert_eq!(at.into_keys().collect::<Vec<_>>(), [grace]);
    let times: Vec<_> =
        town.last_chatted(ada, 9).await.unwrap().iter().map(|last| last.at.0).collect();
    assert_eq!(times, [6, 1], "the group's chats are not theirs alone");
}

async fn who_goes_connects_nobody(town: &Town) {
    let [ada, eve, grace] = town.people_called(["ada", "eve", "grace"]).await;
    town.chain(&[ada, eve, grace]).await;
    assert_eq!(town.suggested_to(ada).await.len(), 1);

    leave(town, eve).await;

    assert_eq!(town.path(ada, grace, 6).await, None);
    assert!(town.suggested_to(ada).await.is_empty());
    assert_eq!(town.mutual_page(ada, grace, 9, None).await.unwrap().total, 0);
}

async fn who_is_gone_can_not_go(town: &Town) {
    let eve = town.person("eve").await;
    leave(town, eve).await;
    assert!(!town.remove_person(eve).await.unwrap());
    assert!(!town.remove_person(fresh_id()).await.unwrap());
}

async fn who_comes_back_stands_alone(town: &Town) {
    let ada = town.person("ada").await;
    let eve = newcomer("eve");
    town.add_person(&eve).await.unwrap();
    town.befriend(ada, eve.id).await;
    let group = town.group(&[(ada, Owner), (eve.id, Member)]).await;
    town.record_chats(&[chat(ada, eve.id, 5)]).await.unwrap();
    town.hide(eve.id).await;
    leave(town, eve.id).await;

    town.add_person(&eve).await.unwrap();

    assert_eq!(town.sees(ada, eve.id).await, Friendship::None);
    assert_eq!(town.roles(group).await, [(ada, Owner)]);
    assert!(town.settings(&[eve.id]).await.unwrap()[&eve.id].discoverable);
    assert!(town.last_chatted(ada, 9).await.unwrap().is_empty());
    assert_eq!(town.ties(eve.id).await.unwrap(), []);
}
