//! Folds messages into the graph's LAST_CHATTED edges, many at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chatterbox_graph::{Chat, Graph};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Change, ConversationStore, Entry, LogStore, Message, MessageNews, Place, Position, lag::Lag,
};
use crate::{
    error::{Result, chain},
    ids::ConversationId,
    live::Follower,
};

/// The name of the projection.
pub const LAST_CHATTED: &str = "last_chatted";
const BATCH: usize = 500;
/// How often it is noted how far the edges have come. After a crash they are
/// folded anew from there, which changes nothing.
const NOTE_PERIOD: Duration = Duration::from_secs(5);
/// How long is gathered what is written next, at least and at most.
const PAUSE: Duration = Duration::from_millis(200);
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How much longer than writing took is paused, so that it takes little of
/// what those need who send.
const REST: u32 = 9;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Follows the log and keeps the LAST_CHATTED edges. What waits is one chat
/// for each conversation, however many messages it had.
pub struct Projector {
    log: Arc<dyn LogStore>,
    graph: Arc<dyn Graph>,
    pending: Mutex<Pending>,
    wake: Notify,
    lag: Lag,
}

#[derive(Default)]
struct Pending {
    chats: HashMap<ConversationId, Chat>,
    pos: Position,
}

impl Projector {
    /// A projector that has seen nothing yet.
    pub fn new(log: Arc<dyn LogStore>, graph: Arc<dyn Graph>) -> Self {
        let (pending, wake, lag) = (Mutex::default(), Notify::new(), Lag::of(LAST_CHATTED));
        Self { log, graph, pending, wake, lag }
    }

    /// Sets the gauges of how far the edges are behind.
    pub fn measure(&self) {
        self.lag.measure();
    }

    /// Takes in what was logged since the edges were noted last, up to
    /// `head`; from there on it has to follow the hub.
    ///
    /// # Errors
    ///
    /// Where the log can't be read.
    pub async fn catch_up(&self, head: Position) -> Result<()> {
        let mut from = self.log.projected(LAST_CHATTED).await?;
        self.lag.done(from);
        while from < head {
            let entries = self.log.read(from, head, BATCH).await?;
            let Some(last) = entries.last() else { break };
            from = last.pos;
            entries.iter().for_each(|entry| self.follow(entry));
        }
        Ok(())
    }

    /// Writes edges until `stop`, and then what is left.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (mut noted, mut noted_at) = (Position(0), Instant::now());
        // Woken now and then too: what was not noted can't be trimmed from the log.
        let woken = || tokio::time::timeout(NOTE_PERIOD, self.wake.notified());
        while stop.run_until_cancelled(woken()).await.is_some() {
            loop {
                let started = Instant::now();
                match self.fold().await {
                    Ok(pos) if pos > noted && noted_at.elapsed() >= NOTE_PERIOD => {
                        (noted, noted_at) = (pos, Instant::now());
                        self.note(pos).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        debug!(error = chain(&error), "LAST_CHATTED edges have to wait");
                        let pause = tokio::time::sleep(RETRY_DELAY);
                        if stop.run_until_cancelled(pause).await.is_none() {
                            return;
                        }
                    }
                }
                let pause = (started.elapsed() * REST).clamp(PAUSE, LONG_PAUSE);
                let pause = tokio::time::sleep(pause);
                if stop.run_until_cancelled(pause).await.is_none() || self.lock().chats.is_empty() {
                    break;
                }
            }
        }
        if let Ok(pos) = self.fold().await {
            self.note(pos).await;
        }
    }

    /// Writes what waits, and returns the position up to which everything is written.
    async fn fold(&self) -> Result<Position> {
        let (chats, pos) = {
            let mut pending = self.lock();
            (std::mem::take(&mut pending.chats), pending.pos)
        };
        let batch: Vec<Chat> = chats.values().copied().collect();
        for part in batch.chunks(BATCH) {
            if let Err(error) = self.graph.record_chats(part).await {
                let mut pending = self.lock();
                for (conversation, chat) in chats {
                    // What came meanwhile is newer.
                    pending.chats.entry(conversation).or_insert(chat);
                }
                return Err(error.into());
            }
        }
        metrics::counter!("chatterbox_last_chatted_edges_total").increment(batch.len() as u64);
        self.lag.done(pos);
        Ok(pos)
    }

    async fn note(&self, pos: Position) {
        if pos == Position(0) {
            return;
        }
        if let Err(error) = self.log.set_projected(LAST_CHATTED, pos).await {
            debug!(error = chain(&error), "could not note how far LAST_CHATTED has come");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Derives all LAST_CHATTED edges anew from what was sent, and returns how
/// many conversations they are of. The service may go on meanwhile: what is sent after an edge was forgotten
/// is found when the conversations are read, which is later.
///
/// # Errors
///
/// The failure of a store; to be repeated then.
pub async fn rebuild_last_chatted(
    graph: &dyn Graph,
    store: &dyn ConversationStore,
    mut progress: impl FnMut(usize) + Send,
) -> Result<usize> {
    graph.forget_chats().await?;
    let (mut after, mut done) = (None, 0);
    loop {
        let page = store.last_chats(after, BATCH).await?;
        let Some((last, _)) = page.last() else { return Ok(done) };
        after = Some(*last);
        done += page.len();
        let chats: Vec<Chat> = page.into_iter().map(|(_, chat)| chat).collect();
        graph.record_chats(&chats).await?;
        progress(done);
    }
}

impl Follower for Projector {
    fn follow(&self, entry: &Arc<Entry>) {
        self.lag.seen(entry.pos);
        let mut pending = self.lock();
        pending.pos = entry.pos;
        if let Change::MessageSent(MessageNews { message, place, .. }) = &entry.change
            && let Some(chat) = chat(message, place, entry)
        {
            pending.chats.insert(message.conversation, chat);
            self.wake.notify_one();
        }
    }
}

fn chat(message: &Message, place: &Place, entry: &Entry) -> Option<Chat> {
    let at = message.sent_at;
    match place {
        Place::Group(_) => Some(Chat::Group { group: message.conversation.group(), at }),
        Place::Direct => {
            let mut two = entry.recipients();
            let (one, other) = (two.next()?, two.next()?);
            Some(Chat::Direct { one, other, conversation: message.conversation.direct(), at })
        }
    }
}
