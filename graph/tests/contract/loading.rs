//! Many people and friendships are loaded at once.

use chatterbox_graph::{Ask, Friendship, NewPerson, Settings, Tie, Timestamp, UserId};
use futures::future::join_all;

use crate::town::{MANY, Town, fresh_id, newcomer, only, word};

on_each_store!(
    who_is_loaded_is_as_if_they_had_come,
    what_is_loaded_again_stays_as_it_is,
    ties_of_the_unknown_are_left_out,
    ties_are_one_whichever_way_they_are_told,
    people_and_ties_may_come_apart,
    thousands_are_loaded_at_once,
    two_may_load_the_same_at_once,
);

fn tie(one: UserId, other: UserId, since: i64) -> Tie {
    Tie { one, other, since: Timestamp(since) }
}

async fn who_is_loaded_is_as_if_they_had_come(town: &Town) {
    let word = word();
    let here = town.person("here").await;
    let people = ["ada", "grace", "alan"]
        .map(|name| NewPerson { display_name: format!("{word} Ä{name}"), ..newcomer(name) });
    let [ada, grace, alan] = people.each_ref().map(|person| person.id);

    town.load(&people, &[tie(grace, ada, 7), tie(grace, alan, 8), tie(here, ada, 9)])
        .await
        .unwrap();

    for person in &people {
        let found = only(town.directory_by(5, here, &person.username).await);
        let NewPerson { id, username, display_name, created_at } = person.clone();
        assert_eq!((found.person.id, found.person.username), (id, username));
        assert_eq!(
            (found.person.display_name, found.person.created_at),
            (display_name, created_at)
        );
        assert_eq!((found.person.bio, found.person.avatar_url), (None, None));
    }
    assert_eq!(town.directory_by(5, here, &format!("{word} a")).await.len(), 3, "folded");
    assert_eq!(town.settings(&[ada]).await.unwrap()[&ada], Settings::default());
    assert_eq!(town.sees(ada, grace).await, Friendship::Friends);
    assert_eq!(town.sees(ada, alan).await, Friendship::None);
    let friends: Vec<_> = town.friends_of(ada).await.items;
    let since: Vec<_> = friends.iter().map(|friend| (friend.person.id, friend.since.0)).collect();
    assert_eq!(since, [(grace, 7), (here, 9)]);
    assert_eq!(town.path(here, alan, 6).await, Some(vec![here, ada, grace, alan]));
    assert_eq!(only(town.suggested_to(ada).await).person.id, alan);
    town.request_at(ada, alan, 1).await;
    town.befriend(alan, here).await;
    assert!(town.unfriend(ada, grace).await.unwrap());
    assert_eq!(town.sees(grace, ada).await, Friendship::None);
}

async fn what_is_loaded_again_stays_as_it_is(town: &Town) {
    let people = ["ada", "grace"].map(newcomer);
    let [ada, grace] = people.each_ref().map(|person| person.id);
    town.load(&people, &[tie(ada, grace, 7)]).await.unwrap();
    town.hide(ada).await;
    let before = town.people(&[ada, grace]).await.unwrap();

    let renamed = people.map(|person| NewPerson {
        display_name: "Other".to_owned(),
        created_at: Timestamp(9),
        ..person
    });
    for _ in 0..2 {
        town.load(&renamed, &[tie(grace, ada, 8)]).await.unwrap();
    }

    assert_eq!(town.people(&[ada, grace]).await.unwrap(), before);
    assert!(!town.settings(&[ada]).await.unwrap()[&ada].discoverable);
    assert_eq!(only(town.friends_of(ada).await.items).since, Timestamp(7));
}

