//! Groups are made, changed and taken away, each change decided on at a
//! version.

use std::collections::HashMap;

use chatterbox_graph::{
    Group, GroupEdit, GroupProfile,
    GroupRole::{Admin, Member, Owner},
    GroupView, GroupVisibility, Timestamp,
};

use crate::town::{Town, edit_of, fresh_group, fresh_id, only, private, public, random_uuid, word};

on_each_store!(
    a_group_is_made_with_its_members,
    a_group_is_made_once,
    what_a_group_is_like_changes,
    members_come_go_and_get_other_roles,
    an_edit_of_nothing_is_an_edit,
    an_edit_decided_on_another_version_changes_nothing,
    an_edit_that_was_made_is_not_made_again,
    the_last_64_edits_are_remembered,
    the_unknown_are_no_members,
    a_group_that_is_unknown_is_not_edited,
    a_group_that_is_gone_leaves_nothing,
    a_group_of_another_version_stays,
    what_is_gone_can_be_taken_away_again,
    a_state_tells_what_was_asked_about,
    the_admin_who_is_there_for_longest_inherits,
    without_an_admin_a_member_inherits,
    many_are_seen_in_their_order,
);

async fn a_group_is_made_with_its_members(town: &Town) {
    let [ada, grace, alan, eve] = town.people_called(["ada", "grace", "alan", "eve"]).await;
    let group = fresh_group();
    let profile = GroupProfile {
        name: "Chess 'Ω' \"and\"\\ $more".to_owned(),
        description: Some("Knights\nonly".to_owned()),
        visibility: GroupVisibility::Public,
    };
    assert_eq!(town.state(group).await, None);

    let making = GroupEdit {
        profile: Some(profile.clone()),
        set: vec![(ada, Owner), (grace, Admin), (alan, Member)],
        at: Timestamp(7),
        ..edit_of(group, 0)
    };
    town.edit(making).await;

    let GroupProfile { name, description, visibility } = profile;
    let made = Group { id: group, name, description, visibility, created_at: Timestamp(7) };
    let asked = [(ada, group), (grace, group), (alan, group), (eve, group), (fresh_id(), group)];
    let views = town.groups(&asked).await.unwrap();
    let expected = [Some(Owner), Some(Admin), Some(Member), None, None]
        .map(|role| Some(GroupView { group: made.clone(), role, members: 3 }));
    assert_eq!(views, expected);
    let state = town.state(group).await.unwrap();
    assert_eq!((state.group, state.version, state.members), (made, 1, 3));
    assert_eq!(state.owners, [ada]);
    assert_eq!(town.roles(group).await, [(ada, Owner), (alan, Member), (grace, Admin)]);
    let since = town.members(group, None, 10, None).await.unwrap().items;
    assert!(since.iter().all(|member| member.since == Timestamp(7)));
}

async fn a_group_is_made_once(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    let group = town.group_as(&private("Chess"), &[(ada, Owner)]).await;
    let again =
        GroupEdit { profile: Some(public("Mine")), set: vec![(eve, Owner)], ..edit_of(group, 0) };
    assert!(!town.edit_group(&again).await.unwrap());
    let state = town.state(group).await.unwrap();
    assert_eq!((state.group.name.as_str(), state.version), ("Chess", 1));
    assert_eq!(town.roles(group).await, [(ada, Owner)]);
}

async fn what_a_group_is_like_changes(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group_as(&private("Chess"), &[(ada, Owner)]).await;
    let made = town.state(group).await.unwrap().group;
    for (version, description) in [(1, Some("Knights only")), (2, None)] {
        let description = description.map(str::to_owned);
        let profile = GroupProfile { description: description.clone(), ..public("Go") };
        let at = Timestamp(50);
        town.edit(GroupEdit { profile: Some(profile), at, ..edit_of(group, version) }).await;
        let state = town.state(group).await.unwrap();
        let (name, visibility) = ("Go".to_owned(), GroupVisibility::Public);
        assert_eq!(state.group, Group { name, description, visibility, ..made.clone() });
        assert_eq!((state.version, state.members), (version + 1, 1));
    }
}

