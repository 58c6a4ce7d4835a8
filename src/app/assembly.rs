//! How the parts of the service are put together, and which of them run by themselves.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_graphql::Request;
use chatterbox_graph::Graph;
use futures::FutureExt;
use secrecy::ExposeSecret;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;
use uuid::Uuid;

use super::{Stores, apart, keys, probe, stores};
use crate::{
    accounts::{self, Accounts, PasswordHasher, Tokens, Viewer},
    ambient::Ambient,
    api::{
        graphql::{self, Gate, Scope, Services},
        http::{self, Documents, HttpParts, Lines, Operations, RequestTimes, SocketTimes},
    },
    config::{Config, MailServer, PublicUrl, VerifyEmail},
    error::{Result, chain},
    jobs::Relay,
    live::{Bus, EndedSessions, Follower, Hub, Online, Presences, Typing},
    mail::{Mailer, Outbox, Smtp},
    messaging::{
        Contacts, Conversations, Faces, Indexer, Messages, Position, Projector, Reading, Receipts,
        Rewritten, Trimming, Writer, WriterHandle,
    },
    people::{Groups, People, Suggestions},
    rates::Rates,
    sql::Sql,
    telemetry::{Metrics, Probe},
};

/// How often is forgotten what nobody can use any more.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// What most of the parts are made of.
pub(super) struct Shared {
    pub(super) ambient: Ambient,
    pub(super) sql: Arc<Sql>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) mailer: Arc<dyn Mailer>,
    pub(super) ended: EndedSessions,
    /// What runs by itself, and what ends it.
    pub(super) tasks: TaskTracker,
    pub(super) background: CancellationToken,
    graph: Arc<dyn Graph>,
    relay: Arc<Relay>,
    contacts: Contacts,
    faces: Faces,
    suggestions: Suggestions,
    receipts: Receipts,
    rates: Rates,
}

impl Shared {
    pub(super) async fn new(config: &Config, stores: &Stores, ambient: Ambient) -> Result<Self> {
        let Stores { sql, graph } = stores.clone();
        let sql = Arc::new(sql);
        let log = sql.log_id(Uuid::from_bytes(ambient.bytes())).await?;
        let bus = stores::bus(config, log).await?;
        let mailer = mailer(config, &ambient)?;
        let relay =
            Relay::new(sql.clone(), graph.clone(), mailer.clone(), bus.clone(), ambient.clone());
        Ok(Self {
            bus,
            mailer,
            relay: Arc::new(relay),
            ended: EndedSessions::default(),
            contacts: Contacts::new(graph.clone(), sql.clone(), ambient.clone()),
            faces: Faces::new(graph.clone()),
            suggestions: Suggestions::new(graph.clone()),
            receipts: Receipts::new(graph.clone(), sql.clone()),
            rates: Rates::new(config.rate_limits.as_ref(), &ambient),
            tasks: TaskTracker::new(),
            background: CancellationToken::new(),
            graph,
            sql,
            ambient,
        })
    }

    pub(super) fn accounts(
        &self,
        config: &Config,
        hasher: PasswordHasher,
        listening: SocketAddr,
    ) -> Result<Accounts> {
        let tokens = Tokens::from_pem(
            &keys::made(config, &self.ambient)?,
            config.public_url_at(listening).as_str(),
            config.access_token_ttl,
        )?;
        let accounts = Accounts::new(accounts::Parts {
            store: self.sql.clone(),
            attempts: self.sql.clone(),
            stale: self.sql.clone(),
            hasher,
            tokens,
            graph: self.graph.clone(),
            relay: self.relay.clone(),
            faces: self.faces.clone(),
            suggestions: self.suggestions.clone(),
            bus: self.bus.clone(),
            ended: self.ended.clone(),
            rates: self.rates.clone(),
            ambient: self.ambient.clone(),
            verify_email: config.verify_email == VerifyEmail::Required,
            limits: config.rate_limits.clone(),
            behind: self.tasks.clone(),
        });
        Ok(accounts)
    }

