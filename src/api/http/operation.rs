//! Operations as clients send them, whatever carries them, and what is
//! answered.

use async_graphql::{
    Request, Response, ServerError, Value, Variables, parser::types::OperationType,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::{documents::Documents, misread, persisted, request::count_error};
use crate::{
    api::{codes::Code, graphql::chosen::chosen},
    telemetry::TraceId,
};

/// How long a client should wait before it tries again, in milliseconds.
const RETRY_AFTER_MS: i32 = 1_000;

/// The parameters of a request: GraphQL over HTTP, section "Request
/// Parameters". What a client leaves out it may also send as null.
#[derive(Deserialize)]
#[serde(try_from = "Given")]
pub(super) struct Parameters {
    /// Empty where the extensions name it.
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Json>>,
    extensions: Option<Map<String, Json>>,
}

/// What was given of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Json>>,
    extensions: Option<Map<String, Json>>,
}

impl TryFrom<Given> for Parameters {
    type Error = &'static str;

    fn try_from(given: Given) -> Result<Self, Self::Error> {
        let Given { query, operation_name, variables, extensions } = given;
        let named = extensions.as_ref().is_some_and(persisted::is_named);
        let query = query.or(named.then(String::new)).ok_or("missing field `query`")?;
        Ok(Self { query, operation_name, variables, extensions })
    }
}

impl Parameters {
    /// Those of a query string, in which the maps are written as JSON.
    ///
    /// # Errors
    ///
    /// What is wrong, for the client.
    pub(super) fn of_query_string(
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<&str>,
        extensions: Option<&str>,
    ) -> Result<Self, String> {
        let map = |name, text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => serde_json::from_str::<Option<Map<String, Json>>>(text)
                .map_err(|error| format!("{name} is no JSON object: {}", misread::json(&error))),
        };
        let operation_name = operation_name.filter(|name| !name.is_empty());
        let variables = map("variables", variables)?;
        let extensions = map("extensions", extensions)?;
        Ok(Given { query, operation_name, variables, extensions }.try_into()?)
    }

    /// The operation to execute.
    pub(super) fn into_request(self) -> Request {
        let mut request = Request::new(self.query);
        request.operation_name = self.operation_name;
        request.variables = Variables::from_json(Json::Object(self.variables.unwrap_or_default()));
        let extensions = self.extensions.unwrap_or_default().into_iter();
        request.extensions.0 = extensions
            .filter_map(|(name, value)| Some((name, Value::from_json(value).ok()?)))
            .collect();
        request
    }
}

/// What one request carries.
pub(super) enum Batch {
    /// One operation.
    One(Parameters),
    /// A list of them, which is answered with a list.
    Many(Vec<Parameters>),
}

impl Batch {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// What is wrong, for the client.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let batch = if list {
            serde_json::from_slice(body).map(Self::Many)
        } else {
            serde_json::from_slice(body).map(Self::One)
        };
        batch.map_err(|error| {
            format!("the body is no GraphQL request in JSON: {}", misread::json(&error))
        })
    }
}

/// What kind of operation would be executed; nothing where the document does
/// not say which one that is, and then none will be.
///
/// # Errors
///
/// Where the document is nested too deep or can't be parsed.
pub(super) fn kind(
    documents: &Documents,
    request: &mut Request,
) -> Result<Option<OperationType>, ServerError> {
    let name = request.operation_name.clone();
    let document = documents.parse(request)?;
    Ok(chosen(document, name.as_deref()).map(|(_, operation)| operation.ty))
}

/// An error that the client made, as the whole answer.
pub(super) fn refused(message: impl Into<String>) -> Response {
    Response::from_errors(vec![ServerError::new(message, None)])
}

/// An error of this code.
pub(super) fn coded(code: Code, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code.name());
    error
}

/// What is not answered now may be answered later.
pub(super) fn unavailable(message: &str, trace: &TraceId) -> ServerError {
    let mut error = coded(Code::Unavailable, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("retryAfterMs", RETRY_AFTER_MS);
    extensions.set("traceId", trace.0.as_str());
    error
}

/// Whether the operation was not executed at all. What happens during
/// execution has a path.
pub(super) fn is_request_error(response: &Response) -> bool {
    is_failure(response) && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether there is nothing but errors.
pub(super) fn is_failure(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty()
}

/// The code of an error.
pub(super) fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code") {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

/// Completes what is answered: every error has a code, and is counted.
pub(super) fn complete(response: &mut Response) {
    for error in &mut response.errors {
        if code(error).is_none() {
            // Resolvers give theirs a code. What has none comes from parsing,
            // validation and the reading of arguments.
            error.extensions.get_or_insert_default().set("code", Code::BadUserInput.name());
        }
        let code = code(error).unwrap_or_default();
        count_error(Code::named(code).map_or("OTHER", Code::name));
    }
}

/// An answer as it is written.
pub(super) struct Written<'a>(pub(super) &'a Response);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            response if is_request_error(response) => {
                RequestError { errors: &response.errors }.serialize(serializer)
            }
            response => response.serialize(serializer),
        }
    }
}

/// An answer to an operation that was not executed: it has no entry `data`
/// (GraphQL, section 7.1.2).
#[derive(Serialize)]
pub(super) struct RequestError<'a> {
    pub(super) errors: &'a [ServerError],
}
