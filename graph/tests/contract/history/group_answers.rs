//! What the model answers about groups.

use std::{cmp::Reverse, collections::HashMap};

use chatterbox_graph::{
    FoundGroup, GroupId, GroupKey, GroupRole, GroupState, GroupView, GroupVisibility, Member, Page,
    Person, Slice, UserId,
};
use uuid::Uuid;

use super::{
    model::Model,
    people_answers::{folded, matches, page, slice},
};

impl Model {
    pub fn group(&self, viewer: UserId, group: GroupId) -> Option<GroupView> {
        let circle = self.groups.get(&group)?;
        let role = circle.members.get(&viewer).map(|&(role, _)| role);
        let members = circle.members.len() as u64;
        Some(GroupView { group: circle.group.clone(), role, members })
    }

    pub fn members(
        &self,
        group: GroupId,
        query: Option<&str>,
        limit: usize,
        after: Option<&str>,
    ) -> Page<Member> {
        let Some(circle) = self.groups.get(&group) else { return Page::default() };
        let mut people = self.by_username(circle.members.keys().copied());
        people.retain(|person| matches(person, query));
        let member = |person: Person| {
            let (role, since) = circle.members[&person.id];
            Member { person, role, since }
        };
        let members = people.into_iter().map(member).collect();
        page(members, limit, |member| {
            after.is_none_or(|after| member.person.username.as_str() > after)
        })
    }

    fn friends_in(&self, viewer: UserId, group: GroupId) -> Vec<Person> {
        let Some(circle) = self.groups.get(&group) else { return Vec::new() };
        let mut friends = self.friends_of(viewer);
        friends.retain(|friend| circle.members.contains_key(friend));
        self.by_username(friends)
    }

    pub fn friends_inside(
        &self,
        viewer: UserId,
        groups: &[GroupId],
        limit: usize,
    ) -> HashMap<GroupId, Vec<Person>> {
        let mut inside: HashMap<_, _> =
            groups.iter().map(|&group| (group, self.friends_in(viewer, group))).collect();
        inside.retain(|_, friends| !friends.is_empty());
        inside.values_mut().for_each(|friends| friends.truncate(limit));
        inside
    }

    pub fn public_groups(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&GroupKey>,
    ) -> Slice<FoundGroup> {
        let prefix = folded(query.unwrap_or_default());
        let public = self.groups.values().map(|circle| &circle.group).filter(|group| {
            group.visibility == GroupVisibility::Public && folded(&group.name).starts_with(&prefix)
        });
        let mut found: Vec<_> = public
            .map(|group| FoundGroup {
                view: self.group(viewer, group.id).unwrap(),
                key: GroupKey {
                    friends: self.friends_in(viewer, group.id).len() as u64,
                    name: folded(&group.name),
                    id: group.id,
                },
            })
            .collect();
        let place = |key: &GroupKey| (Reverse(key.friends), key.name.clone(), key.id);
        found.sort_by_key(|found| place(&found.key));
        slice(found, limit, |found| after.is_none_or(|after| place(&found.key) > place(after)))
    }

    pub fn groups_of(&self, id: UserId) -> Vec<GroupId> {
        let of = self.groups.iter().filter(|(_, circle)| circle.members.contains_key(&id));
        of.map(|(&group, _)| group).collect()
    }

    pub fn shared_groups(&self, one: UserId, other: UserId) -> u64 {
        let with_other = self.groups_of(other);
        self.groups_of(one).iter().filter(|group| with_other.contains(group)).count() as u64
    }

    pub fn group_state(&self, group: GroupId, about: &[UserId], token: Uuid) -> Option<GroupState> {
        let circle = self.groups.get(&group)?;
        let role = |id: UserId| circle.members.get(&id).map(|&(role, _)| role);
        let owners = circle.members.keys().filter(|&&id| role(id) == Some(GroupRole::Owner));
        Some(GroupState {
            group: circle.group.clone(),
            version: circle.version(),
            members: circle.members.len() as u64,
            owners: owners.copied().collect(),
            roles: about.iter().filter_map(|&id| Some((id, role(id)?))).collect(),
            edited: circle.edits.contains(&token),
        })
    }

    /// Where nobody but `leaving` is an owner.
    pub fn heir(&self, group: GroupId, leaving: UserId) -> Option<UserId> {
        let others = self.groups.get(&group)?.members.iter().filter(|&(&id, _)| id != leaving);
        let heir = others.min_by_key(|&(&id, &(role, since))| (role, since, id));
        heir.map(|(&id, _)| id)
    }
}
