//! The keys that sign and check access tokens.

use ed25519_dalek::pkcs8::{
    DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    ambient::Ambient,
    error::{Error, Result},
};

/// Ed25519 keys, newest first. The newest signs; the others only check what
/// they signed before it came, until they are taken away.
pub struct SigningKeys {
    newest: SigningKey,
    older: Vec<SigningKey>,
}

/// One of the keys.
pub(super) struct SigningKey {
    signing: EncodingKey,
    verifying: DecodingKey,
    kid: String,
    jwk: Jwk,
}

impl SigningKeys {
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

    /// Reads the private keys in `pem` (PKCS#8, RFC 7468), one after the
    /// other, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for `signing-key` where there is none, or one that
    /// is not an Ed25519 key.
    pub fn from_pem(pem: &SecretString) -> Result<Self> {
        let mut keys = PrivatePkcs8KeyDer::pem_slice_iter(pem.expose_secret().as_bytes())
            .map(|key| SigningKey::from_der(key.map_err(|_| refused())?.secret_pkcs8_der()));
        let newest = keys.next().ok_or_else(refused)??;
        Ok(Self { newest, older: keys.collect::<Result<_>>()? })
    }

    /// The key that signs.
    pub(super) fn newest(&self) -> &SigningKey {
        &self.newest
    }

    /// The key with this id.
    pub(super) fn find(&self, kid: &str) -> Option<&SigningKey> {
        self.all().find(|key| key.kid == kid)
    }

    /// All of them, newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl SigningKey {
    fn from_der(der: &[u8]) -> Result<Self> {
        let mut pair = KeypairBytes::from_pkcs8_der(der).map_err(|_| refused())?;
        // The public half is derived again: one that came with the file could be another key's.
        pair.public_key = None;
        let der = pair.to_pkcs8_der().map_err(|_| refused())?;
        let signing = EncodingKey::from_ed_der(der.as_bytes());
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(|_| refused())?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(Error::internal)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&jwk).map_err(Error::internal)?;
        Ok(Self { signing, verifying, kid, jwk })
    }

    /// The thumbprint of its public half (RFC 7638).
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// Its private half.
    pub(super) fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    /// Its public half, to be published.
    pub(super) fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Its public half.
    pub(super) fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }
}

fn refused() -> Error {
    Error::invalid("signing-key", "is not an Ed25519 private key in PEM (PKCS#8), nor several")
}
