//! The list of friends, and searching in it.

use chatterbox_graph::{FriendsOf, Timestamp, UserId};

use crate::town::{Town, chat, fresh_id};

on_each_store!(
    friends_come_by_username,
    a_prefix_of_either_name_finds,
    case_and_accents_make_no_difference,
    nothing_in_a_query_is_special,
    a_query_is_paged_and_counted,
    a_friend_shows_when_the_two_chatted_last,
    the_unknown_have_no_friends,
    many_ask_at_once,
);

async fn friend(town: &Town, of: UserId, name: &str, display_name: &str) -> UserId {
    let friend = town.person_named(name, display_name).await;
    town.befriend(of, friend).await;
    friend
}

async fn found(town: &Town, viewer: UserId, query: &str) -> Vec<UserId> {
    let page = town.friends_page(viewer, Some(query), 100, None).await;
    assert_eq!((page.items.len() as u64, page.has_next), (page.total, false));
    page.items.into_iter().map(|friend| friend.person.id).collect()
}

async fn friends_come_by_username(town: &Town) {
    let [ada, stranger] = town.people_called(["ada", "aaa"]).await;
    let mut friends = Vec::new();
    for name in ["mia", "b_b", "zoe", "b.b", "b0b", "bob"] {
        friends.push(friend(town, ada, name, name).await);
    }
    town.request_at(stranger, ada, 1).await;

    let page = town.friends_of(ada).await;

    let listed: Vec<_> = page.items.iter().map(|friend| friend.person.id).collect();
    assert_eq!(listed, town.by_username(&friends).await);
    assert_eq!((page.total, page.has_next), (6, false));
}

async fn a_prefix_of_either_name_finds(town: &Town) {
    let ada = town.person("ada").await;
    let grace = friend(town, ada, "grace", "Admiral Hopper").await;
    let alan = friend(town, ada, "alan", "Alan Turing").await;
    let adele = friend(town, ada, "adele", "Goldberg").await;

    assert_eq!(found(town, ada, "ad").await, [adele, grace]);
    assert_eq!(found(town, ada, "a").await, [adele, alan, grace]);
    assert_eq!(found(town, ada, "admiral h").await, [grace]);
    assert_eq!(found(town, ada, "g").await, [adele, grace]);
    assert_eq!(found(town, ada, "turing").await, [], "a prefix of the whole, not of a part");
    assert_eq!(found(town, ada, "").await.len(), 3);
    let alan_username = town.username(alan).await;
    assert_eq!(found(town, ada, &alan_username).await, [alan]);
    assert_eq!(found(town, ada, &format!("{alan_username}x")).await, []);
}

async fn case_and_accents_make_no_difference(town: &Town) {
    let ada = town.person("ada").await;
    let zoe = friend(town, ada, "zb", "Zoë Łukasz").await;
    let strasse = friend(town, ada, "str", "Straße 7").await;
    let hangul = friend(town, ada, "kim", "한글").await;

    for query in ["zoë", "ZOE", "zoe l", "Zoe\u{308} Ł", "ZB"] {
        assert_eq!(found(town, ada, query).await, [zoe], "{query}");
    }
    for query in ["strasse", "STRASSE 7", "straße"] {
        assert_eq!(found(town, ada, query).await, [strasse], "{query}");
    }
    assert_eq!(found(town, ada, "한").await, [hangul]);
}

async fn nothing_in_a_query_is_special(town: &Town) {
    let ada = town.person("ada").await;
    let special = ["%", "_", ".*", "*", "\\", "'", "\"", "$after", "?1", "[a-z]", "(", "`"];
    let mut friends = Vec::new();
    for (n, display_name) in special.iter().enumerate() {
        friends.push(friend(town, ada, &format!("x{n:02}"), display_name).await);
    }
    for (query, &id) in special.iter().zip(&friends) {
        assert_eq!(found(town, ada, query).await, [id], "{query}");
    }
    assert_eq!(found(town, ada, "%x").await, []);
    assert_eq!(found(town, ada, "x_").await, []);
    assert_eq!(found(town, ada, "..").await, []);
}

async fn a_query_is_paged_and_counted(town: &Town) {
    let ada = town.person("ada").await;
    let mut expected = Vec::new();
    for n in 0..7 {
        expected.push(friend(town, ada, &format!("bob{n}"), "x").await);
        friend(town, ada, &format!("eve{n}"), "y").await;
    }
    let mut listed = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = town.friends_page(ada, Some("BOB"), 3, after.as_deref()).await;
        assert_eq!(page.total, 7);
        listed.extend(page.items.iter().map(|friend| friend.person.id));
        assert_eq!(page.has_next, listed.len() < 7);
        after = page.items.last().map(|friend| friend.person.username.clone());
        if !page.has_next {
            break;
        }
    }
    assert_eq!(listed, expected);
}

async fn a_friend_shows_when_the_two_chatted_last(town: &Town) {
    let [ada, alan, grace] = town.people_called(["ada", "alan", "grace"]).await;
    town.chain(&[alan, ada, grace]).await;
    town.record_chats(&[chat(grace, ada, 40), chat(alan, grace, 50)]).await.unwrap();

    let friends = town.friends_of(ada).await.items;

    let seen: Vec<_> = friends.iter().map(|f| (f.person.id, f.last_chatted_at)).collect();
    assert_eq!(seen, [(alan, None), (grace, Some(Timestamp(40)))]);
}

async fn the_unknown_have_no_friends(town: &Town) {
    for query in [None, Some("a")] {
        let page = town.friends_page(fresh_id(), query, 10, None).await;
        assert_eq!((page.items.len(), page.has_next, page.total), (0, false, 0));
    }
}

async fn many_ask_at_once(town: &Town) {
    let [ada, alan] = town.people_called(["ada", "alan"]).await;
    let mut friends = Vec::new();
    for name in ["mia", "bob", "zoe"] {
        friends.push(friend(town, ada, name, name).await);
    }
    town.befriend(alan, friends[0]).await;
    let asked = [
        FriendsOf { viewer: alan, query: None, limit: 5, after: None },
        FriendsOf { viewer: ada, query: None, limit: 2, after: None },
        FriendsOf { viewer: ada, query: Some("Z".to_owned()), limit: 2, after: None },
        FriendsOf { viewer: ada, query: Some("q".to_owned()), limit: 2, after: None },
        FriendsOf { viewer: fresh_id(), query: None, limit: 2, after: None },
        FriendsOf { viewer: ada, query: None, limit: 2, after: Some("m".to_owned()) },
        FriendsOf { viewer: alan, query: None, limit: 5, after: None },
    ];

    let pages = town.friends(&asked).await.unwrap();

    let listed: Vec<Vec<_>> = pages
        .iter()
        .map(|page| page.items.iter().map(|friend| friend.person.id).collect())
        .collect();
    let [mia, bob, zoe] = friends[..] else { panic!("three friends") };
    let expected = [&[mia][..], &[bob, mia], &[zoe], &[], &[], &[mia, zoe], &[mia]];
    assert_eq!(listed, expected);
    let totals: Vec<_> = pages.iter().map(|page| page.total).collect();
    assert_eq!(totals, [1, 3, 1, 0, 0, 3, 1]);
    let on: Vec<_> = pages.iter().map(|page| page.has_next).collect();
    assert_eq!(on, [false, true, false, false, false, false, false]);
}
