//! Somebody leaves for good.

use serde_json::{Value, json};

use crate::{
    lists::names,
    stories,
    support::{Client, TestApp, accounts::PASSWORD},
};

stories! {
    only_who_knows_the_password_closes_an_account,
    who_is_gone_can_not_come_back,
    messages_stay_without_a_sender,
    friends_and_lists_forget_who_is_gone,
    the_admin_who_is_there_for_longest_inherits_a_group,
    with_the_last_member_a_group_goes,
}

async fn node(client: &Client, id: &str) -> Value {
    let query = "query ($id: ID!) { node(id: $id) { id } }";
    client.data(query, json!({ "id": id })).await["node"].take()
}

async fn only_who_knows_the_password_closes_an_account(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    for wrong in ["", "wrong horse", "Correct horse", &format!("{PASSWORD} "), &"x".repeat(5_000)] {
        let refused = ada.delete_account(wrong).await.unwrap_err();
        assert_eq!(refused.code, "INVALID_CREDENTIALS");
    }
    let stranger = app.stranger().delete_account(PASSWORD).await.unwrap_err();
    assert_eq!(stranger.code, "UNAUTHENTICATED");
    assert!(ada.is_signed_in().await);
    assert_eq!(grace.friendship(&ada).await, "FRIENDS");
    ada.send(&grace, "Still here").await;
    assert_eq!(feed.message().await, "Still here");
}

async fn who_is_gone_can_not_come_back(app: &TestApp) {
    let ada = app.person("ada").await;
    let phone = app.device("ada", "phone").await;
    let (mut here, mut there) = (ada.feed().await, phone.feed().await);
    assert_eq!(ada.delete_account(PASSWORD).await.unwrap()["deleteAccount"], true);

    assert_eq!((here.closed().await, there.closed().await), (4403, 4403));
    for device in [&ada, &phone] {
        assert!(!device.is_signed_in().await);
        assert_eq!(device.refresh().await.map(drop).unwrap_err().code, "UNAUTHENTICATED");
        let again = device.delete_account(PASSWORD).await.unwrap_err();
        assert_eq!(again.code, "UNAUTHENTICATED");
    }
    for login in [&ada.username, &app.email("ada")] {
        let refused = app.sign_in(login, PASSWORD).await.map(drop).unwrap_err();
        assert_eq!(refused.code, "INVALID_CREDENTIALS");
    }
    let mails = app.mails(&app.email("ada"));
    app.ask_for_code("requestPasswordReset", &app.email("ada")).await;
    app.ask_for_code("resendVerification", &app.email("ada")).await;
    assert_eq!(app.mails(&app.email("ada")), mails, "nobody is written to");

    // The name is taken for ever; the address is free again.
    for name in [ada.username.clone(), ada.username.to_uppercase()] {
        let refused = app.try_register(&name, &app.email("ada"), "Ada").await.unwrap_err();
        let told = (refused.code.as_str(), refused.field.as_deref());
        assert_eq!(told, ("CONFLICT", Some("username")));
    }
    let other = app.username("other");
    let made = app.try_register(&other, &app.email("ada"), "Other").await.unwrap();
    assert_ne!(made["id"], ada.id.as_str());
    app.clock.advance(std::time::Duration::from_secs(400 * 24 * 60 * 60));
    app.restart().await;
    let refused = app.try_register(&ada.username, &app.email("new"), "Ada").await.unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("username"), "not even after a year");
}

