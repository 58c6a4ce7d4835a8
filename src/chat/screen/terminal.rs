//! The terminal while the client has it, and as it was afterwards.

use std::io::{self, IsTerminal, stdout};

use crossterm::{
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
};
use ratatui::{DefaultTerminal, Frame, style::Color};

use crate::chat::error::{Error, Result};

/// The terminal; given back as it was when dropped, and where anything panics.
pub(super) struct Terminal {
    terminal: DefaultTerminal,
    colours: bool,
}

impl Terminal {
    /// Takes it.
    pub fn open() -> Result<Self> {
        if !io::stdin().is_terminal() || !stdout().is_terminal() {
            return Err(Error::Unknown("this is no terminal: use --plain"));
        }
        // <https://no-color.org>
        let colours = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let terminal = Self { terminal: ratatui::try_init()?, colours };
        execute!(stdout(), EnableBracketedPaste)?;
        let restore = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _done = execute!(stdout(), DisableBracketedPaste);
            restore(panic);
        }));
        Ok(terminal)
    }

    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        let colours = self.colours;
        self.terminal.draw(|frame| {
            render(frame);
            if !colours {
                without_colours(frame);
            }
        })?;
        Ok(())
    }
}

/// crossterm, left alone with `NO_COLOR`, resets what is bold or reversed too.
fn without_colours(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _done = execute!(stdout(), DisableBracketedPaste);
        ratatui::restore();
    }
}
