//! The graph as its documentation has it: what there is, and how it changes.

use std::collections::{BTreeMap, BTreeSet};

use chatterbox_graph::{
    Ask, Block, Chat, DirectConversationId, Group, GroupEdit, GroupId, GroupProfile, GroupRole,
    NewPerson, Person, ProfileChange, Settings, SettingsChange, Tie, Timestamp, UserId,
};
use uuid::Uuid;

/// How many friends one may have here.
pub const MAX_FRIENDS: u32 = 4;

#[derive(Default)]
pub struct Model {
    pub people: BTreeMap<UserId, Resident>,
    /// Of [`two`] people.
    pub friends: BTreeMap<(UserId, UserId), Timestamp>,
    /// From whom to whom.
    pub requests: BTreeMap<(UserId, UserId), (Timestamp, Option<String>)>,
    /// Who blocked whom.
    pub blocks: BTreeMap<(UserId, UserId), Timestamp>,
    /// Of [`two`] people.
    pub chats: BTreeMap<(UserId, UserId), (Timestamp, DirectConversationId)>,
    pub groups: BTreeMap<GroupId, Circle>,
}

pub struct Resident {
    pub person: Person,
    pub settings: Settings,
}

pub struct Circle {
    pub group: Group,
    pub members: BTreeMap<UserId, (GroupRole, Timestamp)>,
    /// The tokens of all edits; there is a version for each.
    pub edits: Vec<Uuid>,
    pub last_chat: Option<Timestamp>,
}

impl Circle {
    pub fn version(&self) -> i64 {
        self.edits.len() as i64
    }
}

/// Two people in an order that does not depend on who comes first.
pub fn two(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}

impl Model {
    pub fn knows(&self, id: UserId) -> bool {
        self.people.contains_key(&id)
    }

    pub fn are_friends(&self, a: UserId, b: UserId) -> bool {
        self.friends.contains_key(&two(a, b))
    }

    /// Whether either blocked the other.
    pub fn blocked(&self, a: UserId, b: UserId) -> bool {
        self.blocks.contains_key(&(a, b)) || self.blocks.contains_key(&(b, a))
    }

    /// Whether either asked the other.
    pub fn requested(&self, a: UserId, b: UserId) -> bool {
        self.requests.contains_key(&(a, b)) || self.requests.contains_key(&(b, a))
    }

    pub fn friends_of(&self, id: UserId) -> BTreeSet<UserId> {
        let of = self.friends.keys().filter(|&&(a, b)| a == id || b == id);
        of.map(|&(a, b)| if a == id { b } else { a }).collect()
    }

    fn is_full(&self, id: UserId) -> bool {
        self.friends_of(id).len() >= MAX_FRIENDS as usize
    }

    pub fn add_person(&mut self, new: &NewPerson) {
        let NewPerson { id, username, display_name, created_at } = new.clone();
        self.people.entry(id).or_insert_with(|| Resident {
            person: Person { id, username, display_name, bio: None, avatar_url: None, created_at },
            settings: Settings::default(),
        });
    }

    pub fn load(&mut self, people: &[NewPerson], ties: &[Tie]) {
        people.iter().for_each(|person| self.add_person(person));
        for &Tie { one, other, since } in ties {
            if self.knows(one) && self.knows(other) {
                self.friends.entry(two(one, other)).or_insert(since);
            }
        }
    }

    pub fn remove_person(&mut self, id: UserId) -> bool {
        let apart = |&(a, b): &(UserId, UserId)| a != id && b != id;
        self.friends.retain(|two, _| apart(two));
        self.requests.retain(|two, _| apart(two));
        self.blocks.retain(|two, _| apart(two));
        self.chats.retain(|two, _| apart(two));
        for circle in self.groups.values_mut() {
            circle.members.remove(&id);
        }
        self.people.remove(&id).is_some()
    }

    pub fn change_profile(&mut self, id: UserId, change: &ProfileChange) -> Option<Person> {
        let person = &mut self.people.get_mut(&id)?.person;
        let ProfileChange { display_name, bio, avatar_url } = change.clone();
        person.display_name = display_name.unwrap_or(person.display_name.clone());
        person.bio = bio.unwrap_or(person.bio.clone());
        person.avatar_url = avatar_url.unwrap_or(person.avatar_url.clone());
        Some(person.clone())
    }

