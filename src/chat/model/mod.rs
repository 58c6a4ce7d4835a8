//! What a client knows, made of answers and events in whatever order they
//! come: pure, so that what is shown is tested without a terminal or a server.

mod conversation;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(super) use conversation::{Before, Conversation};

use super::{
    text::Line,
    types::{
        Event, Friendship, Id, Message, Overview, Page, Partner, Person, Presence, Reacted,
        Request, Summary,
    },
};

/// What a client knows.
#[derive(Debug)]
pub(super) struct Model {
    /// `None` before the first overview.
    me: Option<Person>,
    conversations: HashMap<Id, Conversation>,
    pub requests: Vec<Request>,
    presence: HashMap<Id, Presence>,
    /// As it was told last.
    friendships: HashMap<Id, Friendship>,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Said {
        conversation: Id,
        seq: u64,
    },
    Edited {
        conversation: Id,
        seq: u64,
    },
    Deleted {
        conversation: Id,
        seq: u64,
    },
    Reacted {
        conversation: Id,
        seq: u64,
    },
    Typing {
        conversation: Id,
        who: Line,
        typing: bool,
    },
    Presence {
        who: Line,
        online: bool,
    },
    Friendship {
        who: Line,
        friendship: Friendship,
    },
    Member {
        conversation: Id,
        who: Line,
        inside: bool,
    },
    /// The viewer is in a group now.
    Joined {
        conversation: Id,
    },
    Left {
        title: String,
    },
}

/// What is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Want {
    Overview,
    Conversation(Id),
    /// The messages behind this `seq`.
    Since {
        conversation: Id,
        seq: u64,
    },
}

/// What follows from something that happened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    pub changes: Vec<Change>,
    pub wants: Vec<Want>,
}

impl Model {
    pub fn new() -> Self {
        Self {
            me: None,
            conversations: HashMap::new(),
            requests: Vec::new(),
            presence: HashMap::new(),
            friendships: HashMap::new(),
        }
    }

    /// The viewer.
    pub fn me(&self) -> Option<&Person> {
        self.me.as_ref()
    }

    pub fn is_me(&self, person: Option<&Person>) -> bool {
        person.is_some_and(|person| self.me.as_ref().is_some_and(|me| me.id == person.id))
    }

    pub fn conversation(&self, id: &str) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    /// The most recent one first.
    pub fn conversations(&self) -> Vec<(&Id, &Conversation)> {
        let known = self.conversations.iter().filter(|(_, talk)| talk.partner.is_some());
        let mut sorted: Vec<_> = known.collect();
        sorted.sort_by(|(a_id, a), (b_id, b)| (b.active_at, b_id).cmp(&(a.active_at, a_id)));
        sorted
    }

    pub fn presence(&self, person: &str) -> Option<&Presence> {
        self.presence.get(person)
    }

    /// Takes in an overview.
    pub fn overview(&mut self, overview: Overview) -> Effects {
        let first = self.me.is_none();
        self.me = Some(overview.me);
        self.requests = overview.requests;
        let mut effects = Effects::default();
        for summary in overview.conversations {
            effects.extend(self.summarise(summary, first));
        }
        effects
    }

    /// Takes in a conversation that an event named.
    pub fn summary(&mut self, summary: Summary) -> Effects {
        self.summarise(summary, false)
    }

    /// Takes in a conversation that is opened: what is in it is history.
    pub fn opened(&mut self, summary: Summary) -> Effects {
        self.summarise(summary, true)
    }

    fn summarise(&mut self, summary: Summary, first: bool) -> Effects {
        let id = summary.id.clone();
        if let Partner::Peer { peer } = &summary.partner {
            self.see(peer);
        }
        self.conversations.entry(id.clone()).or_default().summarise(summary, first);
        self.settle(&id)
    }

    /// Takes in a page of history, or what was missing.
    pub fn page(&mut self, conversation: &str, page: Page) -> Effects {
        let Some(talk) = self.conversations.get_mut(conversation) else {
            return Effects::default();
        };
        talk.turn_page(page);
        let told = talk.tell();
        Effects { changes: said(conversation, told), wants: Vec::new() }
    }

