//! Somebody becomes a member: registering, confirming the address, one-time
//! codes, passwords.

use std::time::Duration;

use serde_json::json;

use crate::{
    stories,
    support::{
        Client, TestApp,
        accounts::{PASSWORD, another_code},
        client::Refusal,
        eventually,
        stores::StoreUrls,
    },
};

stories! {
    an_account_signs_in_once_its_address_is_confirmed,
    only_the_newest_code_confirms_an_address,
    a_code_is_good_for_five_tries,
    a_code_is_good_for_fifteen_minutes,
    names_and_addresses_are_taken_once,
    without_confirmation_a_taken_address_is_told,
    of_registrations_at_once_exactly_one_wins,
    a_changed_password_ends_the_other_sessions,
    a_forgotten_password_is_reset_by_mail,
}

fn refused_with<T>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Ok(_) => panic!("it was not refused"),
        Err(refusal) => refusal.code,
    }
}

async fn an_account_signs_in_once_its_address_is_confirmed(app: &TestApp) {
    let (username, email) = (app.username("ada"), app.email("ada"));
    let made = app.register("ada", "Ada Lovelace").await;
    assert_eq!(made["username"], username.as_str());
    assert_eq!(made["displayName"], "Ada Lovelace");
    assert_eq!(made["friendship"], "SELF");

    for login in [&username, &email] {
        assert_eq!(refused_with(app.sign_in(login, PASSWORD).await), "EMAIL_NOT_VERIFIED");
        // Whether the address is confirmed is told to nobody else.
        let wrong = app.sign_in(login, "wrong horse").await;
        assert_eq!(refused_with(wrong), "INVALID_CREDENTIALS");
    }

    let code = app.code_of_mail(1, "ada").await;
    let wrong = app.verify_email("ada", &another_code(&code)).await;
    assert_eq!(refused_with(wrong), "INVALID_CREDENTIALS");
    let elsewhere = app.verify_email("grace", &code).await;
    assert_eq!(refused_with(elsewhere), "INVALID_CREDENTIALS");
    let ada = app.verify_email("ada", &code).await.unwrap();
    assert_eq!((ada.id.as_str(), &ada.username), (made["id"].as_str().unwrap(), &username));
    let again = app.verify_email("ada", &code).await;
    assert_eq!(refused_with(again), "INVALID_CREDENTIALS", "a code is used once");

    let viewer = ada.data("{ viewer { email emailVerified } }", json!({})).await;
    assert_eq!(viewer["viewer"], json!({ "email": email, "emailVerified": true }));
    for login in [username.to_uppercase(), email.to_uppercase(), username, email] {
        let device = app.sign_in(&login, PASSWORD).await.unwrap();
        assert_eq!(device.id, ada.id, "{login}");
    }
    let nobody = app.sign_in(&app.username("nobody"), PASSWORD).await.map(drop).unwrap_err();
    let wrong = app.sign_in(&ada.username, "wrong horse").await.map(drop).unwrap_err();
    assert_eq!(nobody, wrong, "an unknown name and a wrong password look the same");
}

async fn only_the_newest_code_confirms_an_address(app: &TestApp) {
    app.register("ada", "Ada").await;
    let first = app.code_of_mail(1, "ada").await;
    app.ask_for_code("resendVerification", &app.email("ada").to_uppercase()).await;
    let second = app.code_of_mail(2, "ada").await;
    // One time in a million the two are the same.
    if first != second {
        assert_eq!(refused_with(app.verify_email("ada", &first).await), "INVALID_CREDENTIALS");
    }
    app.verify_email("ada", &second).await.unwrap();

    // Nothing is left to confirm, and nobody is told who is a member.
    app.ask_for_code("resendVerification", &app.email("ada")).await;
    app.ask_for_code("resendVerification", &app.email("nobody")).await;
    assert_eq!((app.mails(&app.email("ada")), app.mails(&app.email("nobody"))), (2, 0));
}

async fn a_code_is_good_for_five_tries(app: &TestApp) {
    app.register("ada", "Ada").await;
    let code = app.code_of_mail(1, "ada").await;
    for _ in 0..5 {
        let wrong = app.verify_email("ada", &another_code(&code)).await;
        assert_eq!(refused_with(wrong), "INVALID_CREDENTIALS");
    }
    let too_late = app.verify_email("ada", &code).await;
    assert_eq!(refused_with(too_late), "INVALID_CREDENTIALS");

    app.ask_for_code("resendVerification", &app.email("ada")).await;
    let code = app.code_of_mail(2, "ada").await;
    for _ in 0..4 {
        app.verify_email("ada", &another_code(&code)).await.map(drop).unwrap_err();
    }
    app.verify_email("ada", &code).await.unwrap();
}

async fn a_code_is_good_for_fifteen_minutes(app: &TestApp) {
    app.register("ada", "Ada").await;
    let code = app.code_of_mail(1, "ada").await;
    app.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(refused_with(app.verify_email("ada", &code).await), "INVALID_CREDENTIALS");

    app.ask_for_code("resendVerification", &app.email("ada")).await;
    let code = app.code_of_mail(2, "ada").await;
    app.clock.advance(Duration::from_secs(14 * 60));
    app.verify_email("ada", &code).await.unwrap();
}

