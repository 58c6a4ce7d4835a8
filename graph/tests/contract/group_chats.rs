//! When somebody wrote in a group last, and who sees it.

use std::cmp::Reverse;

use chatterbox_graph::{
    Chat, ChatPartner, GroupEdit, GroupId,
    GroupRole::{Admin, Member, Owner},
    Timestamp, UserId,
};

use crate::town::{Town, chat, edit_of, fresh_group, public};

on_each_store!(
    every_member_sees_it,
    the_latest_counts_whatever_the_order,
    people_and_groups_come_most_recent_first,
    what_was_written_before_one_came_does_not_count,
    a_new_role_makes_nobody_a_newcomer,
    who_leaves_and_comes_back_starts_anew,
    a_group_that_nobody_wrote_in_is_not_listed,
    chats_of_unknown_groups_are_dropped,
    a_group_that_is_gone_is_listed_no_more,
);

fn written(group: GroupId, at: i64) -> Chat {
    Chat::Group { group, at: Timestamp(at) }
}

/// With which groups the viewer chatted, and when.
async fn groups(town: &Town, viewer: UserId) -> Vec<(GroupId, i64)> {
    let last = town.last_chatted(viewer, 100).await.unwrap();
    let groups = last.into_iter().filter_map(|last| match last.with {
        ChatPartner::Group(group) => Some((group.id, last.at.0)),
        ChatPartner::Person(..) => None,
    });
    groups.collect()
}

async fn every_member_sees_it(town: &Town) {
    let [ada, grace, alan, eve] = town.people_called(["ada", "grace", "alan", "eve"]).await;
    let members = [(ada, Owner), (grace, Admin), (alan, Member)];
    let group = town.group_as(&public("Chess"), &members).await;

    town.record_chats(&[written(group, 7)]).await.unwrap();

    let state = town.state(group).await.unwrap();
    for viewer in [ada, grace, alan] {
        let seen = town.last_chatted(viewer, 10).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!((&seen[0].with, seen[0].at.0), (&ChatPartner::Group(state.group.clone()), 7));
        let people = town.last_chatted_at(viewer, &[ada, grace, alan]).await.unwrap();
        assert!(people.is_empty(), "a group is no person");
    }
    assert_eq!(groups(town, eve).await, [], "not a member");
}

async fn the_latest_counts_whatever_the_order(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    town.record_chats(&[written(group, 5), written(group, 9), written(group, 7)]).await.unwrap();
    assert_eq!(groups(town, ada).await, [(group, 9)]);
    for earlier in [8, 9, 1] {
        town.record_chats(&[written(group, earlier)]).await.unwrap();
        assert_eq!(groups(town, ada).await, [(group, 9)]);
    }
    town.record_chats(&[written(group, 10)]).await.unwrap();
    assert_eq!(groups(town, ada).await, [(group, 10)]);
}

async fn people_and_groups_come_most_recent_first(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(4).await;
    let mut talks = Vec::new();
    for _ in 0..4 {
        talks.push(town.group(&[(ada, Owner)]).await);
    }
    let times = [5, 9, 5, 3];
    let mut chats = Vec::new();
    for ((&other, &group), at) in crowd.iter().zip(&talks).zip(times) {
        chats.extend([written(group, at), chat(other, ada, at)]);
    }
    town.record_chats(&chats).await.unwrap();

    let people = crowd.iter().map(|person| (false, person.to_string()));
    let groups = talks.iter().map(|group| (true, group.to_string()));
    let mut expected: Vec<_> = people
        .zip(times)
        .chain(groups.zip(times))
        .map(|((is_group, id), at)| (Reverse(at), is_group, Reverse(id)))
        .collect();
    expected.sort();
    let expected: Vec<_> = expected.into_iter().map(|(_, _, Reverse(id))| id).collect();
    for limit in [0, 1, 3, 4, 8, usize::MAX] {
        let last = town.last_chatted(ada, limit).await.unwrap();
        let ids: Vec<_> = last
            .iter()
            .map(|last| match &last.with {
                ChatPartner::Person(person, _) => person.id.to_string(),
                ChatPartner::Group(group) => group.id.to_string(),
            })
            .collect();
        assert_eq!(ids, expected[..limit.min(8)], "limit {limit}");
    }
}

async fn what_was_written_before_one_came_does_not_count(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let group = town.group(&[(ada, Owner)]).await;
    town.record_chats(&[written(group, 20)]).await.unwrap();
    town.edit(GroupEdit { set: vec![(grace, Member)], at: Timestamp(30), ..edit_of(group, 1) })
        .await;
    assert_eq!(groups(town, ada).await, [(group, 20)]);
    assert_eq!(groups(town, grace).await, []);

    town.record_chats(&[written(group, 29)]).await.unwrap();
    assert_eq!(groups(town, ada).await, [(group, 29)]);
    assert_eq!(groups(town, grace).await, []);

    town.record_chats(&[written(group, 30)]).await.unwrap();
    assert_eq!(groups(town, grace).await, [(group, 30)], "from the very moment on");
}

async fn a_new_role_makes_nobody_a_newcomer(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Member)]).await;
    town.record_chats(&[written(group, 20)]).await.unwrap();
    town.edit(GroupEdit { set: vec![(ada, Owner)], at: Timestamp(30), ..edit_of(group, 1) }).await;
    assert_eq!(groups(town, ada).await, [(group, 20)]);
}

async fn who_leaves_and_comes_back_starts_anew(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let group = town.group(&[(ada, Owner), (grace, Member)]).await;
    town.record_chats(&[written(group, 20)]).await.unwrap();
    town.edit(GroupEdit { remove: vec![grace], ..edit_of(group, 1) }).await;
    assert_eq!(groups(town, grace).await, []);
    let back = GroupEdit { set: vec![(grace, Member)], at: Timestamp(30), ..edit_of(group, 2) };
    town.edit(back).await;
    assert_eq!(groups(town, grace).await, []);
    town.record_chats(&[written(group, 40)]).await.unwrap();
    assert_eq!(groups(town, grace).await, [(group, 40)]);
}

async fn a_group_that_nobody_wrote_in_is_not_listed(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.group(&[(ada, Owner), (grace, Member)]).await;
    assert!(town.last_chatted(ada, 10).await.unwrap().is_empty());
}

async fn chats_of_unknown_groups_are_dropped(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let group = town.group(&[(ada, Owner)]).await;
    let unknown = fresh_group();

    town.record_chats(&[written(unknown, 5), written(group, 6), chat(ada, grace, 7)])
        .await
        .unwrap();

    assert_eq!(groups(town, ada).await, [(group, 6)]);
    assert!(town.state(unknown).await.is_none(), "no group was made up");
    assert_eq!(town.last_chatted(grace, 10).await.unwrap().len(), 1);
}

async fn a_group_that_is_gone_is_listed_no_more(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    town.record_chats(&[written(group, 5)]).await.unwrap();
    assert!(town.delete_group(group, 1).await.unwrap());
    assert_eq!(groups(town, ada).await, []);
    town.record_chats(&[written(group, 6)]).await.unwrap();
    assert_eq!(groups(town, ada).await, []);
}
