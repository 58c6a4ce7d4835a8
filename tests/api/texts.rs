//! What is written comes back to the letter.

use serde_json::{Value, json};

use crate::{stories, support::TestApp};

stories! {
    a_message_has_up_to_4000_characters,
    a_message_comes_back_byte_for_byte,
    keys_are_compared_to_the_letter,
}

async fn a_message_has_up_to_4000_characters(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    for letter in ["x", "é", "🦀"] {
        let longest = letter.repeat(4_000);
        assert_eq!(ada.send(&grace, &longest).await["body"], longest);
        assert_eq!(feed.message().await, longest);
        let to = json!({ "userId": grace.id });
        let refused = ada.send_to(to, &letter.repeat(4_001), None).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.field.as_deref()),
            ("BAD_USER_INPUT", Some("body"))
        );
        assert!(refused.message.contains("4,000"), "the limit is named: {}", refused.message);
    }
    assert_eq!(ada.send(&grace, "x").await["seq"], 4);
}

const TEXTS: [&str; 16] = [
    "plain",
    "  around it  ",
    "two\nlines\r\nand\tmore\n",
    "\"quoted\" 'single' `back` \\ \\n \\u0041 ${x} {{y}} %s $1 ?1 :a",
    "<b>&amp;</b> <script>alert(1)</script>",
    "'; DROP TABLE messages; -- \" }) DETACH DELETE n //",
    "שלום עולם مرحبا بالعالم",
    "\u{202e}turned\u{202c} \u{200f}marks",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇺🇳",
    "e\u{301} is not é",
    "ﬃ Ω Å ǆ",
    "你好，世界 こんにちは 안녕",
    "\u{1}\u{7f}\u{85}\u{feff}\u{fffe}\u{10ffff}",
    "Z̸͠a̴͝l̷̿g̵͐o̶͌",
    "a\u{2028}b\u{2029}\u{3000}",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
];

async fn a_message_comes_back_byte_for_byte(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let mut feed = grace.feed().await;
    ada.send(&grace, "start").await;
    let start = feed.next().await["cursor"].as_str().unwrap().to_owned();
    for text in TEXTS {
        let sent = ada.send(&grace, text).await;
        assert_eq!(sent["body"], text);
        assert_eq!(feed.message().await, text);
        let query = "query ($id: ID!) { node(id: $id) { ... on Message { body } } }";
        let node = grace.data(query, json!({ "id": sent["id"] })).await;
        assert_eq!(node["node"]["body"], text);
    }
    let mut feed = grace.feed_after(&start).await;
    for text in TEXTS {
        assert_eq!(feed.message().await, text, "as it is read from the log");
    }
    let query = "{ viewer { conversations { nodes { messages(last: 100) { nodes { body } } } } } }";
    let data = grace.data(query, Value::Null).await;
    let nodes = data["viewer"]["conversations"]["nodes"][0]["messages"]["nodes"].as_array();
    let read: Vec<&str> =
        nodes.unwrap().iter().skip(1).map(|node| node["body"].as_str().unwrap()).collect();
    assert_eq!(read, TEXTS);
}

async fn keys_are_compared_to_the_letter(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let to = json!({ "userId": grace.id });
    let longest = "🔑".repeat(128);
    let keys =
        ["k", "K", "ḱ", "k ", " k", "k\u{301}", "k\n", "ｋ", "😀", "😃", "ß", "ss", &longest];
    for (n, key) in (1..).zip(keys) {
        for _ in 0..2 {
            let sent = ada.send_to(to.clone(), "with a key", Some(key)).await.unwrap();
            assert_eq!(sent["seq"], n, "{key:?}");
        }
    }
}
