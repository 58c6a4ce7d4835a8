//! Clients of gRPC in other languages: they hold a conversation with the real
//! binary.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    clients::converse,
    support::{
        process::{Process, free_address},
        stores::StoreUrls,
    },
};

/// Who vouches for the service.
#[derive(Clone, Copy, PartialEq)]
enum Encryption {
    Plain,
    Tls,
}

/// What `scripts/test` has fetched.
fn python() -> Command {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    assert!(python.is_file(), "grpcio for Python is missing: run ./scripts/test");
    let mut python = Command::new(python);
    python.arg("grpc_python.py");
    python
}

fn node() -> Command {
    let mut node = Command::new("node");
    node.arg("grpc.mjs");
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_js() {
    holds_a_conversation(node(), Encryption::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_js_over_tls() {
    holds_a_conversation(node(), Encryption::Tls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcio() {
    holds_a_conversation(python(), Encryption::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcio_over_tls() {
    holds_a_conversation(python(), Encryption::Tls).await;
}

async fn holds_a_conversation(mut client: Command, encryption: Encryption) {
    let folder = tempfile::tempdir().unwrap();
    let listen = free_address().to_string();
    let mut options = vec!["--demo", "--grpc-listen", &listen];
    let certificate = certificate(folder.path());
    let [certificate, key] = certificate.each_ref().map(|path| path.to_str().unwrap());
    if encryption == Encryption::Tls {
        options.extend(["--grpc-tls-cert", certificate, "--grpc-tls-key", key]);
    }
    let data = folder.path().join("data");
    let mut service = Process::start(data, StoreUrls::embedded(), &options).await;
    client.arg(format!("http://{}", service.address)).arg(listen.replace("127.0.0.1", "localhost"));
    if encryption == Encryption::Tls {
        client.arg(certificate);
    }
    converse(&mut service, client, folder.path()).await;
}

/// A certificate for `localhost` that vouches for itself, and its key.
fn certificate(folder: &Path) -> [PathBuf; 2] {
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split(' '))
        .args("-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem".split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    ["cert.pem", "key.pem"].map(|name| folder.join(name))
}
