//! Who may do what in a group: one table, which the code asks, the tests go
//! through and `docs/groups.md` shows.

use std::fmt::Write;

use chatterbox_graph::{GroupRole, GroupVisibility};

/// What somebody can do in or with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Know of it: its name, description and number of members.
    See,
    /// Read and write messages, and see who is in it.
    TakePart,
    /// Delete messages of others.
    DeleteMessages,
    /// Change name, description and visibility.
    Update,
    /// Add members.
    AddMembers,
    /// Remove a member.
    RemoveMember,
    /// Remove an admin.
    RemoveAdmin,
    /// Remove an owner.
    RemoveOwner,
    /// Make a member an admin.
    AppointAdmin,
    /// Make somebody an owner.
    AppointOwner,
    /// Make an admin a member.
    DemoteAdmin,
    /// Make an owner an admin or a member.
    DemoteOwner,
    /// Take a lower role oneself.
    StepDown,
    /// Become a member by oneself.
    Join,
    /// Be a member no more.
    Leave,
    /// Delete it.
    Delete,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it is about.
    pub act: Act,
    /// The same, in words.
    pub words: &'static str,
    /// Whether an owner may.
    pub owner: bool,
    /// Whether an admin may.
    pub admin: bool,
    /// Whether a member may.
    pub member: bool,
    /// Whether anybody else may, of a public group. Of a private one they may
    /// do nothing and are answered as if it were not there.
    pub outsider: bool,
}

const fn rule(act: Act, words: &'static str, may: [bool; 4]) -> Rule {
    let [owner, admin, member, outsider] = may;
    Rule { act, words, owner, admin, member, outsider }
}

const Y: bool = true;
const N: bool = false;

/// The table.
pub const RULES: [Rule; 16] = [
    rule(Act::See, "know of it: its name, description and number of members", [Y, Y, Y, Y]),
    rule(Act::TakePart, "read and write messages, see who is in it", [Y, Y, Y, N]),
    rule(Act::DeleteMessages, "delete the messages of others", [Y, Y, N, N]),
    rule(Act::Update, "change its name, description and visibility", [Y, Y, N, N]),
    rule(Act::AddMembers, "add members", [Y, Y, N, N]),
    rule(Act::RemoveMember, "remove a member", [Y, Y, N, N]),
    rule(Act::RemoveAdmin, "remove an admin", [Y, N, N, N]),
    rule(Act::RemoveOwner, "remove another owner", [Y, N, N, N]),
    rule(Act::AppointAdmin, "make a member an admin", [Y, N, N, N]),
    rule(Act::AppointOwner, "make somebody an owner", [Y, N, N, N]),
    rule(Act::DemoteAdmin, "make an admin a member", [Y, N, N, N]),
    rule(Act::DemoteOwner, "take another owner's role", [Y, N, N, N]),
    rule(Act::StepDown, "take a lower role oneself", [Y, Y, N, N]),
    rule(Act::Join, "join", [N, N, N, Y]),
    rule(Act::Leave, "leave", [Y, Y, Y, N]),
    rule(Act::Delete, "delete it", [Y, N, N, N]),
];

/// Whether the table allows it. That a group keeps an owner is not in it.
#[must_use]
pub fn allows(role: Option<GroupRole>, visibility: GroupVisibility, act: Act) -> bool {
    RULES.iter().any(|rule| {
        rule.act == act
            && match role {
                Some(GroupRole::Owner) => rule.owner,
                Some(GroupRole::Admin) => rule.admin,
                Some(GroupRole::Member) => rule.member,
                None => rule.outsider && visibility == GroupVisibility::Public,
            }
    })
}

/// What one has to be allowed to remove somebody with this role.
#[must_use]
pub fn removing(role: GroupRole) -> Act {
    match role {
        GroupRole::Owner => Act::RemoveOwner,
        GroupRole::Admin => Act::RemoveAdmin,
        GroupRole::Member => Act::RemoveMember,
    }
}

/// What one has to be allowed to change somebody's role; somebody's `own`, if
/// it is oneself.
#[must_use]
pub fn appointing(from: GroupRole, to: GroupRole, own: bool) -> Act {
    // Roles are ordered from the highest down.
    match (from, to) {
        (from, to) if own && to > from => Act::StepDown,
        (_, GroupRole::Owner) => Act::AppointOwner,
        (GroupRole::Owner, _) => Act::DemoteOwner,
        (GroupRole::Admin, _) => Act::DemoteAdmin,
        (GroupRole::Member, _) => Act::AppointAdmin,
    }
}

/// The table as Markdown, for the documentation.
#[must_use]
pub fn table() -> String {
    let mut table = String::from(
        "| may | owner | admin | member | anybody else, if it is public |\n|---|---|---|---|---|\n",
    );
    let mark = |may: bool| if may { "yes" } else { "–" };
    for Rule { words, owner, admin, member, outsider, .. } in RULES {
        let (owner, admin) = (mark(owner), mark(admin));
        let (member, outsider) = (mark(member), mark(outsider));
        // Writing to a string can't fail.
        let _ = writeln!(table, "| {words} | {owner} | {admin} | {member} | {outsider} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_this_table() {
        let shown = include_str!("../../../docs/groups.md");
        assert!(shown.contains(&table()), "docs/groups.md should contain:\n{}", table());
    }

    #[test]
    fn a_private_group_is_not_there_for_others() {
        for Rule { act, .. } in RULES {
            assert!(!allows(None, GroupVisibility::Private, act), "{act:?}");
        }
    }

    #[test]
    fn each_act_has_one_rule() {
        for (place, rule) in RULES.iter().enumerate() {
            assert!(RULES[place + 1..].iter().all(|other| other.act != rule.act), "{rule:?}");
        }
    }
}
