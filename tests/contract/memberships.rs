//! What keeps who is in a group's conversation, and from when to when.

use std::collections::HashSet;

use chatterbox::{
    ids::{ConversationId, UserId},
    jobs::{Completion, Effects, Job, JobStore, Task},
    mail::Mail,
    messaging::{
        Change, Conversation, ConversationKind, ConversationStore, Draft, Entry, GroupSync,
        LogStore, MessageNews, MessageStore, NewEntry, Outcome, Place, Position, Recipients, Scope,
        Standing,
    },
    people::DepartureStore,
    sql::Sql,
};
use chatterbox_graph::{Chat, Group, GroupRole, GroupVisibility, Person, Timestamp};

use crate::{Stores, jobs::done, messages::draft};

crate::promises! {
    who_joins_reads_from_there_on,
    who_leaves_reads_up_to_there,
    who_comes_back_reads_what_was_theirs,
    members_hear_of_roles_and_of_the_group,
    what_was_followed_already_tells_nothing,
    an_earlier_version_changes_nothing,
    a_deleted_group_is_over_for_everyone,
    several_groups_and_other_events_are_told_together,
}

pub const OWNER: Option<GroupRole> = Some(GroupRole::Owner);
pub const ADMIN: Option<GroupRole> = Some(GroupRole::Admin);
pub const MEMBER: Option<GroupRole> = Some(GroupRole::Member);

pub type Roles<'a> = &'a [(UserId, Option<GroupRole>)];

pub fn new_group(stores: &Stores) -> Group {
    Group {
        id: stores.ambient.id(),
        name: "Ünïcödé 👩‍💻".into(),
        description: Some("a \"quoted\"\nline".into()),
        visibility: GroupVisibility::Public,
        created_at: stores.ambient.now(),
    }
}

pub fn sync(group: &Group, version: i64, roles: Roles<'_>) -> GroupSync {
    let (roles, people) = (roles.to_vec(), Vec::new());
    let standing = Standing::Exists { version, roles, people, changed: false };
    GroupSync { group: group.clone(), standing }
}

async fn job(stores: &Stores, sql: &Sql) -> Job {
    let mail = Mail { to: "x@example.org".into(), subject: "x".into(), text: "x".into() };
    let job = Job::new(&stores.ambient, Task::SendMail(mail));
    JobStore::insert(sql, &job).await.unwrap();
    job
}

/// Lets one node follow, and returns what it tells.
pub async fn follow_on(stores: &Stores, sql: &Sql, groups: Vec<GroupSync>) -> Completion {
    let effects = Effects { groups, ..Effects::default() };
    sql.complete(job(stores, sql).await.id, stores.ambient.now(), effects).await.unwrap()
}

pub async fn follow(stores: &Stores, sync: GroupSync) -> Vec<Entry> {
    done(follow_on(stores, &stores.sql, vec![sync]).await)
}

pub async fn change(stores: &Stores, group: &Group, version: i64, roles: Roles<'_>) -> Vec<Entry> {
    follow(stores, sync(group, version, roles)).await
}

pub fn to_group(stores: &Stores, group: &Group, sender: UserId) -> Draft {
    let draft = draft(stores, group.id.into(), sender, "hello", None);
    Draft { place: Place::Group(None), ..draft }
}

pub async fn say(stores: &Stores, group: &Group, sender: UserId) -> Outcome {
    let drafts = [to_group(stores, group, sender)];
    stores.sql.write(stores.ambient.now(), &drafts).await.unwrap().remove(0)
}

pub fn told(entries: &[Entry]) -> Vec<(UserId, Option<GroupRole>)> {
    let told = entries.iter().map(|entry| match &entry.change {
        Change::MembershipChanged { user, role, .. } => (*user, *role),
        other => panic!("a membership, not {other:?}"),
    });
    told.collect()
}

pub fn heard(to: &Recipients, pos: Position) -> HashSet<UserId> {
    let all: Vec<UserId> = to.at(pos).collect();
    let set: HashSet<UserId> = all.iter().copied().collect();
    assert_eq!(all.len(), set.len(), "nobody hears it twice");
    set
}

/// The positions that are theirs.
pub async fn feed(stores: &Stores, user: UserId, after: i64) -> Vec<i64> {
    let head = stores.sql.head().await.unwrap();
    let feed = stores.sql.read_for(user, Position(after), head, 10_000).await.unwrap();
    feed.iter().map(|entry| entry.pos.0).collect()
}

