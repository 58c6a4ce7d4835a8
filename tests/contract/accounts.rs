//! What keeps accounts and one-time codes.

use chatterbox::{
    accounts::{
        AccountStore, CodeHash, EmailAddress, Login, NewAccount, NewCode, PasswordHash, Purpose,
        RIVALS, Registration, StaleStore,
    },
    ids::UserId,
    jobs::{Job, JobStore, Task},
    mail::Mail,
    messaging::{Change, LogStore, Position},
    people::Username,
};
use chatterbox_graph::{NewPerson, Timestamp};
use futures::future::join_all;

use crate::{
    Stores,
    sessions::{ended, new_session, open, sorted},
};

crate::promises! {
    an_account_is_found_by_id_name_and_address,
    an_account_may_be_verified_from_the_start,
    registering_writes_its_code_and_its_jobs_down,
    names_and_addresses_are_unique_and_a_refusal_writes_nothing,
    an_address_is_nobodys_until_it_is_confirmed,
    the_codes_of_several_accounts_are_kept_and_tried_at_once,
    of_those_who_register_at_once_one_gets_the_name,
    a_code_has_so_many_tries,
    tries_at_once_are_all_counted,
    a_code_expires,
    codes_that_expired_are_deleted,
    only_the_newest_code_for_a_purpose_counts,
    a_code_confirms_an_address_once,
    changing_a_password_ends_the_other_sessions,
    a_password_that_is_not_the_old_one_changes_nothing,
    no_session_outlives_the_change_of_password_it_races_with,
    resetting_a_password_ends_every_session_and_opens_one,
    a_code_resets_a_password_once,
    ended_sessions_are_in_the_log_without_a_gap,
}

const MINUTE: i64 = 60_000_000;

pub fn password(text: &str) -> PasswordHash {
    PasswordHash::from_stored(format!("$argon2id${text}"))
}

pub fn later(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp(at.0 + micros)
}

pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub fn username(name: &str) -> Login {
    Login::Username(Username::parse(name).unwrap())
}

pub fn email(text: &str) -> Login {
    Login::Email(address(text))
}

pub fn new_account(stores: &Stores, name: &str, email: &str) -> NewAccount {
    NewAccount {
        id: stores.ambient.id(),
        username: Username::parse(name).unwrap(),
        email: address(email),
        password: password(name),
        email_verified: false,
        lapses_at: None,
        at: stores.ambient.now(),
    }
}

/// One whose address counts as confirmed.
pub fn confirmed(stores: &Stores, name: &str, email: &str) -> NewAccount {
    NewAccount { email_verified: true, ..new_account(stores, name, email) }
}

/// An account whose password is its name, with a confirmed address.
pub async fn registered(stores: &Stores, name: &str) -> UserId {
    let account = confirmed(stores, name, &format!("{name}@example.org"));
    let made = stores.sql.register(&account, None, &[]).await.unwrap();
    assert_eq!(made, Registration::Made);
    account.id
}

/// The hash of a code, to whomever it was mailed.
pub fn hash_of(user: UserId, purpose: Purpose, digits: &str) -> CodeHash {
    CodeHash::of(user, purpose, &address("ada@example.org"), digits)
}

pub fn new_code(stores: &Stores, user: UserId, purpose: Purpose, digits: &str) -> NewCode {
    NewCode {
        purpose,
        hash: hash_of(user, purpose, digits),
        expires_at: later(stores.ambient.now(), 15 * MINUTE),
        tries: 5,
        email: None,
    }
}

pub fn mail_job(stores: &Stores, to: &str) -> Job {
    let mail = Mail { to: to.to_owned(), subject: "x".to_owned(), text: "y\n".to_owned() };
    Job::new(&stores.ambient, Task::SendMail(mail))
}

fn person_job(stores: &Stores, account: &NewAccount) -> Job {
    let person = NewPerson {
        id: account.id,
        username: account.username.as_str().to_owned(),
        display_name: "Somebody".to_owned(),
        created_at: account.at,
    };
    Job::new(&stores.ambient, Task::AddPerson(person))
}

