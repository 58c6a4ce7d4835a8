//! Group commit: what waits is committed together. While one batch commits
//! the next fills, so there is no timer and no added wait when idle.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, warn};

use crate::error::{Error, Result, StoreError, chain};

/// Commits many things in one transaction.
#[async_trait]
pub trait Commit: Send + Sync + 'static {
    /// What is handed in.
    type Item: Send + 'static;
    /// What is known of it once it is durable.
    type Done: Send + 'static;

    /// What the items are called in the logs, and their queue in its metrics.
    const ITEMS: &'static str;
    /// The name of the histogram of how many were committed together.
    const BATCH_SIZE: &'static str;

    /// Commits the items and answers each, in their order.
    ///
    /// # Errors
    ///
    /// What failed for all of them.
    async fn commit(&self, items: Vec<Self::Item>) -> Result<Vec<Result<Self::Done>>>;
}

/// How much is taken on.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How many are committed together at most.
    batch: usize,
    /// How many wait at most; more are refused.
    queue: usize,
    /// How long anyone waits for an answer.
    patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: 256, queue: 4_096, patience: Duration::from_secs(10) }
    }
}

type Answer<C> = oneshot::Sender<Result<<C as Commit>::Done>>;

/// What waits.
struct Waiting<C: Commit> {
    item: C::Item,
    answer: Answer<C>,
    /// In which it is waited for.
    span: Span,
}

/// Where things are handed in that are to be committed.
pub struct Entrance<C: Commit> {
    queue: mpsc::Sender<Waiting<C>>,
    patience: Duration,
}

impl<C: Commit> Clone for Entrance<C> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), patience: self.patience }
    }
}

impl<C: Commit> Entrance<C> {
    /// Hands something in, at once, behind what was handed in before; what it returns waits
    /// until that is durable.
    ///
    /// # Errors
    ///
    /// What it is refused with; [`StoreError::Unavailable`] at once where too
    /// many wait or the service is stopping, and after 10 seconds without an
    /// answer: nothing is known then of what becomes of it.
    pub fn submit(&self, item: C::Item) -> impl Future<Output = Result<C::Done>> + Send + use<C> {
        let (answer, answered) = oneshot::channel();
        let span = tracing::debug_span!("submit", items = C::ITEMS);
        let waiting = Waiting { item, answer, span: span.clone() };
        let handed_in = self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::unavailable("too many wait already"),
            mpsc::error::TrySendError::Closed(_) => Error::unavailable("the service is stopping"),
        });
        let until = Instant::now() + self.patience;
        async move {
            handed_in?;
            match timeout_at(until, answered).instrument(span).await {
                Ok(Ok(result)) => result,
                Ok(Err(_unanswered)) => Err(Error::unavailable("the service is stopping")),
                Err(_elapsed) => Err(Error::unavailable("the store takes too long")),
            }
        }
    }

    /// Sets the gauges of what waits.
    pub fn measure(&self) {
        let capacity = self.queue.max_capacity();
        metrics::gauge!("chatterbox_queue_length", "queue" => C::ITEMS)
            .set(float(capacity - self.queue.capacity()));
        metrics::gauge!("chatterbox_queue_capacity", "queue" => C::ITEMS).set(float(capacity));
    }
}

/// The task that commits.
pub struct GroupCommit<C: Commit> {
    work: C,
    queue: mpsc::Receiver<Waiting<C>>,
    batch: usize,
}

impl<C: Commit> GroupCommit<C> {
    /// The task, and where it gets its work.
    pub fn new(work: C) -> (Self, Entrance<C>) {
        Self::within(Limits::default(), work)
    }

    fn within(Limits { batch, queue, patience }: Limits, work: C) -> (Self, Entrance<C>) {
        let (sender, receiver) = mpsc::channel(queue);
        (Self { work, queue: receiver, batch }, Entrance { queue: sender, patience })
    }

