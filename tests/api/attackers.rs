//! Those who try to get in, or to find out who is a member.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::support::{
    Client, Feed, TestApp,
    accounts::{PASSWORD, sign_in},
    client::Refusal,
};

/// Few tries from an address, so that a test comes to their end.
const OPTIONS: [&str; 11] = [
    "--rate-limits",
    "on",
    "--register-rate=1000/h",
    "--request-rate=10000/s",
    "--message-rate=10000/s",
    "--change-rate=10000/s",
    "--mail-rate=5/h",
    "--sign-in-tries=10/15m",
    "--sign-in-tries-from-address=12/15m",
    "--trusted-proxy=127.0.0.0/8",
    "--access-token-ttl=1h",
];

/// Runs each story on both sets of stores, where it is counted who tries what.
macro_rules! attacks {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stores = $crate::support::stores::StoreUrls::embedded();
                let app = $crate::support::TestApp::start(stores, &super::OPTIONS).await;
                super::$name(&app).await;
                app.stop().await;
            })*
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stores = $crate::support::stores::StoreUrls::servers().await;
                let app = $crate::support::TestApp::start(stores, &super::OPTIONS).await;
                super::$name(&app).await;
                app.stop().await;
            })*
        }
    };
}

attacks! {
    a_taken_address_looks_like_a_new_one,
    codes_are_asked_for_alike,
    codes_are_tried_alike,
    a_login_is_locked_for_a_while_be_it_known_or_not,
    of_tries_at_once_none_goes_uncounted,
    a_success_forgets_and_a_mailed_code_unlocks,
    an_address_is_locked_out_of_all_logins,
    the_password_of_an_open_session_is_not_guessed,
    guesses_of_codes_are_bounded_by_the_mails,
    a_flood_of_sign_ins_delays_nobody_else,
}

/// Somebody at this address of the network.
fn at(app: &TestApp, address: &str) -> Client {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_str(address).unwrap());
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    Client { http, ..app.stranger() }
}

/// The one error of a response, and how many milliseconds it says to wait.
async fn refused(client: &Client, query: &str, variables: Value) -> (Value, Option<u64>) {
    let mut response = client.response(query, variables).await;
    assert_eq!(response["errors"].as_array().map(Vec::len), Some(1), "{response:#}");
    let extensions = response["errors"][0]["extensions"].as_object_mut().unwrap();
    let wait = extensions.remove("retryAfterMs").and_then(|wait| wait.as_u64());
    (response, wait)
}

const SIGN_IN: &str = "mutation ($login: String!, $password: String!) {
    signIn(input: { login: $login, password: $password }) { refreshToken } }";

async fn refused_sign_in(client: &Client, login: &str, password: &str) -> (Value, Option<u64>) {
    refused(client, SIGN_IN, json!({ "login": login, "password": password })).await
}

fn code(response: &Value) -> &str {
    response["errors"][0]["extensions"]["code"].as_str().unwrap()
}

/// Tries wrong passwords, each from somewhere else.
async fn fail(app: &TestApp, login: &str, times: u8) {
    for n in 0..times {
        let somewhere = at(app, &format!("198.51.100.{n}"));
        let (response, _) = refused_sign_in(&somewhere, login, "wrong horse").await;
        assert_eq!(code(&response), "INVALID_CREDENTIALS", "{login}: {response:#}");
    }
}

/// Fails unless even the right password is refused, for a quarter of an hour
/// at the most. Returns the refusal.
async fn is_locked(app: &TestApp, login: &str) -> Value {
    let (response, wait) = refused_sign_in(&at(app, "203.0.113.1"), login, PASSWORD).await;
    assert_eq!(code(&response), "RATE_LIMITED", "{login}: {response:#}");
    let wait = wait.expect("how long to wait");
    assert!((1..=15 * 60 * 1_000).contains(&wait), "{wait}");
    response
}

fn refusal<T>(outcome: Result<T, Refusal>) -> Refusal {
    outcome.map(drop).unwrap_err()
}

/// The password of who registers with the addresses of others.
const MALLORYS: &str = "of mallory";

const REGISTER: &str = "mutation ($input: RegisterInput!) { register(input: $input) {
    __typename id username displayName bio avatarUrl createdAt presence { online lastSeenAt }
    friendship distance lastChattedAt mutualFriends { totalCount } path { id }
    directConversation { id } } }";

