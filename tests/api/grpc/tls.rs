//! gRPC that is encrypted.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::support::{
    TestApp,
    grpc::{Caller, to},
    stores::StoreUrls,
    within,
};

/// A certificate for `localhost` that vouches for itself, and its key.
fn certificate(folder: &Path) -> (String, String) {
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split(' '))
        .args("-addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE".split(' '))
        .args("-keyout key.pem -out cert.pem".split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let path = |name: &str| folder.join(name).display().to_string();
    (path("cert.pem"), path("key.pem"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let options = ["--grpc-tls-cert", certificate.as_str(), "--grpc-tls-key", key.as_str()];
    let app = TestApp::start(StoreUrls::embedded(), &options).await;
    let (ada, grace) = app.friends("ada", "grace").await;
    let trusted = Certificate::from_pem(std::fs::read(&certificate).unwrap());
    let tls = ClientTlsConfig::new().ca_certificate(trusted).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", app.grpc)).unwrap();
    let channel = within("a connection", endpoint.tls_config(tls).unwrap().connect()).await;
    let caller = Caller::over(channel.unwrap(), &ada);
    let mut talk = caller.talk(None).await.unwrap();
    talk.say(to(&grace, "Hello"));
    assert_eq!(talk.answer().await.seq, 1);
    // Who does not encrypt is not understood.
    let plain = Endpoint::from_shared(format!("http://{}", app.grpc)).unwrap();
    let caller = Caller::over(plain.connect_lazy(), &ada);
    caller.send(to(&grace, "In plain text")).await.expect_err("not understood");
    app.stop().await;
}
