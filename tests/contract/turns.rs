//! What keeps nodes from changing the same at once, and from telling what is no more.

use std::time::Duration;

use chatterbox::{
    accounts::AccountStore,
    ids::UserId,
    jobs::{Completion, Effects, InTurn, Job, JobStore, Task, Turn},
    messaging::{Change, LogStore, NewEntry, Position},
    people::{Departure, DepartureStore, FriendshipAction, FriendshipChange},
};
use chatterbox_graph::{Friendship, Person, Timestamp};
use futures::future::join_all;

use crate::{
    Stores,
    accounts::{password, registered},
    departures::departure,
    jobs::done,
};

crate::promises! {
    of_all_who_take_a_turn_at_once_one_has_it,
    a_job_is_written_down_in_its_turn_only,
    a_turn_runs_out,
    what_was_done_out_of_turn_is_not_told,
    a_turn_ends_with_its_last_job,
    who_closed_their_account_is_told_to_be_gone,
    a_departure_hears_of_later_ties,
}

fn block(stores: &Stores, by: UserId, other: UserId) -> Job {
    // Ids grow with the milliseconds of the clock.
    stores.clock.advance(Duration::from_millis(2));
    let (action, at) = (FriendshipAction::Block, stores.ambient.now());
    let change = FriendshipChange { by, other, action, at };
    Job::new(&stores.ambient, Task::ChangeFriendship(change))
}

fn turn(stores: &Stores, job: &Job) -> Turn {
    Turn::of(job, &stores.ambient)
}

/// That this person sees that of somebody who is called so.
fn sees(stores: &Stores, user: UserId, (id, name): (UserId, &str), sees: Friendship) -> NewEntry {
    let person = Person {
        id,
        username: name.to_owned(),
        display_name: name.to_owned(),
        bio: None,
        avatar_url: None,
        created_at: stores.ambient.now(),
    };
    NewEntry { user, change: Change::FriendshipChanged { other: id, now: Some((person, sees)) } }
}

async fn complete(stores: &Stores, job: &Job, entries: Vec<NewEntry>, turn: InTurn) -> Completion {
    let effects = Effects { entries, turn, ..Effects::default() };
    stores.sql.complete(job.id, stores.ambient.now(), effects).await.unwrap()
}

/// Two people, and what each of them does to the other.
fn two(stores: &Stores) -> [Job; 2] {
    let (ada, grace) = (stores.ambient.id(), stores.ambient.id());
    [block(stores, ada, grace), block(stores, grace, ada)]
}

async fn insert(stores: &Stores, job: &Job, turn: &Turn) -> Option<Vec<Job>> {
    stores.sql.insert_in_turn(job, turn, stores.ambient.now()).await.unwrap()
}

async fn of_all_who_take_a_turn_at_once_one_has_it(stores: &Stores) {
    let [one, _] = two(stores);
    let [other, _] = two(stores);
    let now = stores.ambient.now();
    let turns: Vec<Turn> =
        (0..12).map(|n| turn(stores, if n % 2 == 0 { &one } else { &other })).collect();
    let took = join_all(turns.iter().map(|turn| stores.sql.take_turn(turn, now))).await;
    for parity in 0..2 {
        let of_subject = took.iter().skip(parity).step_by(2);
        assert_eq!(of_subject.filter(|took| *took.as_ref().unwrap()).count(), 1);
    }
    // The others have nothing to give back.
    for (turn, took) in turns.iter().zip(&took) {
        if !took.as_ref().unwrap() {
            stores.sql.end_turn(turn).await.unwrap();
        }
    }
    assert!(!stores.sql.take_turn(&turn(stores, &one), now).await.unwrap());
    for (turn, took) in turns.iter().zip(&took) {
        if *took.as_ref().unwrap() {
            stores.sql.end_turn(turn).await.unwrap();
        }
    }
    assert!(stores.sql.take_turn(&turn(stores, &one), now).await.unwrap());
}

async fn a_job_is_written_down_in_its_turn_only(stores: &Stores) {
    let jobs = two(stores);
    let turns = [turn(stores, &jobs[0]), turn(stores, &jobs[1])];
    // Written down first, though it is the younger by its id: another node's clock is behind.
    assert_eq!(insert(stores, &jobs[1], &turns[1]).await, Some(Vec::new()));
    assert_eq!(insert(stores, &jobs[0], &turns[0]).await, None);
    assert_eq!(stores.sql.pending().await.unwrap(), 1);
    stores.sql.end_turn(&turns[1]).await.unwrap();
    assert_eq!(insert(stores, &jobs[0], &turns[0]).await, Some(vec![jobs[1].clone()]));
    assert_eq!(stores.sql.pending().await.unwrap(), 2);
}