async fn members_come_go_and_get_other_roles(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    let group = town.group(&[(ada, Owner), (grace, Member)]).await;
    let profile = town.state(group).await.unwrap().group;

    let change = GroupEdit {
        set: vec![(grace, Owner), (alan, Member)],
        remove: vec![ada, fresh_id()],
        at: Timestamp(20),
        ..edit_of(group, 1)
    };
    town.edit(change).await;

    let members = town.members(group, None, 10, None).await.unwrap().items;
    let members: Vec<_> = members.iter().map(|m| (m.person.id, m.role, m.since.0)).collect();
    assert_eq!(members, [(alan, Member, 20), (grace, Owner, 1)], "a new role keeps the time");
    let state = town.state(group).await.unwrap();
    assert_eq!((&state.group, state.version, state.members), (&profile, 2, 2));
    assert_eq!(state.owners, [grace]);

    let back = GroupEdit { set: vec![(ada, Admin)], at: Timestamp(30), ..edit_of(group, 2) };
    town.edit(back).await;
    town.edit(GroupEdit { remove: vec![grace, alan], ..edit_of(group, 3) }).await;
    let members = town.members(group, None, 10, None).await.unwrap().items;
    let members: Vec<_> = members.iter().map(|m| (m.person.id, m.role, m.since.0)).collect();
    assert_eq!(members, [(ada, Admin, 30)], "who comes back starts anew");
    let state = town.state(group).await.unwrap();
    assert_eq!((state.version, state.members, state.owners), (4, 1, vec![]));
}

async fn an_edit_of_nothing_is_an_edit(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    let before = town.state(group).await.unwrap();
    town.edit(edit_of(group, 1)).await;
    town.edit(GroupEdit { set: vec![(ada, Owner)], at: Timestamp(9), ..edit_of(group, 2) }).await;
    let after = town.state(group).await.unwrap();
    assert_eq!((after.group, after.members, after.version), (before.group, 1, 3));
    assert_eq!(town.members(group, None, 9, None).await.unwrap().items[0].since, Timestamp(1));
}

async fn an_edit_decided_on_another_version_changes_nothing(town: &Town) {
    let [ada, eve] = town.people_called(["ada", "eve"]).await;
    let group = town.group_as(&private("Chess"), &[(ada, Owner)]).await;
    town.edit(edit_of(group, 1)).await;
    for version in [0, 1, 3, -1, i64::MAX] {
        let late = GroupEdit {
            profile: Some(public("Mine")),
            set: vec![(eve, Owner)],
            remove: vec![ada],
            ..edit_of(group, version)
        };
        assert!(!town.edit_group(&late).await.unwrap(), "version {version}");
        let state = town.group_state(group, &[], late.token).await.unwrap().unwrap();
        assert_eq!((state.version, state.edited), (2, false));
        assert_eq!(state.group.name, "Chess");
        assert_eq!(town.roles(group).await, [(ada, Owner)]);
    }
    let late = GroupEdit { set: vec![(eve, Owner)], ..edit_of(group, 1) };
    assert!(!town.edit_group(&late).await.unwrap());
    assert!(town.edit_group(&GroupEdit { version: 2, ..late }).await.unwrap(), "decided anew");
    assert_eq!(town.roles(group).await, [(ada, Owner), (eve, Owner)]);
}

async fn an_edit_that_was_made_is_not_made_again(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let group = fresh_group();
    let making =
        GroupEdit { profile: Some(private("Chess")), set: vec![(ada, Owner)], ..edit_of(group, 0) };
    let coming = GroupEdit { set: vec![(grace, Member)], ..edit_of(group, 1) };
    let going = GroupEdit { remove: vec![grace], ..edit_of(group, 2) };
    for (version, edit) in (1..).zip([&making, &coming, &going]) {
        for _ in 0..3 {
            assert!(town.edit_group(edit).await.unwrap());
            assert_eq!(town.state(group).await.unwrap().version, version);
        }
    }
    for edit in [&making, &coming, &going] {
        assert!(town.edit_group(edit).await.unwrap(), "it stands");
    }
    let same_token = GroupEdit { token: coming.token, version: 3, ..going };
    let same_token = GroupEdit { set: vec![(grace, Owner)], remove: vec![ada], ..same_token };
    assert!(town.edit_group(&same_token).await.unwrap(), "the token tells");
    assert_eq!(town.roles(group).await, [(ada, Owner)]);
    assert_eq!(town.state(group).await.unwrap().version, 3);
}

