//! How people are connected.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use sqlx::AnyConnection;

use super::{
    SqliteGraph,
    statement::{Statement, bytes, id, ids, list, statements},
};
use crate::{Path, PathBetween, Result, UserId};

statements! {
    AVOIDED = "paths/avoided":
        "SELECT blocked FROM graph_blocks WHERE blocker = ?1 \
         UNION ALL SELECT blocker FROM graph_blocks WHERE blocked = ?1 \
         UNION ALL SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM graph_people WHERE id = ?1)";
    // One row for each, since rows are what takes long to hand on.
    NEIGHBOURS = "paths/neighbours":
        "SELECT person, group_concat(hex(friend), '') FROM graph_friends \
         WHERE person IN (SELECT unhex(value) FROM json_each(?1)) GROUP BY person";
}

impl SqliteGraph {
    /// Those who are asked about by the same viewer share a search.
    pub(super) async fn paths(&self, asked: &[PathBetween]) -> Result<Vec<Option<Path>>> {
        let mut searches: HashMap<(UserId, u8), Vec<UserId>> = HashMap::new();
        for &PathBetween { viewer, other, max } in asked {
            searches.entry((viewer, max)).or_default().push(other);
        }
        let mut found = HashMap::new();
        let mut reader = self.reader().await?;
        let mut snapshot = Self::snapshot(&mut reader).await?;
        for ((viewer, max), others) in searches {
            let paths = search(&mut snapshot, viewer, &others, max).await?;
            found.extend(paths.into_iter().map(|(other, path)| ((viewer, max, other), path)));
        }
        let path =
            |asked: &PathBetween| found.get(&(asked.viewer, asked.max, asked.other)).cloned();
        Ok(asked.iter().map(path).collect())
    }
}

/// Breadth first from both ends. The search from the viewer is shared by all;
/// one statement takes a step for everyone.
async fn search(
    connection: &mut AnyConnection,
    viewer: UserId,
    others: &[UserId],
    max: u8,
) -> Result<HashMap<UserId, Path>> {
    let avoided = avoided(connection, viewer).await?;
    let mut near = Search::from(viewer);
    let others = others.iter().filter(|other| !avoided.contains(other));
    let mut far: HashMap<_, _> = others.map(|&other| (other, Search::from(other))).collect();

    let mut paths = HashMap::new();
    meet(&near, &mut far, &mut paths);
    for _ in 0..max {
        if far.is_empty() || near.edge.is_empty() {
            break;
        }
        let waiting: usize = far.values().map(|search| search.edge.len()).sum();
        if near.edge.len() <= waiting {
            let friends = neighbours(connection, &near.edge).await?;
            near.step(&friends, &avoided);
        } else {
            let edge: HashSet<UserId> =
                far.values().flat_map(|search| &search.edge).copied().collect();
            let edge: Vec<UserId> = edge.into_iter().collect();
            let friends = neighbours(connection, &edge).await?;
            far.values_mut().for_each(|search| search.step(&friends, &avoided));
        }
        meet(&near, &mut far, &mut paths);
    }
    Ok(paths)
}

/// Who is on no path of the viewer's: those with a block between the two, and
/// the viewer itself where it is not in the graph.
async fn avoided(connection: &mut AnyConnection, viewer: UserId) -> Result<HashSet<UserId>> {
    let rows = AVOIDED.bind(bytes(viewer)).all(connection).await?;
    rows.iter().map(|row| id(row, 0)).collect()
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

    fn step(&mut self, friends: &HashMap<UserId, Vec<UserId>>, avoided: &HashSet<UserId>) {
        let mut next = Vec::new();
        for &from in &self.edge {
            for &to in friends.get(&from).into_iter().flatten() {
                if avoided.contains(&to) {
                    continue;
                }
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
    let rows = NEIGHBOURS.bind(list(people)).all(connection).await?;
    rows.iter().map(|row| Ok((id(row, 0)?, ids(row, 1)?))).collect()
}
