//! What is known of one conversation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::chat::{
    text::Line,
    types::{Message, Page, Partner, Reaction, Summary},
};

/// What is known of one conversation.
#[derive(Clone, Debug, Default)]
pub(in crate::chat) struct Conversation {
    /// `None` until it was asked for: an event names it by its id alone.
    pub partner: Option<Partner>,
    pub muted: bool,
    /// The viewer knows that they are in it.
    pub member: bool,
    /// The viewer came in, and was not told so yet.
    pub joined: bool,
    /// By `seq`. What is here has no gap, but while one is being filled.
    pub messages: BTreeMap<u64, Message>,
    /// The last message that is known, which need not be among `messages`.
    pub last: Option<Message>,
    pub active_at: Option<Timestamp>,
    /// Who types, besides the viewer.
    pub typing: BTreeSet<Line>,
    /// Where what lies before is read on.
    pub before: Before,
    read: u64,
    /// What was told up to here was told in order, and once; `None` before
    /// anything happened.
    told: Option<u64>,
}

/// Where the messages before those that are here are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::chat) enum Before {
    /// Nothing was read yet.
    #[default]
    Unread,
    /// Before this cursor.
    Cursor(String),
    /// There are none.
    Nothing,
}

impl Conversation {
    /// The `seq` of the last message; 0 where there is none.
    pub fn last_seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.seq)
    }

    /// How many messages the viewer has not read.
    pub fn unread(&self) -> u64 {
        self.last_seq().saturating_sub(self.read)
    }

    /// What it is called: `@name` or `#name`.
    pub fn title(&self) -> String {
        match &self.partner {
            Some(Partner::Peer { peer }) => format!("@{}", &*peer.username),
            Some(Partner::Group { name, .. }) => format!("#{}", &**name),
            None => "…".to_owned(),
        }
    }

    /// The `seq` of the first message that is here.
    pub fn oldest(&self) -> Option<u64> {
        self.messages.first_key_value().map(|(seq, _)| *seq)
    }

    pub(super) fn summarise(&mut self, summary: Summary, first: bool) {
        let seq = summary.last_message.as_ref().map_or(0, |last| last.seq);
        self.partner = Some(summary.partner);
        self.muted = summary.muted;
        self.active_at = self.active_at.max(summary.last_activity_at);
        self.read_to(seq.saturating_sub(summary.unread_count));
        // What comes later is told; what was there before is history.
        self.member |= first;
        if first && self.told.is_none() {
            self.told = Some(seq);
        }
        if let Some(last) = summary.last_message {
            self.now_last(&last);
        }
    }

    pub(super) fn read_to(&mut self, seq: u64) {
        self.read = self.read.max(seq);
    }

    /// Takes in a message, which may be here already: what is told later wins.
    pub(super) fn take_in(&mut self, mut message: Message) {
        self.now_last(&message);
        let known = self.messages.get(&message.seq);
        if message.reactions.is_none() {
            message.reactions = known.and_then(|known| known.reactions.clone());
        }
        self.messages.insert(message.seq, message);
    }

    fn now_last(&mut self, message: &Message) {
        if message.seq >= self.last_seq() {
            self.active_at = self.active_at.max(Some(message.sent_at));
            self.last = Some(message.clone());
        }
    }

    /// Takes in a page; `before` belongs to its first message.
    pub(super) fn turn_page(&mut self, page: Page) {
        let reaches_back = match (page.messages.first(), self.oldest()) {
            (Some(first), Some(oldest)) => first.seq <= oldest,
            _ => true,
        };
        for message in page.messages {
            self.take_in(message);
        }
        if reaches_back {
            self.before = page.before.map_or(Before::Nothing, Before::Cursor);
        }
    }

    pub(super) fn react(&mut self, seq: u64, reactions: Vec<Reaction>) -> bool {
        let message = self.messages.get_mut(&seq);
        message
            .is_some_and(|message| message.reactions.replace(reactions.clone()) != Some(reactions))
    }

    /// An event brought the message of this `seq`: whoever hears of none
    /// before it hears of it first.
    pub(super) fn heard(&mut self, seq: u64) {
        if self.told.is_none() {
            self.told = Some(seq.saturating_sub(1));
            self.read_to(seq.saturating_sub(1));
        }
    }

    /// What is to be told now: each message once, in order.
    pub(super) fn tell(&mut self) -> Vec<u64> {
        let Some(told) = self.told.filter(|_| self.partner.is_some()) else { return Vec::new() };
        let next: Vec<u64> =
            (told + 1..).take_while(|seq| self.messages.contains_key(seq)).collect();
        self.told = Some(next.last().copied().unwrap_or(told));
        next
    }

    /// Behind which `seq` something is missing that others already know.
    pub(super) fn gap(&self) -> Option<u64> {
        let told = self.told?;
        let whole = (told + 1..=self.last_seq()).all(|seq| self.messages.contains_key(&seq));
        (!whole).then_some(told)
    }
}
