//! How people are connected.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use sqlx::AnyConnection;

use super::{
    SqliteGraph,
    statement::{Statement, bytes, id, list, statements},
};
use crate::{Path, Result, UserId};

statements! {
    REACHABLE = "paths/reachable":
        "SELECT p.id FROM graph_people p \
         WHERE p.id IN (SELECT unhex(value) FROM json_each(?2)) \
           AND EXISTS (SELECT 1 FROM graph_people WHERE id = ?1) \
           AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = p.id) \
           AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = p.id AND blocked = ?1)";
    NEIGHBOURS = "paths/neighbours":
        "SELECT person, friend FROM graph_friends \
         WHERE person IN (SELECT unhex(value) FROM json_each(?1))";
}

impl SqliteGraph {
    /// Breadth first from both ends. The search from the viewer is shared by
    /// all; one statement takes a step for everyone.
    pub(super) async fn paths(
        &self,
        viewer: UserId,
        others: &[UserId],
        max: u8,
    ) -> Result<HashMap<UserId, Path>> {
        if others.is_empty() {
            return Ok(HashMap::new());
        }
        let mut snapshot = self.snapshot().await?;
        let reachable = REACHABLE.bind(bytes(viewer)).bind(list(others));
        let reachable = reachable.all(&mut snapshot).await?;
        let mut near = Search::from(viewer);
        let mut far: HashMap<UserId, Search> = reachable
            .iter()
            .map(|row| id(row, 0).map(|other| (other, Search::from(other))))
            .collect::<Result<_>>()?;

        let mut paths = HashMap::new();
        meet(&near, &mut far, &mut paths);
        for _ in 0..max {
            if far.is_empty() || near.edge.is_empty() {
                break;
            }
            let waiting: usize = far.values().map(|search| search.edge.len()).sum();
            if near.edge.len() <= waiting {
                let friends = neighbours(&mut snapshot, &near.edge).await?;
                near.step(&friends);
            } else {
                let edge: HashSet<UserId> =
                    far.values().flat_map(|search| &search.edge).copied().collect();
                let edge: Vec<UserId> = edge.into_iter().collect();
                let friends = neighbours(&mut snapshot, &edge).await?;
                far.values_mut().for_each(|search| search.step(&friends));
            }
            meet(&near, &mut far, &mut paths);
        }
        Ok(paths)
    }
}

/// Everyone within some steps of where a search began.
struct Search {
    /// From whom each was reached; where it began, from itself.
    reached: HashMap<UserId, UserId>,
    /// Those that the last step reached.
    edge: Vec<UserId>,
}

impl Search {
    fn from(start: UserId) -> Self {
        Self { reached: HashMap::from([(start, start)]), edge: vec![start] }
    }

    fn step(&mut self, friends: &HashMap<UserId, Vec<UserId>>) {
        let mut next = Vec::new();
        for &from in &self.edge {
            for &to in friends.get(&from).into_iter().flatten() {
                if let Entry::Vacant(entry) = self.reached.entry(to) {
                    entry.insert(from);
                    next.push(to);
                }
            }
        }
        self.edge = next;
    }

    /// From `person`, who was reached, back to where the search began.
    fn way_back(&self, mut person: UserId) -> Path {
        let mut way = vec![person];
        while let Some(&before) = self.reached.get(&person)
            && before != person
        {
            way.push(before);
            person = before;
        }
        way
    }
}

/// Moves those whose search has met the viewer's from `far` to `paths`, and
/// drops those whose search has ended. Every step reaches all who are one
/// step farther, so the first meeting is on a shortest path.
fn meet(near: &Search, far: &mut HashMap<UserId, Search>, paths: &mut HashMap<UserId, Path>) {
    far.retain(|&other, search| {
        let meeting = if near.edge.len() <= search.edge.len() {
            near.edge.iter().find(|person| search.reached.contains_key(person))
        } else {
            search.edge.iter().find(|person| near.reached.contains_key(person))
        };
        if let Some(&meeting) = meeting {
            let mut path = near.way_back(meeting);
            path.reverse();
            path.extend(search.way_back(meeting).into_iter().skip(1));
            paths.insert(other, path);
        }
        meeting.is_none() && !search.edge.is_empty()
    });
}

async fn neighbours(
    connection: &mut AnyConnection,
    people: &[UserId],
) -> Result<HashMap<UserId, Vec<UserId>>> {
    let mut friends: HashMap<UserId, Vec<UserId>> = HashMap::new();
    for row in NEIGHBOURS.bind(list(people)).all(connection).await? {
        friends.entry(id(&row, 0)?).or_default().push(id(&row, 1)?);
    }
    Ok(friends)
}
