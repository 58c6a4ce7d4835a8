//! Who is typing where.
//!
//! Each node keeps who types as the bus tells it: what is said on one node holds on all of them, whichever
//! is asked next. What was not said again ends on each node by itself, so nobody types for ever
//! whose node died, or whose end got lost.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::{DirectConversationId, GroupId};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::{Bus, Follower, Passing, Signal};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{ConversationId, UserId},
    messaging::{Change, Contacts, ConversationStore, Entry, Faces, Place, Position},
};

/// How long somebody types who does not say so again.
pub const TYPING: Duration = Duration::from_secs(6);
/// How often it is looked who has stopped.
const LOOK: Duration = Duration::from_millis(200);

/// Where somebody types.
#[derive(Clone, Copy, Debug)]
pub enum Desk {
    /// In a conversation of two.
    Direct(DirectConversationId),
    /// In a group.
    Group(GroupId),
}

/// Tells who is typing, to those whom they may write to.
#[derive(Clone)]
pub struct Typing {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn ConversationStore>,
    contacts: Contacts,
    faces: Faces,
    typists: Typists,
}

impl Typing {
    /// Nobody types yet.
    pub fn new(
        store: Arc<dyn ConversationStore>,
        contacts: Contacts,
        faces: Faces,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> Self {
        let typists = Typists { bus, ambient, state: Mutex::default() };
        Self { inner: Arc::new(Inner { store, contacts, faces, typists }) }
    }

    /// Notes that somebody types, for [`TYPING`] from now on, or that they
    /// stopped. The others hear of it where it was not so before. Costs a packet on the
    /// bus; no statement between two people who wrote to each other lately, and a
    /// small one in a group.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a conversation that the user is not in,
    /// [`Error::Forbidden`] where the two may not write to each other; or the
    /// failure of a store.
    pub async fn set(&self, user: UserId, desk: Desk, typing: bool) -> Result<()> {
        match desk {
            Desk::Direct(id) => self.set_direct(user, id.into(), typing).await,
            Desk::Group(id) => self.set_in_group(user, id, typing).await,
        }
    }

    async fn set_direct(&self, user: UserId, id: ConversationId, typing: bool) -> Result<()> {
        let Inner { store, contacts, typists, .. } = &*self.inner;
        let peer = match contacts.peer(user, id) {
            Some(peer) => Some(peer),
            None => {
                store.conversations(user, &[id]).await?.get(&id).and_then(|talk| talk.peer(user))
            }
        };
        let peer = peer.ok_or(Error::NotFound("conversation"))?;
        let contact = contacts.writing(user, peer).await?;
        let person = contact.people.iter().find(|person| person.id == user).cloned();
        typists.say(
            [peer].into(),
            Passing::Typing { conversation: id, place: Place::Direct, user, person, typing },
        );
        Ok(())
    }

    async fn set_in_group(&self, user: UserId, group: GroupId, typing: bool) -> Result<()> {
        let Inner { store, faces, typists, .. } = &*self.inner;
        let (members, conversation) = (store.members(user, group).await?, group.into());
        let members = members.ok_or(Error::NotFound("conversation"))?;
        let person = faces.person(user).await;
        let place = Place::Group(faces.group(user, group).await);
        // They are those of now, whatever the last position is.
        let others = members.at(Position(i64::MAX)).filter(|member| *member != user).collect();
        typists.say(others, Passing::Typing { conversation, place, user, person, typing });
        Ok(())
    }

    /// Ends what was not said again, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = interval(LOOK);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            self.inner.typists.expire(Instant::now());
        }
    }
}

impl Follower for Typing {
    fn follow(&self, entry: &Arc<Entry>) {
        let typists = &self.inner.typists;
        match &entry.change {
            Change::MessageSent(news) => {
                if let Some(sender) = news.message.sender {
                    typists.end(news.message.conversation, sender);
                }
            }
            Change::MembershipChanged { group, user, role: None, .. } => {
                typists.leave(group.id.into(), *user);
            }
            _ => {}
        }
    }

