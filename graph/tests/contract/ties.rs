//! Everyone to whom somebody is tied.

use chatterbox_graph::{
    GroupRole::{Member, Owner},
    Timestamp,
};

use crate::town::{Town, chat, fresh_id};

on_each_store!(friends_and_requests_tie_by_id, nothing_else_ties, the_unknown_are_tied_to_nobody,);

async fn friends_and_requests_tie_by_id(town: &Town) {
    let ada = town.person("ada").await;
    let mut crowd = town.crowd(9).await;
    for three in crowd.chunks(3) {
        town.befriend(ada, three[0]).await;
        town.request_at(ada, three[1], 1).await;
        town.request_at(three[2], ada, 1).await;
    }
    for &other in &crowd {
        assert_eq!(town.ties(other).await.unwrap(), [ada]);
    }
    crowd.sort();
    assert_eq!(town.ties(ada).await.unwrap(), crowd);
}

async fn nothing_else_ties(town: &Town) {
    let [ada, friend, near] = town.people_called(["ada", "friend", "near"]).await;
    let [eve, grace] = town.people_called(["eve", "grace"]).await;
    town.chain(&[ada, friend, near]).await;
    town.block(ada, eve, Timestamp(1)).await.unwrap();
    town.block(grace, ada, Timestamp(1)).await.unwrap();
    town.group(&[(ada, Owner), (near, Member)]).await;
    town.record_chats(&[chat(ada, near, 1)]).await.unwrap();
    assert_eq!(town.ties(ada).await.unwrap(), [friend]);
    town.unfriend(ada, friend).await.unwrap();
    assert_eq!(town.ties(ada).await.unwrap(), []);
}

async fn the_unknown_are_tied_to_nobody(town: &Town) {
    assert_eq!(town.ties(fresh_id()).await.unwrap(), []);
}
