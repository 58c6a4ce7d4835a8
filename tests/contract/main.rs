//! What every SQL store has to keep, run on SQLite and on MySQL or MariaDB.
#![allow(missing_docs, reason = "tests tell their story themselves")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod attempts;
mod bus;
mod connections;
mod dead_letters;
mod departures;
mod email_change;
mod following;
mod jobs;
mod lapsing;
mod last_seen;
mod log;
mod memberships;
mod messages;
mod migrations;
mod present;
mod reactions;
mod reading;
mod revisions;
mod search;
mod sessions;
mod trimming;
mod turns;

use chatterbox::{
    ambient::{Ambient, SystemRandom},
    sql::Sql,
};
use support::{app::TestClock, stores::StoreUrls};

/// A store of its own for one test.
pub struct Stores {
    pub sql: Sql,
    pub ambient: Ambient,
    pub clock: TestClock,
    pub url: String,
    urls: StoreUrls,
    data: tempfile::TempDir,
}

impl Stores {
    async fn sqlite() -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = Sql::sqlite_url(&data.path().join("chatterbox.db"));
        Self::open(url, StoreUrls::embedded(), data).await
    }

    async fn mysql() -> Self {
        let urls = StoreUrls::sql_server().await;
        let url = urls.sql.clone().unwrap();
        Self::open(url, urls, tempfile::tempdir().unwrap()).await
    }

    async fn open(url: String, urls: StoreUrls, data: tempfile::TempDir) -> Self {
        let clock = TestClock::default();
        let sql = Sql::open(&url).unwrap();
        sql.migrate().await.unwrap();
        let ambient = Ambient::new(clock.clone(), SystemRandom);
        Self { sql, ambient, clock, url, urls, data }
    }

    /// An empty store beside this one.
    pub async fn fresh(&self) -> (String, StoreUrls) {
        if self.urls.sql.is_some() {
            let urls = StoreUrls::sql_server().await;
            return (urls.sql.clone().unwrap(), urls);
        }
        let path = self.data.path().join("fresh.db");
        (Sql::sqlite_url(&path), StoreUrls::embedded())
    }

    async fn end(self) {
        self.sql.close().await;
        self.urls.drop().await;
    }
}

/// Runs each promise on both.
#[macro_export]
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stores = $crate::Stores::sqlite().await;
                super::$name(&stores).await;
                stores.end().await;
            })*
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stores = $crate::Stores::mysql().await;
                super::$name(&stores).await;
                stores.end().await;
            })*
        }
    };
}