async fn a_turn_runs_out(stores: &Stores) {
    let jobs = two(stores);
    let [first, second] = [turn(stores, &jobs[0]), turn(stores, &jobs[1])];
    assert_eq!(insert(stores, &jobs[0], &first).await, Some(Vec::new()));
    let before = Timestamp(first.ends_at.0 - 1);
    for _ in 0..2 {
        assert!(!stores.sql.take_turn(&second, before).await.unwrap());
    }
    // From the next try on.
    assert!(!stores.sql.take_turn(&second, first.ends_at).await.unwrap());
    assert!(stores.sql.take_turn(&second, first.ends_at).await.unwrap());
    stores.sql.end_turn(&first).await.unwrap();
    assert!(!stores.sql.take_turn(&first, before).await.unwrap(), "it is another's");
}

async fn what_was_done_out_of_turn_is_not_told(stores: &Stores) {
    let jobs = two(stores);
    let [late, taken] = [turn(stores, &jobs[0]), turn(stores, &jobs[0])];
    insert(stores, &jobs[0], &late).await.unwrap();
    assert!(!stores.sql.take_turn(&taken, late.ends_at).await.unwrap());
    assert!(stores.sql.take_turn(&taken, late.ends_at).await.unwrap());
    let (ada, grace) = (stores.ambient.id(), stores.ambient.id());
    let entries = vec![sees(stores, ada, (grace, "grace"), Friendship::None)];
    for told in [entries.clone(), Vec::new()] {
        for late in [InTurn::Within(late.clone()), InTurn::Last(late.clone())] {
            assert_eq!(complete(stores, &jobs[0], told.clone(), late).await, Completion::OutOfTurn);
        }
    }
    assert_eq!(stores.sql.head().await.unwrap(), Position(0));
    assert_eq!(stores.sql.pending().await.unwrap(), 1, "whoever has the turn tells it");
    let told = complete(stores, &jobs[0], entries, InTurn::Last(taken)).await;
    assert_eq!(done(told).len(), 1);
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
}

async fn a_turn_ends_with_its_last_job(stores: &Stores) {
    let jobs = two(stores);
    let now = stores.ambient.now();
    let (ada, grace) = (stores.ambient.id(), stores.ambient.id());
    let told = vec![sees(stores, ada, (grace, "grace"), Friendship::Blocked)];
    for entries in [told, Vec::new()] {
        let turns = [turn(stores, &jobs[0]), turn(stores, &jobs[1])];
        JobStore::insert(&stores.sql, &jobs[0]).await.unwrap();
        insert(stores, &jobs[1], &turns[1]).await.unwrap();
        // Done already, by whoever had the turn before, or done now: it ends all the same.
        for (job, last) in [(&jobs[0], false), (&jobs[0], false), (&jobs[1], true)] {
            assert!(!stores.sql.take_turn(&turns[0], now).await.unwrap());
            let held = turns[1].renewed(&stores.ambient);
            let in_turn = if last { InTurn::Last(held) } else { InTurn::Within(held) };
            done(complete(stores, job, entries.clone(), in_turn).await);
        }
        assert!(stores.sql.take_turn(&turns[0], now).await.unwrap());
        done(complete(stores, &jobs[1], entries, InTurn::Last(turns[0].clone())).await);
        assert!(stores.sql.take_turn(&turns[1], now).await.unwrap());
        stores.sql.end_turn(&turns[1]).await.unwrap();
    }
}

async fn who_closed_their_account_is_told_to_be_gone(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let tells = |job: Job| async move {
        JobStore::insert(&stores.sql, &job).await.unwrap();
        let entries = vec![
            sees(stores, grace, (ada, "ada"), Friendship::RequestSent),
            sees(stores, ada, (grace, "grace"), Friendship::RequestReceived),
        ];
        let told = done(complete(stores, &job, entries, InTurn::Free).await);
        let now = told.into_iter().map(|entry| match entry.change {
            Change::FriendshipChanged { other, now: Some((person, sees)) } => {
                assert_eq!(person.id, other);
                (person.username, sees)
            }
            other => panic!("{other:?}"),
        });
        now.collect::<Vec<_>>()
    };
    let received = ("grace".to_owned(), Friendship::RequestReceived);
    let before = tells(block(stores, grace, ada)).await;
    assert_eq!(before, [("ada".to_owned(), Friendship::RequestSent), received.clone()]);
    let (leaving, now) = (departure(stores, ada), stores.ambient.now());
    let closed = stores.sql.close_account(ada, &password("ada"), &leaving, now).await.unwrap();
    assert!(closed.is_some());
    let after = tells(block(stores, grace, ada)).await;
    assert_eq!(after, [(String::new(), Friendship::None), received]);
}

async fn a_departure_hears_of_later_ties(stores: &Stores) {
    let job = departure(stores, stores.ambient.id());
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let Task::RemovePerson(before) = &job.task else { unreachable!("it is a departure") };
    let ties = [before.ties.clone(), vec![stores.ambient.id()]].concat();
    let after = Departure { ties, ..before.clone() };
    stores.sql.note_ties(job.id, &after).await.unwrap();
    let open = stores.sql.open(&job.task.subject()).await.unwrap();
    assert_eq!(open, [Job { task: Task::RemovePerson(after), ..job }]);
}
