//! An account gets another address.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{
        Client, TestApp,
        accounts::{PASSWORD, another_code},
        client::Refusal,
        eventually,
    },
};

stories! {
    an_address_is_changed_once_the_new_one_is_confirmed,
    only_who_knows_the_password_asks_for_another_address,
    whether_an_address_is_somebodys_is_told_to_them_alone,
    a_reset_code_for_the_old_address_is_good_for_nothing,
    a_code_for_another_address_is_the_newest_and_has_five_tries,
    of_those_who_want_one_address_one_gets_it,
    with_the_account_goes_what_it_asked_for,
}

fn refused<T>(outcome: Result<T, Refusal>) -> (String, Option<String>) {
    let refusal = outcome.map(drop).unwrap_err();
    (refusal.code, refusal.field)
}

fn wrong<T>(outcome: Result<T, Refusal>) -> bool {
    refused(outcome).0 == "INVALID_CREDENTIALS"
}

/// Asks for the address of `name`, and returns the code in the first mail to it.
async fn asked(app: &TestApp, by: &Client, name: &str) -> String {
    let mails = app.mails(&app.email(name));
    by.change_email(&app.email(name), PASSWORD).await.unwrap();
    app.code_of_mail(mails + 1, name).await
}

async fn an_address_is_changed_once_the_new_one_is_confirmed(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let (mut here, mut there) = (ada.feed().await, phone.feed().await);
    let (old, new) = (app.email("ada"), app.email("new"));
    let code = asked(app, &ada, "new").await;
    let viewer = ada.data("{ viewer { email } }", Value::Null).await;
    assert_eq!(viewer["viewer"]["email"], old.as_str(), "nothing changes before");
    app.sign_in(&old, PASSWORD).await.unwrap();

    assert!(wrong(ada.confirm_email_change(&another_code(&code)).await));
    let changed = ada.confirm_email_change(&code).await.unwrap();
    let expected = json!({ "email": new, "emailVerified": true, "user": { "id": ada.id } });
    assert_eq!(changed["confirmEmailChange"], expected);
    assert!(wrong(ada.confirm_email_change(&code).await), "a code is used once");
    eventually("a mail to the old address", || async { (app.mails(&old) == 2).then_some(()) })
        .await;
    let notice = app.newest_mail(&old);
    assert!(notice.contains("Subject: Your e-mail address was changed"), "{notice}");
    assert!(!notice.contains(&new), "{notice}");

    for device in [&ada, &phone] {
        assert!(device.is_signed_in().await, "sessions stay");
        device.refresh().await.unwrap();
    }
    here.is_served().await;
    there.is_served().await;
    let again = phone.data("{ viewer { email } }", Value::Null).await;
    assert_eq!(again["viewer"]["email"], new.as_str());
    assert!(wrong(app.sign_in(&old, PASSWORD).await));
    for login in [new.to_uppercase(), ada.username.clone()] {
        assert_eq!(app.sign_in(&login, PASSWORD).await.unwrap().id, ada.id);
    }
    app.ask_for_code("requestPasswordReset", &old).await;
    assert_eq!(app.mails(&old), 2, "nobody is written to");

    // It is anybody's now.
    app.try_register(&app.username("other"), &old, "Other").await.unwrap();
    let other = app.verify_email("ada", &app.code_of_mail(3, "ada").await).await.unwrap();
    assert_ne!(other.id, ada.id);
}

async fn only_who_knows_the_password_asks_for_another_address(app: &TestApp) {
    let ada = app.person("ada").await;
    let new = app.email("new");
    for password in ["", "wrong horse", &format!("{PASSWORD} ")] {
        assert!(wrong(ada.change_email(&new, password).await));
    }
    let stranger = app.stranger();
    assert_eq!(refused(stranger.change_email(&new, PASSWORD).await).0, "UNAUTHENTICATED");
    assert_eq!(refused(stranger.confirm_email_change("123456").await).0, "UNAUTHENTICATED");
    let bad = refused(ada.change_email("nonsense", PASSWORD).await);
    assert_eq!(bad, ("BAD_USER_INPUT".to_owned(), Some("email".to_owned())));
    for own in [app.email("ada"), app.email("ada").to_uppercase()] {
        let same = refused(ada.change_email(&own, PASSWORD).await);
        assert_eq!(same, ("CONFLICT".to_owned(), Some("email".to_owned())));
    }
    assert!(wrong(ada.confirm_email_change("123456").await), "nothing was asked for");
    assert_eq!((app.mails(&new), app.mails(&app.email("ada"))), (0, 1));
}

