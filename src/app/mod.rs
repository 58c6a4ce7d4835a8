//! The service, put together: stores, domain, API and the tasks behind them.
//!
//! What starts it returns boxed futures, so that it is compiled once, here,
//! and not again into the binary and each binary of tests.

mod apart;
mod dead_letters;
pub(crate) mod keys;
mod listening;
mod over_grpc;
mod probe;
mod reconcile;
mod stores;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_graphql::Request;
use futures::{FutureExt, future::BoxFuture};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use uuid::Uuid;

use self::listening::{announce, listen};
pub use stores::Stores;

use crate::{
    accounts::{self, Accounts, PasswordHasher, Tokens, Viewer},
    ambient::Ambient,
    api::{
        graphql::{self, Gate, Scope, Services},
        grpc,
        http::{self, Documents, HttpParts, Operations, PartReport, RequestTimes, SocketTimes},
    },
    cli::DeadLetterAction,
    config::{Config, MailServer, PublicUrl, VerifyEmail},
    demo,
    error::{Error, Result, chain},
    jobs::Relay,
    live::{EndedSessions, Follower, Hub, Online, Presences, Typing},
    mail::{Mailer, Outbox, Smtp},
    messaging::{
        self, Contacts, Conversations, Faces, Indexer, LogStore, Messages, Projector, Reading,
        Receipts, Rewritten, Trimming, Writer,
    },
    people::{Groups, People, Suggestions},
    rates::Rates,
    reconcile::{Plan, Report},
    telemetry::{Metrics, Probe},
};

