//! Reactions to messages.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal},
};

stories! {
    reactions_show_and_are_heard_everywhere,
    what_is_so_already_is_no_event,
    only_one_emoji_is_a_reaction,
    one_emoji_is_one_however_it_is_written,
    a_message_takes_twenty_kinds,
    the_same_at_once_counts_once,
    of_many_people_the_first_are_listed,
    across_a_block_one_only_takes_back,
}

fn kinds(message: &Value) -> Vec<(String, i64, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let users =
        |list: &Value| list.as_array().unwrap().iter().map(|one| text(&one["username"])).collect();
    let kinds = message["reactions"].as_array().unwrap().iter();
    kinds
        .map(|one| (text(&one["emoji"]), one["count"].as_i64().unwrap(), users(&one["users"])))
        .collect()
}

fn kind(emoji: &str, users: &[&Client]) -> (String, i64, Vec<String>) {
    let users: Vec<String> = users.iter().map(|user| user.username.clone()).collect();
    (emoji.to_owned(), i64::try_from(users.len()).unwrap(), users)
}

fn is_bad_emoji(outcome: Result<Value, Refusal>) -> bool {
    let refused = outcome.unwrap_err();
    (refused.code.as_str(), refused.field.as_deref()) == ("BAD_USER_INPUT", Some("emoji"))
}

async fn reactions_show_and_are_heard_everywhere(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
    let group = ada.found("Walks", "PUBLIC", &[&grace, &alan]).await;
    let sent = ada.tell(&group, "Sunday?").await;
    let phone = app.device("grace", "phone").await;
    let listeners = [&ada, &grace, &alan, &phone];
    let mut theirs = join_all(listeners.iter().map(|one| one.feed())).await;
    let mut others = emmy.feed().await;

    let steps: [(&Client, &str, bool); 5] = [
        (&grace, "🥾", true),
        (&alan, "👍", true),
        (&ada, "🥾", true),
        (&grace, "🥾", false),
        (&grace, "👍", true),
    ];
    let expected = [
        vec![kind("🥾", &[&grace])],
        vec![kind("🥾", &[&grace]), kind("👍", &[&alan])],
        vec![kind("🥾", &[&grace, &ada]), kind("👍", &[&alan])],
        vec![kind("👍", &[&alan]), kind("🥾", &[&ada])],
        vec![kind("👍", &[&alan, &grace]), kind("🥾", &[&ada])],
    ];
    for ((by, emoji, present), expected) in steps.into_iter().zip(expected) {
        let done = match present {
            true => by.react(&sent["id"], emoji).await.unwrap(),
            false => by.take_back(&sent["id"], emoji).await.unwrap(),
        };
        assert_eq!((kinds(&done), &done["body"]), (expected.clone(), &json!("Sunday?")));
        for feed in &mut theirs {
            let told = feed.hears("ReactionsChanged").await;
            assert_eq!((&told["id"], kinds(&told)), (&sent["id"], expected.clone()));
        }
    }
    for (reader, own) in [(&ada, [false, true]), (&grace, [true, false]), (&alan, [true, false])] {
        let seen = reader.message(&sent["id"]).await;
        let reacted = [0, 1].map(|kind| seen["reactions"][kind]["viewerReacted"] == true);
        assert_eq!(reacted, own, "{}", reader.username);
    }
    // It is no activity, and no news for others.
    let query = "query ($id: ID!) { node(id: $id) { ... on Group { lastActivityAt } } }";
    let group = ada.data(query, json!({ "id": group })).await;
    assert_eq!(group["node"]["lastActivityAt"], sent["sentAt"]);
    ada.send(&emmy, "You are missing something").await;
    assert_eq!(others.message().await, "You are missing something");
}

async fn what_is_so_already_is_no_event(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let mut feed = grace.feed().await;
    assert_eq!(kinds(&ada.take_back(&sent["id"], "👍").await.unwrap()), []);
    for _ in 0..2 {
        let done = grace.react(&sent["id"], "👍").await.unwrap();
        assert_eq!(kinds(&done), [kind("👍", &[&grace])]);
    }
    // Another's stays.
    let done = ada.take_back(&sent["id"], "👍").await.unwrap();
    assert_eq!(kinds(&done), [kind("👍", &[&grace])]);
    for _ in 0..2 {
        assert_eq!(kinds(&grace.take_back(&sent["id"], "👍").await.unwrap()), []);
    }
    for expected in [1, 0] {
        assert_eq!(kinds(&feed.hears("ReactionsChanged").await).len(), expected);
    }
    ada.send(&grace, "Next").await;
    assert_eq!(feed.message().await, "Next");
}

