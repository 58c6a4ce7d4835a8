//! The clock and the randomness, handed in so that tests hold both.

use std::sync::Arc;

use chatterbox_graph::Timestamp;
use type_safe_id::{StaticType, TypeSafeId};

/// What tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// What gives bytes that nobody can foresee.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// The operating system's generator, through a seeded one for each thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// Both, as they are handed around.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Ambient {
    /// Puts the two together.
    pub fn new(clock: impl Clock, random: impl Random) -> Self {
        Self { clock: Arc::new(clock), random: Arc::new(random) }
    }

    /// Those of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemClock, SystemRandom)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Bytes that nobody can foresee.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id: UUIDv7 (RFC 9562, section 5.7) of now.
    #[must_use]
    pub fn id<T: StaticType>(&self) -> TypeSafeId<T> {
        let millis = u64::try_from(self.now().0 / 1000).unwrap_or_default();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid();
        TypeSafeId::from_uuid(uuid)
    }
}
