//! The real server, in this process.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chatterbox::{
    ambient::{Ambient, Clock, SystemClock, SystemRandom},
    app::{App, Stores},
    cli::{Cli, Command},
    config::Config,
};
use chatterbox_graph::Timestamp;
use clap::Parser;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Client, eventually, stores::StoreUrls, stores::unique};

/// A clock that runs with the machine's and can be put forward.
#[derive(Clone, Default)]
pub struct TestClock {
    ahead: Arc<AtomicI64>,
}

impl TestClock {
    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.ahead.load(Ordering::SeqCst))
    }
}

/// A running server and what belongs to it.
pub struct TestApp {
    pub address: SocketAddr,
    /// Where it speaks gRPC.
    pub grpc: SocketAddr,
    pub clock: TestClock,
    pub stores: StoreUrls,
    pub data: TempDir,
    /// Keeps the people of this test apart from those of others, who share
    /// its graph.
    pub town: String,
    config: Config,
    running: Mutex<Running>,
}

/// A server, until it is stopped.
struct Running {
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(
        config: &Config,
        clock: TestClock,
        listener: TcpListener,
        for_grpc: TcpListener,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let ambient = Ambient::new(clock, SystemRandom);
        let app = App::start(config.clone(), ambient, address, false, stop.clone())
            .await
            .unwrap_or_else(|error| panic!("{}", chatterbox::error::chain(&error)));
        Self { stop, served: tokio::spawn(app.serve(listener, Some(for_grpc))) }
    }

    /// Stops it as SIGTERM does.
    async fn end(&mut self) {
        self.stop.cancel();
        super::within("the server to stop", &mut self.served).await.unwrap();
    }
}

impl TestApp {
    /// On the embedded stores.
    pub async fn embedded() -> Self {
        Self::start(StoreUrls::embedded(), &[]).await
    }

    /// On MySQL and Neo4j.
    pub async fn servers() -> Self {
        Self::start(StoreUrls::servers().await, &[]).await
    }

    /// On these stores, with more options.
    pub async fn start(stores: StoreUrls, options: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = TestClock::default();
        let config = config(data.path(), &stores, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let for_grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let grpc = for_grpc.local_addr().unwrap();
        let running = Running::start(&config, clock.clone(), listener, for_grpc).await;
        let running = Mutex::new(running);
        Self { address, grpc, clock, stores, data, town: unique(), config, running }
    }

    /// Stops the server and starts it again, at the same address and on the
    /// same data. Whoever was connected is not any more.
    pub async fn restart(&self) {
        let mut running = self.running.lock().await;
        running.end().await;
        let (listener, for_grpc) = (again(self.address).await, again(self.grpc).await);
        *running = Running::start(&self.config, self.clock.clone(), listener, for_grpc).await;
    }

    /// Stops the server as SIGTERM does, and drops what it kept.
    pub async fn stop(self) {
        self.running.lock().await.end().await;
        self.stores.drop().await;
    }

    /// Its stores, opened once more.
    pub fn open_stores(&self) -> Stores {
        Stores::open(&self.config).unwrap()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client::new(self.address, None)
    }

    /// The username by which this test knows `name`.
    pub fn username(&self, name: &str) -> String {
        format!("{name}_{}", self.town)
    }

    /// The address of `name`.
    pub fn email(&self, name: &str) -> String {
        format!("{}@example.org", self.username(name))
    }

    /// Registers `name`, reads the code from the outbox, and signs in with it.
    pub async fn person(&self, name: &str) -> Client {
        self.person_called(name, name).await
    }

    /// As [`TestApp::person`], with another display name.
    pub async fn person_called(&self, name: &str, display_name: &str) -> Client {
        self.register(name, display_name).await;
        let code = self.mailed_code(&self.email(name)).await;
        self.verify_email(name, &code).await.unwrap()
    }

    /// Two people who are friends.
    pub async fn friends(&self, one: &str, other: &str) -> (Client, Client) {
        let (one, other) = tokio::join!(self.person(one), self.person(other));
        one.befriend(&other).await;
        (one, other)
    }

    /// The code of the newest mail to this address.
    pub async fn mailed_code(&self, email: &str) -> String {
        let outbox = self.outbox();
        eventually("a mail with a code", || async { newest_code(&outbox, email) }).await
    }

    /// The newest mail to this address, as it was sent.
    pub fn newest_mail(&self, email: &str) -> String {
        mails(&self.outbox(), email).pop().expect("a mail")
    }

    /// How many mails went to this address.
    pub fn mails(&self, email: &str) -> usize {
        mails(&self.outbox(), email).len()
    }

    fn outbox(&self) -> PathBuf {
        self.data.path().join("outbox")
    }
}

/// Listens once more where somebody listened before.
async fn again(address: SocketAddr) -> TcpListener {
    let bind = || async { TcpListener::bind(address).await.ok() };
    eventually("the address to be free", bind).await
}

/// The configuration that the command line would give.
pub fn config(data: &Path, stores: &StoreUrls, options: &[&str]) -> Config {
    let data = data.display().to_string();
    let mut arguments = vec!["chatterbox", "serve", "--data", &data];
    if let Some(url) = &stores.sql {
        arguments.extend(["--sql-url", url]);
    }
    if let Some(url) = &stores.graph {
        arguments.extend(["--graph-url", url]);
    }
    // Tests do more in less time than people.
    if !options.iter().any(|option| option.starts_with("--rate-limits")) {
        arguments.extend(["--rate-limits", "off"]);
    }
    arguments.extend(options);
    match Cli::try_parse_from(arguments).unwrap().command {
        Command::Serve(serve) => Config::new(serve.options).unwrap(),
        _ => unreachable!("the command is serve"),
    }
}

fn mails(outbox: &Path, email: &str) -> Vec<String> {
    // The first mail makes the folder.
    let mut paths: Vec<PathBuf> = std::fs::read_dir(outbox)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    // Names grow with time.
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .filter(|mail| mail.contains(&format!("To: {email}\r\n")))
        .collect()
}

fn newest_code(outbox: &Path, email: &str) -> Option<String> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|c| c.is_ascii_digit());
    let code = |mail: &String| mail.lines().find(is_code).map(ToOwned::to_owned);
    mails(outbox, email).iter().rev().find_map(code)
}
