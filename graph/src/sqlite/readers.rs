//! Connections to read with.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use scopeguard::ScopeGuard;
use sqlx::{Any, AnyConnection, AnyPool, Error, pool::PoolConnection};
use tokio::{sync::Semaphore, time::timeout};

/// Connections to read with. A pool asks each that is given back for a sign of life, which on
/// an embedded file, where nothing becomes of a connection, costs as many threads their sleep as the
/// read itself: there they are kept once they were opened.
#[derive(Clone, Debug)]
pub struct Readers {
    pool: AnyPool,
    kept: Option<Arc<Kept>>,
}

struct Kept {
    free: Mutex<Vec<PoolConnection<Any>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Those of a server, which may end them.
    #[must_use]
    pub fn pooled(pool: AnyPool) -> Self {
        Self { pool, kept: None }
    }

    /// Those of an embedded file. Nobody else may use this pool.
    #[must_use]
    pub fn kept(pool: AnyPool) -> Self {
        let most = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        let turns = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { pool, kept: Some(Arc::new(Kept { free: Mutex::default(), turns })) }
    }

    /// A connection, once one is free.
    ///
    /// # Errors
    ///
    /// As [`AnyPool::acquire`], which has a bound on the time.
    pub async fn acquire(&self) -> Result<Reader, Error> {
        let Some(kept) = &self.kept else {
            let connection = self.pool.acquire().await?;
            return Ok(Reader(scopeguard::guard(connection, Box::new(drop))));
        };
        let patience = self.pool.options().get_acquire_timeout();
        let turn = timeout(patience, kept.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let free = kept.free().pop();
        let connection = match free {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        let kept = kept.clone();
        let give_back = move |connection| {
            if !kept.turns.is_closed() {
                kept.free().push(connection);
            }
            drop(turn);
        };
        Ok(Reader(scopeguard::guard(connection, Box::new(give_back))))
    }

    /// How many connections are open.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.pool.size()
    }

    /// How many of them nobody uses.
    #[must_use]
    pub fn num_idle(&self) -> usize {
        self.pool.num_idle() + self.kept.as_ref().map_or(0, |kept| kept.free().len())
    }

    /// Closes all of them once they are given back.
    pub async fn close(&self) {
        if let Some(kept) = &self.kept {
            kept.turns.close();
            kept.free().clear();
        }
        self.pool.close().await;
    }
}

impl Kept {
    fn free(&self) -> impl DerefMut<Target = Vec<PoolConnection<Any>>> + '_ {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("turns", &self.turns).finish_non_exhaustive()
    }
}

/// A connection to read with, until it is dropped.
pub struct Reader(ScopeGuard<PoolConnection<Any>, GiveBack>);

type GiveBack = Box<dyn FnOnce(PoolConnection<Any>) + Send + Sync>;

impl Deref for Reader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::any::AnyPoolOptions;

    use super::*;

    fn readers(connections: u32) -> Readers {
        sqlx::any::install_default_drivers();
        let options = AnyPoolOptions::new().max_connections(connections);
        let options = options.acquire_timeout(Duration::from_millis(50));
        Readers::kept(options.connect_lazy("sqlite::memory:").unwrap())
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        let readers = readers(2);
        let mut first = readers.acquire().await.unwrap();
        sqlx::query("CREATE TABLE own (n)").execute(&mut *first).await.unwrap();
        drop(first);
        assert_eq!((readers.size(), readers.num_idle()), (1, 1));
        let mut again = readers.acquire().await.unwrap();
        sqlx::query("SELECT n FROM own").fetch_all(&mut *again).await.unwrap();
        assert_eq!((readers.size(), readers.num_idle()), (1, 0));
    }

    #[tokio::test]
    async fn who_finds_none_free_waits_for_a_while() {
        let readers = readers(2);
        let (one, _other) = (readers.acquire().await.unwrap(), readers.acquire().await.unwrap());
        assert!(matches!(readers.acquire().await, Err(Error::PoolTimedOut)));
        drop(one);
        assert!(readers.acquire().await.is_ok());
    }

    #[tokio::test]
    async fn all_are_closed_once_they_are_given_back() {
        let readers = readers(2);
        let used = readers.acquire().await.unwrap();
        drop(readers.acquire().await.unwrap());
        let closing = tokio::spawn({
            let readers = readers.clone();
            async move { readers.close().await }
        });
        while !matches!(readers.acquire().await, Err(Error::PoolClosed)) {
            tokio::task::yield_now().await;
        }
        drop(used);
        timeout(Duration::from_secs(5), closing).await.expect("it is closed").unwrap();
        assert_eq!(readers.size(), 0);
    }
}
