//! What happens to a group at the same time: of edits decided on the same
//! version one stands.

use chatterbox_graph::{
    Chat, GroupEdit, GroupId,
    GroupRole::{Admin, Member, Owner},
    Timestamp, UserId,
};
use futures::{FutureExt, TryFutureExt, future::join_all, join};

use crate::town::{Town, chat, edit_of, fresh_group, private, public, random_uuid};

on_each_store!(
    of_two_edits_one_stands,
    of_two_that_make_a_group_one_does,
    the_same_edit_is_made_once,
    a_group_is_made_once_from_one_edit,
    the_last_owner_leaves_or_another_is_promoted,
    an_edit_stands_or_the_group_is_gone,
    of_an_edit_and_a_departure_nobody_is_left_in_the_group,
    an_edit_tried_anew_gets_its_turn,
    the_latest_chat_of_a_group_wins,
    chats_and_edits_do_not_wait_for_each_other_forever,
    nothing_fails_because_a_group_goes,
);

const ROUNDS: usize = 12;

/// Runs a story of an owner, another person and their group many times over,
/// all at once.
async fn rounds(town: &Town, story: impl AsyncFn(UserId, UserId, GroupId)) {
    let people = town.crowd(2 * ROUNDS).await;
    join_all(people.chunks(2).map(async |two| {
        let group = town.group(&[(two[0], Owner)]).await;
        story(two[0], two[1], group).await;
    }))
    .await;
}

async fn version(town: &Town, group: GroupId) -> i64 {
    town.state(group).await.unwrap().version
}

async fn of_two_edits_one_stands(town: &Town) {
    rounds(town, async |ada, grace, group| {
        let adding = |role| GroupEdit { set: vec![(grace, role)], ..edit_of(group, 1) };
        let (one, other) = (adding(Member), adding(Admin));
        let (first, second) = join!(town.edit_group(&one), town.edit_group(&other));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first != second, "{first} and {second}");
        let role = if first { Member } else { Admin };
        assert_eq!(town.roles(group).await, [(ada, Owner), (grace, role)]);
        assert_eq!(version(town, group).await, 2);
    })
    .await;
}

async fn of_two_that_make_a_group_one_does(town: &Town) {
    rounds(town, async |ada, grace, _| {
        let group = fresh_group();
        let making = |owner, name| GroupEdit {
            profile: Some(private(name)),
            set: vec![(owner, Owner)],
            ..edit_of(group, 0)
        };
        let (one, other) = (making(ada, "Ada's"), making(grace, "Grace's"));
        let (first, second) = join!(town.edit_group(&one), town.edit_group(&other));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first != second, "{first} and {second}");
        let (owner, name) = if first { (ada, "Ada's") } else { (grace, "Grace's") };
        let state = town.state(group).await.unwrap();
        assert_eq!((state.group.name.as_str(), state.version, state.members), (name, 1, 1));
        assert_eq!(state.owners, [owner]);
    })
    .await;
}

async fn the_same_edit_is_made_once(town: &Town) {
    rounds(town, async |ada, grace, group| {
        let edit = GroupEdit { set: vec![(grace, Member)], ..edit_of(group, 1) };
        let (one, two, three) =
            join!(town.edit_group(&edit), town.edit_group(&edit), town.edit_group(&edit));
        assert_eq!([one.unwrap(), two.unwrap(), three.unwrap()], [true; 3], "it stands");
        assert_eq!(town.roles(group).await, [(ada, Owner), (grace, Member)]);
        assert_eq!(version(town, group).await, 2);
    })
    .await;
}

