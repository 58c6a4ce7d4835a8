//! Lines on standard input and output, for scripts and for screen readers: one
//! line for each thing that happens, no colours, no movement of the cursor
//! (docs/chat.md).

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Write},
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};

use super::{
    command::{self, Command, HELP},
    error::{Error, Result},
    feed::Link,
    listed,
    model::{Before, Change, Conversation},
    stop::Stop,
    talk::{Notice, Talk},
    types::{Friendship, Id, Message, author},
};

/// How long the end waits for what was written to be carried out, and sent;
/// while online from each line on.
const LAST_WAIT: Duration = Duration::from_secs(30);
/// How many lines are read ahead of the one that is being carried out, so that
/// the end of the input is noticed. While offline it is all of them.
const AHEAD: usize = 1_000;
/// How many messages of the history are shown at once.
const HISTORY: usize = 20;

/// Why it ends.
enum End {
    /// It was told to.
    Quit,
    /// So was the server; or the session ended by itself.
    SignedOut { asked: bool },
}

/// A line of the input, or why it can't be read.
pub(super) type Line = Result<String, String>;

/// A talk by lines.
struct Plain {
    talk: Talk,
    /// What was read and is not begun yet.
    lines: VecDeque<Line>,
    /// The first message of each conversation that was shown as history.
    shown: HashMap<Id, u64>,
    /// Whether what was asked for of the history is being read.
    reading: bool,
    /// What was said last of the connection.
    state: Option<String>,
    /// How many errors were told: of lines that were not carried out, and of
    /// messages that the server would not take.
    failed: usize,
    url: String,
}

/// Talks until the input ends, or is told to.
pub(super) async fn run(
    talk: Talk,
    url: String,
    mut input: mpsc::Receiver<Line>,
    mut stop: Stop,
) -> Result<()> {
    let mut plain = Plain::new(talk, url);
    let mut last_wait = None;
    loop {
        let end = if let Some(line) = plain.next_line() {
            // Long scripts are read to their end.
            if last_wait.is_some() && plain.talk.link == Link::Live {
                last_wait = Some(Box::pin(sleep(LAST_WAIT)));
            }
            plain.read(line)?
        } else {
            let reading = last_wait.is_none() && plain.reads_ahead();
            tokio::select! {
                notices = plain.talk.next() => plain.tell(notices)?,
                line = input.recv(), if reading => {
                    match line {
                        Some(line) => plain.lines.push_back(line),
                        None => last_wait = Some(Box::pin(sleep(LAST_WAIT))),
                    }
                    None
                }
                () = async { if let Some(wait) = &mut last_wait { wait.await } },
                    if last_wait.is_some() => return plain.ended(),
                () = stop.told() => return plain.ended(),
            }
        };
        match end {
            Some(End::Quit) => {
                plain.lines.clear();
                last_wait = Some(Box::pin(sleep(LAST_WAIT)));
            }
            Some(End::SignedOut { asked: true }) => {
                print(&["signed out".to_owned()])?;
                // As with `/quit`, what is written behind it is for nobody.
                return plain.outcome(0);
            }
            Some(End::SignedOut { asked: false }) => return Err(Error::SignedOut),
            None => {}
        }
        if last_wait.is_some() && plain.is_done() {
            return plain.ended();
        }
    }
}

impl Plain {
    fn new(talk: Talk, url: String) -> Self {
        Self {
            talk,
            lines: VecDeque::new(),
            shown: HashMap::new(),
            reading: false,
            state: None,
            failed: 0,
            url,
        }
    }

    /// Whether the next line has to wait: it may be about what is being sent.
    fn is_busy(&self) -> bool {
        let sending = self.talk.link == Link::Live && self.talk.outbox.len() > 0;
        sending || self.talk.is_busy()
    }

    fn next_line(&mut self) -> Option<Line> {
        if self.is_busy() { None } else { self.lines.pop_front() }
    }

    fn reads_ahead(&self) -> bool {
        self.lines.len() < AHEAD || self.talk.link != Link::Live
    }

    fn is_done(&self) -> bool {
        self.lines.is_empty() && !self.talk.is_busy() && self.talk.outbox.len() == 0
    }

    fn ended(&self) -> Result<()> {
        let written = |line: &&Line| line.as_ref().map_or(true, |line| !line.trim().is_empty());
        self.outcome(self.lines.iter().filter(written).count() + self.talk.under_way())?;
        match (self.talk.model.me(), &self.talk.link) {
            (Some(_), _) => Ok(()),
            (None, Link::Broken(why)) => Err(Error::Unreachable(why.clone())),
            (None, _) => Err(Error::Unreachable("no answer yet".to_owned())),
        }
    }