async fn seen(stores: &Stores, user: UserId, group: &Group) -> Option<Conversation> {
    let id = ConversationId::from(group.id);
    let listed = stores.sql.list(user, 100, None).await.unwrap();
    let found = stores.sql.conversations(user, &[id]).await.unwrap().remove(&id);
    assert_eq!(listed.into_iter().find(|listed| listed.id == id), found);
    found
}

/// Each position and whether it concerns the user, by the whole log: what
/// resuming gives has to be the same, in parts too.
async fn assert_feed_is_what_the_log_says(stores: &Stores, user: UserId) {
    let head = stores.sql.head().await.unwrap();
    let log = stores.sql.read(Position(0), head, 10_000).await.unwrap();
    let theirs: Vec<i64> = log
        .iter()
        .filter(|entry| heard(&entry.to, entry.pos).contains(&user))
        .map(|entry| entry.pos.0)
        .collect();
    for after in 0..head.0 {
        let rest: Vec<i64> = theirs.iter().copied().filter(|pos| *pos > after).collect();
        assert_eq!(feed(stores, user, after).await, rest, "after {after}");
        // A page of the log tells the same as all of it.
        let page = stores.sql.read(Position(after), Position(after + 1), 1).await.unwrap();
        assert_eq!(heard(&page[0].to, page[0].pos).contains(&user), theirs.contains(&(after + 1)));
    }
}

async fn who_joins_reads_from_there_on(stores: &Stores) {
    let (ada, grace, alan) = (stores.ambient.id(), stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    assert_eq!(seen(stores, ada, &group).await, None);
    let entries = change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    assert_eq!(told(&entries), [(ada, OWNER), (grace, MEMBER)]);
    assert!(entries.iter().all(|entry| entry.scope == Scope::Conversation(group.id.into())));
    assert_eq!(heard(&entries[0].to, entries[0].pos), HashSet::from([ada]));
    assert_eq!(heard(&entries[1].to, entries[1].pos), HashSet::from([ada, grace]));
    for _ in 0..2 {
        assert!(matches!(say(stores, &group, grace).await, Outcome::Sent(..)));
    }
    assert_eq!(say(stores, &group, alan).await, Outcome::NotMember);
    let entries = change(stores, &group, 2, &[(ada, OWNER), (alan, MEMBER)]).await;
    assert_eq!(told(&entries), [(alan, MEMBER)]);
    assert_eq!(heard(&entries[0].to, entries[0].pos), HashSet::from([ada, grace, alan]));
    let Outcome::Sent(message, to) = say(stores, &group, alan).await else { panic!("not sent") };
    assert_eq!((message.seq, message.pos), (3, Position(6)));
    assert_eq!(heard(&to, message.pos), HashSet::from([ada, grace, alan]));

    let (first, last) = (seen(stores, ada, &group).await, seen(stores, alan, &group).await);
    let expected = Conversation {
        id: group.id.into(),
        kind: ConversationKind::Group,
        first_seq: 1,
        last_seq: 3,
        last_pos: Position(6),
        last_at: Some(message.sent_at),
    };
    assert_eq!(first, Some(expected));
    assert_eq!(last, Some(Conversation { first_seq: 3, ..expected }));
    assert_eq!(feed(stores, ada, 0).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(feed(stores, grace, 0).await, [2, 3, 4, 5, 6]);
    assert_eq!(feed(stores, alan, 0).await, [5, 6]);
    let log = stores.sql.read(Position(0), Position(6), 10).await.unwrap();
    let by = [&log[0], &log[2], &log[4]].map(|entry| heard(&entry.to, entry.pos).len());
    assert_eq!(by, [1, 2, 3]);
    assert!(matches!(
        log[5].change,
        Change::MessageSent(MessageNews { place: Place::Group(None), .. })
    ));
    let (group, person) = (group.clone(), None);
    let joined =
        Change::MembershipChanged { group: group.clone(), user: alan, role: MEMBER, person };
    assert_eq!(log[4].change, joined);
    let chats = stores.sql.last_chats(None, 10).await.unwrap();
    let chat = Chat::Group { group: group.id, at: message.sent_at };
    assert_eq!(chats, [(group.id.into(), chat)]);
    assert_feed_is_what_the_log_says(stores, alan).await;
}

async fn who_leaves_reads_up_to_there(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    say(stores, &group, grace).await;
    assert_eq!(stores.sql.groups_of(grace).await.unwrap(), [group.id]);
    let entries = change(stores, &group, 2, &[(grace, None)]).await;
    assert_eq!(told(&entries), [(grace, None)]);
    assert_eq!(heard(&entries[0].to, entries[0].pos), HashSet::from([ada, grace]));
    assert_eq!(say(stores, &group, grace).await, Outcome::NotMember);
    let Outcome::Sent(message, to) = say(stores, &group, ada).await else { panic!("not sent") };
    assert_eq!(heard(&to, message.pos), HashSet::from([ada]));
    assert_eq!(seen(stores, grace, &group).await, None);
    assert!(stores.sql.groups_of(grace).await.unwrap().is_empty());
    assert_eq!(feed(stores, grace, 0).await, [2, 3, 4]);
    assert_eq!(feed(stores, grace, 3).await, [4]);
    assert_eq!(feed(stores, grace, 4).await, Vec::<i64>::new());
    for user in [ada, grace] {
        assert_feed_is_what_the_log_says(stores, user).await;
    }
}

async fn who_comes_back_reads_what_was_theirs(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER)]).await;
    let mut version = 1;
    for _ in 0..3 {
        for role in [MEMBER, None] {
            version += 1;
            assert_eq!(change(stores, &group, version, &[(grace, role)]).await.len(), 1);
            say(stores, &group, ada).await;
        }
    }
    change(stores, &group, version + 1, &[(grace, ADMIN)]).await;
    assert_eq!(feed(stores, grace, 0).await, [2, 3, 4, 6, 7, 8, 10, 11, 12, 14]);
    assert_eq!(seen(stores, grace, &group).await.unwrap().first_seq, 7);
    for user in [ada, grace] {
        assert_feed_is_what_the_log_says(stores, user).await;
    }
}

