//! The harness of all integration tests: the real server on a free port, with
//! a clock of its own, on either set of stores.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what helps is shown with a failure")]

pub mod accounts;
pub mod app;
pub mod client;
pub mod crowd;
pub mod feed;
pub mod groups;
pub mod grpc;
pub mod messages;
pub mod process;
pub mod stores;

#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub use app::TestApp;
pub use client::Client;
pub use feed::Feed;

use std::time::Duration;

/// How long anything may take that a test waits for.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for `event`, for as long as [`DEADLINE`] allows.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}

/// Asks again and again until there is an answer, for what no event announces.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    within(what, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    })
    .await
}

/// Runs each story on the embedded stores and on MySQL with Neo4j.
#[macro_export]
macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let app = $crate::support::TestApp::embedded().await;
                super::$name(&app).await;
                app.stop().await;
            })*
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let app = $crate::support::TestApp::servers().await;
                super::$name(&app).await;
                app.stop().await;
            })*
        }
    };
}
