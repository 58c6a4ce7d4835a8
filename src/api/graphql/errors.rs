//! The one place that maps what went wrong to `extensions.code`.

use std::sync::Arc;

use async_graphql::{
    Response, ServerError,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextSubscribe},
};
use futures::{StreamExt, stream::BoxStream};
use tracing::error;

use crate::{
    error::{Error, StoreError, chain},
    telemetry::TraceId,
};

/// The codes of the contract.
#[must_use]
pub fn code(error: &Error) -> &'static str {
    match error {
        Error::Invalid { .. } => "BAD_USER_INPUT",
        Error::Unauthenticated => "UNAUTHENTICATED",
        Error::InvalidCredentials(_) => "INVALID_CREDENTIALS",
        Error::EmailNotVerified => "EMAIL_NOT_VERIFIED",
        Error::Forbidden(_) => "FORBIDDEN",
        Error::NotFound(_) => "NOT_FOUND",
        Error::Conflict { .. } => "CONFLICT",
        Error::CursorExpired => "CURSOR_EXPIRED",
        Error::Store(StoreError::Unavailable(_)) => "UNAVAILABLE",
        Error::Store(StoreError::Internal(_)) => "INTERNAL",
    }
}

/// How long a client should wait before it tries again, in milliseconds.
const RETRY_AFTER_MS: i32 = 1_000;

/// Gives every error its code, on the way out.
pub struct ErrorCodes;

impl ExtensionFactory for ErrorCodes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for ErrorCodes {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let mut response = next.run(ctx).await;
        expose_all(&mut response, trace_id(ctx).as_deref());
        response
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let trace_id = trace_id(ctx);
        Box::pin(next.run(ctx, stream).map(move |mut response| {
            expose_all(&mut response, trace_id.as_deref());
            response
        }))
    }
}

fn expose_all(response: &mut Response, trace_id: Option<&str>) {
    response.errors.iter_mut().for_each(|error| expose(error, trace_id));
}

fn trace_id(ctx: &ExtensionContext<'_>) -> Option<String> {
    ctx.data_opt::<TraceId>().map(|trace_id| trace_id.0.clone())
}

fn expose(error: &mut ServerError, trace_id: Option<&str>) {
    let has_code =
        error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some());
    if has_code {
        return;
    }
    let source = error.source.clone();
    let known = source.as_ref().and_then(|source| {
        source
            .downcast_ref::<Error>()
            .or_else(|| source.downcast_ref::<Arc<Error>>().map(|error| &**error))
    });
    let mut extensions = error.extensions.take().unwrap_or_default();
    match known {
        // What the schema itself refuses: syntax, unknown fields, wrong types, limits.
        None => extensions.set("code", "BAD_USER_INPUT"),
        Some(known) => {
            extensions.set("code", code(known));
            error.message = known.to_string();
            describe(known, &mut extensions, error, trace_id);
        }
    }
    error.extensions = Some(extensions);
}

fn describe(
    known: &Error,
    extensions: &mut async_graphql::ErrorExtensionValues,
    shown: &mut ServerError,
    trace_id: Option<&str>,
) {
    match known {
        Error::Invalid { field, .. } | Error::Conflict { field, .. } => {
            extensions.set("field", *field);
        }
        Error::Store(StoreError::Unavailable(_)) => {
            tracing::warn!(error = chain(known), "answered UNAVAILABLE");
            extensions.set("retryAfterMs", RETRY_AFTER_MS);
        }
        Error::Store(StoreError::Internal(_)) => {
            error!(error = chain(known), path = ?shown.path, "answered INTERNAL");
            "an internal error".clone_into(&mut shown.message);
        }
        _ => {}
    }
    if let (Error::Store(_), Some(trace_id)) = (known, trace_id) {
        extensions.set("traceId", trace_id);
    }
}