    /// Runs until the service stops.
    fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.background.clone()));
    }

    /// Starts what commits messages.
    pub(super) fn writer(&self) -> Result<WriterHandle> {
        let own = self.sql.apart().map(Arc::new);
        let store = own.clone().unwrap_or_else(|| self.sql.clone());
        let (writer, handle) = Writer::new(store, self.bus.clone(), self.ambient.clone());
        if own.is_some() {
            // Among requests each of its statements would wait for a turn: with it apart MariaDB
            // took two thirds more messages. SQLite has threads of its own.
            let writing = writer.run(self.background.clone());
            self.tasks.spawn(apart::run("writer", writing)?.map(drop));
        } else {
            self.spawn(|stop| writer.run(stop));
        }
        Ok(handle)
    }

    /// Starts what commits read markers.
    pub(super) fn reading(&self) -> Reading {
        let (reading, markers) = Reading::new(
            self.sql.clone(),
            self.receipts.clone(),
            self.faces.clone(),
            self.bus.clone(),
            self.ambient.clone(),
        );
        self.spawn(|stop| markers.run(stop));
        reading
    }

    /// Starts what is done by the clock.
    pub(super) fn keep_house(&self, accounts: &Accounts, hub: &Hub) {
        let trimming =
            Trimming::new(self.sql.clone(), self.sql.clone(), hub.clone(), self.ambient.clone());
        self.spawn(|stop| trimming.run(stop));
        self.spawn(|stop| self.relay.clone().run(stop));
        self.spawn(|stop| forget(accounts.clone(), stop));
    }

    /// What the API is made of.
    pub(super) fn services(
        self,
        accounts: Accounts,
        following: Following,
        writer: WriterHandle,
        reading: Reading,
    ) -> Services {
        let Self { ambient, sql, bus, graph, relay, contacts, faces, suggestions, .. } = self;
        Services {
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
                self.receipts,
                suggestions.clone(),
                ambient.clone(),
            ),
            reading,
            messages: Messages::new(&sql, contacts.clone(), faces.clone(), bus, ambient.clone()),
            conversations: Conversations::new(
                &sql,
                graph.clone(),
                contacts,
                faces.clone(),
                writer,
                ambient.clone(),
            ),
            hub: following.hub,
            presences: following.presences,
            typing: following.typing,
            rewritten: following.rewritten,
            suggestions,
            faces,
            graph,
            read_states: sql.clone(),
            reactions: sql.clone(),
            search: sql.clone(),
            history: sql,
            accounts,
            rates: self.rates,
            ambient,
        }
    }
}

/// What follows the log, and tells the others of it.
pub(super) struct Following {
    pub(super) hub: Hub,
    projector: Arc<Projector>,
    indexer: Arc<Indexer>,
    presences: Presences,
    typing: Typing,
    rewritten: Rewritten,
}

impl Following {
    /// Starts them behind `head`.
    pub(super) async fn from(head: Position, shared: &Shared) -> Result<Self> {
        let Shared { ambient, sql, bus, graph, contacts, faces, .. } = shared;
        let projector = Arc::new(Projector::new(sql.clone(), graph.clone()));
        projector.catch_up(head).await?;
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
        let rewritten = Rewritten::default();
        let followers: Vec<Arc<dyn Follower>> = vec![
            Arc::new(shared.ended.clone()),
            Arc::new(contacts.clone()),
            Arc::new(faces.clone()),
            Arc::new(shared.receipts.clone()),
            Arc::new(shared.suggestions.clone()),
            projector.clone(),
            indexer.clone(),
            Arc::new(presences.clone()),
            Arc::new(typing.clone()),
            Arc::new(rewritten.clone()),
        ];
        let hub = Hub::new(sql.clone(), bus.clone(), followers, head);
        shared.spawn(|stop| hub.clone().run(stop));
        shared.spawn(|stop| projector.clone().run(stop));
        shared.spawn(|stop| indexer.clone().run(stop));
        shared.spawn(|stop| presences.clone().run(stop));
        shared.spawn(|stop| typing.clone().run(stop));
        Ok(Self { hub, projector, indexer, presences, typing, rewritten })
    }

    /// What has gauges of what is now.
    pub(super) fn probe(
        &self,
        shared: &Shared,
        accounts: &Accounts,
        writer: &WriterHandle,
        reading: &Reading,
    ) -> Probe {
        let parts = probe::Parts {
            sql: shared.sql.clone(),
            writer: writer.clone(),
            reading: reading.clone(),
            hub: self.hub.clone(),
            projector: self.projector.clone(),
            indexer: self.indexer.clone(),
            accounts: accounts.clone(),
        };
        parts.probe()
    }
}

pub(super) fn mailer(config: &Config, ambient: &Ambient) -> Result<Arc<dyn Mailer>> {
    let (from, ambient) = (config.mail_from.clone(), ambient.clone());
    Ok(match &config.mail {
        MailServer::Outbox => Arc::new(Outbox::new(config.data.join("outbox"), from, ambient)),
        MailServer::Smtp(url) => Arc::new(Smtp::open(url.expose_secret(), from, ambient)?),
    })
}

pub(super) fn http_parts(
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
        lines: Lines::default(),
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

async fn forget(accounts: Accounts, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        accounts.forget_ended();
        if let Err(error) = accounts.forget_stale().await {
            warn!(error = chain(&error), "could not forget what is stale");
        }
    }
}
