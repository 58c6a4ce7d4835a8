//! What keeps sessions and their refresh tokens.

use chatterbox::{
    accounts::{AccountStore, Device, NewSession, RefreshToken, StaleStore, TokenHash, Trade},
    ids::{SessionId, UserId},
    messaging::{Change, Entry, LogStore, Position},
};
use chatterbox_graph::Timestamp;
use futures::future::{join, join_all};
use sqlx::{AnyConnection, Connection};

use crate::{
    Stores,
    accounts::{later, password, registered},
};

crate::promises! {
    sessions_are_listed_newest_use_first,
    no_session_is_opened_without_the_password,
    a_token_is_traded_for_the_next,
    a_token_traded_before_ends_its_session,
    of_trades_at_once_one_is_done,
    tokens_that_are_unknown_or_too_old_are_refused,
    a_session_ends_once_and_for_its_user_only,
    all_sessions_of_a_user_end_together,
    each_session_that_ends_is_told_of_once,
    sessions_that_ended_lately_are_listed,
    sessions_nobody_can_use_are_deleted_with_their_tokens,
    tokens_that_are_too_old_are_deleted,
}

const DAY: i64 = 24 * 3_600 * 1_000_000;

pub fn new_session(stores: &Stores) -> NewSession {
    NewSession {
        id: stores.ambient.id(),
        device: None,
        token: new_token(stores),
        at: stores.ambient.now(),
    }
}

fn new_token(stores: &Stores) -> TokenHash {
    RefreshToken::draw(&stores.ambient).hash()
}

/// The sessions of `user` that have not ended, sorted.
pub async fn open(stores: &Stores, user: UserId) -> Vec<SessionId> {
    let sessions = stores.sql.sessions(user, Timestamp(0)).await.unwrap();
    sorted(sessions.into_iter().map(|session| session.id).collect())
}

pub fn sorted(mut ids: Vec<SessionId>) -> Vec<SessionId> {
    ids.sort();
    ids
}

/// The sessions whose end these entries tell.
pub fn ended(entries: &[Entry]) -> Vec<SessionId> {
    let ended = entries.iter().map(|entry| match entry.change {
        Change::SessionEnded { session } => session,
        ref other => panic!("an ended session, not {other:?}"),
    });
    ended.collect()
}

async fn logged(stores: &Stores, user: UserId) -> Vec<SessionId> {
    let head = stores.sql.head().await.unwrap();
    let entries = stores.sql.read_for(user, Position(0), head, 1_000).await.unwrap();
    entries.iter().flat_map(|entry| ended(std::slice::from_ref(entry))).collect()
}

/// A user of this name, and a session of theirs.
async fn signed_in(stores: &Stores, name: &str) -> (UserId, NewSession) {
    let user = registered(stores, name).await;
    let session = new_session(stores);
    assert!(stores.sql.open_session(user, &password(name), &session).await.unwrap());
    (user, session)
}

async fn trade(stores: &Stores, token: &TokenHash, next: &TokenHash) -> Trade {
    let now = stores.ambient.now();
    stores.sql.trade_token(token, next, now, later(now, -90 * DAY)).await.unwrap()
}

pub async fn sessions_are_listed_newest_use_first(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let (_, _other) = signed_in(stores, "grace").await;
    let now = stores.ambient.now();
    let mut sessions: [NewSession; 3] = std::array::from_fn(|_| new_session(stores));
    for (session, age) in sessions.iter_mut().zip([10, 30, 20]) {
        session.at = later(now, -age);
        session.device = Device::parse(Some(&format!("device {age} – 📱"))).unwrap();
        assert!(stores.sql.open_session(ada, &password("ada"), session).await.unwrap());
    }
    let listed = stores.sql.sessions(ada, Timestamp(0)).await.unwrap();
    assert!(listed.iter().map(|session| session.id).eq([0, 2, 1].map(|n| sessions[n].id)));
    assert_eq!(listed[0].device.as_deref(), Some("device 10 – 📱"));
    assert_eq!(listed[0].created_at, sessions[0].at);
    assert_eq!(listed[0].last_used_at, sessions[0].at);

    let next = new_token(stores);
    stores.sql.trade_token(&sessions[1].token, &next, now, Timestamp(0)).await.unwrap();
    let listed = stores.sql.sessions(ada, sessions[2].at).await.unwrap();
    assert!(listed.iter().map(|session| session.id).eq([1, 0].map(|n| sessions[n].id)));
    assert_eq!(listed[0].created_at, sessions[1].at);
    assert_eq!(listed[0].last_used_at, now);
}

