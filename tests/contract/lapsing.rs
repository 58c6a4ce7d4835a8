//! What lets accounts go that nobody ever signed in to.

use chatterbox::{
    accounts::{AccountStore, CodeHash, Login, NewAccount, Purpose, Registration, StaleStore},
    jobs::JobStore,
};
use chatterbox_graph::Timestamp;
use futures::future::join;

use crate::{
    Stores,
    accounts::{
        address, later, mail_job, new_account, new_code, password, registered, tries, username,
    },
    departures::{departure, number},
    sessions::{new_session, open},
};

crate::promises! {
    an_account_lapses_at_its_time,
    a_lapsed_account_leaves_nothing_and_its_names_are_free,
    who_signed_in_does_not_lapse,
    who_registered_in_vain_lapses,
    an_account_lapses_or_signs_in,
}

const MINUTE: i64 = 60_000_000;

/// An account that lapses in a minute, and its code 123456.
async fn unconfirmed(stores: &Stores, name: &str) -> (NewAccount, CodeHash) {
    let account = lapsing(stores, name, &format!("{name}@example.org"));
    let code = new_code(stores, account.id, Purpose::VerifyEmail, "123456");
    let made = stores.sql.register(&account, Some(&code), &[]).await.unwrap();
    assert_eq!(made, Registration::Made);
    (account, code.hash)
}

fn lapsing(stores: &Stores, name: &str, email: &str) -> NewAccount {
    let lapses_at = Some(in_a_minute(stores));
    NewAccount { lapses_at, ..new_account(stores, name, email) }
}

fn in_a_minute(stores: &Stores) -> Timestamp {
    later(stores.ambient.now(), MINUTE)
}

async fn an_account_lapses_at_its_time(stores: &Stores) {
    let (ada, _) = unconfirmed(stores, "ada").await;
    registered(stores, "grace").await;
    let at = ada.lapses_at.unwrap();
    assert!(stores.sql.lapsed(at, 10).await.unwrap().is_empty());
    assert!(!stores.sql.drop_lapsed(ada.id, &departure(stores, ada.id), at).await.unwrap());
    assert!(stores.sql.account(ada.id).await.unwrap().is_some());
    assert_eq!(stores.sql.pending().await.unwrap(), 0);

    let after = later(at, 1);
    assert_eq!(stores.sql.lapsed(after, 10).await.unwrap(), [ada.id]);
    unconfirmed(stores, "alan").await;
    assert_eq!(stores.sql.lapsed(later(at, MINUTE), 1).await.unwrap().len(), 1);
}

async fn a_lapsed_account_leaves_nothing_and_its_names_are_free(stores: &Stores) {
    let (ada, _) = unconfirmed(stores, "ada").await;
    let grace = registered(stores, "grace").await;
    let (job, after) = (departure(stores, ada.id), later(ada.lapses_at.unwrap(), 1));
    let outcomes = join(
        stores.sql.drop_lapsed(ada.id, &job, after),
        stores.sql.drop_lapsed(ada.id, &departure(stores, ada.id), after),
    )
    .await;
    assert!(outcomes.0.unwrap() != outcomes.1.unwrap(), "one of them takes it away");
    assert_eq!(stores.sql.pending().await.unwrap(), 1);
    assert!(stores.sql.account(ada.id).await.unwrap().is_none());
    assert!(stores.sql.account_by_login(&username("ada")).await.unwrap().is_none());
    assert!(tries(stores, ada.id, Purpose::VerifyEmail).await.is_none());
    assert!(stores.sql.lapsed(after, 10).await.unwrap().is_empty());
    assert_eq!(number(stores, "SELECT COUNT(*) FROM codes").await, 0);
    assert!(stores.sql.account(grace).await.unwrap().is_some());

    let again = new_account(stores, "ada", "ada@example.org");
    assert_eq!(stores.sql.register(&again, None, &[]).await.unwrap(), Registration::Made);
}

async fn who_signed_in_does_not_lapse(stores: &Stores) {
    let (ada, code) = unconfirmed(stores, "ada").await;
    let (grace, _) = unconfirmed(stores, "grace").await;
    let (alan, _) = unconfirmed(stores, "alan").await;
    assert!(stores.sql.verify_email(ada.id, &code, &new_session(stores)).await.unwrap());
    let session = new_session(stores);
    assert!(stores.sql.open_session(grace.id, &password("grace"), &session).await.unwrap());
    let reset = new_code(stores, alan.id, Purpose::ResetPassword, "123456");
    let mail = mail_job(stores, "alan@example.org");
    stores.sql.put_codes(&[(alan.id, reset.clone())], &mail).await.unwrap();
    let new = password("new");
    let entered = stores.sql.reset_password(alan.id, &reset.hash, &new, &new_session(stores)).await;
    assert!(entered.unwrap().is_some());

    let after = later(stores.ambient.now(), 2 * MINUTE);
    assert!(stores.sql.lapsed(after, 10).await.unwrap().is_empty());
    for account in [ada, grace, alan] {
        let job = departure(stores, account.id);
        assert!(!stores.sql.drop_lapsed(account.id, &job, after).await.unwrap());
        assert_eq!(open(stores, account.id).await.len(), 1);
    }
}

async fn who_registered_in_vain_lapses(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let grace = lapsing(stores, "grace", "ada@example.org");
    let code = new_code(stores, grace.id, Purpose::VerifyEmail, "123456");
    stores.sql.register(&grace, Some(&code), &[]).await.unwrap();
    let after = later(stores.ambient.now(), 2 * MINUTE);
    assert_eq!(stores.sql.lapsed(after, 10).await.unwrap(), [grace.id]);
    assert!(stores.sql.drop_lapsed(grace.id, &departure(stores, grace.id), after).await.unwrap());
    let email = address("ada@example.org");
    assert!(stores.sql.unconfirmed(&email).await.unwrap().is_empty());
    let login = Login::Email(email);
    let holder = stores.sql.account_by_login(&login).await.unwrap();
    assert_eq!(holder.map(|account| account.id), Some(ada));
}

async fn an_account_lapses_or_signs_in(stores: &Stores) {
    for n in 0..8 {
        let (account, code) = unconfirmed(stores, &format!("ada{n}")).await;
        let (session, after) = (new_session(stores), later(stores.ambient.now(), 2 * MINUTE));
        let job = departure(stores, account.id);
        let (entered, dropped) = join(
            stores.sql.verify_email(account.id, &code, &session),
            stores.sql.drop_lapsed(account.id, &job, after),
        )
        .await;
        let (entered, dropped) = (entered.unwrap(), dropped.unwrap());
        assert!(entered != dropped, "entered: {entered}, dropped: {dropped}");
        assert_eq!(stores.sql.account(account.id).await.unwrap().is_some(), entered);
        assert_eq!(open(stores, account.id).await.len(), usize::from(entered));
    }
}
