//! The real binary, as a process of its own that can be killed.

use std::{
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{eventually, stores::StoreUrls};

/// A running `chatterbox serve`, killed when dropped.
pub struct Process {
    pub address: SocketAddr,
    data: PathBuf,
    stores: StoreUrls,
    options: Vec<String>,
    command: Vec<String>,
    child: Option<Child>,
}

/// Where nobody listens, for a service to take, and to take again when it is restarted. Below
/// the ports that the system gives to connections and to who asks for any, as each of them may be
/// taken meanwhile, and below those of the stores.
pub fn free_address() -> SocketAddr {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 10_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = TAKEN.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(101).wrapping_add(next) % PORTS;
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(FIRST + place).unwrap()));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

impl Process {
    /// Starts the service on a free port and waits until it is ready.
    pub async fn start(data: PathBuf, stores: StoreUrls, options: &[&str]) -> Self {
        Self::start_by(&[], data, stores, options).await
    }

    /// As [`Process::start`], by a command that runs what stands behind it.
    pub async fn start_by(
        command: &[&str],
        data: PathBuf,
        stores: StoreUrls,
        options: &[&str],
    ) -> Self {
        let mut process = Self::new(command, data, stores, options);
        process.restart().await;
        process
    }

    /// What is to be started, on a free port.
    pub fn new(command: &[&str], data: PathBuf, stores: StoreUrls, options: &[&str]) -> Self {
        let address = free_address();
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (options, command) = (owned(options), owned(command));
        Self { address, data, stores, options, command, child: None }
    }

    /// Starts the service again, on the same port and the same data, and
    /// waits until it is ready.
    pub async fn restart(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// Starts the service again, and waits for nothing.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let binary = env!("CARGO_BIN_EXE_chatterbox");
        let mut command = match self.command.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        // What a developer has exported or keeps in `.env` is not meant for it.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHATTERBOX_")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.data.parent().unwrap())
            .args(["serve", "--listen", &self.address.to_string(), "--data"])
            .arg(&self.data)
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(log);
        // Two services would meet at the port that is the default.
        if !self.options.iter().any(|option| option == "--grpc-listen") {
            command.args(["--grpc-listen", ""]);
        }
        if let Some(url) = &self.stores.sql {
            command.args(["--sql-url", url]);
        }
        if let Some(url) = &self.stores.graph {
            command.args(["--graph-url", url]);
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until every part answers; fails at once where the service ends.
    pub async fn ready(&mut self) {
        let url = format!("http://{}/health/ready", self.address);
        let answer = eventually("the service to be ready", || async {
            let response = reqwest::get(&url).await.ok()?;
            (response.status() == 200).then_some(())
        });
        tokio::pin!(answer);
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                () = &mut answer => return,
                _ = looks.tick() => {
                    let ended = self.child.as_mut().unwrap().try_wait().unwrap();
                    assert!(ended.is_none(), "it ended ({ended:?}):\n{}", self.log());
                }
            }
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The id of the running process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
    }

    /// What it logged, over all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone = child.kill();
            let _gone = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4_000);
            let from = (from..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(log.len());
            eprintln!("the end of the service's log:\n{}", &log[from..]);
        }
    }
}