    /// Commits what is handed in, until `stop`; then takes nothing new and
    /// commits what waits.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut waiting = Vec::with_capacity(self.batch);
        loop {
            let next = self.queue.recv_many(&mut waiting, self.batch);
            match stop.run_until_cancelled(next).await {
                Some(0) => break,
                Some(_) => {}
                None if self.queue.is_closed() && self.queue.is_empty() => break,
                None => {
                    self.queue.close();
                    if self.queue.recv_many(&mut waiting, self.batch).await == 0 {
                        break;
                    }
                }
            }
            // Nobody waits any more for what came too late: it would only keep others waiting.
            waiting.retain(|one| !one.answer.is_closed());
            if !waiting.is_empty() {
                let span = commit_span(&waiting);
                let pairs = waiting.drain(..).map(|one| (one.item, one.answer));
                let (items, answers) = pairs.unzip();
                self.commit(items, answers, span).await;
            }
        }
    }

    async fn commit(&self, items: Vec<C::Item>, answers: Vec<Answer<C>>, span: Span) {
        metrics::histogram!(C::BATCH_SIZE).record(float(items.len()));
        let work = AssertUnwindSafe(self.work.commit(items).instrument(span));
        let results = match work.catch_unwind().await {
            Ok(results) => results,
            Err(_panic) => Err(Error::internal("committing panicked")),
        };
        match results {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    // Who gave up waiting learns of it otherwise.
                    let _gone = answer.send(result);
                }
            }
            Err(error) => refuse::<C>(answers, &error),
        }
    }
}

/// The span of what is committed together: within that of the first who
/// waits, and linked to those of the others.
fn commit_span<C: Commit>(waiting: &[Waiting<C>]) -> Span {
    let first = waiting.first().and_then(|one| one.span.id());
    let span =
        tracing::debug_span!(parent: first, "commit", items = C::ITEMS, count = waiting.len());
    if !span.is_disabled() {
        waiting.iter().skip(1).for_each(|other| {
            span.follows_from(&other.span);
        });
    }
    span
}

