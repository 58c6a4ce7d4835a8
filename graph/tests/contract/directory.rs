//! Looking for people.

use chatterbox_graph::{
    DirectoryKey, Listed, SettingsChange,
    Tier::{self, DisplayName, Friends, FriendsOfFriends, Username},
    Timestamp, UserId,
};

use crate::town::{Town, fresh_id, word};

on_each_store!(
    the_nearest_come_first,
    a_prefix_of_either_name_finds,
    within_a_tier_the_name_decides,
    of_those_with_one_name_the_id_decides,
    case_and_accents_make_no_difference,
    nothing_in_a_query_is_special,
    everyone_is_listed_once_whatever_the_size_of_a_page,
    without_a_query_all_are_listed,
    a_page_goes_on_where_its_last_item_is_gone,
    who_comes_nearer_between_two_pages_disturbs_nobody,
    who_hides_is_listed_nowhere,
    who_blocked_or_is_blocked_is_not_listed,
    nobody_finds_themselves,
    a_page_of_nothing_tells_whether_more_follow,
    the_unknown_find_strangers,
);

/// Whom the directory lists, and where; the size that it tells is right.
async fn places(town: &Town, viewer: UserId, query: &str) -> Vec<(UserId, Tier, String)> {
    let listed = town.directory_by(100, viewer, query).await;
    let size = town.directory_size(viewer, Some(query)).await.unwrap();
    assert_eq!(size, listed.len() as u64);
    let place = |Listed { person, key }: Listed| {
        assert_eq!(person.id, key.id);
        (key.id, key.tier, key.name)
    };
    listed.into_iter().map(place).collect()
}

async fn found(town: &Town, viewer: UserId, query: &str) -> Vec<UserId> {
    places(town, viewer, query).await.into_iter().map(|(id, _, _)| id).collect()
}

/// A friend of a friend of `viewer`.
async fn acquaintance(town: &Town, viewer: UserId, name: &str, display_name: &str) -> UserId {
    let [between, other] = town.people_called(["between", "other"]).await;
    let acquaintance = town.person_named(name, display_name).await;
    for friend in [between, other] {
        town.chain(&[viewer, friend, acquaintance]).await;
    }
    acquaintance
}

async fn the_nearest_come_first(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let (by_username, by_name) = (format!("{word}z"), format!("{word} A"));
    let stranger_by_name = town.person_named("s", &by_name).await;
    let stranger_by_both = town.person_named(&by_username, &by_name).await;
    let near_by_name = acquaintance(town, ada, "y", &by_name).await;
    let near_by_username = acquaintance(town, ada, &by_username, "Near").await;
    let friend_by_name = town.person_named("x", &by_name).await;
    let friend_by_username = town.person_named(&by_username, "Friend").await;
    town.befriend(ada, friend_by_name).await;
    town.befriend(friend_by_username, ada).await;
    town.chain(&[friend_by_name, friend_by_username, near_by_name]).await;

    let places = places(town, ada, &word).await;

    let username = async |id| town.username(id).await;
    let expected = [
        (friend_by_username, Friends, username(friend_by_username).await),
        (friend_by_name, Friends, username(friend_by_name).await),
        (near_by_username, FriendsOfFriends, username(near_by_username).await),
        (near_by_name, FriendsOfFriends, username(near_by_name).await),
        (stranger_by_both, Username, username(stranger_by_both).await),
        (stranger_by_name, DisplayName, format!("{word} a")),
    ];
    assert_eq!(places, expected);
}

async fn a_prefix_of_either_name_finds(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let grace = town.person_named("g", &format!("{word}miral Hopper")).await;
    let alan = town.person_named(&format!("{word}lan"), "Turing").await;
    town.person_named("x", &format!("The {word}")).await;
    assert_eq!(found(town, ada, &word).await, [alan, grace]);
    assert_eq!(found(town, ada, &format!("{word}l")).await, [alan]);
    assert_eq!(found(town, ada, &format!("{word}miral h")).await, [grace]);
    assert_eq!(found(town, ada, &format!("{word}miral hh")).await, []);
    let username = town.username(alan).await;
    assert_eq!(found(town, ada, &username).await, [alan]);
    assert_eq!(found(town, ada, &format!("{username}x")).await, []);
}

async fn within_a_tier_the_name_decides(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut people = Vec::new();
    for name in ["mia", "b_b", "zoe", "b.b", "b0b", "bob", ""] {
        people.push(town.person(&format!("{word}{name}")).await);
    }
    assert_eq!(found(town, ada, &word).await, town.by_username(&people).await);

    let word = self::word();
    let mut named = Vec::new();
    for name in ["é", "d", " f", "", "E\u{301}f", "Z", "ea", "z.", "\u{e000}", "😀", "한"] {
        named.push(town.person_named("x", &format!("{word}{name}")).await);
    }
    let [e, d, space, plain, ef, z, ea, dot, private, smile, hangul] = named[..] else {
        panic!("eleven people")
    };
    let expected = [plain, space, d, e, ea, ef, z, dot, hangul, private, smile];
    assert_eq!(found(town, ada, &word).await, expected);
}