async fn only_one_emoji_is_a_reaction(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let long = "👍".repeat(5_000);
    for text in ["", " ", "a", "ok", "1", "👍👍", "👍 ", ":+1:", "\u{200d}", "👍\0", "'; --", &long]
    {
        assert!(is_bad_emoji(ada.react(&sent["id"], text).await), "{text:?}");
        assert!(is_bad_emoji(ada.take_back(&sent["id"], text).await), "{text:?}");
    }
    let good = ["👍", "👍🏿", "👨‍👩‍👧‍👦", "👩‍❤️‍💋‍👨", "🇺🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "#️⃣", "🫠"];
    for emoji in good {
        grace.react(&sent["id"], emoji).await.unwrap();
    }
    let seen = ada.message(&sent["id"]).await;
    assert_eq!(kinds(&seen), good.map(|emoji| kind(emoji, &[&grace])));
}

async fn one_emoji_is_one_however_it_is_written(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    ada.react(&sent["id"], "\u{2764}").await.unwrap();
    let both = grace.react(&sent["id"], "\u{2764}\u{fe0f}").await.unwrap();
    assert_eq!(kinds(&both), [kind("\u{2764}\u{fe0f}", &[&ada, &grace])]);
    let one = ada.take_back(&sent["id"], "\u{2764}\u{fe0f}").await.unwrap();
    assert_eq!(kinds(&one), [kind("\u{2764}\u{fe0f}", &[&grace])]);
}

async fn a_message_takes_twenty_kinds(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Fruit?").await;
    let many: Vec<String> =
        "🍎🍐🍊🍋🍌🍉🍇🍓🍈🍒🍑🍍🥝🥑🍅🍆🥒🥕🌽🥔🍠".chars().map(String::from).collect();
    for (emoji, by) in many[..20].iter().zip([&ada, &grace].into_iter().cycle()) {
        by.react(&sent["id"], emoji).await.unwrap();
    }
    let mut feed = grace.feed().await;
    let refused = ada.react(&sent["id"], &many[20]).await.unwrap_err();
    assert!(refused.message.contains("20"), "{}", refused.message);
    assert!(is_bad_emoji(Err(refused)));
    grace.react(&sent["id"], &many[0]).await.unwrap();
    assert_eq!(kinds(&feed.hears("ReactionsChanged").await).len(), 20);
    grace.take_back(&sent["id"], &many[1]).await.unwrap();
    assert_eq!(
        ada.react(&sent["id"], &many[20]).await.unwrap()["reactions"][19]["emoji"],
        many[20]
    );
}

async fn the_same_at_once_counts_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let mut feed = grace.feed().await;
    let at_once = join_all((0..8).map(|turn| {
        let (by, id) = ([&ada, &grace][turn % 2], &sent["id"]);
        by.react(id, "👍")
    }));
    assert!(at_once.await.iter().all(Result::is_ok));
    assert_eq!(ada.message(&sent["id"]).await["reactions"][0]["count"], 2);
    ada.send(&grace, "done").await;
    assert_eq!(feed.until_message("done").await.len(), 2);
}

async fn of_many_people_the_first_are_listed(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let crowd = app.crowd("member", 105).await;
    app.acquaint(crowd.iter().map(|member| (&ada, member))).await;
    let mut members: Vec<&Client> = crowd.iter().collect();
    members.push(&grace);
    let group = ada.found("Walks", "PUBLIC", &members[5..]).await;
    ada.add_members(&group, &members[..5]).await.unwrap();
    let sent = ada.tell(&group, "Sunday?").await;
    let stores = app.open_stores();
    for member in &members {
        let reacting = chatterbox::messaging::Reacting {
            message: sent["id"].as_str().unwrap().parse().unwrap(),
            by: member.id.parse().unwrap(),
            emoji: chatterbox::messaging::Emoji::parse("👍").unwrap(),
            present: true,
        };
        let at = chatterbox_graph::Timestamp(1);
        chatterbox::messaging::ReactionStore::react(&stores.sql, at, reacting).await.unwrap();
    }
    stores.sql.close().await;
    let ask = async |client: &Client, first: i32| {
        let query = format!(
            "query ($id: ID!) {{ node(id: $id) {{ ... on Message {{ reactions {{ count viewerReacted
                users(first: {first}) {{ username }} }} }} }} }}"
        );
        client.attempt(&query, json!({ "id": sent["id"] })).await
    };
    for (client, reacted) in [(&grace, true), (&ada, false)] {
        let data = ask(client, 100).await.unwrap();
        let found = &data["node"]["reactions"][0];
        assert_eq!((&found["count"], &found["viewerReacted"]), (&json!(106), &json!(reacted)));
        let listed = found["users"].as_array().unwrap();
        assert!(
            listed
                .iter()
                .map(|one| one["username"].as_str().unwrap())
                .eq(crowd[..100].iter().map(|one| &*one.username))
        );
    }
    assert_eq!(kinds(&ada.message(&sent["id"]).await)[0].2.len(), 10);
    for first in [0, -1, 101] {
        let refused = ask(&ada, first).await.unwrap_err();
        assert_eq!((&*refused.code, refused.field.as_deref()), ("BAD_USER_INPUT", Some("first")));
    }
}

async fn across_a_block_one_only_takes_back(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    grace.react(&sent["id"], "👍").await.unwrap();
    ada.react(&sent["id"], "👋").await.unwrap();
    ada.act("blockUser", &grace).await.unwrap();
    for person in [&ada, &grace] {
        assert_eq!(person.react(&sent["id"], "❤️").await.unwrap_err().code, "FORBIDDEN");
    }
    let left = grace.take_back(&sent["id"], "👍").await.unwrap();
    assert_eq!(kinds(&left), [kind("👋", &[&ada])]);
}
