//! The screen of somebody who is signed in: its state, and what changes it.

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::StreamExt;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui_textarea::{TextArea, WrapMode};

use super::{
    picker::{Kind, Picker},
    terminal::Terminal,
    view,
};
use crate::chat::{
    answers,
    command::{self, Command},
    error::{Error, Result},
    feed::Link,
    model::{Before, Change},
    stop::Stop,
    talk::{Notice, Talk},
    text::Text,
    types::{Friendship, Id},
};

/// How a talk on the screen ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Quit,
    SignedOut { asked: bool },
}

/// What the line that is written is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Say,
    Reply(u64),
    Edit(u64),
}

/// What lies over the conversation.
pub(super) enum Dialog {
    /// From this line of the help on.
    Help(u16),
    Picker(Box<Picker>),
    /// An emoji is chosen for this message.
    React(u64),
    /// Whether this message is to be deleted.
    Delete(u64),
}

/// The screen.
pub(super) struct Board {
    pub talk: Talk,
    pub composer: TextArea<'static>,
    pub purpose: Purpose,
    pub dialog: Option<Dialog>,
    pub selected: Option<u64>,
    /// The message that is shown last; `None` at the end.
    pub bottom: Option<u64>,
    /// The message that is shown first.
    pub top: Option<u64>,
    pub new_from: Option<u64>,
    /// What was told last, and whether it went wrong.
    pub said: Option<(String, bool)>,
    pub zone: TimeZone,
    /// A message that was searched for and is not here yet.
    seek: Option<u64>,
    /// The person was told that something is not sent yet.
    pub warned: bool,
}

/// Talks until the person has had enough, or the session has ended.
pub(super) async fn run(
    talk: Talk,
    terminal: &mut Terminal,
    events: &mut EventStream,
    stop: &mut Stop,
) -> Result<End> {
    let mut board = Board::new(talk);
    loop {
        terminal.draw(|frame| view::draw(&mut board, frame))?;
        let notices = tokio::select! {
            notices = board.talk.next() => notices,
            event = events.next() => match event {
                Some(event) => board.event(event?),
                None => return Err(Error::Unknown("the terminal is gone")),
            },
            () = stop.told() => return Ok(End::Quit),
        };
        if let Some(end) = board.take(notices) {
            return Ok(end);
        }
    }
}

impl Board {
    pub fn new(talk: Talk) -> Self {
        Self {
            talk,
            composer: line(),
            purpose: Purpose::Say,
            dialog: None,
            selected: None,
            bottom: None,
            top: None,
            new_from: None,
            said: None,
            zone: TimeZone::system(),
            seek: None,
            warned: false,
        }
    }

