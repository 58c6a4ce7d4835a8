//! Accounts to which nobody ever signed in.

use super::*;

async fn in_the_graph(rig: &Rig, name: &str) -> Option<UserId> {
    let found = rig.graph.people_by_username(&[name.to_owned()]).await.unwrap();
    found.get(name).map(|person| person.id)
}

#[tokio::test]
async fn an_account_that_is_not_confirmed_lapses_after_seven_days() {
    let rig = Rig::new(true).await;
    let ada = rig.register().await;
    rig.code().await;
    rig.pass(7 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert_eq!(in_the_graph(&rig, "ada").await, Some(ada));
    rig.accounts.resend_verification(ADA).await.unwrap();
    let code = rig.code().await;
    rig.pass(1);
    rig.accounts.forget_stale().await.unwrap();
    assert!(rig.accounts.account(ada).await.unwrap().is_none());
    assert_eq!(in_the_graph(&rig, "ada").await, None);
    assert!(wrong(rig.accounts.verify_email(ADA, &code, None, client()).await));
    assert!(wrong(rig.accounts.sign_in("ada", PASSWORD, None, client()).await));

    // It was nobody's: the next one has both names.
    let next = rig.register().await;
    assert_eq!(in_the_graph(&rig, "ada").await, Some(next));
    rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await.unwrap();
    rig.pass(8 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert!(rig.accounts.account(next).await.unwrap().is_some(), "who came stays");
}

#[tokio::test]
async fn who_registered_in_vain_does_not_keep_a_name_for_ever() {
    let rig = Rig::new(true).await;
    let ada = rig.register().await;
    rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await.unwrap();
    rig.accounts.register("grace", ADA, PASSWORD, None, client()).await.unwrap();
    rig.pass(8 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert_eq!(in_the_graph(&rig, "grace").await, None);
    assert_eq!(in_the_graph(&rig, "ada").await, Some(ada));
    rig.accounts.register("grace", "grace@example.org", PASSWORD, None, client()).await.unwrap();
}

#[tokio::test]
async fn who_registered_without_confirmation_stays_whatever_is_asked_for_later() {
    let rig = Rig::new(true).await;
    // Confirmation was not asked for in between.
    let open = rig.node(false);
    open.register("grace", "grace@example.org", PASSWORD, None, client()).await.unwrap();
    rig.pass(400 * DAY);
    rig.accounts.forget_stale().await.unwrap();
    assert!(in_the_graph(&rig, "grace").await.is_some());
    let signed_in = rig.accounts.sign_in("grace", PASSWORD, None, client()).await.unwrap();
    assert!(rig.lives(&signed_in));
}
