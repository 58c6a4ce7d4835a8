//! GraphQL over HTTP: <https://graphql.github.io/graphql-over-http/draft/>.

use std::{sync::Arc, time::Duration};

use async_graphql::{Executor, Response as Answer, parser::types::OperationType};
use axum::{
    body::{Body, Bytes},
    extract::{
        Extension, Query, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use futures::{FutureExt, StreamExt, future::join_all};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    BATCH_LIMIT, BODY_LIMIT, HttpParts,
    execution::{self, Operation, execute, places},
    framing::Framing,
    line::Place,
    negotiation::{Accepted, MediaType, is_json, wants_page},
    operation::{self, Batch, Parameters, Written},
    pieces::Pieces,
    request::{Caller, refusal},
    streams::{self, Stream},
    websocket,
};
use crate::{api::codes::Code, telemetry::TraceId};

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
            websocket::open(parts, upgrade, &head)
        }
        Method::GET => get(parts, trace, &head).await,
        Method::POST => post(parts, trace, &head, body).await,
        _ => not_allowed("GET, POST", "operations are sent with POST, queries also with GET"),
    }
}

async fn get<E: Executor>(parts: Arc<HttpParts<E>>, trace: TraceId, head: &Parts) -> Response {
    if head.uri.query().is_none() && wants_page(&head.headers) {
        return Redirect::to("/playground").into_response();
    }
    let Some(accepted) = Accepted::of(&head.headers) else { return not_acceptable() };
    let operation = match query_string(head) {
        Ok(parameters) => Operation::parse(&parts, parameters),
        Err(message) => return refusal(StatusCode::BAD_REQUEST, &message),
    };
    if operation.is(OperationType::Mutation) {
        return not_allowed("POST", "a mutation is sent with POST");
    }
    let caller = Caller::of_head(&parts, head);
    answer(parts, accepted, caller, trace, operation).await
}

async fn post<E: Executor>(
    parts: Arc<HttpParts<E>>,
    trace: TraceId,
    head: &Parts,
    body: Body,
) -> Response {
    if !is_json(&head.headers) {
        let message = "the body has to be application/json in UTF-8";
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let Some(accepted) = Accepted::of(&head.headers) else { return not_acceptable() };
    let body = match read(body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let caller = Caller::of_head(&parts, head);
    match Batch::parse(&body) {
        Ok(Batch::One(one)) => {
            let operation = Operation::parse(&parts, one);
            answer(parts, accepted, caller, trace, operation).await
        }
        Ok(Batch::Many(many)) if !(1..=BATCH_LIMIT).contains(&many.len()) => {
            let message = format!("a batch has 1 to {BATCH_LIMIT} operations");
            refusal(StatusCode::BAD_REQUEST, &message)
        }
        Ok(Batch::Many(many)) => match accepted {
            Accepted::Whole(media) | Accepted::Either(media, _) => {
                answer_all(&parts, media, caller, trace, many).await
            }
            Accepted::Stream(_) => {
                refusal(StatusCode::NOT_ACCEPTABLE, "a stream is about one operation")
            }
        },
        Err(message) => refusal(StatusCode::BAD_REQUEST, &message),
    }
}

/// Answers in one piece, or with a stream where there may be several results
/// or nothing else is accepted.
async fn answer<E: Executor>(
    parts: Arc<HttpParts<E>>,
    accepted: Accepted,
    caller: Caller,
    trace: TraceId,
    operation: Operation,
) -> Response {
    let subscribes = operation.is(OperationType::Subscription);
    let line = parts.lines.of(caller.sender());
    let stream = match accepted {
        Accepted::Stream(stream) => stream,
        Accepted::Either(_, stream) if subscribes => stream,
        Accepted::Either(media, _) | Accepted::Whole(media) => {
            return match places(&parts, &line, 1, &trace).await {
                Ok(place) => {
                    let answer = execute(&parts, caller, trace, operation).await;
                    respond_to_one(media, &completed(answer), Some(place))
                }
                Err(refusal) => respond_to_one(media, &completed(refusal), None),
            };
        }
    };
    let framing = Framing::new(stream, &trace);
    let subscriber = subscribes.then_some(caller);
    let stream = Stream { subscriber, trace: trace.clone(), framing };
    let payloads = execution::payloads(parts.clone(), caller, trace, operation, line);
    streams::open(parts, stream, payloads)
}

async fn answer_all<E: Executor>(
    parts: &HttpParts<E>,
    media: MediaType,
    caller: Caller,
    trace: TraceId,
    many: Vec<Parameters>,
) -> Response {
    let line = parts.lines.of(caller.sender());
    let place = match places(parts, &line, many.len(), &trace).await {
        Ok(place) => place,
        Err(refusal) => return respond_to_one(media, &completed(refusal), None),
    };
    let operations = many.into_iter().map(|one| Operation::parse(parts, one));
    let answers = operations.map(|one| execute(parts, caller, trace.clone(), one).map(completed));
    let answers = join_all(answers).await;
    let answers: Vec<_> = answers.iter().map(Written).collect();
    respond(media, StatusCode::OK, &answers, Some(place))
}

fn completed(mut answer: Answer) -> Answer {
    operation::complete(&mut answer);
    answer
}

fn respond_to_one(media: MediaType, answer: &Answer, place: Option<Place>) -> Response {
    let status = if operation::is_request_error(answer) {
        let code = answer.errors.first().and_then(operation::code).and_then(Code::named);
        media.request_error(code)
    } else {
        StatusCode::OK
    };
    respond(media, status, &Written(answer), place)
}

fn respond(
    media: MediaType,
    status: StatusCode,
    answer: &impl Serialize,
    place: Option<Place>,
) -> Response {
    match serde_json::to_vec(answer) {
        Ok(json) => {
            let headers = [(header::CONTENT_TYPE, media.header())];
            (status, headers, Body::new(Pieces::new(json.into(), place))).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "could not write an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(super) fn query_string(head: &Parts) -> Result<Parameters, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        query: Option<String>,
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
    match timeout(BODY_TIME, reading).await {
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
    let message = "answers are application/graphql-response+json or application/json, \
        streams text/event-stream or multipart/mixed;subscriptionSpec=1.0";
    refusal(StatusCode::NOT_ACCEPTABLE, message)
}