async fn the_last_64_edits_are_remembered(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let group = town.group(&[(ada, Owner)]).await;
    let mut made = Vec::new();
    for version in 1..=70 {
        let role = if version % 2 == 0 { Member } else { Admin };
        let edit = GroupEdit { set: vec![(grace, role)], ..edit_of(group, version) };
        town.edit(edit.clone()).await;
        made.push(edit);
    }
    for edit in &made[70 - 64..] {
        assert!(town.edit_group(edit).await.unwrap());
        let state = town.group_state(group, &[], edit.token).await.unwrap().unwrap();
        assert_eq!((state.version, state.edited), (71, true));
    }
    assert_eq!(town.roles(group).await, [(ada, Owner), (grace, Member)]);
}

async fn the_unknown_are_no_members(town: &Town) {
    let (ada, nobody) = (town.person("ada").await, fresh_id());
    let group = town.group(&[(ada, Owner), (nobody, Admin)]).await;
    assert_eq!(town.roles(group).await, [(ada, Owner)]);
    town.edit(GroupEdit { set: vec![(nobody, Owner)], ..edit_of(group, 1) }).await;
    let state = town.group_state(group, &[nobody, ada], random_uuid()).await.unwrap().unwrap();
    assert_eq!((state.members, state.version), (1, 2));
    assert_eq!((state.owners, state.roles), (vec![ada], HashMap::from([(ada, Owner)])));
    assert!(town.people(&[nobody]).await.unwrap().is_empty(), "nobody was made up");
    assert_eq!(town.groups_of(nobody).await.unwrap(), []);
}

async fn a_group_that_is_unknown_is_not_edited(town: &Town) {
    let ada = town.person("ada").await;
    let group = fresh_group();
    for version in [1, 7] {
        let edit = GroupEdit { set: vec![(ada, Owner)], ..edit_of(group, version) };
        let edit = GroupEdit { profile: Some(private("Chess")), ..edit };
        assert!(!town.edit_group(&edit).await.unwrap());
    }
    assert_eq!(town.state(group).await, None);
    assert_eq!(only(town.groups(&[(ada, group)]).await.unwrap()), None);
    assert_eq!(town.groups_of(ada).await.unwrap(), []);
    assert_eq!(town.roles(group).await, []);
    assert_eq!(town.heir(group, ada).await.unwrap(), None);
}

async fn a_group_that_is_gone_leaves_nothing(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    town.befriend(ada, grace).await;
    let word = word();
    let group = town.group_as(&public(&word), &[(ada, Owner), (grace, Member)]).await;

    assert!(town.delete_group(group, 1).await.unwrap());

    assert_eq!(town.state(group).await, None);
    assert_eq!(only(town.groups(&[(ada, group)]).await.unwrap()), None);
    assert_eq!(town.roles(group).await, []);
    assert_eq!(town.groups_of(ada).await.unwrap(), []);
    assert!(town.friends_inside(ada, &[group], 10).await.unwrap().is_empty());
    assert!(town.public_groups(ada, Some(&word), 10, None).await.unwrap().items.is_empty());
    let late = GroupEdit { set: vec![(ada, Owner)], ..edit_of(group, 1) };
    assert!(!town.edit_group(&late).await.unwrap());
    assert_eq!(town.people(&[ada, grace]).await.unwrap().len(), 2);
}

async fn a_group_of_another_version_stays(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    town.edit(edit_of(group, 1)).await;
    for version in [0, 1, 3, -1] {
        assert!(!town.delete_group(group, version).await.unwrap(), "version {version}");
        assert_eq!(town.roles(group).await, [(ada, Owner)]);
    }
    assert!(town.delete_group(group, 2).await.unwrap());
}

async fn what_is_gone_can_be_taken_away_again(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    for version in [1, 1, 0, 2] {
        assert!(town.delete_group(group, version).await.unwrap(), "it is not there any more");
    }
    assert!(town.delete_group(fresh_group(), 1).await.unwrap());
}

