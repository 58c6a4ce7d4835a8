//! How people present themselves.

use chatterbox_graph::{GroupRole::Owner, Person, ProfileChange, UserId};

use crate::town::{Town, fresh_id, only, word};

on_each_store!(
    what_changes_is_kept_and_the_rest_stays,
    what_was_told_can_be_taken_away,
    a_change_of_nothing_changes_nothing,
    the_unknown_have_no_profile,
    they_are_found_by_the_new_name,
    lists_show_what_was_changed,
);

async fn profile(town: &Town, id: UserId) -> Person {
    town.people(&[id]).await.unwrap().remove(&id).unwrap()
}

async fn change(town: &Town, id: UserId, change: ProfileChange) -> Person {
    let changed = town.change_profile(id, &change).await.unwrap().unwrap();
    assert_eq!(profile(town, id).await, changed);
    changed
}

fn new_name(name: &str) -> ProfileChange {
    ProfileChange { display_name: Some(name.to_owned()), ..ProfileChange::default() }
}

fn new_bio(bio: Option<&str>) -> ProfileChange {
    ProfileChange { bio: Some(bio.map(str::to_owned)), ..ProfileChange::default() }
}

fn new_avatar(url: Option<&str>) -> ProfileChange {
    ProfileChange { avatar_url: Some(url.map(str::to_owned)), ..ProfileChange::default() }
}

async fn what_changes_is_kept_and_the_rest_stays(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let mut expected = profile(town, ada).await;
    let untouched = profile(town, grace).await;

    expected.bio = Some("'Ω' \"and\"\\ $more\n%".to_owned());
    assert_eq!(change(town, ada, new_bio(expected.bio.as_deref())).await, expected);
    expected.display_name = "Countess Łovelace".to_owned();
    assert_eq!(change(town, ada, new_name(&expected.display_name)).await, expected);
    expected.avatar_url = Some("https://example.org/ada?size=1".to_owned());
    assert_eq!(change(town, ada, new_avatar(expected.avatar_url.as_deref())).await, expected);

    let all = ProfileChange {
        display_name: Some("Ada".to_owned()),
        bio: Some(Some("Numbers".to_owned())),
        avatar_url: Some(None),
    };
    let expected = Person {
        display_name: "Ada".to_owned(),
        bio: Some("Numbers".to_owned()),
        avatar_url: None,
        ..expected
    };
    assert_eq!(change(town, ada, all).await, expected);
    assert_eq!(profile(town, grace).await, untouched);
}

async fn what_was_told_can_be_taken_away(town: &Town) {
    let ada = town.person("ada").await;
    let plain = profile(town, ada).await;
    assert_eq!(change(town, ada, new_bio(None)).await, plain, "there was none");
    change(town, ada, new_bio(Some("Numbers"))).await;
    change(town, ada, new_avatar(Some("https://example.org/ada"))).await;
    assert!(change(town, ada, new_bio(None)).await.avatar_url.is_some());
    assert_eq!(change(town, ada, new_avatar(None)).await, plain);
}

async fn a_change_of_nothing_changes_nothing(town: &Town) {
    let ada = town.person("ada").await;
    let plain = profile(town, ada).await;
    assert_eq!(change(town, ada, ProfileChange::default()).await, plain);
    let with_bio = change(town, ada, new_bio(Some("Numbers"))).await;
    assert_eq!(change(town, ada, ProfileChange::default()).await, with_bio);
}

async fn the_unknown_have_no_profile(town: &Town) {
    let nobody = fresh_id();
    assert_eq!(town.change_profile(nobody, &new_name("Somebody")).await.unwrap(), None);
    assert!(town.people(&[nobody]).await.unwrap().is_empty(), "nobody was made up");
}

async fn they_are_found_by_the_new_name(town: &Town) {
    let word = word();
    let [ada, stranger] = town.people_called(["ada", "stranger"]).await;
    let friend = town.person_named("q", &format!("{word} before")).await;
    town.befriend(ada, friend).await;
    let group = town.group(&[(friend, Owner)]).await;

    let renamed = change(town, friend, new_name(&format!("Ä{word} After"))).await;
    change(town, friend, new_bio(Some("No new name"))).await;

    for (query, found) in [(format!("{word} before"), 0), (format!("a{word} AF"), 1)] {
        let query = Some(query.as_str());
        assert_eq!(town.friends_page(ada, query, 10, None).await.total, found);
        assert_eq!(town.members(group, query, 10, None).await.unwrap().total, found);
        for viewer in [ada, stranger] {
            assert_eq!(town.directory_size(viewer, query).await.unwrap(), found);
            let listed = town.directory(viewer, query, 10, None).await.unwrap().items;
            assert_eq!(listed.len() as u64, found);
            assert!(listed.iter().all(|item| item.person.display_name == renamed.display_name));
        }
    }
}

async fn lists_show_what_was_changed(town: &Town) {
    let [ada, friend, common] = town.people_called(["ada", "friend", "common"]).await;
    town.chain(&[ada, friend, common]).await;
    let group = town.group(&[(friend, Owner)]).await;
    let all = ProfileChange {
        display_name: Some("Friend".to_owned()),
        bio: Some(Some("Of all".to_owned())),
        avatar_url: Some(Some("https://example.org/friend".to_owned())),
    };

    let changed = change(town, friend, all).await;

    let pair = town.pair(ada, friend).await.unwrap().unwrap();
    assert_eq!(pair.other, changed);
    let username = changed.username.clone();
    let found = town.people_by_username(std::slice::from_ref(&username)).await.unwrap();
    assert_eq!(found[&username], changed);
    assert_eq!(town.friends_of(ada).await.items[0].person, changed);
    assert_eq!(only(town.mutual_page(ada, common, 10, None).await.unwrap().items), changed);
    assert_eq!(town.members(group, None, 10, None).await.unwrap().items[0].person, changed);
    let mut inside = town.friends_inside(ada, &[group], 10).await.unwrap();
    assert_eq!(only(inside.remove(&group).unwrap()), changed);
    assert_eq!(town.directory_by(5, ada, &username).await[0].person, changed);
}