/// What registering with the address answers, without what is another's each time.
async fn registered(app: &TestApp, name: &str, email: &str) -> Value {
    let username = app.username(name);
    let input = json!({ "username": username, "email": email, "password": MALLORYS });
    let mut response = app.stranger().response(REGISTER, json!({ "input": input })).await;
    let user = response["data"]["register"].as_object_mut().unwrap_or_else(|| panic!("no user"));
    assert!(user["id"].as_str().unwrap().starts_with("user_"));
    assert_eq!((&user["username"], &user["displayName"]), (&json!(username), &json!(username)));
    for own in ["id", "username", "displayName", "createdAt", "path"] {
        user.remove(own).unwrap();
    }
    response
}

async fn a_taken_address_looks_like_a_new_one(app: &TestApp) {
    let (ada, grace) = (app.person("ada").await, app.person("grace").await);
    let taken = registered(app, "taken", &app.email("ada").to_uppercase()).await;
    assert_eq!(taken, registered(app, "free", &app.email("free")).await);

    // Nor does it show in what is tried with either later.
    let mut told = Vec::new();
    for (name, email) in [("taken", app.email("ada")), ("free", app.email("free"))] {
        let username = app.username(name);
        let again = app.try_register(&username, &app.email("elsewhere"), "A").await;
        let by_name = app.sign_in(&username, MALLORYS).await;
        let by_email = app.sign_in(&email, MALLORYS).await;
        let wrong = app.sign_in(&username, "wrong horse").await;
        let wrong_by_email = app.sign_in(&email, "wrong horse").await;
        let found = grace.data(
            "query ($name: String!) { user(username: $name) { friendship distance bio } }",
            json!({ "name": username }),
        );
        let found = found.await["user"].take();
        let refusals = [
            refusal(again),
            refusal(by_name),
            refusal(by_email),
            refusal(wrong),
            refusal(wrong_by_email),
        ];
        let codes = refusals.clone().map(|refusal| refusal.code);
        let expected = [
            "CONFLICT",
            "EMAIL_NOT_VERIFIED",
            "EMAIL_NOT_VERIFIED",
            "INVALID_CREDENTIALS",
            "INVALID_CREDENTIALS",
        ];
        assert_eq!(codes, expected, "{name}");
        told.push((refusals, found));
    }
    assert_eq!(told[0], told[1]);

    // The owner is told, once, and nothing of hers has changed.
    assert_eq!(app.mails(&app.email("ada")), 2);
    let mail = app.newest_mail(&app.email("ada"));
    assert!(mail.contains("Subject: You have an account already\r\n"), "{mail}");
    assert!(!mail.lines().any(|line| line.len() == 6 && line.parse::<u32>().is_ok()), "{mail}");
    assert!(ada.is_signed_in().await);
    assert_eq!(app.sign_in(&app.email("ada"), PASSWORD).await.unwrap().id, ada.id);
    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    let code = app.code_of_mail(3, "ada").await;
    assert_eq!(app.reset_password("ada", &code, "battery staple").await.unwrap().id, ada.id);
}

async fn codes_are_asked_for_alike(app: &TestApp) {
    app.person("ada").await;
    app.register("unconfirmed", "Unconfirmed").await;
    for mutation in ["resendVerification", "requestPasswordReset"] {
        let query = format!("mutation ($email: String!) {{ {mutation}(email: $email) }}");
        let mut told = Vec::new();
        for name in ["ada", "unconfirmed", "nobody"] {
            let email = app.email(name);
            told.push(app.stranger().response(&query, json!({ "email": email })).await);
        }
        assert!(told.iter().all(|response| *response == told[0]), "{told:#?}");
        assert_eq!(told[0], json!({ "data": { mutation: true } }));
    }
}

