//! The log.

use std::collections::HashSet;

use chatterbox::{
    ids::UserId,
    jobs::{Effects, Job, JobStore, Task},
    mail::Mail,
    messaging::{
        Change, ConversationStore, Entry, LogStore, MessageNews, NewEntry, Place, Position, Scope,
    },
};

use crate::{
    Stores,
    jobs::done,
    messages::{conversation, draft, sent, write},
};

crate::promises! {
    everything_is_read_in_order_with_whom_it_is_for,
    each_reads_what_concerns_them_from_where_they_were,
    a_projection_remembers_how_far_it_came,
}

/// Appends an event for one person.
pub async fn tell(stores: &Stores, user: UserId, other: UserId) -> Entry {
    let mail = Mail { to: "x@example.org".into(), subject: "x".into(), text: "x".into() };
    let job = Job::new(&stores.ambient, Task::SendMail(mail));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let change = Change::FriendshipChanged { other, now: None };
    let entries = vec![NewEntry { user, change }];
    let effects = Effects { entries, ..Effects::default() };
    let at = stores.ambient.now();
    done(stores.sql.complete(job.id, at, effects).await.unwrap()).remove(0)
}

async fn everything_is_read_in_order_with_whom_it_is_for(stores: &Stores) {
    let (one, other, id) = conversation(stores).await;
    let first = write(stores, &[draft(stores, id, one, "hello", None)]).await;
    let told = tell(stores, other, one).await;
    assert_eq!(told.pos, Position(2));
    write(stores, &[draft(stores, id, other, "hi", None), draft(stores, id, one, "ho", None)])
        .await;

    let log = stores.sql.read(Position(0), Position(4), 10).await.unwrap();
    let positions: Vec<i64> = log.iter().map(|entry| entry.pos.0).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
    let to: HashSet<UserId> = log[0].recipients().collect();
    assert_eq!(to, HashSet::from([one, other]));
    assert_eq!(log[0].scope, Scope::Conversation(id));
    let message = sent(&first[0]).clone();
    assert_eq!(log[0].change, Change::MessageSent(MessageNews::bare(message, Place::Direct)));
    assert_eq!(*log[1], told);

    let page = stores.sql.read(Position(1), Position(3), 1).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(*page[0], told);
    assert!(stores.sql.read(Position(4), Position(4), 10).await.unwrap().is_empty());
}

async fn each_reads_what_concerns_them_from_where_they_were(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let alan: UserId = stores.ambient.id();
    let opened = stores.sql.open_direct(&stores.ambient, alan, &[grace]).await.unwrap();
    let with_alan = opened[&grace].id;
    let strangers = conversation(stores).await;
    for _ in 0..3 {
        write(stores, &[draft(stores, id, ada, "from ada", None)]).await;
        write(stores, &[draft(stores, strangers.2, strangers.0, "secret", None)]).await;
        tell(stores, grace, alan).await;
        write(stores, &[draft(stores, with_alan, alan, "from alan", None)]).await;
        tell(stores, ada, alan).await;
    }
    let head = stores.sql.head().await.unwrap();
    assert_eq!(head, Position(15));
    let read = async |user, after, limit| -> Vec<i64> {
        let page = stores.sql.read_for(user, Position(after), head, limit).await.unwrap();
        assert!(page.iter().all(|entry| entry.recipients().eq([user])));
        page.iter().map(|entry| entry.pos.0).collect()
    };
    assert_eq!(read(grace, 0, 100).await, [1, 3, 4, 6, 8, 9, 11, 13, 14]);
    assert_eq!(read(grace, 4, 3).await, [6, 8, 9]);
    assert_eq!(read(ada, 4, 100).await, [5, 6, 10, 11, 15]);
    assert_eq!(read(alan, 14, 100).await, Vec::<i64>::new());
    assert_eq!(read(stores.ambient.id(), 0, 100).await, Vec::<i64>::new());
    let bounded = stores.sql.read_for(grace, Position(0), Position(3), 100).await.unwrap();
    assert_eq!(bounded.len(), 2);
}

async fn a_projection_remembers_how_far_it_came(stores: &Stores) {
    assert_eq!(stores.sql.projected("a").await.unwrap(), Position(0));
    stores.sql.set_projected("a", Position(7)).await.unwrap();
    stores.sql.set_projected("b", Position(1)).await.unwrap();
    stores.sql.set_projected("a", Position(9)).await.unwrap();
    assert_eq!(stores.sql.projected("a").await.unwrap(), Position(9));
    assert_eq!(stores.sql.projected("b").await.unwrap(), Position(1));
}
