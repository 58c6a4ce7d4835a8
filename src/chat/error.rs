//! What can go wrong for a client.

use std::{io, time::Duration};

use rustls::CertificateError;

use super::text::Line;

/// What can go wrong for a client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not answer; repeating may help.
    #[error("the server can't be reached: {0}")]
    Unreachable(String),
    /// Who answers does not prove to be the server.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// It is at another address.
    #[error("the server is at {0} now: give that as --url")]
    Moved(String),
    /// It answered that it does not do this.
    #[error("{message}")]
    Refused {
        /// `extensions.code`.
        code: String,
        /// For people; safe to show.
        message: String,
        /// After how long repeating may succeed.
        again: Option<Duration>,
    },
    /// What answered is not Chatterbox, or of another version.
    #[error("the server's answer can't be understood: {0}")]
    Unreadable(String),
    /// The session has ended.
    #[error("signed out: sign in again")]
    SignedOut,
    /// Nobody is signed in, and there is nobody to ask.
    #[error("{0}")]
    Unknown(&'static str),
    /// The tokens can't be kept.
    #[error("can't keep the tokens in {path}: {why}")]
    Credentials {
        /// Where.
        path: String,
        /// Why.
        why: io::Error,
    },
    /// No certificate of an authority was found, for this reason.
    #[error("found no certificates to check the server's with: {0}")]
    NoCertificates(String),
    /// Standard input, standard output or the terminal failed.
    #[error("the terminal: {0}")]
    Terminal(io::Error),
    /// So many lines were not carried out, or not sent before the end.
    #[error("not carried out or not sent: {0} of what was written")]
    Undone(usize),
}

/// The result of what a client does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the same may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { code, .. } => matches!(code.as_str(), "UNAVAILABLE" | "RATE_LIMITED"),
            _ => false,
        }
    }

    /// Whether the API answered with this code.
    pub(super) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// After how long repeating may succeed, where the server said so.
    pub(super) fn again(&self) -> Option<Duration> {
        match self {
            Self::Refused { again, .. } => *again,
            _ => None,
        }
    }

    /// In few words, beside ones that say that there is no connection.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unreachable(why) => why.clone(),
            error => error.to_string(),
        }
    }

    /// No answer came in time.
    pub(super) fn late(patience: Duration) -> Self {
        Self::Unreachable(format!("no answer for {} s", patience.as_secs()))
    }

    /// No connection, or one that broke: says what lies at the bottom of it.
    pub(super) fn unreachable(error: &(dyn std::error::Error + 'static)) -> Self {
        let cause = cause(error);
        match cause.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(wrong)) => {
                Self::Untrusted(Line::from(distrust(wrong)).to_string())
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                Self::Unreachable("it does not speak TLS there (http://?)".to_owned())
            }
            _ => Self::Unreachable(Line::from(cause.to_string()).to_string()),
        }
    }

    pub(super) fn unreadable(source: &dyn std::error::Error) -> Self {
        Self::Unreadable(Line::from(source.to_string()).to_string())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Terminal(error)
    }
}

/// What lies at the bottom. An [`io::Error`] passes over what it wraps when it
/// is asked for its source.
fn cause<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    if error.is::<rustls::Error>() {
        return error;
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped.map(|wrapped| wrapped as _).or_else(|| error.source()) {
        Some(deeper) => cause(deeper),
        None => error,
    }
}

fn distrust(wrong: &CertificateError) -> String {
    let words = match wrong {
        CertificateError::UnknownIssuer => "unknown authority (see SSL_CERT_FILE)",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::Revoked => "it was revoked",
        // The type is that of a crate behind rustls.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is meant for an authority, not for a server"
        }
        other => return other.to_string(),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As they come out of the TLS of hyper, and of that of the WebSocket.
    fn failed(error: rustls::Error) -> String {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        Error::unreachable(&io::Error::other(error)).to_string()
    }

    #[test]
    fn certificates_are_refused_in_words() {
        for (wrong, words) in [
            (CertificateError::UnknownIssuer, "unknown authority (see SSL_CERT_FILE)"),
            (CertificateError::Expired, "it has expired"),
            (CertificateError::NotValidForName, "it is for another name"),
        ] {
            assert_eq!(
                failed(rustls::Error::InvalidCertificate(wrong)),
                format!("the server's certificate is not trusted: {words}")
            );
        }
        let plain = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(
            failed(plain),
            "the server can't be reached: it does not speak TLS there (http://?)"
        );
    }

    #[test]
    fn a_cause_is_told_once() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let lost = Error::Credentials { path: "here".to_owned(), why: gone() };
        for error in [Error::from(gone()), lost] {
            let told = crate::error::chain(&error);
            assert_eq!(told.matches(&gone().to_string()).count(), 1, "{told}");
        }
    }
}
