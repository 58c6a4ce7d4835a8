//! What the model answers about people and what stands between them.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, VecDeque},
};

use chatterbox_graph::{
    Blocked, ChatPartner, Circle, DirectoryKey, Friend, FriendRequest, FriendsOf, Friendship,
    LastChatted, Listed, MutualFriendsOf, Nearness, Page, Pair, Person, Reach,
    RequestDirection::{self, Incoming, Outgoing},
    Settings, Slice, Suggestion, SuggestionsFor, Tier, TimeKey, Timestamp, UserId,
};

use super::model::{Model, two};

/// As names are compared; those that occur here need no more than this.
pub fn folded(name: &str) -> String {
    name.to_lowercase().replace('é', "e").replace('\u{301}', "")
}

/// Whether either name of a person begins with the query.
pub fn matches(person: &Person, query: Option<&str>) -> bool {
    query.is_none_or(|query| {
        person.username.starts_with(&folded(query))
            || folded(&person.display_name).starts_with(&folded(query))
    })
}

/// Of all items, some that follow a place.
pub fn page<T>(all: Vec<T>, limit: usize, follows: impl Fn(&T) -> bool) -> Page<T> {
    let total = all.len() as u64;
    let Slice { items, has_next } = slice(all, limit, follows);
    Page { items, has_next, total }
}

pub fn slice<T>(all: Vec<T>, limit: usize, follows: impl Fn(&T) -> bool) -> Slice<T> {
    let mut items: Vec<_> = all.into_iter().filter(follows).collect();
    let has_next = items.len() > limit;
    items.truncate(limit);
    Slice { items, has_next }
}

impl Model {
    fn person(&self, id: UserId) -> Person {
        self.people[&id].person.clone()
    }

    pub fn by_username(&self, ids: impl IntoIterator<Item = UserId>) -> Vec<Person> {
        let mut people: Vec<_> = ids.into_iter().map(|id| self.person(id)).collect();
        people.sort_by_key(|person| person.username.clone());
        people
    }

    pub fn people(&self, ids: &[UserId]) -> HashMap<UserId, Person> {
        let known = ids.iter().filter(|&&id| self.knows(id));
        known.map(|&id| (id, self.person(id))).collect()
    }

    pub fn settings(&self, ids: &[UserId]) -> HashMap<UserId, Settings> {
        let known = ids.iter().filter(|&&id| self.knows(id));
        known.map(|&id| (id, self.people[&id].settings)).collect()
    }

    pub fn circles(&self, ids: &[UserId]) -> HashMap<UserId, Circle> {
        let known = ids.iter().filter(|&&id| self.knows(id));
        let circle = |id| Circle {
            person: self.person(id),
            settings: self.people[&id].settings,
            friends: self.friends_of(id).into_iter().collect(),
        };
        known.map(|&id| (id, circle(id))).collect()
    }

    pub fn friendship(&self, viewer: UserId, other: UserId) -> Option<Friendship> {
        self.knows(other).then(|| {
            if viewer == other {
                Friendship::Myself
            } else if self.blocks.contains_key(&(viewer, other)) {
                Friendship::Blocked
            } else if self.are_friends(viewer, other) {
                Friendship::Friends
            } else if self.requests.contains_key(&(viewer, other)) {
                Friendship::RequestSent
            } else if self.requests.contains_key(&(other, viewer)) {
                Friendship::RequestReceived
            } else {
                Friendship::None
            }
        })
    }

    pub fn pair(&self, one: UserId, other: UserId) -> Option<Pair> {
        (self.knows(one) && self.knows(other)).then(|| Pair {
            one: self.person(one),
            other: self.person(other),
            one_sees: self.friendship(one, other).unwrap(),
            other_sees: self.friendship(other, one).unwrap(),
            blocked: self.blocked(one, other),
            one_reaches: self.reach(one, other),
            other_reaches: self.reach(other, one),
        })
    }

    pub fn shared_friends(&self, one: UserId, other: UserId) -> BTreeSet<UserId> {
        &self.friends_of(one) & &self.friends_of(other)
    }