async fn a_state_tells_what_was_asked_about(town: &Town) {
    let [ada, grace, alan, eve] = town.people_called(["ada", "grace", "alan", "eve"]).await;
    let mut owners = town.crowd(5).await;
    let mut members = vec![(grace, Admin), (alan, Member)];
    members.extend(owners.iter().map(|&id| (id, Owner)));
    let group = town.group(&members).await;
    let edit = GroupEdit { set: vec![(ada, Owner)], ..edit_of(group, 1) };
    town.edit(edit.clone()).await;

    let about = [alan, eve, ada, fresh_id(), grace, alan];
    let state = town.group_state(group, &about, edit.token).await.unwrap().unwrap();

    owners.push(ada);
    owners.sort();
    assert_eq!(state.owners, owners, "by id");
    assert_eq!((state.members, state.version, state.edited), (8, 2, true));
    assert_eq!(state.roles, HashMap::from([(ada, Owner), (grace, Admin), (alan, Member)]));
    let other = town.group_state(group, &[], random_uuid()).await.unwrap().unwrap();
    assert_eq!((other.edited, other.roles.len()), (false, 0));
    assert_eq!(town.group_state(fresh_group(), &about, edit.token).await.unwrap(), None);
}

async fn the_admin_who_is_there_for_longest_inherits(town: &Town) {
    let ada = town.person("ada").await;
    let mut crowd = town.crowd(5).await;
    crowd.sort();
    let group = town.group(&[(ada, Owner), (crowd[0], Member)]).await;
    // Two come at the same time, the higher id first.
    for (version, who) in (1..).zip([&[4][..], &[3, 2], &[1]]) {
        let set = who.iter().map(|&n| (crowd[n], Admin)).collect();
        town.edit(GroupEdit { set, at: Timestamp(10 * version), ..edit_of(group, version) }).await;
    }
    for (version, heir) in (4..).zip([4, 2, 3, 1, 0]) {
        assert_eq!(town.heir(group, ada).await.unwrap(), Some(crowd[heir]));
        town.edit(GroupEdit { remove: vec![crowd[heir]], ..edit_of(group, version) }).await;
    }
    assert_eq!(town.heir(group, ada).await.unwrap(), None, "nobody else is in it");
}

async fn without_an_admin_a_member_inherits(town: &Town) {
    let [ada, late, early] = town.people_called(["ada", "late", "early"]).await;
    let group = town.group(&[(ada, Owner), (early, Member)]).await;
    town.edit(GroupEdit { set: vec![(late, Member)], at: Timestamp(9), ..edit_of(group, 1) }).await;
    assert_eq!(town.heir(group, ada).await.unwrap(), Some(early));
    town.edit(GroupEdit { set: vec![(late, Admin)], ..edit_of(group, 2) }).await;
    assert_eq!(town.heir(group, ada).await.unwrap(), Some(late), "an admin before a member");
    town.edit(GroupEdit { set: vec![(early, Admin)], at: Timestamp(20), ..edit_of(group, 3) })
        .await;
    assert_eq!(town.heir(group, ada).await.unwrap(), Some(early), "since when, whatever the role");
    assert_eq!(town.heir(fresh_group(), ada).await.unwrap(), None);
}

async fn many_are_seen_in_their_order(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let chess = town.group_as(&private("Chess"), &[(ada, Owner), (grace, Admin)]).await;
    let go = town.group_as(&public("Go"), &[(grace, Owner)]).await;
    let unknown = fresh_group();
    let asked = [(grace, go), (ada, chess), (ada, unknown), (ada, go), (grace, chess), (grace, go)];

    let views = town.groups(&asked).await.unwrap();

    let seen: Vec<_> = views
        .iter()
        .map(|view| view.as_ref().map(|view| (view.group.id, view.role, view.members)))
        .collect();
    let expected = [
        Some((go, Some(Owner), 1)),
        Some((chess, Some(Owner), 2)),
        None,
        Some((go, None, 1)),
        Some((chess, Some(Admin), 2)),
        Some((go, Some(Owner), 1)),
    ];
    assert_eq!(seen, expected);
}
