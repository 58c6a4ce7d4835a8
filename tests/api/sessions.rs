//! Devices are signed in, stay so, and are signed out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    stories,
    support::{
        Client, Feed, TestApp,
        accounts::{PASSWORD, sign_in},
    },
};

stories! {
    refreshing_trades_both_tokens,
    a_refresh_token_traded_again_ends_its_session,
    of_two_refreshes_at_once_one_wins_and_the_session_ends,
    an_access_token_expires_while_its_socket_lives_on,
    a_session_is_ended_from_another_device,
    signing_out_ends_one_session_and_everywhere_ends_all,
    devices_are_listed,
}

/// The code with which a refresh is refused.
async fn refresh_code(client: &Client) -> String {
    client.refresh().await.map(drop).unwrap_err().code
}

async fn refreshing_trades_both_tokens(app: &TestApp) {
    let ada = app.person("ada").await;
    let session = ada.session().await;
    let mut newest = ada.clone();
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(300));
        let next = newest.refresh().await.unwrap();
        assert_ne!(next.refresh_token, newest.refresh_token);
        assert_ne!(next.token, newest.token);
        assert_eq!(next.session().await, session, "it stays the same session");
        newest = next;
    }
    assert!(!ada.is_signed_in().await, "the first access token is long expired");
    assert!(newest.is_signed_in().await);
    assert_eq!(newest.sessions().await.len(), 1);
    let mut stranger = app.stranger();
    stranger.refresh_token = "A".repeat(43);
    assert_eq!(refresh_code(&stranger).await, "UNAUTHENTICATED");
}

async fn a_refresh_token_traded_again_ends_its_session(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let (mut here, mut there) = (ada.feed().await, phone.feed().await);
    let newer = ada.refresh().await.unwrap();
    assert!(newer.is_signed_in().await);

    // Whoever has the old token may not be who has the new one.
    assert_eq!(refresh_code(&ada).await, "UNAUTHENTICATED");
    assert_eq!(here.closed().await, 4403);
    assert!(!newer.is_signed_in().await);
    assert!(!ada.is_signed_in().await);
    assert_eq!(refresh_code(&newer).await, "UNAUTHENTICATED");
    assert_eq!(Feed::admitted(&newer).await.map(drop).unwrap_err().code, 4403);

    there.is_served().await;
    assert_eq!(phone.sessions().await.len(), 1);
    app.sign_in(&ada.username, PASSWORD).await.unwrap();
}

async fn of_two_refreshes_at_once_one_wins_and_the_session_ends(app: &TestApp) {
    let ada = app.person("ada").await;
    let (one, other) = tokio::join!(ada.refresh(), ada.refresh());
    let (winner, refused) = match (one, other) {
        (Ok(winner), Err(refused)) | (Err(refused), Ok(winner)) => (winner, refused),
        (Ok(_), Ok(_)) => panic!("a refresh token was traded twice"),
        (Err(_), Err(_)) => panic!("neither got a token"),
    };
    assert_eq!(refused.code, "UNAUTHENTICATED");
    assert!(!winner.is_signed_in().await);
    assert_eq!(refresh_code(&winner).await, "UNAUTHENTICATED");
}

async fn an_access_token_expires_while_its_socket_lives_on(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = ada.feed().await;
    app.clock.advance(Duration::from_secs(10 * 60));
    assert!(!ada.is_signed_in().await);
    assert_eq!(Feed::admitted(&ada).await.map(drop).unwrap_err().code, 4403);

    // What needs no viewer works with an expired token attached.
    let data = ada.data("{ __typename }", Value::Null).await;
    assert_eq!(data["__typename"], "Query");
    let signed_in = sign_in(&grace, &grace.username, PASSWORD, None).await.unwrap();
    let grace = grace.refresh().await.unwrap();
    assert!(signed_in.is_signed_in().await && grace.is_signed_in().await);

    grace.send(&ada, "Still there?").await;
    assert_eq!(feed.message().await, "Still there?");
    // New operations on the open socket run too.
    feed.subscribe("another", Value::Null).await;
    feed.is_served().await;
    signed_in.send(&ada, "Twice now").await;
    let mut heard = [feed.frame().await.unwrap(), feed.frame().await.unwrap()]
        .map(|frame| frame["id"].as_str().unwrap().to_owned());
    heard.sort();
    assert_eq!(heard, ["another", "events"]);

    let ada = ada.refresh().await.unwrap();
    assert!(ada.is_signed_in().await);
    feed.is_served().await;
}

