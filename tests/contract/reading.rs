//! What keeps how far people have read, and what they muted.

use std::collections::HashSet;

use chatterbox::{
    ids::{ConversationId, UserId},
    jobs::{Completion, Effects, Job, JobStore, Task},
    mail::Mail,
    messaging::{
        Change, ConversationStore, Entry, LogStore, MAX_MARKERS, Mark, Marked, NewEntry, Place,
        Position, ReadMarker, ReadState, ReadingStore, Scope,
    },
};
use chatterbox_graph::{Group, Timestamp};
use futures::future::{join, join_all};
use sqlx::{AnyConnection, Connection};

use crate::{
    Stores,
    memberships::{MEMBER, OWNER, change, feed, heard, new_group, say},
    messages::{conversation, draft, sent, write},
};

crate::promises! {
    a_marker_moves_forward_only_and_not_past_the_head,
    marks_of_a_batch_are_taken_together,
    what_is_unread_lies_behind_what_was_read_or_sent,
    members_read_from_where_they_joined,
    a_marker_is_seen_where_it_is_shared,
    a_group_shows_the_newest_markers,
    a_marker_is_not_shared_behind_a_change_of_settings,
    whoever_hides_their_markers_hides_all_of_them,
    what_is_muted_does_not_count,
    a_conversation_is_muted_once,
    only_who_is_in_it_reads_and_mutes,
    writers_and_markers_at_once_leave_no_gap,
    what_a_mark_logs_is_read_by_who_comes_back,
}

/// A mark that everyone may see.
fn mark(user: UserId, conversation: ConversationId, seq: i64) -> Mark {
    let (person, place) = (None, Place::Direct);
    let shared_as_of = Some(Position(i64::MAX));
    Mark { user, person, conversation, place, seq, shared_as_of }
}

/// One that only the reader may see.
fn secretly(user: UserId, conversation: ConversationId, seq: i64) -> Mark {
    Mark { shared_as_of: None, ..mark(user, conversation, seq) }
}

fn in_group(user: UserId, group: &Group, seq: i64) -> Mark {
    Mark { place: Place::Group(None), ..mark(user, group.id.into(), seq) }
}

async fn moved(stores: &Stores, marks: &[Mark]) -> Marked {
    let marked = stores.sql.mark(stores.ambient.now(), marks).await.unwrap();
    assert_eq!(marked.known.len(), marks.len());
    marked
}

/// Moves one marker, and tells where it is now; `None` where it did not move.
async fn read(stores: &Stores, mark: Mark) -> Option<i64> {
    let Marked { known, entries } = moved(stores, &[mark]).await;
    assert_eq!(known, [true]);
    assert!(entries.len() < 2);
    entries.first().map(|entry| marker(entry).seq)
}

fn marker(entry: &Entry) -> ReadMarker {
    match &entry.change {
        Change::ReadMarkerMoved { marker, .. } => *marker,
        other => panic!("a marker, not {other:?}"),
    }
}

async fn say_often(stores: &Stores, id: ConversationId, sender: UserId, count: usize) {
    let drafts: Vec<_> = (0..count).map(|_| draft(stores, id, sender, "x", None)).collect();
    for outcome in write(stores, &drafts).await {
        sent(&outcome);
    }
}

async fn state(stores: &Stores, user: UserId, id: ConversationId) -> Option<ReadState> {
    stores.sql.read_states(user, &[id]).await.unwrap().remove(&id)
}

async fn unread(stores: &Stores, user: UserId, id: ConversationId) -> i64 {
    state(stores, user, id).await.unwrap().unread
}

/// Who is seen to have read how far.
async fn seen(stores: &Stores, viewer: UserId, id: ConversationId) -> Vec<(UserId, i64)> {
    let markers = stores.sql.markers(viewer, &[id]).await.unwrap().remove(&id).unwrap_or_default();
    assert!(markers.is_sorted_by(|one, next| one.at >= next.at), "{markers:?}");
    markers.iter().map(|marker| (marker.user, marker.seq)).collect()
}

