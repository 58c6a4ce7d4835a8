//! Groups and feeds that are large, and nodes that work at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chatterbox::{
    error::Result,
    ids::{ConversationId, UserId},
    live::{Batch, Bus, Hub, InProcessBus, Subscription, What},
    messaging::{
        ConversationStore, Draft, Entry, GroupSync, LogStore, MessageStore, Outcome, Position,
        Standing,
    },
    people::DepartureStore,
    sql::Sql,
};
use futures::future::{join, join_all};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Stores,
    jobs::done,
    log::tell,
    memberships::{
        ADMIN, MEMBER, OWNER, change, feed, follow, follow_on, heard, new_group, say, sync,
        to_group, told,
    },
    messages::{conversation, draft, sent, write},
};

crate::promises! {
    a_change_by_another_node_counts_at_once,
    whoever_joins_meanwhile_hears_what_the_log_says,
    a_group_of_thousands_is_followed_at_once,
    a_feed_of_many_conversations_is_read_in_order,
    what_the_bus_brings_in_another_order_is_not_read,
    who_listens_from_now_on_hears_nothing_of_before,
}

async fn a_change_by_another_node_counts_at_once(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    let other = Sql::open(&stores.url).unwrap();
    let nodes = [&stores.sql, &other];
    change(stores, &group, 1, &[(ada, OWNER)]).await;
    for version in 2..10 {
        let role = if version % 2 == 0 { MEMBER } else { None };
        let node = nodes[usize::from(version % 4 < 2)];
        let roles = [(grace, role)];
        assert_eq!(
            done(follow_on(stores, node, vec![sync(&group, version, &roles)]).await).len(),
            1
        );
        for node in nodes {
            let drafts = [to_group(stores, &group, ada), to_group(stores, &group, grace)];
            let outcomes = node.write(stores.ambient.now(), &drafts).await.unwrap();
            let Outcome::Sent(message, to) = &outcomes[0] else { panic!("not sent") };
            assert_eq!(heard(to, message.pos).contains(&grace), role.is_some());
            assert_eq!(outcomes[1] == Outcome::NotMember, role.is_none());
        }
    }
    other.close().await;
}

async fn whoever_joins_meanwhile_hears_what_the_log_says(stores: &Stores) {
    let ada: UserId = stores.ambient.id();
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER)]).await;
    let users: Vec<UserId> = (0..20).map(|_| stores.ambient.id()).collect();
    let joining = async {
        let mut entries = Vec::new();
        for (version, user) in (2..).zip(&users) {
            entries.extend(change(stores, &group, version, &[(*user, MEMBER)]).await);
        }
        entries.into_iter().map(|entry| (entry.pos, entry.to)).collect::<Vec<_>>()
    };
    let writing = join_all((0..4).map(|_| async {
        let mut heard = Vec::new();
        for _ in 0..10 {
            let drafts: Vec<Draft> = (0..3).map(|_| to_group(stores, &group, ada)).collect();
            for outcome in stores.sql.write(stores.ambient.now(), &drafts).await.unwrap() {
                let Outcome::Sent(message, to) = outcome else { panic!("not sent") };
                heard.push((message.pos, to));
            }
        }
        heard
    }));
    let (mut live, written) = join(joining, writing).await;
    live.extend(written.into_iter().flatten());
    live.sort_by_key(|(pos, _)| *pos);
    let head = stores.sql.head().await.unwrap();
    assert_eq!(head, Position(141));
    let log = stores.sql.read(Position(1), head, 1_000).await.unwrap();
    for ((pos, to), entry) in live.iter().zip(&log) {
        assert_eq!(*pos, entry.pos);
        assert_eq!(heard(to, *pos), heard(&entry.to, *pos), "at {pos:?}");
    }
}

