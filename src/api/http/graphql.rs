//! GraphQL over HTTP: <https://graphql.github.io/graphql-over-http/draft/>.

use std::{sync::Arc, time::Duration};

use async_graphql::{BatchResponse, Executor, Response as Answer, parser::types::OperationType};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{
        Extension, Query, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use futures::{StreamExt, future::join_all};
use serde::Deserialize;

use super::{
    BATCH_LIMIT, BODY_LIMIT, HttpParts,
    negotiation::{MediaType, is_json, wants_page},
    operation::{self, Batch, Parameters, RequestError, refused},
    request::{self, Caller, refusal},
    websocket,
};
use crate::telemetry::TraceId;

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How much of a body that is too large is taken and thrown away, so that its
/// sender gets to read why it is refused.
const BODY_THROWN_AWAY: usize = 4 * 1024 * 1024;

/// All that is served at `/graphql`.
pub(super) async fn endpoint<E: Executor>(
    State(parts): State<Arc<HttpParts<E>>>,
    Extension(trace): Extension<TraceId>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    match head.method {
        Method::GET if head.headers.contains_key(header::UPGRADE) => {
            websocket::open(parts, upgrade, &head.headers)
        }
        Method::GET => get(&parts, trace, &head).await,
        Method::POST => post(&parts, trace, &head, body).await,
        _ => not_allowed("GET, POST", "operations are sent with POST, queries also with GET"),
    }
}

async fn get<E: Executor>(parts: &HttpParts<E>, trace: TraceId, head: &Parts) -> Response {
    if head.uri.query().is_none() && wants_page(&head.headers) {
        return Redirect::to("/playground").into_response();
    }
    let Some(media) = MediaType::accepted(&head.headers) else { return not_acceptable() };
    let mut request = match query_string(head) {
        Ok(parameters) => parameters.into_request(),
        Err(message) => return refusal(StatusCode::BAD_REQUEST, &message),
    };
    if let Ok(Some(OperationType::Mutation)) = operation::kind(&parts.documents, &mut request) {
        return not_allowed("POST", "a mutation is sent with POST");
    }
    let caller = Caller::of_headers(parts, &head.headers);
    respond(media, execute(parts, caller, trace, request).await.into())
}

async fn post<E: Executor>(
    parts: &HttpParts<E>,
    trace: TraceId,
    head: &Parts,
    body: Body,
) -> Response {
    if !is_json(&head.headers) {
        let message = "the body has to be application/json in UTF-8";
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let Some(media) = MediaType::accepted(&head.headers) else { return not_acceptable() };
    let body = match read(body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let caller = Caller::of_headers(parts, &head.headers);
    match Batch::parse(&body) {
        Ok(Batch::One(one)) => {
            respond(media, execute(parts, caller, trace, one.into_request()).await.into())
        }
        Ok(Batch::Many(many)) if !(1..=BATCH_LIMIT).contains(&many.len()) => {
            let message = format!("a batch has 1 to {BATCH_LIMIT} operations");
            refusal(StatusCode::BAD_REQUEST, &message)
        }
        Ok(Batch::Many(many)) => {
            let requests = many.into_iter().map(Parameters::into_request);
            let answers = requests.map(|one| execute(parts, caller, trace.clone(), one));
            respond(media, join_all(answers).await.into())
        }
        Err(message) => refusal(StatusCode::BAD_REQUEST, &message),
    }
}

async fn execute<E: Executor>(
    parts: &HttpParts<E>,
    caller: Caller,
    trace: TraceId,
    mut request: async_graphql::Request,
) -> Answer {
    let mut answer = match operation::kind(&parts.documents, &mut request) {
        Err(error) => Answer::from_errors(vec![error]),
        Ok(Some(OperationType::Subscription)) => refused(
            "a subscription needs a WebSocket: connect to /graphql with the subprotocol graphql-transport-ws",
        ),
        Ok(_) => parts.executor.execute(request::prepare(parts, request, caller, trace)).await,
    };
    operation::complete(&mut answer);
    answer
}

fn respond(media: MediaType, answer: BatchResponse) -> Response {
    let mut response = match &answer {
        BatchResponse::Single(single) if operation::is_request_error(single) => {
            (media.request_error(), Json(RequestError { errors: &single.errors })).into_response()
        }
        _ => GraphQLResponse(answer).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.header());
    // Answers depend on who asks.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn query_string(head: &Parts) -> Result<Parameters, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        query: String,
        operation_name: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }

    let Query(fields) = Query::<Fields>::try_from_uri(&head.uri)
        .map_err(|error| format!("the query string is no GraphQL request: {error}"))?;
    Parameters::of_query_string(
        fields.query,
        fields.operation_name,
        fields.variables.as_deref(),
        fields.extensions.as_deref(),
    )
}

/// The body, as long as it is within the limits.
async fn read(body: Body) -> Result<Vec<u8>, Response> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut thrown_away = 0;
    let reading = async {
        while let Some(chunk) = chunks.next().await {
            let chunk: Bytes = chunk?;
            if bytes.len() + chunk.len() > BODY_LIMIT || thrown_away > 0 {
                thrown_away += chunk.len();
                bytes = Vec::new();
            } else {
                bytes.extend_from_slice(&chunk);
            }
            if thrown_away > BODY_THROWN_AWAY {
                break;
            }
        }
        Ok::<_, axum::Error>(())
    };
    match tokio::time::timeout(BODY_TIME, reading).await {
        Ok(Ok(())) if thrown_away > 0 => {
            let message = format!("a body has at most {BODY_LIMIT} bytes");
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, &message))
        }
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(_)) => Err(refusal(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

fn not_allowed(allowed: &'static str, message: &str) -> Response {
    let allow = [(header::ALLOW, allowed)];
    (allow, refusal(StatusCode::METHOD_NOT_ALLOWED, message)).into_response()
}

fn not_acceptable() -> Response {
    let message = "answers are application/graphql-response+json or application/json";
    refusal(StatusCode::NOT_ACCEPTABLE, message)
}