/// How long the service may take to end what runs.
const DRAIN: Duration = Duration::from_secs(8);
/// How long its own tasks may take then.
const LAST_TASKS: Duration = Duration::from_secs(1);
/// How often is forgotten what nobody can use any more.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

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
        let Stores { sql, graph } = &stores;
        let sql = Arc::new(sql.clone());
        let log = sql.log_id(Uuid::from_bytes(ambient.bytes())).await?;
        let bus = stores::bus(config, log).await?;
        let mailer = mailer(config, &ambient)?;
        let ended = EndedSessions::default();
        let relay = Arc::new(Relay::new(
            sql.clone(),
            graph.clone(),
            mailer.clone(),
            bus.clone(),
            ambient.clone(),
        ));
        let contacts = Contacts::new(graph.clone(), sql.clone(), ambient.clone());
        let faces = Faces::new(graph.clone());
        let suggestions = Suggestions::new(graph.clone());
        let issuer = config.public_url_at(listening);
        let tokens = Tokens::from_pem(
            &keys::signing_key(config, &ambient)?,
            issuer.as_str(),
            config.access_token_ttl,
        )?;
        let rates = Rates::new(config.rate_limits.as_ref(), &ambient);
        let tasks = TaskTracker::new();
        let accounts = Accounts::new(accounts::Parts {
            store: sql.clone(),
            attempts: sql.clone(),
            stale: sql.clone(),
            hasher,
            tokens,
            graph: graph.clone(),
            relay: relay.clone(),
            faces: faces.clone(),
            suggestions: suggestions.clone(),
            bus: bus.clone(),
            ended: ended.clone(),
            rates: rates.clone(),
            ambient: ambient.clone(),
            verify_email: config.verify_email == VerifyEmail::Required,
            limits: config.rate_limits.clone(),
            behind: tasks.clone(),
        });
        let own = sql.apart().map(Arc::new);
        let store = own.clone().unwrap_or_else(|| sql.clone());
        let (writer, handle) = Writer::new(store, bus.clone(), ambient.clone());
        let projector = Arc::new(Projector::new(sql.clone(), graph.clone()));
        let indexer = Arc::new(Indexer::new(sql.clone()));
        let presences = Presences::new(
            Online::new(ambient.clone()),
            graph.clone(),
            sql.clone(),
            bus.clone(),
            ambient.clone(),
        );
        let typing =
            Typing::new(sql.clone(), contacts.clone(), faces.clone(), bus.clone(), ambient.clone());

        // What ended before the head is loaded, what ends after it is followed.
        let head = sql.head().await?;
        accounts.load_ended().await?;
        projector.catch_up(head).await?;
        let receipts = Receipts::new(graph.clone(), sql.clone());
        let rewritten = Rewritten::default();
        let followers: Vec<Arc<dyn Follower>> = vec![
            Arc::new(ended.clone()),
            Arc::new(contacts.clone()),
            Arc::new(faces.clone()),
            Arc::new(receipts.clone()),
            Arc::new(suggestions.clone()),
            projector.clone(),
            indexer.clone(),
            Arc::new(presences.clone()),
            Arc::new(typing.clone()),
            Arc::new(rewritten.clone()),
        ];
        let hub = Hub::new(sql.clone(), bus.clone(), followers, head);

        let (reading, markers) = Reading::new(
            sql.clone(),
            receipts.clone(),
            faces.clone(),
            bus.clone(),
            ambient.clone(),
        );

        let background = CancellationToken::new();
        tasks.spawn(hub.clone().run(background.clone()));
        tasks.spawn(relay.clone().run(background.clone()));
        tasks.spawn(projector.clone().run(background.clone()));
        tasks.spawn(indexer.clone().run(background.clone()));
        let trimming = Trimming::new(sql.clone(), sql.clone(), hub.clone(), ambient.clone());
        tasks.spawn(trimming.run(background.clone()));
        let writing = writer.run(background.clone());
        if own.is_some() {
            // Among requests each of its statements would wait for a turn: with it apart MariaDB
            // took two thirds more messages. SQLite has threads of its own.
            tasks.spawn(apart::run("writer", writing)?.map(drop));
        } else {
            tasks.spawn(writing);
        }
        tasks.spawn(markers.run(background.clone()));
        tasks.spawn(presences.clone().run(background.clone()));
        tasks.spawn(typing.clone().run(background.clone()));
        tasks.spawn(keep_house(accounts.clone(), background.clone()));

        let probe = probe::Parts {
            sql: sql.clone(),
            writer: handle.clone(),
            reading: reading.clone(),
            hub: hub.clone(),
            projector,
            indexer,
            accounts: accounts.clone(),
        };
        let services = Arc::new(Services {
            groups: Groups::new(
                graph.clone(),
                relay.clone(),
                faces.clone(),
                suggestions.clone(),
                ambient.clone(),
            ),
            people: People::new(
                graph.clone(),
                relay,
                contacts.clone(),
                faces.clone(),
                receipts,
                suggestions.clone(),
                ambient.clone(),
            ),
            reading,
            messages: Messages::new(
                &sql,
                contacts.clone(),
                faces.clone(),
                bus.clone(),
                ambient.clone(),
            ),
            conversations: Conversations::new(
                &sql,
                graph.clone(),
                contacts,
                faces.clone(),
                handle,
                ambient.clone(),
            ),
            hub,
            presences,
            typing,
            suggestions,
            rewritten,
            faces,
            graph: graph.clone(),
            read_states: sql.clone(),
            reactions: sql.clone(),
            search: sql.clone(),
            history: sql,
            accounts,
            rates,
            ambient: ambient.clone(),
        });
        let health = stores.health(&bus, &mailer);
        let grpc = over_grpc::service(config, &ambient, &services, &ended, &health, &stop)?;
        let parts = http_parts(config, &ambient, &services, ended, health, probe.probe(), stop)?;
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

fn mailer(config: &Config, ambient: &Ambient) -> Result<Arc<dyn Mailer>> {
    let (from, ambient) = (config.mail_from.clone(), ambient.clone());
    Ok(match &config.mail {
        MailServer::Outbox => {
            let outbox = Outbox::open(&config.data.join("outbox"), from, ambient);
            Arc::new(outbox.map_err(Error::internal)?)
        }
        MailServer::Smtp(url) => Arc::new(Smtp::open(url.expose_secret(), from, ambient)?),
    })
}

