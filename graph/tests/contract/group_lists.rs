//! Who is in a group, and which groups there are.

use std::collections::HashMap;

use chatterbox_graph::{
    FoundGroup, GroupEdit, GroupId, GroupKey,
    GroupRole::{Admin, Member, Owner},
    GroupView, UserId,
};

use crate::town::{Town, edit_of, fresh_group, fresh_id, private, public, word};

on_each_store!(
    members_come_by_username_in_pages,
    members_are_found_by_either_name,
    friends_inside_come_by_username,
    friends_inside_are_told_for_each_group,
    a_person_is_in_groups,
    public_groups_with_friends_come_first,
    then_the_name_and_then_the_id_decides,
    case_and_accents_make_no_difference,
    nothing_in_a_query_is_special,
    public_groups_are_listed_once_whatever_the_size_of_a_page,
    private_groups_are_never_listed,
    a_page_goes_on_where_its_last_item_is_gone,
    without_a_query_all_public_groups_are_listed,
    the_unknown_find_public_groups,
);

async fn members_come_by_username_in_pages(town: &Town) {
    let mut people = Vec::new();
    for name in ["mia", "b_b", "zoe", "b.b", "b0b", "bob"] {
        people.push(town.person(name).await);
    }
    let roles = [Member, Owner, Admin].into_iter().cycle();
    let members: Vec<_> = people.iter().copied().zip(roles).collect();
    let group = town.group(&members).await;
    let roles: HashMap<_, _> = members.into_iter().collect();
    let expected = town.by_username(&people).await;
    for limit in 1..=7 {
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = town.members(group, None, limit, after.as_deref()).await.unwrap();
            assert_eq!(page.total, 6);
            assert!(page.items.len() <= limit);
            assert!(page.items.iter().all(|member| member.role == roles[&member.person.id]));
            listed.extend(page.items.iter().map(|member| member.person.id));
            assert_eq!(page.has_next, listed.len() < 6, "limit {limit}");
            after = page.items.last().map(|member| member.person.username.clone());
            if !page.has_next {
                break;
            }
        }
        assert_eq!(listed, expected, "limit {limit}");
    }
    let none = town.members(group, None, 0, None).await.unwrap();
    assert_eq!((none.items.len(), none.has_next, none.total), (0, true, 6));
    let none = town.members(fresh_group(), None, 10, None).await.unwrap();
    assert_eq!((none.items.len(), none.has_next, none.total), (0, false, 0));
}

async fn members_are_found_by_either_name(town: &Town) {
    let grace = town.person_named("grace", "Ädmiral Hopper").await;
    let alan = town.person_named("alan", "Alan Turing").await;
    let adele = town.person_named("adele", "%Goldberg").await;
    let group = town.group(&[(grace, Owner), (alan, Member), (adele, Member)]).await;
    for (query, expected) in [
        ("ad", &[adele, grace][..]),
        ("A", &[adele, alan, grace]),
        ("admiral h", &[grace]),
        ("gr", &[grace]),
        ("turing", &[]),
        ("%", &[adele]),
        ("_", &[]),
        ("", &[adele, alan, grace]),
    ] {
        let page = town.members(group, Some(query), 10, None).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|member| member.person.id).collect();
        assert_eq!((found.as_slice(), page.total), (expected, expected.len() as u64), "{query}");
    }
    let first = town.members(group, Some("a"), 1, None).await.unwrap();
    assert_eq!((first.total, first.has_next), (3, true));
    let after = town.username(alan).await;
    let last = town.members(group, Some("a"), 10, Some(&after)).await.unwrap();
    assert_eq!((last.items[0].person.id, last.total, last.has_next), (grace, 3, false));
}

async fn friends_inside_come_by_username(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(6).await;
    for &friend in &crowd[..4] {
        town.befriend(ada, friend).await;
    }
    town.request_at(ada, crowd[4], 1).await;
    let members: Vec<_> = crowd[1..].iter().rev().map(|&id| (id, Member)).collect();
    let group = town.group(&[&members[..], &[(ada, Owner)]].concat()).await;
    for limit in [1, 2, 3, 4, usize::MAX] {
        let inside = town.friends_inside(ada, &[group], limit).await.unwrap();
        let ids: Vec<_> = inside[&group].iter().map(|person| person.id).collect();
        assert_eq!(ids, crowd[1..4][..limit.min(3)], "limit {limit}");
    }
    let person = town.people(&crowd[1..2]).await.unwrap().remove(&crowd[1]).unwrap();
    let inside = town.friends_inside(ada, &[group], 1).await.unwrap();
    assert_eq!(inside, HashMap::from([(group, vec![person])]));
}