async fn codes_are_tried_alike(app: &TestApp) {
    app.person("ada").await;
    app.register("unconfirmed", "Unconfirmed").await;
    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    app.code_of_mail(2, "ada").await;
    let verify = "mutation ($email: String!) {
        verifyEmail(email: $email, code: \"none\") { refreshToken } }";
    let reset = "mutation ($email: String!) {
        resetPassword(email: $email, code: \"none\", new: \"battery staple\") { refreshToken } }";
    for query in [verify, reset] {
        let mut told = Vec::new();
        for name in ["ada", "unconfirmed", "nobody"] {
            let email = json!({ "email": app.email(name) });
            told.push(app.stranger().response(query, email).await);
        }
        assert!(told.iter().all(|response| *response == told[0]), "{told:#?}");
        assert_eq!(code(&told[0]), "INVALID_CREDENTIALS");
    }
}

async fn a_login_is_locked_for_a_while_be_it_known_or_not(app: &TestApp) {
    let (ada, grace) = (app.person("ada").await, app.person("grace").await);
    let mut feed = ada.feed().await;
    let mut told = Vec::new();
    for login in [ada.username.clone(), app.email("ada"), app.username("nobody")] {
        fail(app, &login, 10).await;
        told.push(is_locked(app, &login).await);
    }
    assert!(told.iter().all(|response| *response == told[0]), "{told:#?}");
    is_locked(app, &format!(" {} ", ada.username.to_uppercase())).await;

    app.restart().await;
    is_locked(app, &ada.username).await;
    is_locked(app, &app.username("nobody")).await;
    feed.closed().await;

    // Who is signed in stays so, and others are not concerned.
    assert!(ada.is_signed_in().await);
    let ada = ada.refresh().await.unwrap();
    ada.befriend(&grace).await;
    ada.feed().await.is_served().await;
    app.sign_in(&grace.username, PASSWORD).await.unwrap();

    app.clock.advance(Duration::from_secs(15 * 60));
    app.sign_in(&ada.username, PASSWORD).await.unwrap();
    let (response, _) =
        refused_sign_in(&at(app, "203.0.113.2"), &app.username("nobody"), PASSWORD).await;
    assert_eq!(code(&response), "INVALID_CREDENTIALS");
}

async fn of_tries_at_once_none_goes_uncounted(app: &TestApp) {
    let ada = app.person("ada").await;
    let somewhere: Vec<Client> = (0..30).map(|n| at(app, &format!("192.0.2.{n}"))).collect();
    let tries = somewhere.iter().map(|from| refused_sign_in(from, &ada.username, "wrong horse"));
    let mut codes: Vec<String> = futures::future::join_all(tries)
        .await
        .into_iter()
        .map(|(response, _)| code(&response).to_owned())
        .collect();
    codes.sort();
    let (checked, limited) = codes.split_at(10);
    assert!(checked.iter().all(|code| code == "INVALID_CREDENTIALS"), "{codes:?}");
    assert!(limited.iter().all(|code| code == "RATE_LIMITED"), "{codes:?}");
    is_locked(app, &ada.username).await;
}

async fn a_success_forgets_and_a_mailed_code_unlocks(app: &TestApp) {
    let ada = app.person("ada").await;
    for _ in 0..2 {
        fail(app, &ada.username, 9).await;
        app.sign_in(&ada.username, PASSWORD).await.unwrap();
    }
    for login in [ada.username.clone(), app.email("ada")] {
        fail(app, &login, 10).await;
        is_locked(app, &login).await;
    }
    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    let code = app.code_of_mail(2, "ada").await;
    app.reset_password("ada", &code, "battery staple").await.unwrap();
    for login in [ada.username.clone(), app.email("ada")] {
        app.sign_in(&login, "battery staple").await.unwrap();
    }
}

async fn an_address_is_locked_out_of_all_logins(app: &TestApp) {
    let ada = app.person("ada").await;
    // Successes in between change nothing.
    let tries = |from: Client| async move {
        for n in 0..12 {
            let login = app.username(&format!("somebody{n}"));
            let (response, _) = refused_sign_in(&from, &login, PASSWORD).await;
            assert_eq!(code(&response), "INVALID_CREDENTIALS", "{n}");
            if n == 5 {
                sign_in(&from, &app.username("ada"), PASSWORD, None).await.unwrap();
            }
        }
    };
    tries(at(app, "203.0.113.7")).await;
    // One subscriber of IPv6 has more addresses than there are tries.
    tries(at(app, "2001:db8:1:2::3")).await;
    for address in ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:1:2:ffff::9"] {
        let (response, wait) = refused_sign_in(&at(app, address), &ada.username, PASSWORD).await;
        assert_eq!(code(&response), "RATE_LIMITED", "{address}");
        assert!(wait.is_some());
    }
    for address in ["203.0.113.8", "2001:db8:1:3::3"] {
        sign_in(&at(app, address), &ada.username, PASSWORD, None).await.unwrap();
    }
    app.clock.advance(Duration::from_secs(15 * 60));
    sign_in(&at(app, "203.0.113.7"), &ada.username, PASSWORD, None).await.unwrap();
}

async fn the_password_of_an_open_session_is_not_guessed(app: &TestApp) {
    let ada = app.person("ada").await;
    for n in 0..10 {
        let refused = match n % 2 {
            0 => ada.change_password("wrong horse", "battery staple").await,
            _ => ada.delete_account("wrong horse").await,
        };
        assert_eq!(refused.unwrap_err().code, "INVALID_CREDENTIALS");
    }
    let right = ada.change_password(PASSWORD, "battery staple").await.unwrap_err();
    assert_eq!(right.code, "RATE_LIMITED");
    assert_eq!(ada.delete_account(PASSWORD).await.unwrap_err().code, "RATE_LIMITED");
    // Signing in is another matter.
    app.sign_in(&ada.username, PASSWORD).await.unwrap();
    app.clock.advance(Duration::from_secs(15 * 60));
    ada.change_password(PASSWORD, "battery staple").await.unwrap();
}

async fn guesses_of_codes_are_bounded_by_the_mails(app: &TestApp) {
    app.person("ada").await;
    let reset = "mutation ($email: String!) { requestPasswordReset(email: $email) }";
    // The first mail came when she registered.
    let mut told = Vec::new();
    for (name, left) in [("ada", 4), ("nobody", 5)] {
        let email = app.email(name);
        for n in 0..left {
            app.ask_for_code("requestPasswordReset", &email).await;
            if name == "ada" {
                app.code_of_mail(n + 2, name).await;
                for m in 0..6 {
                    let guess = at(app, &format!("198.51.100.{}", n * 10 + m));
                    let query = "mutation ($email: String!) { resetPassword(email: $email,
                        code: \"none\", new: \"battery staple\") { refreshToken } }";
                    assert_eq!(
                        guess.code(query, json!({ "email": email })).await,
                        "INVALID_CREDENTIALS"
                    );
                }
            }
        }
        let (response, wait) = refused(&app.stranger(), reset, json!({ "email": email })).await;
        assert_eq!(code(&response), "RATE_LIMITED");
        assert!((1..=60 * 60 * 1_000).contains(&wait.unwrap()));
        told.push(response);
    }
    assert_eq!(told[0], told[1], "known or not");
    let spent = app.mailed_code(&app.email("ada")).await;
    let refused = app.reset_password("ada", &spent, "battery staple").await;
    assert_eq!(refusal(refused).code, "INVALID_CREDENTIALS", "no try is left");
}

async fn a_flood_of_sign_ins_delays_nobody_else(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    let flood: Vec<_> = (0..400_u16)
        .map(|n| {
            let from = at(app, &format!("192.0.{}.{}", n / 200, n % 200));
            let login = app.username(&format!("flood{n}"));
            tokio::spawn(async move { refused_sign_in(&from, &login, PASSWORD).await })
        })
        .collect();
    // Once some are turned away the queue is full.
    let full = async {
        while !flood.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    };
    crate::support::within("a refusal", full).await;
    for n in 0..5 {
        ada.send(&grace, &format!("message {n}")).await;
        assert_eq!(feed.message().await, format!("message {n}"));
    }
    Feed::connect(&ada).await;
    assert!(flood.iter().any(|one| !one.is_finished()), "passwords still wait");

    let (mut shed, mut checked) = (0, 0);
    for one in flood {
        let (response, wait) = crate::support::within("an answer", one).await.unwrap();
        match code(&response) {
            "UNAVAILABLE" => {
                assert!(wait.is_some_and(|wait| wait > 0));
                shed += 1;
            }
            "INVALID_CREDENTIALS" => checked += 1,
            other => panic!("{other}"),
        }
    }
    assert!(shed > 0 && checked >= 64, "{shed} were turned away, {checked} checked");
    app.sign_in(&ada.username, PASSWORD).await.unwrap();
}