pub async fn put(stores: &Stores, user: UserId, purpose: Purpose, digits: &str) -> CodeHash {
    let code = new_code(stores, user, purpose, digits);
    let mail = mail_job(stores, "ada@example.org");
    let hash = code.hash.clone();
    stores.sql.put_codes(&[(user, code)], &mail).await.unwrap();
    hash
}

pub async fn tries(stores: &Stores, user: UserId, purpose: Purpose) -> Option<CodeHash> {
    let now = stores.ambient.now();
    let kept = stores.sql.try_codes(&[user], purpose, now).await.unwrap().pop();
    kept.map(|(of, kept)| {
        assert_eq!(of, user);
        kept.hash
    })
}

async fn verified(stores: &Stores, user: UserId) -> bool {
    stores.sql.account(user).await.unwrap().unwrap().email_verified
}

async fn password_of(stores: &Stores, user: UserId) -> PasswordHash {
    stores.sql.account(user).await.unwrap().unwrap().password
}

pub async fn an_account_is_found_by_id_name_and_address(stores: &Stores) {
    let account = confirmed(stores, "ada", "ada@example.org");
    stores.sql.register(&account, None, &[]).await.unwrap();
    let found = [
        stores.sql.account(account.id).await.unwrap(),
        stores.sql.account_by_login(&username("Ada")).await.unwrap(),
        stores.sql.account_by_login(&email("ADA@example.org")).await.unwrap(),
    ];
    for found in found {
        let found = found.unwrap();
        assert_eq!(found.id, account.id);
        assert_eq!(found.email, account.email);
        assert_eq!(found.password, account.password);
        assert!(found.email_verified);
    }
    assert!(stores.sql.account(stores.ambient.id()).await.unwrap().is_none());
    assert!(stores.sql.account_by_login(&username("grace")).await.unwrap().is_none());
    assert!(stores.sql.account_by_login(&email("grace@example.org")).await.unwrap().is_none());
}

pub async fn an_account_may_be_verified_from_the_start(stores: &Stores) {
    let mut account = new_account(stores, "ada", "ada@example.org");
    account.email_verified = true;
    stores.sql.register(&account, None, &[]).await.unwrap();
    assert!(verified(stores, account.id).await);
}

pub async fn registering_writes_its_code_and_its_jobs_down(stores: &Stores) {
    let account = new_account(stores, "ada", "ada@example.org");
    let code = new_code(stores, account.id, Purpose::VerifyEmail, "123456");
    let jobs = [person_job(stores, &account), mail_job(stores, "ada@example.org")];
    stores.sql.register(&account, Some(&code), &jobs).await.unwrap();
    let kept = tries(stores, account.id, Purpose::VerifyEmail).await.unwrap();
    assert!(kept.matches(&code.hash));
    let due = stores.sql.due(later(stores.ambient.now(), MINUTE), 10).await.unwrap();
    assert_eq!(due.len(), 2);
    for job in jobs {
        assert!(due.iter().any(|due| due.id == job.id && due.task == job.task));
    }
}

pub async fn names_and_addresses_are_unique_and_a_refusal_writes_nothing(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    for (name, address, outcome) in [
        ("ada", "other@example.org", Registration::UsernameTaken),
        ("other", "ada@example.org", Registration::EmailTaken),
        ("ada", "ada@example.org", Registration::UsernameTaken),
    ] {
        let account = confirmed(stores, name, address);
        let code = new_code(stores, account.id, Purpose::VerifyEmail, "123456");
        let jobs = [person_job(stores, &account)];
        assert_eq!(stores.sql.register(&account, Some(&code), &jobs).await.unwrap(), outcome);
        assert!(stores.sql.account(account.id).await.unwrap().is_none());
        assert!(tries(stores, account.id, Purpose::VerifyEmail).await.is_none());
    }
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
    let kept = stores.sql.account_by_login(&username("ada")).await.unwrap().unwrap();
    assert_eq!(kept.id, ada);
    // What only refused accounts had is free.
    let other = new_account(stores, "other", "other@example.org");
    assert_eq!(stores.sql.register(&other, None, &[]).await.unwrap(), Registration::Made);
}