async fn whether_an_address_is_somebodys_is_told_to_them_alone(app: &TestApp) {
    let ada = app.person("ada").await;
    app.person("grace").await;
    let ask = "mutation ($email: String!, $password: String!) {
        changeEmail(email: $email, password: $password) }";
    let confirm = "mutation { confirmEmailChange(code: \"none\") { email } }";
    let mut told = Vec::new();
    for name in ["new", "grace"] {
        let variables = json!({ "email": app.email(name), "password": PASSWORD });
        let asked = ada.response(ask, variables).await;
        told.push((asked, ada.response(confirm, Value::Null).await));
    }
    assert!(told.iter().all(|answers| *answers == told[0]), "{told:#?}");
    assert_eq!(told[0].0, json!({ "data": { "changeEmail": true } }));
    let email = app.email("grace");
    eventually("a mail", || async { (app.mails(&email) == 2).then_some(()) }).await;
    let mail = app.newest_mail(&email);
    assert!(mail.contains("Subject: This address has an account already"), "{mail}");
    assert!(!mail.contains(&ada.username), "nor are they told by whom: {mail}");
    let grace = app.sign_in(&app.email("grace"), PASSWORD).await.unwrap();
    assert_eq!(grace.username, app.username("grace"));
}

async fn a_reset_code_for_the_old_address_is_good_for_nothing(app: &TestApp) {
    let ada = app.person("ada").await;
    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    let reset = app.code_of_mail(2, "ada").await;
    let code = asked(app, &ada, "new").await;
    ada.confirm_email_change(&code).await.unwrap();
    for name in ["ada", "new"] {
        assert!(wrong(app.reset_password(name, &reset, "battery staple").await), "{name}");
    }
    assert!(ada.is_signed_in().await);
    app.ask_for_code("requestPasswordReset", &app.email("new")).await;
    let reset = app.code_of_mail(2, "new").await;
    app.reset_password("new", &reset, "battery staple").await.unwrap();
}

async fn a_code_for_another_address_is_the_newest_and_has_five_tries(app: &TestApp) {
    let ada = app.person("ada").await;
    let first = asked(app, &ada, "one").await;
    let second = asked(app, &ada, "two").await;
    // One time in a million the two are the same.
    if first != second {
        assert!(wrong(ada.confirm_email_change(&first).await));
    }
    app.clock.advance(std::time::Duration::from_secs(15 * 60));
    let ada = ada.refresh().await.unwrap();
    assert!(wrong(ada.confirm_email_change(&second).await), "too late");
    let third = asked(app, &ada, "two").await;
    for _ in 0..5 {
        assert!(wrong(ada.confirm_email_change(&another_code(&third)).await));
    }
    assert!(wrong(ada.confirm_email_change(&third).await), "no try is left");
    let fourth = asked(app, &ada, "two").await;
    ada.change_password(PASSWORD, "battery staple").await.unwrap();
    assert!(wrong(ada.confirm_email_change(&fourth).await), "it was asked for with the old one");
    let viewer = ada.data("{ viewer { email } }", Value::Null).await;
    assert_eq!(viewer["viewer"]["email"], app.email("ada").as_str());
}

async fn of_those_who_want_one_address_one_gets_it(app: &TestApp) {
    let names = ["ada", "grace", "alan"];
    let mut wanting = Vec::new();
    for name in names {
        let person = app.person(name).await;
        let code = asked(app, &person, "new").await;
        wanting.push((person, code));
    }
    let tries = wanting.iter().map(|(person, code)| person.confirm_email_change(code));
    let outcomes = join_all(tries).await;
    let won: Vec<usize> = (0..names.len()).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refused(outcome), ("CONFLICT".to_owned(), Some("email".to_owned())));
    }
    let holder = app.sign_in(&app.email("new"), PASSWORD).await.unwrap();
    assert_eq!(holder.id, wanting[won[0]].0.id);
}

async fn with_the_account_goes_what_it_asked_for(app: &TestApp) {
    let ada = app.person("ada").await;
    let code = asked(app, &ada, "new").await;
    ada.delete_account(PASSWORD).await.unwrap();
    assert_eq!(refused(ada.confirm_email_change(&code).await).0, "UNAUTHENTICATED");
    assert_eq!(app.rows().await["codes"], 0);
    // The address was never hers.
    app.register("new", "New").await;
    let new = app.verify_email("new", &app.code_of_mail(2, "new").await).await.unwrap();
    assert_ne!(new.id, ada.id);
}
