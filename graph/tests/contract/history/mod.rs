//! Random histories of a few people and their groups: after each step every
//! question is answered as a small model in memory answers it.

mod compare;
mod group_answers;
mod model;
mod people_answers;
mod steps;

use std::{
    collections::VecDeque,
    fmt::{Debug, Display},
    hash::{BuildHasher, RandomState},
};

use chatterbox_graph::{GroupEdit, GroupId, NewPerson, Timestamp, UserId};
use uuid::Uuid;

use self::model::Model;
use crate::town::{Town, random_uuid, word};

/// So few that everything meets everything. One of them at least is unknown
/// to the graph.
const PEOPLE: usize = 8;
const GROUPS: usize = 3;
const STEPS: usize = 500;

mod sqlite {
    #[tokio::test]
    async fn any_history_ends_as_in_the_model() {
        super::any_history(&crate::town::Town::on_sqlite().await).await;
    }
}

mod neo4j {
    #[tokio::test]
    async fn any_history_ends_as_in_the_model() {
        super::any_history(&crate::town::Town::on_neo4j().await).await;
    }
}

/// To repeat a history that failed: `HISTORY_SEED=… cargo test history`.
async fn any_history(town: &Town) {
    let seed = std::env::var("HISTORY_SEED")
        .map_or_else(|_| RandomState::new().hash_one(()), |seed| seed.parse().unwrap());
    let mut history = History::new(town, seed);
    for _ in 1..PEOPLE {
        history.somebody_comes().await;
    }
    for step in 0..STEPS {
        history.step = step;
        history.go_on().await;
        history.compare().await;
    }
}

/// What happens in a town, and in a model of it.
struct History<'a> {
    town: &'a Town,
    model: Model,
    dice: Dice,
    seed: u64,
    step: usize,
    /// What was done last.
    done: String,
    /// What no names of others begin with.
    word: String,
    /// Those it is about. Some of them have left, or never came.
    ids: Vec<UserId>,
    /// The groups it is about. Some of them are gone, or were never made.
    groups: Vec<GroupId>,
    /// Edits of these groups that stood lately.
    edits: VecDeque<GroupEdit>,
}

impl<'a> History<'a> {
    fn new(town: &'a Town, seed: u64) -> Self {
        let mut history = Self {
            town,
            model: Model::default(),
            dice: Dice(seed),
            seed,
            step: 0,
            done: "nothing yet".to_owned(),
            word: word(),
            ids: Vec::new(),
            groups: Vec::new(),
            edits: VecDeque::new(),
        };
        history.ids = (0..PEOPLE).map(|_| UserId::from_uuid(history.uuid())).collect();
        history.groups = (0..GROUPS).map(|_| GroupId::from_uuid(history.uuid())).collect();
        history
    }

    /// Its place among others goes by the dice, so that a history can be
    /// repeated; the rest of it does not, so that this can be on the same store.
    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.dice.next(), random_uuid().as_u64_pair().1)
    }

    /// The town's answer is that of the model.
    #[expect(clippy::needless_pass_by_value, reason = "answers are compared and done with")]
    fn agree<T: Debug + PartialEq>(&self, about: impl Display, town: T, model: T) {
        let Self { seed, step, done, .. } = self;
        assert_eq!(town, model, "HISTORY_SEED={seed}, step {step}, {done}: {about}");
    }

    /// Some steps are at the same time.
    fn now(&self) -> Timestamp {
        Timestamp(self.step as i64 / 3)
    }

    fn somebody(&mut self) -> UserId {
        self.dice.one_of(&self.ids)
    }

    fn two_people(&mut self) -> (UserId, UserId) {
        let one = self.dice.below(PEOPLE);
        let other = (one + 1 + self.dice.below(PEOPLE - 1)) % PEOPLE;
        (self.ids[one], self.ids[other])
    }

    /// A display name or a group's. Most begin with the word, in some spelling.
    fn name(&mut self) -> String {
        let (word, capital) = (&self.word, self.word.to_uppercase());
        match self.dice.below(6) {
            0 => format!("{word} É"),
            1 => format!("{capital} e"),
            2 => format!("{word} \u{1f600}"),
            3 => format!("{word}\u{301} F"),
            4 => capital,
            _ => "Another".to_owned(),
        }
    }

    fn newcomer(&mut self) -> NewPerson {
        let begin = if self.dice.one_in(2) { self.word.clone() } else { "other".to_owned() };
        let id = UserId::from_uuid(self.uuid());
        let username = format!("{begin}.{:016x}", self.dice.next());
        NewPerson { id, username, display_name: self.name(), created_at: self.now() }
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn one_of<T: Copy>(&mut self, those: &[T]) -> T {
        those[self.below(those.len())]
    }
}
