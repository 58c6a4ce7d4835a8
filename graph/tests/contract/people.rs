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

async fn by_username(town: &Town, usernames: &[&str]) -> HashMap<String, Person> {
    let usernames: Vec<_> = usernames.iter().map(|&name| name.to_owned()).collect();
    town.people_by_username(&usernames).await.unwrap()
}

async fn a_newcomer_is_found(town: &Town) {
    let ada = NewPerson { display_name: "Ada 'Ω' \"Lovelace\"\\".to_owned(), ..newcomer("ada") };
    assert!(by_username(town, &[&ada.username]).await.is_empty());

    town.add_person(&ada).await.unwrap();

    let grace = newcomer("grace");
    town.add_person(&grace).await.unwrap();
    let (part, _) = ada.username.split_at(ada.username.len() - 1);
    let asked = [&ada.username, "nobody.at.all", &grace.username, part, &ada.username];
    let expected = [&ada, &grace].map(|person| (person.username.clone(), as_seen(person)));
    assert_eq!(by_username(town, &asked).await, HashMap::from(expected), "whole names");
    let found = town.people(&[ada.id]).await.unwrap();
    assert_eq!(found, HashMap::from([(ada.id, as_seen(&ada))]));
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
    assert!(town.people_by_username(&[]).await.unwrap().is_empty());
    assert!(town.settings(&[]).await.unwrap().is_empty());
    assert!(town.reach(&[]).await.unwrap().is_empty());
    assert!(town.friendships(&[]).await.unwrap().is_empty());
    assert!(town.friends(&[]).await.unwrap().is_empty());
    assert!(town.mutual_friends(&[]).await.unwrap().is_empty());
    assert!(town.paths(&[]).await.unwrap().is_empty());
    assert!(town.suggestions(&[]).await.unwrap().is_empty());
    assert!(town.groups(&[]).await.unwrap().is_empty());
    assert!(town.friends_inside(ada, &[], 10).await.unwrap().is_empty());
    assert!(town.last_chatted_at(ada, &[]).await.unwrap().is_empty());
    town.load(&[], &[]).await.unwrap();
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
    let asked =
        [(ada, grace), (ada, nobody), (nobody, ada), (nobody, nobody), (ada, ada), (grace, ada)];
    let seen = town.friendships(&asked).await.unwrap();
    let nothing = Some(Friendship::None);
    let expected = [nothing, None, nothing, None, Some(Friendship::Myself), nothing];
    assert_eq!(seen, expected, "who is unknown stands alone");
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