async fn of_those_with_one_name_the_id_decides(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut people = Vec::new();
    for name in [&word, &word.to_uppercase(), &word, &format!("{word}\u{301}"), &word, &word] {
        people.push(town.person_named("x", name).await);
    }
    people.sort();
    assert_eq!(found(town, ada, &word).await, people);
    for limit in 1..=people.len() {
        let listed = town.directory_by(limit, ada, &word).await;
        assert_eq!(listed.iter().map(|item| item.key.id).collect::<Vec<_>>(), people);
    }
}

async fn case_and_accents_make_no_difference(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let zoe = town.person_named("zb", &format!("{word} Zoë Łukasz")).await;
    let strasse = town.person_named("str", &format!("{} Straße 7", word.to_uppercase())).await;
    let user = town.person(&format!("{word}user")).await;
    for (query, expected) in [
        (" zoë", zoe),
        (" ZOE", zoe),
        (" Zoe\u{308} l", zoe),
        (" strasse", strasse),
        (" STRAẞE 7", strasse),
        ("USER", user),
        ("ùser", user),
    ] {
        let capital = word.to_uppercase();
        assert_eq!(found(town, ada, &format!("{word}{query}")).await, [expected], "{query}");
        assert_eq!(found(town, ada, &format!("{capital}{query}")).await, [expected], "{query}");
    }
}

async fn nothing_in_a_query_is_special(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let special = ["%", "_", ".*", "*", "\\", "'", "\"", "$after", "?1", "[a-z]", "(", "`"];
    let mut people = Vec::new();
    for special in special {
        people.push(town.person_named("x", &format!("{word}{special}")).await);
    }
    for (special, id) in special.iter().zip(people) {
        assert_eq!(found(town, ada, &format!("{word}{special}")).await, [id], "{special}");
    }
    assert_eq!(found(town, ada, &format!("{word}%x")).await, []);
    assert_eq!(found(town, ada, &format!("{word}..")).await, []);
    assert_eq!(found(town, ada, &format!("_{}", &word[1..])).await, []);
}

/// Three of each tier, some of them found by both names; in their order.
async fn crowd(town: &Town, viewer: UserId, word: &str) -> Vec<UserId> {
    let mut crowd = Vec::new();
    for n in 0..3 {
        let (name, display_name) = (format!("{word}f{n}"), format!("{word} {n}"));
        let friend = town.person_named(&name, &display_name).await;
        town.befriend(viewer, friend).await;
        crowd.push(friend);
    }
    let mut near = Vec::new();
    for n in 0..3 {
        near.push(acquaintance(town, viewer, &format!("{word}n{n}"), "Near").await);
    }
    for (n, &friend) in crowd.iter().enumerate() {
        town.befriend(friend, near[n]).await;
    }
    crowd.extend(near);
    for n in 0..3 {
        crowd.push(town.person_named(&format!("{word}u{n}"), &format!("{word} {n}")).await);
    }
    for n in 0..3 {
        crowd.push(town.person_named("x", &format!("{word} {n}")).await);
    }
    crowd
}

fn ids(listed: &[Listed]) -> Vec<UserId> {
    listed.iter().map(|item| item.person.id).collect()
}

async fn everyone_is_listed_once_whatever_the_size_of_a_page(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let expected = crowd(town, ada, &word).await;
    for limit in 1..=expected.len() + 1 {
        let listed = town.directory_by(limit, ada, &word).await;
        assert_eq!(ids(&listed), expected, "limit {limit}");
        assert!(listed.is_sorted_by(|one, next| one.key < next.key), "limit {limit}");
    }
    let all = town.directory(ada, Some(&word), usize::MAX, None).await.unwrap();
    assert_eq!((ids(&all.items), all.has_next), (expected, false));
}

async fn without_a_query_all_are_listed(town: &Town) {
    let ada = town.person("ada").await;
    let friend = town.person("friend").await;
    town.befriend(ada, friend).await;
    let near = acquaintance(town, ada, "near", "Near").await;
    let far = town.person("far").await;
    let friends = town.friends_of(ada).await.items;
    let mut expected: Vec<_> = friends.iter().map(|friend| friend.person.id).collect();
    expected.push(near);

    let page = town.directory(ada, None, 4, None).await.unwrap();
    assert_eq!((ids(&page.items), page.has_next), (expected, true));
    assert!(town.directory_size(ada, None).await.unwrap() >= 5);

    // Others may live here too, and they come and go.
    let username = town.username(far).await;
    let lowest = UserId::from_uuid(uuid::Uuid::nil());
    let before = DirectoryKey { tier: Username, name: username, id: lowest };
    let page = town.directory(ada, None, 1, Some(&before)).await.unwrap();
    assert_eq!(ids(&page.items), [far]);
    assert_eq!(page.items[0].key, DirectoryKey { id: far, ..before }, "all match by username");
}

