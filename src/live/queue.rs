//! The queue in front of one subscriber. There is one for each subscription
//! of each device, and nearly all are empty nearly always: then they hold a
//! hundred bytes, where a channel made for throughput holds eight hundred.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Event;

/// How many events wait for a subscriber before it is dropped.
pub(super) const LENGTH: usize = 1_024;

/// Hands events in.
pub(super) struct Sender(Arc<Mutex<State>>);

/// Takes them out, in the same order.
pub(super) struct Receiver(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Event>>,
    /// Who waits for the next one.
    reader: Option<Waker>,
    /// One end is gone.
    closed: bool,
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many wait as may.
    Full,
    /// Nobody listens any more.
    Closed,
}

/// An empty queue.
pub(super) fn queue() -> (Sender, Receiver) {
    let state = Arc::<Mutex<State>>::default();
    (Sender(state.clone()), Receiver(state))
}

impl Sender {
    /// Hands in an event.
    ///
    /// # Errors
    ///
    /// Where it is not taken.
    pub(super) fn send(&self, event: Arc<Event>) -> Result<(), Refused> {
        let mut state = lock(&self.0);
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() == LENGTH {
            return Err(Refused::Full);
        }
        state.waiting.push_back(event);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
    }

    /// Whether nobody listens any more.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        lock(&self.0).waiting.len()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Receiver {
    /// The next event; `None` once all were taken and no more can come. Safe
    /// to drop and call again.
    pub(super) async fn recv(&mut self) -> Option<Arc<Event>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Arc<Event>>> {
        let mut state = lock(&self.0);
        if let Some(event) = state.waiting.pop_front() {
            if state.waiting.is_empty() {
                // Room for a burst is not kept.
                state.waiting = VecDeque::new();
            }
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            reader => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        *state = State { closed: true, ..State::default() };
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use chatterbox_graph::Timestamp;
    use futures::{FutureExt, task::noop_waker_ref};

    use super::*;
    use crate::{
        ambient::Ambient,
        live::{Passing, Signal, event::What},
        messaging::Position,
    };

    fn event(at: i64) -> Arc<Event> {
        let user = Ambient::system().id();
        let what = Passing::Presence { user, person: None, presence: None };
        let signal = Arc::new(Signal { at: Timestamp(at), to: [user].into(), what });
        Event::new(What::Passing { signal, after: Position(0) })
    }

    fn at(event: &Event) -> i64 {
        let What::Passing { signal, .. } = &event.what else { panic!("it passes") };
        signal.at.0
    }

    #[test]
    fn what_is_handed_in_comes_out_in_order_and_then_the_end() {
        let (sender, mut receiver) = queue();
        assert!(receiver.recv().now_or_never().is_none());
        for n in 0..3 {
            sender.send(event(n)).unwrap();
        }
        assert_eq!(sender.len(), 3);
        drop(sender);
        for n in 0..3 {
            let next = receiver.recv().now_or_never().expect("ready").expect("an event");
            assert_eq!(at(&next), n);
        }
        assert!(receiver.recv().now_or_never().expect("ready").is_none());
    }

    #[test]
    fn a_full_queue_takes_no_more_until_something_is_taken_out() {
        let (sender, mut receiver) = queue();
        let one = event(1);
        for _ in 0..LENGTH {
            sender.send(one.clone()).unwrap();
        }
        assert_eq!(sender.send(one.clone()), Err(Refused::Full));
        receiver.recv().now_or_never().expect("ready").expect("an event");
        assert_eq!(sender.send(one.clone()), Ok(()));
        drop(receiver);
        assert_eq!((sender.send(one.clone()), sender.len()), (Err(Refused::Closed), 0));
        assert!(sender.is_closed());
        assert_eq!(Arc::strong_count(&one), 1, "nothing is left over");
    }

    #[test]
    fn an_empty_queue_keeps_no_room() {
        let (sender, mut receiver) = queue();
        let one = event(1);
        (0..100).for_each(|_| sender.send(one.clone()).unwrap());
        (0..100).for_each(|_| drop(receiver.recv().now_or_never()));
        assert_eq!(lock(&sender.0).waiting.capacity(), 0);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let (sender, mut receiver) = queue();
        // Of several who asked the last one counts.
        assert!(receiver.poll(&Context::from_waker(noop_waker_ref())).is_pending());
        let waiting = tokio::spawn(async move {
            let first = receiver.recv().await.map(|event| at(&event));
            (first, receiver.recv().await.is_none())
        });
        tokio::task::yield_now().await;
        sender.send(event(7)).unwrap();
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(waiting.await.unwrap(), (Some(7), true));
    }
}