    fn nearness(&self, one: UserId, other: UserId) -> Nearness {
        if self.are_friends(one, other) {
            Nearness::Friends
        } else if self.shared_friends(one, other).is_empty() {
            Nearness::Strangers
        } else {
            Nearness::FriendsOfFriends
        }
    }

    pub fn reach(&self, who: UserId, whom: UserId) -> Reach {
        if self.knows(who) && self.knows(whom) && !self.blocked(who, whom) {
            Reach::of(&self.people[&whom].settings, self.nearness(who, whom))
        } else {
            Reach::default()
        }
    }

    pub fn ties(&self, id: UserId) -> Vec<UserId> {
        let tied = |&&other: &&UserId| self.are_friends(id, other) || self.requested(id, other);
        self.people.keys().filter(tied).copied().collect()
    }

    pub fn friends(&self, asked: &FriendsOf) -> Page<Friend> {
        let mut friends = self.by_username(self.friends_of(asked.viewer));
        friends.retain(|friend| matches(friend, asked.query.as_deref()));
        let friend = |person: Person| {
            let two = two(asked.viewer, person.id);
            let last_chatted_at = self.chats.get(&two).map(|&(at, _)| at);
            Friend { person, since: self.friends[&two], last_chatted_at }
        };
        let friends = friends.into_iter().map(friend).collect();
        page(friends, asked.limit, |friend| {
            asked.after.as_ref().is_none_or(|after| friend.person.username > *after)
        })
    }

