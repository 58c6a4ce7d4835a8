//! Access tokens, signed and checked without a look-up, and refresh tokens,
//! which mean nothing to anyone but the store.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox_graph::Timestamp;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Viewer,
    verified::{Proof, VerifiedTokens},
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{SessionId, UserId},
};

const SECOND: i64 = 1_000_000;

/// Signs and checks access tokens: JSON Web Tokens (RFC 7519) with Ed25519
/// signatures.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    verified: VerifiedTokens,
    header: Header,
    validation: Validation,
    jwk: Jwk,
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
    /// Makes a key and returns it as PEM (PKCS#8).
    ///
    /// # Errors
    ///
    /// A defect, where it can't be encoded.
    pub fn generate_pem(ambient: &Ambient) -> Result<SecretString> {
        // Without the public key, which makes it version 1: OpenSSL reads no other.
        let pair = KeypairBytes { secret_key: ambient.bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(Error::internal)?;
        Ok(SecretString::from(pem.as_str()))
    }

    /// Signs with the Ed25519 key in `pem` (PKCS#8), as `issuer`, tokens that
    /// are valid for `ttl` (whole seconds, at least one).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for `signing-key` where that is no such key.
    pub fn from_pem(pem: &SecretString, issuer: &str, ttl: Duration) -> Result<Self> {
        let refused =
            || Error::invalid("signing-key", "is not an Ed25519 private key in PEM (PKCS#8)");
        let mut pair = KeypairBytes::from_pkcs8_pem(pem.expose_secret()).map_err(|_| refused())?;
        // The public half is derived again: one that came with the file could be another key's.
        pair.public_key = None;
        let der = pair.to_pkcs8_der().map_err(|_| refused())?;
        let signing = EncodingKey::from_ed_der(der.as_bytes());
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(|_| refused())?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(Error::internal)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            verifying: DecodingKey::from_jwk(&jwk).map_err(Error::internal)?,
            verified: VerifiedTokens::new(),
            signing,
            header: Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) },
            validation: validation(issuer),
            jwk,
            issuer: issuer.to_owned(),
            ttl_seconds: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX / (2 * SECOND)).max(1),
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
        let text =
            jsonwebtoken::encode(&self.header, &claims, &self.signing).map_err(Error::internal)?;
        Ok(AccessToken { text, expires_at: Timestamp(exp.saturating_mul(SECOND)) })
    }

    /// What the token proves `now`.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] for a token that we did not sign, as this
    /// issuer and with this key, or that has expired.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Viewer> {
        self.verified.verify(text, now, |text| self.check(text))
    }

    fn check(&self, text: &str) -> Result<Proof> {
        let claims = jsonwebtoken::decode::<Claims>(text, &self.verifying, &self.validation)
            .map_err(|_| Error::Unauthenticated)?
            .claims;
        let viewer = Viewer { user: claims.sub, session: claims.sid };
        Ok(Proof { viewer, expires_at: Timestamp(claims.exp.saturating_mul(SECOND)) })
    }

    /// The key that checks the tokens, as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys = JwkSet { keys: vec![self.jwk.clone()] };
        serde_json::to_value(keys).unwrap_or_default()
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
mod tests {
    use super::*;

    /// The key of RFC 8037, appendix A.
    const RFC_8037: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";
    const ISSUER: &str = "https://chat.example.org";
    const NOW: Timestamp = Timestamp(1_800_000_000_500_000);

    fn tokens(pem: &SecretString, issuer: &str) -> Tokens {
        Tokens::from_pem(pem, issuer, Duration::from_secs(600)).unwrap()
    }

    fn ours() -> Tokens {
        tokens(&RFC_8037.into(), ISSUER)
    }

    fn viewer() -> Viewer {
        let ambient = Ambient::system();
        Viewer { user: ambient.id(), session: ambient.id() }
    }

    fn refused(text: &str) -> bool {
        matches!(ours().verify(text, NOW), Err(Error::Unauthenticated))
    }

