//! People and friendships to measure with: made up, and always the same.
//!
//! All that there is of a person follows from their number, and whom they
//! befriended when they came has a lower one. So the sample of fewer people
//! is the beginning of that of more, and one of any size can be written part
//! by part.

use std::collections::BTreeSet;

use crate::{NewPerson, Tie, Timestamp, UserId};

/// One of as many has many friends.
const HUB_EVERY: u32 = 1_000;
/// How many those find when they come.
const HUB_FRIENDS: u32 = 1_000;
/// How many people make a neighbourhood.
const NEIGHBOURHOOD: u32 = 250;
/// How many neighbourhoods fill at the same time, as newcomers are not
/// neighbours of each other.
const SIDE_BY_SIDE: u32 = 20;
/// How many people come with one part: with their friendships, some ten
/// thousand rows.
const PART: u32 = 2_000;

/// 2024-01-01T00:00:00Z, when the first came, and how long until the next one.
const BEGINNING: u64 = 1_704_067_200_000;
const MILLIS_BETWEEN: u64 = 60_000;

const GIVEN: [&str; 32] = [
    "Ada", "Ali", "Amélie", "Ana", "Bao", "Björn", "Chiara", "Chloé", "Dana", "Diego", "Elif",
    "Emma", "Fatima", "Goran", "Hana", "Ivan", "Jonas", "Kofi", "Lena", "Liam", "Łucja", "Maria",
    "Mateo", "Mei", "Nadia", "Noah", "Olga", "Priya", "Ravi", "Sofia", "Yuki", "Zoë",
];
const FAMILY: [&str; 32] = [
    "Abebe", "Andersen", "Bauer", "Bianchi", "Chen", "Costa", "Cruz", "Demir", "Dubois", "Eriksen",
    "Fischer", "García", "Haddad", "Ito", "Jansen", "Khan", "Kowalska", "Kumar", "Lévy", "Martin",
    "Mensah", "Müller", "Nguyen", "Novák", "Okafor", "Petrov", "Rossi", "Sato", "Silva", "Smith",
    "Yılmaz", "Zhang",
];

/// Numbers that look drawn, the same for the same seed: SplitMix64, by Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA
/// 2014), with the constants of Vigna's `splitmix64.c`.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The numbers of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number, lower than `end`; 0 where that is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // The upper half of the product of two numbers of 32 bits has 32 bits.
        (((self.draw() >> 32) * u64::from(end)) >> 32) as u32
    }
}

/// A part of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Those who come with it.
    pub people: Vec<NewPerson>,
    /// Their friendships with each other and with those who came before.
    pub ties: Vec<Tie>,
}

/// So many people, numbered from 0, with ten friends each on average. Most
/// friends are neighbours and friends of each other, some are anywhere. Every
/// thousandth person is a hub, with about 1,000 friends anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    users: u32,
}

impl Sample {
    /// The sample of so many people.
    #[must_use]
    pub fn new(users: u32) -> Self {
        Self { users }
    }

    /// How many people it has.
    #[must_use]
    pub fn users(self) -> u32 {
        self.users
    }

    /// The sample in parts for [`Graph::load`](crate::Graph::load), in the
    /// order in which they have to be loaded.
    pub fn parts(self) -> impl Iterator<Item = Part> + Send {
        let starts = (0..self.users).step_by(PART as usize);
        starts.map(move |start| {
            let numbers = start..self.users.min(start + PART);
            Part {
                people: numbers.clone().map(person).collect(),
                ties: numbers.flat_map(ties).collect(),
            }
        })
    }

    /// Someone.
    pub fn anyone(self, draws: &mut Draws) -> u32 {
        draws.below(self.users)
    }

    /// A hub; someone, where there is none.
    pub fn hub(self, draws: &mut Draws) -> u32 {
        match self.users / HUB_EVERY {
            0 => self.anyone(draws),
            hubs => draws.below(hubs) * HUB_EVERY + HUB_EVERY - 1,
        }
    }

    /// Someone of the same neighbourhood; anyone, for the first who came there.
    pub fn neighbour(self, n: u32, draws: &mut Draws) -> u32 {
        neighbour(n, draws).unwrap_or_else(|| self.anyone(draws))
    }
}

/// The id of the person of this number: UUIDv7, as that of anybody else.
#[must_use]
pub fn id(n: u32) -> UserId {
    let mut draws = Draws::seeded(u64::from(n) | (1 << 32));
    let mut random = [0; 10];
    random[..8].copy_from_slice(&draws.draw().to_be_bytes());
    random[8..].copy_from_slice(&draws.draw().to_be_bytes()[..2]);
    UserId::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis(n), &random).into_uuid())
}

