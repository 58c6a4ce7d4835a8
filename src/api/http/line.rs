//! Where operations wait until they are carried out.
//!
//! An answer may be large, and takes up memory for as long as its client does not read it. So what
//! is carried out has a place, of which each caller has so many, and keeps it until the client has
//! room for the answer; the others wait, and hold nothing meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::CALLER_PLACES;
use crate::rates::Sender;

/// The lines of all callers.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<HashMap<Sender, Weak<Semaphore>>>>);

impl Lines {
    /// That of this caller.
    pub(super) fn of(&self, caller: Sender) -> Line {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = lines.get(&caller).and_then(Weak::upgrade) {
            return Line { places, narrow: None };
        }
        if lines.len() == lines.capacity() {
            lines.retain(|_, places| places.strong_count() > 0);
        }
        let places = Arc::new(Semaphore::new(CALLER_PLACES));
        lines.insert(caller, Arc::downgrade(&places));
        Line { places, narrow: None }
    }
}

/// Where the operations of one caller wait.
#[derive(Clone)]
pub struct Line {
    places: Arc<Semaphore>,
    /// Has fewer places, and is passed first.
    narrow: Option<Arc<Semaphore>>,
}

/// Kept until what it was given for takes up nothing any more.
#[must_use]
pub struct Place {
    _narrow: Option<OwnedSemaphorePermit>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Line {
    /// Gives no more than `most` places at a time to those who come by way of what this returns.
    pub(super) fn narrowed(self, most: usize) -> Self {
        Self { narrow: Some(Arc::new(Semaphore::new(most))), ..self }
    }

    /// Waits for a place.
    pub async fn place(&self) -> Place {
        self.places(1).await
    }

    /// Waits for the places of so many operations, or for all there are, at once: who held some
    /// and waited for others might wait for themselves.
    pub(super) async fn places(&self, many: usize) -> Place {
        // Never closed, so none of them fails.
        let _narrow = match &self.narrow {
            Some(narrow) => narrow.clone().acquire_owned().await.ok(),
            None => None,
        };
        let many = u32::try_from(many.min(CALLER_PLACES)).unwrap_or(u32::MAX);
        let _place = self.places.clone().acquire_many_owned(many).await.ok();
        Place { _narrow, _place }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::ambient::Ambient;

    fn somebody() -> Sender {
        Sender::User(Ambient::system().id())
    }

    /// The places that are free at once.
    fn free(line: &Line) -> Vec<Place> {
        std::iter::from_fn(|| line.place().now_or_never()).collect()
    }

    #[test]
    fn each_caller_has_so_many_places() {
        let (lines, ada) = (Lines::default(), somebody());
        let line = lines.of(ada);
        let socket = lines.of(ada).narrowed(3);
        let few = free(&socket);
        assert_eq!(few.len(), 3);
        let rest = free(&line);
        assert_eq!(rest.len(), CALLER_PLACES - 3, "those of the socket count too");
        assert!(lines.of(ada).place().now_or_never().is_none());
        assert_eq!(free(&lines.of(somebody())).len(), CALLER_PLACES, "others have their own");
        drop((few, rest));
        let all = line.places(CALLER_PLACES + 1).now_or_never();
        assert!(all.is_some() && line.place().now_or_never().is_none());
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let lines = Lines::default();
        let stays = somebody();
        let kept = lines.of(stays);
        let place = kept.place().now_or_never();
        for _ in 0..10_000 {
            let _line = lines.of(somebody());
        }
        assert!(lines.0.lock().unwrap().len() < 100);
        assert!(place.is_some());
        assert_eq!(free(&lines.of(stays)).len(), CALLER_PLACES - 1);
    }
}