/// An account whose address, Ada's, is not confirmed.
async fn unconfirmed(stores: &Stores, name: &str) -> UserId {
    let account = new_account(stores, name, "ada@example.org");
    let made = stores.sql.register(&account, None, &[]).await.unwrap();
    assert_eq!(made, Registration::Made);
    account.id
}

pub async fn an_address_is_nobodys_until_it_is_confirmed(stores: &Stores) {
    let rivals = async || {
        let rivals = stores.sql.unconfirmed(&address("ada@example.org")).await.unwrap();
        rivals.into_iter().map(|account| account.id).collect::<Vec<_>>()
    };
    let holder = async || {
        let holder = stores.sql.account_by_login(&email("ada@example.org")).await.unwrap();
        holder.map(|account| account.id)
    };
    assert!(rivals().await.is_empty());
    let (ada, grace) = (unconfirmed(stores, "ada").await, unconfirmed(stores, "grace").await);
    let taken = new_account(stores, "grace", "grace@example.org");
    let refused = stores.sql.register(&taken, None, &[]).await.unwrap();
    assert_eq!(refused, Registration::UsernameTaken);
    assert_eq!((rivals().await, holder().await), (vec![grace, ada], None));
    let found = stores.sql.account_by_login(&username("grace")).await.unwrap().unwrap();
    assert_eq!((found.id, found.email_verified), (grace, false));
    assert_eq!(found.email, address("ada@example.org"));

    let codes = [
        put(stores, ada, Purpose::VerifyEmail, "111111").await,
        put(stores, grace, Purpose::ResetPassword, "222222").await,
    ];
    assert!(stores.sql.verify_email(ada, &codes[0], &new_session(stores)).await.unwrap());
    assert_eq!((rivals().await, holder().await), (vec![grace], Some(ada)));
    // What it had to confirm it with is worth nothing now.
    let (new, session) = (password("new"), new_session(stores));
    let late = stores.sql.reset_password(grace, &codes[1], &new, &session).await.unwrap();
    assert!(late.is_none());
    let late = put(stores, grace, Purpose::VerifyEmail, "333333").await;
    assert!(!stores.sql.verify_email(grace, &late, &new_session(stores)).await.unwrap());
    assert!(!verified(stores, grace).await && open(stores, grace).await.is_empty());
    assert_eq!(password_of(stores, grace).await, password("grace"));

    // The newest of those that there are too many of.
    let mut newest = vec![grace];
    for n in 0..RIVALS {
        stores.clock.advance(std::time::Duration::from_millis(1));
        newest.insert(0, unconfirmed(stores, &format!("ada{n}")).await);
    }
    assert_eq!(rivals().await, newest[..RIVALS]);
}

pub async fn the_codes_of_several_accounts_are_kept_and_tried_at_once(stores: &Stores) {
    let (ada, grace) = (unconfirmed(stores, "ada").await, unconfirmed(stores, "grace").await);
    let (alan, nobody) = (unconfirmed(stores, "alan").await, stores.ambient.id());
    let codes = [(ada, "111111"), (grace, "222222")];
    let codes =
        codes.map(|(user, digits)| (user, new_code(stores, user, Purpose::VerifyEmail, digits)));
    let mail = mail_job(stores, "ada@example.org");
    stores.sql.put_codes(&codes, &mail).await.unwrap();
    assert_eq!(stores.sql.pending().await.unwrap(), 1, "one mail carries them");
    assert!(tries(stores, ada, Purpose::VerifyEmail).await.is_some());
    let now = stores.ambient.now();
    for left in (0..=4).rev() {
        let users = [ada, grace, alan, nobody];
        let mut kept = stores.sql.try_codes(&users, Purpose::VerifyEmail, now).await.unwrap();
        kept.sort_by_key(|(user, _)| codes.iter().position(|(of, _)| of == user));
        let expected = if left > 0 { &codes[..] } else { &codes[1..] };
        assert_eq!(kept.len(), expected.len());
        for ((user, kept), (of, code)) in kept.iter().zip(expected) {
            assert!(user == of && kept.hash.matches(&code.hash));
        }
    }
    assert!(tries(stores, grace, Purpose::VerifyEmail).await.is_none());
}

