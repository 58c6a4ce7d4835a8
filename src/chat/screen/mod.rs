//! The client on the whole screen.

mod board;
mod entrance;
mod history;
mod keys;
mod picker;
mod terminal;
#[cfg(test)]
mod tests;
mod view;
mod wrap;

use crossterm::event::EventStream;

use self::{board::End, entrance::Form, terminal::Terminal};
use super::{
    error::Result,
    session::{Door, Session},
    stop::Stop,
    talk::Talk,
};
use crate::{ambient::Ambient, cli::Chat};

/// Talks until the person has had enough; asks who they are where nobody is
/// signed in.
pub(super) async fn run(
    door: Door,
    kept: Option<Session>,
    options: Chat,
    password: Option<String>,
    ambient: Ambient,
) -> Result<()> {
    let mut terminal = Terminal::open()?;
    let (mut events, mut stop) = (EventStream::new(), Stop::new()?);
    let login = options.login.as_deref().unwrap_or_default();
    let email = options.email.as_deref().unwrap_or_default();
    let mut form = Form::new(options.url.as_str(), login, email, options.register);
    let mut entered = kept;
    if let (None, false, Some(password)) = (&entered, options.register, password) {
        match door.sign_in(login, &password).await {
            Ok(session) => entered = Some(session),
            Err(error) => form.say(&error.to_string()),
        }
    }
    loop {
        let session = match entered.take() {
            Some(session) => session,
            None => match form.fill_in(&door, &mut terminal, &mut events, &mut stop).await? {
                Some(session) => session,
                None => return Ok(()),
            },
        };
        let talk = Talk::start(session, ambient.clone());
        let said = match board::run(talk, &mut terminal, &mut events, &mut stop).await? {
            End::Quit => return Ok(()),
            End::SignedOut { asked: true } => "You are signed out.",
            End::SignedOut { asked: false } => "The session has ended: sign in again.",
        };
        form = Form::new(options.url.as_str(), login, "", false);
        form.say(said);
    }
}