async fn a_group_of_thousands_is_followed_at_once(stores: &Stores) {
    let group = new_group(stores);
    let users: Vec<UserId> = (0..3_000).map(|_| stores.ambient.id()).collect();
    let mut roles: Vec<_> = users.iter().map(|user| (*user, MEMBER)).collect();
    roles[0].1 = OWNER;
    let entries = change(stores, &group, 1, &roles).await;
    assert_eq!(told(&entries), roles);
    let last = &entries[2_999];
    assert_eq!(last.pos, Position(3_000));
    assert_eq!(heard(&last.to, last.pos).len(), 3_000);
    assert_eq!(heard(&entries[9].to, entries[9].pos), users[..10].iter().copied().collect());
    let Outcome::Sent(message, to) = say(stores, &group, users[2_999]).await else {
        panic!("not sent")
    };
    assert_eq!(heard(&to, message.pos).len(), 3_000);

    // Half of them leave, the others are appointed.
    for (place, (_, role)) in roles.iter_mut().enumerate().skip(1) {
        *role = if place % 2 == 0 { ADMIN } else { None };
    }
    let entries = change(stores, &group, 2, &roles).await;
    assert_eq!(told(&entries), roles[1..]);
    assert_eq!(heard(&entries[0].to, entries[0].pos).len(), 3_000);
    let end = &entries[2_998];
    assert_eq!(heard(&end.to, end.pos).len(), 1_501, "all but those who left before");
    assert_eq!(feed(stores, users[1], 3_000).await, [3_001, 3_002]);
    assert_eq!(feed(stores, users[2], 5_999).await, [6_000]);
    let log = stores.sql.read(Position(2_990), Position(3_010), 100).await.unwrap();
    let by: Vec<usize> = log.iter().map(|entry| heard(&entry.to, entry.pos).len()).collect();
    let joining = 2_991..=3_000;
    let leaving = [3_000, 2_999, 2_999, 2_998, 2_998, 2_997, 2_997, 2_996, 2_996];
    assert_eq!(by, joining.chain([3_000]).chain(leaving).collect::<Vec<_>>());

    let gone = GroupSync { group: group.clone(), standing: Standing::Deleted };
    assert_eq!(follow(stores, gone).await.len(), 1_500);
    assert!(stores.sql.groups_of(users[2]).await.unwrap().is_empty());
}

async fn a_feed_of_many_conversations_is_read_in_order(stores: &Stores) {
    let user: UserId = stores.ambient.id();
    let others: Vec<UserId> = (0..300).map(|_| stores.ambient.id()).collect();
    let opened = stores.sql.open_direct(&stores.ambient, user, &others).await.unwrap();
    let (stranger, _, elsewhere) = conversation(stores).await;
    let mut expected = Vec::new();
    for turn in 0..3 {
        let mut drafts: Vec<Draft> =
            others.iter().map(|other| draft(stores, opened[other].id, *other, "x", None)).collect();
        drafts.insert(100, draft(stores, elsewhere, stranger, "x", None));
        if turn == 2 {
            drafts.truncate(20);
        }
        let outcomes = stores.sql.write(stores.ambient.now(), &drafts).await.unwrap();
        let messages = outcomes.iter().map(sent);
        let mine = messages.filter(|message| message.conversation != elsewhere);
        expected.extend(mine.map(|message| message.pos.0));
        expected.push(tell(stores, user, stranger).await.pos.0);
    }
    assert_eq!(feed(stores, user, 0).await, expected);
    let (mut paged, mut after) = (Vec::new(), Position(0));
    let head = stores.sql.head().await.unwrap();
    loop {
        let page = stores.sql.read_for(user, after, head, 70).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 70);
        after = last.pos;
        paged.extend(page.iter().map(|entry| entry.pos.0));
    }
    assert_eq!(paged, expected);
}

/// The log, and how often a part of it was read. Its head seems to stay, so that all that is known
/// of what comes is known by the bus.
struct Watched {
    sql: Sql,
    head: Position,
    reads: AtomicUsize,
    looked_at: Notify,
}