async fn a_page_goes_on_where_its_last_item_is_gone(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let expected = crowd(town, ada, &word).await;
    let listed = town.directory_by(100, ada, &word).await;
    for (n, last) in listed.iter().enumerate() {
        town.hide(last.key.id).await;
        let rest = town.directory(ada, Some(&word), 100, Some(&last.key)).await.unwrap();
        assert_eq!(ids(&rest.items), expected[n + 1..]);
    }
}

async fn who_comes_nearer_between_two_pages_disturbs_nobody(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let people = crowd(town, ada, &word).await;
    let first = town.directory(ada, Some(&word), 7, None).await.unwrap();
    assert_eq!(ids(&first.items), people[..7]);
    let last = &first.items[6].key;

    // The last of the page, one of the same tier and one of the next come nearer.
    for nearer in [people[6], people[8], people[11]] {
        town.befriend(ada, nearer).await;
    }

    let rest = town.directory(ada, Some(&word), 100, Some(last)).await.unwrap();
    assert_eq!(ids(&rest.items), [people[7], people[9], people[10]]);
}

async fn who_hides_is_listed_nowhere(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut expected = crowd(town, ada, &word).await;
    for n in [10, 7, 4, 1] {
        let hidden = expected.remove(n);
        town.hide(hidden).await;
        assert_eq!(found(town, ada, &word).await, expected);
        assert!(!found(town, hidden, &word).await.is_empty(), "who hides may look");
    }
    let shown = SettingsChange { discoverable: Some(true), ..SettingsChange::default() };
    let back = expected[2];
    town.hide(back).await;
    town.set(back, shown).await;
    assert_eq!(found(town, ada, &word).await, expected);
}

async fn who_blocked_or_is_blocked_is_not_listed(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut expected = crowd(town, ada, &word).await;
    for (n, blocks) in [(11, true), (9, false), (8, true), (6, false), (5, true), (3, false)] {
        let other = expected.remove(n);
        let (by, whom) = if blocks { (ada, other) } else { (other, ada) };
        town.block(by, whom, Timestamp(1)).await.unwrap();
        assert_eq!(found(town, ada, &word).await, expected);
        assert!(!found(town, other, &town.username(ada).await).await.contains(&ada));
    }
    let friend = expected.remove(0);
    town.block(ada, friend, Timestamp(1)).await.unwrap();
    assert_eq!(found(town, ada, &word).await, expected);
    town.unblock(ada, friend).await.unwrap();
    assert!(found(town, ada, &word).await.contains(&friend));
}

async fn nobody_finds_themselves(town: &Town) {
    let word = word();
    let ada = town.person_named(&format!("{word}ada"), &format!("{word} Ada")).await;
    let grace = town.person_named("grace", &format!("{word} Grace")).await;
    assert_eq!(found(town, ada, &word).await, [grace]);
    assert_eq!(found(town, grace, &word).await, [ada]);
    town.befriend(ada, grace).await;
    assert_eq!(found(town, ada, &word).await, [grace], "not as a friend of a friend either");
}

async fn a_page_of_nothing_tells_whether_more_follow(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let none = town.directory(ada, Some(&word), 10, None).await.unwrap();
    assert_eq!((none.items.len(), none.has_next), (0, false));
    assert_eq!(town.directory_size(ada, Some(&word)).await.unwrap(), 0);

    crowd(town, ada, &word).await;
    let none = town.directory(ada, Some(&word), 0, None).await.unwrap();
    assert_eq!((none.items.len(), none.has_next), (0, true));
    let all = town.directory_by(100, ada, &word).await;
    let beyond = town.directory(ada, Some(&word), 10, Some(&all[11].key)).await.unwrap();
    assert_eq!((beyond.items.len(), beyond.has_next), (0, false));
}

async fn the_unknown_find_strangers(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let people = crowd(town, ada, &word).await;
    let hidden = people[4];
    town.hide(hidden).await;
    let places = places(town, fresh_id(), &word).await;
    let tiers: Vec<_> = places.iter().map(|place| place.1).collect();
    assert_eq!(tiers, [[Username; 8].as_slice(), &[DisplayName; 3]].concat());
    let by_name: Vec<_> = places[8..].iter().map(|place| place.0).collect();
    assert_eq!(by_name, people[9..], "whom they find, nobody introduced");
}
