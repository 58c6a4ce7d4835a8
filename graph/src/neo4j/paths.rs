//! How people are connected.

use std::collections::HashMap;

use neo4rs::Query;
use serde::Deserialize;

use super::{
    Neo4jGraph,
    statement::{Bound, Statement, list, read, statements, text},
};
use crate::{Path, Result, UserId};

statements! {
    SHORTEST = "paths/shortest";
}

/// The bound as the file has it.
const BOUND: &str = "*..6]";

impl Neo4jGraph {
    pub(super) async fn paths(
        &self,
        viewer: UserId,
        others: &[UserId],
        max: u8,
    ) -> Result<HashMap<UserId, Path>> {
        #[derive(Deserialize)]
        struct PathRow {
            path: Vec<UserId>,
        }
        let mut paths = HashMap::new();
        // No path leads from a node to itself.
        if others.contains(&viewer) && self.people(&[viewer]).await?.contains_key(&viewer) {
            paths.insert(viewer, vec![viewer]);
        }
        let others: Vec<UserId> = others.iter().copied().filter(|&id| id != viewer).collect();
        if max == 0 || others.is_empty() {
            return Ok(paths);
        }
        let shortest = within(max).bind("viewer", text(viewer)).bind("others", list(&others));
        let rows = self.session.read(shortest).await?;
        for PathRow { path } in read(&rows)? {
            if let Some(&other) = path.last() {
                paths.insert(other, path);
            }
        }
        Ok(paths)
    }
}

/// The statement with its bound: a number, so that nothing can slip in.
fn within(max: u8) -> Bound {
    let cypher = SHORTEST.cypher.replace(BOUND, &format!("*..{max}]"));
    Bound { name: SHORTEST.name, query: Query::new(cypher) }
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