fn http_parts(
    config: &Config,
    ambient: &Ambient,
    services: &Arc<Services>,
    ended: EndedSessions,
    health: Vec<http::Part>,
    probe: Probe,
    stop: CancellationToken,
) -> Result<HttpParts<Gate>> {
    let (for_requests, for_keys, for_tokens) =
        (services.clone(), services.accounts.clone(), services.accounts.clone());
    let executor = graphql::executor(services)?;
    Ok(HttpParts {
        feeds: Arc::new(graphql::Feeds::new(executor.clone(), services.clone())),
        executor,
        documents: Documents::default(),
        operations: Operations::default(),
        prepare: Arc::new(move |request: Request, viewer: Option<Viewer>| match viewer {
            Some(viewer) => request.data(Scope::new(for_requests.clone(), viewer)),
            None => request,
        }),
        authenticate: Arc::new(move |token: &str| for_tokens.authenticate(token)),
        ended,
        online: services.presences.online().clone(),
        ambient: ambient.clone(),
        health,
        metrics: Metrics::install()?.with_probe(probe),
        sdl: graphql::sdl().into(),
        keys: Arc::new(move || for_keys.jwks()),
        allowed_origins: config.allowed_origins.clone(),
        https: config.public_url.as_ref().is_some_and(PublicUrl::is_https),
        trusted_proxies: config.trusted_proxies.clone(),
        request_times: RequestTimes::default(),
        socket_times: SocketTimes::default(),
        stop,
        sockets: TaskTracker::new(),
    })
}

async fn keep_house(accounts: Accounts, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        accounts.forget_ended();
        if let Err(error) = accounts.forget_stale().await {
            warn!(error = chain(&error), "could not forget what is stale");
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
    let url = config.public_url_at(listening);
    let app = App::start(config, Ambient::system(), listening, with_demo, stop).await?;
    let (for_grpc, listening_for_grpc) = for_grpc.unzip();
    announce(url.as_str(), listening, listening_for_grpc, with_demo);
    app.serve(listener, for_grpc).await;
    info!("stopped");
    Ok(())
}

/// Only brings the stores to the current schema.
///
/// # Errors
///
/// Where a store is away, or was migrated by a newer version.
pub fn migrate(config: Config) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let stores = Stores::open(&config)?;
        stores.migrate().await?;
        stores.sql.close().await;
        Ok(())
    })
}

/// Asks each configured part for an answer.
///
/// # Errors
///
/// Where a part can't even be asked.
pub fn check(config: Config) -> BoxFuture<'static, Result<Vec<PartReport>>> {
    Box::pin(async move {
        let ambient = Ambient::system();
        let stores = Stores::open(&config)?;
        let bus = stores::bus(&config, Uuid::nil()).await?;
        let mut parts = stores.health(&bus, &mailer(&config, &ambient)?);
        parts.push(keys::health(config, ambient));
        Ok(http::check_parts(&parts).await)
    })
}

/// Derives the LAST_CHATTED edges anew; returns what is to be printed.
///
/// # Errors
///
/// The failure of a store; to be repeated then.
pub fn rebuild_last_chatted(config: Config) -> BoxFuture<'static, Result<String>> {
    Box::pin(async move {
        let stores = Stores::open(&config)?;
        stores.migrate().await?;
        let Stores { sql, graph } = &stores;
        let progress = |done| info!(conversations = done, "rebuilding last-chatted");
        let done = messaging::rebuild_last_chatted(&**graph, sql, progress).await;
        sql.close().await;
        Ok(format!("LAST_CHATTED is derived anew, from {} conversations", done?))
    })
}

/// Compares SQL and the graph, and brings the older one after the other, as planned.
///
/// # Errors
///
/// The failure of a store, to be repeated then.
pub fn reconcile(config: Config, plan: Plan) -> BoxFuture<'static, Result<Report>> {
    Box::pin(async move { reconcile::run(&config, plan).await })
}

/// Lists dead letters, or shows, replays or drops the one with this id;
/// returns what is to be printed.
///
/// # Errors
///
/// Where the SQL store is away, and [`Error::NotFound`] for an unknown id.
pub fn dead_letters(
    config: Config,
    action: DeadLetterAction,
    id: String,
) -> BoxFuture<'static, Result<String>> {
    Box::pin(async move { dead_letters::run(&config, action, &id).await })
}
