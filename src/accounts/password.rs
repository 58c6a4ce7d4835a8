//! Passwords, and the threads that hash them.

use std::{
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Instant,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier, Version, password_hash,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    ambient::Ambient,
    error::{Error, Result},
};

/// A password: 8 to 128 characters of any kind. Never shows in `Debug`.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Parses the argument `field`. Nothing is trimmed or folded.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] outside the limits.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        if !(8..=128).contains(&text.chars().count()) {
            return Err(Error::invalid(field, "must have 8 to 128 characters"));
        }
        Ok(Self(text.into()))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// What the store keeps of a password: a PHC string, at most 255 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash that a store kept.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(_)")
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// Hashes passwords with Argon2id, on threads of its own.
///
/// A hash takes a core for tens of milliseconds and 19 MiB: there are as many
/// threads as cores, and who comes when the queue is full is told so at once.
/// The threads end with the last clone.
#[derive(Clone)]
pub struct PasswordHasher {
    queue: SyncSender<Work>,
    room: Arc<Semaphore>,
    places: usize,
    ambient: Ambient,
}

/// A place in the queue, for one password at a time.
pub struct Turn {
    hasher: PasswordHasher,
    _place: OwnedSemaphorePermit,
}

impl PasswordHasher {
    /// How many passwords may wait.
    const QUEUE: usize = 64;

    /// What OWASP recommends for Argon2id: 19 MiB, two passes, one lane.
    const MEMORY_KIB: u32 = 19_456;
    const PASSES: u32 = 2;
    const LANES: u32 = 1;

    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// A defect, where the system gives no threads.
    pub fn start(ambient: Ambient) -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_threads(ambient, cores, Self::QUEUE)
    }

    fn with_threads(ambient: Ambient, threads: usize, waiting: usize) -> Result<Self> {
        let places = threads + waiting;
        let (queue, works) = sync_channel(places);
        let works = Arc::new(Mutex::new(works));
        for n in 0..threads {
            let works = Arc::clone(&works);
            thread::Builder::new()
                .name(format!("passwords-{n}"))
                .spawn(move || work_off(&works))
                .map_err(|error| {
                Error::Start(format!("can't start a thread for passwords: {error}"))
            })?;
        }
        Ok(Self { queue, room: Arc::new(Semaphore::new(places)), places, ambient })
    }

    /// Sets the gauges of the places that are taken.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn measure(&self) {
        let taken = self.places - self.room.available_permits();
        metrics::gauge!("chatterbox_queue_length", "queue" => "passwords").set(taken as f64);
        metrics::gauge!("chatterbox_queue_capacity", "queue" => "passwords")
            .set(self.places as f64);
    }

    /// Takes a place in the queue, before anything else is done: what a flood
    /// of passwords costs is bounded by it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`](crate::error::StoreError::Unavailable)
    /// where too many wait, here and in all that follows.
    pub fn turn(&self) -> Result<Turn> {
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_| full())?;
        Ok(Turn { hasher: self.clone(), _place: place })
    }

    /// Hashes the password, with a salt of its own.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::turn`].
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        let salt = self.ambient.bytes::<16>();
        self.turn()?.run(move || hash(&password, &salt)).await
    }

    /// Whether `hash` is of this password.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::turn`]; a defect, where `hash` is malformed.
    pub async fn verify(&self, password: Password, hash: PasswordHash) -> Result<bool> {
        self.turn()?.verify(password, Some(hash)).await
    }
}