async fn a_marker_moves_forward_only_and_not_past_the_head(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    assert_eq!(read(stores, mark(grace, id, 1)).await, None, "there is nothing yet");
    say_often(stores, id, ada, 5).await;
    for (seq, now) in
        [(2, Some(2)), (2, None), (1, None), (4, Some(4)), (i64::MAX, Some(5)), (6, None)]
    {
        assert_eq!(read(stores, mark(grace, id, seq)).await, now, "{seq}");
    }
    assert_eq!(stores.sql.head().await.unwrap(), Position(8), "what does not move is not told");
    say_often(stores, id, ada, 1).await;
    assert_eq!(read(stores, mark(grace, id, 6)).await, Some(6));
    assert_eq!(seen(stores, grace, id).await, [(grace, 6)]);
}

async fn marks_of_a_batch_are_taken_together(stores: &Stores) {
    let (ada, grace, here) = conversation(stores).await;
    let (alan, emmy, there) = conversation(stores).await;
    say_often(stores, here, ada, 5).await;
    say_often(stores, there, alan, 5).await;
    let marks = [
        mark(grace, here, 2),
        mark(alan, there, 9),
        mark(grace, here, 4),
        mark(grace, there, 4),
        mark(grace, here, 3),
        mark(ada, here, 1),
        Mark { place: Place::Group(None), ..mark(emmy, there, 1) },
    ];
    let Marked { known, entries } = moved(stores, &marks).await;
    assert_eq!(known, [true, true, true, false, true, true, false]);
    assert!(entries.iter().map(|entry| entry.pos.0).eq(11..=13));
    let told: HashSet<_> = entries
        .iter()
        .map(|entry| (entry.conversation().unwrap(), marker(entry).user, marker(entry).seq))
        .collect();
    assert_eq!(told, HashSet::from([(here, grace, 4), (there, alan, 5), (here, ada, 1)]));
    assert!(entries.iter().all(|entry| matches!(entry.scope, Scope::Conversation(_))));
    assert!(entries.iter().all(|entry| heard(&entry.to, entry.pos).len() == 2));
    let log = stores.sql.read(Position(10), Position(13), 10).await.unwrap();
    assert!(log.iter().map(|entry| (**entry).clone()).eq(entries.iter().cloned()));
    assert!(moved(stores, &[]).await.entries.is_empty());
}

async fn what_is_unread_lies_behind_what_was_read_or_sent(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    assert_eq!(state(stores, ada, id).await, Some(ReadState { unread: 0, muted: false }));
    say_often(stores, id, ada, 3).await;
    assert_eq!((unread(stores, ada, id).await, unread(stores, grace, id).await), (0, 3));
    read(stores, mark(grace, id, 1)).await;
    assert_eq!(unread(stores, grace, id).await, 2);
    // Sending means having read.
    say_often(stores, id, grace, 2).await;
    assert_eq!((unread(stores, ada, id).await, unread(stores, grace, id).await), (2, 0));
    let both: Vec<_> = (0..4)
        .map(|n| draft(stores, id, if n % 2 == 0 { ada } else { grace }, "x", None))
        .collect();
    write(stores, &both).await;
    assert_eq!((unread(stores, ada, id).await, unread(stores, grace, id).await), (1, 0));
    // Reading what one has sent behind changes nothing.
    assert_eq!(read(stores, mark(ada, id, 2)).await, Some(2));
    assert_eq!(unread(stores, ada, id).await, 1);
    assert_eq!(read(stores, mark(ada, id, 9)).await, Some(9));
    assert_eq!(unread(stores, ada, id).await, 0);

    let (other, _, elsewhere) = conversation(stores).await;
    let states = stores.sql.read_states(ada, &[id, elsewhere]).await.unwrap();
    assert_eq!(states.len(), 1, "of others' conversations nothing is told");
    assert!(stores.sql.read_states(other, &[]).await.unwrap().is_empty());
}