pub async fn of_those_who_register_at_once_one_gets_the_name(stores: &Stores) {
    let accounts: Vec<NewAccount> = (0..12)
        .map(|n| match n % 3 {
            0 => confirmed(stores, "ada", "ada@example.org"),
            1 => confirmed(stores, "ada", &format!("ada{n}@example.org")),
            _ => confirmed(stores, &format!("ada{n}"), "ada@example.org"),
        })
        .collect();
    let jobs: Vec<[Job; 1]> = accounts.iter().map(|of| [person_job(stores, of)]).collect();
    let register = accounts.iter().zip(&jobs).map(|(of, job)| stores.sql.register(of, None, job));
    let outcomes = join_all(register).await;
    let mut made = Vec::new();
    for (account, outcome) in accounts.iter().zip(outcomes) {
        match outcome.unwrap() {
            Registration::Made => made.push(account),
            _ => assert!(stores.sql.account(account.id).await.unwrap().is_none()),
        }
    }
    // One took both, or one the name and another the address.
    for login in [username("ada"), email("ada@example.org")] {
        let found = stores.sql.account_by_login(&login).await.unwrap().unwrap();
        assert_eq!(made.iter().filter(|account| account.id == found.id).count(), 1);
    }
    assert!((1..=2).contains(&made.len()), "{} were made", made.len());
    assert_eq!(stores.sql.pending().await.unwrap(), made.len() as u64);
}

pub async fn a_code_has_so_many_tries(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let hash = put(stores, ada, Purpose::ResetPassword, "123456").await;
    for _ in 0..5 {
        assert!(tries(stores, ada, Purpose::ResetPassword).await.unwrap().matches(&hash));
    }
    assert!(tries(stores, ada, Purpose::ResetPassword).await.is_none());
}

pub async fn tries_at_once_are_all_counted(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    put(stores, ada, Purpose::VerifyEmail, "123456").await;
    let answers = (0..20).map(|_| tries(stores, ada, Purpose::VerifyEmail));
    let answered = join_all(answers).await.into_iter().flatten().count();
    assert_eq!(answered, 5);
}

pub async fn a_code_expires(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let code = new_code(stores, ada, Purpose::VerifyEmail, "123456");
    let expires_at = code.expires_at;
    let mail = mail_job(stores, "ada@example.org");
    stores.sql.put_codes(&[(ada, code)], &mail).await.unwrap();
    for (at, valid) in [(later(expires_at, -1), true), (expires_at, false)] {
        let kept = stores.sql.try_codes(&[ada], Purpose::VerifyEmail, at).await.unwrap();
        assert_eq!(kept.len(), usize::from(valid));
    }
}

pub async fn codes_that_expired_are_deleted(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    put(stores, ada, Purpose::VerifyEmail, "123456").await;
    stores.clock.advance(std::time::Duration::from_secs(60));
    put(stores, grace, Purpose::VerifyEmail, "123456").await;
    let expired = later(stores.ambient.now(), 14 * MINUTE + MINUTE / 2);
    assert_eq!(stores.sql.drop_codes(expired, 10).await.unwrap(), 1);
    assert!(tries(stores, ada, Purpose::VerifyEmail).await.is_none());
    assert!(tries(stores, grace, Purpose::VerifyEmail).await.is_some());
}

pub async fn only_the_newest_code_for_a_purpose_counts(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let old = put(stores, ada, Purpose::VerifyEmail, "111111").await;
    for _ in 0..5 {
        tries(stores, ada, Purpose::VerifyEmail).await;
    }
    let reset = put(stores, ada, Purpose::ResetPassword, "222222").await;
    let other = put(stores, grace, Purpose::VerifyEmail, "333333").await;
    let new = put(stores, ada, Purpose::VerifyEmail, "444444").await;
    assert!(tries(stores, ada, Purpose::VerifyEmail).await.unwrap().matches(&new));
    assert!(tries(stores, ada, Purpose::ResetPassword).await.unwrap().matches(&reset));
    assert!(tries(stores, grace, Purpose::VerifyEmail).await.unwrap().matches(&other));
    let session = new_session(stores);
    assert!(!stores.sql.verify_email(ada, &old, &session).await.unwrap());
    assert_eq!(stores.sql.pending().await.unwrap(), 4, "each code comes with its mail");
}

