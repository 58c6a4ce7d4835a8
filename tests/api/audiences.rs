//! Who may start a conversation: by distance in the graph, at once, and
//! never across a block.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal},
};

stories! {
    settings_are_what_was_changed_of_them,
    each_audience_means_whom_it_says,
    a_setting_is_in_force_at_once,
    the_middle_person_brings_two_within_reach_and_takes_them_apart,
    whom_one_wrote_to_may_answer,
    nobody_is_answered_across_a_block,
}

async fn write(from: &Client, to: &Client) -> Result<(), String> {
    let sent = from.send_to(json!({ "userId": to.id }), "Hello", None).await;
    sent.map(drop).map_err(|Refusal { code, .. }| code)
}

fn forbidden() -> Result<(), String> {
    Err("FORBIDDEN".to_owned())
}

/// Two who share a friend but are none.
async fn two_and_a_middle(app: &TestApp) -> [Client; 3] {
    let (ada, middle, grace) =
        tokio::join!(app.person("ada"), app.person("middle"), app.person("grace"));
    ada.befriend(&middle).await;
    middle.befriend(&grace).await;
    [ada, middle, grace]
}

async fn settings_are_what_was_changed_of_them(app: &TestApp) {
    let ada = app.person("ada").await;
    let query = "{ viewer { settings { messagesFrom presenceTo readReceipts discoverable } } }";
    let settings = async || ada.data(query, Value::Null).await["viewer"]["settings"].take();
    let mut expected = json!({
        "messagesFrom": "EVERYONE", "presenceTo": "FRIENDS", "readReceipts": true,
        "discoverable": true,
    });
    assert_eq!(settings().await, expected);
    for changes in [
        json!({ "messagesFrom": "FRIENDS_OF_FRIENDS" }),
        json!({ "presenceTo": "NOBODY", "readReceipts": false }),
        json!({}),
        json!({ "messagesFrom": null, "discoverable": false }),
        json!({ "presenceTo": "EVERYONE", "messagesFrom": "FRIENDS" }),
        json!({ "presenceTo": "FRIENDS", "messagesFrom": "NOBODY", "readReceipts": true }),
    ] {
        for (name, value) in changes.as_object().unwrap() {
            if !value.is_null() {
                expected[name] = value.clone();
            }
        }
        assert_eq!(ada.change_settings(changes).await, expected, "all of them are answered");
        assert_eq!(settings().await, expected);
    }
    let grace = app.person("grace").await;
    let data = grace.data(query, Value::Null).await;
    assert_eq!(data["viewer"]["settings"]["messagesFrom"], "EVERYONE", "one's own are one's own");
}

async fn each_audience_means_whom_it_says(app: &TestApp) {
    // A new reader each time: who wrote once may be answered for ever.
    for (audience, friend, of_friend, stranger) in [
        ("EVERYONE", Ok(()), Ok(()), Ok(())),
        ("FRIENDS_OF_FRIENDS", Ok(()), Ok(()), forbidden()),
        ("FRIENDS", Ok(()), forbidden(), forbidden()),
        ("NOBODY", forbidden(), forbidden(), forbidden()),
    ] {
        let reader = app.person(&audience.to_lowercase()).await;
        let name = |name: &str| format!("{name}.{}", audience.to_lowercase().replace('_', ""));
        let (near, far) = (app.person(&name("n")).await, app.person(&name("f")).await);
        let alien = app.person(&name("a")).await;
        app.acquaint([(&reader, &near), (&near, &far), (&far, &alien)]).await;
        reader.change_settings(json!({ "messagesFrom": audience })).await;
        for (writer, expected) in [(&near, friend), (&far, of_friend), (&alien, stranger)] {
            assert_eq!(write(writer, &reader).await, expected, "{audience}: {}", writer.username);
            // By whatever way they try.
            let by_name = json!({ "username": reader.username });
            let sent = writer.send_to(by_name, "Hello again", None).await;
            assert_eq!(sent.is_ok(), expected.is_ok(), "{audience}: {}", writer.username);
            let query = "query ($name: String!) { user(username: $name) {
                directConversation { id messages { nodes { body } } } } }";
            let data = writer.data(query, json!({ "name": reader.username })).await;
            let direct = &data["user"]["directConversation"];
            let to = json!({ "conversationId": direct["id"] });
            let sent = writer.send_to(to, "And again", None).await;
            assert_eq!(sent.is_ok(), expected.is_ok(), "{audience}: {}", writer.username);
            let written = direct["messages"]["nodes"].as_array().unwrap().len();
            assert_eq!(written, if expected.is_ok() { 2 } else { 0 });
        }
    }
}