    fn is_news(&self, signal: &Arc<Signal>) -> bool {
        self.inner.typists.hear(signal, Instant::now())
    }
}

/// What was said last of everyone who typed within [`TYPING`], on any node. Changes only by what is heard
/// of the bus, so that what is told comes in the order in which it became so.
struct Typists {
    bus: Arc<dyn Bus>,
    ambient: Ambient,
    state: Mutex<HashMap<ConversationId, HashMap<UserId, Typist>>>,
}

/// Somebody who types, or did until just now.
struct Typist {
    types: bool,
    until: Instant,
    /// What was said last.
    said: Arc<Signal>,
}

impl Typists {
    /// Says on all nodes that somebody types, or does not.
    fn say(&self, to: Arc<[UserId]>, what: Passing) {
        self.bus.signal(Arc::new(Signal { at: self.ambient.now(), to, what }));
    }

    /// Takes in what was said; returns whether it was not so before. What is not about
    /// typing is news.
    fn hear(&self, signal: &Arc<Signal>, now: Instant) -> bool {
        let Passing::Typing { conversation, user, typing, .. } = signal.what else { return true };
        let mut state = self.lock();
        let here = state.entry(conversation).or_default();
        let before = here.get(&user);
        let typed = before.is_some_and(|before| before.types);
        if typing && before.is_some_and(|before| !before.types && signal.at < before.said.at) {
            // Said to another node, it was still on its way when they stopped.
            return false;
        }
        here.insert(user, Typist { types: typing, until: now + TYPING, said: signal.clone() });
        let news = typed != typing;
        if news {
            metrics::counter!("chatterbox_typing_changes_total").increment(1);
        }
        news
    }

    fn end(&self, conversation: ConversationId, user: UserId) {
        if let Some(typist) = self.lock().get(&conversation).and_then(|here| here.get(&user)) {
            self.stop(typist);
        }
    }

    /// Who leaves types no more there, and hears nothing more of others.
    fn leave(&self, conversation: ConversationId, user: UserId) {
        self.end(conversation, user);
        let mut state = self.lock();
        for typist in state.get_mut(&conversation).into_iter().flat_map(HashMap::values_mut) {
            let to = typist.said.to.iter().copied().filter(|other| *other != user).collect();
            typist.said = Arc::new(Signal { to, ..Signal::clone(&typist.said) });
        }
    }

    fn expire(&self, now: Instant) {
        self.lock().retain(|_, here| {
            here.retain(|_, typist| typist.types || typist.until > now);
            here.values().filter(|typist| typist.until <= now).for_each(|typist| self.stop(typist));
            !here.is_empty()
        });
    }

