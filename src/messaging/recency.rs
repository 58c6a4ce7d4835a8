//! When something changed last, for what is kept in memory.

use std::{
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use moka::sync::Cache;

/// Numbers changes, and remembers of each key the number of the last one. An
/// answer holds as long as its keys have not changed since a number that was
/// taken before it was asked for: so nothing is lost that changes while it is
/// under way.
pub struct Recency<K> {
    latest: AtomicU64,
    all: AtomicU64,
    last: Cache<K, u64>,
}

impl<K: Hash + Eq + Copy + Send + Sync + 'static> Recency<K> {
    /// Remembers changes for so long, which has to be longer than an answer
    /// is used.
    #[must_use]
    pub fn new(memory: Duration) -> Self {
        // Not bounded by number: a change that is forgotten would bring old answers back.
        let last = Cache::builder().time_to_live(memory).build();
        Self { latest: AtomicU64::new(0), all: AtomicU64::new(0), last }
    }

    /// The number of the latest change.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.latest.load(Ordering::SeqCst)
    }

    /// Notes that something changed about these.
    pub fn note(&self, keys: &[K]) {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        for key in keys {
            self.last.insert(*key, number);
        }
    }

    /// Notes that something may have changed about any key.
    pub fn note_all(&self) {
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        self.all.fetch_max(number, Ordering::SeqCst);
    }

    /// Whether nothing changed about these after that number.
    #[must_use]
    pub fn unchanged_since(&self, number: u64, keys: impl IntoIterator<Item = K>) -> bool {
        // Without any change since then there is no need to look.
        let unchanged = |key| self.last.get(&key).is_none_or(|last| last <= number);
        self.now() == number
            || self.all.load(Ordering::SeqCst) <= number && keys.into_iter().all(unchanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_until_one_of_its_keys_changes() {
        let changes = Recency::new(Duration::from_secs(60));
        let number = changes.now();
        assert!(changes.unchanged_since(number, [1, 2]));
        changes.note(&[3]);
        assert!(changes.unchanged_since(number, [1, 2]));
        changes.note(&[2]);
        assert!(!changes.unchanged_since(number, [1, 2]));
        assert!(changes.unchanged_since(number, [1]));
        assert!(changes.unchanged_since(changes.now(), [1, 2]));
    }

    #[test]
    fn all_may_change_at_once() {
        let changes = Recency::new(Duration::from_secs(60));
        let before = changes.now();
        changes.note_all();
        let after = changes.now();
        changes.note(&[3]);
        assert!(!changes.unchanged_since(before, [1]));
        assert!(changes.unchanged_since(after, [1]));
    }
}