async fn a_setting_is_in_force_at_once(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    for _ in 0..5 {
        assert_eq!(write(&grace, &ada).await, Ok(()));
        ada.change_settings(json!({ "messagesFrom": "FRIENDS" })).await;
        assert_eq!(write(&grace, &ada).await, forbidden());
        ada.befriend(&grace).await;
        assert_eq!(write(&grace, &ada).await, Ok(()));
        grace.act("removeFriend", &ada).await.unwrap();
        assert_eq!(write(&grace, &ada).await, forbidden());
        ada.change_settings(json!({ "messagesFrom": "EVERYONE" })).await;
    }
    assert_eq!(write(&grace, &ada).await, Ok(()));
}

async fn the_middle_person_brings_two_within_reach_and_takes_them_apart(app: &TestApp) {
    let [ada, middle, grace] = two_and_a_middle(app).await;
    ada.change_settings(json!({ "messagesFrom": "FRIENDS_OF_FRIENDS" })).await;
    for (by, other) in [(&middle, &ada), (&middle, &grace), (&ada, &middle), (&grace, &middle)] {
        assert_eq!(write(&grace, &ada).await, Ok(()));
        by.act("removeFriend", other).await.unwrap();
        assert_eq!(write(&grace, &ada).await, forbidden(), "{}", by.username);
        by.befriend(other).await;
    }
    middle.act("blockUser", &ada).await.unwrap();
    assert_eq!(write(&grace, &ada).await, forbidden());
    middle.act("unblockUser", &ada).await.unwrap();
    assert_eq!(write(&grace, &ada).await, forbidden(), "the friendship does not come back");
    // Another one will do.
    let another = app.person("another").await;
    grace.befriend(&another).await;
    assert_eq!(write(&grace, &ada).await, forbidden());
    another.befriend(&ada).await;
    assert_eq!(write(&grace, &ada).await, Ok(()));
    // And grace herself takes whatever comes.
    assert_eq!(write(&ada, &grace).await, Ok(()));
}

async fn whom_one_wrote_to_may_answer(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    ada.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    assert_eq!(write(&grace, &ada).await, forbidden());
    // Ada starts; from then on it is no new conversation.
    let mut feed = ada.feed().await;
    ada.send(&grace, "Hello, Grace").await;
    assert_eq!(write(&grace, &ada).await, Ok(()));
    assert_eq!(feed.message().await, "Hello, Grace");
    assert_eq!(feed.message().await, "Hello");
    assert_eq!(write(&alan, &ada).await, forbidden(), "others are not answered");
    // It holds for ever, as a server that has just started knows.
    app.restart().await;
    assert_eq!(write(&grace, &ada).await, Ok(()));
    assert_eq!(write(&alan, &ada).await, forbidden());
    // To have written oneself is no reason.
    alan.change_settings(json!({ "messagesFrom": "FRIENDS" })).await;
    assert_eq!(write(&ada, &alan).await, forbidden());
    alan.change_settings(json!({ "messagesFrom": "EVERYONE" })).await;
    assert_eq!(write(&ada, &alan).await, Ok(()));
    alan.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    assert_eq!(write(&ada, &alan).await, forbidden());
    assert_eq!(write(&alan, &ada).await, Ok(()), "ada wrote to him");
    assert_eq!(write(&ada, &alan).await, Ok(()), "and he answered");
}

async fn nobody_is_answered_across_a_block(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    ada.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
    ada.send(&grace, "Hello, Grace").await;
    assert_eq!(write(&grace, &ada).await, Ok(()));
    for (by, other) in [(&ada, &grace), (&grace, &ada)] {
        by.act("blockUser", other).await.unwrap();
        assert_eq!(write(&grace, &ada).await, forbidden());
        assert_eq!(write(&ada, &grace).await, forbidden());
        by.act("unblockUser", other).await.unwrap();
        assert_eq!(write(&grace, &ada).await, Ok(()));
    }
    // What is refused for an audience looks like what is refused for a block.
    let alan = app.person("alan").await;
    let to = json!({ "userId": ada.id });
    let for_audience = alan.send_to(to.clone(), "Hello", None).await.unwrap_err();
    ada.act("blockUser", &alan).await.unwrap();
    assert_eq!(alan.send_to(to, "Hello", None).await.unwrap_err(), for_audience);
}