async fn friends_inside_are_told_for_each_group(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    town.chain(&[grace, ada, alan]).await;
    let both = town.group(&[(grace, Owner), (alan, Member)]).await;
    let one = town.group(&[(alan, Owner), (ada, Member)]).await;
    let none = town.group(&[(ada, Owner)]).await;
    let asked = [none, both, fresh_group(), one, both];

    let inside = town.friends_inside(ada, &asked, 10).await.unwrap();

    let inside: HashMap<_, Vec<_>> = inside
        .into_iter()
        .map(|(group, people)| (group, people.into_iter().map(|person| person.id).collect()))
        .collect();
    assert_eq!(inside, HashMap::from([(both, vec![alan, grace]), (one, vec![alan])]));
    assert!(town.friends_inside(fresh_id(), &asked, 10).await.unwrap().is_empty());
}

async fn a_person_is_in_groups(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let mut groups = Vec::new();
    for role in [Owner, Admin, Member] {
        groups.push(town.group(&[(ada, role)]).await);
        groups.push(town.group_as(&public("Open"), &[(ada, role), (grace, Member)]).await);
    }
    groups.sort();
    assert_eq!(town.groups_of(ada).await.unwrap(), groups, "by id");
    assert_eq!(town.groups_of(grace).await.unwrap().len(), 3);
    assert_eq!(town.groups_of(fresh_id()).await.unwrap(), []);
    let left = groups.remove(2);
    town.edit(GroupEdit { remove: vec![ada], ..edit_of(left, 1) }).await;
    assert_eq!(town.groups_of(ada).await.unwrap(), groups);
}

/// All public groups that are found, read in pages of that size.
async fn found_by(limit: usize, town: &Town, viewer: UserId, query: &str) -> Vec<FoundGroup> {
    let mut found: Vec<FoundGroup> = Vec::new();
    loop {
        let after = found.last().map(|last| &last.key);
        let page = town.public_groups(viewer, Some(query), limit, after).await.unwrap();
        let length = page.items.len();
        assert!(length == limit || (length < limit && !page.has_next), "{length} of {limit}");
        found.extend(page.items);
        if !page.has_next {
            return found;
        }
    }
}

async fn found(town: &Town, viewer: UserId, query: &str) -> Vec<GroupId> {
    found_by(100, town, viewer, query).await.into_iter().map(|found| found.key.id).collect()
}

async fn public_groups_with_friends_come_first(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let friends = town.crowd(3).await;
    for &friend in &friends {
        town.befriend(ada, friend).await;
    }
    let stranger = town.person("stranger").await;
    let of = async |name: &str, members: &[UserId]| {
        let members: Vec<_> = members.iter().map(|&id| (id, Admin)).collect();
        town.group_as(&public(&format!("{word} {name}")), &members).await
    };
    let nobody = of("A", &[]).await;
    let strangers = of("B", &[stranger, ada]).await;
    let one = of("Ć", &[friends[2], stranger]).await;
    let all = of("D", &[friends[0], friends[1], friends[2], ada]).await;

    let listed = found_by(10, town, ada, &word).await;

    let expected = [
        (all, 3, "d", 4, Some(Admin)),
        (one, 1, "c", 2, None),
        (nobody, 0, "a", 0, None),
        (strangers, 0, "b", 2, Some(Admin)),
    ];
    for (found, (id, friends, name, members, role)) in listed.iter().zip(expected) {
        let group = town.state(id).await.unwrap().group;
        let key = GroupKey { friends, name: format!("{word} {name}"), id };
        assert_eq!(found, &FoundGroup { view: GroupView { group, role, members }, key });
    }
    assert_eq!(listed.len(), 4);
}

async fn then_the_name_and_then_the_id_decides(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut named = Vec::new();
    for name in ["é", "d", " f", "", "E\u{301}f", "Z", "ea", "\u{e000}", "😀", "한"] {
        named.push(town.group_as(&public(&format!("{word}{name}")), &[(ada, Owner)]).await);
    }
    let [e, d, space, plain, ef, z, ea, private, smile, hangul] = named[..] else {
        panic!("ten groups")
    };
    let expected = [plain, space, d, e, ea, ef, z, hangul, private, smile];
    assert_eq!(found(town, ada, &word).await, expected);

    let word = self::word();
    let mut alike = Vec::new();
    for name in [&word, &word.to_uppercase(), &word, &format!("{word}\u{301}"), &word] {
        alike.push(town.group_as(&public(name), &[(ada, Owner)]).await);
    }
    alike.sort();
    for limit in 1..=alike.len() {
        let found = found_by(limit, town, ada, &word).await;
        assert_eq!(found.iter().map(|found| found.key.id).collect::<Vec<_>>(), alike);
    }
}

