//! What a change of a group comes to, by the rules and by how the group stands.

use std::collections::HashSet;

use chatterbox_graph::{Group, GroupProfile, GroupRole, GroupState};

use super::{
    GroupAction, MAX_MEMBERS,
    rules::{Act, allows, appointing, removing},
};
use crate::{
    error::{Error, Result},
    ids::UserId,
};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is so already.
    Nothing,
    /// The group is to be edited.
    Edit { profile: Option<GroupProfile>, set: Vec<(UserId, GroupRole)>, remove: Vec<UserId> },
    /// The group is to go.
    Delete,
}

const LAST_OWNER: Error =
    Error::Forbidden("the last owner hands the group over first, or deletes it");

impl Decision {
    fn set(user: UserId, role: GroupRole) -> Self {
        Self::Edit { profile: None, set: vec![(user, role)], remove: Vec::new() }
    }

    fn remove(user: UserId) -> Self {
        Self::Edit { profile: None, set: Vec::new(), remove: vec![user] }
    }
}

/// Decides on what `by` wants to do with a group that is there.
///
/// # Errors
///
/// [`Error::NotFound`] for a group that `by` may not know of and for somebody
/// who is not in it, [`Error::Forbidden`] for what the rules forbid, and
/// [`Error::Invalid`] for too many members.
pub(super) fn decide(state: &GroupState, by: UserId, action: &GroupAction) -> Result<Decision> {
    let own = state.roles.get(&by).copied();
    let visibility = state.group.visibility;
    if !allows(own, visibility, Act::See) {
        return Err(Error::NotFound("group"));
    }
    let demand = |act| {
        let allowed = allows(own, visibility, act);
        if allowed {
            Ok(())
        } else {
            Err(Error::Forbidden("your role in the group does not allow this"))
        }
    };
    let is_last_owner = |user: UserId| state.owners == [user];
    let role_of = |user: &UserId| state.roles.get(user).copied().ok_or(Error::NotFound("member"));
    match action {
        GroupAction::Create { .. } => {
            Err(Error::internal("a group with a new id is there already"))
        }
        GroupAction::Update(update) => {
            demand(Act::Update)?;
            let profile = update.applied_to(&state.group);
            if profile == profile_of(&state.group) {
                return Ok(Decision::Nothing);
            }
            Ok(Decision::Edit { profile: Some(profile), set: Vec::new(), remove: Vec::new() })
        }
        GroupAction::Add { users } => {
            demand(Act::AddMembers)?;
            let set = newcomers(state, users);
            if set.is_empty() {
                return Ok(Decision::Nothing);
            }
            if state.members + set.len() as u64 > MAX_MEMBERS as u64 {
                return Err(too_many("userIds"));
            }
            Ok(Decision::Edit { profile: None, set, remove: Vec::new() })
        }
        GroupAction::Remove { user } if *user == by => decide(state, by, &GroupAction::Leave),
        GroupAction::Remove { user } => {
            demand(Act::TakePart)?;
            demand(removing(role_of(user)?))?;
            Ok(Decision::remove(*user))
        }
        GroupAction::SetRole { user, role } => {
            demand(Act::TakePart)?;
            let from = role_of(user)?;
            if from == *role {
                return Ok(Decision::Nothing);
            }
            demand(appointing(from, *role, *user == by))?;
            if is_last_owner(*user) {
                return Err(LAST_OWNER);
            }
            Ok(Decision::set(*user, *role))
        }
        GroupAction::Join if own.is_some() => Ok(Decision::Nothing),
        GroupAction::Join => {
            demand(Act::Join)?;
            if state.members >= MAX_MEMBERS as u64 {
                return Err(Error::Forbidden("the group has 10,000 members already"));
            }
            Ok(Decision::set(by, GroupRole::Member))
        }
        GroupAction::Leave => {
            demand(Act::Leave)?;
            if is_last_owner(by) { Err(LAST_OWNER) } else { Ok(Decision::remove(by)) }
        }
        GroupAction::Delete { .. } => demand(Act::Delete).map(|()| Decision::Delete),
    }
}

/// Decides on leaving for good, which needs no permission: the last owner's
/// place is taken by `heir`, and with the last member the group goes.
pub(super) fn decide_departure(state: &GroupState, user: UserId, heir: Option<UserId>) -> Decision {
    match (state.roles.get(&user), heir) {
        (None, _) => Decision::Nothing,
        (Some(_), None) if state.members <= 1 => Decision::Delete,
        (Some(_), Some(heir)) if state.owners == [user] => Decision::Edit {
            profile: None,
            set: vec![(heir, GroupRole::Owner)],
            remove: vec![user],
        },
        (Some(_), _) => Decision::remove(user),
    }
}

