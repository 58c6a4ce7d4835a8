//! Everybody there is, page by page.

use chatterbox_graph::{
    GroupEdit, GroupId, GroupProfile, GroupRole, GroupVisibility, NewPerson, Person, Roster,
    Timestamp, UserId,
};
use uuid::Uuid;

use crate::town::{Town, fresh_id, newcomer};

on_each_store!(everybody_comes_once_in_the_order_of_ids, groups_come_with_all_their_members);

/// Ids that stand next to each other: of a graph that others fill too, only these are walked through.
fn neighbours<const N: usize>() -> [Uuid; N] {
    let first = fresh_id().uuid().as_u128() & !0xff;
    std::array::from_fn(|n| Uuid::from_u128(first + 1 + n as u128))
}

fn before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() - 1)
}

async fn everyone(town: &Town, mut after: Option<UserId>, last: UserId) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    while after < Some(last) {
        let page = town.everyone(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(end) = page.last() else { break };
        after = Some(end.id);
        people.extend(page.into_iter().filter(|person| person.id <= last));
    }
    assert!(people.is_sorted_by(|one, other| one.id < other.id));
    people
}

async fn everybody_comes_once_in_the_order_of_ids(town: &Town) {
    let ids = neighbours::<5>().map(UserId::from_uuid);
    // They come in another order.
    for n in [3, 0, 4, 1, 2] {
        town.add_person(&NewPerson { id: ids[n], ..newcomer("here") }).await.unwrap();
    }
    let known = town.people(&ids).await.unwrap();
    let expected: Vec<_> = ids.iter().map(|id| known[id].clone()).collect();
    let before = UserId::from_uuid(before(ids[0].uuid()));
    assert_eq!(everyone(town, Some(before), ids[4]).await, expected);
    assert_eq!(town.everyone(None, 1).await.unwrap().len(), 1);
}

async fn groups_come_with_all_their_members(town: &Town) {
    let people = town.crowd(3).await;
    let ids = neighbours::<3>().map(GroupId::from_uuid);
    for (n, group) in ids.iter().enumerate() {
        let mut set: Vec<_> = people[..n].iter().map(|id| (*id, GroupRole::Member)).collect();
        if let Some(first) = set.first_mut() {
            first.1 = GroupRole::Owner;
        }
        let edit = GroupEdit {
            group: *group,
            token: Uuid::from_u128(1),
            version: 0,
            profile: Some(GroupProfile {
                name: format!("Group {n}"),
                description: (n == 1).then(|| "Of one".to_owned()),
                visibility: GroupVisibility::Private,
            }),
            set,
            remove: Vec::new(),
            at: Timestamp(7),
        };
        assert!(town.edit_group(&edit).await.unwrap());
    }
    let mut after = Some(GroupId::from_uuid(before(ids[0].uuid())));
    let mut found: Vec<Roster> = Vec::new();
    while after < ids.last().copied() {
        let page = town.all_groups(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        after = page.last().map(|roster| roster.group.id);
        found.extend(page.into_iter().filter(|roster| roster.group.id <= ids[2]));
    }
    assert_eq!(found.len(), 3);
    for (n, roster) in found.iter().enumerate() {
        assert_eq!((roster.group.id, roster.version), (ids[n], 1));
        assert_eq!(roster.group.name, format!("Group {n}"));
        let mut expected: Vec<_> = people[..n].iter().map(|id| (*id, GroupRole::Member)).collect();
        if let Some(first) = expected.first_mut() {
            first.1 = GroupRole::Owner;
        }
        expected.sort_unstable();
        assert_eq!(roster.members, expected);
    }
}