    /// What came of everything, where so many lines are left.
    fn outcome(&self, left: usize) -> Result<()> {
        match left + self.talk.outbox.len() + self.failed {
            0 => Ok(()),
            undone => Err(Error::Undone(undone)),
        }
    }

    fn read(&mut self, line: Line) -> Result<Option<End>> {
        let command = match line.and_then(|line| command::parse(&line)) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(None),
            Err(wrong) => return self.tell(vec![Notice::Failed(wrong)]),
        };
        if command == Command::History {
            return self.history();
        }
        let says = matches!(command, Command::Say(_) | Command::Reply(..));
        let before = self.talk.outbox.len();
        let notices = self.talk.carry_out(command);
        if says && self.talk.link != Link::Live && self.talk.outbox.len() > before {
            print(&[format!("waiting: {} to be sent", self.talk.outbox.len())])?;
        }
        self.tell(notices)
    }

    fn tell(&mut self, notices: Vec<Notice>) -> Result<Option<End>> {
        let mut end = None;
        for notice in notices {
            match notice {
                Notice::Quit => end = Some(End::Quit),
                Notice::SignedOut { asked } => end = Some(End::SignedOut { asked }),
                Notice::Page(id) if self.reading && self.talk.current.as_ref() == Some(&id) => {
                    self.reading = false;
                    self.show_history()?;
                }
                notice => {
                    print(&self.lines(&notice))?;
                    self.note_read(&notice);
                }
            }
        }
        Ok(end)
    }

    /// What is printed of the conversation that is open has been read.
    fn note_read(&mut self, notice: &Notice) {
        let shown = match notice {
            Notice::Change(Change::Said { conversation, .. }) => Some(conversation),
            Notice::Opened(conversation) => Some(conversation),
            _ => None,
        };
        if shown.is_some() && shown == self.talk.current.as_ref() {
            self.talk.seen();
        }
    }

    fn lines(&mut self, notice: &Notice) -> Vec<String> {
        match notice {
            Notice::Change(change) => self.change(change),
            Notice::Ready => {
                let name = self.talk.model.me().map_or("", |me| &me.username);
                let mut lines = vec![format!("signed in: @{name} at {}", self.url)];
                let requests = self.talk.model.requests.len();
                if requests > 0 {
                    lines.push(format!("friend requests: {requests}"));
                }
                let unread = |(_, talk): &(&Id, &Conversation)| talk.unread() > 0 && !talk.muted;
                let waiting = self.talk.model.conversations().into_iter().filter(unread);
                lines.extend(waiting.map(|(_, talk)| listed::conversation(talk)));
                lines
            }
            Notice::Opened(id) => {
                let talk = self.talk.model.conversation(id);
                let line = |talk: &Conversation| {
                    format!("open: {}, {} unread", talk.title(), talk.unread())
                };
                talk.map(line).into_iter().collect()
            }
            Notice::Conversations => {
                let all = self.talk.model.conversations();
                let lines: Vec<_> =
                    all.into_iter().map(|(_, talk)| listed::conversation(talk)).collect();
                or_none(lines, "conversation: none")
            }
            Notice::Listing(listing) => listed::lines(listing, &self.talk.model),
            Notice::Done(what) => vec![format!("done: {what}")],
            Notice::Failed(why) => {
                self.failed += 1;
                vec![format!("error: {why}")]
            }
            Notice::NotSent(draft, why) => {
                self.failed += 1;
                vec![format!("error: not sent: {why}: {}", one_line(&draft.body))]
            }
            Notice::Link(link) => self.link(link),
            Notice::Help => {
                HELP.iter().map(|(usage, does)| format!("help: {usage}: {does}")).collect()
            }
            Notice::Page(_) | Notice::SignedOut { .. } | Notice::Quit => Vec::new(),
        }
    }

    /// Said once for each reason, however often it is tried.
    fn link(&mut self, link: &Link) -> Vec<String> {
        let state = match link {
            Link::Connecting => return Vec::new(),
            Link::Live => "state: online".to_owned(),
            Link::Broken(why) => format!("state: offline, trying to come back: {why}"),
        };
        if self.state.as_ref() == Some(&state) {
            return Vec::new();
        }
        self.state = Some(state.clone());
        vec![state]
    }

    fn change(&self, change: &Change) -> Vec<String> {
        let talk = |id: &Id| self.talk.model.conversation(id);
        let place = |id: &Id| talk(id).map(Conversation::title).unwrap_or_default();
        let message = |id: &Id, seq: &u64| talk(id).and_then(|talk| talk.messages.get(seq));
        match change {
            Change::Said { conversation, seq } => message(conversation, seq)
                .map(|message| said(&place(conversation), message))
                .unwrap_or_default(),
            Change::Edited { conversation, seq } => {
                let text = message(conversation, seq).and_then(|message| message.body.as_deref());
                let text = one_line(text.unwrap_or_default());
                vec![format!("edited: [{}] {seq}: {text}", place(conversation))]
            }
            Change::Deleted { conversation, seq } => {
                vec![format!("deleted: [{}] {seq}", place(conversation))]
            }
            Change::Reacted { conversation, seq } => {
                let reactions = message(conversation, seq).and_then(|m| m.reactions.as_deref());
                let all = listed::reactions(reactions.unwrap_or_default());
                vec![format!("reactions: [{}] {seq}: {all}", place(conversation))]
            }
            Change::Typing { conversation, who, typing } => {
                let state = if *typing { "typing" } else { "stopped typing" };
                vec![format!("{state}: [{}] @{}", place(conversation), &**who)]
            }
            Change::Presence { who, online } => {
                let state = if *online { "online" } else { "offline" };
                vec![format!("presence: @{} {state}", &**who)]
            }
            Change::Friendship { who, friendship: Friendship::RequestReceived } => {
                vec![format!("friend request: @{}", &**who)]
            }
            Change::Friendship { who, friendship } => {
                vec![format!("friendship: {}", super::answers::stands(who, Some(*friendship)))]
            }
            Change::Member { conversation, who, inside } => {
                let state = if *inside { "is a member" } else { "left" };
                vec![format!("member: {}: @{} {state}", place(conversation), &**who)]
            }
            Change::Joined { conversation } => {
                vec![format!("member: {}: you are in it", place(conversation))]
            }
            Change::Left { title } => vec![format!("member: {title}: you left")],
        }
    }

    fn history(&mut self) -> Result<Option<End>> {
        let open = self.talk.current.clone();
        let Some((id, talk)) =
            open.and_then(|id| Some((id.clone(), self.talk.model.conversation(&id)?)))
        else {
            let wrong = "open a conversation first: /to @NAME".to_owned();
            return self.tell(vec![Notice::Failed(wrong)]);
        };
        let top = self.shown.get(&id).copied().unwrap_or(u64::MAX);
        let here = talk.messages.range(..top).count();
        if here < HISTORY && talk.before != Before::Nothing {
            self.reading = true;
            self.talk.read_on();
            return Ok(None);
        }
        self.show_history().map(|()| None)
    }

    /// Shows what is here of the history before what was shown last.
    fn show_history(&mut self) -> Result<()> {
        let Some(id) = self.talk.current.clone() else { return Ok(()) };
        let Some(talk) = self.talk.model.conversation(&id) else { return Ok(()) };
        let top = self.shown.get(&id).copied().unwrap_or(u64::MAX);
        let mut page: Vec<_> = talk.messages.range(..top).rev().take(HISTORY).collect();
        page.reverse();
        let place = talk.title();
        let lines = page.iter().flat_map(|(_, message)| {
            let mut lines = said(&place, message);
            if let Some(first) = lines.first_mut() {
                *first = format!("history: {first}");
            }
            let reactions = message.reactions.as_deref().unwrap_or_default();
            if !reactions.is_empty() {
                lines.push(format!("| {}", listed::reactions(reactions)));
            }
            lines
        });
        let lines: Vec<_> = lines.collect();
        if let Some((first, _)) = page.first() {
            self.shown.insert(id, **first);
        }
        print(&or_none(lines, &format!("history: [{place}] nothing before")))
    }
}

/// A message: its first line, and the others behind `| `.
fn said(place: &str, message: &Message) -> Vec<String> {
    let reply = message
        .reply_to
        .as_ref()
        .map(|reply| format!(" (to {} of {})", reply.seq, author(reply.sender.as_ref())));
    let body = message.body.as_deref().unwrap_or("(deleted)");
    let edited =
        if message.edited_at.is_some() && message.body.is_some() { " (edited)" } else { "" };
    let mut texts = body.split('\n');
    let first = texts.next().unwrap_or_default();
    let head = format!(
        "[{place}] {} {}{}{edited}: {first}",
        message.seq,
        message.author(),
        reply.unwrap_or_default()
    );
    std::iter::once(head).chain(texts.map(|line| format!("| {line}"))).collect()
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

fn or_none(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}

/// Prints lines, at once.
pub(super) fn print(lines: &[String]) -> Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests;