    pub fn change_settings(&mut self, id: UserId, change: &SettingsChange) -> Option<Settings> {
        let settings = &mut self.people.get_mut(&id)?.settings;
        *settings = Settings {
            messages_from: change.messages_from.unwrap_or(settings.messages_from),
            presence_to: change.presence_to.unwrap_or(settings.presence_to),
            read_receipts: change.read_receipts.unwrap_or(settings.read_receipts),
            discoverable: change.discoverable.unwrap_or(settings.discoverable),
        };
        Some(*settings)
    }

    pub fn ask(&mut self, a: UserId, b: UserId, note: Option<String>, at: Timestamp) -> Ask {
        if !self.knows(a) || !self.knows(b) {
            Ask::Unknown
        } else if self.blocked(a, b) {
            Ask::Blocked
        } else if self.are_friends(a, b) {
            Ask::AlreadyFriends
        } else if self.requests.contains_key(&(a, b)) {
            Ask::AlreadyAsked
        } else if self.is_full(a) || self.is_full(b) {
            Ask::TooManyFriends
        } else if self.requests.remove(&(b, a)).is_some() {
            self.friends.insert(two(a, b), at);
            Ask::BecameFriends
        } else {
            self.requests.insert((a, b), (at, note));
            Ask::Sent
        }
    }

    pub fn accept(&mut self, by: UserId, from: UserId, at: Timestamp) -> Ask {
        if self.are_friends(by, from) {
            Ask::AlreadyFriends
        } else if !self.requests.contains_key(&(from, by)) {
            Ask::Unknown
        } else if self.is_full(by) || self.is_full(from) {
            Ask::TooManyFriends
        } else {
            self.requests.remove(&(from, by));
            self.friends.insert(two(by, from), at);
            Ask::BecameFriends
        }
    }

    pub fn block(&mut self, by: UserId, other: UserId, at: Timestamp) -> Block {
        if !self.knows(by) || !self.knows(other) {
            Block::Unknown
        } else if self.blocks.contains_key(&(by, other)) {
            Block::AlreadyBlocked
        } else {
            let ended = [
                self.friends.remove(&two(by, other)).is_some(),
                self.requests.remove(&(by, other)).is_some(),
                self.requests.remove(&(other, by)).is_some(),
            ];
            self.blocks.insert((by, other), at);
            Block::Blocked { visible: ended.contains(&true) }
        }
    }

    pub fn edit_group(&mut self, edit: &GroupEdit) -> bool {
        let id = edit.group;
        if let Some(circle) = self.groups.get(&id)
            && circle.edits.contains(&edit.token)
        {
            return true;
        }
        if edit.version != self.groups.get(&id).map_or(0, Circle::version) {
            return false;
        }
        if let Some(GroupProfile { name, description, visibility }) = edit.profile.clone() {
            let circle = self.groups.entry(id).or_insert_with(|| Circle {
                group: Group {
                    id,
                    name: name.clone(),
                    description: None,
                    visibility,
                    created_at: edit.at,
                },
                members: BTreeMap::new(),
                edits: Vec::new(),
                last_chat: None,
            });
            let created_at = circle.group.created_at;
            circle.group = Group { id, name, description, visibility, created_at };
        }
        let Some(circle) = self.groups.get_mut(&id) else { return false };
        for (id, role) in edit.set.iter().filter(|(id, _)| self.people.contains_key(id)) {
            circle.members.entry(*id).or_insert((*role, edit.at)).0 = *role;
        }
        for id in &edit.remove {
            circle.members.remove(id);
        }
        circle.edits.push(edit.token);
        true
    }

    pub fn delete_group(&mut self, group: GroupId, version: i64) -> bool {
        if self.groups.get(&group).is_some_and(|circle| circle.version() == version) {
            self.groups.remove(&group);
        }
        !self.groups.contains_key(&group)
    }

    pub fn record_chats(&mut self, chats: &[Chat]) {
        for chat in chats {
            match *chat {
                Chat::Direct { one, other, conversation, at } => {
                    if self.knows(one) && self.knows(other) {
                        let said = (at, conversation);
                        let last = self.chats.entry(two(one, other)).or_insert(said);
                        *last = said.max(*last);
                    }
                }
                Chat::Group { group, at } => {
                    if let Some(circle) = self.groups.get_mut(&group) {
                        circle.last_chat = circle.last_chat.max(Some(at));
                    }
                }
            }
        }
    }

    pub fn forget_chats(&mut self) {
        self.chats.clear();
        self.groups.values_mut().for_each(|circle| circle.last_chat = None);
    }
}