    fn event(&mut self, event: Event) -> Vec<Notice> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => {
                let text = Text::from(text);
                match &mut self.dialog {
                    Some(Dialog::Picker(picker)) => {
                        picker.unsearched = picker.input.insert_str(text.replace('\n', " "));
                    }
                    Some(_) => {}
                    None => {
                        self.composer.insert_str(&*text);
                    }
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Takes in what is told.
    pub fn take(&mut self, notices: Vec<Notice>) -> Option<End> {
        for notice in notices {
            match notice {
                Notice::Quit => return Some(End::Quit),
                Notice::SignedOut { asked } => return Some(End::SignedOut { asked }),
                notice => self.show(notice),
            }
        }
        None
    }

    fn show(&mut self, notice: Notice) {
        match notice {
            Notice::Change(change) => self.change(&change),
            Notice::Ready => {
                let first = self.talk.model.conversations().first().map(|(id, _)| (*id).clone());
                if let Some(id) = first.filter(|_| self.talk.current.is_none()) {
                    self.open(id);
                }
            }
            Notice::Opened(id) => self.opened(&id),
            Notice::Page(_) => self.sought(),
            Notice::Listing(listing) => self.list(listing),
            Notice::Done(what) => self.said = Some((what, false)),
            Notice::Failed(why) => self.said = Some((why, true)),
            Notice::NotSent(draft, why) => {
                // What was written is not lost.
                if self.composer.is_empty()
                    && self.talk.current.as_ref() == Some(&draft.conversation)
                {
                    self.composer.insert_str(draft.body);
                }
                self.said = Some((format!("not sent: {why}"), true));
            }
            Notice::Link(Link::Live) => self.look_again(),
            Notice::Help => self.dialog = Some(Dialog::Help(0)),
            Notice::Conversations => {
                self.said = Some(("Tab goes through the conversations".to_owned(), false));
            }
            Notice::Link(_) | Notice::SignedOut { .. } | Notice::Quit => {}
        }
        if self.bottom.is_none() && self.dialog.is_none() {
            self.talk.seen();
        }
    }

    /// After [`Talk`] forgot the history, what is open is read anew.
    fn look_again(&mut self) {
        let open = self.talk.current.as_ref().and_then(|id| self.talk.model.conversation(id));
        if open.is_some_and(|talk| talk.before == Before::Unread) {
            self.talk.read_on();
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Friendship { who, friendship } => {
                let text = answers::stands(who, Some(*friendship));
                let hint = match friendship {
                    Friendship::RequestReceived => ": F2 answers",
                    _ => "",
                };
                self.said = Some((text + hint, false));
                if matches!(&self.dialog, Some(Dialog::Picker(picker)) if picker.kind == Kind::People)
                {
                    self.look_up(Kind::People);
                }
            }
            Change::Joined { conversation } => {
                let title = self.talk.model.conversation(conversation).map(|talk| talk.title());
                let title = title.unwrap_or_default();
                self.said = Some((format!("you are in {title}"), false));
            }
            Change::Left { title } => {
                let open = self.talk.current.as_ref();
                if open.is_some_and(|id| self.talk.model.conversation(id).is_none()) {
                    self.talk.current = None;
                }
                self.said = Some((format!("you are no longer in {title}"), false));
            }
            Change::Member { conversation, who, inside } => {
                let state = if *inside { "is a member" } else { "left" };
                if self.talk.current.as_ref() == Some(conversation) {
                    self.said = Some((format!("@{} {state}", &**who), false));
                }
            }
            _ => {}
        }
    }

    /// Opens a conversation that is known.
    pub fn open(&mut self, id: Id) {
        let notices = self.talk.enter(id);
        self.take(notices);
    }

    fn opened(&mut self, id: &Id) {
        self.dialog = None;
        self.selected = None;
        self.bottom = None;
        if self.purpose != Purpose::Say {
            self.cancel();
        }
        let talk = self.talk.model.conversation(id);
        self.new_from = talk
            .filter(|talk| talk.unread() > 0)
            .map(|talk| talk.last_seq().saturating_sub(talk.unread()) + 1);
        if talk.is_some_and(|talk| talk.before == Before::Unread) {
            self.talk.read_on();
        }
        self.sought();
    }

    /// Opens a conversation at a message.
    pub fn go_to_message(&mut self, conversation: Id, seq: u64) {
        self.seek = Some(seq);
        self.open(conversation);
    }

    /// Selects what was searched for, once it is here.
    fn sought(&mut self) {
        let Some(seq) = self.seek else { return };
        let open = self.talk.current.as_ref().and_then(|id| self.talk.model.conversation(id));
        match open {
            Some(talk) if talk.messages.contains_key(&seq) => {
                self.seek = None;
                self.select(seq);
            }
            Some(talk) if talk.before != Before::Nothing => self.talk.read_on(),
            _ => self.seek = None,
        }
    }

    pub fn select(&mut self, seq: u64) {
        self.selected = Some(seq);
        self.bottom = Some(self.bottom.map_or(seq, |bottom| bottom.max(seq)));
    }

    /// Goes to the end, where what is new appears.
    pub fn go_to_end(&mut self) {
        self.selected = None;
        self.bottom = None;
        self.talk.seen();
    }

    fn list(&mut self, listing: crate::chat::talk::Listing) {
        let kind = Picker::kind_of(&listing);
        if !matches!(&self.dialog, Some(Dialog::Picker(picker)) if picker.kind == kind) {
            self.dialog = Some(Dialog::Picker(Box::new(Picker::new(kind))));
        }
        if let Some(Dialog::Picker(picker)) = &mut self.dialog {
            picker.show(listing, &self.talk.model);
        }
    }

    /// Opens a list, or reads it anew.
    pub fn look_up(&mut self, kind: Kind) -> Vec<Notice> {
        if !matches!(&self.dialog, Some(Dialog::Picker(picker)) if picker.kind == kind) {
            self.dialog = Some(Dialog::Picker(Box::new(Picker::new(kind))));
        }
        let Some(Dialog::Picker(picker)) = &mut self.dialog else { return Vec::new() };
        let command = picker.search();
        command.map(|command| self.talk.carry_out(command)).unwrap_or_default()
    }

    /// What Enter does with what is written.
    pub fn submit(&mut self) -> Vec<Notice> {
        let text = self.composer.lines().join("\n");
        self.said = None;
        let command = match self.purpose {
            Purpose::Say => command::parse(&text),
            Purpose::Reply(_) | Purpose::Edit(_) if text.trim().is_empty() => Ok(None),
            Purpose::Reply(seq) => Ok(Some(Command::Reply(seq, text.trim().to_owned()))),
            Purpose::Edit(seq) => Ok(Some(Command::Edit(seq, text.trim().to_owned()))),
        };
        match command {
            Ok(None) => Vec::new(),
            Ok(Some(command)) => {
                if matches!(command, Command::Say(_)) && self.talk.current.is_none() {
                    return vec![Notice::Failed("open a conversation first: F2".to_owned())];
                }
                self.cancel();
                self.go_to_end();
                self.new_from = None;
                self.talk.carry_out(command)
            }
            Err(wrong) => vec![Notice::Failed(wrong)],
        }
    }

    /// Begins to reply to a message, or to change it.
    pub fn begin(&mut self, purpose: Purpose) {
        self.cancel();
        if let Purpose::Edit(seq) = purpose
            && let Ok(message) = self.talk.message(seq)
        {
            self.composer.insert_str(message.body.as_deref().unwrap_or_default());
        }
        self.purpose = purpose;
        self.selected = None;
    }

    /// An empty line, for a message.
    pub fn cancel(&mut self) {
        self.composer = line();
        self.purpose = Purpose::Say;
    }
}

fn line() -> TextArea<'static> {
    let mut line = TextArea::default();
    line.set_cursor_line_style(Style::new());
    line.set_wrap_mode(WrapMode::WordOrGlyph);
    line
}