impl Turn {
    /// Whether `hash` is of this password. As much work for nobody's: whether
    /// an account is known must not show in the time that an answer takes.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::verify`].
    pub async fn verify(&self, password: Password, known: Option<PasswordHash>) -> Result<bool> {
        self.run(move || match known {
            Some(known) => verify(&password, &known),
            None => hash(&password, &[0; 16]).map(|_| false),
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = move || {
            // Whoever asked may have gone while this waited.
            if !reply.is_closed() {
                let started = Instant::now();
                let done = work();
                let _gone = reply.send((done, started.elapsed()));
            }
        };
        self.hasher.queue.try_send(Box::new(work)).map_err(|refused| match refused {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => Error::internal("the password threads are gone"),
        })?;
        let (done, took) = answer.await.map_err(Error::internal)?;
        metrics::histogram!("chatterbox_password_hash_duration_seconds").record(took);
        done
    }
}

fn full() -> Error {
    metrics::counter!("chatterbox_passwords_shed_total").increment(1);
    Error::unavailable("busy: too many passwords wait")
}

fn work_off(works: &Mutex<Receiver<Work>>) {
    loop {
        // A statement of its own: the lock is let go before the work begins.
        let work = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        // Who asked sees that no answer comes; the thread lives on.
        let _panicked = catch_unwind(AssertUnwindSafe(work));
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(
        PasswordHasher::MEMORY_KIB,
        PasswordHasher::PASSES,
        PasswordHasher::LANES,
        None,
    )
    .map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Password, salt: &[u8]) -> Result<PasswordHash> {
    let hash =
        argon2()?.hash_password_with_salt(password.as_bytes(), salt).map_err(Error::internal)?;
    Ok(PasswordHash(hash.to_string()))
}

fn verify(password: &Password, hash: &PasswordHash) -> Result<bool> {
    let hash = argon2::PasswordHash::new(hash.as_str()).map_err(Error::internal)?;
    match argon2()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::error::StoreError;

    fn password(text: &str) -> Password {
        Password::parse("password", text).unwrap()
    }

    fn hasher(threads: usize, waiting: usize) -> PasswordHasher {
        PasswordHasher::with_threads(Ambient::system(), threads, waiting).unwrap()
    }

    #[test]
    fn passwords_are_bounded_in_characters() {
        for good in ["12345678", "päßwörd€", &"x".repeat(128), "        "] {
            assert!(Password::parse("password", good).is_ok(), "{good:?}");
        }
        for bad in ["", "1234567", "ééééééé", &"x".repeat(129)] {
            let refused = Password::parse("new", bad);
            assert!(matches!(refused, Err(Error::Invalid { field: "new", .. })), "{bad:?}");
        }
    }

    #[test]
    fn passwords_do_not_show() {
        assert!(!format!("{:?}", password("chatterbox")).contains("chatterbox"));
    }

    #[tokio::test]
    async fn the_right_password_is_told_from_a_wrong_one() {
        let hasher = hasher(1, 4);
        let hash = hasher.hash(password("chatterbox")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!format!("{hash:?}").contains("argon2id"));
        assert!(hasher.verify(password("chatterbox"), hash.clone()).await.unwrap());
        assert!(!hasher.verify(password("Chatterbox"), hash.clone()).await.unwrap());
        assert_ne!(hasher.hash(password("chatterbox")).await.unwrap(), hash);
        let malformed = PasswordHash::from_stored("plain".to_owned());
        let defect = hasher.verify(password("chatterbox"), malformed).await;
        assert!(matches!(defect, Err(Error::Store(StoreError::Internal(_)))));
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_told_so() {
        let hasher = hasher(1, 1);
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let busy = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                let block = move || {
                    let _ = started.send(());
                    wait.recv_timeout(Duration::from_secs(10)).map_err(Error::internal)
                };
                hasher.turn().unwrap().run(block).await
            }
        });
        running.await.unwrap();
        let waiting = hasher.hash(password("chatterbox"));
        let refused = hasher.hash(password("chatterbox"));
        let release = async move { release.send(()).unwrap() };
        let (waiting, refused, ()) = tokio::join!(waiting, refused, release);
        assert!(waiting.is_ok());
        assert!(refused.unwrap_err().is_transient());
        assert!(busy.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_turn_is_over() {
        let hasher = hasher(1, 1);
        let [one, other] = [hasher.turn().unwrap(), hasher.turn().unwrap()];
        assert!(hasher.turn().is_err_and(|full| full.is_transient()));
        drop(one);
        assert!(hasher.turn().is_ok());
        assert!(!other.verify(password("chatterbox"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_costs_only_its_own_answer() {
        let hasher = hasher(1, 4);
        assert!(hasher.turn().unwrap().run::<()>(|| panic!("on purpose")).await.is_err());
        assert!(hasher.hash(password("chatterbox")).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let hasher = hasher(1, 4);
        let hash = hasher.hash(password("chatterbox")).await.unwrap();
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..5 {
            let started = Instant::now();
            hasher.verify(password("chatterbox"), hash.clone()).await.unwrap();
            fastest[0] = fastest[0].min(started.elapsed());
            let started = Instant::now();
            hasher.turn().unwrap().verify(password("chatterbox"), None).await.unwrap();
            fastest[1] = fastest[1].min(started.elapsed());
        }
        let ratio = fastest[0].as_secs_f64() / fastest[1].as_secs_f64();
        assert!((0.3..3.0).contains(&ratio), "{fastest:?}");
    }
}
