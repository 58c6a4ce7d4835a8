//! The certificate by which clients know the service.

use std::{fmt, sync::Arc};

use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, crypto::ring},
};

/// A certificate with its key. Neither shows in `Debug`.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate and a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    /// The certificate is no certificate.
    #[error("accepted are certificates in PEM, that of the service first")]
    Certificate,
    /// The key is no private key.
    #[error("accepted is a private key in PEM")]
    Key,
    /// They don't belong together, or are of a kind that is not known.
    #[error("accepted is the private key of the certificate")]
    Pair,
}

impl Tls {
    /// Reads a chain of certificates and the private key of the first, both in
    /// PEM (RFC 7468). TLS 1.2 and 1.3 are spoken.
    ///
    /// # Errors
    ///
    /// See [`BadTls`].
    pub fn from_pem(certificates: &str, key: &SecretString) -> Result<Self, BadTls> {
        let chain: Result<Vec<_>, PemError> =
            CertificateDer::pem_slice_iter(certificates.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(BadTls::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes());
        let config = config(chain, key.map_err(|_| BadTls::Key)?).map_err(|_| BadTls::Pair)?;
        Ok(Self(Arc::new(config)))
    }

    /// What greets connections.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.clone())
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    // HTTP/2 is all that gRPC speaks (RFC 9113, section 3.2).
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
