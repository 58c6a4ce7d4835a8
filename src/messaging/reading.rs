//! How far people have read, and what they muted.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chatterbox_graph::{Person, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    Entry, Faces, Place, Position, Receipts,
    group_commit::{Commit, Entrance, GroupCommit},
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{ConversationId, UserId},
    live::Bus,
};

/// How far somebody has read in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMarker {
    /// Who.
    pub user: UserId,
    /// The `seq` of the last message that they have read.
    pub seq: i64,
    /// When they did.
    pub at: Timestamp,
}

/// What a conversation is to somebody who is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadState {
    /// How many messages they have not read: those behind their marker, their
    /// own last message and the place where they joined, whichever is last.
    pub unread: i64,
    /// Whether they muted it.
    pub muted: bool,
}

/// A marker that is to be moved.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Whose.
    pub user: UserId,
    /// Their profile, as far as it is known.
    pub person: Option<Person>,
    /// Where.
    pub conversation: ConversationId,
    /// In which kind of conversation; the store knows none of another kind.
    pub place: Place,
    /// The last message that was read; one that is yet to come counts as the
    /// last that is there.
    pub seq: i64,
    /// The position up to which it is certain that others may see the marker;
    /// `None` where they may not.
    pub shared_as_of: Option<Position>,
}

/// How many markers of a conversation are shown at most.
pub const MAX_MARKERS: usize = 100;

/// What became of markers that were moved together.
#[derive(Clone, Debug, Default)]
pub struct Marked {
    /// For each whether the reader is in the conversation.
    pub known: Vec<bool>,
    /// What was appended to the log: one entry for each marker that moved.
    pub entries: Vec<Entry>,
}

/// Keeps how far people have read, and what they muted: for each time that
/// they are in a conversation.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait ReadingStore: Send + Sync + 'static {
    /// Moves markers forward, in one transaction. Of several for the same
    /// place the furthest counts, and what is not ahead of where a marker
    /// stands changes nothing. Members hear of it where the marker is shared,
    /// else only the reader's own devices. The number of statements does not
    /// depend on that of the markers.
    async fn mark(&self, at: Timestamp, marks: &[Mark]) -> Result<Marked>;

    /// Mutes a conversation of this kind or unmutes it, and returns what was
    /// appended to the log: nothing where it was so already. `None` for who
    /// is not in it.
    async fn mute(
        &self,
        at: Timestamp,
        user: UserId,
        conversation: ConversationId,
        place: &Place,
        muted: bool,
    ) -> Result<Option<Vec<Entry>>>;

    /// What those of these conversations are to `user` that they are in. One
    /// statement.
    async fn read_states(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, ReadState>>;

    /// How many messages `user` has not read in all conversations that they
    /// did not mute. Cost: the number of their conversations.
    async fn unread(&self, user: UserId) -> Result<i64>;

    /// How far the members have read in those of these conversations that
    /// `viewer` is in: the viewer's own marker and those that are shared, the
    /// newest first; at most [`MAX_MARKERS`] of each, the viewer's own among
    /// them. One statement; cost: the members.
    async fn markers(
        &self,
        viewer: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<ReadMarker>>>;
}

/// What people do as they read.
#[derive(Clone)]
pub struct Reading {
    store: Arc<dyn ReadingStore>,
    receipts: Receipts,
    faces: Faces,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
    marks: Entrance<Markers>,
}

/// The task that moves markers.
pub struct MarkerWriter(GroupCommit<Markers>);

impl Reading {
    /// Puts the parts together, and returns with them the task that moves markers.
    pub fn new(
        store: Arc<dyn ReadingStore>,
        receipts: Receipts,
        faces: Faces,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> (Self, MarkerWriter) {
        let markers = Markers { store: store.clone(), bus: bus.clone(), ambient: ambient.clone() };
        let (task, marks) = GroupCommit::new(markers);
        (Self { store, receipts, faces, bus, ambient, marks }, MarkerWriter(task))
    }

    /// Notes that somebody has read up to the message with this `seq`, and
    /// returns once that is durable. A marker moves forward only, and not past the last message.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a `seq` below 1, [`Error::NotFound`] for a
    /// conversation that they are not in; or the failure of a store.
    pub async fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        is_group: bool,
        seq: i64,
    ) -> Result<()> {
        if seq < 1 {
            return Err(Error::invalid("seq", "must be at least 1"));
        }
        let person = self.faces.person(user).await;
        let place = if is_group {
            Place::Group(self.faces.group(user, conversation.group()).await)
        } else {
            Place::Direct
        };
        let shared_as_of = self.receipts.shared_as_of(user).await;
        let mark = Mark { user, person, conversation, place, seq, shared_as_of };
        self.marks.submit(mark).await
    }

    /// Sets the gauges of the markers that wait.
    pub fn measure(&self) {
        self.marks.measure();
    }

    /// Mutes a conversation, or unmutes it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a conversation that they are not in; or the
    /// failure of a store.
    pub async fn mute(
        &self,
        user: UserId,
        conversation: ConversationId,
        is_group: bool,
        muted: bool,
    ) -> Result<()> {
        let place = if is_group { Place::Group(None) } else { Place::Direct };
        let entries =
            self.store.mute(self.ambient.now(), user, conversation, &place, muted).await?;
        publish(&*self.bus, entries.ok_or(Error::NotFound("conversation"))?);
        Ok(())
    }
}

impl MarkerWriter {
    /// Moves markers as they are handed in, until `stop`; then takes nothing
    /// new and moves those that wait.
    pub async fn run(self, stop: CancellationToken) {
        self.0.run(stop).await;
    }
}

/// Moves markers, and tells of it.
struct Markers {
    store: Arc<dyn ReadingStore>,
    bus: Arc<dyn Bus>,
    ambient: Ambient,
}

#[async_trait]
impl Commit for Markers {
    type Item = Mark;
    type Done = ();

    const ITEMS: &'static str = "read_markers";
    const BATCH_SIZE: &'static str = "chatterbox_read_marker_batch_size";

    async fn commit(&self, marks: Vec<Mark>) -> Result<Vec<Result<()>>> {
        let Marked { known, entries } = self.store.mark(self.ambient.now(), &marks).await?;
        publish(&*self.bus, entries);
        let answer = |known| if known { Ok(()) } else { Err(Error::NotFound("conversation")) };
        Ok(known.into_iter().map(answer).collect())
    }
}

fn publish(bus: &dyn Bus, entries: Vec<Entry>) {
    if !entries.is_empty() {
        bus.publish(entries.into_iter().map(Arc::new).collect());
    }
}
