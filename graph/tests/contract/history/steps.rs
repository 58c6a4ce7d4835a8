//! What happens in a history: it is done in the town and in the model, with
//! the same outcome.

use std::fmt::Debug;

use chatterbox_graph::{
    Audience, Chat, DirectConversationId, GroupEdit, GroupId, GroupProfile, GroupRole,
    GroupVisibility, NewPerson, ProfileChange, SettingsChange, Tie, Timestamp, UserId,
};

use super::{
    GROUPS, History, PEOPLE,
    model::{Circle, MAX_FRIENDS, two},
};
use crate::town::edit_of;

impl History<'_> {
    /// Does one thing.
    pub async fn go_on(&mut self) {
        match self.dice.below(44) {
            0..=12 => self.somebody_asks().await,
            13..=15 => self.somebody_accepts().await,
            16 => self.somebody_withdraws().await,
            17..=18 => self.somebody_unfriends().await,
            19..=20 => self.somebody_blocks().await,
            21..=22 => self.somebody_unblocks().await,
            23..=24 => self.somebody_decides().await,
            25..=26 => self.somebody_changes().await,
            27..=33 => self.a_group_changes().await,
            34 => self.an_edit_is_repeated().await,
            35 => self.a_group_goes().await,
            36..=38 => self.some_chat().await,
            39 => self.somebody_goes().await,
            40..=41 => self.somebody_comes().await,
            42 => self.some_are_loaded().await,
            _ => self.chats_are_forgotten().await,
        }
    }

    /// The outcome in the town is that in the model.
    fn did<T: Debug + PartialEq>(&mut self, what: String, town: T, model: T) {
        self.done = what;
        self.agree("its outcome", town, model);
    }

    /// Those between whom there is something, mostly; else any two.
    fn two_of(&mut self, those: &[(UserId, UserId)]) -> (UserId, UserId) {
        if those.is_empty() || self.dice.one_in(4) {
            self.two_people()
        } else {
            self.dice.one_of(those)
        }
    }

    async fn somebody_asks(&mut self) {
        let ((from, to), at) = (self.two_people(), self.now());
        let note = self.dice.one_in(2).then(|| format!("note {}", self.step));
        let outcome = self.town.ask(from, to, note.as_deref(), at, MAX_FRIENDS).await.unwrap();
        let expected = self.model.ask(from, to, note, at);
        self.did(format!("{from} asks {to}"), outcome, expected);
    }

    async fn somebody_accepts(&mut self) {
        let asked: Vec<_> = self.model.requests.keys().map(|&(from, to)| (to, from)).collect();
        let ((by, from), at) = (self.two_of(&asked), self.now());
        let outcome = self.town.accept(by, from, at, MAX_FRIENDS).await.unwrap();
        let expected = self.model.accept(by, from, at);
        self.did(format!("{by} accepts {from}"), outcome, expected);
    }

    async fn somebody_withdraws(&mut self) {
        let there: Vec<_> = self.model.requests.keys().copied().collect();
        let (from, to) = self.two_of(&there);
        let ended = self.town.withdraw(from, to).await.unwrap();
        let expected = self.model.requests.remove(&(from, to)).is_some();
        self.did(format!("{from} withdraws from {to}"), ended, expected);
    }

    async fn somebody_unfriends(&mut self) {
        let there: Vec<_> = self.model.friends.keys().copied().collect();
        let (one, other) = self.two_of(&there);
        let ended = self.town.unfriend(other, one).await.unwrap();
        let expected = self.model.friends.remove(&two(one, other)).is_some();
        self.did(format!("{other} unfriends {one}"), ended, expected);
    }

    async fn somebody_blocks(&mut self) {
        let ((by, other), at) = (self.two_people(), self.now());
        let outcome = self.town.block(by, other, at).await.unwrap();
        let expected = self.model.block(by, other, at);
        self.did(format!("{by} blocks {other}"), outcome, expected);
    }

    async fn somebody_unblocks(&mut self) {
        let there: Vec<_> = self.model.blocks.keys().copied().collect();
        let (by, other) = self.two_of(&there);
        let ended = self.town.unblock(by, other).await.unwrap();
        let expected = self.model.blocks.remove(&(by, other)).is_some();
        self.did(format!("{by} unblocks {other}"), ended, expected);
    }

    async fn somebody_decides(&mut self) {
        use Audience::{Everyone, Friends, FriendsOfFriends, Nobody};
        let who = self.somebody();
        let mut audience = || {
            let some = self.dice.one_in(2);
            let which = self.dice.one_of(&[Everyone, FriendsOfFriends, Friends, Nobody]);
            some.then_some(which)
        };
        let change = SettingsChange {
            messages_from: audience(),
            presence_to: audience(),
            read_receipts: self.dice.one_in(2).then_some(self.dice.one_in(2)),
            discoverable: self.dice.one_in(2).then_some(!self.dice.one_in(3)),
        };
        let outcome = self.town.change_settings(who, &change).await.unwrap();
        let expected = self.model.change_settings(who, &change);
        self.did(format!("{who} decides {change:?}"), outcome, expected);
    }

    async fn somebody_changes(&mut self) {
        let who = self.somebody();
        let step = (!self.dice.one_in(3)).then_some(self.step);
        let bio = step.map(|step| format!("as of step {step}"));
        let avatar_url = step.map(|step| format!("https://example.org/{step}"));
        let change = ProfileChange {
            display_name: self.dice.one_in(2).then(|| self.name()),
            bio: self.dice.one_in(2).then_some(bio),
            avatar_url: self.dice.one_in(2).then_some(avatar_url),
        };
        let outcome = self.town.change_profile(who, &change).await.unwrap();
        let expected = self.model.change_profile(who, &change);
        self.did(format!("{who} changes {change:?}"), outcome, expected);
    }

    async fn a_group_changes(&mut self) {
        let slot = self.dice.below(GROUPS);
        let is_there = self.model.groups.contains_key(&self.groups[slot]);
        if !is_there && self.dice.one_in(2) {
            self.groups[slot] = GroupId::from_uuid(self.uuid());
        }
        let edit = self.edit(self.groups[slot], is_there);
        let stands = self.town.edit_group(&edit).await.unwrap();
        let expected = self.model.edit_group(&edit);
        self.did(format!("{edit:?}"), stands, expected);
        if stands {
            self.edits.push_back(edit);
        }
        // The store need not remember more than these.
        if self.edits.len() > 64 {
            self.edits.pop_front();
        }
    }

    /// Mostly one that is decided on the version that the group has.
    fn edit(&mut self, group: GroupId, is_there: bool) -> GroupEdit {
        let mut version = self.model.groups.get(&group).map_or(0, Circle::version);
        if self.dice.one_in(6) {
            version += [-1, 1][self.dice.below(2)];
        }
        let mut people = self.ids.clone();
        people.rotate_left(self.dice.below(PEOPLE));
        let comings = self.dice.below(if is_there { 3 } else { 5 });
        let remove = people.split_off(PEOPLE - self.dice.below(3));
        let set = people.into_iter().take(comings).map(|id| (id, self.role())).collect();
        let profile = (version <= 0 || self.dice.one_in(4)).then(|| self.profile());
        GroupEdit { profile, set, remove, at: self.now(), ..edit_of(group, version) }
    }

    fn role(&mut self) -> GroupRole {
        self.dice.one_of(&[
            GroupRole::Owner,
            GroupRole::Admin,
            GroupRole::Member,
            GroupRole::Member,
        ])
    }

    fn profile(&mut self) -> GroupProfile {
        GroupProfile {
            name: self.name(),
            description: self.dice.one_in(2).then(|| format!("as of step {}", self.step)),
            visibility: self.dice.one_of(&[GroupVisibility::Private, GroupVisibility::Public]),
        }
    }

    async fn an_edit_is_repeated(&mut self) {
        if self.edits.is_empty() {
            return;
        }
        let edit = self.edits[self.dice.below(self.edits.len())].clone();
        let stands = self.town.edit_group(&edit).await.unwrap();
        let expected = self.model.edit_group(&edit);
        self.did(format!("again {edit:?}"), stands, expected);
    }

    async fn a_group_goes(&mut self) {
        let group = self.dice.one_of(&self.groups);
        let version = self.model.groups.get(&group).map_or(0, Circle::version);
        let version = if self.dice.one_in(3) { version + 1 } else { version };
        let gone = self.town.delete_group(group, version).await.unwrap();
        let expected = self.model.delete_group(group, version);
        self.did(format!("{group} is deleted at {version}"), gone, expected);
        if gone {
            self.edits.retain(|edit| edit.group != group);
        }
    }

    async fn some_chat(&mut self) {
        let latest = self.now().0 - self.dice.below(6) as i64;
        let mut chats = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let at = Timestamp(latest - self.dice.below(2) as i64);
            let (one, other) = self.two_people();
            let conversation = DirectConversationId::from_uuid(self.uuid());
            chats.push(if self.dice.one_in(2) {
                Chat::Group { group: self.dice.one_of(&self.groups), at }
            } else {
                Chat::Direct { one, other, conversation, at }
            });
        }
        self.town.record_chats(&chats).await.unwrap();
        self.model.record_chats(&chats);
        self.did(format!("{chats:?}"), (), ());
    }

    /// Only where nobody else's chats would be forgotten as well.
    async fn chats_are_forgotten(&mut self) {
        if self.town.is_alone() && self.dice.one_in(3) {
            self.town.forget_chats().await.unwrap();
            self.model.forget_chats();
            self.did("all chats are forgotten".to_owned(), (), ());
        }
    }

    async fn somebody_goes(&mut self) {
        let who = self.somebody();
        let was_there = self.town.remove_person(who).await.unwrap();
        let expected = self.model.remove_person(who);
        self.did(format!("{who} goes"), was_there, expected);
    }

    /// A newcomer takes the place of one who is not there; where only one such
    /// is left, somebody comes who is there already.
    fn who_comes(&mut self) -> NewPerson {
        let mut newcomer = self.newcomer();
        let away = self.ids.iter().filter(|&&id| !self.model.knows(id)).count();
        let free = self.ids.iter_mut().find(|id| (away > 1) != self.model.knows(**id));
        if let Some(place) = free {
            if away > 1 {
                *place = newcomer.id;
            } else {
                newcomer.id = *place;
            }
        }
        newcomer
    }

    pub async fn somebody_comes(&mut self) {
        let newcomer = self.who_comes();
        self.town.add_person(&newcomer).await.unwrap();
        self.model.add_person(&newcomer);
        self.did(format!("{} comes", newcomer.id), (), ());
    }

    async fn some_are_loaded(&mut self) {
        let people = [self.who_comes()];
        let mut ties = Vec::new();
        for _ in 0..3 {
            let (one, other) = self.two_people();
            // Nothing else stands between those who are loaded as friends.
            if !self.model.blocked(one, other) && !self.model.requested(one, other) {
                ties.push(Tie { one, other, since: self.now() });
            }
        }
        self.town.load(&people, &ties).await.unwrap();
        self.model.load(&people, &ties);
        self.did(format!("{people:?} and {ties:?} are loaded"), (), ());
    }
}