async fn a_group_is_made_once_from_one_edit(town: &Town) {
    rounds(town, async |ada, _, _| {
        let group = fresh_group();
        let profile = Some(private("Chess"));
        let making = GroupEdit { profile, set: vec![(ada, Owner)], ..edit_of(group, 0) };
        let (one, other) = join!(town.edit_group(&making), town.edit_group(&making));
        assert_eq!([one.unwrap(), other.unwrap()], [true; 2], "it stands");
        assert_eq!(town.roles(group).await, [(ada, Owner)]);
        assert_eq!(version(town, group).await, 1);
        assert_eq!(town.groups_of(ada).await.unwrap().len(), 2);
    })
    .await;
}

async fn the_last_owner_leaves_or_another_is_promoted(town: &Town) {
    rounds(town, async |ada, grace, group| {
        let heir = town.person("heir").await;
        town.edit(GroupEdit { set: vec![(grace, Member), (heir, Admin)], ..edit_of(group, 1) })
            .await;
        let leaving =
            GroupEdit { set: vec![(heir, Owner)], remove: vec![ada], ..edit_of(group, 2) };
        let promoting = GroupEdit { set: vec![(grace, Owner), (ada, Member)], ..edit_of(group, 2) };
        let (left, promoted) = join!(town.edit_group(&leaving), town.edit_group(&promoting));
        let (left, promoted) = (left.unwrap(), promoted.unwrap());
        assert!(left != promoted, "{left} and {promoted}");
        let state = town.state(group).await.unwrap();
        assert_eq!(state.owners, [if left { heir } else { grace }]);
        assert_eq!((state.version, state.members), (3, if left { 2 } else { 3 }));
    })
    .await;
}

async fn an_edit_stands_or_the_group_is_gone(town: &Town) {
    rounds(town, async |ada, grace, group| {
        let edit = GroupEdit { set: vec![(grace, Member)], ..edit_of(group, 1) };
        let (made, gone) = join!(town.edit_group(&edit), town.delete_group(group, 1));
        let (made, gone) = (made.unwrap(), gone.unwrap());
        assert!(made != gone, "{made} and {gone}");
        let state = town.group_state(group, &[], edit.token).await.unwrap();
        let state = state.map(|state| (state.version, state.members, state.edited));
        assert_eq!(state, made.then_some((2, 2, true)));
        let groups = if made { vec![group] } else { vec![] };
        assert_eq!(town.groups_of(ada).await.unwrap(), groups);
        assert_eq!(town.groups_of(grace).await.unwrap(), groups);
    })
    .await;
}

async fn of_an_edit_and_a_departure_nobody_is_left_in_the_group(town: &Town) {
    rounds(town, async |ada, grace, group| {
        let edit = GroupEdit { set: vec![(grace, Member)], ..edit_of(group, 1) };
        let (made, gone) = join!(town.edit_group(&edit), town.remove_person(grace));
        assert_eq!((made.unwrap(), gone.unwrap()), (true, true));
        assert_eq!(town.roles(group).await, [(ada, Owner)]);
        let state = town.state(group).await.unwrap();
        assert_eq!((state.version, state.members), (2, 1));
        assert_eq!(town.groups_of(grace).await.unwrap(), []);
    })
    .await;
}

async fn an_edit_tried_anew_gets_its_turn(town: &Town) {
    let ada = town.person("ada").await;
    let group = town.group(&[(ada, Owner)]).await;
    let crowd = town.crowd(10).await;
    join_all(crowd.iter().map(async |&newcomer| {
        let token = random_uuid();
        loop {
            let set = vec![(newcomer, Member)];
            let edit = GroupEdit { token, set, ..edit_of(group, version(town, group).await) };
            if town.edit_group(&edit).await.unwrap() {
                break;
            }
        }
    }))
    .await;
    let state = town.state(group).await.unwrap();
    assert_eq!((state.version, state.members), (11, 11));
}

