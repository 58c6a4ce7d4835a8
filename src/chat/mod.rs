//! A terminal client: of the API alone, as anybody could write it.
//!
//! [`Talk`] holds what is known and asks for what is missing; the [`screen`]
//! and [`plain`] lines show it and pass on what is written.

mod answers;
mod client;
mod command;
mod credentials;
mod error;
mod feed;
mod listed;
mod model;
mod operations;
mod outbox;
mod plain;
mod screen;
mod session;
mod stop;
mod talk;
mod text;
mod types;
mod welcome;

use std::io::{self, BufRead};

pub use error::{Error, Result};
use tokio::sync::mpsc;

use self::{client::Client, session::Door, stop::Stop, talk::Talk};
use crate::{ambient::Ambient, cli::Chat};

/// Talks, until the person has had enough.
///
/// # Errors
///
/// Where it can't go on: nobody is signed in, the terminal is gone.
pub async fn run(options: Chat, password: Option<String>) -> Result<()> {
    let ambient = Ambient::system();
    let client = Client::new(&options.url)?;
    let url = client.url().to_owned();
    let door = Door::new(client, ambient.clone())?;
    let kept = if options.register { None } else { door.kept(options.login.as_deref())? };
    if !options.plain {
        return screen::run(door, kept, options, password, ambient).await;
    }
    let session = match kept {
        Some(session) => session,
        None => welcome::enter(&door, &options, password).await?,
    };
    let talk = Talk::start(session, ambient);
    plain::run(talk, url, lines(), Stop::new()?).await
}

/// The lines of standard input; reading them blocks a thread of its own.
fn lines() -> mpsc::Receiver<plain::Line> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let failed = line.is_err();
            let line = line.map_err(|error| format!("the input can't be read: {error}"));
            let line = line.and_then(|line| {
                String::from_utf8(line).map_err(|_| "a line that is not UTF-8".to_owned())
            });
            // What can't be read now would not be read the next time either.
            if sender.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
    receiver
}
