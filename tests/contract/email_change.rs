//! What lets an account have another address.

use chatterbox::{
    accounts::{Account, AccountStore, CodeHash, EmailChange, NewCode, Purpose, Registration},
    ids::UserId,
    jobs::JobStore,
};
use futures::future::join_all;

use crate::{
    Stores,
    accounts::{
        address, confirmed, email, hash_of, later, mail_job, new_code, password, put, registered,
        tries,
    },
    sessions::{new_session, open},
};

crate::promises! {
    an_account_gets_the_address_that_was_kept_with_its_code,
    every_other_code_dies_with_the_old_address,
    a_code_changes_an_address_once,
    a_code_that_is_not_there_changes_nothing,
    an_address_that_somebody_has_is_taken,
    of_those_who_want_one_address_at_once_one_gets_it,
}

const MINUTE: i64 = 60_000_000;

async fn account(stores: &Stores, user: UserId) -> Account {
    stores.sql.account(user).await.unwrap().unwrap()
}

/// Keeps the code 123456 for a change to this address.
async fn wants(stores: &Stores, user: UserId, new: &str) -> CodeHash {
    let code = new_code(stores, user, Purpose::ChangeEmail, "123456");
    let code = NewCode { email: Some(address(new)), ..code };
    stores.sql.put_codes(&[(user, code.clone())], &mail_job(stores, new)).await.unwrap();
    code.hash
}

/// Uses the code.
async fn change(stores: &Stores, of: &Account, used: &CodeHash, new: &str) -> EmailChange {
    let notice = mail_job(stores, of.email.as_str());
    let now = stores.ambient.now();
    stores.sql.change_email(of, used, &address(new), &notice, now).await.unwrap()
}

async fn an_account_gets_the_address_that_was_kept_with_its_code(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let session = new_session(stores);
    stores.sql.open_session(ada, &password("ada"), &session).await.unwrap();
    let used = wants(stores, ada, "new@example.org").await;
    let now = stores.ambient.now();
    let kept = stores.sql.try_codes(&[ada], Purpose::ChangeEmail, now).await.unwrap();
    let kept = &kept[0].1;
    assert!(kept.hash.matches(&used));
    assert_eq!(kept.email, Some(address("new@example.org")));
    let before = account(stores, ada).await;
    assert_eq!((before.email.as_str(), before.email_verified), ("ada@example.org", true));

    let notice = mail_job(stores, "ada@example.org");
    let new = address("new@example.org");
    let done = stores.sql.change_email(&before, &used, &new, &notice, now).await.unwrap();
    assert_eq!(done, EmailChange::Done);
    let after = account(stores, ada).await;
    assert_eq!((after.email.as_str(), after.email_verified), ("new@example.org", true));
    assert_eq!(after.password, before.password);
    let by_new = stores.sql.account_by_login(&email("new@example.org")).await.unwrap();
    assert_eq!(by_new.map(|account| account.id), Some(ada));
    assert!(stores.sql.account_by_login(&email("ada@example.org")).await.unwrap().is_none());
    let due = stores.sql.due(later(now, MINUTE), 10).await.unwrap();
    assert!(due.contains(&notice));
    assert_eq!(open(stores, ada).await, [session.id], "its sessions stay");
    assert_eq!(account(stores, grace).await.email.as_str(), "grace@example.org");

    // The old address is anybody's.
    let other = confirmed(stores, "other", "ada@example.org");
    assert_eq!(stores.sql.register(&other, None, &[]).await.unwrap(), Registration::Made);
}

async fn every_other_code_dies_with_the_old_address(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
        put(stores, ada, purpose, "123456").await;
        put(stores, grace, purpose, "123456").await;
    }
    let used = wants(stores, ada, "new@example.org").await;
    let before = account(stores, ada).await;
    assert_eq!(change(stores, &before, &used, "new@example.org").await, EmailChange::Done);
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::ChangeEmail] {
        assert!(tries(stores, ada, purpose).await.is_none());
    }
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
        assert!(tries(stores, grace, purpose).await.is_some());
    }
}