async fn members_hear_of_roles_and_of_the_group(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let mut group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    let before = seen(stores, grace, &group).await.unwrap();
    group.name = "Another".into();
    let person = Person {
        id: grace,
        username: "grace".into(),
        display_name: "Grace".into(),
        bio: None,
        avatar_url: None,
        created_at: Timestamp(0),
    };
    let standing = Standing::Exists {
        version: 2,
        roles: vec![(ada, ADMIN), (grace, OWNER)],
        people: vec![person.clone()],
        changed: true,
    };
    let entries = follow(stores, GroupSync { group: group.clone(), standing }).await;
    assert_eq!(told(&entries[..2]), [(ada, ADMIN), (grace, OWNER)]);
    let people = entries[..2].iter().map(|entry| match &entry.change {
        Change::MembershipChanged { person, .. } => person.clone(),
        _ => None,
    });
    assert!(people.eq([None, Some(person)]));
    assert_eq!(entries[2].change, Change::GroupChanged { group: group.clone() });
    assert!(entries.iter().all(|entry| heard(&entry.to, entry.pos).len() == 2));
    let log = stores.sql.read(Position(4), Position(5), 10).await.unwrap();
    assert_eq!(log[0].change, entries[2].change);
    let after = seen(stores, grace, &group).await.unwrap();
    let last_at = Some(entries[2].at);
    assert_eq!(after, Conversation { last_pos: Position(5), last_at, ..before });
    // The roles are the new ones.
    assert!(change(stores, &group, 2, &[(ada, ADMIN), (grace, OWNER)]).await.is_empty());
}

async fn what_was_followed_already_tells_nothing(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    let roles = [(ada, OWNER), (grace, MEMBER)];
    assert_eq!(change(stores, &group, 1, &roles).await.len(), 2);
    let before = seen(stores, ada, &group).await;
    assert!(change(stores, &group, 1, &roles).await.is_empty());
    assert!(change(stores, &group, 2, &roles).await.is_empty());
    assert!(change(stores, &group, 3, &[(stores.ambient.id(), None)]).await.is_empty());
    assert_eq!(stores.sql.head().await.unwrap(), Position(2));
    assert_eq!(seen(stores, ada, &group).await, before);
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
    // Of the same version others may be told of.
    assert_eq!(change(stores, &group, 3, &[(grace, None)]).await.len(), 1);
}

