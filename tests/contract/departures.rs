//! What keeps nothing of those who left for good.

use chatterbox::{
    accounts::{AccountStore, Device, Login, NewSession, Purpose, Registration, Trade},
    ids::UserId,
    jobs::{Job, JobStore, Task},
    messaging::{ConversationStore, HistoryRange, LogStore, Outcome, Position},
    people::{Departure, DepartureStore, Username},
};
use chatterbox_graph::Timestamp;
use futures::future::{join, join_all};
use sqlx::{AnyConnection, Connection};

use crate::{
    Stores,
    accounts::{later, mail_job, new_account, new_code, password, registered, tries},
    messages::{conversation, draft, sent, write},
    sessions::{ended, new_session, open, sorted},
};

crate::promises! {
    a_closed_account_leaves_nothing_but_its_name,
    an_account_is_closed_with_its_password_only,
    a_name_is_never_given_again,
    nobody_gets_a_name_that_is_retired_meanwhile,
    no_session_outlives_the_account_it_races_with,
    messages_stay_without_their_sender,
}

pub fn departure(stores: &Stores, user: UserId) -> Job {
    let ties = vec![stores.ambient.id()];
    let departure = Departure { user, ties, at: stores.ambient.now() };
    Job::new(&stores.ambient, Task::RemovePerson(departure))
}

async fn register(stores: &Stores, name: &str, address: &str) -> Registration {
    let account = new_account(stores, name, address);
    stores.sql.register(&account, None, &[]).await.unwrap()
}

/// What only the tables themselves tell.
pub async fn number(stores: &Stores, statement: &'static str) -> i64 {
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
}

async fn a_closed_account_leaves_nothing_but_its_name(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let mut sessions: [_; 3] = std::array::from_fn(|_| new_session(stores));
    for session in &mut sessions {
        session.device = Device::parse(Some("phone")).unwrap();
        assert!(stores.sql.open_session(ada, &password("ada"), session).await.unwrap());
    }
    let other = new_session(stores);
    stores.sql.open_session(grace, &password("grace"), &other).await.unwrap();
    let now = stores.ambient.now();
    stores.sql.end_session(ada, sessions[0].id, now).await.unwrap();
    for (user, purpose) in [
        (ada, Purpose::VerifyEmail),
        (ada, Purpose::ResetPassword),
        (ada, Purpose::ChangeEmail),
        (grace, Purpose::VerifyEmail),
    ] {
        let code = new_code(stores, user, purpose, "123456");
        stores
            .sql
            .put_codes(&[(user, code.clone())], &mail_job(stores, "x@example.org"))
            .await
            .unwrap();
    }
    let (job, head) = (departure(stores, ada), stores.sql.head().await.unwrap());

    let entries =
        stores.sql.close_account(ada, &password("ada"), &job, now).await.unwrap().unwrap();
    assert_eq!(sorted(ended(&entries)), sorted(vec![sessions[1].id, sessions[2].id]));
    assert!(entries.iter().all(|entry| entry.recipients().eq([ada]) && entry.at == now));
    let after = stores.sql.head().await.unwrap();
    let logged = stores.sql.read_for(ada, head, after, 10).await.unwrap();
    assert!(logged.iter().map(|entry| &**entry).eq(&entries));
    assert!(stores.sql.account(ada).await.unwrap().is_none());
    let name = Login::Username(Username::parse("ada").unwrap());
    assert!(stores.sql.account_by_login(&name).await.unwrap().is_none());
    assert!(open(stores, ada).await.is_empty());
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::ChangeEmail] {
        assert!(tries(stores, ada, purpose).await.is_none());
    }
    for session in &sessions {
        let trade = stores.sql.trade_token(&session.token, &other.token, now, Timestamp(0)).await;
        assert_eq!(trade.unwrap(), Trade::Refused);
    }
    assert!(!stores.sql.open_session(ada, &password("ada"), &new_session(stores)).await.unwrap());
    let due = stores.sql.due(later(now, 60_000_000), 10).await.unwrap();
    assert!(due.contains(&job));
    for statement in [
        "SELECT COUNT(*) FROM sessions WHERE device IS NOT NULL",
        "SELECT COUNT(*) - 1 FROM refresh_tokens",
        "SELECT COUNT(*) - 1 FROM accounts",
    ] {
        assert_eq!(number(stores, statement).await, 0, "{statement}");
    }
    // Nobody else lost anything.
    assert_eq!(open(stores, grace).await, [other.id]);
    assert!(tries(stores, grace, Purpose::VerifyEmail).await.is_some());
    let closed = stores.sql.ended_since(now).await.unwrap();
    assert_eq!(closed.len(), 3, "nodes that start later know that they ended");
}

