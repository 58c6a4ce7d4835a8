//! Friends that two people share.

use chatterbox_graph::{Page, Person, Timestamp, UserId};

use crate::town::{Town, fresh_id};

on_each_store!(
    shared_friends_come_by_username_for_each,
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
    let mutual = town.mutual_friends(ada, &others, 10, None).await.unwrap();

    assert_eq!(mutual.len(), 4);
    assert_eq!(ids(&mutual[&grace]), [bob, mia]);
    assert_eq!(ids(&mutual[&alan]), [zoe]);
    assert_eq!(ids(&mutual[&stranger]), []);
    assert_eq!(ids(&mutual[&ada]), [], "the viewer shares nothing with itself");
    let totals = [grace, alan, stranger, ada].map(|other| mutual[&other].total);
    assert_eq!(totals, [2, 1, 0, 0]);
    assert!(mutual.values().all(|page| !page.has_next));
}

async fn they_are_paged(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    let crowd = town.crowd(5).await;
    for &friend in &crowd {
        town.befriend(ada, friend).await;
        town.befriend(grace, friend).await;
    }
    town.befriend(alan, crowd[4]).await;
    for limit in 1..=6 {
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mutual =
                town.mutual_friends(ada, &[grace, alan], limit, after.as_deref()).await.unwrap();
            assert_eq!((mutual[&grace].total, mutual[&alan].total), (5, 1));
            listed.extend(ids(&mutual[&grace]));
            assert_eq!(mutual[&grace].has_next, listed.len() < 5);
            after = mutual[&grace].items.last().map(|person| person.username.clone());
            if !mutual[&grace].has_next {
                break;
            }
        }
        assert_eq!(listed, crowd, "limit {limit}");
    }
}

async fn whoever_is_in_the_graph_gets_a_page(town: &Town) {
    let ada = town.person("ada").await;
    let nobody = fresh_id();
    let mutual = town.mutual_friends(nobody, &[ada, nobody], 10, None).await.unwrap();
    assert_eq!(mutual.len(), 1);
    assert_eq!(mutual[&ada], Page::default());
}