async fn members_read_from_where_they_joined(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    let id = group.id.into();
    change(stores, &group, 1, &[(ada, OWNER)]).await;
    for _ in 0..3 {
        say(stores, &group, ada).await;
    }
    change(stores, &group, 2, &[(grace, MEMBER)]).await;
    assert_eq!(unread(stores, grace, id).await, 0);
    say(stores, &group, ada).await;
    assert_eq!(unread(stores, grace, id).await, 1);
    assert_eq!(read(stores, in_group(grace, &group, 3)).await, None, "it was before her time");
    assert_eq!(read(stores, in_group(grace, &group, 4)).await, Some(4));
    say(stores, &group, grace).await;

    // Who comes back begins anew.
    change(stores, &group, 3, &[(grace, None)]).await;
    assert_eq!(state(stores, grace, id).await, None);
    assert_eq!(stores.sql.unread(grace).await.unwrap(), 0);
    assert!(seen(stores, ada, id).await.is_empty());
    say(stores, &group, ada).await;
    change(stores, &group, 4, &[(grace, MEMBER)]).await;
    assert_eq!(unread(stores, grace, id).await, 0);
    assert!(seen(stores, grace, id).await.is_empty());
    for left in 1..=2 {
        say(stores, &group, ada).await;
        assert_eq!(unread(stores, grace, id).await, left);
    }
    say(stores, &group, grace).await;
    assert_eq!((unread(stores, grace, id).await, unread(stores, ada, id).await), (0, 1));
}

async fn a_marker_is_seen_where_it_is_shared(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let (alan, _, elsewhere) = conversation(stores).await;
    say_often(stores, id, ada, 5).await;
    let entries = moved(stores, &[secretly(grace, id, 2)]).await.entries;
    assert_eq!(entries[0].scope, Scope::User(grace));
    assert!(entries[0].recipients().eq([grace]));
    assert_eq!(entries[0].conversation(), Some(id));
    assert_eq!(seen(stores, grace, id).await, [(grace, 2)]);
    assert!(seen(stores, ada, id).await.is_empty());

    read(stores, mark(ada, id, 5)).await;
    assert_eq!(seen(stores, grace, id).await, [(ada, 5), (grace, 2)]);
    read(stores, mark(grace, id, 3)).await;
    assert_eq!(seen(stores, ada, id).await, [(grace, 3), (ada, 5)]);
    let entries = moved(stores, &[secretly(grace, id, 4)]).await.entries;
    assert_eq!(entries[0].scope, Scope::User(grace));
    assert_eq!(seen(stores, ada, id).await, [(ada, 5)], "the last one counts");

    assert!(seen(stores, alan, id).await.is_empty());
    let all = stores.sql.markers(ada, &[id, elsewhere]).await.unwrap();
    assert_eq!(all.into_keys().collect::<Vec<_>>(), [id]);
    assert!(stores.sql.markers(ada, &[]).await.unwrap().is_empty());
}

async fn a_group_shows_the_newest_markers(stores: &Stores) {
    let ada: UserId = stores.ambient.id();
    let others: Vec<UserId> = (0..MAX_MARKERS + 5).map(|_| stores.ambient.id()).collect();
    let group = new_group(stores);
    let mut roles = vec![(ada, OWNER)];
    roles.extend(others.iter().map(|user| (*user, MEMBER)));
    change(stores, &group, 1, &roles).await;
    say(stores, &group, ada).await;
    read(stores, in_group(ada, &group, 1)).await;
    for user in &others {
        let entries = moved(stores, &[in_group(*user, &group, 1)]).await.entries;
        assert_eq!(heard(&entries[0].to, entries[0].pos).len(), roles.len());
    }
    let (of_ada, of_last) = (
        seen(stores, ada, group.id.into()).await,
        seen(stores, others[others.len() - 1], group.id.into()).await,
    );
    let newest: Vec<_> = others.iter().rev().map(|user| (*user, 1)).collect();
    assert_eq!(of_last, newest[..MAX_MARKERS]);
    assert_eq!(of_ada[..MAX_MARKERS - 1], newest[..MAX_MARKERS - 1]);
    assert_eq!(of_ada[MAX_MARKERS - 1..], [(ada, 1)], "one's own is always there");
}

/// Marks a job done that brings this about.
async fn complete(stores: &Stores, effects: Effects) {
    let mail = Mail { to: "x@example.org".into(), subject: "x".into(), text: "x".into() };
    let job = Job::new(&stores.ambient, Task::SendMail(mail));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let done = stores.sql.complete(job.id, stores.ambient.now(), effects).await.unwrap();
    assert!(matches!(done, Completion::Done(_)));
}

