//! What can go wrong below the port.

/// A failure of the store. What the domain has to know (a request that is
/// not there, a block) is never an error but an outcome of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store can't be reached, did not answer in time, or is shutting
    /// down. Nothing is known of a write that was under way; every write of
    /// the port may be repeated.
    #[error("the graph can't be reached just now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store answered with something that only a defect explains.
    #[error("the graph failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The result of the port's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Counts a statement that failed so.
    pub(crate) fn count(&self, statement: &'static str) {
        let kind = match self {
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        };
        metrics::counter!("chatterbox_graph_errors_total", "statement" => statement, "kind" => kind)
            .increment(1);
    }
}
