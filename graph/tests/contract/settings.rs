//! What people decided about others, and who may come near.

use std::collections::HashMap;

use chatterbox_graph::{
    Audience::{self, Everyone, Friends, FriendsOfFriends, Nobody},
    Reach, Settings, SettingsChange, Timestamp, UserId,
};

use crate::town::{Town, fresh_id, only};

on_each_store!(
    what_was_never_decided_is_as_by_default,
    what_changes_is_kept_and_the_rest_stays,
    a_change_of_nothing_changes_nothing,
    the_unknown_have_no_settings,
    reach_is_by_nearness,
    messages_and_presence_are_two_things,
    reach_goes_by_the_settings_of_the_other,
    nobody_who_is_blocked_reaches_anyone,
    nearness_goes_with_the_friend_in_common,
    requests_and_groups_bring_nobody_nearer,
    the_unknown_reach_nobody,
    many_reaches_are_told_in_their_order,
);

const AUDIENCES: [Audience; 4] = [Everyone, FriendsOfFriends, Friends, Nobody];
const NOTHING: SettingsChange = SettingsChange {
    messages_from: None,
    presence_to: None,
    read_receipts: None,
    discoverable: None,
};

async fn settings(town: &Town, id: UserId) -> Settings {
    town.settings(&[id]).await.unwrap()[&id]
}

/// What `who` may do towards `whom`, in a list and as a pair from both ends.
async fn reach(town: &Town, who: UserId, whom: UserId) -> Reach {
    town.sees(who, whom).await;
    only(town.reach(&[(who, whom)]).await.unwrap())
}

async fn let_come_near(town: &Town, id: UserId, audience: Audience) {
    let (messages_from, presence_to) = (Some(audience), Some(audience));
    town.set(id, SettingsChange { messages_from, presence_to, ..NOTHING }).await;
}

async fn what_was_never_decided_is_as_by_default(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let found = town.settings(&[ada, fresh_id(), grace, ada]).await.unwrap();
    let default = Settings {
        messages_from: Everyone,
        presence_to: Friends,
        read_receipts: true,
        discoverable: true,
    };
    assert_eq!(found, HashMap::from([(ada, default), (grace, default)]));
}

async fn what_changes_is_kept_and_the_rest_stays(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let mut expected = Settings::default();
    for audience in AUDIENCES {
        expected.messages_from = audience;
        let change = SettingsChange { messages_from: Some(audience), ..NOTHING };
        assert_eq!(town.change_settings(ada, &change).await.unwrap(), Some(expected));
        assert_eq!(settings(town, ada).await, expected);
    }
    for audience in AUDIENCES {
        expected.presence_to = audience;
        let change = SettingsChange { presence_to: Some(audience), ..NOTHING };
        assert_eq!(town.change_settings(ada, &change).await.unwrap(), Some(expected));
        assert_eq!(settings(town, ada).await, expected);
    }
    for on in [false, true, false] {
        expected.read_receipts = on;
        let change = SettingsChange { read_receipts: Some(on), ..NOTHING };
        assert_eq!(town.change_settings(ada, &change).await.unwrap(), Some(expected));
        expected.discoverable = on;
        let change = SettingsChange { discoverable: Some(on), ..NOTHING };
        assert_eq!(town.change_settings(ada, &change).await.unwrap(), Some(expected));
        assert_eq!(settings(town, ada).await, expected);
    }
    let all = SettingsChange {
        messages_from: Some(Friends),
        presence_to: Some(Everyone),
        read_receipts: Some(true),
        discoverable: Some(true),
    };
    let changed = town.change_settings(ada, &all).await.unwrap();
    assert_eq!(changed, Some(settings(town, ada).await));
    assert_eq!(changed.unwrap().messages_from, Friends);
    assert_eq!(settings(town, grace).await, Settings::default(), "it was Ada who decided");
}

async fn a_change_of_nothing_changes_nothing(town: &Town) {
    let ada = town.person("ada").await;
    let same = town.change_settings(ada, &NOTHING).await.unwrap();
    assert_eq!(same, Some(Settings::default()));
    let_come_near(town, ada, Nobody).await;
    let same = town.change_settings(ada, &NOTHING).await.unwrap();
    assert_eq!(same, Some(settings(town, ada).await));
    assert_eq!(same.unwrap().messages_from, Nobody);
}

async fn the_unknown_have_no_settings(town: &Town) {
    let nobody = fresh_id();
    let change = SettingsChange { discoverable: Some(false), ..NOTHING };
    assert_eq!(town.change_settings(nobody, &change).await.unwrap(), None);
    assert!(town.settings(&[nobody]).await.unwrap().is_empty());
    assert!(town.people(&[nobody]).await.unwrap().is_empty(), "nobody was made up");
}

