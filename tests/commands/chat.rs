//! `chatterbox chat`, as people and scripts use it.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_rustls::TlsAcceptor;

use crate::{
    mail::{certificates, openssl},
    support::{process::Process, stores::StoreUrls},
};

/// How long anything may take that is waited for, a restart and the waits
/// before coming back among it.
const PATIENCE: Duration = Duration::from_secs(90);
const PASSWORD: &str = "correct horse battery";

/// A service, and the folders of who uses it.
pub struct World {
    pub service: Process,
    pub folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let options = ["--verify-email", "off", "--rate-limits", "off"];
        let service = Process::start(data, StoreUrls::embedded(), &options).await;
        Self { service, folder }
    }

    /// The command of a client; it keeps its tokens in a folder of this name.
    pub fn client(&self, who: &str, arguments: &[&str]) -> Command {
        client(self.folder.path(), &format!("http://{}", self.service.address), who, arguments)
    }

    /// The files that a client keeps.
    pub fn kept(&self, who: &str) -> Vec<PathBuf> {
        fn files(of: &Path) -> Vec<PathBuf> {
            let Ok(entries) = std::fs::read_dir(of) else { return Vec::new() };
            let paths = entries.map(|entry| entry.unwrap().path());
            paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
        }
        files(&self.folder.path().join(who))
    }

    /// Ends the service as a power cut would, and starts it again.
    pub async fn power_cut(&mut self) {
        self.service.kill();
        self.service.restart().await;
    }
}

/// The command of a client of the service at this URL.
fn client(folder: &Path, url: &str, who: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatterbox"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHATTERBOX_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder.join(who))
        .args(["chat", "--url", url])
        .args(arguments);
    command
}

/// A client that speaks lines.
pub struct Plain {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    said: Vec<String>,
    errors: PathBuf,
}

impl Plain {
    pub fn start(world: &World, who: &str, arguments: &[&str]) -> Self {
        let client = world.client(who, &[&["--plain"], arguments].concat());
        Self::run(client, world.folder.path().join(format!("{who}.errors")))
    }