async fn an_earlier_version_changes_nothing(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let (group, other) = (new_group(stores), new_group(stores));
    change(stores, &group, 5, &[(ada, OWNER)]).await;
    let job = job(stores, &stores.sql).await;
    let now = stores.ambient.now();
    let change = Change::FriendshipChanged { other: grace, now: None };
    let effects = |version| Effects {
        entries: vec![NewEntry { user: ada, change: change.clone() }],
        groups: vec![
            sync(&other, 1, &[(grace, OWNER)]),
            sync(&group, version, &[(ada, OWNER), (grace, MEMBER)]),
        ],
        ..Effects::default()
    };
    let stale = stores.sql.complete(job.id, now, effects(4)).await.unwrap();
    assert_eq!(stale, Completion::Stale);
    assert_eq!(stores.sql.pending().await.unwrap(), 1);
    assert_eq!(stores.sql.head().await.unwrap(), Position(1));
    assert_eq!(seen(stores, grace, &group).await, None);
    assert_eq!(seen(stores, grace, &other).await, None);
    assert_eq!(say(stores, &other, grace).await, Outcome::NotMember);
    let entries = done(stores.sql.complete(job.id, now, effects(5)).await.unwrap());
    assert_eq!(entries.len(), 3);
    // The job is done: nothing is told again, whatever the version.
    let again = stores.sql.complete(job.id, now, effects(4)).await.unwrap();
    assert_eq!(again, Completion::Done(Vec::new()));
}

async fn a_deleted_group_is_over_for_everyone(stores: &Stores) {
    let (ada, grace, alan) = (stores.ambient.id(), stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER), (alan, MEMBER)]).await;
    change(stores, &group, 2, &[(alan, None)]).await;
    say(stores, &group, ada).await;
    let gone = GroupSync { group: group.clone(), standing: Standing::Deleted };
    let entries = follow(stores, gone.clone()).await;
    let users: HashSet<UserId> = told(&entries).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, HashSet::from([ada, grace]));
    for entry in &entries {
        let Change::MembershipChanged { user, role: None, .. } = entry.change else {
            panic!("not the end of a membership: {entry:?}")
        };
        assert_eq!(entry.scope, Scope::User(user));
        assert_eq!(entry.conversation(), Some(group.id.into()));
        assert!(entry.recipients().eq([user]));
        assert_eq!(feed(stores, user, 5).await, [entry.pos.0]);
        assert_eq!(seen(stores, user, &group).await, None);
        assert_eq!(say(stores, &group, user).await, Outcome::NotMember);
        assert_feed_is_what_the_log_says(stores, user).await;
    }
    assert_eq!(feed(stores, alan, 5).await, Vec::<i64>::new());
    assert!(follow(stores, gone).await.is_empty());
    // It does not come back.
    let late = sync(&group, 3, &[(alan, MEMBER)]);
    assert_eq!(follow_on(stores, &stores.sql, vec![late]).await, Completion::Stale);
    // One that was deleted before anything was heard of it.
    let unheard = GroupSync { group: new_group(stores), standing: Standing::Deleted };
    assert!(follow(stores, unheard).await.is_empty());
}

async fn several_groups_and_other_events_are_told_together(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let (one, other) = (new_group(stores), new_group(stores));
    let job = job(stores, &stores.sql).await;
    let gone = NewEntry { user: grace, change: Change::PersonChanged };
    let effects = Effects {
        entries: vec![gone.clone(), gone],
        groups: vec![sync(&one, 1, &[(ada, OWNER)]), sync(&other, 1, &[(ada, OWNER)])],
        ..Effects::default()
    };
    let completed = stores.sql.complete(job.id, stores.ambient.now(), effects).await;
    let entries = done(completed.unwrap());
    assert!(entries.iter().map(|entry| entry.pos.0).eq(1..=4));
    assert_eq!(stores.sql.head().await.unwrap(), Position(4));
    let log = stores.sql.read(Position(0), Position(4), 10).await.unwrap();
    assert!(log.iter().map(|entry| &entry.change).eq(entries.iter().map(|entry| &entry.change)));
    assert_eq!(
        (feed(stores, ada, 0).await, feed(stores, grace, 0).await),
        (vec![1, 2], vec![3, 4])
    );
    assert_eq!(stores.sql.groups_of(ada).await.unwrap().len(), 2);
}
