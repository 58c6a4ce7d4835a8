//! Access tokens, signed and checked without a look-up, and refresh tokens,
//! which mean nothing to anyone but the store.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox_graph::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation, jwk::JwkSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Viewer,
    keys::{SigningKey, SigningKeys},
    verified::{Proof, VerifiedTokens},
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{SessionId, UserId},
};

const SECOND: i64 = 1_000_000;

/// How long a token may be, in bytes: several times as long as ours are.
const MAX_BYTES: usize = 4_096;

/// Signs and checks access tokens: JSON Web Tokens (RFC 7519) with Ed25519
/// signatures.
pub struct Tokens {
    keys: SigningKeys,
    verified: VerifiedTokens,
    header: Header,
    validation: Validation,
    issuer: String,
    ttl_seconds: i64,
}

/// An access token. Its text never shows in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// What clients send.
    pub text: String,
    /// When it expires; a whole second.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Signs as `issuer`, with the first key in `pem` (see
    /// [`SigningKeys::from_pem`]), tokens that are valid for `ttl` (whole
    /// seconds, at least one), and takes those that any of the keys signed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for `signing-key` where those are no such keys.
    pub fn from_pem(pem: &SecretString, issuer: &str, ttl: Duration) -> Result<Self> {
        let keys = SigningKeys::from_pem(pem)?;
        let kid = Some(keys.newest().kid().to_owned());
        Ok(Self {
            verified: VerifiedTokens::new(),
            header: Header { kid, ..Header::new(Algorithm::EdDSA) },
            validation: validation(issuer),
            issuer: issuer.to_owned(),
            ttl_seconds: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX / (2 * SECOND)).max(1),
            keys,
        })
    }

    /// How long a token is valid, in microseconds.
    #[must_use]
    pub fn ttl_micros(&self) -> i64 {
        self.ttl_seconds.saturating_mul(SECOND)
    }

    /// Signs a token for `viewer`, issued `now`.
    ///
    /// # Errors
    ///
    /// A defect, where signing fails.
    pub fn sign(&self, viewer: Viewer, now: Timestamp) -> Result<AccessToken> {
        let iat = now.0.div_euclid(SECOND);
        let exp = iat.saturating_add(self.ttl_seconds);
        let claims =
            Claims { iss: self.issuer.clone(), sub: viewer.user, sid: viewer.session, iat, exp };
        let text = jsonwebtoken::encode(&self.header, &claims, self.keys.newest().signing())
            .map_err(Error::internal)?;
        Ok(AccessToken { text, expires_at: Timestamp(exp.saturating_mul(SECOND)) })
    }

    /// What the token proves `now`.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for a token that we did not sign, as this
    /// issuer and with one of these keys, or that has expired.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Viewer> {
        if text.len() > MAX_BYTES {
            return Err(Error::Unauthenticated);
        }
        self.verified.verify(text, now, |text| self.check(text))
    }

    fn check(&self, text: &str) -> Result<Proof> {
        let refused = |_| Error::Unauthenticated;
        let header = jsonwebtoken::decode_header(text).map_err(refused)?;
        // We understand no extension, so none may be critical (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(Error::Unauthenticated);
        }
        let key = header.kid.and_then(|kid| self.keys.find(&kid)).ok_or(Error::Unauthenticated)?;
        let claims = jsonwebtoken::decode::<Claims>(text, key.verifying(), &self.validation)
            .map_err(refused)?
            .claims;
        let viewer = Viewer { user: claims.sub, session: claims.sid };
        Ok(Proof { viewer, expires_at: Timestamp(claims.exp.saturating_mul(SECOND)) })
    }

    /// The ids of the keys that check the tokens, that of the one that signs
    /// first.
    #[must_use]
    pub fn kids(&self) -> Vec<&str> {
        self.keys.all().map(SigningKey::kid).collect()
    }

    /// The keys that check the tokens, the one that signs first, as a JSON Web
    /// Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.keys.all().map(|key| key.jwk().clone()).collect();
        serde_json::to_value(JwkSet { keys }).unwrap_or_default()
    }
}

fn validation(issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    // Compared with the clock that is handed in instead.
    validation.validate_exp = false;
    validation
}

/// What the store keeps of a refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(_)")
    }
}

/// A refresh token: 256 random bits, as base64url. Never shows in `Debug`.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    const BYTES: usize = 32;

    /// A new one.
    #[must_use]
    pub fn draw(ambient: &Ambient) -> Self {
        Self(URL_SAFE_NO_PAD.encode(ambient.bytes::<{ Self::BYTES }>()).into())
    }

    /// Reads what a client sent; `None` for what can't be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == Self::BYTES).then(|| Self(text.into()))
    }

    /// Its text, for the one whom it is given to.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the store keeps of it. A plain hash: there is nothing to guess in
    /// 256 random bits.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose()).into())
    }
}

#[cfg(test)]
mod tests;
