//! All chats are forgotten. On Neo4j everyone's are, so that this has to be a
//! test of its own: those of one binary run at the same time.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

#[expect(dead_code, reason = "this story needs little of it")]
#[path = "contract/town.rs"]
mod town;

use chatterbox_graph::{
    Chat, Friendship,
    GroupRole::{Member, Owner},
    Timestamp, UserId,
};
use futures::join;

use town::{Town, chat};

#[tokio::test]
async fn chats_are_forgotten_on_sqlite() {
    chats_are_forgotten(&Town::on_sqlite().await).await;
}

#[tokio::test]
async fn chats_are_forgotten_on_neo4j() {
    chats_are_forgotten(&Town::on_neo4j().await).await;
}

async fn last(town: &Town, viewer: UserId) -> Vec<i64> {
    town.last_chatted(viewer, 100).await.unwrap().iter().map(|last| last.at.0).collect()
}

async fn chats_are_forgotten(town: &Town) {
    let crowd = town.crowd(40).await;
    let (ada, grace) = (crowd[0], crowd[1]);
    town.befriend(ada, grace).await;
    let group = town.group(&[(ada, Owner), (grace, Member)]).await;
    let written = |at| Chat::Group { group, at: Timestamp(at) };
    let mut chats = vec![written(900)];
    for (n, &one) in crowd.iter().enumerate() {
        chats.extend(crowd[..n].iter().map(|&other| chat(one, other, 5)));
    }
    town.record_chats(&chats).await.unwrap();
    assert_eq!(last(town, ada).await.len(), 40);

    town.forget_chats().await.unwrap();

    for &viewer in &crowd {
        assert!(last(town, viewer).await.is_empty());
    }
    assert!(town.last_chatted_at(ada, &crowd).await.unwrap().is_empty());
    assert_eq!(town.friends_of(ada).await.items[0].last_chatted_at, None);
    assert_eq!(town.sees(ada, grace).await, Friendship::Friends, "nothing else is forgotten");
    assert_eq!(town.roles(group).await.len(), 2);

    // Earlier times count again, and nothing is left to forget but them.
    town.record_chats(&[chat(ada, grace, 3), written(4)]).await.unwrap();
    assert_eq!(last(town, ada).await, [4, 3]);
    for _ in 0..2 {
        town.forget_chats().await.unwrap();
        assert!(last(town, ada).await.is_empty());
    }

    let late = [chat(ada, grace, 8), written(9)];
    let (forgotten, recorded) = join!(town.forget_chats(), town.record_chats(&late));
    forgotten.unwrap();
    recorded.unwrap();
    town.record_chats(&late).await.unwrap();
    assert_eq!(last(town, ada).await, [9, 8]);
}