pub async fn a_code_confirms_an_address_once(stores: &Stores) {
    let ada = unconfirmed(stores, "ada").await;
    let hash = put(stores, ada, Purpose::VerifyEmail, "123456").await;
    let wrong = hash_of(ada, Purpose::VerifyEmail, "654321");
    let (one, two) = (new_session(stores), new_session(stores));
    assert!(!stores.sql.verify_email(ada, &wrong, &one).await.unwrap());
    assert!(!verified(stores, ada).await);
    let outcomes = join_all([
        stores.sql.verify_email(ada, &hash, &one),
        stores.sql.verify_email(ada, &hash, &two),
    ])
    .await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
    assert!(verified(stores, ada).await);
    assert_eq!(open(stores, ada).await.len(), 1);
    assert!(tries(stores, ada, Purpose::VerifyEmail).await.is_none());
}

pub async fn changing_a_password_ends_the_other_sessions(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let [keep, one, two, other] = std::array::from_fn(|_| new_session(stores));
    for session in [&keep, &one, &two] {
        assert!(stores.sql.open_session(ada, &password("ada"), session).await.unwrap());
    }
    stores.sql.open_session(grace, &password("grace"), &other).await.unwrap();
    for purpose in [Purpose::ResetPassword, Purpose::VerifyEmail, Purpose::ChangeEmail] {
        put(stores, ada, purpose, "123456").await;
    }
    let (new, now) = (password("new"), stores.ambient.now());
    let change = stores.sql.change_password(ada, &password("ada"), &new, keep.id, now).await;
    let entries = change.unwrap().unwrap();

    assert_eq!(sorted(ended(&entries)), sorted(vec![one.id, two.id]));
    assert!(entries.iter().all(|entry| entry.recipients().eq([ada]) && entry.at == now));
    let head = stores.sql.head().await.unwrap();
    let logged = stores.sql.read_for(ada, Position(0), head, 10).await.unwrap();
    assert!(logged.iter().map(|entry| &**entry).eq(&entries));
    assert_eq!(open(stores, ada).await, [keep.id]);
    assert_eq!(open(stores, grace).await, [other.id]);
    assert_eq!(password_of(stores, ada).await, new);
    assert_eq!(password_of(stores, grace).await, password("grace"));
    assert!(tries(stores, ada, Purpose::ResetPassword).await.is_none());
    assert!(tries(stores, ada, Purpose::ChangeEmail).await.is_none());
    assert!(tries(stores, ada, Purpose::VerifyEmail).await.is_some());
}

pub async fn a_password_that_is_not_the_old_one_changes_nothing(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let [keep, one] = std::array::from_fn(|_| new_session(stores));
    for session in [&keep, &one] {
        stores.sql.open_session(ada, &password("ada"), session).await.unwrap();
    }
    put(stores, ada, Purpose::ResetPassword, "123456").await;
    let (wrong, new, now) = (password("wrong"), password("new"), stores.ambient.now());
    let refused = stores.sql.change_password(ada, &wrong, &new, keep.id, now).await.unwrap();
    assert!(refused.is_none());
    assert_eq!(password_of(stores, ada).await, password("ada"));
    assert_eq!(open(stores, ada).await.len(), 2);
    assert!(tries(stores, ada, Purpose::ResetPassword).await.is_some());
    assert_eq!(stores.sql.head().await.unwrap(), Position(0));
}