    pub fn friend_requests(
        &self,
        viewer: UserId,
        direction: RequestDirection,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Page<FriendRequest> {
        let seen = |from, to| match direction {
            Incoming => (to == viewer).then_some(from),
            Outgoing => (from == viewer).then_some(to),
        };
        let mut requests = Vec::new();
        for (&(from, to), (at, note)) in &self.requests {
            if let Some(other) = seen(from, to) {
                let (person, note, at) = (self.person(other), note.clone(), *at);
                requests.push(FriendRequest { person, note, at });
            }
        }
        let key = |request: &FriendRequest| TimeKey { at: request.at, id: request.person.id };
        requests.sort_by_key(|request| Reverse(key(request)));
        page(requests, limit, |request| after.is_none_or(|after| key(request) < after))
    }

    pub fn blocked_by(
        &self,
        viewer: UserId,
        limit: usize,
        after: Option<TimeKey>,
    ) -> Page<Blocked> {
        let blocks = self.blocks.iter().filter(|((by, _), _)| *by == viewer);
        let mut blocked: Vec<_> =
            blocks.map(|(&(_, id), &at)| Blocked { person: self.person(id), at }).collect();
        let key = |blocked: &Blocked| TimeKey { at: blocked.at, id: blocked.person.id };
        blocked.sort_by_key(|blocked| Reverse(key(blocked)));
        page(blocked, limit, |blocked| after.is_none_or(|after| key(blocked) < after))
    }

    pub fn mutual_friends(&self, asked: &MutualFriendsOf) -> Option<Page<Person>> {
        let MutualFriendsOf { viewer, other, limit, ref after } = *asked;
        self.knows(other).then(|| {
            let shared =
                if viewer == other { BTreeSet::new() } else { self.shared_friends(viewer, other) };
            page(self.by_username(shared), limit, |person| {
                after.as_ref().is_none_or(|after| person.username > *after)
            })
        })
    }

    /// How many hops it is from the viewer to each whom it may be told of,
    /// with nobody on the way who is blocked.
    pub fn distances(&self, viewer: UserId) -> HashMap<UserId, usize> {
        let mut distances = HashMap::new();
        let mut queue = VecDeque::new();
        if self.knows(viewer) {
            distances.insert(viewer, 0);
            queue.push_back(viewer);
        }
        while let Some(person) = queue.pop_front() {
            for friend in self.friends_of(person) {
                if !distances.contains_key(&friend) && !self.blocked(viewer, friend) {
                    distances.insert(friend, distances[&person] + 1);
                    queue.push_back(friend);
                }
            }
        }
        distances
    }

    pub fn suggestions(&self, asked: &SuggestionsFor) -> Vec<Suggestion> {
        let &SuggestionsFor { viewer, limit } = asked;
        let unrelated = self.people.values().filter(|other| {
            let id = other.person.id;
            id != viewer
                && other.settings.discoverable
                && !self.are_friends(viewer, id)
                && !self.requested(viewer, id)
                && !self.blocked(viewer, id)
        });
        let suggestion = |person: &Person| Suggestion {
            person: person.clone(),
            mutual_friends: self.shared_friends(viewer, person.id).len() as u64,
            shared_groups: self.shared_groups(viewer, person.id),
        };
        let mut suggestions: Vec<_> = unrelated.map(|other| suggestion(&other.person)).collect();
        suggestions.retain(|suggestion| suggestion.mutual_friends > 0);
        suggestions.sort_by_key(|suggestion| {
            let Suggestion { person, mutual_friends, shared_groups } = suggestion;
            (Reverse(*mutual_friends), Reverse(*shared_groups), person.username.clone())
        });
        suggestions.truncate(limit);
        suggestions
    }

    fn place(&self, viewer: UserId, query: Option<&str>, person: &Person) -> DirectoryKey {
        let prefix = folded(query.unwrap_or_default());
        let tier = match self.nearness(viewer, person.id) {
            Nearness::Friends => Tier::Friends,
            Nearness::FriendsOfFriends => Tier::FriendsOfFriends,
            Nearness::Strangers if person.username.starts_with(&prefix) => Tier::Username,
            Nearness::Strangers => Tier::DisplayName,
        };
        let name = match tier {
            Tier::DisplayName => folded(&person.display_name),
            _ => person.username.clone(),
        };
        DirectoryKey { tier, name, id: person.id }
    }

    fn listed(&self, viewer: UserId, query: Option<&str>) -> Vec<Listed> {
        let listed = self.people.values().filter(|other| {
            let person = &other.person;
            person.id != viewer
                && other.settings.discoverable
                && !self.blocked(viewer, person.id)
                && matches(person, query)
        });
        let mut listed: Vec<_> = listed
            .map(|other| {
                let key = self.place(viewer, query, &other.person);
                Listed { person: other.person.clone(), key }
            })
            .collect();
        listed.sort_by_key(|listed| listed.key.clone());
        listed
    }

    pub fn directory(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&DirectoryKey>,
    ) -> Slice<Listed> {
        slice(self.listed(viewer, query), limit, |listed| {
            after.is_none_or(|after| listed.key > *after)
        })
    }

    pub fn directory_size(&self, viewer: UserId, query: Option<&str>) -> u64 {
        self.listed(viewer, query).len() as u64
    }

    pub fn last_chatted(&self, viewer: UserId, limit: usize) -> Vec<LastChatted> {
        let people = self.chats.iter().filter_map(|(&(a, b), &(at, conversation))| {
            let other = if a == viewer { b } else { a };
            let with = || ChatPartner::Person(self.person(other), conversation);
            (a == viewer || b == viewer)
                .then(|| (Reverse((at, true, other.uuid())), LastChatted { with: with(), at }))
        });
        let groups = self.groups.values().filter_map(|circle| {
            let (_, since) = circle.members.get(&viewer)?;
            let at = circle.last_chat.filter(|at| at >= since)?;
            let with = ChatPartner::Group(circle.group.clone());
            Some((Reverse((at, false, circle.group.id.uuid())), LastChatted { with, at }))
        });
        let mut last: Vec<_> = people.chain(groups).collect();
        last.sort_by_key(|(place, _)| *place);
        last.truncate(limit);
        last.into_iter().map(|(_, last)| last).collect()
    }

    pub fn last_chatted_at(&self, viewer: UserId, others: &[UserId]) -> HashMap<UserId, Timestamp> {
        let last = |other| Some((other, self.chats.get(&two(viewer, other))?.0));
        others.iter().filter_map(|&other| last(other)).collect()
    }
}
