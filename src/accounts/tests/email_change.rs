//! Changing the address.

use super::*;

const NEW: &str = "new@example.org";
const GRACE: &str = "grace@example.org";

impl Rig {
    /// Asks for another address of Ada's account, and returns what is mailed to it.
    async fn ask(&self, by: &Authentication, email: &str) -> Mail {
        self.accounts.change_email(by.viewer, email, PASSWORD).await.unwrap();
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    async fn confirm(&self, by: &Authentication, code: &str) -> Result<()> {
        self.accounts.confirm_email_change(by.viewer, code, client()).await
    }

    async fn address(&self, of: &Authentication) -> AccountInfo {
        self.accounts.account(of.viewer.user).await.unwrap().unwrap()
    }

    /// Ada, confirmed and signed in.
    async fn ada(&self) -> Authentication {
        self.register().await;
        self.accounts.verify_email(ADA, &self.code().await, None, client()).await.unwrap()
    }
}

fn conflict<T>(outcome: Result<T>) -> bool {
    outcome.is_err_and(|error| matches!(error, Error::Conflict { field: "email", .. }))
}

#[tokio::test]
async fn an_address_is_changed_once_the_new_one_is_confirmed() {
    let rig = Rig::new(true).await;
    let (ada, phone) = (rig.ada().await, rig.sign_in().await);
    let mail = rig.ask(&ada, " New@Example.ORG ").await;
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (NEW, "Confirm your new e-mail address"));
    assert_eq!(rig.address(&ada).await.email, ADA, "nothing changes before");
    assert!(rig.accounts.sign_in(ADA, PASSWORD, None, client()).await.is_ok());

    // From whichever device.
    rig.confirm(&phone, &format!(" {} ", code_in(&mail))).await.unwrap();
    let info = AccountInfo { email: NEW.to_owned(), email_verified: true };
    assert_eq!(rig.address(&ada).await, info);
    let told = rig.mails().await;
    assert_eq!((told.len(), told[0].to.as_str()), (1, ADA));
    assert_eq!(told[0].subject, "Your e-mail address was changed");
    assert!(told[0].text.contains("account ada has") && !told[0].text.contains(NEW));
    assert!(rig.lives(&ada) && rig.lives(&phone), "sessions stay");
    assert!(rig.accounts.refresh(&ada.refresh_token).await.is_ok());
    assert!(wrong(rig.accounts.sign_in(ADA, PASSWORD, None, client()).await));
    assert!(rig.accounts.sign_in(NEW, PASSWORD, None, client()).await.is_ok());
    assert!(wrong(rig.confirm(&phone, &code_in(&mail)).await), "a code is used once");

    // The old address is anybody's.
    rig.accounts.register("other", ADA, PASSWORD, None, client()).await.unwrap();
    let other = rig.accounts.verify_email(ADA, &rig.code().await, None, client()).await.unwrap();
    assert_ne!(other.viewer.user, ada.viewer.user);
}

#[tokio::test]
async fn only_with_the_password_and_to_another_address() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    for password in ["wrong password", "short", ""] {
        assert!(wrong(rig.accounts.change_email(ada.viewer, NEW, password).await));
    }
    let refused = rig.accounts.change_email(ada.viewer, "nonsense", PASSWORD).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "email", .. })));
    for own in [ADA, "ADA@example.org"] {
        assert!(conflict(rig.accounts.change_email(ada.viewer, own, PASSWORD).await));
        assert!(wrong(rig.accounts.change_email(ada.viewer, own, "wrong password").await));
    }
    assert!(rig.mails().await.is_empty());
}

#[tokio::test]
async fn a_code_has_a_time_and_tries_and_only_the_newest_counts() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    let first = code_in(&rig.ask(&ada, NEW).await);
    let second = code_in(&rig.ask(&ada, "newer@example.org").await);
    // One time in a million the digits are the same; even then it is for another address.
    if first != second {
        assert!(wrong(rig.confirm(&ada, &first).await));
    }
    rig.pass(15 * 60 * SECOND);
    assert!(wrong(rig.confirm(&ada, &second).await), "expired");

    let third = code_in(&rig.ask(&ada, NEW).await);
    for _ in 0..5 {
        assert!(wrong(rig.confirm(&ada, "wrong").await));
    }
    assert!(wrong(rig.confirm(&ada, &third).await), "no try left");

    let fourth = code_in(&rig.ask(&ada, NEW).await);
    assert!(wrong(rig.accounts.verify_email(ADA, &fourth, None, client()).await));
    assert!(wrong(rig.accounts.verify_email(NEW, &fourth, None, client()).await));
    assert!(wrong(rig.accounts.reset_password(ADA, &fourth, PASSWORD, client()).await));
    rig.pass(14 * 60 * SECOND);
    rig.confirm(&ada, &fourth).await.unwrap();
    assert_eq!(rig.address(&ada).await.email, NEW);
}

#[tokio::test]
async fn a_code_is_good_for_whom_it_was_asked_for() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    let code = code_in(&rig.ask(&ada, NEW).await);
    rig.accounts.register("grace", GRACE, PASSWORD, None, client()).await.unwrap();
    let mail = rig.mails().await.remove(0);
    let grace = rig.accounts.verify_email(GRACE, &code_in(&mail), None, client()).await.unwrap();
    assert!(wrong(rig.confirm(&grace, &code).await));
    // One time in a million hers says the same.
    if code_in(&rig.ask(&grace, "other@example.org").await) != code {
        assert!(wrong(rig.confirm(&grace, &code).await));
    }
    rig.confirm(&ada, &code).await.unwrap();
}

