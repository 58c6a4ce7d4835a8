//! What operations on sockets say, and where the shared part of it comes from.

use std::sync::Arc;

use async_graphql::{Request, Response};
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::accounts::Viewer;

/// What an operation says.
#[derive(Debug)]
pub enum Payload {
    /// To its own client.
    Own(Response),
    /// To many, who share what is written already: a response in JSON, without errors.
    Shared(Bytes),
}

/// What an operation says, as it comes.
pub type Payloads = BoxStream<'static, Payload>;

/// Executes an operation by itself.
pub type Plainly = Box<dyn FnOnce(Request) -> BoxStream<'static, Response> + Send>;

/// Serves subscriptions whose clients ask for the same.
pub trait Feeds: Send + Sync + 'static {
    /// What the operation of a viewer says: shared where that can be, else
    /// executed `plainly`, as everything is that is refused. `request` is not
    /// prepared yet.
    fn open(&self, request: Request, viewer: Viewer, plainly: Plainly) -> Payloads;
}

/// Any feeds.
pub type AnyFeeds = Arc<dyn Feeds>;
