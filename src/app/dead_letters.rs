//! What operators do with jobs that were given up.

use chatterbox_graph::Timestamp;

use super::Stores;
use crate::{
    ambient::Ambient,
    cli::DeadLetterAction,
    config::Config,
    error::{Error, Result},
    ids::{self, JobId},
    jobs::{DeadLetter, DeadLetterStore},
    sql::Sql,
};

/// How many `list` shows at most.
const LIST: usize = 1_000;

/// Carries the action out, and returns what is to be printed.
pub(super) async fn run(config: &Config, action: DeadLetterAction, id: &str) -> Result<String> {
    let stores = Stores::open_existing(config)?;
    stores.sql.migrate().await?;
    let said = act(&stores.sql, action, id).await;
    stores.sql.close().await;
    said
}

async fn act(store: &Sql, action: DeadLetterAction, id: &str) -> Result<String> {
    if action == DeadLetterAction::List {
        return Ok(list(&store.dead_letters(LIST).await?));
    }
    let id: JobId = ids::parse("id", id)?;
    match action {
        DeadLetterAction::Replay => {
            let now = Ambient::system().now();
            done(store.replay(id, now).await?, "will be tried again")
        }
        DeadLetterAction::Drop => done(store.drop_dead_letter(id).await?, "dropped"),
        DeadLetterAction::List | DeadLetterAction::Show => {
            let letter = store.dead_letter(id).await?;
            Ok(show(&letter.ok_or(Error::NotFound("dead letter"))?))
        }
    }
}

fn done(there: bool, what: &str) -> Result<String> {
    if there { Ok(what.to_owned()) } else { Err(Error::NotFound("dead letter")) }
}

fn list(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "no dead letters".to_owned();
    }
    let lines = letters.iter().map(|letter| {
        let DeadLetter { job, last_error, died_at } = letter;
        format!("{}  {}  {:<18}  {last_error}", job.id, date(*died_at), job.task.name())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn show(letter: &DeadLetter) -> String {
    let DeadLetter { job, last_error, died_at } = letter;
    format!(
        "id          {}\ntask        {}\nsubject     {}\ncreated at  {}\ngiven up at {}\nattempts    {}\nlast error  {last_error}",
        job.id,
        job.task.name(),
        job.task.subject(),
        date(job.created_at),
        date(*died_at),
        job.attempts,
    )
}

fn date(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map_or_else(|_| at.0.to_string(), |at| format!("{at:.0}"))
}
