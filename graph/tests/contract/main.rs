//! What every store of the graph has to keep, as stories that are told on
//! each of them: `people::sqlite::…` and `people::neo4j::…`.
//!
//! Neo4j is the one at `CHATTERBOX_TEST_GRAPH_URL`. Its community edition has
//! a single database, so each story makes people of its own and says nothing
//! about others.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

/// Turns stories, functions of a town, into tests on each store.
macro_rules! on_each_store {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&crate::town::Town::on_sqlite().await).await;
            })+
        }
        mod neo4j {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&crate::town::Town::on_neo4j().await).await;
            })+
        }
    };
}

mod asking;
mod at_once;
mod blocking;
mod census;
mod chats;
mod circles;
mod directory;
mod group_chats;
mod group_lists;
mod groups;
mod groups_at_once;
mod history;
mod loading;
mod mutual;
mod paging;
mod paths;
mod people;
mod profile;
mod removal;
mod searching;
mod settings;
mod suggestions;
mod ties;
mod town;
