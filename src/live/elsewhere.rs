//! Who is connected to other nodes, as far as these tell.
//!
//! Each node says now and then who is connected to it, and at once who came and who left. What it
//! said counts for a while: one that dies takes its people with it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chatterbox_graph::Timestamp;
use serde::{Deserialize, Serialize};

use super::online::GRACE;
use crate::ids::{NodeId, UserId};

/// How often a node says who is connected to it.
pub(super) const ROLL_CALL: Duration = Duration::from_secs(4);
/// How long that counts: two calls may get lost.
pub(super) const VALID: Duration = Duration::from_secs(12);
/// How often is looked for what does not count any more.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// What a node tells the others of those who are connected to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// Which node.
    pub node: NodeId,
    /// What it tells.
    pub call: RollCall,
}

/// Who is connected to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollCall {
    /// These are. The node lives, also where it is nobody.
    Here(Vec<UserId>),
    /// These are not any more.
    Left(Vec<UserId>),
    /// The node has just begun, and asks who is connected to the others.
    Begins,
    /// The node stops. Its people come back at another one.
    Stops,
}

/// Who is connected to which of the other nodes.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Until when each node counts as there.
    nodes: HashMap<NodeId, Instant>,
    people: HashMap<UserId, Vec<Stay>>,
    looked: Option<Instant>,
}

/// That somebody is connected to a node.
struct Stay {
    node: NodeId,
    said: Timestamp,
    until: Instant,
}

impl Elsewhere {
    /// Whether somebody is connected to another node.
    pub(super) fn has(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    /// Takes in that these are connected to a node.
    pub(super) fn here(&mut self, node: NodeId, users: &[UserId], said: Timestamp, now: Instant) {
        let until = now + VALID;
        self.nodes.insert(node, until);
        for user in users {
            let stays = self.people.entry(*user).or_default();
            stays.retain(|stay| stay.node != node);
            stays.push(Stay { node, said, until });
        }
    }

    /// Takes in that these are not; returns those who are nowhere else.
    pub(super) fn left(&mut self, node: NodeId, users: &[UserId]) -> Vec<UserId> {
        let gone = users.iter().copied().filter(|user| {
            let Some(stays) = self.people.get_mut(user) else { return false };
            stays.retain(|stay| stay.node != node);
            stays.is_empty() && self.people.remove(user).is_some()
        });
        gone.collect()
    }

    /// Takes in that a node stops: its people have the grace of a reconnect.
    pub(super) fn stops(&mut self, node: NodeId, now: Instant) {
        self.nodes.remove(&node);
        let until = now + GRACE;
        for stay in self.people.values_mut().flatten().filter(|stay| stay.node == node) {
            stay.until = stay.until.min(until);
        }
    }

    /// Forgets what does not count any more; returns those who are nowhere
    /// now, and when they were said to be somewhere. Cost: all people, once a second.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(UserId, Timestamp)> {
        if self.looked.is_some_and(|looked| now < looked + LOOK) {
            return Vec::new();
        }
        self.looked = Some(now);
        self.nodes.retain(|_, until| *until > now);
        let gone = self.people.extract_if(|_, stays| stays.iter().all(|stay| stay.until <= now));
        let last = |stays: Vec<Stay>| stays.into_iter().map(|stay| stay.said).max();
        gone.filter_map(|(user, stays)| Some((user, last(stays)?))).collect()
    }

    /// Whether this node goes first of all that live: it tells what happens to
    /// those whose node is gone.
    pub(super) fn is_first(&self, own: NodeId) -> bool {
        self.nodes.keys().all(|node| own < *node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Ambient;

    struct Story {
        elsewhere: Elsewhere,
        nodes: [NodeId; 2],
        people: [UserId; 2],
        now: Instant,
    }

    impl Story {
        fn new() -> Self {
            let ambient = Ambient::system();
            let mut nodes = [ambient.id(), ambient.id()];
            nodes.sort_unstable();
            let people = [ambient.id(), ambient.id()];
            Self { elsewhere: Elsewhere::default(), nodes, people, now: Instant::now() }
        }

        fn here(&mut self, node: usize, users: &[UserId]) {
            self.elsewhere.here(self.nodes[node], users, Timestamp(7), self.now);
        }

        fn wait(&mut self, time: Duration) -> Vec<UserId> {
            self.now += time;
            self.elsewhere.expire(self.now).into_iter().map(|(user, _)| user).collect()
        }
    }

    #[test]
    fn who_leaves_the_last_node_is_nowhere() {
        let mut story = Story::new();
        let [ada, grace] = story.people;
        story.here(0, &[ada, grace]);
        story.here(1, &[ada]);
        let nodes = story.nodes;
        assert_eq!(story.elsewhere.left(nodes[0], &[ada, grace]), [grace]);
        assert!(story.elsewhere.has(ada) && !story.elsewhere.has(grace));
        assert_eq!(story.elsewhere.left(nodes[1], &[ada, grace]), [ada]);
        assert_eq!(story.elsewhere.left(nodes[1], &[ada]), []);
    }

    #[test]
    fn a_node_that_is_silent_takes_its_people_with_it() {
        let mut story = Story::new();
        let [ada, grace] = story.people;
        story.here(0, &[ada]);
        for _ in 0..10 {
            story.here(1, &[grace]);
            story.wait(ROLL_CALL);
        }
        assert!(!story.elsewhere.has(ada) && story.elsewhere.has(grace));
        let mut gone = Vec::new();
        for _ in 0..3 {
            gone.extend(story.wait(ROLL_CALL));
        }
        assert_eq!(gone, [grace]);
    }

    #[test]
    fn who_was_connected_to_a_node_that_stops_has_a_grace() {
        let mut story = Story::new();
        let [ada, grace] = story.people;
        let nodes = story.nodes;
        story.here(0, &[ada, grace]);
        story.elsewhere.stops(nodes[0], story.now);
        story.here(1, &[grace]);
        assert_eq!(story.wait(GRACE - Duration::from_millis(1)), []);
        assert!(story.elsewhere.has(ada));
        assert_eq!(story.wait(LOOK), [ada]);
        assert!(story.elsewhere.has(grace));
    }

    #[test]
    fn the_first_of_the_nodes_that_live_is_one() {
        let mut story = Story::new();
        let [first, second] = story.nodes;
        assert!(story.elsewhere.is_first(second), "alone");
        story.here(0, &[]);
        assert!(!story.elsewhere.is_first(second));
        story.here(1, &[]);
        assert!(!story.elsewhere.is_first(first), "it is told of itself by nobody");
        story.wait(VALID);
        assert!(story.elsewhere.is_first(second));
    }
}