pub async fn no_session_is_opened_without_the_password(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let session = new_session(stores);
    assert!(!stores.sql.open_session(ada, &password("wrong"), &session).await.unwrap());
    let nobody = stores.ambient.id();
    assert!(!stores.sql.open_session(nobody, &password("ada"), &session).await.unwrap());
    assert!(open(stores, ada).await.is_empty());
    let next = new_token(stores);
    assert_eq!(trade(stores, &session.token, &next).await, Trade::Refused);
}

pub async fn a_token_is_traded_for_the_next(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let [second, third] = std::array::from_fn(|_| new_token(stores));
    let done = Trade::Done { user: ada, session: session.id };
    assert_eq!(trade(stores, &session.token, &second).await, done);
    assert_eq!(trade(stores, &second, &third).await, done);
    assert_eq!(open(stores, ada).await, [session.id]);
    assert!(logged(stores, ada).await.is_empty());
}

pub async fn a_token_traded_before_ends_its_session(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let other = new_session(stores);
    stores.sql.open_session(ada, &password("ada"), &other).await.unwrap();
    let [second, third] = std::array::from_fn(|_| new_token(stores));
    trade(stores, &session.token, &second).await;
    let Trade::Reused(entries) = trade(stores, &session.token, &third).await else {
        panic!("reuse is noticed")
    };
    assert_eq!(ended(&entries), [session.id]);
    assert!(entries[0].recipients().eq([ada]));
    assert_eq!(open(stores, ada).await, [other.id]);
    for token in [&session.token, &second, &third] {
        assert_eq!(trade(stores, token, &new_token(stores)).await, Trade::Refused);
    }
    assert_eq!(logged(stores, ada).await, [session.id]);
}

pub async fn of_trades_at_once_one_is_done(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let next: Vec<_> = (0..8).map(|_| new_token(stores)).collect();
    let trades = join_all(next.iter().map(|next| trade(stores, &session.token, next))).await;
    let (mut done, mut reused, mut refused) = (0, 0, 0);
    for trade in trades {
        match trade {
            Trade::Done { user, session: of } => {
                assert_eq!((user, of), (ada, session.id));
                done += 1;
            }
            Trade::Reused(entries) => {
                assert_eq!(ended(&entries), [session.id]);
                reused += 1;
            }
            Trade::Refused => refused += 1,
        }
    }
    assert_eq!((done, reused, refused), (1, 1, 6));
    assert!(open(stores, ada).await.is_empty());
    assert_eq!(logged(stores, ada).await, [session.id]);
    for next in &next {
        assert_eq!(trade(stores, next, &new_token(stores)).await, Trade::Refused);
    }
}

pub async fn tokens_that_are_unknown_or_too_old_are_refused(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let next = new_token(stores);
    assert_eq!(trade(stores, &new_token(stores), &next).await, Trade::Refused);
    let now = stores.ambient.now();
    let idle = stores.sql.trade_token(&session.token, &next, now, session.at).await.unwrap();
    assert_eq!(idle, Trade::Refused);
    assert_eq!(open(stores, ada).await, [session.id], "too old is not reuse");
    let just_in_time = later(session.at, -1);
    let done = stores.sql.trade_token(&session.token, &next, now, just_in_time).await.unwrap();
    assert_eq!(done, Trade::Done { user: ada, session: session.id });
}

pub async fn a_session_ends_once_and_for_its_user_only(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let (grace, _) = signed_in(stores, "grace").await;
    let now = stores.ambient.now();
    assert!(stores.sql.end_session(grace, session.id, now).await.unwrap().is_none());
    assert!(stores.sql.end_session(ada, stores.ambient.id(), now).await.unwrap().is_none());
    assert_eq!(open(stores, ada).await, [session.id]);
    let ends = (0..6).map(|_| stores.sql.end_session(ada, session.id, now));
    let ends: Vec<_> = join_all(ends).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(ended(&ends[0]), [session.id]);
    assert!(open(stores, ada).await.is_empty());
    assert_eq!(logged(stores, ada).await, [session.id]);
    assert!(logged(stores, grace).await.is_empty());
    assert_eq!(trade(stores, &session.token, &new_token(stores)).await, Trade::Refused);
}

pub async fn all_sessions_of_a_user_end_together(stores: &Stores) {
    let (ada, first) = signed_in(stores, "ada").await;
    let (grace, other) = signed_in(stores, "grace").await;
    let second = new_session(stores);
    stores.sql.open_session(ada, &password("ada"), &second).await.unwrap();
    let now = stores.ambient.now();
    let entries = stores.sql.end_sessions(ada, now).await.unwrap();
    assert_eq!(sorted(ended(&entries)), sorted(vec![first.id, second.id]));
    assert!(open(stores, ada).await.is_empty());
    assert_eq!(open(stores, grace).await, [other.id]);
    assert!(stores.sql.end_sessions(ada, now).await.unwrap().is_empty());
    assert_eq!(logged(stores, ada).await.len(), 2);
}

