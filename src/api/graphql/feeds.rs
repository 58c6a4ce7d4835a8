//! Live events for many: subscriptions that ask for the same share one
//! execution and one payload of each event, unless it matters who asks.
//!
//! What is the same: the text of the operation, its name and its variables,
//! but for those that only say where the stream begins and what it is about.
//! Whether it matters who asks shows when an event is executed, see [`Asker`]:
//! then each subscriber has an execution of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{Executor, Request, Response};
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, mpsc, oneshot};

use super::{
    Gate,
    asked::{Asked, Start, Words},
    conversations,
    events::resume,
    scope::{Asker, Scope, Services},
};
use crate::{
    accounts::Viewer,
    api::http::{self, Line, Payload, Payloads, Place, Plainly},
    error::Result,
    live::{Cursor, Event, Subscription},
    rates::Sender,
};

/// What an execution is given to say next.
pub(super) type Turn = Result<(Arc<Event>, Asker), async_graphql::Error>;

/// Where an execution gets its turns from, as data of its request. The
/// resolver takes it, which shows that the operation is valid.
pub(super) struct Turns(Mutex<Option<(mpsc::UnboundedReceiver<Turn>, oneshot::Sender<()>)>>);

impl Turns {
    /// The turns, for whoever comes first.
    pub(super) fn take(&self) -> Option<mpsc::UnboundedReceiver<Turn>> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (turns, begun) = taken?;
        // Who asked may have gone away.
        let _gone = begun.send(());
        Some(turns)
    }
}

/// An operation that is being executed, one event after another.
struct Execution {
    turns: mpsc::UnboundedSender<Turn>,
    responses: BoxStream<'static, Response>,
}

impl Execution {
    /// Begins; `None` where the operation is refused.
    async fn begin(gate: &Gate, mut request: Request) -> Option<Self> {
        let (turns, taken) = mpsc::unbounded_channel();
        let (begun, has_begun) = oneshot::channel();
        request = request.data(Turns(Mutex::new(Some((taken, begun)))));
        let mut responses = gate.execute_stream(request, None);
        tokio::select! {
            biased;
            _refusal = responses.next() => None,
            begun = has_begun => begun.ok().map(|()| Self { turns, responses }),
        }
    }

    /// What is said in this turn.
    async fn take(&mut self, turn: Turn) -> Option<Response> {
        self.turns.send(turn).ok()?;
        self.responses.next().await
    }
}

/// The subscriptions that ask for the same.
struct Selection {
    key: u64,
    gate: Gate,
    services: Arc<Services>,
    words: Arc<Words>,
    /// Whoever asked first: it makes no difference.
    viewer: Viewer,
    valid: OnceCell<bool>,
    /// Left empty by who was cut off in their turn.
    shared: AsyncMutex<Option<Execution>>,
}

impl Selection {
    async fn execution(&self, viewer: Viewer) -> Option<Execution> {
        let scope = Scope::new(self.services.clone(), viewer);
        Execution::begin(&self.gate, self.words.request().data(scope)).await
    }

    async fn is_valid(&self) -> bool {
        let begin = async {
            let execution = self.execution(self.viewer).await;
            let valid = execution.is_some();
            *self.shared.lock().await = execution;
            valid
        };
        *self.valid.get_or_init(|| begin).await
    }

    /// What is said of the event to all; `None` where it matters to whom.
    async fn rendered(&self, event: &Arc<Event>) -> Option<Bytes> {
        event.rendering(self.key).get_or_init(|| self.render(event)).await.clone()
    }

    async fn render(&self, event: &Arc<Event>) -> Option<Bytes> {
        let mut place = self.shared.lock().await;
        let mut execution = match place.take() {
            Some(execution) => execution,
            None => self.execution(self.viewer).await?,
        };
        metrics::counter!("chatterbox_event_executions_total", "for" => "all").increment(1);
        let asker = Asker::new(self.viewer);
        let response = execution.take(Ok((event.clone(), asker.clone()))).await?;
        *place = Some(execution);
        if asker.mattered() || !response.errors.is_empty() {
            return None;
        }
        serde_json::to_vec(&response).ok().map(Bytes::from)
    }
}

/// All that is asked for at the moment.
pub struct Feeds {
    gate: Gate,
    services: Arc<Services>,
    selections: Mutex<HashMap<Arc<Words>, Weak<Selection>>>,
    keys: AtomicU64,
}