pub async fn no_session_outlives_the_change_of_password_it_races_with(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let keep = new_session(stores);
    let old = password("ada");
    stores.sql.open_session(ada, &old, &keep).await.unwrap();
    let sessions: Vec<_> = (0..12).map(|_| new_session(stores)).collect();
    let (new, now) = (password("new"), stores.ambient.now());
    let signing_in = join_all(sessions.iter().map(|of| stores.sql.open_session(ada, &old, of)));
    let changing = stores.sql.change_password(ada, &old, &new, keep.id, now);
    let (signed_in, changed) = futures::future::join(signing_in, changing).await;
    let signed_in = signed_in.into_iter().filter(|in_time| *in_time.as_ref().unwrap()).count();
    assert_eq!(ended(&changed.unwrap().unwrap()).len(), signed_in);
    assert_eq!(open(stores, ada).await, [keep.id]);
    assert!(!stores.sql.open_session(ada, &old, &new_session(stores)).await.unwrap());
    assert!(stores.sql.open_session(ada, &new, &new_session(stores)).await.unwrap());
}

pub async fn resetting_a_password_ends_every_session_and_opens_one(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let [one, two, fresh] = std::array::from_fn(|_| new_session(stores));
    for session in [&one, &two] {
        stores.sql.open_session(ada, &password("ada"), session).await.unwrap();
    }
    let hash = put(stores, ada, Purpose::ResetPassword, "123456").await;
    put(stores, ada, Purpose::VerifyEmail, "123456").await;
    put(stores, ada, Purpose::ChangeEmail, "123456").await;
    let new = password("new");
    let entries = stores.sql.reset_password(ada, &hash, &new, &fresh).await.unwrap().unwrap();
    assert_eq!(sorted(ended(&entries)), sorted(vec![one.id, two.id]));
    assert_eq!(open(stores, ada).await, [fresh.id]);
    assert_eq!(password_of(stores, ada).await, new);
    assert!(verified(stores, ada).await, "the address was read");
    for purpose in [Purpose::ResetPassword, Purpose::VerifyEmail, Purpose::ChangeEmail] {
        assert!(tries(stores, ada, purpose).await.is_none());
    }
}

pub async fn a_code_resets_a_password_once(stores: &Stores) {
    let ada = unconfirmed(stores, "ada").await;
    let hash = put(stores, ada, Purpose::ResetPassword, "123456").await;
    let wrong = hash_of(ada, Purpose::ResetPassword, "654321");
    let [one, two] = std::array::from_fn(|_| new_session(stores));
    let (first, second) = (password("first"), password("second"));
    assert!(stores.sql.reset_password(ada, &wrong, &first, &one).await.unwrap().is_none());
    assert_eq!(password_of(stores, ada).await, password("ada"));
    assert!(!verified(stores, ada).await);
    let outcomes = join_all([
        stores.sql.reset_password(ada, &hash, &first, &one),
        stores.sql.reset_password(ada, &hash, &second, &two),
    ])
    .await;
    let done: Vec<bool> = outcomes.into_iter().map(|of| of.unwrap().is_some()).collect();
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    let (winner, session) = if done[0] { (first, one) } else { (second, two) };
    assert_eq!(password_of(stores, ada).await, winner);
    assert_eq!(open(stores, ada).await, [session.id]);
}

pub async fn ended_sessions_are_in_the_log_without_a_gap(stores: &Stores) {
    let users = join_all(["ada", "grace", "alan", "edsger"].map(|name| registered(stores, name)));
    let users: Vec<_> = users.await.into_iter().zip(["ada", "grace", "alan", "edsger"]).collect();
    for (user, name) in &users {
        for _ in 0..3 {
            stores.sql.open_session(*user, &password(name), &new_session(stores)).await.unwrap();
        }
    }
    let now = stores.ambient.now();
    join_all(users.iter().map(|(user, _)| stores.sql.end_sessions(*user, now))).await;
    let head = stores.sql.head().await.unwrap();
    assert_eq!(head, Position(12));
    let log = stores.sql.read(Position(0), head, 100).await.unwrap();
    assert!(log.iter().map(|entry| entry.pos.0).eq(1..=12));
    assert!(log.iter().all(|entry| matches!(entry.change, Change::SessionEnded { .. })));
}
