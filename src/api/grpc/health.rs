//! Whether the service is of use, by the standard protocol
//! (<https://grpc.io/docs/guides/health-checking/>): as long as
//! `/health/ready` says so.

use std::sync::Arc;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::Interval;
use tonic::{Request, Response, Status, server::NamedService};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

use super::{GrpcParts, generated::chat_service_server::ChatServiceServer, service::Chat};
use crate::api::http::{Readiness, check_parts};

/// What answers for the service.
pub(super) struct Health(pub(super) Arc<GrpcParts>);

#[tonic::async_trait]
impl health_server::Health for Health {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_ours(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service here"));
        }
        Ok(Response::new(answer(look(&self.0).await)))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let parts = self.0.clone();
        let ticks = tokio::time::interval(parts.times.look);
        let ours = is_ours(&request.get_ref().service);
        let watch = Watch { parts, ours, ticks, told: None };
        let changes = stream::unfold(watch, |mut watch| async move {
            let now = watch.next().await?;
            Some((Ok(answer(now)), watch))
        });
        Ok(Response::new(changes.boxed()))
    }
}

/// Somebody who wants to hear of each change.
struct Watch {
    parts: Arc<GrpcParts>,
    ours: bool,
    ticks: Interval,
    told: Option<ServingStatus>,
}

impl Watch {
    /// What it is now, once that is something else; nothing once the service has stopped.
    async fn next(&mut self) -> Option<ServingStatus> {
        let Self { parts, ours, ticks, told } = self;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = parts.stop.cancelled() => {}
            }
            let now = if *ours {
                // In a task: it ends, and with it what it holds, also while nobody reads this.
                let parts = parts.clone();
                let looking = tokio::spawn(async move { look(&parts).await });
                looking.await.unwrap_or(ServingStatus::NotServing)
            } else {
                ServingStatus::ServiceUnknown
            };
            if *told != Some(now) {
                *told = Some(now);
                return Some(now);
            }
            if parts.stop.is_cancelled() {
                return None;
            }
        }
    }
}

/// The whole of it has no name.
fn is_ours(service: &str) -> bool {
    service.is_empty() || service == ChatServiceServer::<Chat>::NAME
}

async fn look(parts: &GrpcParts) -> ServingStatus {
    if parts.stop.is_cancelled() {
        return ServingStatus::NotServing;
    }
    match Readiness::of(&check_parts(&parts.health).await) {
        Readiness::Ready | Readiness::Degraded => ServingStatus::Serving,
        Readiness::Unavailable => ServingStatus::NotServing,
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