impl Feeds {
    /// Nobody asks yet.
    #[must_use]
    pub fn new(gate: Gate, services: Arc<Services>) -> Self {
        let (selections, keys) = (Mutex::default(), AtomicU64::new(0));
        Self { gate, services, selections, keys }
    }

    fn selection(&self, words: Words, viewer: Viewer) -> Arc<Selection> {
        let mut selections = self.lock();
        if let Some(known) = selections.get(&words).and_then(Weak::upgrade) {
            return known;
        }
        selections.retain(|_, selection| selection.strong_count() > 0);
        let words = Arc::new(words);
        let selection = Arc::new(Selection {
            key: self.keys.fetch_add(1, Ordering::Relaxed),
            gate: self.gate.clone(),
            services: self.services.clone(),
            words: words.clone(),
            viewer,
            valid: OnceCell::new(),
            shared: AsyncMutex::default(),
        });
        selections.insert(words, Arc::downgrade(&selection));
        selection
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Words>, Weak<Selection>>> {
        self.selections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http::Feeds for Feeds {
    fn open(&self, mut request: Request, viewer: Viewer, plainly: Plainly, line: Line) -> Payloads {
        let Some(Asked { words, start }) = Asked::of(&mut request) else {
            return plainly(request).map(Payload::Own).boxed();
        };
        let selection = self.selection(words, viewer);
        let opening = async move {
            // Whoever is refused, for whatever reason, is so below.
            let services = &selection.services;
            if services.rates.request(Sender::User(viewer.user)).is_ok()
                // First of all: the stream begins now, however long the rest takes.
                && let Ok(subscription) = subscribe(services, viewer, start).await
                && selection.is_valid().await
            {
                let (own, place) = (None, None);
                return Feed { selection, viewer, subscription, own, line, place }.payloads();
            }
            plainly(request).map(Payload::Own).boxed()
        };
        // Boxed for itself: what it needs is not kept for as long as the stream lasts.
        opening.boxed().flatten_stream().boxed()
    }
}

/// The stream that begins there.
pub(super) async fn subscribe(
    services: &Arc<Services>,
    viewer: Viewer,
    Start { after, conversation }: Start,
) -> Result<Subscription> {
    let after = after.as_deref().map(Cursor::parse).transpose()?;
    let conversation = match conversation {
        Some(id) => {
            let scope = Scope::new(services.clone(), viewer);
            Some(conversations::visible(&scope, "conversationId", &id).await?.id)
        }
        None => None,
    };
    services.hub.subscribe(viewer.user, after, conversation).await
}

/// One subscriber's.
struct Feed {
    selection: Arc<Selection>,
    viewer: Viewer,
    subscription: Subscription,
    own: Option<Box<Execution>>,
    line: Line,
    /// Kept by what was said to this subscriber alone, until they had room for it.
    place: Option<Place>,
}

impl Feed {
    fn payloads(self) -> Payloads {
        // In a box, because the stream has a place for it between two events and one for it
        // while it waits.
        stream::unfold(Some(Box::new(self)), |feed| async move {
            let mut feed = feed?;
            feed.place = None;
            match feed.subscription.next().await {
                Ok(Ok(event)) => {
                    let payload = feed.payload(event).await?;
                    Some((payload, Some(feed)))
                }
                Ok(Err(_resume)) => Some((feed.own(Err(resume())).await?, None)),
                Err(error) => Some((feed.own(Err(error.into())).await?, None)),
            }
        })
        .boxed()
    }

    async fn payload(&mut self, event: Arc<Event>) -> Option<Payload> {
        let rendering = event.rendering(self.selection.key);
        let rendered = match rendering.get() {
            Some(known) => known.clone(),
            // In a box, so that what it needs is not kept for every subscriber who waits.
            None => Box::pin(self.selection.rendered(&event)).await,
        };
        match rendered {
            Some(payload) => Some(Payload::Shared(payload)),
            None => self.own(Ok((event, Asker::new(self.viewer)))).await,
        }
    }

    /// In a box for the same reason.
    fn own(&mut self, turn: Turn) -> BoxFuture<'_, Option<Payload>> {
        async move {
            self.place = Some(self.line.place().await);
            metrics::counter!("chatterbox_event_executions_total", "for" => "one").increment(1);
            if self.own.is_none() {
                self.own = self.selection.execution(self.viewer).await.map(Box::new);
            }
            self.own.as_mut()?.take(turn).await.map(Payload::Own)
        }
        .boxed()
    }
}
