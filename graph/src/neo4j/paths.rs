//! How people are connected.

use std::collections::BTreeMap;

use neo4rs::Query;

use super::{
    Neo4jGraph,
    people::get,
    session::Session,
    statement::{Bound, Statement, statements, text},
};
use crate::{Path, PathBetween, Result};

statements! {
    SHORTEST = "paths/shortest";
}

/// The bound as the file has it.
const BOUND: &str = "*..6]";

impl Neo4jGraph {
    pub(super) async fn paths(&self, asked: &[PathBetween]) -> Result<Vec<Option<Path>>> {
        self.shared.paths.ask(&self.session, asked, paths).await
    }
}

/// Those with the same bound are asked together. No path leads from a node to
/// itself, so there it is only asked whether the node is there.
async fn paths(session: Session, asked: Vec<PathBetween>) -> Result<Vec<Option<Path>>> {
    let mut paths: Vec<_> = asked.iter().map(|_| None).collect();
    let mut by_bound: BTreeMap<u8, Vec<(usize, PathBetween)>> = BTreeMap::new();
    let mut own = Vec::new();
    for (place, asked) in asked.into_iter().enumerate() {
        if asked.viewer == asked.other {
            own.push((place, asked.viewer));
        } else if asked.max > 0 {
            by_bound.entry(asked.max).or_default().push((place, asked));
        }
    }
    for (max, asked) in by_bound {
        let questions = asked.iter().map(|(_, asked)| {
            [("viewer", text(asked.viewer).into()), ("other", text(asked.other).into())]
        });
        let found = session.answer_each(within(max).asked(questions)).await?;
        for ((place, _), path) in asked.iter().zip(found) {
            paths[*place] = path;
        }
    }
    if !own.is_empty() {
        let people = get(session, own.iter().map(|&(_, viewer)| viewer).collect()).await?;
        for ((place, viewer), person) in own.into_iter().zip(people) {
            paths[place] = person.map(|_| vec![viewer]);
        }
    }
    Ok(paths)
}

/// The statement with its bound: a number, so that nothing can slip in.
fn within(max: u8) -> Bound {
    let cypher = SHORTEST.cypher.replace(BOUND, &format!("*..{max}]"));
    Bound { query: Query::new(cypher), ..SHORTEST.bound() }
}

#[cfg(test)]
mod tests {
    use super::{BOUND, SHORTEST, within};

    #[test]
    fn the_bound_is_written_in() {
        assert_eq!(SHORTEST.cypher.matches(BOUND).count(), 1);
        assert!(within(250).query.query().contains("FRIENDS_WITH*..250]"));
    }
}