    /// Takes in the answer to a message of the viewer's: it is shown, and told
    /// once those before it are.
    pub fn sent(&mut self, message: Message) -> Effects {
        let id = message.conversation.id.clone();
        let talk = self.conversations.entry(id.clone()).or_default();
        talk.read_to(message.seq);
        talk.take_in(message);
        let told = talk.tell();
        Effects { changes: said(&id, told), wants: Vec::new() }
    }

    /// What was read of the history may have changed unheard.
    pub fn forget_history(&mut self) {
        for talk in self.conversations.values_mut() {
            talk.messages.clear();
            talk.before = Before::Unread;
        }
    }

    /// Nobody is heard typing over a broken connection.
    pub fn disconnected(&mut self) {
        for talk in self.conversations.values_mut() {
            talk.typing.clear();
        }
    }

    /// Notes that the viewer has read up to here.
    pub fn read(&mut self, conversation: &str, seq: u64) {
        if let Some(talk) = self.conversations.get_mut(conversation) {
            talk.read_to(seq);
        }
    }

    /// Takes in an event.
    pub fn apply(&mut self, event: Event) -> Effects {
        match event {
            Event::MessageSent { message } => self.heard(message),
            Event::MessageEdited { message } => self.rewritten(message, false),
            Event::MessageDeleted { message } => self.rewritten(message, true),
            Event::ReactionsChanged { message } => self.reacted(message),
            Event::ReadMarkerMoved { conversation, marker } => {
                if self.me.as_ref().is_some_and(|me| me.id == marker.user.id) {
                    self.read(&conversation.id, marker.seq);
                }
                Effects::default()
            }
            Event::MuteChanged { conversation } => {
                if let Some(talk) = self.conversations.get_mut(&conversation.id) {
                    talk.muted = conversation.muted;
                }
                Effects::default()
            }
            Event::GroupChanged { group } => Effects::wanting(Want::Conversation(group.id)),
            Event::MembershipChanged { group, user, role } => {
                self.member(group.id, &user, role.is_some())
            }
            Event::FriendshipChanged { user } => self.befriended(user),
            Event::TypingChanged { conversation, user, typing } => {
                self.typing(conversation.id, user.username, typing)
            }
            Event::PresenceChanged { user } => self.came_or_went(&user),
            Event::Other => Effects::default(),
        }
    }

    fn heard(&mut self, message: Message) -> Effects {
        let (id, seq, mine) =
            (message.conversation.id.clone(), message.seq, self.is_me(message.sender.as_ref()));
        let talk = self.conversations.entry(id.clone()).or_default();
        talk.heard(seq);
        if let Some(sender) = &message.sender {
            talk.typing.remove(&sender.username);
        }
        if mine {
            talk.read_to(seq);
        }
        talk.take_in(message);
        self.settle(&id)
    }

    /// What is told, and what is still missing, of a conversation.
    fn settle(&mut self, id: &str) -> Effects {
        let Some(talk) = self.conversations.get_mut(id) else { return Effects::default() };
        let conversation = id.to_owned();
        let mut changes = Vec::new();
        if talk.partner.is_some() && std::mem::take(&mut talk.joined) {
            changes.push(Change::Joined { conversation: conversation.clone() });
        }
        changes.extend(said(id, talk.tell()));
        let wants = match (&talk.partner, talk.gap()) {
            (None, _) => vec![Want::Conversation(conversation)],
            (Some(_), Some(seq)) => vec![Want::Since { conversation, seq }],
            (Some(_), None) => Vec::new(),
        };
        Effects { changes, wants }
    }

