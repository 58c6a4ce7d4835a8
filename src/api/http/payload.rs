//! What subscriptions say, and where the shared part of it comes from.

use std::sync::Arc;

use async_graphql::{Executor, Request, Response};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};

use super::{
    HttpParts,
    line::Line,
    request::{self, Caller},
};
use crate::{accounts::Viewer, telemetry::TraceId};

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
    /// executed `plainly`, as everything is that is refused. What is made for
    /// this client alone waits in `line`. `request` is not prepared yet.
    fn open(&self, request: Request, viewer: Viewer, plainly: Plainly, line: Line) -> Payloads;
}

/// Any feeds.
pub type AnyFeeds = Arc<dyn Feeds>;

/// What the subscription of this caller says.
pub(super) fn open<E: Executor>(
    parts: Arc<HttpParts<E>>,
    mut request: Request,
    caller: Caller,
    trace: TraceId,
    line: Line,
) -> Payloads {
    let mut measured = parts.operations.begin(Some(&mut request));
    let feeds = parts.feeds.clone();
    let plainly = move |request| {
        let request = request::prepare(&parts, request, caller, trace);
        parts.executor.execute_stream(request, None)
    };
    let payloads = match caller.viewer() {
        Some(viewer) => feeds.open(request, viewer, Box::new(plainly), line),
        None => plainly(request).map(Payload::Own).boxed(),
    };
    payloads.inspect(move |payload| measured.heard(payload)).boxed()
}
