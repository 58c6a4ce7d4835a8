//! Mails, handed to a real mail server.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Client, eventually, process::Process, stores::StoreUrls, within};

/// How the mail server wants to be spoken to.
#[derive(Clone, Copy, Debug)]
enum Encryption {
    Plain,
    StartTls,
    Implicit,
}

/// A mail server in a process of its own.
struct MailServer {
    process: Child,
    port: u16,
    said: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    /// Listens on this port, or on one of its own where it is 0.
    async fn start(port: u16, encryption: Encryption, folder: &Path) -> Self {
        let word = match encryption {
            Encryption::Plain => "plain",
            Encryption::StartTls => "starttls",
            Encryption::Implicit => "implicit",
        };
        let mut process = Command::new("node")
            .args(["smtp-server.mjs", &port.to_string(), word])
            .args([folder.join("server.key"), folder.join("server.pem")])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is missing: install `node`");
        let (sender, mut said) = mpsc::unbounded_channel();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let listening = within("the mail server", said.recv()).await.unwrap();
        let port = listening.strip_prefix("listening ").unwrap().parse().unwrap();
        Self { process, port, said }
    }

    async fn mail(&mut self) -> Value {
        let line = within("a mail", self.said.recv()).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "openssl {arguments}");
}

/// A certificate for `localhost`, and that of the authority that made it.
pub fn certificates(folder: &Path) -> PathBuf {
    let key = "-newkey rsa:2048 -nodes";
    openssl(folder, &format!("req -x509 {key} -days 2 -subj /CN=tests -keyout ca.key -out ca.pem"));
    openssl(folder, &format!("req {key} -subj /CN=localhost -keyout server.key -out server.csr"));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile names -out server.pem",
    );
    folder.join("ca.pem")
}

/// A service that hands its mails to this URL and trusts this authority.
async fn service(folder: &Path, url: &str, authority: &Path) -> Process {
    let trusted = format!("SSL_CERT_FILE={}", authority.display());
    let options = ["--mail-url", url, "--mail-from", "Chatterbox <no-reply@chat.example>"];
    let data = folder.join("data");
    Process::start_by(&["env", &trusted], data, StoreUrls::embedded(), &options).await
}

async fn register(service: &Process) {
    let register = "mutation ($input: RegisterInput!) { register(input: $input) { id } }";
    let input = json!({ "username": "ada", "email": "ada@example.org", "password": "password" });
    Client::new(service.address, None).data(register, json!({ "input": input })).await;
}

/// The code that the mail carries is good.
async fn confirm(service: &Process, mail: &Value) {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let code = mail["text"].as_str().unwrap().lines().find(is_code).expect("a code");
    let verify = "mutation ($email: String!, $code: String!) {
        verifyEmail(email: $email, code: $code) { accessToken } }";
    let variables = json!({ "email": "ada@example.org", "code": code });
    Client::new(service.address, None).data(verify, variables).await;
    assert!(!service.log().contains(code), "the code is for who reads the mail");
}

async fn mails_arrive(encryption: Encryption, scheme: &str, host: &str, encrypted: bool) {
    let folder = tempfile::tempdir().unwrap();
    let authority = certificates(folder.path());
    let mut server = MailServer::start(0, encryption, folder.path()).await;
    let url = format!("{scheme}{host}:{}", server.port);
    let url = if scheme.starts_with("smtp://") && encrypted { url + "?tls=required" } else { url };
    let service = service(folder.path(), &url, &authority).await;
    register(&service).await;
    let mail = server.mail().await;
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    assert_eq!(mail["from"], "no-reply@chat.example");
    assert_eq!(mail["encrypted"], encrypted);
    let text = mail["text"].as_str().unwrap();
    for part in ["multipart/alternative", "text/plain", "text/html", "<strong>"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    confirm(&service, &mail).await;
    assert!(!service.log().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_arrive_on_this_machine() {
    mails_arrive(Encryption::Plain, "smtp://", "127.0.0.1", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_arrive_with_starttls_and_a_password() {
    mails_arrive(Encryption::StartTls, "smtp://chatterbox:hunter2@", "localhost", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_arrive_with_tls_and_a_password() {
    mails_arrive(Encryption::Implicit, "smtps://chatterbox:hunter2@", "localhost", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_away_delays_no_answer_and_loses_no_mail() {
    let folder = tempfile::tempdir().unwrap();
    let authority = certificates(folder.path());
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("smtp://127.0.0.1:{port}");
    let service = service(folder.path(), &url, &authority).await;
    // The client's own deadline is shorter than that of the mail.
    register(&service).await;
    let ready = reqwest::get(format!("http://{}/health/ready", service.address)).await.unwrap();
    assert_eq!(ready.status(), 200);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["status"], "degraded", "{ready:#}");

    drop(silent);
    let mut server = MailServer::start(port, Encryption::Plain, folder.path()).await;
    let mail = server.mail().await;
    confirm(&service, &mail).await;
    eventually("the service to be well", || async {
        let ready = reqwest::get(format!("http://{}/health/ready", service.address)).await.ok()?;
        let ready: Value = ready.json().await.ok()?;
        (ready["status"] == "ready").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_nobody_vouches_for_gets_no_mail() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let mut server = MailServer::start(0, Encryption::Implicit, folder.path()).await;
    let other = tempfile::tempdir().unwrap();
    let authority = certificates(other.path());
    let url = format!("smtps://chatterbox:hunter2@localhost:{}", server.port);
    let service = service(folder.path(), &url, &authority).await;
    register(&service).await;
    eventually("the mail to fail", || async {
        service.log().contains("a job failed").then_some(())
    })
    .await;
    assert!(server.said.try_recv().is_err());
    assert!(!service.log().contains("hunter2"));
}