async fn the_latest_chat_of_a_group_wins(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(town.group(&[(ada, Owner), (grace, Member)]).await);
    }
    let batches: Vec<Vec<_>> = (1..=20)
        .map(|at| {
            let mut chats: Vec<_> =
                groups.iter().map(|&group| Chat::Group { group, at: Timestamp(at) }).collect();
            chats.push(chat(ada, grace, at));
            // Each batch in another order, as they come from several nodes.
            chats.rotate_left(at as usize % 5);
            chats
        })
        .collect();
    for recorded in join_all(batches.iter().map(|batch| town.record_chats(batch))).await {
        recorded.unwrap();
    }
    for viewer in [ada, grace] {
        let last = town.last_chatted(viewer, 100).await.unwrap();
        assert_eq!(last.len(), 5);
        assert!(last.iter().all(|last| last.at == Timestamp(20)));
    }
}

async fn chats_and_edits_do_not_wait_for_each_other_forever(town: &Town) {
    let crowd = town.crowd(6).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(town.group(&[(crowd[0], Owner)]).await);
    }
    let (forth, back) = (groups.clone(), groups.iter().rev().copied().collect::<Vec<_>>());
    let chats = [&forth, &back].map(|order| {
        let written = |&group| Chat::Group { group, at: Timestamp(5) };
        order.iter().map(written).chain([chat(crowd[1], crowd[2], 5)]).collect::<Vec<_>>()
    });
    let edits: Vec<_> = groups
        .iter()
        .zip([&crowd[..], &crowd.iter().rev().copied().collect::<Vec<_>>()].into_iter().cycle())
        .map(|(&group, people)| {
            let set = people.iter().map(|&id| (id, Member)).collect();
            GroupEdit { set, ..edit_of(group, 1) }
        })
        .collect();
    let departures = [crowd[5], crowd[4]];
    let (recorded, edited, gone) = join!(
        join_all(chats.iter().cycle().take(10).map(|chats| town.record_chats(chats))),
        join_all(edits.iter().map(|edit| town.edit_group(edit))),
        join_all(departures.iter().map(|&id| town.remove_person(id))),
    );
    recorded.into_iter().for_each(Result::unwrap);
    assert!(edited.into_iter().all(Result::unwrap));
    assert!(gone.into_iter().all(Result::unwrap));
    for group in groups {
        assert_eq!(town.state(group).await.unwrap().members, 4);
    }
}

async fn nothing_fails_because_a_group_goes(town: &Town) {
    rounds(town, async |ada, grace, group| {
        town.befriend(ada, grace).await;
        let profile = Some(public("The open group"));
        town.edit(GroupEdit { profile, set: vec![(grace, Member)], ..edit_of(group, 1) }).await;
        let late = GroupEdit { remove: vec![ada], ..edit_of(group, 1) };
        let written = [Chat::Group { group, at: Timestamp(5) }];
        let asked = [(ada, group), (grace, group)];
        let outcomes = join_all([
            town.public_groups(ada, Some("The"), 9, None).map_ok(drop).boxed(),
            town.delete_group(group, 2).map_ok(|gone| assert!(gone)).boxed(),
            town.remove_person(grace).map_ok(|gone| assert!(gone)).boxed(),
            town.edit_group(&late).map_ok(|stands| assert!(!stands)).boxed(),
            town.record_chats(&written).boxed(),
            town.members(group, None, 9, None).map_ok(drop).boxed(),
            town.groups(&asked).map_ok(drop).boxed(),
            town.group_state(group, &[ada, grace], late.token).map_ok(drop).boxed(),
            town.heir(group, ada).map_ok(drop).boxed(),
            town.groups_of(ada).map_ok(drop).boxed(),
            town.friends_inside(ada, &[group], 9).map_ok(drop).boxed(),
            town.last_chatted(ada, 9).map_ok(drop).boxed(),
        ])
        .await;
        let failures: Vec<_> =
            (0..).zip(outcomes).filter(|(_, outcome)| outcome.is_err()).collect();
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(town.state(group).await, None);
        assert_eq!(town.groups_of(ada).await.unwrap(), []);
        assert!(town.last_chatted(ada, 9).await.unwrap().is_empty());
    })
    .await;
}
