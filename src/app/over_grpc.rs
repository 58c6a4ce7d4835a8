//! What is served over gRPC, put together.

use tokio_util::sync::CancellationToken;

use crate::{
    ambient::Ambient,
    api::{
        graphql::Services,
        grpc::{GrpcParts, Service, Times},
        http,
    },
    config::Config,
    error::Result,
    live::EndedSessions,
};

/// The same that is served over GraphQL, as far as gRPC has it.
pub(super) fn service(
    config: &Config,
    ambient: &Ambient,
    services: &Services,
    ended: &EndedSessions,
    health: &[http::Part],
    stop: &CancellationToken,
) -> Result<Service> {
    let parts = GrpcParts {
        accounts: services.accounts.clone(),
        conversations: services.conversations.clone(),
        history: services.history.clone(),
        hub: services.hub.clone(),
        online: services.presences.online().clone(),
        ended: ended.clone(),
        rates: services.rates.clone(),
        ambient: ambient.clone(),
        health: health.to_vec(),
        trusted_proxies: config.trusted_proxies.clone(),
        times: Times::default(),
        stop: stop.clone(),
    };
    Service::new(parts, config.grpc_tls.clone())
}