async fn messages_stay_without_a_sender(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = grace.found("Walks", "PRIVATE", &[&ada]).await;
    let direct = ada.send(&grace, "Hello, Grace").await;
    grace.send(&ada, "Hello, Ada").await;
    let in_group = ada.tell(&group, "Hello, all").await;
    let start = {
        let mut feed = grace.feed().await;
        ada.send(&grace, "I'm off").await;
        feed.next().await["cursor"].as_str().unwrap().to_owned()
    };
    ada.delete_account(PASSWORD).await.unwrap();

    let query = "query ($direct: ID!, $group: ID!, $ids: [ID!]!) {
        direct: conversation(id: $direct) { lastMessage { body sender { id } }
            ... on DirectConversation { peer { id username displayName bio friendship } }
            messages { nodes { seq body sender { username } } } }
        group: conversation(id: $group) { messages { nodes { body sender { username } } } }
        nodes(ids: $ids) { ... on Message { body sender { id } } } }";
    let (dm, ids) = (&direct["conversation"]["id"], json!([direct["id"], in_group["id"]]));
    let data = grace.data(query, json!({ "direct": dm, "group": group, "ids": ids })).await;
    let of_grace = json!({ "username": grace.username });
    let expected = json!({
        "direct": {
            "lastMessage": { "body": "I'm off", "sender": null },
            "peer": {
                "id": ada.id, "username": "", "displayName": "Deleted account", "bio": null,
                "friendship": "NONE",
            },
            "messages": { "nodes": [
                { "seq": 1, "body": "Hello, Grace", "sender": null },
                { "seq": 2, "body": "Hello, Ada", "sender": of_grace },
                { "seq": 3, "body": "I'm off", "sender": null },
            ] },
        },
        "group": { "messages": { "nodes": [{ "body": "Hello, all", "sender": null }] } },
        "nodes": [{ "body": "Hello, Grace", "sender": null }, { "body": "Hello, all", "sender": null }],
    });
    assert_eq!(data, expected);
    for to in [json!({ "conversationId": dm }), json!({ "userId": ada.id })] {
        let refused = grace.send_to(to, "Are you there?", None).await.unwrap_err();
        assert_eq!(refused.code, "NOT_FOUND");
    }
    let query = "{ viewer { conversations { nodes { lastMessage { body }
        ... on DirectConversation { peer { displayName } } } } } }";
    let data = grace.data(query, Value::Null).await;
    let listed = json!({
        "lastMessage": { "body": "I'm off" }, "peer": { "displayName": "Deleted account" },
    });
    let list = data["viewer"]["conversations"]["nodes"].as_array().unwrap();
    assert!(list.contains(&listed), "{list:?}");

    // What was missed is told without a sender, too.
    let mut feed = grace.feed_after(&start).await;
    feed.hears_role(&group, &ada, None).await;
    let gone = (String::new(), "NONE".to_owned());
    assert_eq!(feed.friendship().await, gone);
}

async fn friends_and_lists_forget_who_is_gone(app: &TestApp) {
    let ada = app.person("ada").await;
    let names_of = ["friend", "asked", "asking", "blocking", "second", "stranger"];
    let others = futures::future::join_all(names_of.map(|name| app.person(name))).await;
    let [friend, asked, asking, blocking, second, stranger] = &others[..] else {
        unreachable!("they are six")
    };
    ada.befriend(friend).await;
    friend.befriend(second).await;
    ada.act("sendFriendRequest", asked).await.unwrap();
    asking.act("sendFriendRequest", &ada).await.unwrap();
    blocking.act("blockUser", &ada).await.unwrap();
    ada.send(friend, "Hello").await;
    let ties = [friend, asked, asking];
    let mut feeds = futures::future::join_all(ties.map(Client::feed)).await;
    let mut of_others = [blocking.feed().await, second.feed().await, stranger.feed().await];
    ada.delete_account(PASSWORD).await.unwrap();

    for (person, feed) in ties.iter().zip(&mut feeds) {
        let event = feed.next().await;
        assert_eq!(event["__typename"], "FriendshipChanged", "{event:#}");
        let expected = json!({
            "id": ada.id, "username": "", "displayName": "Deleted account", "friendship": "NONE",
        });
        assert_eq!(event["user"], expected);
        stranger.send(person, "Nothing more").await;
        assert_eq!(feed.message().await, "Nothing more");
    }
    for (person, feed) in [blocking, second].into_iter().zip(&mut of_others) {
        stranger.send(person, "Nothing at all").await;
        assert_eq!(feed.message().await, "Nothing at all");
    }

    let query = "query ($name: String!) { user(username: $name) { id }
        users(query: $name) { totalCount nodes { username } }
        viewer { friends { totalCount nodes { username } } friendRequests { totalCount }
            outgoing: friendRequests(direction: OUTGOING) { totalCount }
            blocked { totalCount } suggestions { user { username } }
            lastChatted { with { ... on User { username } } } } }";
    for person in &others {
        assert_eq!(node(person, &ada.id).await, Value::Null);
        let data = person.data(query, json!({ "name": ada.username })).await;
        assert_eq!(data["user"], Value::Null);
        assert_eq!(data["users"]["totalCount"], 0);
        let viewer = &data["viewer"];
        for list in ["friendRequests", "outgoing", "blocked"] {
            assert_eq!(viewer[list]["totalCount"], 0, "{list} of {}", person.username);
        }
        assert_eq!(viewer["suggestions"], json!([]), "of {}", person.username);
        assert!(!names(&viewer["friends"]).contains(&ada.username));
        let chats = viewer["lastChatted"].as_array().unwrap();
        let others = chats.iter().all(|chat| chat["with"]["username"] != ada.username.as_str());
        assert!(others, "{chats:?}");
    }
    for mutation in ["sendFriendRequest", "blockUser", "removeFriend"] {
        assert_eq!(friend.act(mutation, &ada).await.unwrap_err().code, "NOT_FOUND", "{mutation}");
    }
}