    /// Says on this node that they do not type any more; the others find it out as well.
    fn stop(&self, Typist { types, said, .. }: &Typist) {
        if !types {
            return;
        }
        let mut stopped = Signal { at: self.ambient.now(), ..Signal::clone(said) };
        if let Passing::Typing { typing, .. } = &mut stopped.what {
            *typing = false;
        }
        self.bus.signal_here(Arc::new(stopped));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, HashMap<UserId, Typist>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chatterbox_graph::Timestamp;
    use tokio::sync::broadcast;

    use super::*;
    use crate::live::{InProcessBus, Packet};

    /// Three people in a group, a time of the story's own, and what the bus brings.
    struct Story {
        typists: Typists,
        heard: broadcast::Receiver<Packet>,
        conversation: ConversationId,
        people: [UserId; 3],
        now: Instant,
    }

    impl Story {
        fn new() -> Self {
            let (bus, ambient) = (Arc::new(InProcessBus::default()), Ambient::system());
            let group: GroupId = ambient.id();
            Self {
                heard: bus.subscribe(),
                conversation: group.into(),
                people: std::array::from_fn(|_| ambient.id()),
                now: Instant::now(),
                typists: Typists { bus, ambient, state: Mutex::default() },
            }
        }

        fn set(&self, user: UserId, typing: bool) {
            let (conversation, place, person) = (self.conversation, Place::Group(None), None);
            let others = self.people.into_iter().filter(|other| *other != user).collect();
            let what = Passing::Typing { conversation, place, user, person, typing };
            self.typists.say(others, what);
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
            self.typists.expire(self.now);
        }

        /// Who began or stopped, and who hears of it.
        fn heard(&mut self) -> Vec<(UserId, bool, Vec<UserId>)> {
            let mut heard = Vec::new();
            while let Ok(packet) = self.heard.try_recv() {
                let Packet::Passing(signal) = packet else { panic!("nothing is logged") };
                let Passing::Typing { user, typing, .. } = signal.what else { panic!("typing") };
                if self.typists.hear(&signal, self.now) {
                    heard.push((user, typing, signal.to.to_vec()));
                }
            }
            heard
        }
    }

    #[test]
    fn typing_ends_by_itself_unless_it_goes_on() {
        let mut story = Story::new();
        let [ada, grace, alan] = story.people;
        story.set(ada, true);
        assert_eq!(story.heard(), [(ada, true, vec![grace, alan])]);
        for _ in 0..10 {
            story.wait(TYPING - LOOK);
            story.set(ada, true);
            assert_eq!(story.heard(), []);
        }
        assert_eq!(story.typists.lock()[&story.conversation].len(), 1);
        story.wait(TYPING - LOOK);
        assert_eq!(story.heard(), []);
        story.wait(LOOK);
        story.wait(LOOK);
        assert_eq!(story.heard(), [(ada, false, vec![grace, alan])], "once");
        story.wait(TYPING);
        assert_eq!(story.heard(), []);
        assert!(story.typists.lock().is_empty(), "nothing is left over");
    }

    #[test]
    fn who_stops_is_heard_once() {
        let mut story = Story::new();
        let [ada, grace, alan] = story.people;
        story.set(ada, false);
        assert_eq!(story.heard(), []);
        story.set(ada, true);
        story.set(grace, true);
        story.set(ada, false);
        story.set(ada, false);
        let (for_ada, for_grace) = (vec![grace, alan], vec![ada, alan]);
        let begun = [(ada, true, for_ada.clone()), (grace, true, for_grace), (ada, false, for_ada)];
        assert_eq!(story.heard(), begun);
        story.typists.end(story.conversation, grace);
        assert_eq!(story.heard(), [(grace, false, vec![ada, alan])]);
    }

    #[test]
    fn what_was_said_before_the_end_counts_no_more() {
        let mut story = Story::new();
        let [ada, grace, alan] = story.people;
        story.set(ada, true);
        let Ok(Packet::Passing(late)) = story.heard.try_recv() else { panic!("a signal") };
        // Of another node, whose packets come by another way.
        let earlier = Arc::new(Signal { at: Timestamp(late.at.0 - 1), ..Signal::clone(&late) });
        assert!(story.typists.hear(&late, story.now));
        story.set(ada, false);
        assert_eq!(story.heard(), [(ada, false, vec![grace, alan])]);
        assert!(!story.typists.hear(&earlier, story.now));
        story.set(ada, true);
        assert_eq!(story.heard(), [(ada, true, vec![grace, alan])]);
    }

    #[test]
    fn who_leaves_stops_and_hears_no_more() {
        let mut story = Story::new();
        let [ada, grace, alan] = story.people;
        story.set(ada, true);
        story.set(grace, true);
        story.heard();
        story.typists.leave(story.conversation, grace);
        assert_eq!(story.heard(), [(grace, false, vec![ada, alan])]);
        story.wait(TYPING);
        assert_eq!(story.heard(), [(ada, false, vec![alan])]);
        story.typists.leave(story.conversation, alan);
        assert_eq!(story.heard(), []);
    }
}