async fn a_session_is_ended_from_another_device(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let grace = app.person("grace").await;
    let (mut here, mut there, mut also_there) =
        (ada.feed().await, phone.feed().await, phone.feed().await);
    let session = phone.session().await;

    let refused = grace.end_session(&session).await.unwrap_err();
    assert_eq!(refused.code, "NOT_FOUND", "nobody ends the sessions of others");
    there.is_served().await;

    let started = Instant::now();
    assert_eq!(ada.end_session(&session).await.unwrap()["endSession"], true);
    assert_eq!(there.closed().await, 4403);
    assert_eq!(also_there.closed().await, 4403);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(!phone.is_signed_in().await);
    assert_eq!(refresh_code(&phone).await, "UNAUTHENTICATED");
    assert_eq!(ada.end_session(&session).await.unwrap_err().code, "NOT_FOUND");

    here.is_served().await;
    assert!(ada.is_signed_in().await);
    let own = ada.session().await;
    ada.end_session(&own).await.unwrap();
    assert_eq!(here.closed().await, 4403);
    assert!(!ada.is_signed_in().await);
}

async fn signing_out_ends_one_session_and_everywhere_ends_all(app: &TestApp) {
    let ada = app.person("ada").await;
    let (phone, tablet) = (app.device("ada", "phone").await, app.device("ada", "tablet").await);
    let grace = app.person("grace").await;
    let mut feeds = [ada.feed().await, tablet.feed().await];
    let mut phone_feed = phone.feed().await;

    assert_eq!(phone.data("mutation { signOut }", Value::Null).await["signOut"], true);
    assert_eq!(phone_feed.closed().await, 4403);
    assert!(!phone.is_signed_in().await);
    assert_eq!(refresh_code(&phone).await, "UNAUTHENTICATED");
    assert_eq!(phone.code("mutation { signOut }", Value::Null).await, "UNAUTHENTICATED");
    assert!(ada.is_signed_in().await && tablet.is_signed_in().await);

    ada.data("mutation { signOutEverywhere }", Value::Null).await;
    for feed in &mut feeds {
        assert_eq!(feed.closed().await, 4403);
    }
    for client in [&ada, &tablet] {
        assert!(!client.is_signed_in().await);
        assert_eq!(refresh_code(client).await, "UNAUTHENTICATED");
    }
    assert!(grace.is_signed_in().await);
    let anew = app.sign_in(&ada.username, PASSWORD).await.unwrap();
    assert_eq!(anew.sessions().await.len(), 1);
}

async fn devices_are_listed(app: &TestApp) {
    let ada = app.person("ada").await;
    app.clock.advance(Duration::from_secs(60));
    let phone = app.device("ada", "Ada’s phone 📱").await;
    app.clock.advance(Duration::from_secs(60));
    let tablet = app.device("ada", "  tablet ").await;
    app.person("grace").await;

    let devices = |sessions: &[Value]| -> Vec<(Value, Value)> {
        sessions.iter().map(|one| (one["device"].clone(), one["current"].clone())).collect()
    };
    let listed = phone.sessions().await;
    assert_eq!(
        devices(&listed),
        [
            (json!("tablet"), json!(false)),
            (json!("Ada’s phone 📱"), json!(true)),
            (Value::Null, json!(false)),
        ],
        "the one used last comes first"
    );
    app.clock.advance(Duration::from_secs(60));
    let ada = ada.refresh().await.unwrap();
    let listed = ada.sessions().await;
    assert_eq!((&listed[0]["device"], &listed[0]["current"]), (&Value::Null, &json!(true)));
    let [created, used] =
        ["createdAt", "lastUsedAt"].map(|field| listed[0][field].as_str().unwrap().to_owned());
    assert!(created < used, "refreshing counts as use: {created} {used}");

    ada.end_session(&tablet.session().await).await.unwrap();
    assert_eq!(ada.sessions().await.len(), 2);
}
