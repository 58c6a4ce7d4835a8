//! What keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    board::{Board, Dialog, Purpose},
    picker::{Choice, Kind},
};
use crate::chat::{command::Command, model::Before, talk::Notice};

/// What keys do, for the help.
pub(super) const KEYS: [(&str, &str); 10] = [
    ("Tab, Shift-Tab", "the next conversation, the one before"),
    ("Enter", "send; Alt-Enter begins a new line"),
    ("Up, PgUp", "go up in the conversation, and choose a message"),
    ("End, Esc", "back to the end"),
    ("r, e, d, +", "reply to the chosen message, edit, delete, react"),
    ("F1", "this help"),
    ("F2", "people: friends, requests, everyone"),
    ("F3", "groups"),
    ("F4", "search all messages"),
    ("Ctrl-C", "quit"),
];

/// What the digits stand for where one reacts.
pub(super) const EMOJI: [&str; 8] = ["👍", "❤️", "😂", "😮", "😢", "🎉", "🔥", "👀"];

/// How many messages a page is.
const PAGE: usize = 8;

impl Board {
    /// Does what a key is for.
    pub fn key(&mut self, key: KeyEvent) -> Vec<Notice> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'q') if control => return self.quit(),
            KeyCode::F(1) => {
                self.dialog = Some(Dialog::Help(0));
                return Vec::new();
            }
            KeyCode::F(number @ 2..=4) => {
                self.dialog = None;
                return self.look_up(match number {
                    2 => Kind::People,
                    3 => Kind::Groups,
                    _ => Kind::Search,
                });
            }
            _ => {}
        }
        self.warned = false;
        self.said = None;
        match self.dialog.take() {
            Some(Dialog::Help(from)) => self.help_key(key, from),
            Some(Dialog::React(seq)) => return self.react_key(key, seq),
            Some(Dialog::Delete(seq)) => {
                if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                    return self.talk.carry_out(Command::Delete(seq));
                }
            }
            dialog @ Some(Dialog::Picker(_)) => {
                self.dialog = dialog;
                return self.picker_key(key);
            }
            None => match self.selected {
                Some(seq) if self.composer.is_empty() => return self.selected_key(key, seq),
                _ => return self.writing_key(key),
            },
        }
        Vec::new()
    }

    fn quit(&mut self) -> Vec<Notice> {
        let unsent = self.talk.outbox.len();
        if unsent == 0 || self.warned {
            return vec![Notice::Quit];
        }
        self.warned = true;
        vec![Notice::Failed(format!("{unsent} not sent yet: Ctrl-C again quits without"))]
    }

    fn help_key(&mut self, key: KeyEvent, from: u16) {
        let from = match key.code {
            KeyCode::Down => from + 1,
            KeyCode::PageDown | KeyCode::Char(' ') => from + 10,
            KeyCode::Up => from.saturating_sub(1),
            KeyCode::PageUp => from.saturating_sub(10),
            _ => return,
        };
        self.dialog = Some(Dialog::Help(from));
    }

    fn react_key(&mut self, key: KeyEvent, seq: u64) -> Vec<Notice> {
        let KeyCode::Char(digit) = key.code else { return Vec::new() };
        let number = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
        let emoji = number.and_then(|number| EMOJI.get(number.checked_sub(1)?));
        let (Some(emoji), Ok(message)) = (emoji, self.talk.message(seq)) else { return Vec::new() };
        let mut reactions = message.reactions.iter().flatten();
        let own = reactions.any(|r| &*r.emoji == *emoji && r.viewer_reacted);
        self.talk.carry_out(Command::React { seq, emoji: (*emoji).to_owned(), add: !own })
    }

    fn picker_key(&mut self, key: KeyEvent) -> Vec<Notice> {
        let Some(Dialog::Picker(picker)) = &mut self.dialog else { return Vec::new() };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => self.dialog = None,
            KeyCode::Up => picker.move_by(-1),
            KeyCode::Down => picker.move_by(1),
            KeyCode::PageUp => picker.move_by(-10),
            KeyCode::PageDown => picker.move_by(10),
            KeyCode::Char(letter @ ('a' | 'd')) if control => {
                let command = picker.answer(letter == 'a');
                return command.map(|command| self.talk.carry_out(command)).unwrap_or_default();
            }
            // What was said a moment ago is found a moment later.
            KeyCode::Enter if picker.unsearched || picker.is_empty() => {
                let command = picker.search();
                return command.map(|command| self.talk.carry_out(command)).unwrap_or_default();
            }
            KeyCode::Enter => {
                let choice = picker.enter();
                // What is written from now on is meant for the conversation.
                self.dialog = self.dialog.take().filter(|_| choice.is_none());
                match choice {
                    Some(Choice::Command(command)) => return self.talk.carry_out(command),
                    Some(Choice::Open(id)) => self.open(id),
                    Some(Choice::Message(id, seq)) => self.go_to_message(id, seq),
                    None => {}
                }
            }
            KeyCode::Tab | KeyCode::BackTab => {}
            _ => picker.unsearched |= picker.input.input(key),
        }
        Vec::new()
    }

    fn selected_key(&mut self, key: KeyEvent, seq: u64) -> Vec<Notice> {
        match key.code {
            KeyCode::Up => self.go_up(seq, 1),
            KeyCode::PageUp => self.go_up(seq, PAGE),
            KeyCode::Down => self.go_down(seq, 1),
            KeyCode::PageDown => self.go_down(seq, PAGE),
            KeyCode::End | KeyCode::Esc => self.go_to_end(),
            KeyCode::Char('r') | KeyCode::Enter => self.begin(Purpose::Reply(seq)),
            KeyCode::Char('e') => {
                let own = self.talk.message(seq).ok().filter(|message| {
                    self.talk.model.is_me(message.sender.as_ref()) && message.body.is_some()
                });
                match own {
                    Some(_) => self.begin(Purpose::Edit(seq)),
                    None => {
                        self.said = Some(("only what you wrote can be changed".to_owned(), true));
                    }
                }
            }
            KeyCode::Char('d') | KeyCode::Delete => self.dialog = Some(Dialog::Delete(seq)),
            KeyCode::Char('+') => self.dialog = Some(Dialog::React(seq)),
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Char(_) => return self.writing_key(key),
            _ => {}
        }
        Vec::new()
    }

    fn writing_key(&mut self, key: KeyEvent) -> Vec<Notice> {
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter if alt => self.composer.insert_newline(),
            KeyCode::Char('j') if control => self.composer.insert_newline(),
            KeyCode::Enter => return self.submit(),
            KeyCode::Tab => self.turn(1),
            KeyCode::BackTab => self.turn(-1),
            KeyCode::Esc if self.purpose != Purpose::Say => self.cancel(),
            KeyCode::Esc => self.go_to_end(),
            KeyCode::PageUp => self.go_up(self.top_or_last(), PAGE),
            KeyCode::PageDown => match self.selected {
                Some(seq) => self.go_down(seq, PAGE),
                None => self.go_to_end(),
            },
            KeyCode::End if self.composer.is_empty() => self.go_to_end(),
            KeyCode::Up if self.composer.is_empty() => {
                let last = self.open_seqs().next_back();
                last.into_iter().for_each(|last| self.select(last));
            }
            _ => {
                if self.composer.input(key) {
                    let typing =
                        !self.composer.is_empty() && !self.composer.lines()[0].starts_with('/');
                    self.talk.types(typing);
                }
            }
        }
        Vec::new()
    }

    fn open_seqs(&self) -> impl DoubleEndedIterator<Item = u64> {
        let open = self.talk.current.as_ref().and_then(|id| self.talk.model.conversation(id));
        open.into_iter().flat_map(|talk| talk.messages.keys().copied())
    }

    fn top_or_last(&self) -> u64 {
        self.selected.or(self.top).or(self.open_seqs().next_back()).unwrap_or_default()
    }

    /// Reads the history on where it ends here.
    fn go_up(&mut self, from: u64, by: usize) {
        let above: Vec<u64> = self.open_seqs().take_while(|seq| *seq < from).collect();
        match above.len().checked_sub(by).map(|at| above[at]).or(above.first().copied()) {
            Some(seq) => self.select(seq),
            None if self.open_seqs().any(|seq| seq == from) => self.select(from),
            None => {}
        }
        let open = self.talk.current.as_ref().and_then(|id| self.talk.model.conversation(id));
        if above.len() <= by * 2 && open.is_some_and(|talk| talk.before != Before::Nothing) {
            self.talk.read_on();
        }
    }

    fn go_down(&mut self, from: u64, by: usize) {
        let below: Vec<u64> = self.open_seqs().skip_while(|seq| *seq <= from).collect();
        match below.get(by - 1) {
            Some(seq) => self.select(*seq),
            None if by == 1 || below.is_empty() => self.go_to_end(),
            None => below.last().copied().into_iter().for_each(|last| self.select(last)),
        }
    }

    /// Goes on in the list of conversations.
    fn turn(&mut self, by: isize) {
        let all: Vec<_> =
            self.talk.model.conversations().into_iter().map(|(id, _)| id.clone()).collect();
        let Some(count) = isize::try_from(all.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let here = all.iter().position(|id| Some(id) == self.talk.current.as_ref());
        let here = here.and_then(|at| isize::try_from(at).ok());
        let next = here.map_or(0, |at| (at + by).rem_euclid(count));
        let next = usize::try_from(next).unwrap_or_default();
        self.open(all[next].clone());
    }
}
