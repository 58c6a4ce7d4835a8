//! Who is in a group now, as its members are told.

use chatterbox::{
    ids::{GroupId, UserId},
    messaging::{ConversationStore, Position},
    sql::Sql,
};

use crate::{
    Stores,
    memberships::{MEMBER, OWNER, change, follow_on, heard, new_group, sync},
    messages::conversation,
};

crate::promises! {
    members_are_told_to_members,
    a_change_by_another_node_is_seen,
    a_conversation_of_two_is_no_group,
}

/// The members as somebody sees them, in order; nothing for who is none.
async fn present(sql: &Sql, user: UserId, group: GroupId) -> Option<Vec<UserId>> {
    let members = sql.members(user, group).await.unwrap()?;
    let mut members: Vec<UserId> = heard(&members, Position(i64::MAX)).into_iter().collect();
    members.sort_unstable();
    Some(members)
}

fn sorted<const N: usize>(mut people: [UserId; N]) -> Option<Vec<UserId>> {
    people.sort_unstable();
    Some(people.to_vec())
}

async fn members_are_told_to_members(stores: &Stores) {
    let [ada, grace, alan]: [UserId; 3] = std::array::from_fn(|_| stores.ambient.id());
    let group = new_group(stores);
    assert_eq!(present(&stores.sql, ada, group.id).await, None, "it is not there yet");
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    // On a node that knows the group, and on one that has to read it.
    let fresh = Sql::open(&stores.url).unwrap();
    for sql in [&stores.sql, &fresh, &fresh] {
        assert_eq!(present(sql, ada, group.id).await, sorted([ada, grace]));
        assert_eq!(present(sql, grace, group.id).await, sorted([ada, grace]));
        assert_eq!(present(sql, alan, group.id).await, None);
        assert_eq!(present(sql, ada, stores.ambient.id()).await, None);
    }
    fresh.close().await;
}

async fn a_change_by_another_node_is_seen(stores: &Stores) {
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    let other = Sql::open(&stores.url).unwrap();
    let nodes = [&stores.sql, &other];
    change(stores, &group, 1, &[(ada, OWNER)]).await;
    for version in 2..8 {
        let role = if version % 2 == 0 { MEMBER } else { None };
        let node = nodes[usize::from(version % 4 < 2)];
        follow_on(stores, node, vec![sync(&group, version, &[(grace, role)])]).await;
        let expected = if role.is_some() { sorted([ada, grace]) } else { sorted([ada]) };
        for node in nodes {
            assert_eq!(present(node, ada, group.id).await, expected);
            assert_eq!(
                present(node, grace, group.id).await,
                expected.clone().filter(|_| role.is_some())
            );
        }
    }
    other.close().await;
}

async fn a_conversation_of_two_is_no_group(stores: &Stores) {
    let (ada, _, id) = conversation(stores).await;
    assert_eq!(present(&stores.sql, ada, id.group()).await, None);
}
