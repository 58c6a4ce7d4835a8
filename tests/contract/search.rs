//! Finding messages by their words.

use chatterbox::{
    ids::{ConversationId, UserId},
    messaging::{
        ConversationStore, IndexStore, LogStore, Message, Position, Revision, SEARCH, SearchQuery,
        SearchStore,
    },
    sql::Sql,
};
use futures::future::join_all;

use crate::{
    Stores,
    log::tell,
    memberships::{MEMBER, OWNER, change, new_group, to_group},
    messages::{conversation, draft, sent, write},
    revisions::{edit, revise},
};

crate::promises! {
    messages_are_found_by_words_and_beginnings,
    every_script_and_every_length_is_found,
    the_newest_come_first_page_by_page,
    only_what_somebody_may_read_is_found,
    what_a_message_says_now_counts,
    nodes_that_index_at_once_index_everything_once,
    many_conversations_are_searched_at_once,
}

/// Takes in all that was logged; returns how many messages that were.
pub async fn index(stores: &Stores, batch: usize) -> usize {
    let mut messages = 0;
    loop {
        let indexed = stores.sql.index(batch).await.unwrap();
        messages += indexed.messages;
        if indexed.pos == indexed.head {
            return messages;
        }
    }
}

async fn say(stores: &Stores, id: ConversationId, sender: UserId, body: &str) -> Message {
    sent(&write(stores, &[draft(stores, id, sender, body, None)]).await[0]).clone()
}

async fn found(stores: &Stores, user: UserId, query: &str) -> Vec<String> {
    let query = SearchQuery::parse(query).unwrap();
    let found = stores.sql.search(user, &query, None, None, 100).await.unwrap();
    found.into_iter().map(|message| message.body.unwrap()).collect()
}

async fn messages_are_found_by_words_and_beginnings(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let texts = [
        "The quick brown fox — who is it?",
        "A fox, naïvely: ÉTÉ à la Straße",
        "foo_bar e-mail 3.14 100%",
    ];
    for text in texts {
        say(stores, id, ada, text).await;
    }
    let [first, second, third] = texts;
    assert_eq!(found(stores, ada, "fox").await, Vec::<String>::new(), "not before it is indexed");
    assert_eq!(index(stores, 2).await, 3);
    for (query, expected) in [
        ("fox", vec![second, first]),
        ("FO", vec![third, second, first]),
        ("quick FOX", vec![first]),
        ("fox quick the", vec![first]),
        ("fox + quick* -\"nothing\"", vec![]),
        ("the", vec![first]),
        ("who", vec![first]),
        ("a", vec![second]),
        ("i", vec![first]),
        ("ete", vec![second]),
        ("Été", vec![second]),
        ("e\u{301}te\u{301}", vec![second]),
        ("NAIVELY", vec![second]),
        ("strasse", vec![second]),
        ("straß", vec![second]),
        ("bar", vec![third]),
        ("mail e", vec![third]),
        ("3.14", vec![third]),
        ("10", vec![third]),
        ("quickly", vec![]),
        ("ox", vec![]),
        ("quick naively", vec![]),
        ("AND", vec![]),
        ("fox OR nothing", vec![]),
    ] {
        assert_eq!(found(stores, grace, query).await, expected, "{query}");
    }
    assert_eq!(index(stores, 2).await, 0);
}

async fn every_script_and_every_length_is_found(stores: &Stores) {
    let (ada, _, id) = conversation(stores).await;
    let long = "а".repeat(3_000);
    let many: String = ('一'..).take(2_000).flat_map(|c| [c, ' ']).collect();
    for (text, queries) in [
        ("我们在北京见面", vec!["北京", "见面", "京 北", "我"]),
        ("東京タワーで会いましょう", vec!["東京", "タワー", "タワ", "会いましょう"]),
        ("한국어 메시지", vec!["한국", "메시지", "메"]),
        ("Привет, мир!", vec!["привет", "МИР", "прив"]),
        ("नमस्ते दुनिया", vec!["नमस्ते", "दुनिया"]),
        ("สวัสดีชาวโลก", vec!["สวัสดี"]),
        ("שלום עולם مرحبا", vec!["שלום", "مرح"]),
        ("𞤀𞤣𞤤𞤢𞤥 𠀀𠀁", vec!["𞤢𞤣𞤤", "𠀀"]),
        ("party🎉time 👩‍💻", vec!["party", "time 👩‍💻", "PARTY🎉"]),
        ("ﬁne ① Ａｄａ", vec!["fine", "1", "ada"]),
        (&"x".repeat(4_000), vec![&"x".repeat(200), "xx"]),
        (&long, vec![&long[..400], &long[..26], "а"]),
        (&many[..many.len() - 1], vec!["一 丁", "七"]),
    ] {
        say(stores, id, ada, text).await;
        index(stores, 100).await;
        for query in queries {
            assert!(found(stores, ada, query).await.contains(&text.to_owned()), "{query}");
        }
    }
    for query in ["京都", "멤", "привез", "𠀂", "b"] {
        assert!(found(stores, ada, query).await.is_empty(), "{query}");
    }
    say(stores, id, ada, "🎉 !?").await;
    assert_eq!(index(stores, 100).await, 1);
}