async fn ties_of_the_unknown_are_left_out(town: &Town) {
    let ada = town.person("ada").await;
    let (grace, nobody) = (newcomer("grace"), fresh_id());
    let ties = [
        tie(ada, nobody, 1),
        tie(nobody, ada, 1),
        tie(nobody, fresh_id(), 1),
        tie(grace.id, ada, 1),
    ];
    town.load(std::slice::from_ref(&grace), &ties).await.unwrap();
    assert_eq!(town.ties(ada).await.unwrap(), [grace.id]);
    assert!(town.people(&[nobody]).await.unwrap().is_empty(), "nobody was made up");
    assert_eq!(town.ties(nobody).await.unwrap(), []);
}

async fn ties_are_one_whichever_way_they_are_told(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.load(&[], &[tie(ada, grace, 7), tie(grace, ada, 7), tie(ada, grace, 7)]).await.unwrap();
    for viewer in [ada, grace] {
        let friends = town.friends_of(viewer).await;
        assert_eq!((friends.total, only(friends.items).since.0), (1, 7));
    }
    assert!(town.unfriend(grace, ada).await.unwrap());
    assert_eq!(town.friends_of(ada).await.total, 0);
    assert!(!town.unfriend(grace, ada).await.unwrap());
}

async fn people_and_ties_may_come_apart(town: &Town) {
    let people = ["ada", "grace"].map(newcomer);
    let [ada, grace] = people.each_ref().map(|person| person.id);
    town.load(&[], &[tie(ada, grace, 7)]).await.unwrap();
    town.load(&people, &[]).await.unwrap();
    assert_eq!(town.friends_of(ada).await.total, 0, "they were unknown then");
    town.load(&[], &[tie(ada, grace, 8)]).await.unwrap();
    assert_eq!(only(town.friends_of(ada).await.items).since, Timestamp(8));
}

async fn thousands_are_loaded_at_once(town: &Town) {
    let people: Vec<_> = (0..3_000).map(|n| newcomer(&format!("p{n:04}"))).collect();
    let ids: Vec<_> = people.iter().map(|person| person.id).collect();
    let mut ties = Vec::new();
    for step in [1, 2, 3] {
        ties.extend(ids.iter().zip(&ids[step..]).map(|(&one, &other)| tie(one, other, 1)));
    }

    town.load(&people, &ties).await.unwrap();

    assert_eq!(town.people(&ids).await.unwrap().len(), 3_000);
    let friends = town.friends_of(ids[1_500]).await.items;
    let friends: Vec<_> = friends.iter().map(|friend| friend.person.id).collect();
    assert_eq!(friends, [&ids[1_497..1_500], &ids[1_501..1_504]].concat());
    assert_eq!(town.path(ids[0], ids[18], 6).await.unwrap().len(), 7);
    let full = town.ask(ids[0], ids[100], None, Timestamp(1), 3).await.unwrap();
    assert_eq!(full, Ask::TooManyFriends, "degrees are known");
    let sent = town.ask(ids[0], ids[100], None, Timestamp(1), MANY).await.unwrap();
    assert_eq!(sent, Ask::Sent);
}

async fn two_may_load_the_same_at_once(town: &Town) {
    let people: Vec<_> = (0..60).map(|n| newcomer(&format!("p{n:02}"))).collect();
    let ids: Vec<_> = people.iter().map(|person| person.id).collect();
    let ties: Vec<_> = ids.windows(2).map(|two| tie(two[0], two[1], 1)).collect();
    let turned: Vec<_> = ties.iter().rev().map(|t| tie(t.other, t.one, 1)).collect();
    let backwards: Vec<_> = people.iter().rev().cloned().collect();
    let loads = [(&people, &ties), (&backwards, &turned), (&people, &turned)];
    for loaded in join_all(loads.map(|(people, ties)| town.load(people, ties))).await {
        loaded.unwrap();
    }
    assert_eq!(town.people(&ids).await.unwrap().len(), 60);
    assert_eq!(town.friends_of(ids[0]).await.total, 1);
    for &id in &ids[1..59] {
        assert_eq!(town.friends_of(id).await.total, 2);
    }
}
