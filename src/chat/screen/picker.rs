//! A list to choose from: people, groups, messages that were found.

use std::borrow::Cow;

use ratatui_textarea::TextArea;

use super::wrap::cut;
use crate::chat::{
    command::{Command, Partner},
    listed,
    model::Model,
    operations::{PublicGroup, Toward},
    talk::Listing,
    types::{Friendship, Message, Person},
};

/// What is chosen among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    People,
    Groups,
    Search,
}

/// A list to choose from, and a line to search by.
pub(super) struct Picker {
    pub kind: Kind,
    pub input: TextArea<'static>,
    items: Vec<Item>,
    pub chosen: usize,
    /// The line was not searched for yet.
    pub unsearched: bool,
    /// Something was looked for.
    searched: bool,
}

enum Item {
    Person(Person, Option<String>),
    Group(PublicGroup),
    /// A message, and what is shown of it.
    Message(Box<Message>, String),
}

impl Item {
    fn line(&self) -> Cow<'_, str> {
        match self {
            Self::Person(person, note) => {
                let note = note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
                Cow::Owned(listed::person(person) + &note)
            }
            Self::Group(group) => {
                let inside = if group.viewer_role.is_some() { ", you are in it" } else { "" };
                let (name, members) = (&*group.named.name, group.member_count);
                Cow::Owned(format!("#{name}, {members} members{inside}"))
            }
            Self::Message(_, line) => Cow::Borrowed(line),
        }
    }
}

impl Picker {
    pub fn new(kind: Kind) -> Self {
        let mut input = TextArea::default();
        input.set_cursor_line_style(ratatui::style::Style::new());
        Self { kind, input, items: Vec::new(), chosen: 0, unsearched: false, searched: false }
    }

    /// What is asked for where nothing was written yet.
    pub fn first(&self) -> Option<Command> {
        match self.kind {
            Kind::People => Some(Command::Friends),
            Kind::Groups => Some(Command::Groups(String::new())),
            Kind::Search => None,
        }
    }

    /// What is asked for by what was written.
    pub fn search(&mut self) -> Option<Command> {
        self.unsearched = false;
        let words = self.input.lines().join(" ").trim().to_owned();
        match self.kind {
            _ if words.is_empty() => self.first(),
            Kind::People => Some(Command::People(words.trim_start_matches('@').to_owned())),
            Kind::Groups => Some(Command::Groups(words.trim_start_matches('#').to_owned())),
            Kind::Search => Some(Command::Search(words)),
        }
    }

    /// The list that a listing belongs into.
    pub fn kind_of(listing: &Listing) -> Kind {
        match listing {
            Listing::Friends(_) | Listing::People(_) | Listing::Requests(_) => Kind::People,
            Listing::Groups(_) => Kind::Groups,
            Listing::Found(_) => Kind::Search,
        }
    }

    /// Shows what was found; those who wait for an answer come first.
    pub fn show(&mut self, listing: Listing, model: &Model) {
        let waiting = || {
            let requests = model.requests.iter();
            requests.map(|request| {
                Item::Person(request.person.clone(), request.note.as_deref().map(str::to_owned))
            })
        };
        let person = |person| Item::Person(person, None);
        self.items = match listing {
            Listing::Friends(people) => waiting().chain(people.into_iter().map(person)).collect(),
            Listing::People(people) => people.into_iter().map(person).collect(),
            Listing::Requests(_) => waiting().collect(),
            Listing::Groups(groups) => groups.into_iter().map(Item::Group).collect(),
            Listing::Found(messages) => {
                let place = |message: &Message| {
                    let talk = model.conversation(&message.conversation.id);
                    talk.map(crate::chat::model::Conversation::title).unwrap_or_default()
                };
                let shown = |message: Message| {
                    let body = message.body.as_deref().unwrap_or_default();
                    let line = format!("[{}] {}: {body}", place(&message), message.author());
                    Item::Message(Box::new(message), line)
                };
                messages.into_iter().map(shown).collect()
            }
        };
        self.chosen = 0;
        self.searched = true;
    }

    pub fn title(&self) -> &'static str {
        match self.kind {
            Kind::People => " People ",
            Kind::Groups => " Groups ",
            Kind::Search => " Search ",
        }
    }

    /// The lines, each in at most so many columns.
    pub fn lines(&self, columns: usize) -> Vec<String> {
        if self.items.is_empty() && self.searched && !self.unsearched {
            return vec![cut("nothing found", columns)];
        }
        self.items.iter().map(|item| cut(&item.line(), columns)).collect()
    }

    /// What the keys do with the one that is chosen.
    pub fn hint(&self) -> &'static str {
        match self.items.get(self.chosen) {
            _ if self.unsearched => "Enter search  Esc close",
            Some(Item::Person(person, _)) => match person.friendship {
                Some(Friendship::RequestReceived) => {
                    "^A accept  ^D decline  Enter write  Esc close"
                }
                Some(Friendship::None) => "^A ask to be friends  Enter write  Esc close",
                Some(Friendship::Friends) => "^D end friendship  Enter write  Esc close",
                _ => "Enter write  Esc close",
            },
            Some(Item::Group(group)) if group.viewer_role.is_none() => "Enter join  Esc close",
            Some(_) => "Enter open  Esc close",
            None => "write, then Enter to search  Esc close",
        }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn move_by(&mut self, by: isize) {
        let last = self.items.len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
    }

    /// What Enter does.
    pub fn enter(&self) -> Option<Choice> {
        Some(match self.items.get(self.chosen)? {
            Item::Person(person, _) => {
                Choice::Command(Command::To(Partner::Person(person.username.to_string())))
            }
            Item::Group(group) if group.viewer_role.is_some() => {
                Choice::Open(group.named.id.clone())
            }
            Item::Group(group) => Choice::Command(Command::Join(group.named.name.to_string())),
            Item::Message(message, _) => {
                Choice::Message(message.conversation.id.clone(), message.seq)
            }
        })
    }

    /// What ^A (`yes`) and ^D do.
    pub fn answer(&self, yes: bool) -> Option<Command> {
        let Item::Person(person, _) = self.items.get(self.chosen)? else { return None };
        let toward = match (person.friendship?, yes) {
            (Friendship::RequestReceived, true) => Toward::Accept,
            (Friendship::RequestReceived, false) => Toward::Decline,
            (Friendship::None, true) => Toward::Ask,
            (Friendship::Friends, false) => Toward::Unfriend,
            _ => return None,
        };
        Some(Command::Toward { toward, username: person.username.to_string(), note: None })
    }
}

/// What was chosen.
pub(super) enum Choice {
    Command(Command),
    Open(String),
    Message(String, u64),
}