fn refuse<C: Commit>(answers: Vec<Answer<C>>, error: &Error) {
    warn!(error = chain(error), items = C::ITEMS, count = answers.len(), "a batch failed");
    let transient = error.is_transient();
    for answer in answers {
        let source = "the batch that this was in failed";
        let _gone = answer.send(Err(Error::Store(if transient {
            StoreError::Unavailable(source.into())
        } else {
            StoreError::Internal(source.into())
        })));
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is measured is a float")]
fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::{join, join_all};
    use tokio::{
        sync::{Mutex, Semaphore},
        time::timeout,
    };

    use super::*;

    /// Doubles numbers, a batch for each permit; 0 panics, a negative one
    /// fails its batch, and 13 is refused.
    #[derive(Clone)]
    struct Doubling {
        permits: Arc<Semaphore>,
        batches: Arc<Mutex<Vec<Vec<i64>>>>,
    }

    impl Doubling {
        fn new(permits: usize) -> Self {
            Self { permits: Arc::new(Semaphore::new(permits)), batches: Arc::default() }
        }
    }

    #[async_trait]
    impl Commit for Doubling {
        type Item = i64;
        type Done = i64;

        const ITEMS: &'static str = "numbers";
        const BATCH_SIZE: &'static str = "chatterbox_test_batch_size";

        async fn commit(&self, items: Vec<i64>) -> Result<Vec<Result<i64>>> {
            self.permits.acquire().await.unwrap().forget();
            self.batches.lock().await.push(items.clone());
            assert!(!items.contains(&0), "the panic of a test");
            if items.iter().any(|n| *n < 0) {
                return Err(Error::unavailable("negative"));
            }
            let double = |n| if n == 13 { Err(Error::NotFound("number")) } else { Ok(2 * n) };
            Ok(items.into_iter().map(double).collect())
        }
    }

    const FEW: Limits = Limits { batch: 4, queue: 8, patience: Duration::from_secs(20) };

    fn start(limits: Limits, work: &Doubling) -> (Entrance<Doubling>, CancellationToken) {
        let (task, entrance) = GroupCommit::within(limits, work.clone());
        let stop = CancellationToken::new();
        tokio::spawn(task.run(stop.clone()));
        (entrance, stop)
    }

    /// Lets the task take what was handed in.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    fn is_unavailable(result: &Result<i64>) -> bool {
        result.as_ref().is_err_and(Error::is_transient)
    }

    #[tokio::test]
    async fn what_waits_is_committed_together() {
        let work = Doubling::new(0);
        let (entrance, _stop) = start(FEW, &work);
        let first = tokio::spawn({
            let entrance = entrance.clone();
            async move { entrance.submit(1).await }
        });
        settle().await;
        let others = join_all((2..8).map(|n| entrance.submit(n)));
        let permits = work.permits.clone();
        let (others, ()) = join(others, async move {
            settle().await;
            permits.add_permits(10);
        })
        .await;
        assert_eq!(first.await.unwrap().unwrap(), 2);
        let doubled: Vec<i64> = others.into_iter().map(Result::unwrap).collect();
        assert_eq!(doubled, [4, 6, 8, 10, 12, 14]);
        assert_eq!(*work.batches.lock().await, [vec![1], vec![2, 3, 4, 5], vec![6, 7]]);
    }

    #[tokio::test]
    async fn each_is_answered_for_itself_and_a_failure_for_all() {
        let work = Doubling::new(10);
        let (entrance, _stop) = start(FEW, &work);
        let (one, refused) = join(entrance.submit(1), entrance.submit(13)).await;
        assert_eq!(one.unwrap(), 2);
        assert!(matches!(refused, Err(Error::NotFound("number"))));
        for result in join_all([2, -1, 3].map(|n| entrance.submit(n))).await {
            assert!(is_unavailable(&result), "{result:?}");
        }
        for result in join_all([4, 0].map(|n| entrance.submit(n))).await {
            assert!(matches!(result, Err(Error::Store(StoreError::Internal(_)))), "{result:?}");
        }
        assert_eq!(entrance.submit(5).await.unwrap(), 10, "it goes on after a panic");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let work = Doubling::new(0);
        let (entrance, _stop) = start(FEW, &work);
        let mut taken: Vec<_> = Vec::new();
        // One batch is being committed, and as many wait as may.
        for n in 1..=9 {
            let entrance = entrance.clone();
            taken.push(tokio::spawn(async move { entrance.submit(n).await }));
            settle().await;
        }
        let refused = timeout(Duration::from_secs(5), entrance.submit(10)).await;
        assert!(is_unavailable(&refused.expect("an answer at once")));
        work.permits.add_permits(10);
        for (n, taken) in (1..).zip(taken) {
            assert_eq!(taken.await.unwrap().unwrap(), 2 * n);
        }
        assert_eq!(entrance.submit(10).await.unwrap(), 20);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let work = Doubling::new(0);
        let limits = Limits { patience: Duration::from_millis(20), ..FEW };
        let (entrance, _stop) = start(limits, &work);
        let results = join_all((1..=6).map(|n| entrance.submit(n))).await;
        assert!(results.iter().all(is_unavailable), "{results:?}");
        work.permits.add_permits(10);
        assert_eq!(entrance.submit(7).await.unwrap(), 14);
        let batches = work.batches.lock().await;
        assert_eq!(*batches, [vec![1, 2, 3, 4], vec![7]], "what nobody waits for is left out");
    }

    #[tokio::test]
    async fn what_waits_when_it_stops_is_committed() {
        let work = Doubling::new(0);
        let (task, entrance) = GroupCommit::within(FEW, work.clone());
        let stop = CancellationToken::new();
        let running = tokio::spawn(task.run(stop.clone()));
        let waiting: Vec<_> = (1..=7)
            .map(|n| {
                let entrance = entrance.clone();
                tokio::spawn(async move { entrance.submit(n).await })
            })
            .collect();
        settle().await;
        stop.cancel();
        work.permits.add_permits(10);
        for (n, waiting) in (1..).zip(waiting) {
            assert_eq!(waiting.await.unwrap().unwrap(), 2 * n);
        }
        running.await.unwrap();
        assert!(is_unavailable(&entrance.submit(8).await));
    }

    #[tokio::test]
    async fn the_task_ends_with_the_last_who_could_hand_in() {
        let (task, entrance) = GroupCommit::within(FEW, Doubling::new(1));
        let running = tokio::spawn(task.run(CancellationToken::new()));
        assert_eq!(entrance.submit(1).await.unwrap(), 2);
        drop(entrance);
        timeout(Duration::from_secs(5), running).await.expect("it ends").unwrap();
    }
}
