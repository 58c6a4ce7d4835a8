//! Friends that two people share.

use chatterbox_graph::{MutualFriendsOf, Page, Person, Timestamp, UserId};

use crate::town::{Town, fresh_id};

on_each_store!(
    shared_friends_come_by_username_for_each,
    each_asks_for_what_they_like,
    they_are_paged,
    whoever_is_in_the_graph_gets_a_page,
);

fn ids(page: &Page<Person>) -> Vec<UserId> {
    page.items.iter().map(|person| person.id).collect()
}

async fn shared_friends_come_by_username_for_each(town: &Town) {
    let [ada, grace, alan, stranger] =
        town.people_called(["ada", "grace", "alan", "stranger"]).await;
    let [mia, bob, zoe, eve] = town.people_called(["mia", "bob", "zoe", "eve"]).await;
    for (one, other) in
        [(ada, mia), (ada, bob), (ada, zoe), (grace, mia), (grace, bob), (grace, eve), (alan, zoe)]
    {
        town.befriend(one, other).await;
    }
    town.befriend(ada, grace).await;
    town.request_at(alan, mia, 1).await;
    town.block(eve, ada, Timestamp(1)).await.unwrap();

    let others = [grace, alan, stranger, ada, fresh_id(), grace];
    let asked = others.map(|other| MutualFriendsOf { viewer: ada, other, limit: 10, after: None });
    let mutual = town.mutual_friends(&asked).await.unwrap();

    let listed: Vec<_> = mutual.iter().map(|page| page.as_ref().map(ids)).collect();
    let with_grace = Some(vec![bob, mia]);
    let nobody = Some(vec![]);
    let expected = [with_grace.clone(), Some(vec![zoe]), nobody.clone(), nobody, None, with_grace];
    assert_eq!(listed, expected, "the viewer shares nothing with itself");
    for page in mutual.iter().flatten() {
        assert_eq!((page.total, page.has_next), (page.items.len() as u64, false));
    }
}

async fn each_asks_for_what_they_like(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let crowd = town.crowd(4).await;
    for &friend in &crowd {
        town.befriend(ada, friend).await;
        town.befriend(grace, friend).await;
    }
    let second = Some(town.username(crowd[1]).await);
    let asked = [
        MutualFriendsOf { viewer: ada, other: grace, limit: 1, after: None },
        MutualFriendsOf { viewer: crowd[3], other: crowd[0], limit: 9, after: None },
        MutualFriendsOf { viewer: grace, other: ada, limit: 9, after: second },
        MutualFriendsOf { viewer: grace, other: ada, limit: 0, after: None },
    ];

    let mutual = town.mutual_friends(&asked).await.unwrap();

    let listed: Vec<_> = mutual.iter().flatten().map(ids).collect();
    let expected = [&[crowd[0]][..], &town.by_username(&[ada, grace]).await, &crowd[2..], &[]];
    assert_eq!(listed, expected);
    let sizes: Vec<_> = mutual.iter().flatten().map(|page| (page.total, page.has_next)).collect();
    assert_eq!(sizes, [(4, true), (2, false), (4, false), (4, true)]);
}

async fn they_are_paged(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let crowd = town.crowd(5).await;
    for &friend in &crowd {
        town.befriend(ada, friend).await;
        town.befriend(grace, friend).await;
    }
    for limit in 1..=6 {
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = town.mutual_page(ada, grace, limit, after.as_deref()).await.unwrap();
            assert_eq!(page.total, 5);
            listed.extend(ids(&page));
            assert_eq!(page.has_next, listed.len() < 5);
            after = page.items.last().map(|person| person.username.clone());
            if !page.has_next {
                break;
            }
        }
        assert_eq!(listed, crowd, "limit {limit}");
    }
}

async fn whoever_is_in_the_graph_gets_a_page(town: &Town) {
    let (ada, nobody) = (town.person("ada").await, fresh_id());
    assert_eq!(town.mutual_page(nobody, ada, 10, None).await, Some(Page::default()));
    assert_eq!(town.mutual_page(ada, nobody, 10, None).await, None);
    assert_eq!(town.mutual_page(nobody, nobody, 10, None).await, None);
}