#[tokio::test]
async fn an_address_that_somebody_has_is_told_to_them_alone() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    rig.accounts.register("grace", GRACE, PASSWORD, None, client()).await.unwrap();
    let code = code_in(&rig.mails().await.remove(0));
    rig.accounts.verify_email(GRACE, &code, None, client()).await.unwrap();
    let mail = rig.ask(&ada, GRACE).await;
    assert_eq!(mail.to, GRACE);
    assert_eq!(mail.subject, "This address has an account already");
    assert!(!mail.text.contains("ada"), "nor is she told by whom: {}", mail.text);
    // There is a code, and none is right.
    let users = [ada.viewer.user];
    let kept = rig.sql.try_codes(&users, Purpose::ChangeEmail, rig.now()).await.unwrap();
    assert!(kept[0].1.email.is_none());
    assert!(wrong(rig.confirm(&ada, "123456").await));
    assert_eq!(rig.address(&ada).await.email, ADA);
}

#[tokio::test]
async fn of_two_who_confirm_one_address_one_gets_it() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    rig.accounts.register("grace", GRACE, PASSWORD, None, client()).await.unwrap();
    let code = code_in(&rig.mails().await[0]);
    let grace = rig.accounts.verify_email(GRACE, &code, None, client()).await.unwrap();
    let of_ada = code_in(&rig.ask(&ada, NEW).await);
    let of_grace = code_in(&rig.ask(&grace, NEW).await);
    rig.confirm(&grace, &of_grace).await.unwrap();
    rig.mails().await;
    assert!(conflict(rig.confirm(&ada, &of_ada).await));
    assert_eq!(rig.address(&ada).await.email, ADA);
    assert!(rig.mails().await.is_empty(), "nobody is told of what did not happen");
}

#[tokio::test]
async fn what_was_mailed_to_the_old_address_dies_with_it() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    rig.accounts.request_password_reset(ADA).await.unwrap();
    let reset = rig.code().await;
    let code = code_in(&rig.ask(&ada, NEW).await);
    // On its way while the address changes: kept afterwards, for the old one.
    let account = rig.sql.account(ada.viewer.user).await.unwrap().unwrap();
    rig.confirm(&ada, &code).await.unwrap();
    for address in [ADA, NEW] {
        assert!(wrong(
            rig.accounts.reset_password(address, &reset, "new password", client()).await
        ));
    }
    rig.mails().await;
    rig.accounts.mail_codes(account.email.clone(), vec![account], Purpose::ResetPassword);
    let late = rig.code().await;
    for address in [ADA, NEW] {
        assert!(wrong(rig.accounts.reset_password(address, &late, "new password", client()).await));
    }
    assert!(rig.lives(&ada));
}

#[tokio::test]
async fn a_change_of_password_ends_what_was_asked_for_with_the_old_one() {
    let rig = Rig::new(true).await;
    let (ada, thief) = (rig.ada().await, rig.sign_in().await);
    let code = code_in(&rig.ask(&thief, "thief@example.org").await);
    rig.accounts.change_password(ada.viewer, PASSWORD, "new password").await.unwrap();
    assert!(!rig.lives(&thief));
    for session in [&ada, &thief] {
        assert!(wrong(rig.confirm(session, &code).await));
    }
    rig.accounts.change_email(ada.viewer, NEW, "new password").await.unwrap();
    let code = code_in(&rig.mails().await[0]);
    rig.accounts.request_password_reset(ADA).await.unwrap();
    let reset = rig.code().await;
    let anew = rig.accounts.reset_password(ADA, &reset, PASSWORD, client()).await.unwrap();
    assert!(wrong(rig.confirm(&anew, &code).await), "nor after a reset");
    assert_eq!(rig.address(&anew).await.email, ADA);
}

#[tokio::test]
async fn nobody_changes_the_address_of_an_account_that_is_closed() {
    let rig = Rig::new(true).await;
    let ada = rig.ada().await;
    let code = code_in(&rig.ask(&ada, NEW).await);
    rig.accounts.delete(ada.viewer, PASSWORD).await.unwrap();
    assert!(unauthenticated(rig.confirm(&ada, &code).await));
    assert!(unauthenticated(rig.accounts.change_email(ada.viewer, NEW, PASSWORD).await));
    assert!(rig.mails().await.is_empty());
    for (name, address) in [("other", ADA), ("another", NEW)] {
        rig.accounts.register(name, address, PASSWORD, None, client()).await.unwrap();
        let mail = rig.mails().await.remove(0);
        assert_eq!(mail.subject, "Confirm your e-mail address", "both are free");
    }
}

#[tokio::test]
async fn where_nobody_has_to_confirm_the_new_address_is_confirmed_all_the_same() {
    let rig = Rig::new(false).await;
    rig.register().await;
    let ada = rig.sign_in().await;
    let code = code_in(&rig.ask(&ada, NEW).await);
    rig.confirm(&ada, &code).await.unwrap();
    assert_eq!(
        rig.address(&ada).await,
        AccountInfo { email: NEW.to_owned(), email_verified: true }
    );
}