async fn case_and_accents_make_no_difference(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let named = format!("{} Straße", word.to_uppercase());
    let group = town.group_as(&public(&named), &[(ada, Owner)]).await;
    for query in ["", " s", " STRASSE", " straße", " strasse"] {
        assert_eq!(found(town, ada, &format!("{word}{query}")).await, [group], "{query}");
    }
    assert_eq!(found(town, ada, &format!("{word} strasses")).await, []);
    let renaming = GroupEdit { profile: Some(public(&format!("{word} É"))), ..edit_of(group, 1) };
    town.edit(renaming).await;
    assert_eq!(found(town, ada, &format!("{word} e")).await, [group]);
    assert_eq!(found(town, ada, &format!("{word} s")).await, []);
}

async fn nothing_in_a_query_is_special(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let special = ["%", "_", ".*", "*", "\\", "'", "\"", "$after", "?1", "[a-z]", "(", "`"];
    let mut groups = Vec::new();
    for special in special {
        groups.push(town.group_as(&public(&format!("{word}{special}")), &[(ada, Owner)]).await);
    }
    for (special, id) in special.iter().zip(groups) {
        assert_eq!(found(town, ada, &format!("{word}{special}")).await, [id], "{special}");
    }
    assert_eq!(found(town, ada, &format!("{word}..")).await, []);
}

/// Groups with two friends, with one and with none, three of each; in their order.
async fn some_groups(town: &Town, viewer: UserId, word: &str) -> Vec<GroupId> {
    let friends = town.crowd(2).await;
    let mut groups = Vec::new();
    for &friend in &friends {
        town.befriend(viewer, friend).await;
    }
    for with in [&friends[..], &friends[1..], &[]] {
        let members: Vec<_> = with.iter().map(|&id| (id, Owner)).collect();
        for n in 0..3 {
            groups.push(town.group_as(&public(&format!("{word} {n}")), &members).await);
        }
    }
    groups
}

async fn public_groups_are_listed_once_whatever_the_size_of_a_page(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let expected = some_groups(town, ada, &word).await;
    for limit in 1..=expected.len() + 1 {
        let found = found_by(limit, town, ada, &word).await;
        let ids: Vec<_> = found.iter().map(|found| found.view.group.id).collect();
        assert_eq!(ids, expected, "limit {limit}");
    }
    let none = town.public_groups(ada, Some(&word), 0, None).await.unwrap();
    assert_eq!((none.items.len(), none.has_next), (0, true));
    let all = town.public_groups(ada, Some(&word), usize::MAX, None).await.unwrap();
    assert_eq!((all.items.len(), all.has_next), (9, false));
}

async fn private_groups_are_never_listed(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let mut expected = some_groups(town, ada, &word).await;
    for n in [7, 4, 1] {
        let group = expected.remove(n);
        town.edit(GroupEdit { profile: Some(private(&word)), ..edit_of(group, 1) }).await;
        assert_eq!(found(town, ada, &word).await, expected);
    }
    town.group_as(&private(&word), &[(ada, Owner)]).await;
    assert_eq!(found(town, ada, &word).await, expected, "not even one's own");
    let shown = GroupEdit { profile: Some(public(&word)), ..edit_of(expected[5], 1) };
    town.edit(shown).await;
    assert_eq!(found(town, ada, &word).await.len(), 6);
}

async fn a_page_goes_on_where_its_last_item_is_gone(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let expected = some_groups(town, ada, &word).await;
    for (n, last) in found_by(100, town, ada, &word).await.iter().enumerate() {
        assert!(town.delete_group(last.key.id, 1).await.unwrap());
        let rest = town.public_groups(ada, Some(&word), 100, Some(&last.key)).await.unwrap();
        let rest: Vec<_> = rest.items.iter().map(|found| found.key.id).collect();
        assert_eq!(rest, expected[n + 1..]);
    }
}

async fn without_a_query_all_public_groups_are_listed(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    let groups = some_groups(town, ada, &word).await;
    let page = town.public_groups(ada, None, 6, None).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|found| found.key.id).collect();
    assert_eq!((ids.as_slice(), page.has_next), (&groups[..6], true));

    // Others may be here too, and they come and go.
    let lowest = GroupId::from_uuid(uuid::Uuid::nil());
    let name = format!("{word} 0");
    let before = GroupKey { friends: 0, name, id: lowest };
    let page = town.public_groups(ada, None, 1, Some(&before)).await.unwrap();
    assert_eq!(page.items[0].key, GroupKey { id: groups[6], ..before });
}

async fn the_unknown_find_public_groups(town: &Town) {
    let (ada, word) = (town.person("ada").await, word());
    some_groups(town, ada, &word).await;
    let found = found_by(2, town, fresh_id(), &word).await;
    assert_eq!(found.len(), 9);
    assert!(found.iter().all(|found| found.key.friends == 0 && found.view.role.is_none()));
}
