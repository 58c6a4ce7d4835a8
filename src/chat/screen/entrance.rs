//! Signing in and registering on the screen.

use std::pin::pin;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::StreamExt;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    widgets::{Block, Borders, Paragraph, Wrap},
};
use ratatui_textarea::TextArea;

use super::terminal::Terminal;
use crate::chat::{
    error::{Error, Result},
    session::{Door, Session},
    stop::Stop,
    text::Line,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    SignIn,
    Register,
    /// The code that was sent to the address.
    Confirm,
}

/// A form that is filled in.
pub(super) struct Form {
    url: String,
    step: Step,
    login: TextArea<'static>,
    email: TextArea<'static>,
    password: TextArea<'static>,
    code: TextArea<'static>,
    /// Which of the step's fields is written into.
    at: usize,
    said: String,
}

/// What a key leads to.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Stay,
    Submit,
    Leave,
}

impl Form {
    pub fn new(url: &str, login: &str, email: &str, register: bool) -> Self {
        let mut password = field("");
        password.set_mask_char('•');
        Self {
            url: url.to_owned(),
            step: if register { Step::Register } else { Step::SignIn },
            login: field(login),
            email: field(email),
            password,
            code: field(""),
            at: usize::from(!login.is_empty()),
            said: String::new(),
        }
    }

    /// Says something, such as why nobody is signed in.
    pub fn say(&mut self, said: &str) {
        said.clone_into(&mut self.said);
    }

    /// Who came in; `None` where they would rather not.
    pub async fn fill_in(
        &mut self,
        door: &Door,
        terminal: &mut Terminal,
        events: &mut EventStream,
        stop: &mut Stop,
    ) -> Result<Option<Session>> {
        loop {
            terminal.draw(|frame| self.draw(frame))?;
            let event = tokio::select! {
                event = events.next() => event.ok_or(Error::Unknown("the terminal is gone"))??,
                () = stop.told() => return Ok(None),
            };
            let turn = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
                Event::Paste(text) => {
                    self.field().insert_str(&*Line::from(text));
                    Turn::Stay
                }
                _ => Turn::Stay,
            };
            match turn {
                Turn::Stay => continue,
                Turn::Leave => return Ok(None),
                Turn::Submit => "one moment…".clone_into(&mut self.said),
            }
            terminal.draw(|frame| self.draw(frame))?;
            let outcome = {
                let mut trying = pin!(self.submit(door));
                loop {
                    tokio::select! {
                        outcome = &mut trying => break outcome,
                        Some(Ok(Event::Key(key))) = events.next() => {
                            if is_leaving(key) { return Ok(None) }
                        }
                        () = stop.told() => return Ok(None),
                    }
                }
            };
            match outcome {
                Ok(session) => return Ok(Some(session)),
                Err(error) if error.is("EMAIL_NOT_VERIFIED") => {
                    self.go_to(Step::Confirm);
                    self.say("write the code from the e-mail");
                }
                Err(error) => self.say(&error.to_string()),
            }
        }
    }

    async fn submit(&self, door: &Door) -> Result<Session> {
        let (login, password) = (text(&self.login), text(&self.password));
        match self.step {
            Step::SignIn => door.sign_in(&login, &password).await,
            Step::Register => {
                door.register(&login, &text(&self.email), &password).await?;
                door.sign_in(&login, &password).await
            }
            Step::Confirm => {
                let written = text(&self.email);
                let email = if written.is_empty() { login } else { written };
                door.verify(&email, &text(&self.code)).await
            }
        }
    }

    fn go_to(&mut self, step: Step) {
        self.step = step;
        self.at = 0;
        if step == Step::Confirm
            && (text(&self.login).contains('@') || !text(&self.email).is_empty())
        {
            self.at = 1;
        }
    }

    fn fields(&mut self) -> Vec<(&'static str, &mut TextArea<'static>)> {
        let Self { login, email, password, code, .. } = self;
        match self.step {
            Step::SignIn => vec![("Username or e-mail address", login), ("Password", password)],
            Step::Register => {
                vec![("Username", login), ("E-mail address", email), ("Password", password)]
            }
            Step::Confirm => vec![("E-mail address", email), ("Code from the e-mail", code)],
        }
    }

    fn field(&mut self) -> &mut TextArea<'static> {
        let at = self.at;
        let mut fields = self.fields();
        fields.swap_remove(at.min(fields.len() - 1)).1
    }

    fn key(&mut self, key: KeyEvent) -> Turn {
        let count = self.fields().len();
        match key.code {
            _ if is_leaving(key) => return Turn::Leave,
            KeyCode::Esc if self.step == Step::Confirm => self.go_to(Step::SignIn),
            KeyCode::Esc => return Turn::Leave,
            KeyCode::F(2) => {
                self.go_to(match self.step {
                    Step::SignIn => Step::Register,
                    Step::Register | Step::Confirm => Step::SignIn,
                });
                self.said.clear();
            }
            KeyCode::Tab | KeyCode::Down => self.at = (self.at + 1) % count,
            KeyCode::BackTab | KeyCode::Up => self.at = (self.at + count - 1) % count,
            KeyCode::Enter if self.at + 1 < count => self.at += 1,
            KeyCode::Enter => return Turn::Submit,
            _ => {
                self.field().input(key);
            }
        }
        Turn::Stay
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let (title, hint) = match self.step {
            Step::SignIn => (" Sign in ", " Enter go on   F2 make an account   Esc quit "),
            Step::Register => (" Make an account ", " Enter go on   F2 sign in   Esc quit "),
            Step::Confirm => (" Confirm the address ", " Enter go on   Esc back "),
        };
        let area = frame.area();
        let (width, height) = (area.width.min(60), area.height.min(14));
        let x = (area.width - width) / 2;
        let at = Rect::new(x, (area.height - height) / 3, width, height);
        let block = Block::new().borders(Borders::ALL).title(title).title_bottom(hint);
        let inner = block.inner(at);
        frame.render_widget(block, at);
        let said = std::mem::take(&mut self.said);
        let (url, chosen) = (format!("at {}", self.url), self.at);
        let mut rows = vec![Constraint::Length(1)];
        let fields = self.fields();
        rows.extend(fields.iter().map(|_| Constraint::Length(3)));
        rows.push(Constraint::Min(1));
        let rows = Layout::vertical(rows).split(inner);
        frame.render_widget(Paragraph::new(url), rows[0]);
        for (number, (label, field)) in fields.into_iter().enumerate() {
            let chosen = number == chosen;
            let style = if chosen { Style::new().fg(Color::Cyan) } else { Style::new() };
            let cursor = if chosen { Modifier::REVERSED } else { Modifier::empty() };
            field.set_cursor_style(Style::new().add_modifier(cursor));
            field.set_block(Block::new().borders(Borders::ALL).title(label).border_style(style));
            frame.render_widget(&*field, rows[number + 1]);
        }
        let paragraph = Paragraph::new(said.as_str()).wrap(Wrap { trim: true });
        frame.render_widget(paragraph, rows[rows.len() - 1]);
        self.said = said;
    }
}

fn is_leaving(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'q'))
}

fn field(text: &str) -> TextArea<'static> {
    let mut field = TextArea::new(vec![text.to_owned()]);
    field.set_cursor_line_style(Style::new());
    field.move_cursor(ratatui_textarea::CursorMove::End);
    field
}

fn text(field: &TextArea<'_>) -> String {
    field.lines().concat()
}
