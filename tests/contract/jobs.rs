//! What keeps jobs.

use std::time::Duration;

use chatterbox::{
    ids::UserId,
    jobs::{Completion, DeadLetterStore, Effects, Job, JobStore, Task},
    mail::Mail,
    messaging::{Change, Entry, LogStore, NewEntry, Position},
    people::Departure,
};
use chatterbox_graph::Timestamp;
use futures::future::join_all;

use crate::Stores;

crate::promises! {
    a_job_waits_until_its_time_has_come,
    jobs_of_one_subject_are_known_to_each_other,
    of_a_subject_only_the_oldest_job_is_due,
    a_task_may_be_long,
    a_job_is_done_once_and_its_events_are_told_once,
    a_job_that_failed_is_tried_again_later,
}

fn job(stores: &Stores, to: &str) -> Job {
    let mail = Mail { to: to.into(), subject: "subject".into(), text: "Ünïcödé\n".into() };
    // Ids grow with the milliseconds of the clock.
    stores.clock.advance(Duration::from_millis(2));
    Job::new(&stores.ambient, Task::SendMail(mail))
}

/// What was appended by marking a job done.
pub fn done(completion: Completion) -> Vec<Entry> {
    match completion {
        Completion::Done(entries) => entries,
        other => panic!("{other:?}"),
    }
}

async fn a_job_waits_until_its_time_has_come(stores: &Stores) {
    let (first, second) = (job(stores, "a@example.org"), job(stores, "b@example.org"));
    for job in [&first, &second] {
        assert!(JobStore::insert(&stores.sql, job).await.unwrap().is_empty());
    }
    assert_eq!(stores.sql.pending().await.unwrap(), 2);
    assert!(stores.sql.due(stores.ambient.now(), 10).await.unwrap().is_empty());
    let due = stores.sql.due(second.run_at, 10).await.unwrap();
    assert_eq!(due, [first.clone(), second]);
    assert_eq!(stores.sql.due(Timestamp(i64::MAX), 1).await.unwrap(), [first]);
}

async fn jobs_of_one_subject_are_known_to_each_other(stores: &Stores) {
    let jobs: Vec<Job> = (0..3).map(|_| job(stores, "a@example.org")).collect();
    let other = job(stores, "b@example.org");
    JobStore::insert(&stores.sql, &jobs[0]).await.unwrap();
    JobStore::insert(&stores.sql, &other).await.unwrap();
    assert_eq!(JobStore::insert(&stores.sql, &jobs[1]).await.unwrap(), jobs[..1]);
    assert_eq!(JobStore::insert(&stores.sql, &jobs[2]).await.unwrap(), jobs[..2]);
    assert_eq!(stores.sql.open("a@example.org").await.unwrap(), jobs);
    assert_eq!(stores.sql.open("b@example.org").await.unwrap(), [other]);
}

async fn of_a_subject_only_the_oldest_job_is_due(stores: &Stores) {
    let jobs: Vec<Job> = (0..3).map(|_| job(stores, "a@example.org")).collect();
    let other = job(stores, "b@example.org");
    for job in jobs.iter().chain([&other]) {
        JobStore::insert(&stores.sql, job).await.unwrap();
    }
    let due = stores.sql.due(other.run_at, 10).await.unwrap();
    assert_eq!(due, [jobs[0].clone(), other.clone()]);
    // It holds the others up until it is done.
    let later = Timestamp(other.run_at.0 + 60_000_000);
    stores.sql.postpone(jobs[0].id, later, "the mail server is away").await.unwrap();
    assert_eq!(stores.sql.due(other.run_at, 10).await.unwrap(), [other]);
    stores.sql.complete(jobs[0].id, later, Effects::default()).await.unwrap();
    assert_eq!(stores.sql.due(later, 1).await.unwrap(), jobs[1..2]);
}

async fn a_task_may_be_long(stores: &Stores) {
    let ties: Vec<UserId> = (0..10_000).map(|_| stores.ambient.id()).collect();
    let departure = Departure { user: ties[0], ties, at: stores.ambient.now() };
    let job = Job::new(&stores.ambient, Task::RemovePerson(departure));
    JobStore::insert(&stores.sql, &job).await.unwrap();
    assert_eq!(stores.sql.due(job.run_at, 1).await.unwrap()[0].task, job.task);
    stores.sql.bury(job.id, job.run_at, "why").await.unwrap();
    let letter = stores.sql.dead_letter(job.id).await.unwrap().unwrap();
    assert_eq!(letter.job.task, job.task);
}

async fn a_job_is_done_once_and_its_events_are_told_once(stores: &Stores) {
    let job = job(stores, "a@example.org");
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let user = stores.ambient.id();
    let entry = NewEntry {
        user,
        change: Change::FriendshipChanged { other: stores.ambient.id(), now: None },
    };
    let at = stores.ambient.now();
    let told = join_all((0..4).map(|_| {
        let entries = vec![entry.clone(), entry.clone()];
        let effects = Effects { entries, ..Effects::default() };
        async move { done(stores.sql.complete(job.id, at, effects).await.unwrap()) }
    }))
    .await;
    let told: Vec<_> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 2);
    assert_eq!(stores.sql.head().await.unwrap(), Position(2));
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
    let log = stores.sql.read(Position(0), Position(2), 10).await.unwrap();
    assert_eq!(log.iter().map(|entry| (**entry).clone()).collect::<Vec<_>>(), told);
}

async fn a_job_that_failed_is_tried_again_later(stores: &Stores) {
    let job = job(stores, "a@example.org");
    JobStore::insert(&stores.sql, &job).await.unwrap();
    let later = Timestamp(job.run_at.0 + 60_000_000);
    stores.sql.postpone(job.id, later, "the mail server is away").await.unwrap();
    assert!(stores.sql.due(job.run_at, 10).await.unwrap().is_empty());
    let due = stores.sql.due(later, 10).await.unwrap();
    assert_eq!((due[0].attempts, due[0].run_at), (1, later));
    assert_eq!(due[0].task, job.task);
}
