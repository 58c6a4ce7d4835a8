//! Neo4j's failures in the words of the port, and what may be done about them.

use neo4rs::{Neo4jClientErrorKind as Client, Neo4jErrorKind as Kind};

use crate::Error;

const GONE: &str = "Neo.ClientError.Statement.EntityNotFound";

/// What went wrong with one try.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server undid everything and says that it may be tried again.
    Transient(neo4rs::Error),
    /// The connection is of no use any more, nothing was committed.
    Broken(neo4rs::Error),
    /// No answer in time, or none to a commit: what became of it is unknown.
    Unknown(Box<dyn std::error::Error + Send + Sync>),
    /// What was found was taken away before all of it was read.
    Torn(neo4rs::DeError),
    /// The server is there, but can't serve.
    Away(neo4rs::Error),
    /// A defect.
    Defect(neo4rs::Error),
}

impl From<neo4rs::Error> for Failure {
    fn from(error: neo4rs::Error) -> Self {
        match &error {
            neo4rs::Error::Neo4j(server) => match server.kind() {
                Kind::Transient | Kind::Client(Client::SessionExpired) => Self::Transient(error),
                Kind::Client(Client::TransactionTerminated | Client::FatalDiscovery) => {
                    Self::Away(error)
                }
                // Two that create the same at once, or one that takes away what another
                // has just found; the next try finds it there, or gone.
                Kind::Client(_) if server.code().starts_with("Neo.ClientError.Schema.") => {
                    Self::Transient(error)
                }
                Kind::Client(_) if server.code() == GONE => Self::Transient(error),
                Kind::Client(_) => Self::Defect(error),
                // A server that shuts down fails in many ways.
                Kind::Database | Kind::Unknown => Self::Away(error),
            },
            neo4rs::Error::IOError { .. }
            | neo4rs::Error::IncompleteBoltExchange
            | neo4rs::Error::UnexpectedMessage(_)
            | neo4rs::Error::Ignored(_)
            | neo4rs::Error::RequestIgnoredError => Self::Broken(error),
            neo4rs::Error::ConnectionTimedOut => Self::Unknown(Box::new(error)),
            // All connections are in use, a sign-in that a starting server
            // refuses, a port that something else listens on.
            neo4rs::Error::ConnectionError
            | neo4rs::Error::AuthenticationError(_)
            | neo4rs::Error::ServerUnavailableError(_)
            | neo4rs::Error::ProtocolMismatch(_)
            | neo4rs::Error::UnsupportedVersion(..) => Self::Away(error),
            _ => Self::Defect(error),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Failure {
    fn from(error: tokio::time::error::Elapsed) -> Self {
        Self::Unknown(Box::new(error))
    }
}

impl Failure {
    /// The same failure, of a commit: where the server did not answer nobody
    /// knows whether it was done.
    pub(super) fn of_commit(self) -> Self {
        match self {
            Self::Broken(error) => Self::Unknown(Box::new(error)),
            failure => failure,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Transient(error) | Failure::Broken(error) | Failure::Away(error) => {
                Self::Unavailable(Box::new(error))
            }
            Failure::Unknown(error) => Self::Unavailable(error),
            // Nobody takes away so much: it is not what the statement is to answer.
            Failure::Torn(error) => Self::Internal(Box::new(error)),
            Failure::Defect(error) => Self::Internal(Box::new(error)),
        }
    }
}
