//! The service, put together: stores, domain, API and the tasks behind them.
//!
//! What starts it returns boxed futures, so that it is compiled once, here,
//! and not again into the binary and each binary of tests.

mod alone;
mod apart;
mod assembly;
mod dead_letters;
pub(crate) mod keys;
mod listening;
mod over_grpc;
mod probe;
mod reconcile;
mod stores;
mod upkeep;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use self::{
    alone::alone,
    assembly::{Following, Shared, http_parts},
    listening::{announce, listen},
};
pub use self::{
    stores::Stores,
    upkeep::{check, dead_letters, migrate, rebuild_last_chatted, reconcile},
};

use crate::{
    accounts::PasswordHasher,
    ambient::Ambient,
    api::{
        graphql::{Gate, Services},
        grpc,
        http::{self, HttpParts},
    },
    config::Config,
    demo,
    error::Result,
    messaging::LogStore,
};

/// How long the service may take to end what runs.
const DRAIN: Duration = Duration::from_secs(8);
/// How long its own tasks may take then.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// A running service, without its listener.
pub struct App {
    parts: HttpParts<Gate>,
    grpc: grpc::Service,
    services: Arc<Services>,
    stores: Stores,
    background: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Brings the stores to the current schema, puts the service together and
    /// starts its tasks. `listening` is where it will be served; `stop` is
    /// cancelled when it is to end.
    ///
    /// # Errors
    ///
    /// Where a store is away, a key can't be read, or the data folder can't be
    /// written.
    pub fn start(
        config: Config,
        ambient: Ambient,
        listening: SocketAddr,
        with_demo: bool,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Self>> {
        Box::pin(async move { Self::assemble(&config, ambient, listening, with_demo, stop).await })
    }

    async fn assemble(
        config: &Config,
        ambient: Ambient,
        listening: SocketAddr,
        with_demo: bool,
        stop: CancellationToken,
    ) -> Result<Self> {
        let stores = Stores::open(config)?;
        stores.migrate().await?;
        let hasher = PasswordHasher::start(ambient.clone())?;
        if with_demo {
            demo::fill(&stores, &hasher, &ambient).await?;
        }
        let shared = Shared::new(config, &stores, ambient.clone()).await?;
        let accounts = shared.accounts(config, hasher, listening)?;
        // What ended before the head is loaded, what ends after it is followed.
        let head = shared.sql.head().await?;
        accounts.load_ended().await?;
        let following = Following::from(head, &shared).await?;
        let (writer, reading) = (shared.writer()?, shared.reading());
        shared.keep_house(&accounts, &following.hub);
        let probe = following.probe(&shared, &accounts, &writer, &reading);
        let health = stores.health(&shared.bus, &shared.mailer);
        let (background, tasks) = (shared.background.clone(), shared.tasks.clone());
        let ended = shared.ended.clone();
        let services = Arc::new(shared.services(accounts, following, writer, reading));
        let grpc = over_grpc::service(config, &ambient, &services, &ended, &health, &stop)?;
        let parts = http_parts(config, &ambient, &services, ended, health, probe, stop)?;
        Ok(Self { parts, grpc, services, stores, background, tasks })
    }

    /// Serves, over gRPC too where there is a listener for it, until the
    /// service is told to stop, ends what runs, and closes the stores. Takes 10
    /// seconds at most from then on.
    pub fn serve(
        self,
        listener: TcpListener,
        for_grpc: Option<TcpListener>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.serve_until_stopped(listener, for_grpc))
    }

    async fn serve_until_stopped(self, listener: TcpListener, for_grpc: Option<TcpListener>) {
        let Self { parts, grpc, services, stores, background, tasks } = self;
        let (sockets, stop) = (parts.sockets.clone(), parts.stop.clone());
        let over_grpc = async {
            if let Some(listener) = for_grpc {
                grpc.serve(listener, DRAIN).await;
            }
        };
        let over_http = http::serve(listener, http::router(parts), sockets, stop, DRAIN);
        tokio::join!(over_http, over_grpc);
        drop(services);
        background.cancel();
        tasks.close();
        if tokio::time::timeout(LAST_TASKS, tasks.wait()).await.is_err() {
            warn!("stopped without waiting for the last tasks");
        }
        if tokio::time::timeout(LAST_TASKS, stores.sql.close()).await.is_err() {
            warn!("stopped without closing the stores");
        }
    }
}

/// Runs the service until `stop`.
///
/// # Errors
///
/// Where it can't start.
pub fn serve(
    config: Config,
    with_demo: bool,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<()>> {
    Box::pin(listen_and_serve(config, with_demo, stop))
}

async fn listen_and_serve(config: Config, with_demo: bool, stop: CancellationToken) -> Result<()> {
    let (listener, listening) = listen(config.listen).await?;
    let for_grpc = match config.grpc_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let _alone = alone(&config)?;
    let url = config.public_url_at(listening);
    let app = App::start(config, Ambient::system(), listening, with_demo, stop).await?;
    let (for_grpc, listening_for_grpc) = for_grpc.unzip();
    announce(url.as_str(), listening, listening_for_grpc, with_demo);
    app.serve(listener, for_grpc).await;
    info!("stopped");
    Ok(())
}