fn person(n: u32) -> NewPerson {
    let mut draws = Draws::seeded(u64::from(n) | (2 << 32));
    let mut one_of = |names: [&'static str; 32]| names[draws.below(32) as usize];
    NewPerson {
        id: id(n),
        username: format!("sample{:07}", n + 1),
        display_name: format!("{} {}", one_of(GIVEN), one_of(FAMILY)),
        created_at: arrival(n),
    }
}

fn ties(n: u32) -> impl Iterator<Item = Tie> {
    earlier_friends(n).into_iter().map(move |m| Tie { one: id(n), other: id(m), since: arrival(n) })
}

fn millis(n: u32) -> u64 {
    BEGINNING + MILLIS_BETWEEN * u64::from(n)
}

fn arrival(n: u32) -> Timestamp {
    Timestamp(i64::try_from(millis(n) * 1_000).unwrap_or(i64::MAX))
}

fn is_hub(n: u32) -> bool {
    n % HUB_EVERY == HUB_EVERY - 1
}

/// Friends with a lower number: of a hub anyone, of others two neighbours
/// with a friend of each and, of every second, somebody anywhere.
fn earlier_friends(n: u32) -> BTreeSet<u32> {
    let mut draws = Draws::seeded(u64::from(n));
    let mut friends = BTreeSet::new();
    if is_hub(n) {
        while friends.len() < HUB_FRIENDS.min(n) as usize {
            friends.insert(draws.below(n));
        }
        return friends;
    }
    for _ in 0..2 {
        if let Some(friend) = neighbour(n, &mut draws) {
            friends.insert(friend);
            friends.extend(neighbour(friend, &mut Draws::seeded(u64::from(friend))));
        }
    }
    if n > 0 && draws.below(2) == 0 {
        friends.insert(draws.below(n));
    }
    friends
}

/// Someone who came to the same neighbourhood earlier.
fn neighbour(n: u32, draws: &mut Draws) -> Option<u32> {
    let earlier = n / SIDE_BY_SIDE % NEIGHBOURHOOD;
    (earlier > 0).then(|| n - SIDE_BY_SIDE * (1 + draws.below(earlier)))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const SAMPLE: Sample = Sample { users: 20_000 };

    fn friends(sample: Sample) -> HashMap<UserId, HashSet<UserId>> {
        let mut friends: HashMap<_, HashSet<_>> = HashMap::new();
        for Part { people, ties } in sample.parts() {
            friends.extend(people.into_iter().map(|person| (person.id, HashSet::new())));
            for Tie { one, other, .. } in ties {
                assert_ne!(one, other, "nobody is tied to themselves");
                for (one, other) in [(one, other), (other, one)] {
                    let there = friends.get_mut(&one).expect("who is tied has come");
                    assert!(there.insert(other), "nobody is tied twice");
                }
            }
        }
        friends
    }

    fn numbers(sample: Sample) -> impl Iterator<Item = u32> {
        0..sample.users
    }

    #[test]
    fn draws_are_those_of_splitmix64() {
        let mut draws = Draws::seeded(1_234_567);
        assert_eq!(
            [draws.draw(), draws.draw(), draws.draw()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert!((0..1_000).all(|_| draws.below(7) < 7));
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn people_differ_and_stay_the_same() {
        let people: Vec<_> = SAMPLE.parts().flat_map(|part| part.people).collect();
        assert_eq!(people.len(), 20_000);
        assert_eq!(
            (&*people[0].username, &*people[19_999].username),
            ("sample0000001", "sample0020000")
        );
        assert!(people.is_sorted_by(|one, next| one.id < next.id), "in the order of their ids");
        assert!(numbers(SAMPLE).all(|n| people[n as usize].id == id(n)));
        assert_eq!(id(0).to_string(), "user_01hk153x00egp9m6n3g80kgdxd");
        assert_eq!(people[0].display_name, "Ravi Abebe");
    }

    #[test]
    fn most_have_ten_friends_and_hubs_a_thousand() {
        let friends = friends(SAMPLE);
        let degrees = |hubs: bool| {
            let wanted = numbers(SAMPLE).filter(move |n| is_hub(*n) == hubs);
            wanted.map(|n| friends[&id(n)].len()).collect::<Vec<_>>()
        };
        let ordinary = degrees(false);
        let mean = ordinary.iter().sum::<usize>() / ordinary.len();
        assert!((9..=11).contains(&mean), "{mean}");
        assert!(ordinary.iter().all(|degree| *degree < 120), "{:?}", ordinary.iter().max());
        let hubs = degrees(true);
        assert_eq!(hubs.len(), 20);
        assert!(hubs.iter().all(|degree| (999..1_100).contains(degree)), "{hubs:?}");
    }

    #[test]
    fn neighbours_share_friends() {
        let friends = friends(SAMPLE);
        let mut draws = Draws::seeded(1);
        let sharing = (0..1_000).filter(|_| {
            let n = SAMPLE.anyone(&mut draws);
            let other = SAMPLE.neighbour(n, &mut draws);
            !friends[&id(n)].is_disjoint(&friends[&id(other)])
        });
        let sharing = sharing.count();
        assert!(sharing > 300, "{sharing} of 1,000");
    }

    #[test]
    fn the_sample_of_fewer_is_the_beginning_of_that_of_more() {
        let whole = |users| {
            let parts: Vec<_> = Sample::new(users).parts().collect();
            let people: Vec<_> = parts.iter().flat_map(|part| part.people.clone()).collect();
            let ties: Vec<_> = parts.into_iter().flat_map(|part| part.ties).collect();
            (people, ties)
        };
        let (few, few_ties) = whole(3_500);
        let (more, more_ties) = whole(8_000);
        assert!(more.starts_with(&few) && more_ties.starts_with(&few_ties));
    }

    #[test]
    fn whoever_is_drawn_is_there() {
        let mut draws = Draws::seeded(1);
        for sample in [Sample::new(3), Sample::new(1_000), SAMPLE] {
            for _ in 0..1_000 {
                let (anyone, hub) = (sample.anyone(&mut draws), sample.hub(&mut draws));
                let neighbour = sample.neighbour(anyone, &mut draws);
                assert!([anyone, hub, neighbour].iter().all(|n| *n < sample.users));
                assert!(is_hub(hub) || sample.users < HUB_EVERY);
            }
        }
    }
}
