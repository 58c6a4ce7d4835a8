//! What went wrong, as an answer tells it: the code and what comes with it.

use std::sync::Arc;

use async_graphql::{Response, ServerError};
use tracing::error;

use crate::{
    api::codes::{Code, Told},
    error::{Error, StoreError, chain},
    telemetry::TraceId,
};

/// Gives every error its code, on the way out.
pub(super) fn expose_all(response: &mut Response, trace: Option<&TraceId>) {
    let trace = trace.map(|trace| trace.0.as_str());
    response.errors.iter_mut().for_each(|error| expose(error, trace));
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
        None => {
            withhold_value(&mut error.message);
            extensions.set("code", Code::BadUserInput.name());
        }
        Some(known) => {
            report(known, error);
            let Told { code, message, field, retry_after_ms } = Told::of(known);
            error.message = message.into_owned();
            extensions.set("code", code.name());
            if let Some(field) = field {
                extensions.set("field", field);
            }
            if let Some(retry_after_ms) = retry_after_ms {
                extensions.set("retryAfterMs", retry_after_ms);
            }
            if let (Error::Start(_) | Error::Store(_), Some(trace_id)) = (known, trace_id) {
                extensions.set("traceId", trace_id);
            }
        }
    }
    error.extensions = Some(extensions);
}

/// Of a value of the wrong type async-graphql ends by showing it. It may be a
/// secret, and what is refused ends up in the logs of clients.
fn withhold_value(message: &mut String) {
    if let Some(expected) = message.find(", found ").filter(|_| message.starts_with("Expected ")) {
        message.truncate(expected);
    }
}

fn report(known: &Error, shown: &ServerError) {
    match known {
        Error::Store(StoreError::Unavailable(_)) => {
            tracing::warn!(error = chain(known), "answered UNAVAILABLE");
        }
        Error::Start(_) | Error::Store(StoreError::Internal(_)) => {
            error!(error = chain(known), path = ?shown.path, "answered INTERNAL");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::codes::tests::outcomes;

    #[test]
    fn a_value_of_the_wrong_type_is_not_shown() {
        let value = async_graphql::Value::from("hunter2");
        let refused = async_graphql::InputValueError::<i32>::expected_type(value);
        let mut shown = refused.propagate::<u8>().into_server_error(async_graphql::Pos::default());
        expose(&mut shown, None);
        assert_eq!(shown.message, "Expected input type \"Int\"");
    }

    #[test]
    fn each_outcome_carries_what_the_table_says() {
        for known in outcomes() {
            let row = Code::of(&known).row();
            let mut shown = ServerError::new("", None);
            shown.source = Some(Arc::new(known));
            expose(&mut shown, Some("trace"));
            let extensions = serde_json::to_value(&shown.extensions).unwrap();
            assert_eq!(extensions["code"], row.name);
            let told: BTreeSet<&str> =
                extensions.as_object().unwrap().keys().map(String::as_str).collect();
            let expected = row.carries.iter().copied().chain(["code"]).collect();
            assert_eq!(told, expected, "{}", row.name);
            assert!(!shown.message.contains("secret"), "{}", shown.message);
        }
    }
}