pub(super) fn too_many(field: &'static str) -> Error {
    Error::invalid(field, "a group has at most 10,000 members")
}

/// Those of `users` who are no members yet, each once.
pub(super) fn newcomers(state: &GroupState, users: &[UserId]) -> Vec<(UserId, GroupRole)> {
    let mut seen = HashSet::new();
    users
        .iter()
        .filter(|user| !state.roles.contains_key(user) && seen.insert(**user))
        .map(|user| (*user, GroupRole::Member))
        .collect()
}

pub(super) fn profile_of(group: &Group) -> GroupProfile {
    GroupProfile {
        name: group.name.clone(),
        description: group.description.clone(),
        visibility: group.visibility,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use chatterbox_graph::{GroupVisibility, Timestamp};
    use type_safe_id::TypeSafeId;
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        TypeSafeId::from_uuid(Uuid::from_u128(n))
    }

    fn state(visibility: GroupVisibility, roles: &[GroupRole]) -> GroupState {
        let roles: HashMap<_, _> = (0..).map(user).zip(roles.iter().copied()).collect();
        let mut owners: Vec<_> =
            roles.iter().filter(|(_, role)| **role == Owner).map(|(id, _)| *id).collect();
        owners.sort();
        GroupState {
            group: Group {
                id: TypeSafeId::from_uuid(Uuid::from_u128(99)),
                name: "Walks".into(),
                description: None,
                visibility,
                created_at: Timestamp(0),
            },
            version: 1,
            members: roles.len() as u64,
            owners,
            roles,
            edited: false,
        }
    }

    use GroupRole::{Admin, Member, Owner};
    use GroupVisibility::{Private, Public};

    #[test]
    fn a_group_keeps_an_owner() {
        let group = state(Private, &[Owner, Admin]);
        for action in [
            GroupAction::Leave,
            GroupAction::Remove { user: user(0) },
            GroupAction::SetRole { user: user(0), role: Member },
        ] {
            let refused = decide(&group, user(0), &action);
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{action:?}");
        }
        let group = state(Private, &[Owner, Owner]);
        assert_eq!(
            decide(&group, user(0), &GroupAction::Leave).unwrap(),
            Decision::remove(user(0))
        );
    }

    #[test]
    fn nobody_learns_of_a_private_group() {
        let stranger = user(7);
        for (visibility, action) in [(Private, GroupAction::Join), (Private, GroupAction::Leave)] {
            let refused = decide(&state(visibility, &[Owner]), stranger, &action);
            assert!(matches!(refused, Err(Error::NotFound("group"))), "{action:?}");
        }
        let joined = decide(&state(Public, &[Owner]), stranger, &GroupAction::Join).unwrap();
        assert_eq!(joined, Decision::set(stranger, Member));
        // Who is in it is nothing for others, not even by trying.
        for user in [user(0), user(8)] {
            let refused = decide(&state(Public, &[Owner]), stranger, &GroupAction::Remove { user });
            assert!(matches!(refused, Err(Error::Forbidden(_))));
        }
    }

    #[test]
    fn a_group_has_at_most_ten_thousand_members() {
        let mut group = state(Public, &[Owner]);
        group.members = MAX_MEMBERS as u64 - 1;
        let add = |n: u128| GroupAction::Add { users: (0..=n).map(user).collect() };
        assert!(matches!(decide(&group, user(0), &add(1)), Ok(Decision::Edit { .. })));
        assert!(matches!(decide(&group, user(0), &add(2)), Err(Error::Invalid { .. })));
        group.members += 1;
        let refused = decide(&group, user(5), &GroupAction::Join);
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        assert_eq!(decide(&group, user(0), &add(0)).unwrap(), Decision::Nothing);
    }

    #[test]
    fn who_goes_for_good_leaves_the_group_to_somebody() {
        let group = state(Private, &[Owner, Member]);
        let expected =
            Decision::Edit { profile: None, set: vec![(user(1), Owner)], remove: vec![user(0)] };
        assert_eq!(decide_departure(&group, user(0), Some(user(1))), expected);
        assert_eq!(decide_departure(&group, user(1), Some(user(0))), Decision::remove(user(1)));
        assert_eq!(decide_departure(&state(Private, &[Owner]), user(0), None), Decision::Delete);
    }
}
