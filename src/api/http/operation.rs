//! Operations as clients send them, whatever carries them, and what is
//! answered.

use async_graphql::{
    Request, Response, ServerError, Value, Variables,
    parser::types::{DocumentOperations, OperationType},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{documents::Documents, request::count_error};

/// The code of errors that the client made.
pub(super) const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The codes of the API's contract; metrics count others as one.
const CODES: [&str; 11] = [
    BAD_USER_INPUT,
    "UNAUTHENTICATED",
    "INVALID_CREDENTIALS",
    "EMAIL_NOT_VERIFIED",
    "FORBIDDEN",
    "NOT_FOUND",
    "CONFLICT",
    "RATE_LIMITED",
    "CURSOR_EXPIRED",
    "UNAVAILABLE",
    "INTERNAL",
];

/// The parameters of a request: GraphQL over HTTP, section "Request
/// Parameters". What a client leaves out it may also send as null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Json>>,
    extensions: Option<Map<String, Json>>,
}

impl Parameters {
    /// Those of a query string, in which the maps are written as JSON.
    ///
    /// # Errors
    ///
    /// What is wrong, for the client.
    pub(super) fn of_query_string(
        query: String,
        operation_name: Option<String>,
        variables: Option<&str>,
        extensions: Option<&str>,
    ) -> Result<Self, String> {
        let map = |name, text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => serde_json::from_str::<Option<Map<String, Json>>>(text)
                .map_err(|error| format!("{name} is no JSON object: {error}")),
        };
        let operation_name = operation_name.filter(|name| !name.is_empty());
        let variables = map("variables", variables)?;
        let extensions = map("extensions", extensions)?;
        Ok(Self { query, operation_name, variables, extensions })
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
        batch.map_err(|error| format!("the body is no GraphQL request in JSON: {error}"))
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
    let chosen = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            all.next().filter(|_| all.next().is_none())
        }
    };
    Ok(chosen.map(|operation| operation.node.ty))
}

/// An error that the client made, as the whole answer.
pub(super) fn refused(message: impl Into<String>) -> Response {
    Response::from_errors(vec![ServerError::new(message, None)])
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
            error.extensions.get_or_insert_default().set("code", BAD_USER_INPUT);
        }
        let code = code(error).unwrap_or_default();
        count_error(CODES.into_iter().find(|known| *known == code).unwrap_or("OTHER"));
    }
}

/// An answer to an operation that was not executed: it has no entry `data`
/// (GraphQL, section 7.1.2).
#[derive(Serialize)]
pub(super) struct RequestError<'a> {
    pub(super) errors: &'a [ServerError],
}
