//! Groups and feeds that are large, and nodes that work at once.

use chatterbox::{
    ids::UserId,
    messaging::{
        ConversationStore, Draft, GroupSync, LogStore, MessageStore, Outcome, Position, Standing,
    },
    people::DepartureStore,
    sql::Sql,
};
use futures::future::{join, join_all};

use crate::{
    Stores,
    jobs::done,
    log::tell,
    memberships::{
        ADMIN, MEMBER, OWNER, change, feed, follow, follow_on, heard, new_group, say, sync,
        to_group, told,
    },
    messages::{conversation, draft, sent},
};

crate::promises! {
    a_change_by_another_node_counts_at_once,
    whoever_joins_meanwhile_hears_what_the_log_says,
    a_group_of_thousands_is_followed_at_once,
    a_feed_of_many_conversations_is_read_in_order,
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
