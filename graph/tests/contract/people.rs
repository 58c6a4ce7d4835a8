//! People come, and are found.

use std::collections::HashMap;

use chatterbox_graph::{Friendship, NewPerson, Person, Timestamp};
use futures::future::join_all;

use crate::town::{Town, fresh_id, newcomer};

on_each_store!(
    a_newcomer_is_found,
    who_is_there_already_stays_as_they_are,
    only_the_known_are_answered_and_each_once,
    nobody_asked_for_is_nobody_answered,
    a_pair_is_two_whom_the_graph_knows,
    strangers_see_nothing_between_them,
    many_are_found_at_once,
    the_store_names_itself,
    bringing_the_schema_up_to_date_may_be_repeated_at_once,
);

fn as_seen(newcomer: &NewPerson) -> Person {
    let NewPerson { id, username, display_name, created_at } = newcomer.clone();
    Person { id, username, display_name, bio: None, avatar_url: None, created_at }
}

async fn a_newcomer_is_found(town: &Town) {
    let ada = NewPerson { display_name: "Ada 'Ω' \"Lovelace\"\\".to_owned(), ..newcomer("ada") };
    assert_eq!(town.person_by_username(&ada.username).await.unwrap(), None);

    town.add_person(&ada).await.unwrap();

    let found = town.person_by_username(&ada.username).await.unwrap();
    assert_eq!(found, Some(as_seen(&ada)));
    let found = town.people(&[ada.id]).await.unwrap();
    assert_eq!(found, HashMap::from([(ada.id, as_seen(&ada))]));
    let (part, _) = ada.username.split_at(ada.username.len() - 1);
    assert_eq!(town.person_by_username(part).await.unwrap(), None, "a whole name is asked for");
}

async fn who_is_there_already_stays_as_they_are(town: &Town) {
    let ada = newcomer("ada");
    let again =
        NewPerson { display_name: "Other".to_owned(), created_at: Timestamp(9), ..ada.clone() };

    town.add_person(&ada).await.unwrap();
    for repeated in join_all([&ada, &again, &again].map(|who| town.add_person(who))).await {
        repeated.unwrap();
    }

    assert_eq!(town.people(&[ada.id]).await.unwrap()[&ada.id], as_seen(&ada));
}

async fn only_the_known_are_answered_and_each_once(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let found = town.people(&[grace, fresh_id(), ada, grace, ada]).await.unwrap();
    let mut ids: Vec<_> = found.into_keys().collect();
    ids.sort();
    assert_eq!(ids, [ada.min(grace), ada.max(grace)]);
}

async fn nobody_asked_for_is_nobody_answered(town: &Town) {
    let ada = town.person("ada").await;
    assert!(town.people(&[]).await.unwrap().is_empty());
    assert!(town.friendships(ada, &[]).await.unwrap().is_empty());
    assert!(town.mutual_friends(ada, &[], 10, None).await.unwrap().is_empty());
    assert!(town.paths(ada, &[], 6).await.unwrap().is_empty());
    assert!(town.last_chatted_at(ada, &[]).await.unwrap().is_empty());
    town.record_chats(&[]).await.unwrap();
}

async fn a_pair_is_two_whom_the_graph_knows(town: &Town) {
    let ada = town.person("ada").await;
    assert_eq!(town.pair(ada, fresh_id()).await.unwrap(), None);
    assert_eq!(town.pair(fresh_id(), ada).await.unwrap(), None);
    assert_eq!(town.pair(fresh_id(), fresh_id()).await.unwrap(), None);
}

async fn strangers_see_nothing_between_them(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    assert_eq!(town.sees(ada, grace).await, Friendship::None);
    assert!(!town.pair(ada, grace).await.unwrap().unwrap().blocked);

    let nobody = fresh_id();
    let seen = town.friendships(ada, &[ada, grace, nobody, grace]).await.unwrap();
    assert_eq!(seen, HashMap::from([(ada, Friendship::Myself), (grace, Friendship::None)]));
    let seen = town.friendships(nobody, &[nobody, ada]).await.unwrap();
    assert_eq!(seen, HashMap::from([(ada, Friendship::None)]), "who is unknown stands alone");
}

async fn many_are_found_at_once(town: &Town) {
    let crowd = town.crowd(300).await;
    let mut asked = crowd.clone();
    asked.extend((0..40_000).map(|_| fresh_id()));
    assert_eq!(town.people(&asked).await.unwrap().len(), crowd.len());
}

async fn the_store_names_itself(town: &Town) {
    let version = town.version().await.unwrap();
    let (name, number) = version.split_once('/').unwrap();
    assert!(["SQLite", "Neo4j"].contains(&name), "{version}");
    assert!(number.starts_with(|first: char| first.is_ascii_digit()), "{version}");
}

async fn bringing_the_schema_up_to_date_may_be_repeated_at_once(town: &Town) {
    let ada = town.person("ada").await;
    for repeated in join_all((0..4).map(|_| town.migrate())).await {
        repeated.unwrap();
    }
    assert!(town.people(&[ada]).await.unwrap().contains_key(&ada));
}