async fn a_marker_is_not_shared_behind_a_change_of_settings(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    say_often(stores, id, ada, 5).await;
    let asked = stores.sql.head().await.unwrap();
    let as_of = |pos, seq| Mark { shared_as_of: Some(pos), ..mark(grace, id, seq) };
    let changed = |user| Effects {
        entries: vec![NewEntry { user, change: Change::PersonChanged }],
        ..Effects::default()
    };
    complete(stores, changed(ada)).await;
    read(stores, as_of(asked, 1)).await;
    assert_eq!(seen(stores, ada, id).await, [(grace, 1)], "others' changes don't matter");
    complete(stores, changed(grace)).await;
    read(stores, as_of(asked, 2)).await;
    assert!(seen(stores, ada, id).await.is_empty(), "she may have turned it off since");
    read(stores, as_of(stores.sql.head().await.unwrap(), 3)).await;
    assert_eq!(seen(stores, ada, id).await, [(grace, 3)]);
}

async fn whoever_hides_their_markers_hides_all_of_them(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let alan: UserId = stores.ambient.id();
    let with_alan =
        stores.sql.open_direct(&stores.ambient, grace, &[alan]).await.unwrap()[&alan].id;
    for (id, other) in [(id, ada), (with_alan, alan)] {
        say_often(stores, id, other, 2).await;
        moved(stores, &[mark(grace, id, 2), mark(other, id, 1)]).await;
    }
    complete(stores, Effects { receipts_off: Some(grace), ..Effects::default() }).await;
    for (id, other) in [(id, ada), (with_alan, alan)] {
        assert_eq!(seen(stores, other, id).await, [(other, 1)]);
        assert_eq!(seen(stores, grace, id).await.len(), 2, "she still sees her own");
        assert_eq!(unread(stores, grace, id).await, 0);
    }
}

async fn what_is_muted_does_not_count(stores: &Stores) {
    let ada: UserId = stores.ambient.id();
    let others: Vec<UserId> = (0..4).map(|_| stores.ambient.id()).collect();
    let opened = stores.sql.open_direct(&stores.ambient, ada, &others).await.unwrap();
    assert_eq!(stores.sql.unread(ada).await.unwrap(), 0);
    for (count, other) in (1..).zip(&others) {
        say_often(stores, opened[other].id, *other, count).await;
    }
    let unread = async || stores.sql.unread(ada).await.unwrap();
    assert_eq!(unread().await, 10);
    let mute = async |place: usize, muted| {
        let (at, id) = (stores.ambient.now(), opened[&others[place]].id);
        stores.sql.mute(at, ada, id, &Place::Direct, muted).await.unwrap().unwrap();
    };
    mute(3, true).await;
    assert_eq!(unread().await, 6);
    mute(1, true).await;
    assert_eq!(unread().await, 4);
    let muted = state(stores, ada, opened[&others[1]].id).await;
    assert_eq!(muted, Some(ReadState { unread: 2, muted: true }), "it still tells for itself");
    mute(3, false).await;
    assert_eq!(unread().await, 8);
    read(stores, mark(ada, opened[&others[3]].id, 1)).await;
    assert_eq!(unread().await, 7);
    assert_eq!(stores.sql.unread(others[0]).await.unwrap(), 0);
    assert_eq!(stores.sql.unread(stores.ambient.id()).await.unwrap(), 0);
}

async fn a_conversation_is_muted_once(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let mute = async |user, muted| {
        let at: Timestamp = stores.ambient.now();
        stores.sql.mute(at, user, id, &Place::Direct, muted).await.unwrap().unwrap()
    };
    assert!(mute(ada, false).await.is_empty());
    let entries = mute(ada, true).await;
    let expected = Change::MuteChanged { conversation: id, place: Place::Direct };
    assert_eq!((entries.len(), &entries[0].change), (1, &expected));
    assert_eq!((entries[0].scope, entries[0].pos), (Scope::User(ada), Position(1)));
    assert!(entries[0].recipients().eq([ada]));
    assert!(mute(ada, true).await.is_empty());
    assert!(mute(grace, false).await.is_empty(), "it is each one's own");
    assert_eq!(mute(ada, false).await[0].pos, Position(2));
    let log = stores.sql.read(Position(0), Position(2), 10).await.unwrap();
    assert_eq!(*log[0], entries[0]);
    assert_eq!((feed(stores, ada, 0).await, feed(stores, grace, 0).await), (vec![1, 2], vec![]));
}