async fn names_and_addresses_are_taken_once(app: &TestApp) {
    let (username, email) = (app.username("ada"), app.email("ada"));
    let ada = app.person("ada").await;
    for (username, email, field) in [
        (username.clone(), app.email("new"), "username"),
        (username.to_uppercase(), app.email("new"), "username"),
        (username.clone(), email.clone(), "username"),
    ] {
        let refused = app.try_register(&username, &email, "Another").await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("CONFLICT", Some(field)));
    }
    assert_eq!((app.mails(&app.email("new")), app.mails(&email)), (0, 1));

    // That an address is taken is told by a mail to whom it belongs.
    for (name, email) in [("one", email.to_uppercase()), ("other", format!(" {email} "))] {
        app.try_register(&app.username(name), &email, "Another").await.unwrap();
    }
    assert_eq!(app.mails(&email), 3);
    assert_eq!(app.sign_in(&email, PASSWORD).await.unwrap().id, ada.id);
    let found = ada
        .data(
            "query ($old: String!, $new: String!) {
                old: user(username: $old) { id displayName } new: user(username: $new) { id } }",
            json!({ "old": username, "new": app.username("new") }),
        )
        .await;
    assert_eq!(found, json!({ "old": { "id": ada.id, "displayName": "ada" }, "new": null }));
}

async fn without_confirmation_a_taken_address_is_told(app: &TestApp) {
    let stores = match app.stores.sql {
        Some(_) => StoreUrls::servers().await,
        None => StoreUrls::embedded(),
    };
    let open = TestApp::start(stores, &["--verify-email", "off"]).await;
    open.register("ada", "Ada").await;
    open.sign_in(&open.email("ada"), PASSWORD).await.unwrap();
    let refused = open.try_register(&open.username("new"), &open.email("ada"), "New").await;
    let refused = refused.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("CONFLICT", Some("email")));
    open.register("new", "New").await;
    open.stop().await;
}

async fn of_registrations_at_once_exactly_one_wins(app: &TestApp) {
    let username = app.username("ada");
    let people: Vec<String> = (0..6).map(|n| app.email(&format!("a{n}"))).collect();
    let tries = people.iter().map(|email| app.try_register(&username, email, "A"));
    let outcomes = futures::future::join_all(tries).await;
    let won: Vec<usize> = (0..people.len()).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(won.len(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        let told = (refused.code.as_str(), refused.field.as_deref());
        assert_eq!(told, ("CONFLICT", Some("username")));
    }
    app.mailed_code(&people[won[0]]).await;
    let mails: usize = people.iter().map(|email| app.mails(email)).sum();
    assert_eq!(mails, 1, "only the winner is mailed");

    // Of one address, all are told the same, and one gets the code.
    let email = app.email("b");
    let names: Vec<String> = (0..4).map(|n| app.username(&format!("b{n}"))).collect();
    let tries = names.iter().map(|name| app.try_register(name, &email, "B"));
    for made in futures::future::join_all(tries).await {
        made.unwrap();
    }
    eventually("a mail for each", || async { (app.mails(&email) == 4).then_some(()) }).await;
    let b = app.verify_email("b", &app.mailed_code(&email).await).await.unwrap();
    for name in names {
        let outcome = app.sign_in(&name, PASSWORD).await;
        match name == b.username {
            true => drop(outcome.unwrap()),
            false => assert_eq!(refused_with(outcome), "EMAIL_NOT_VERIFIED"),
        }
    }
}

async fn a_changed_password_ends_the_other_sessions(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let (mut here, mut there) = (ada.feed().await, phone.feed().await);

    let wrong = ada.change_password("wrong horse", "battery staple").await;
    assert_eq!(refused_with(wrong), "INVALID_CREDENTIALS");
    assert!(phone.is_signed_in().await, "a wrong password changes nothing");

    ada.change_password(PASSWORD, "battery staple").await.unwrap();
    assert_eq!(there.closed().await, 4403);
    assert!(!phone.is_signed_in().await);
    assert_eq!(refused_with(phone.refresh().await), "UNAUTHENTICATED");
    here.is_served().await;
    assert!(ada.is_signed_in().await);
    ada.refresh().await.unwrap();

    let old = app.sign_in(&ada.username, PASSWORD).await;
    assert_eq!(refused_with(old), "INVALID_CREDENTIALS");
    app.sign_in(&ada.username, "battery staple").await.unwrap();
}

async fn a_forgotten_password_is_reset_by_mail(app: &TestApp) {
    let ada = app.person("ada").await;
    let mut feed = ada.feed().await;
    app.ask_for_code("requestPasswordReset", &app.email("nobody")).await;
    assert_eq!(app.mails(&app.email("nobody")), 0);

    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    let code = app.code_of_mail(2, "ada").await;
    let wrong = app.reset_password("ada", &another_code(&code), "battery staple").await;
    assert_eq!(refused_with(wrong), "INVALID_CREDENTIALS");
    let to_confirm = app.verify_email("ada", &code).await;
    assert_eq!(refused_with(to_confirm), "INVALID_CREDENTIALS", "a code has one purpose");
    assert!(ada.is_signed_in().await, "to ask for a code ends nothing");

    let anew: Client = app.reset_password("ada", &code, "battery staple").await.unwrap();
    assert_eq!(feed.closed().await, 4403);
    assert!(!ada.is_signed_in().await);
    assert_eq!(refused_with(ada.refresh().await), "UNAUTHENTICATED");
    assert_eq!(anew.sessions().await.len(), 1);
    let used = app.reset_password("ada", &code, "third password").await;
    assert_eq!(refused_with(used), "INVALID_CREDENTIALS");
    let old = app.sign_in(&ada.username, PASSWORD).await;
    assert_eq!(refused_with(old), "INVALID_CREDENTIALS");
    app.sign_in(&ada.username, "battery staple").await.unwrap();

    // Who can read the mail has the address.
    app.register("grace", "Grace").await;
    app.ask_for_code("requestPasswordReset", &app.email("grace")).await;
    let code = app.code_of_mail(2, "grace").await;
    app.reset_password("grace", &code, "battery staple").await.unwrap();
    app.sign_in(&app.username("grace"), "battery staple").await.unwrap();
}