    fn run(mut client: Command, errors: PathBuf) -> Self {
        let mut child = client
            .env("CHATTERBOX_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let input = child.stdin.take();
        Self { child, input, lines, said: Vec::new(), errors }
    }

    /// Registers, and is online.
    pub async fn register(world: &World, who: &str) -> Self {
        let email = format!("{who}@example.org");
        let arguments = ["--login", who, "--register", "--email", &email];
        let mut plain = Self::start(world, who, &arguments);
        plain.hears(&format!("signed in: @{who} at http://")).await;
        plain.hears("state: online").await;
        plain
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until a line has come that contains `text`; returns it.
    async fn hears(&mut self, text: &str) -> String {
        self.hears_times(text, 1).await
    }

    /// Waits until so many lines have come that contain `text`; returns the last.
    async fn hears_times(&mut self, text: &str, times: usize) -> String {
        loop {
            let found: Vec<_> = self.said.iter().filter(|line| line.contains(text)).collect();
            if found.len() >= times {
                return found[times - 1].clone();
            }
            match timeout(PATIENCE, self.lines.recv()).await {
                Ok(Some(line)) => self.said.push(line),
                Ok(None) => panic!("it ended without {text:?}: {}", self.told()),
                Err(_) => panic!("waited {PATIENCE:?} for {text:?}: {}", self.told()),
            }
        }
    }

    /// Searches until something is found: the index comes a moment later.
    pub async fn finds(&mut self, words: &str, found: &str) {
        for times in 1.. {
            self.write(&format!("/search {words}"));
            if self.hears_times("found: ", times).await != "found: none" {
                self.hears(&format!("found: {found}")).await;
                return;
            }
        }
    }

    fn told(&self) -> String {
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        format!("\n{}\n{errors}", self.said.join("\n"))
    }

    /// Ends the input; returns everything that was said.
    pub async fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        drop(self.input.take());
        while let Some(line) = timeout(PATIENCE, self.lines.recv()).await.expect("it goes on") {
            self.said.push(line);
        }
        let status = self.child.wait().unwrap();
        let errors = std::fs::read_to_string(&self.errors).unwrap();
        (status, std::mem::take(&mut self.said), errors)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The texts of the messages among the lines, in their order.
fn messages(lines: &[String]) -> Vec<&str> {
    let message = |line: &&String| line.starts_with('[');
    lines.iter().filter(message).filter_map(|line| Some(line.split_once(": ")?.1)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_go_both_ways_over_a_power_cut() {
    let mut world = World::new().await;
    let mut ada = Plain::register(&world, "ada").await;
    let mut bob = Plain::register(&world, "bob").await;
    ada.write("/to @bob");
    ada.hears("open: @bob, 0 unread").await;
    ada.write("one");
    bob.hears("[@ada] 1 ada: one").await;
    bob.write("/to @ada");
    bob.hears("open: @ada, ").await;
    bob.write("two");
    ada.hears("[@bob] 2 bob: two").await;

    world.service.kill();
    ada.hears("state: offline").await;
    bob.hears("state: offline").await;
    ada.write("three");
    bob.write("four");
    // What was heard of need not have been acknowledged.
    ada.hears("waiting: ").await;
    bob.hears("waiting: ").await;
    world.service.restart().await;
    for client in [&mut ada, &mut bob] {
        client.hears("three").await;
        client.hears("four").await;
        client.hears_times("state: online", 2).await;
    }
    ada.write("/reply 2 five");
    bob.hears("ada (to 2 of bob): five").await;
    // Once more, while both are writing.
    ada.write("six");
    world.power_cut().await;
    bob.write("seven");
    for client in [&mut ada, &mut bob] {
        client.hears("six").await;
        client.hears("seven").await;
    }

    let (status, heard_by_ada, errors) = ada.end().await;
    assert!(status.success(), "{errors}");
    let (status, heard_by_bob, errors) = bob.end().await;
    assert!(status.success(), "{errors}");
    let heard = messages(&heard_by_ada);
    assert_eq!(heard, messages(&heard_by_bob), "in one order");
    let mut once = heard;
    once.sort_unstable();
    assert_eq!(once, ["five", "four", "one", "seven", "six", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_does_what_a_person_can() {
    let world = World::new().await;
    let mut ada = Plain::register(&world, "ada").await;
    let mut bob = Plain::register(&world, "bob").await;
    ada.write("/add @bob from the library");
    ada.hears("friendship: you asked @bob to be your friend").await;
    bob.hears("friend request: @ada").await;
    bob.write("/accept @ada");
    bob.hears("friendship: @ada is your friend").await;
    ada.hears("friendship: @bob is your friend").await;
    ada.write("/friends");
    ada.hears("friend: @bob (bob), online, friend").await;
    ada.write("/group Readers");
    ada.hears("open: #Readers, 0 unread").await;
    ada.write("/invite @bob");
    bob.hears("member: #Readers: you are in it").await;
    ada.write("welcome \u{1b}[31mall");
    ada.write("/react 1 👏");
    let line = bob.hears("ada: welcome").await;
    assert_eq!(line, "[#Readers] 1 ada: welcome [31mall", "nothing a terminal obeys");
    bob.write("/to #readers");
    bob.hears("open: #Readers, ").await;
    bob.hears("reactions: [#Readers] 1: 👏 1").await;
    bob.write("/react 1 👍");
    ada.hears("reactions: [#Readers] 1: 👏 1*  👍 1").await;
    ada.write("/edit 1 welcome everyone");
    bob.hears("edited: [#Readers] 1: welcome everyone").await;
    ada.finds("everyone", "[#Readers] 1 ada: welcome everyone").await;
    bob.write("/history");
    bob.hears("history: [#Readers] 1 ada (edited): welcome everyone").await;
    bob.hears("| 👏 1  👍 1*").await;
    ada.write("/delete 1");
    bob.hears("deleted: [#Readers] 1").await;
    for client in [ada, bob] {
        let (status, _, errors) = client.end().await;
        assert!(status.success(), "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_kept_for_their_owner_alone_until_one_signs_out() {
    let world = World::new().await;
    let ada = Plain::register(&world, "ada").await;
    assert!(ada.end().await.0.success());
    let kept = world.kept("ada");
    assert_eq!(kept.len(), 1, "{kept:?}");
    let mode = kept[0].metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Without a name and without a password.
    let mut again = Plain::start(&world, "ada", &[]);
    again.hears("signed in: @ada").await;
    again.write("/sign-out");
    again.hears("signed out").await;
    assert!(again.end().await.0.success());
    assert!(world.kept("ada").is_empty());
    let (status, _, errors) = Plain::start(&world, "ada", &[]).end().await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("--login"), "{errors}");
}

/// What a mistyped password leads to, and a URL that is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_is_told_why() {
    let world = World::new().await;
    let nobody = Plain::start(&world, "eve", &["--login", "eve"]);
    let (status, _, errors) = nobody.end().await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: "), "{errors}");
    let refused = world.client("eve", &["--url", "example.org"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// What is written while nobody is there is not said to be sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_sent_is_no_success() {
    let world = World::new().await;
    let mut ada = Plain::register(&world, "ada").await;
    let mut bob = Plain::register(&world, "bob").await;
    ada.write("/to @bob");
    ada.hears("open: @bob").await;
    bob.write("/block @ada");
    bob.hears("friendship: you blocked @ada").await;
    ada.write("let me in");
    ada.hears("error: not sent: ").await;
    let (status, _, errors) = ada.end().await;
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("not sent: 1"), "{errors}");
}

/// The URL of a server that encrypts, by a certificate of an authority of its own.
async fn encrypted(folder: &Path) -> String {
    certificates(folder);
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (listener, tls) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)));
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tls.accept(socket).await.expect_err("nobody trusts it");
        }
    });
    format!("https://localhost:{port}")
}

/// Keeps tokens of this name, as if somebody had signed in before.
fn keep(folder: &Path, url: &str, who: &str) {
    let server = utf8_percent_encode(url, NON_ALPHANUMERIC).to_string();
    let server = folder.join(who).join("chatterbox").join(server);
    std::fs::create_dir_all(&server).unwrap();
    let tokens = r#"{"accessToken": "a", "refreshToken": "r"}"#;
    std::fs::write(server.join(format!("{who}.json")), tokens).unwrap();
}

/// Somebody may stand between; and a script must not wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_prove_to_be_the_server_is_told_of_and_sent_nothing() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path();
    let url = encrypted(folder).await;
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout k.pem -out other.pem",
    );
    let start = |who, trusted: &str| {
        let mut command = client(folder, &url, who, &["--plain", "--login", who]);
        command.env("SSL_CERT_FILE", folder.join(trusted)).env_remove("SSL_CERT_DIR");
        Plain::run(command, folder.join(format!("{who}.errors")))
    };
    let distrust = "the server's certificate is not trusted: unknown authority (see SSL_CERT_FILE)";

    keep(folder, &url, "ada");
    let mut ada = start("ada", "other.pem");
    ada.write("/to @bob");
    ada.write("Hello");
    let (status, said, errors) = ada.end().await;
    assert_eq!(said, [format!("state: offline, trying to come back: {distrust}")]);
    assert_eq!(status.code(), Some(1));
    assert_eq!(errors, "error: not carried out or not sent: 2 of what was written\n");

    let (status, _, errors) = start("bob", "other.pem").end().await;
    assert_eq!((status.code(), errors), (Some(1), format!("error: {distrust}\n")));
    let (status, _, errors) = start("eve", "missing.pem").end().await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("missing.pem"), "{errors}");
}