async fn only_who_is_in_it_reads_and_mutes(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let stranger: UserId = stores.ambient.id();
    say_often(stores, id, ada, 2).await;
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    say(stores, &group, ada).await;
    change(stores, &group, 2, &[(grace, None)]).await;
    let head = stores.sql.head().await.unwrap();
    let marks = [mark(stranger, id, 1), in_group(grace, &group, 1), in_group(stranger, &group, 1)];
    let Marked { known, entries } = moved(stores, &marks).await;
    assert_eq!((known, entries.len()), (vec![false; 3], 0));
    let of_group = Place::Group(None);
    for (user, id, place) in [
        (stranger, id, &Place::Direct),
        (grace, group.id.into(), &of_group),
        (ada, group.id.into(), &Place::Direct),
        (ada, id, &of_group),
    ] {
        let muted = stores.sql.mute(stores.ambient.now(), user, id, place, true).await.unwrap();
        assert_eq!(muted, None);
    }
    assert_eq!(state(stores, stranger, id).await, None);
    assert_eq!(stores.sql.head().await.unwrap(), head);
}

async fn writers_and_markers_at_once_leave_no_gap(stores: &Stores) {
    let talks =
        [conversation(stores).await, conversation(stores).await, conversation(stores).await];
    let writing = join_all((0..6).map(|writer| {
        let (one, _, id) = talks[writer % 3];
        async move {
            for _ in 0..8 {
                say_often(stores, id, one, 4).await;
            }
        }
    }));
    let reading = join_all((0..6).map(|reader| {
        let (one, other, id) = talks[reader % 3];
        async move {
            let mut told = Vec::new();
            for seq in 1..=16 {
                let marks = [mark(other, id, 4 * seq), secretly(one, id, 2 * seq)];
                told.extend(moved(stores, &marks).await.entries);
            }
            told
        }
    }));
    let (_, told) = join(writing, reading).await;
    let mut told: Vec<Entry> = told.into_iter().flatten().collect();
    told.sort_by_key(|entry| entry.pos);
    let head = stores.sql.head().await.unwrap();
    let log = stores.sql.read(Position(0), head, 10_000).await.unwrap();
    assert!(log.iter().map(|entry| entry.pos.0).eq(1..=head.0), "no gap");
    let marks = log.iter().filter(|entry| matches!(entry.change, Change::ReadMarkerMoved { .. }));
    assert!(marks.map(|entry| (**entry).clone()).eq(told.iter().cloned()));
    assert_eq!(log.len(), 6 * 8 * 4 + told.len());
    for (one, other, id) in talks {
        for user in [one, other] {
            let markers = told.iter().filter(|entry| entry.conversation() == Some(id));
            let of_user = markers.map(marker).filter(|marker| marker.user == user);
            assert!(of_user.map(|marker| marker.seq).is_sorted_by(|one, next| one < next));
        }
        read(stores, mark(other, id, i64::MAX)).await;
        assert_eq!((unread(stores, one, id).await, unread(stores, other, id).await), (0, 0));
    }
}

async fn what_a_mark_logs_is_read_by_who_comes_back(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    say_often(stores, id, ada, 3).await;
    read(stores, mark(grace, id, 1)).await;
    read(stores, secretly(ada, id, 1)).await;
    read(stores, mark(grace, id, 2)).await;
    assert_eq!(feed(stores, ada, 3).await, [4, 5, 6]);
    assert_eq!(feed(stores, grace, 3).await, [4, 6]);
    assert_eq!(feed(stores, ada, 5).await, [6], "what is logged last is noted");
    let found = stores.sql.conversations(ada, &[id]).await.unwrap()[&id];
    assert_eq!(found.last_pos, Position(3), "reading is no activity");
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    let logged: i64 = sqlx::query_scalar("SELECT logged_pos FROM conversations")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(logged, 6);
}