    fn rewritten(&mut self, message: Message, deleted: bool) -> Effects {
        let (conversation, seq) = (message.conversation.id.clone(), message.seq);
        let Some(talk) = self.conversations.get_mut(&conversation) else {
            return Effects::default();
        };
        let here = talk.messages.get(&seq);
        let known = here.or(talk.last.as_ref().filter(|last| last.seq == seq));
        let same =
            |known: &Message| (&known.body, known.edited_at) == (&message.body, message.edited_at);
        if known.is_some_and(same) {
            return Effects::default();
        }
        let mut shown = message;
        if deleted {
            shown.reactions = Some(Vec::new());
        }
        match (here.is_some(), known.is_some()) {
            (true, _) => talk.take_in(shown),
            (false, true) => talk.last = Some(shown),
            // It would leave a gap.
            (false, false) => {}
        }
        let change = match deleted {
            true => Change::Deleted { conversation, seq },
            false => Change::Edited { conversation, seq },
        };
        Effects::telling(change)
    }

    fn reacted(&mut self, Reacted { seq, conversation, reactions }: Reacted) -> Effects {
        let conversation = conversation.id;
        let talk = self.conversations.get_mut(&conversation);
        if !talk.is_some_and(|talk| talk.react(seq, reactions)) {
            return Effects::default();
        }
        Effects::telling(Change::Reacted { conversation, seq })
    }

    fn member(&mut self, group: Id, user: &Person, inside: bool) -> Effects {
        let viewer = self.is_me(Some(user));
        if viewer && !inside {
            let gone = self.conversations.remove(&group);
            let left = gone.map(|talk| Change::Left { title: talk.title() });
            return Effects { changes: left.into_iter().collect(), wants: Vec::new() };
        }
        if viewer {
            let talk = self.conversations.entry(group.clone()).or_default();
            talk.joined |= !std::mem::replace(&mut talk.member, true);
            return Effects::wanting(Want::Conversation(group));
        }
        let who = user.username.clone();
        let change = Change::Member { conversation: group.clone(), who, inside };
        Effects { changes: vec![change], wants: vec![Want::Conversation(group)] }
    }

    /// Takes in how somebody stands to the viewer: an answer and its event tell
    /// it once.
    pub fn befriended(&mut self, person: Person) -> Effects {
        let Some(friendship) = person.friendship else { return Effects::default() };
        if self.friendships.insert(person.id.clone(), friendship) == Some(friendship) {
            return Effects::default();
        }
        self.requests.retain(|request| request.person.id != person.id);
        let who = person.username.clone();
        let mut effects = Effects::telling(Change::Friendship { who, friendship });
        if friendship == Friendship::RequestReceived {
            self.requests.insert(0, Request { person, note: None });
            // For the note.
            effects.wants.push(Want::Overview);
        } else {
            self.see(&person);
        }
        effects
    }

    fn typing(&mut self, conversation: Id, who: Line, typing: bool) -> Effects {
        let Some(talk) = self.conversations.get_mut(&conversation) else {
            return Effects::default();
        };
        let news = if typing { talk.typing.insert(who.clone()) } else { talk.typing.remove(&who) };
        if !news {
            return Effects::default();
        }
        Effects::telling(Change::Typing { conversation, who, typing })
    }

    fn came_or_went(&mut self, person: &Person) -> Effects {
        let was = self.presence.get(&person.id).is_some_and(|presence| presence.online);
        self.see(person);
        let online = person.presence.as_ref().is_some_and(|presence| presence.online);
        if was == online {
            return Effects::default();
        }
        Effects::telling(Change::Presence { who: person.username.clone(), online })
    }

    fn see(&mut self, person: &Person) {
        match &person.presence {
            Some(presence) => self.presence.insert(person.id.clone(), presence.clone()),
            None => self.presence.remove(&person.id),
        };
    }
}

fn said(conversation: &str, told: Vec<u64>) -> Vec<Change> {
    let change = |seq| Change::Said { conversation: conversation.to_owned(), seq };
    told.into_iter().map(change).collect()
}

impl Effects {
    fn telling(change: Change) -> Self {
        Self { changes: vec![change], wants: Vec::new() }
    }

    fn wanting(want: Want) -> Self {
        Self { changes: Vec::new(), wants: vec![want] }
    }

    fn extend(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.wants.extend(other.wants);
    }
}
