//! Knows whether the SQL server is there, so that nobody waits for one that
//! is away.
//!
//! The pool hides a refused connection behind retries until its time is up.
//! So a connection outside the pool asks the server four times a second;
//! while it gets no answer every acquisition fails at once, and those that
//! wait already are released. Where its connection broke and the server takes
//! another one, as when a proxy before it was restarted, that is no outage. In both
//! cases connections that are older are not used again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{Connection, any::AnyConnectOptions};
use tokio::sync::watch;
use tracing::{info, warn};

use super::failure;
use crate::error::{Error, Result, chain};

const PERIOD: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Default)]
struct State {
    away: bool,
    /// When connections broke last, or the server was away last.
    last_break: Option<Instant>,
}

/// What becomes of the connection that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The same as before answered, or the first one.
    Kept,
    /// It broke, and another one answered.
    Anew,
}

/// Whether the store is there.
#[derive(Clone)]
pub(super) struct Availability {
    state: watch::Receiver<State>,
    // Keeps the channel of a store that is always there open.
    _sender: Option<Arc<watch::Sender<State>>>,
}

impl Availability {
    /// Of a store within the process.
    pub(super) fn always() -> Self {
        let (sender, state) = watch::channel(State::default());
        Self { state, _sender: Some(Arc::new(sender)) }
    }

    /// Of the server behind `options`. The watch ends with the last clone.
    pub(super) fn watch(options: AnyConnectOptions) -> Self {
        let (sender, state) = watch::channel(State::default());
        tokio::spawn(async move {
            tokio::select! {
                () = watch_server(&sender, &options) => {}
                () = sender.closed() => {}
            }
        });
        Self { state, _sender: None }
    }

    /// A connection; fails at once while the store is away.
    pub(super) async fn unless_away<C>(
        &self,
        connection: impl Future<Output = Result<C, sqlx::Error>>,
    ) -> Result<C> {
        let mut state = self.state.clone();
        tokio::select! {
            biased;
            _ = state.wait_for(|state| state.away) => {
                Err(Error::unavailable("the SQL server is away"))
            }
            connection = connection => connection.map_err(failure),
        }
    }

    /// Whether the store is away.
    pub(super) fn is_away(&self) -> bool {
        self.state.borrow().away
    }

    /// Whether a connection that was opened then is younger than the last break.
    pub(super) fn outlived(&self, opened: Option<Instant>) -> bool {
        match (opened, self.state.borrow().last_break) {
            (Some(opened), Some(broke)) => opened > broke,
            (_, broke) => broke.is_none(),
        }
    }
}

async fn watch_server(state: &watch::Sender<State>, options: &AnyConnectOptions) {
    let mut connection = None;
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = tokio::time::timeout(PATIENCE, ask(&mut connection, options)).await;
        let answer = match answer {
            Ok(answer) => answer.map_err(|error| chain(&error)),
            Err(_elapsed) => Err("no answer in time".to_owned()),
        };
        note(state, answer);
    }
}

async fn ask(
    held: &mut Option<sqlx::AnyConnection>,
    options: &AnyConnectOptions,
) -> Result<Answer, sqlx::Error> {
    // Taken out while it is asked: what fails or is given up is not used again.
    let mut answer = Answer::Kept;
    if let Some(mut connection) = held.take() {
        if connection.ping().await.is_ok() {
            *held = Some(connection);
            return Ok(answer);
        }
        answer = Answer::Anew;
    }
    let mut connection = super::connect(options).await?;
    connection.ping().await?;
    *held = Some(connection);
    Ok(answer)
}

fn note(state: &watch::Sender<State>, answer: Result<Answer, String>) {
    state.send_if_modified(|state| {
        let away = answer.is_err();
        match (state.away, answer) {
            (false, Ok(Answer::Kept)) | (true, Err(_)) => return false,
            (false, Ok(Answer::Anew)) => info!("connections to the SQL server broke"),
            (false, Err(error)) => warn!(error, "the SQL server is away"),
            (true, Ok(_)) => info!("the SQL server is back"),
        }
        *state = State { away, last_break: Some(Instant::now()) };
        true
    });
}
