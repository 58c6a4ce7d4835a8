//! One subscriber's stream: what it missed, read from the log, then what
//! comes, without a seam.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Event, Hub,
    hub::{PAGE, concerns, is_event},
    queue::Receiver,
};
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    messaging::Position,
};

/// A subscriber's stream of events.
pub struct Subscription {
    hub: Hub,
    user: UserId,
    conversation: Option<ConversationId>,
    /// Everything up to here was read or handed out.
    reached: Position,
    missed: VecDeque<Arc<Event>>,
    stage: Stage,
}

enum Stage {
    /// Reads what lies behind, page by page, before anything is queued: a
    /// long absence must not overflow the queue.
    Behind,
    /// What comes is being queued; what came before `until` has still to be
    /// read.
    Joining { until: Position, queue: Receiver },
    /// Only what comes.
    Live { queue: Receiver },
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// The subscriber fell too far behind, or the service is stopping: it has
    /// to come back with its cursor.
    Resume,
}

impl Subscription {
    pub(super) fn start(
        hub: Hub,
        user: UserId,
        conversation: Option<ConversationId>,
        after: Option<Position>,
    ) -> Result<Self> {
        let (reached, stage) = match after {
            Some(after) => (after, Stage::Behind),
            None => {
                // What was answered here before is not "from now on".
                let answered = hub.published();
                let (delivered, queue) = hub.register(user, conversation)?;
                (delivered.max(answered), Stage::Live { queue })
            }
        };
        Ok(Self { hub, user, conversation, reached, missed: VecDeque::new(), stage })
    }

    /// The next event. Safe to drop and call again.
    ///
    /// # Errors
    ///
    /// The failure of the log while the subscriber is still behind; it may
    /// come back with its cursor.
    pub async fn next(&mut self) -> Result<Result<Arc<Event>, SubscriptionEnd>> {
        loop {
            if let Some(event) = self.missed.pop_front() {
                return Ok(Ok(event));
            }
            match &mut self.stage {
                Stage::Live { queue } => match queue.recv().await {
                    // A cursor of another node may be ahead of this one's hub.
                    Some(event) if event.is_before(self.reached) => {}
                    Some(event) => return Ok(Ok(event)),
                    None => return Ok(Err(SubscriptionEnd::Resume)),
                },
                Stage::Behind => {
                    let until = self.hub.delivered();
                    if !self.read(until).await? {
                        let (until, queue) = self.hub.register(self.user, self.conversation)?;
                        self.stage = Stage::Joining { until, queue };
                    }
                }
                Stage::Joining { until, .. } => {
                    let until = *until;
                    if !self.read(until).await? {
                        self.go_live();
                    }
                }
            }
        }
    }

    /// Reads a page; returns whether there may be more.
    async fn read(&mut self, until: Position) -> Result<bool> {
        if self.reached >= until {
            return Ok(false);
        }
        let page = self.hub.log().read_for(self.user, self.reached, until, PAGE).await?;
        let more = page.len() == PAGE;
        self.reached = page.last().filter(|_| more).map_or(until, |entry| entry.pos);
        let conversation = self.conversation;
        self.missed.extend(
            page.into_iter()
                .filter(|entry| is_event(&entry.change))
                .filter(|entry| concerns(entry.conversation(), conversation))
                .map(|entry| self.hub.recent().share(&entry)),
        );
        Ok(more)
    }

    fn go_live(&mut self) {
        if let Stage::Joining { queue, .. } = std::mem::replace(&mut self.stage, Stage::Behind) {
            self.stage = Stage::Live { queue };
        }
    }
}
