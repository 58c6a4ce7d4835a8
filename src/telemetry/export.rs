//! Spans, sent to an OpenTelemetry collector: OTLP over HTTP with protobuf
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::{env, time::Duration};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, Uri, header},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceId,
    trace::{Link, SpanKind, TraceState, TracerProvider},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        IdGenerator, Sampler, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider,
        ShouldSample, Span, SpanData, SpanExporter as _, SpanProcessor,
    },
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    ambient::Ambient,
    config::PublicUrl,
    error::{Error, Result, chain},
};

/// How many spans wait at most; more are dropped, and counted.
const QUEUE: usize = 8_192;
/// How many are sent together.
const BATCH: usize = 512;
/// How long is gathered what is sent next.
const GATHER: Duration = Duration::from_millis(200);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const LARGEST: usize = 64 * 1024;
/// What the service asks its stores by itself, now and then, is no trace.
const STATEMENTS: [&str; 2] = ["sql", "graph"];

/// Takes spans as they end, and sends them.
pub struct Export {
    endpoint: String,
    tracer: SdkTracer,
    exporter: SpanExporter,
    waiting: mpsc::Receiver<SpanData>,
    /// The collector did not take what was sent last.
    away: bool,
}

impl Export {
    /// To the collector at `endpoint`, the address before `/v1/traces`. What
    /// else the standard's variables say of it (`OTEL_EXPORTER_OTLP_HEADERS`,
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) counts.
    ///
    /// # Errors
    ///
    /// A defect, where the exporter can't be made.
    pub fn to(endpoint: &PublicUrl, ambient: Ambient) -> Result<Self> {
        let endpoint = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client)
            .with_endpoint(&endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(Error::internal)?;
        let name = env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "chatterbox".to_owned());
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name(name).with_attribute(version).build();
        exporter.set_resource(&resource);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue(queue))
            .with_sampler(Sampler::ParentBased(Box::new(Roots)))
            .with_id_generator(Ids(ambient))
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("chatterbox");
        Ok(Self { endpoint, tracer, exporter, waiting, away: false })
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.tracer.clone()
    }

    /// Sends spans until `stop`, and then those that wait.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let next = self.waiting.recv_many(&mut batch, BATCH);
            if stop.run_until_cancelled(next).await.is_none() {
                break;
            }
            if batch.len() < BATCH {
                let _stopped = stop.run_until_cancelled(sleep(GATHER)).await;
            }
            self.send_all(&mut batch).await;
        }
        self.waiting.close();
        self.send_all(&mut batch).await;
    }

    /// Sends the batch and all that waits.
    async fn send_all(&mut self, batch: &mut Vec<SpanData>) {
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.send(std::mem::replace(batch, Vec::with_capacity(BATCH))).await;
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let endpoint = &self.endpoint;
        match timeout(PATIENCE, self.exporter.export(batch)).await {
            Ok(Ok(())) => {
                metrics::counter!("chatterbox_spans_exported_total").increment(count);
                if std::mem::take(&mut self.away) {
                    info!(endpoint, "spans are exported again");
                }
            }
            failed => {
                metrics::counter!("chatterbox_spans_dropped_total").increment(count);
                if !std::mem::replace(&mut self.away, true) {
                    let error = match &failed {
                        Ok(Err(error)) => chain(error),
                        _ => "it takes too long".to_owned(),
                    };
                    warn!(
                        endpoint,
                        error, "spans can't be exported: until they can, they are lost"
                    );
                }
            }
        }
    }
}

/// Hands in what has ended, and never waits.
#[derive(Debug)]
struct Queue(mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            metrics::counter!("chatterbox_spans_dropped_total").increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Which traces begin here that no caller has begun.
#[derive(Clone, Debug)]
struct Roots;

impl ShouldSample for Roots {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace: TraceId,
        name: &str,
        _kind: &SpanKind,
        attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        // Asked every few seconds by machines.
        let by_machine = attributes.iter().any(|attribute| {
            let path = attribute.value.as_str();
            attribute.key.as_str() == "path" && (path.starts_with("/health/") || path == "/metrics")
        });
        let decision = if by_machine || STATEMENTS.contains(&name) {
            SamplingDecision::Drop
        } else {
            SamplingDecision::RecordAndSample
        };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

struct Ids(Ambient);

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(u128::from_be_bytes(self.0.bytes()).max(1))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(u64::from_be_bytes(self.0.bytes()).max(1))
    }
}

/// Sends each batch over a connection of its own.
#[derive(Debug)]
struct Client;

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default();
        let target = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let stream = TcpStream::connect(target).await?;
        let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with `requests`, which are told of whatever fails.
        tokio::spawn(connection);
        let mut request = request.map(Body::from);
        let authority = uri.authority().map_or(host, |authority| authority.as_str());
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority)?);
        *request.uri_mut() = uri.path().parse::<Uri>()?;
        let (head, body) = requests.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, to_bytes(Body::new(body), LARGEST).await?))
    }
}