#[async_trait]
impl LogStore for Watched {
    async fn head(&self) -> Result<Position> {
        self.looked_at.notify_one();
        Ok(self.head)
    }

    async fn read(
        &self,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.sql.read(after, until, limit).await
    }

    async fn read_for(
        &self,
        user: UserId,
        after: Position,
        until: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>> {
        self.sql.read_for(user, after, until, limit).await
    }

    async fn projected(&self, name: &'static str) -> Result<Position> {
        self.sql.projected(name).await
    }

    async fn set_projected(&self, name: &'static str, pos: Position) -> Result<()> {
        self.sql.set_projected(name, pos).await
    }
}

/// A hub that goes on from the log's head, the bus that it listens to, and its log.
async fn hub(stores: &Stores, stop: &CancellationToken) -> (Hub, InProcess, Arc<Watched>) {
    let bus = InProcess::default();
    let (sql, head) = (stores.sql.clone(), stores.sql.head().await.unwrap());
    let (reads, looked_at) = (AtomicUsize::new(0), Notify::new());
    let log = Arc::new(Watched { sql, head, reads, looked_at });
    let hub = Hub::new(log.clone(), bus.clone(), Vec::new(), head);
    tokio::spawn(hub.clone().run(stop.clone()));
    // It listens before it looks at the log.
    log.looked_at.notified().await;
    (hub, bus, log)
}

type InProcess = Arc<InProcessBus>;

/// Two messages as the bus carries them, each by itself.
async fn two_messages(stores: &Stores, to: (UserId, ConversationId)) -> [Batch; 2] {
    let (sender, place) = to;
    let before = stores.sql.head().await.unwrap();
    write(stores, &["one", "two"].map(|body| draft(stores, place, sender, body, None))).await;
    let head = stores.sql.head().await.unwrap();
    let entries = stores.sql.read(before, head, 10).await.unwrap();
    let batches: Vec<Batch> = entries.into_iter().map(|entry| [entry].into()).collect();
    batches.try_into().unwrap()
}

async fn next_position(feed: &mut Subscription) -> Position {
    let event = timeout(Duration::from_secs(30), feed.next()).await.expect("an event");
    match &event.unwrap().unwrap().what {
        What::Logged(entry) => entry.pos,
        What::Passing { .. } => panic!("something passes"),
    }
}

async fn what_the_bus_brings_in_another_order_is_not_read(stores: &Stores) {
    let (ada, grace, place) = conversation(stores).await;
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let (hub, bus, log) = hub(stores, &stop).await;
    let mut feed = hub.subscribe(grace, None, None).await.unwrap();

    let [one, two] = two_messages(stores, (ada, place)).await;
    bus.publish(two.clone());
    bus.publish(one.clone());
    for batch in [one, two] {
        assert_eq!(next_position(&mut feed).await, batch[0].pos);
    }
    assert_eq!(log.reads.load(Ordering::SeqCst), 0);

    let [lost, kept] = two_messages(stores, (ada, place)).await;
    bus.publish(kept.clone());
    for batch in [lost, kept] {
        assert_eq!(next_position(&mut feed).await, batch[0].pos);
    }
    assert!(log.reads.load(Ordering::SeqCst) > 0);
}

async fn who_listens_from_now_on_hears_nothing_of_before(stores: &Stores) {
    let (ada, grace, place) = conversation(stores).await;
    let [before, after] = two_messages(stores, (ada, place)).await;
    let bus = InProcess::default();
    let sql = Arc::new(stores.sql.clone());
    // It has not come to the first one yet, which was answered already.
    let hub = Hub::new(sql, bus.clone(), Vec::new(), Position(before[0].pos.0 - 1));
    bus.publish(before);
    let mut feed = hub.subscribe(grace, None, None).await.unwrap();
    bus.publish(after.clone());
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(hub.run(stop));
    assert_eq!(next_position(&mut feed).await, after[0].pos);
}