    fn part(json: &serde_json::Value) -> String {
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    fn claims(viewer: Viewer) -> serde_json::Value {
        serde_json::json!({
            "iss": ISSUER, "sub": viewer.user, "sid": viewer.session,
            "iat": 1_800_000_000, "exp": 1_800_000_600,
        })
    }

    #[test]
    fn a_token_proves_its_viewer_until_it_expires() {
        let (tokens, viewer) = (ours(), viewer());
        let token = tokens.sign(viewer, NOW).unwrap();
        assert_eq!(token.expires_at, Timestamp(1_800_000_600_000_000));
        assert_eq!(tokens.verify(&token.text, NOW).unwrap(), viewer);
        let last = Timestamp(token.expires_at.0 - 1);
        assert_eq!(tokens.verify(&token.text, last).unwrap(), viewer);
        assert!(tokens.verify(&token.text, token.expires_at).is_err());
        assert!(!format!("{token:?}").contains(&token.text));
    }

    #[test]
    fn the_header_and_the_claims_are_those_of_the_contract() {
        let viewer = viewer();
        let token = ours().sign(viewer, NOW).unwrap().text;
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let header: serde_json::Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        assert_eq!(header["alg"], "EdDSA");
        assert_eq!(header["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let body: serde_json::Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        assert_eq!(body, claims(viewer));
    }

    #[test]
    fn the_published_key_is_that_of_rfc_8037() {
        let expected = serde_json::json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        }]});
        assert_eq!(ours().jwks(), expected);
    }

    #[test]
    fn other_algorithms_are_refused() {
        let body = part(&claims(viewer()));
        let none = part(&serde_json::json!({ "alg": "none", "typ": "JWT" }));
        assert!(refused(&format!("{none}.{body}.")));

        // What an attacker has who takes the public key for a shared secret.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let secret = EncodingKey::from_secret(&x);
        let header = Header::new(Algorithm::HS256);
        let hmac = jsonwebtoken::encode(&header, &claims(viewer()), &secret).unwrap();
        assert!(refused(&hmac));
    }

    #[test]
    fn the_tokens_of_others_are_refused() {
        let pem = Tokens::generate_pem(&Ambient::system()).unwrap();
        assert!(refused(&tokens(&pem, ISSUER).sign(viewer(), NOW).unwrap().text));
        let elsewhere = tokens(&RFC_8037.into(), "https://evil.example.org");
        assert!(refused(&elsewhere.sign(viewer(), NOW).unwrap().text));
    }

    #[test]
    fn tampered_tokens_are_refused() {
        let token = ours().sign(viewer(), NOW).unwrap().text;
        let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        assert!(refused(&format!("{header}.{}.{signature}", part(&claims(viewer())))));
        assert!(refused(&format!("{token}x")));
        assert!(refused(&token[..token.len() - 2]));
        assert!(refused(&token[..token.rfind('.').unwrap() + 1]));
        for text in ["", ".", "..", "a.b.c", "Bearer x"] {
            assert!(refused(text), "{text:?}");
        }
    }

    #[test]
    fn a_token_that_was_taken_opens_the_way_for_no_other() {
        let (tokens, viewer) = (ours(), viewer());
        let token = tokens.sign(viewer, NOW).unwrap();
        let [header, body, signature] = token.text.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        let other = part(&claims(self::viewer()));
        for _ in 0..2 {
            assert_eq!(tokens.verify(&token.text, NOW).unwrap(), viewer);
            assert!(tokens.verify(&token.text, token.expires_at).is_err());
            for text in [
                format!("{header}.{other}.{signature}"),
                format!("{header}.{body}."),
                format!("{}x", token.text),
            ] {
                assert!(tokens.verify(&text, NOW).is_err(), "{text}");
            }
        }
        let pem = Tokens::generate_pem(&Ambient::system()).unwrap();
        assert!(self::tokens(&pem, ISSUER).verify(&token.text, NOW).is_err());
    }

    #[test]
    fn claims_have_to_be_there_and_of_the_right_kind() {
        let tokens = ours();
        let signed = |claims: &serde_json::Value| {
            jsonwebtoken::encode(&tokens.header, claims, &tokens.signing).unwrap()
        };
        assert!(!refused(&signed(&claims(viewer()))));
        for missing in ["iss", "sub", "sid", "exp"] {
            let mut claims = claims(viewer());
            claims.as_object_mut().unwrap().remove(missing);
            assert!(refused(&signed(&claims)), "{missing}");
        }
        let mut swapped = claims(viewer());
        swapped["sub"] = swapped["sid"].clone();
        assert!(refused(&signed(&swapped)));
    }

    #[test]
    fn keys_are_read_back_and_others_refused() {
        let pem = Tokens::generate_pem(&Ambient::system()).unwrap();
        assert!(pem.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let token = tokens(&pem, ISSUER).sign(viewer(), NOW).unwrap();
        assert!(tokens(&pem, ISSUER).verify(&token.text, NOW).is_ok());
        for bad in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let refused = Tokens::from_pem(&bad.into(), ISSUER, Duration::from_secs(1));
            assert!(matches!(refused, Err(Error::Invalid { field: "signing-key", .. })));
        }
    }

    #[test]
    fn refresh_tokens_differ_and_are_read_back() {
        let ambient = Ambient::system();
        let token = RefreshToken::draw(&ambient);
        assert_eq!(token.expose().len(), 43);
        assert_ne!(token.hash(), RefreshToken::draw(&ambient).hash());
        assert_eq!(RefreshToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.expose()));
        for bad in ["", "abc", &format!("{}A", token.expose()), &"!".repeat(43)] {
            assert!(RefreshToken::parse(bad).is_none(), "{bad:?}");
        }
    }
}
