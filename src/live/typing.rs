//! Who is typing where.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::{DirectConversationId, GroupId, Person};
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
    /// stopped. The others hear of it where it was not so before. Costs no
    /// statement between two people who wrote to each other lately, and a
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
        let now = Instant::now();
        if !typists.goes_on(id, user, typing, now) {
            let person = contact.people.iter().find(|person| person.id == user).cloned();
            typists.begin(id, user, Typist::new(now, Place::Direct, person, [peer].into()));
        }
        Ok(())
    }

    async fn set_in_group(&self, user: UserId, group: GroupId, typing: bool) -> Result<()> {
        let Inner { store, faces, typists, .. } = &*self.inner;
        let (members, id) = (store.members(user, group).await?, group.into());
        let members = members.ok_or(Error::NotFound("conversation"))?;
        let now = Instant::now();
        if !typists.goes_on(id, user, typing, now) {
            let person = faces.person(user).await;
            let place = Place::Group(faces.group(user, group).await);
            // They are those of now, whatever the last position is.
            let others = members.at(Position(i64::MAX)).filter(|member| *member != user).collect();
            typists.begin(id, user, Typist::new(now, place, person, others));
        }
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
}

/// Everyone who types: each once in a conversation, for [`TYPING`] at most.
struct Typists {
    bus: Arc<dyn Bus>,
    ambient: Ambient,
    state: Mutex<HashMap<ConversationId, HashMap<UserId, Typist>>>,
}

/// Somebody who types.
struct Typist {
    until: Instant,
    place: Place,
    person: Option<Person>,
    /// Those who hear of it.
    others: Arc<[UserId]>,
}

impl Typist {
    fn new(now: Instant, place: Place, person: Option<Person>, others: Arc<[UserId]>) -> Self {
        Self { until: now + TYPING, place, person, others }
    }
}

impl Typists {
    /// Takes in what somebody who types goes on with or stops; returns
    /// whether that is all: `false` for who begins.
    fn goes_on(
        &self,
        conversation: ConversationId,
        user: UserId,
        typing: bool,
        now: Instant,
    ) -> bool {
        if !typing {
            self.end(conversation, user);
            return true;
        }
        let mut state = self.lock();
        let typist = state.get_mut(&conversation).and_then(|here| here.get_mut(&user));
        typist.map(|typist| typist.until = now + TYPING).is_some()
    }

    fn begin(&self, conversation: ConversationId, user: UserId, typist: Typist) {
        let mut state = self.lock();
        let here = state.entry(conversation).or_default();
        // Two devices may begin at once.
        if !here.contains_key(&user) {
            self.tell(conversation, user, &typist, true);
        }
        here.insert(user, typist);
    }

    fn end(&self, conversation: ConversationId, user: UserId) {
        let mut state = self.lock();
        let Some(here) = state.get_mut(&conversation) else { return };
        if let Some(typist) = here.remove(&user) {
            self.tell(conversation, user, &typist, false);
        }
        if here.is_empty() {
            state.remove(&conversation);
        }
    }

    /// Who leaves types no more there, and hears nothing more of others.
    fn leave(&self, conversation: ConversationId, user: UserId) {
        self.end(conversation, user);
        let mut state = self.lock();
        for typist in state.get_mut(&conversation).into_iter().flat_map(HashMap::values_mut) {
            typist.others = typist.others.iter().copied().filter(|other| *other != user).collect();
        }
    }

    fn expire(&self, now: Instant) {
        self.lock().retain(|conversation, here| {
            for (user, typist) in here.extract_if(|_, typist| typist.until <= now) {
                self.tell(*conversation, user, &typist, false);
            }
            !here.is_empty()
        });
    }

    /// To be called under the lock, so that what is told comes in the order
    /// in which it became so.
    fn tell(&self, conversation: ConversationId, user: UserId, typist: &Typist, typing: bool) {
        let Typist { place, person, others, .. } = typist;
        let (place, person, to) = (place.clone(), person.clone(), others.clone());
        let what = Passing::Typing { conversation, place, user, person, typing };
        metrics::counter!("chatterbox_typing_changes_total").increment(1);
        self.bus.signal(Arc::new(Signal { at: self.ambient.now(), to, what }));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, HashMap<UserId, Typist>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
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
            if !self.typists.goes_on(self.conversation, user, typing, self.now) {
                let others = self.people.into_iter().filter(|other| *other != user).collect();
                let typist = Typist::new(self.now, Place::Group(None), None, others);
                self.typists.begin(self.conversation, user, typist);
            }
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
                heard.push((user, typing, signal.to.to_vec()));
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
        }
        assert_eq!(story.heard(), []);
        assert_eq!(story.typists.lock()[&story.conversation].len(), 1);
        story.wait(TYPING - LOOK);
        assert_eq!(story.heard(), []);
        story.wait(LOOK);
        assert_eq!(story.heard(), [(ada, false, vec![grace, alan])]);
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
        assert!(story.typists.lock().is_empty());
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
        story.set(ada, false);
        assert_eq!(story.heard(), [(ada, false, vec![alan])]);
        story.typists.leave(story.conversation, alan);
        assert_eq!(story.heard(), []);
    }
}
