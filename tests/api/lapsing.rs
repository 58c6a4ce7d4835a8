//! Who never confirmed their address was nobody.

use std::time::Duration;

use serde_json::json;

use crate::{
    stories,
    support::{Client, TestApp, accounts::PASSWORD, eventually},
};

stories! {
    an_account_that_nobody_confirmed_makes_room,
}

const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The id of who has this name.
async fn called(by: &Client, username: &str) -> Option<String> {
    let query = "query ($name: String!) { user(username: $name) { id } }";
    let data = by.data(query, json!({ "name": username })).await;
    data["user"]["id"].as_str().map(ToOwned::to_owned)
}

async fn requests(by: &Client) -> i64 {
    let query = "{ viewer { friendRequests(direction: OUTGOING) { totalCount } } }";
    let data = by.data(query, serde_json::Value::Null).await;
    data["viewer"]["friendRequests"]["totalCount"].as_i64().unwrap()
}

async fn an_account_that_nobody_confirmed_makes_room(app: &TestApp) {
    let grace = app.person("grace").await;
    let made = app.register("ada", "Ada").await;
    let id = made["id"].as_str().unwrap().to_owned();
    let ada = Client { id: id.clone(), username: app.username("ada"), ..app.stranger() };
    grace.act("sendFriendRequest", &ada).await.unwrap();
    assert_eq!(requests(&grace).await, 1);

    // A node that starts looks for what nobody can use any more.
    app.clock.advance(SEVEN_DAYS - Duration::from_secs(60));
    app.restart().await;
    let grace = app.sign_in(&grace.username, PASSWORD).await.unwrap();
    assert_eq!(called(&grace, &ada.username).await.as_ref(), Some(&id));
    let taken = app.try_register(&ada.username, &app.email("new"), "New").await.unwrap_err();
    assert_eq!((taken.code.as_str(), taken.field.as_deref()), ("CONFLICT", Some("username")));

    app.clock.advance(Duration::from_secs(61));
    app.restart().await;
    let grace = app.sign_in(&grace.username, PASSWORD).await.unwrap();
    eventually("it to lapse", || async {
        called(&grace, &ada.username).await.is_none().then_some(())
    })
    .await;
    eventually("the request to go", || async { (requests(&grace).await == 0).then_some(()) }).await;
    app.register("ada", "Another").await;
    let another = app.verify_email("ada", &app.code_of_mail(2, "ada").await).await.unwrap();
    assert_ne!(another.id, id);
    assert_eq!(called(&grace, &ada.username).await, Some(another.id));
}