pub async fn each_session_that_ends_is_told_of_once(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let sessions: Vec<_> = (0..12).map(|_| new_session(stores)).collect();
    let hash = password("ada");
    let signing_in = join_all(sessions.iter().map(|of| stores.sql.open_session(ada, &hash, of)));
    let now = stores.ambient.now();
    let ending = join_all((0..4).map(|_| stores.sql.end_sessions(ada, now)));
    let (signed_in, ends) = join(signing_in, ending).await;
    assert!(signed_in.into_iter().all(|outcome| outcome.unwrap()));
    let mut told: Vec<_> = ends.into_iter().flat_map(|of| ended(&of.unwrap())).collect();
    told.extend(open(stores, ada).await);
    let all = sessions.iter().map(|session| session.id).collect();
    assert_eq!(sorted(told), sorted(all), "each is still open, or was told to have ended");
}

pub async fn sessions_that_ended_lately_are_listed(stores: &Stores) {
    let (ada, early) = signed_in(stores, "ada").await;
    let (grace, late) = signed_in(stores, "grace").await;
    let (_alan, _still_open) = signed_in(stores, "alan").await;
    let now = stores.ambient.now();
    stores.sql.end_session(ada, early.id, later(now, -100)).await.unwrap();
    stores.sql.end_session(grace, late.id, now).await.unwrap();
    assert_eq!(stores.sql.ended_since(now).await.unwrap(), [(late.id, now)]);
    assert_eq!(stores.sql.ended_since(later(now, -100)).await.unwrap().len(), 2);
    assert!(stores.sql.ended_since(later(now, 1)).await.unwrap().is_empty());
}

/// How many refresh tokens there are, which only the table itself tells.
async fn tokens(stores: &Stores) -> i64 {
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM refresh_tokens");
    let count = count.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

pub async fn sessions_nobody_can_use_are_deleted_with_their_tokens(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let now = stores.ambient.now();
    let mut sessions: [NewSession; 4] = std::array::from_fn(|_| new_session(stores));
    for opened_long_ago in [0, 2, 3] {
        sessions[opened_long_ago].at = later(now, -100 * DAY);
    }
    for session in &sessions {
        assert!(stores.sql.open_session(ada, &password("ada"), session).await.unwrap());
    }
    let [ended_long_ago, ended, idle, used] = &sessions;
    stores.sql.end_session(ada, ended_long_ago.id, later(now, -50 * DAY)).await.unwrap();
    stores.sql.end_session(ada, ended.id, now).await.unwrap();
    let next = new_token(stores);
    stores.sql.trade_token(&used.token, &next, now, Timestamp(0)).await.unwrap();
    assert_eq!(tokens(stores).await, 5);

    let drop = async |limit| {
        stores.sql.drop_sessions(later(now, -DAY), later(now, -99 * DAY), limit).await.unwrap()
    };
    assert_eq!(drop(1).await, 1);
    while drop(10).await > 0 {}
    assert_eq!(open(stores, ada).await, [used.id]);
    assert_eq!(stores.sql.ended_since(Timestamp(0)).await.unwrap(), [(ended.id, now)]);
    assert_eq!(tokens(stores).await, 3);
    let done = Trade::Done { user: ada, session: used.id };
    assert_eq!(trade(stores, &next, &new_token(stores)).await, done);
    for token in [&ended_long_ago.token, &idle.token] {
        assert_eq!(trade(stores, token, &new_token(stores)).await, Trade::Refused);
    }
}

pub async fn tokens_that_are_too_old_are_deleted(stores: &Stores) {
    let (ada, session) = signed_in(stores, "ada").await;
    let now = stores.ambient.now();
    let mut token = session.token.clone();
    for day in 1..=4 {
        let next = new_token(stores);
        let at = later(now, day * DAY);
        stores.sql.trade_token(&token, &next, at, Timestamp(0)).await.unwrap();
        token = next;
    }
    let too_old = later(now, 2 * DAY);
    assert_eq!(stores.sql.drop_refresh_tokens(too_old, 1).await.unwrap(), 1);
    assert_eq!(stores.sql.drop_refresh_tokens(too_old, 10).await.unwrap(), 1);
    assert_eq!(stores.sql.drop_refresh_tokens(too_old, 10).await.unwrap(), 0);
    assert_eq!(tokens(stores).await, 3);
    let next = new_token(stores);
    let done = Trade::Done { user: ada, session: session.id };
    assert_eq!(trade(stores, &token, &next).await, done);
    assert!(matches!(trade(stores, &token, &next).await, Trade::Reused(_)));
}
