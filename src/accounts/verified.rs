//! Access tokens that were checked lately.

use chatterbox_graph::Timestamp;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::Viewer;
use crate::error::{Error, Result};

/// What an access token proves, as long as it has not expired.
#[derive(Clone, Copy)]
pub(super) struct Proof {
    pub(super) viewer: Viewer,
    pub(super) expires_at: Timestamp,
}

impl Proof {
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] once the token has expired.
    pub(super) fn at(self, now: Timestamp) -> Result<Viewer> {
        if now < self.expires_at { Ok(self.viewer) } else { Err(Error::Unauthenticated) }
    }
}

/// A bounded cache of what the tokens of one key prove: a signature is
/// checked once, not with each request. Keeps the hashes of tokens, which
/// open nothing for who gets to see them.
pub(super) struct VerifiedTokens {
    proofs: Cache<[u8; 32], Proof>,
}

impl VerifiedTokens {
    const CAPACITY: u64 = 100_000;

    /// An empty cache.
    pub(super) fn new() -> Self {
        Self { proofs: Cache::new(Self::CAPACITY) }
    }

    /// What the token proves `now`. The first time `check` tells; what it
    /// refuses is not kept.
    ///
    /// # Errors
    ///
    /// What `check` refuses, and [`Error::Unauthenticated`] for a token that
    /// has expired.
    pub(super) fn verify(
        &self,
        text: &str,
        now: Timestamp,
        check: impl FnOnce(&str) -> Result<Proof>,
    ) -> Result<Viewer> {
        let hash = Sha256::digest(text).into();
        if let Some(proof) = self.proofs.get(&hash) {
            return proof.at(now);
        }
        let proof = check(text)?;
        let viewer = proof.at(now)?;
        self.proofs.insert(hash, proof);
        Ok(viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Ambient;

    const EXPIRY: Timestamp = Timestamp(1_000);

    fn proof() -> Proof {
        let ambient = Ambient::system();
        let viewer = Viewer { user: ambient.id(), session: ambient.id() };
        Proof { viewer, expires_at: EXPIRY }
    }

    fn again(_: &str) -> Result<Proof> {
        panic!("checked again")
    }

    #[test]
    fn a_token_is_checked_once_and_still_expires() {
        let (verified, proof) = (VerifiedTokens::new(), proof());
        assert_eq!(verified.verify("a.b.c", Timestamp(1), |_| Ok(proof)).unwrap(), proof.viewer);
        let last = Timestamp(EXPIRY.0 - 1);
        assert_eq!(verified.verify("a.b.c", last, again).unwrap(), proof.viewer);
        let refused = verified.verify("a.b.c", EXPIRY, again);
        assert!(matches!(refused, Err(Error::Unauthenticated)));
    }

    #[test]
    fn what_is_refused_is_not_kept() {
        let (verified, proof) = (VerifiedTokens::new(), proof());
        for _ in 0..2 {
            let refused = verified.verify("a.b.x", Timestamp(1), |_| Err(Error::Unauthenticated));
            assert!(refused.is_err());
            assert!(verified.verify("a.b.c", EXPIRY, |_| Ok(proof)).is_err());
        }
        assert_eq!(verified.proofs.iter().count(), 0);
        assert!(verified.verify("a.b.x", Timestamp(1), |_| Ok(proof)).is_ok());
    }
}