async fn an_account_is_closed_with_its_password_only(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let session = new_session(stores);
    stores.sql.open_session(ada, &password("ada"), &session).await.unwrap();
    let now = stores.ambient.now();
    for (user, wrong) in [(ada, "grace"), (stores.ambient.id(), "ada")] {
        let job = departure(stores, user);
        assert!(
            stores.sql.close_account(user, &password(wrong), &job, now).await.unwrap().is_none()
        );
    }
    assert!(stores.sql.account(ada).await.unwrap().is_some());
    assert!(stores.sql.account(grace).await.unwrap().is_some());
    assert_eq!(open(stores, ada).await, [session.id]);
    assert_eq!(stores.sql.pending().await.unwrap(), 0);
    assert_eq!(stores.sql.head().await.unwrap(), Position(0));
    assert_eq!(register(stores, "ada", "new@example.org").await, Registration::UsernameTaken);
}

async fn a_name_is_never_given_again(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let (job, now) = (departure(stores, ada), stores.ambient.now());
    assert!(stores.sql.close_account(ada, &password("ada"), &job, now).await.unwrap().is_some());
    assert!(stores.sql.close_account(ada, &password("ada"), &job, now).await.unwrap().is_none());
    assert_eq!(register(stores, "ada", "new@example.org").await, Registration::UsernameTaken);
    assert_eq!(register(stores, "ada2", "ada@example.org").await, Registration::Made);
    // The address is somebody's as well, but the name counts first.
    assert_eq!(register(stores, "ada", "ada@example.org").await, Registration::UsernameTaken);
    assert_eq!(register(stores, "grace", "new@example.org").await, Registration::Made);
}

async fn nobody_gets_a_name_that_is_retired_meanwhile(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let (job, now, held) = (departure(stores, ada), stores.ambient.now(), password("ada"));
    let closing = stores.sql.close_account(ada, &held, &job, now);
    let addresses: Vec<String> = (0..12).map(|n| format!("ada{n}@example.org")).collect();
    let registering = join_all(addresses.iter().map(|at| register(stores, "ada", at)));
    let (closed, registered) = join(closing, registering).await;
    assert!(closed.unwrap().is_some());
    assert!(registered.iter().all(|outcome| *outcome == Registration::UsernameTaken));
}

async fn no_session_outlives_the_account_it_races_with(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let held = password("ada");
    let sessions: Vec<NewSession> = (0..12).map(|_| new_session(stores)).collect();
    for session in &sessions[..6] {
        stores.sql.open_session(ada, &held, session).await.unwrap();
    }
    let (job, now) = (departure(stores, ada), stores.ambient.now());
    let closing = stores.sql.close_account(ada, &held, &job, now);
    let signing_in =
        join_all(sessions[6..].iter().map(|of| stores.sql.open_session(ada, &held, of)));
    let next: Vec<NewSession> = (0..6).map(|_| new_session(stores)).collect();
    let trading = join_all(sessions[..6].iter().zip(&next).map(|(session, next)| {
        stores.sql.trade_token(&session.token, &next.token, now, Timestamp(0))
    }));
    let (closed, (signed_in, _traded)) = join(closing, join(signing_in, trading)).await;
    let signed_in = signed_in.into_iter().filter(|in_time| *in_time.as_ref().unwrap()).count();
    assert_eq!(ended(&closed.unwrap().unwrap()).len(), 6 + signed_in);
    assert!(open(stores, ada).await.is_empty());
    let tokens = sessions.iter().chain(&next).map(|session| &session.token);
    for token in tokens {
        let fresh = new_session(stores).token;
        let trade = stores.sql.trade_token(token, &fresh, now, Timestamp(0)).await.unwrap();
        assert!(!matches!(trade, Trade::Done { .. }));
    }
}

async fn messages_stay_without_their_sender(stores: &Stores) {
    let (ada, grace, here) = conversation(stores).await;
    let alan: UserId = stores.ambient.id();
    let opened = stores.sql.open_direct(&stores.ambient, alan, &[ada]).await.unwrap();
    let there = opened[&ada].id;
    for part in 0..3 {
        let drafts: Vec<_> = (0..400)
            .map(|n| {
                draft(stores, here, ada, "from ada", (n % 2 == 0).then_some(&format!("{part} {n}")))
            })
            .collect();
        write(stores, &drafts).await;
    }
    let others = [
        draft(stores, here, grace, "from grace", Some("k")),
        draft(stores, there, ada, "to alan", Some("k")),
    ];
    let kept = sent(&write(stores, &others).await[0]).clone();
    stores.sql.forget_sender(ada).await.unwrap();
    stores.sql.forget_sender(ada).await.unwrap();

    let range = HistoryRange { conversation: here, from: 1, to: 2_000 };
    let history = stores.sql.history(&[range]).await.unwrap().remove(&range).unwrap();
    assert_eq!(history.len(), 1_201);
    assert!(history[..1_200].iter().all(|message| {
        message.sender.is_none() && message.body.as_deref() == Some("from ada")
    }));
    assert_eq!(history[1_200], kept);
    let last = &stores.sql.last_messages(&[there]).await.unwrap()[&there];
    assert_eq!((last.sender, last.body.as_deref()), (None, Some("to alan")));
    let again = write(stores, &others[..1]).await;
    assert_eq!(again, [Outcome::Repeated(kept)]);
    assert_eq!(number(stores, "SELECT COUNT(client_key) FROM messages").await, 1);
}