async fn the_newest_come_first_page_by_page(stores: &Stores) {
    let (ada, _, id) = conversation(stores).await;
    let mut expected = Vec::new();
    for turn in 0..25 {
        expected.push(say(stores, id, ada, &format!("hello {turn}")).await.pos);
        say(stores, id, ada, "another").await;
    }
    expected.reverse();
    index(stores, 1_000).await;
    let query = SearchQuery::parse("hello").unwrap();
    let page = async |after| -> Vec<Position> {
        let page = stores.sql.search(ada, &query, None, after, 10).await.unwrap();
        page.into_iter().map(|message| message.pos).collect()
    };
    let mut read = page(None).await;
    while let Some(last) = read.last().copied() {
        // What comes meanwhile changes no later page.
        say(stores, id, ada, "hello, hello").await;
        index(stores, 1_000).await;
        let next = page(Some(last)).await;
        if next.is_empty() {
            break;
        }
        read.extend(next);
    }
    assert_eq!(read, expected);
}

async fn only_what_somebody_may_read_is_found(stores: &Stores) {
    let (ada, grace, alan) = (stores.ambient.id(), stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    write(stores, &[to_group(stores, &group, ada)]).await;
    change(stores, &group, 2, &[(alan, MEMBER)]).await;
    write(stores, &[to_group(stores, &group, ada), to_group(stores, &group, ada)]).await;
    let opened = stores.sql.open_direct(&stores.ambient, ada, &[grace]).await.unwrap();
    let direct = opened[&grace].id;
    say(stores, direct, grace, "hello").await;
    index(stores, 1_000).await;
    let count = async |user| found(stores, user, "hello").await.len();
    assert_eq!((count(ada).await, count(grace).await, count(alan).await), (4, 4, 2));
    assert_eq!(count(stores.ambient.id()).await, 0);

    let query = SearchQuery::parse("hello").unwrap();
    let within = async |user, id| {
        let found = stores.sql.search(user, &query, Some(id), None, 100).await.unwrap();
        assert!(found.iter().all(|message| message.conversation == id));
        found.len()
    };
    assert_eq!(within(ada, direct).await, 1);
    assert_eq!(within(ada, group.id.into()).await, 3);
    assert_eq!(within(alan, direct).await, 0);

    change(stores, &group, 3, &[(grace, None)]).await;
    assert_eq!((count(ada).await, count(grace).await, count(alan).await), (4, 1, 2));
    assert_eq!(within(grace, group.id.into()).await, 0);
    change(stores, &group, 4, &[(grace, MEMBER)]).await;
    assert_eq!(count(grace).await, 1, "what she read before is not hers any more");
}

async fn what_a_message_says_now_counts(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let (kept, gone) =
        (say(stores, id, ada, "old words").await, say(stores, id, ada, "old wounds").await);
    index(stores, 100).await;
    assert_eq!(found(stores, grace, "old").await.len(), 2);

    revise(stores, ada, kept.id, &edit("new words", &[])).await.unwrap();
    revise(stores, ada, gone.id, &Revision::Delete).await.unwrap();
    assert_eq!(found(stores, grace, "wounds").await.len(), 0, "at once, indexed or not");
    assert_eq!(index(stores, 100).await, 2);
    assert_eq!(found(stores, grace, "old").await.len(), 0);
    assert_eq!(found(stores, grace, "new wor").await, ["new words"]);

    // Sent, edited and deleted between two times of indexing.
    let brief = say(stores, id, ada, "brief").await;
    revise(stores, ada, brief.id, &edit("briefer", &[])).await.unwrap();
    revise(stores, ada, kept.id, &edit("only now", &[])).await.unwrap();
    revise(stores, ada, brief.id, &Revision::Delete).await.unwrap();
    assert_eq!(index(stores, 100).await, 2);
    assert!(found(stores, grace, "brief").await.is_empty());
    assert_eq!(found(stores, grace, "only").await, ["only now"]);
    tell(stores, ada, grace).await;
    assert_eq!(index(stores, 100).await, 0);
    assert_eq!(stores.sql.projected(SEARCH).await.unwrap(), stores.sql.head().await.unwrap());
}

async fn nodes_that_index_at_once_index_everything_once(stores: &Stores) {
    let (ada, _, id) = conversation(stores).await;
    for turn in 0..10 {
        let drafts: Vec<_> = (0..30)
            .map(|n| draft(stores, id, ada, &format!("turn{turn} number{n}"), None))
            .collect();
        write(stores, &drafts).await;
    }
    let other = Sql::open(&stores.url).unwrap();
    let indexed = join_all((0..4).map(|node| {
        let node = if node % 2 == 0 { &stores.sql } else { &other };
        async move {
            let mut messages = 0;
            loop {
                let indexed = node.index(20).await.unwrap();
                messages += indexed.messages;
                if indexed.pos == indexed.head {
                    return messages;
                }
            }
        }
    }))
    .await;
    assert_eq!(indexed.into_iter().sum::<usize>(), 300);
    assert_eq!(found(stores, ada, "turn3").await.len(), 30);
    assert_eq!(found(stores, ada, "number29 turn").await.len(), 10);
    other.close().await;
}

async fn many_conversations_are_searched_at_once(stores: &Stores) {
    let user: UserId = stores.ambient.id();
    let others: Vec<UserId> = (0..600).map(|_| stores.ambient.id()).collect();
    let opened = stores.sql.open_direct(&stores.ambient, user, &others).await.unwrap();
    let drafts: Vec<_> = (others.iter().enumerate())
        .map(|(n, other)| draft(stores, opened[other].id, user, &format!("hello n{n}."), None))
        .collect();
    write(stores, &drafts).await;
    index(stores, 1_000).await;
    assert_eq!(found(stores, user, "hello").await.len(), 100);
    assert_eq!(found(stores, user, "n599 hel").await, ["hello n599."]);
    assert_eq!(found(stores, others[7], "hello").await, ["hello n7."]);
    let most: String = ('a'..='t').map(|c| format!("{c} ")).collect();
    assert!(found(stores, user, &most).await.is_empty());
}
