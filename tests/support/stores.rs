//! Where the stores of the tests are.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AnyConnection, Connection, Executor};

/// The stores that one test uses.
#[derive(Clone, Debug)]
pub struct StoreUrls {
    pub sql: Option<String>,
    pub graph: Option<String>,
}

/// The variable's value; a test without its stores fails and says how to get
/// them.
pub fn required(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set. Run ./scripts/test, or start the stores by \
             `scripts/stores up` and then `eval \"$(scripts/stores env)\"`"
        )
    })
}

/// A name that no other test has.
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    format!("{:x}{count:x}", nanos.wrapping_mul(u64::from(std::process::id()) | 1) & 0xff_ffff_ffff)
}

impl StoreUrls {
    /// The embedded default.
    pub fn embedded() -> Self {
        Self { sql: None, graph: None }
    }

    /// A new database on the MySQL server, and the Neo4j server that all
    /// tests share.
    pub async fn servers() -> Self {
        let graph = Some(required("CHATTERBOX_TEST_GRAPH_URL"));
        Self { graph, ..Self::sql_server().await }
    }

    /// A new database on the MySQL server.
    pub async fn sql_server() -> Self {
        let server = required("CHATTERBOX_TEST_SQL_URL");
        let (base, _) = server.rsplit_once('/').unwrap();
        let name = format!("test_{}", unique());
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        Self { sql: Some(format!("{base}/{name}")), graph: None }
    }

    /// Drops the database.
    pub async fn drop(&self) {
        if let Some(url) = &self.sql {
            let (_, name) = url.rsplit_once('/').unwrap();
            execute(&required("CHATTERBOX_TEST_SQL_URL"), &format!("DROP DATABASE {name}")).await;
        }
    }
}

async fn execute(url: &str, statement: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}