async fn reach_is_by_nearness(town: &Town) {
    let [ada, friend, acquainted, far] =
        town.people_called(["ada", "friend", "acquainted", "far"]).await;
    town.chain(&[ada, friend, acquainted, far]).await;
    let all = Reach { messages: true, presence: true };
    let none = Reach::default();
    for (audience, expected) in [
        (Everyone, [all, all, all]),
        (FriendsOfFriends, [all, all, none]),
        (Friends, [all, none, none]),
        (Nobody, [none, none, none]),
    ] {
        let_come_near(town, ada, audience).await;
        for (who, expected) in [friend, acquainted, far].into_iter().zip(expected) {
            assert_eq!(reach(town, who, ada).await, expected, "{audience:?}");
        }
    }
}

async fn messages_and_presence_are_two_things(town: &Town) {
    let [ada, friend, acquainted, far] =
        town.people_called(["ada", "friend", "acquainted", "far"]).await;
    town.chain(&[ada, friend, acquainted, far]).await;
    let means = |audience, who| match audience {
        Everyone => true,
        FriendsOfFriends => who != far,
        Friends => who == friend,
        Nobody => false,
    };
    for messages_from in AUDIENCES {
        for presence_to in AUDIENCES {
            let change = SettingsChange {
                messages_from: Some(messages_from),
                presence_to: Some(presence_to),
                ..NOTHING
            };
            town.set(ada, change).await;
            let asked = [(friend, ada), (acquainted, ada), (far, ada)];
            let expected = asked.map(|(who, _)| Reach {
                messages: means(messages_from, who),
                presence: means(presence_to, who),
            });
            assert_eq!(town.reach(&asked).await.unwrap(), expected, "{change:?}");
        }
    }
}

async fn reach_goes_by_the_settings_of_the_other(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let_come_near(town, ada, Nobody).await;
    let_come_near(town, grace, Everyone).await;
    assert_eq!(reach(town, ada, grace).await, Reach { messages: true, presence: true });
    assert_eq!(reach(town, grace, ada).await, Reach::default());
}

async fn nobody_who_is_blocked_reaches_anyone(town: &Town) {
    let [ada, eve, common] = town.people_called(["ada", "eve", "common"]).await;
    town.chain(&[ada, common, eve]).await;
    let all = Reach { messages: true, presence: true };
    for audience in [Everyone, FriendsOfFriends] {
        let_come_near(town, ada, audience).await;
        let_come_near(town, eve, audience).await;
        for (by, other) in [(ada, eve), (eve, ada)] {
            assert_eq!(reach(town, ada, eve).await, all);
            assert_eq!(reach(town, eve, ada).await, all);
            town.block(by, other, Timestamp(1)).await.unwrap();
            assert_eq!(reach(town, ada, eve).await, Reach::default(), "{audience:?}");
            assert_eq!(reach(town, eve, ada).await, Reach::default(), "{audience:?}");
            town.unblock(by, other).await.unwrap();
        }
    }
}

async fn nearness_goes_with_the_friend_in_common(town: &Town) {
    let [ada, common, other, grace] = town.people_called(["ada", "common", "other", "grace"]).await;
    town.chain(&[ada, common, grace, other, ada]).await;
    let_come_near(town, ada, FriendsOfFriends).await;
    for gone in [common, other] {
        assert!(reach(town, grace, ada).await.messages);
        town.unfriend(gone, grace).await.unwrap();
    }
    assert!(!reach(town, grace, ada).await.messages);
    town.befriend(ada, grace).await;
    assert!(reach(town, grace, ada).await.messages);
}

async fn requests_and_groups_bring_nobody_nearer(town: &Town) {
    use chatterbox_graph::GroupRole::{Member, Owner};
    let [ada, grace, common] = town.people_called(["ada", "grace", "common"]).await;
    let_come_near(town, ada, FriendsOfFriends).await;
    town.request_at(ada, grace, 1).await;
    town.befriend(ada, common).await;
    town.request_at(grace, common, 1).await;
    town.group(&[(ada, Owner), (grace, Member), (common, Member)]).await;
    assert_eq!(reach(town, grace, ada).await, Reach::default());
}

async fn the_unknown_reach_nobody(town: &Town) {
    let (ada, nobody) = (town.person("ada").await, fresh_id());
    let_come_near(town, ada, Everyone).await;
    let reach = town.reach(&[(nobody, ada), (ada, nobody), (fresh_id(), nobody)]).await.unwrap();
    assert_eq!(reach, [Reach::default(); 3]);
}

async fn many_reaches_are_told_in_their_order(town: &Town) {
    let crowd = town.crowd(8).await;
    for (&id, audience) in crowd.iter().zip(AUDIENCES.into_iter().cycle()) {
        let_come_near(town, id, audience).await;
    }
    town.chain(&crowd).await;
    let mut asked = Vec::new();
    for (n, &who) in crowd.iter().enumerate() {
        asked.extend(crowd[..n].iter().rev().flat_map(|&whom| [(who, whom), (whom, who)]));
    }
    asked.push((crowd[0], fresh_id()));
    asked.extend_from_within(..3);

    let told = town.reach(&asked).await.unwrap();

    assert_eq!(told.len(), asked.len());
    for (&two, told) in asked.iter().zip(told) {
        assert_eq!(only(town.reach(&[two]).await.unwrap()), told);
    }
}
