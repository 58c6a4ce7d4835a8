//! People, each with their settings and friends.

use chatterbox_graph::{
    Audience::{Friends, Nobody},
    Circle,
    GroupRole::{Member, Owner},
    Settings, SettingsChange, Timestamp, UserId,
};

use crate::town::{Town, chat, fresh_id};

on_each_store!(
    a_circle_is_who_one_is_what_one_decided_and_friends,
    nobody_else_is_in_a_circle,
    only_the_known_have_circles_and_each_one,
    many_circles_are_told_at_once,
);

async fn circle(town: &Town, id: UserId) -> Circle {
    town.circles(&[id]).await.unwrap().remove(&id).unwrap()
}

async fn a_circle_is_who_one_is_what_one_decided_and_friends(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let mut friends = town.crowd(9).await;
    for &friend in &friends {
        town.befriend(ada, friend).await;
    }
    let change = SettingsChange {
        presence_to: Some(Nobody),
        messages_from: Some(Friends),
        ..SettingsChange::default()
    };
    town.set(ada, change).await;
    friends.sort_unstable();

    let of_ada = circle(town, ada).await;
    assert_eq!(of_ada.person, town.people(&[ada]).await.unwrap()[&ada]);
    assert_eq!(of_ada.settings, town.settings(&[ada]).await.unwrap()[&ada]);
    assert_eq!((of_ada.settings.presence_to, of_ada.settings.messages_from), (Nobody, Friends));
    assert_eq!(of_ada.friends, friends);
    let of_grace = circle(town, grace).await;
    assert_eq!((of_grace.settings, of_grace.friends), (Settings::default(), vec![]));
}

async fn nobody_else_is_in_a_circle(town: &Town) {
    let [ada, friend, near] = town.people_called(["ada", "friend", "near"]).await;
    let [eve, grace, alan] = town.people_called(["eve", "grace", "alan"]).await;
    town.chain(&[ada, friend, near]).await;
    town.request_at(ada, alan, 1).await;
    town.request_at(grace, ada, 1).await;
    town.group(&[(ada, Owner), (near, Member)]).await;
    town.record_chats(&[chat(ada, near, 1)]).await.unwrap();
    town.befriend(ada, eve).await;
    town.block(eve, ada, Timestamp(1)).await.unwrap();
    assert_eq!(circle(town, ada).await.friends, [friend]);
    town.unfriend(ada, friend).await.unwrap();
    assert_eq!(circle(town, ada).await.friends, []);
}

async fn only_the_known_have_circles_and_each_one(town: &Town) {
    let ada = town.person("ada").await;
    let found = town.circles(&[ada, fresh_id(), ada]).await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&ada]);
    assert!(town.circles(&[]).await.unwrap().is_empty());
    assert!(town.circles(&[fresh_id()]).await.unwrap().is_empty());
}

async fn many_circles_are_told_at_once(town: &Town) {
    let crowd = town.crowd(12).await;
    town.chain(&crowd).await;
    let found = town.circles(&crowd).await.unwrap();
    assert_eq!(found.len(), crowd.len());
    for (place, id) in crowd.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| crowd[place]);
        let mut friends: Vec<UserId> =
            before.into_iter().chain(crowd.get(place + 1).copied()).collect();
        friends.sort_unstable();
        assert_eq!((found[id].person.id, &found[id].friends), (*id, &friends));
    }
}
