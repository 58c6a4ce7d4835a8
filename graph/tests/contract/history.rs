//! Random histories of a few people: after each step every question is
//! answered as a small model in memory answers it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use chatterbox_graph::{
    Ask, Block, Chat, ConversationId, Friendship,
    RequestDirection::{Incoming, Outgoing},
    TimeKey, Timestamp, UserId,
};

use crate::town::{Town, conversation, fresh_id};

/// So few that everything meets everything.
const PEOPLE: usize = 6;
const MAX_FRIENDS: u32 = 3;

mod sqlite {
    #[tokio::test]
    async fn any_history_ends_as_in_the_model() {
        super::any_history(&crate::town::Town::on_sqlite().await, 500).await;
    }
}

mod neo4j {
    #[tokio::test]
    async fn any_history_ends_as_in_the_model() {
        super::any_history(&crate::town::Town::on_neo4j().await, 200).await;
    }
}

/// To repeat a history that failed: `HISTORY_SEED=… cargo test history`.
async fn any_history(town: &Town, steps: usize) {
    let seed = std::env::var("HISTORY_SEED")
        .map_or_else(|_| RandomState::new().hash_one(()), |seed| seed.parse().unwrap());
    let mut people = town.crowd(PEOPLE).await;
    people.push(fresh_id());
    let mut model = Model::new(town, people).await;
    let mut dice = Dice(seed);
    for step in 0..steps {
        let done = model.step(town, &mut dice, step as i64).await;
        model.compare(town, &mut dice, &format!("seed {seed}, step {step}: {done}")).await;
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// The graph as its documentation has it. The last of the people is unknown to it.
struct Model {
    people: Vec<UserId>,
    usernames: HashMap<UserId, String>,
    friends: BTreeMap<(UserId, UserId), i64>,
    requests: BTreeMap<(UserId, UserId), (i64, Option<String>)>,
    blocks: BTreeMap<(UserId, UserId), i64>,
    chats: BTreeMap<(UserId, UserId), (i64, ConversationId)>,
}

impl Model {
    async fn new(town: &Town, people: Vec<UserId>) -> Self {
        let known = town.people(&people).await.unwrap();
        let usernames = known.into_iter().map(|(id, person)| (id, person.username)).collect();
        Self {
            people,
            usernames,
            friends: BTreeMap::new(),
            requests: BTreeMap::new(),
            blocks: BTreeMap::new(),
            chats: BTreeMap::new(),
        }
    }

    /// Does one thing in the town and in the model; the outcomes are the same.
    async fn step(&mut self, town: &Town, dice: &mut Dice, at: i64) -> String {
        let one = dice.below(self.people.len());
        let other = (one + 1 + dice.below(self.people.len() - 1)) % self.people.len();
        let (a, b) = (self.people[one], self.people[other]);
        let time = Timestamp(at);
        match dice.below(12) {
            0..=3 => {
                let note = (at % 2 == 0).then(|| format!("note {at}"));
                let outcome = town.ask(a, b, note.as_deref(), time, MAX_FRIENDS).await.unwrap();
                assert_eq!(outcome, self.ask(a, b, note, at), "step {at}");
                format!("{one} asks {other}: {outcome:?}")
            }
            4..=6 => {
                let outcome = town.accept(a, b, time, MAX_FRIENDS).await.unwrap();
                assert_eq!(outcome, self.accept(a, b, at), "step {at}");
                format!("{one} accepts {other}: {outcome:?}")
            }
            7 => {
                let ended = town.withdraw(a, b).await.unwrap();
                assert_eq!(ended, self.requests.remove(&(a, b)).is_some(), "step {at}");
                format!("{one} withdraws from {other}: {ended}")
            }
            8 => {
                let ended = town.unfriend(a, b).await.unwrap();
                assert_eq!(ended, self.friends.remove(&two(a, b)).is_some(), "step {at}");
                format!("{one} unfriends {other}: {ended}")
            }
            9 => {
                let outcome = town.block(a, b, time).await.unwrap();
                assert_eq!(outcome, self.block(a, b, at), "step {at}");
                format!("{one} blocks {other}: {outcome:?}")
            }
            10 => {
                let ended = town.unblock(a, b).await.unwrap();
                assert_eq!(ended, self.blocks.remove(&(a, b)).is_some(), "step {at}");
                format!("{one} unblocks {other}: {ended}")
            }
            _ => {
                let said = at - dice.below(20) as i64;
                let chat =
                    Chat { one: a, other: b, conversation: conversation(), at: Timestamp(said) };
                town.record_chats(&[chat]).await.unwrap();
                self.chat(chat);
                format!("{one} chats with {other}, of {said}")
            }
        }
    }

    fn knows(&self, a: UserId, b: UserId) -> bool {
        self.usernames.contains_key(&a) && self.usernames.contains_key(&b)
    }

    fn full(&self, id: UserId) -> bool {
        self.friends_of(id).len() >= MAX_FRIENDS as usize
    }

    fn ask(&mut self, a: UserId, b: UserId, note: Option<String>, at: i64) -> Ask {
        if !self.knows(a, b) {
            Ask::Unknown
        } else if self.blocks.contains_key(&(a, b)) || self.blocks.contains_key(&(b, a)) {
            Ask::Blocked
        } else if self.friends.contains_key(&two(a, b)) {
            Ask::AlreadyFriends
        } else if self.requests.contains_key(&(a, b)) {
            Ask::AlreadyAsked
        } else if self.full(a) || self.full(b) {
            Ask::TooManyFriends
        } else if self.requests.remove(&(b, a)).is_some() {
            self.friends.insert(two(a, b), at);
            Ask::BecameFriends
        } else {
            self.requests.insert((a, b), (at, note));
            Ask::Sent
        }
    }

    fn accept(&mut self, by: UserId, from: UserId, at: i64) -> Ask {
        if self.friends.contains_key(&two(by, from)) {
            Ask::AlreadyFriends
        } else if !self.requests.contains_key(&(from, by)) {
            Ask::Unknown
        } else if self.full(by) || self.full(from) {
            Ask::TooManyFriends
        } else {
            self.requests.remove(&(from, by));
            self.friends.insert(two(by, from), at);
            Ask::BecameFriends
        }
    }

    fn block(&mut self, by: UserId, other: UserId, at: i64) -> Block {
        if !self.knows(by, other) {
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

    fn chat(&mut self, chat: Chat) {
        if self.knows(chat.one, chat.other) {
            let said = (chat.at.0, chat.conversation);
            let last = self.chats.entry(two(chat.one, chat.other)).or_insert(said);
            *last = said.max(*last);
        }
    }

    fn sees(&self, viewer: UserId, other: UserId) -> Friendship {
        if viewer == other {
            Friendship::Myself
        } else if self.blocks.contains_key(&(viewer, other)) {
            Friendship::Blocked
        } else if self.friends.contains_key(&two(viewer, other)) {
            Friendship::Friends
        } else if self.requests.contains_key(&(viewer, other)) {
            Friendship::RequestSent
        } else if self.requests.contains_key(&(other, viewer)) {
            Friendship::RequestReceived
        } else {
            Friendship::None
        }
    }

    fn friends_of(&self, id: UserId) -> BTreeSet<UserId> {
        let of = self.friends.keys().filter(|&&(a, b)| a == id || b == id);
        of.map(|&(a, b)| if a == id { b } else { a }).collect()
    }

    fn by_username(&self, ids: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_by_key(|id| &self.usernames[id]);
        ids
    }

    fn distances(&self, from: UserId) -> HashMap<UserId, usize> {
        let mut distances = HashMap::from([(from, 0)]);
        let mut queue = VecDeque::from([from]);
        while let Some(person) = queue.pop_front() {
            for friend in self.friends_of(person) {
                if !distances.contains_key(&friend) {
                    distances.insert(friend, distances[&person] + 1);
                    queue.push_back(friend);
                }
            }
        }
        distances
    }

    /// Asks the town everything about one viewer.
    async fn compare(&self, town: &Town, dice: &mut Dice, when: &str) {
        let viewer = self.people[dice.below(self.people.len())];
        let limit = 1 + dice.below(4);
        self.compare_bonds(town, viewer, when).await;
        self.compare_friends(town, viewer, limit, when).await;
        self.compare_lists(town, viewer, limit, when).await;
        self.compare_mutual(town, viewer, limit, when).await;
        self.compare_paths(town, viewer, dice.below(5), when).await;
        self.compare_chats(town, viewer, when).await;
    }

    async fn compare_bonds(&self, town: &Town, viewer: UserId, when: &str) {
        let expected: HashMap<_, _> =
            self.usernames.keys().map(|&other| (other, self.sees(viewer, other))).collect();
        assert_eq!(town.friendships(viewer, &self.people).await.unwrap(), expected, "{when}");
        for &other in self.people.iter().filter(|&&other| other != viewer) {
            let pair = town.pair(viewer, other).await.unwrap();
            assert_eq!(pair.is_some(), self.knows(viewer, other), "{when}");
            if let Some(pair) = pair {
                let seen = (self.sees(viewer, other), self.sees(other, viewer));
                assert_eq!((pair.one_sees, pair.other_sees), seen, "{when}");
                let blocked = seen.0 == Friendship::Blocked || seen.1 == Friendship::Blocked;
                assert_eq!(pair.blocked, blocked, "{when}");
            }
        }
    }

    async fn compare_friends(&self, town: &Town, viewer: UserId, limit: usize, when: &str) {
        let expected = self.by_username(self.friends_of(viewer));
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = town.friends(viewer, None, limit, after.as_deref()).await.unwrap();
            for friend in &page.items {
                let key = two(viewer, friend.person.id);
                assert_eq!(friend.since.0, self.friends[&key], "{when}");
                let chatted = friend.last_chatted_at.map(|at| at.0);
                assert_eq!(chatted, self.chats.get(&key).map(|last| last.0), "{when}");
            }
            listed.extend(page.items.iter().map(|friend| friend.person.id));
            after = page.items.last().map(|friend| friend.person.username.clone());
            assert_eq!(page.total, expected.len() as u64, "{when}");
            if !page.has_next {
                break;
            }
        }
        assert_eq!(listed, expected, "{when}");
    }

    async fn compare_lists(&self, town: &Town, viewer: UserId, limit: usize, when: &str) {
        for direction in [Incoming, Outgoing] {
            let mut expected: Vec<_> = self
                .requests
                .iter()
                .filter_map(|(&(from, to), (at, note))| match direction {
                    Incoming => (to == viewer).then(|| (*at, from, note.clone())),
                    Outgoing => (from == viewer).then(|| (*at, to, note.clone())),
                })
                .collect();
            expected.sort();
            expected.reverse();
            let mut listed = Vec::new();
            let mut after = None;
            loop {
                let page = town.friend_requests(viewer, direction, limit, after).await.unwrap();
                assert_eq!(page.total, expected.len() as u64, "{when}");
                let items = page.items.into_iter();
                listed.extend(items.map(|item| (item.at.0, item.person.id, item.note)));
                after = listed.last().map(|item| TimeKey { at: Timestamp(item.0), id: item.1 });
                if !page.has_next {
                    break;
                }
            }
            assert_eq!(listed, expected, "{when}");
        }
        let blocks = self.blocks.iter().filter(|((by, _), _)| *by == viewer);
        let mut expected: Vec<_> = blocks.map(|(&(_, other), &at)| (at, other)).collect();
        expected.sort();
        expected.reverse();
        let blocked = town.blocked(viewer, PEOPLE, None).await.unwrap();
        let listed: Vec<_> = blocked.items.iter().map(|item| (item.at.0, item.person.id)).collect();
        assert_eq!(listed, expected, "{when}");
    }

    async fn compare_mutual(&self, town: &Town, viewer: UserId, limit: usize, when: &str) {
        let mutual = town.mutual_friends(viewer, &self.people, limit, None).await.unwrap();
        assert_eq!(mutual.len(), self.usernames.len(), "{when}");
        for (other, page) in mutual {
            let shared = &self.friends_of(viewer) & &self.friends_of(other);
            let shared = if other == viewer { BTreeSet::new() } else { shared };
            let expected = self.by_username(shared);
            let listed: Vec<_> = page.items.iter().map(|person| person.id).collect();
            assert_eq!(listed, expected[..limit.min(expected.len())], "{when}");
            assert_eq!(page.has_next, expected.len() > limit, "{when}");
            assert_eq!(page.total, expected.len() as u64, "{when}");
        }
    }

    async fn compare_paths(&self, town: &Town, viewer: UserId, max: usize, when: &str) {
        let paths = town.paths(viewer, &self.people, max as u8).await.unwrap();
        let mut expected = self.distances(viewer);
        expected.retain(|&other, &mut hops| {
            let blocked =
                [(viewer, other), (other, viewer)].iter().any(|two| self.blocks.contains_key(two));
            self.knows(viewer, other) && !blocked && hops <= max
        });
        let hops: HashMap<_, _> = paths.iter().map(|(&to, path)| (to, path.len() - 1)).collect();
        assert_eq!(hops, expected, "{when}");
        for (to, path) in paths {
            assert_eq!((path.first(), path.last()), (Some(&viewer), Some(&to)), "{when}");
            for hop in path.windows(2) {
                assert!(self.friends.contains_key(&two(hop[0], hop[1])), "{when}");
            }
        }
    }

    async fn compare_chats(&self, town: &Town, viewer: UserId, when: &str) {
        let mut expected: Vec<_> = self
            .chats
            .iter()
            .filter(|((a, b), _)| *a == viewer || *b == viewer)
            .map(|(&(a, b), &(at, talk))| (at, if a == viewer { b } else { a }, talk))
            .collect();
        expected.sort();
        expected.reverse();
        let last = town.last_chatted(viewer, PEOPLE).await.unwrap();
        let listed: Vec<_> =
            last.iter().map(|last| (last.at.0, last.with.id, last.conversation)).collect();
        assert_eq!(listed, expected, "{when}");
        let at = town.last_chatted_at(viewer, &self.people).await.unwrap();
        let expected: HashMap<_, _> =
            expected.into_iter().map(|(at, other, _)| (other, Timestamp(at))).collect();
        assert_eq!(at, expected, "{when}");
    }
}

/// Two people in an order that does not depend on who comes first.
fn two(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}