async fn the_admin_who_is_there_for_longest_inherits_a_group(app: &TestApp) {
    let ada = app.person("ada").await;
    let names = ["grace", "alan", "emmy"];
    let others = futures::future::join_all(names.map(|name| app.person(name))).await;
    let [grace, alan, emmy] = &others[..] else { unreachable!("they are three") };
    let group = ada.found("Walks", "PRIVATE", &[grace]).await;
    for (late, role) in [(alan, "ADMIN"), (emmy, "ADMIN")] {
        ada.add_members(&group, &[late]).await.unwrap();
        ada.set_role(&group, late, role).await.unwrap();
    }
    let shared = ada.found("Runs", "PRIVATE", &[grace]).await;
    ada.set_role(&shared, grace, "OWNER").await.unwrap();
    let mine = grace.found("Swims", "PRIVATE", &[&ada]).await;
    ada.tell(&group, "Look after it").await;
    let mut feed = emmy.feed().await;
    ada.delete_account(PASSWORD).await.unwrap();

    // Grace is in it for longer, but no admin.
    let listed = |members: &[(&Client, &str)]| {
        let one = |(who, role): &(&Client, &str)| (who.username.clone(), (*role).to_owned());
        members.iter().map(one).collect::<Vec<_>>()
    };
    let expected = listed(&[(alan, "OWNER"), (emmy, "ADMIN"), (grace, "MEMBER")]);
    assert_eq!(grace.members(&group).await, expected);
    assert_eq!(grace.members(&shared).await, listed(&[(grace, "OWNER")]));
    assert_eq!(grace.members(&mine).await, listed(&[(grace, "OWNER")]));
    let mut heard = vec![feed.next().await, feed.next().await];
    heard.sort_by_key(|event| event["role"].is_null());
    assert_eq!(heard[0]["user"]["id"], alan.id.as_str(), "{heard:#?}");
    assert_eq!((&heard[0]["role"], &heard[1]["role"]), (&json!("OWNER"), &Value::Null));
    let gone = json!({ "id": ada.id, "username": "", "displayName": "Deleted account" });
    assert_eq!(heard[1]["user"], gone);
    alan.tell(&group, "I will").await;
    assert_eq!(feed.message().await, "I will");
    alan.update_group(&group, json!({ "name": "Alan's walks" })).await.unwrap();

    // Without an admin it is the member.
    emmy.leave_group(&group).await.unwrap();
    alan.delete_account(PASSWORD).await.unwrap();
    assert_eq!(grace.members(&group).await, listed(&[(grace, "OWNER")]));
}

async fn with_the_last_member_a_group_goes(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let name = format!("{} alone", app.town);
    let group = ada.found(&name, "PUBLIC", &[]).await;
    ada.tell(&group, "Is anybody here?").await;
    let query = "query ($name: String) { groups(query: $name) { nodes { id } } }";
    let found = grace.data(query, json!({ "name": name })).await;
    assert_eq!(found["groups"]["nodes"], json!([{ "id": group }]));
    ada.delete_account(PASSWORD).await.unwrap();
    assert_eq!(node(&grace, &group).await, Value::Null);
    let found = grace.data(query, json!({ "name": name })).await;
    assert_eq!(found["groups"]["nodes"], json!([]));
    assert_eq!(grace.join_group(&group).await.unwrap_err().code, "NOT_FOUND");
}