async fn a_code_changes_an_address_once(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let used = wants(stores, ada, "new@example.org").await;
    let before = account(stores, ada).await;
    let tries = (0..4).map(|_| change(stores, &before, &used, "new@example.org"));
    let outcomes = join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|of| **of == EmailChange::Done).count(), 1, "{outcomes:?}");
    assert!(!outcomes.contains(&EmailChange::Taken), "{outcomes:?}");
    assert_eq!(stores.sql.pending().await.unwrap(), 2, "one mail with the code, one to the old");
    let after = account(stores, ada).await;
    assert_eq!(change(stores, &after, &used, "third@example.org").await, EmailChange::Gone);
}

async fn a_code_that_is_not_there_changes_nothing(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let old = wants(stores, ada, "old@example.org").await;
    let code = new_code(stores, ada, Purpose::ChangeEmail, "654321");
    let code = NewCode { email: Some(address("new@example.org")), ..code };
    stores
        .sql
        .put_codes(&[(ada, code.clone())], &mail_job(stores, "new@example.org"))
        .await
        .unwrap();
    let reset = put(stores, ada, Purpose::ResetPassword, "111111").await;
    let before = account(stores, ada).await;
    let wrong = hash_of(ada, Purpose::ChangeEmail, "000000");
    for (used, new) in
        [(&old, "old@example.org"), (&wrong, "new@example.org"), (&reset, "new@example.org")]
    {
        assert_eq!(change(stores, &before, used, new).await, EmailChange::Gone);
    }
    // Nor of an account that has another address than was thought, or is gone.
    let elsewhere = Account { email: address("elsewhere@example.org"), ..before.clone() };
    let nobody = Account { id: stores.ambient.id(), ..before.clone() };
    for of in [elsewhere, nobody] {
        assert_eq!(change(stores, &of, &code.hash, "new@example.org").await, EmailChange::Gone);
    }
    assert_eq!(account(stores, ada).await.email, before.email);
    assert_eq!(stores.sql.pending().await.unwrap(), 3, "nobody was told anything");
    assert!(tries(stores, ada, Purpose::ResetPassword).await.is_some());
    assert_eq!(change(stores, &before, &code.hash, "new@example.org").await, EmailChange::Done);
}

async fn an_address_that_somebody_has_is_taken(stores: &Stores) {
    let ada = registered(stores, "ada").await;
    let used = wants(stores, ada, "grace@example.org").await;
    registered(stores, "grace").await;
    let before = account(stores, ada).await;
    assert_eq!(change(stores, &before, &used, "grace@example.org").await, EmailChange::Taken);
    assert_eq!(account(stores, ada).await.email, before.email);
    assert_eq!(stores.sql.pending().await.unwrap(), 1, "nobody was told anything");
    assert!(tries(stores, ada, Purpose::ChangeEmail).await.is_some());
}

async fn of_those_who_want_one_address_at_once_one_gets_it(stores: &Stores) {
    const NEW: &str = "new@example.org";
    let mut wanting = Vec::new();
    for n in 0..6 {
        let user = registered(stores, &format!("ada{n}")).await;
        wanting.push((account(stores, user).await, wants(stores, user, NEW).await));
    }
    let newcomer = confirmed(stores, "newcomer", NEW);
    let changes = join_all(wanting.iter().map(|(of, used)| change(stores, of, used, NEW)));
    let registering = stores.sql.register(&newcomer, None, &[]);
    let (outcomes, registration) = futures::future::join(changes, registering).await;
    let won = outcomes.iter().filter(|of| **of == EmailChange::Done).count();
    let taken = outcomes.iter().filter(|of| **of == EmailChange::Taken).count();
    assert_eq!(won + taken, wanting.len(), "{outcomes:?}");
    match registration.unwrap() {
        Registration::Made => assert_eq!(won, 0),
        Registration::EmailTaken => assert_eq!(won, 1),
        Registration::UsernameTaken => panic!("nobody has that name"),
    }
    let holder = stores.sql.account_by_login(&email(NEW)).await.unwrap().unwrap();
    for ((of, _), outcome) in wanting.iter().zip(outcomes) {
        assert_eq!(of.id == holder.id, outcome == EmailChange::Done);
    }
}
