//! What a running service keeps out of its log, its metrics and its refusals.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{key_of, none_of, password_of};
use crate::support::{
    Client, Feed, eventually,
    process::Process,
    stores::{StoreUrls, unique},
    within,
};

/// Of two directives the more specific one counts, so that none may be all
/// that stands between a secret and the log.
const ALL_OF_IT: &str = "trace,tungstenite::protocol=trace,tungstenite::protocol::frame=trace,\
    hyper::proto=trace,async_graphql::executor=trace,sqlx::query=trace,lettre=trace";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_out_of_the_log_embedded() {
    nothing_is_told(StoreUrls::embedded(), &["--log", "trace", "--log-format", "text"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_out_of_the_log_servers() {
    let stores = StoreUrls::servers().await;
    nothing_is_told(stores.clone(), &["--log", "trace", "--log-format", "text"]).await;
    stores.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_out_of_the_log_whatever_is_asked_of_it() {
    nothing_is_told(StoreUrls::embedded(), &["--log", ALL_OF_IT, "--log-format", "json"]).await;
}

/// What went through the service that nobody else may read.
struct Passed {
    client: Client,
    outbox: PathBuf,
    email: String,
    secrets: BTreeSet<String>,
    codes: BTreeSet<String>,
    refusals: Vec<String>,
}

impl Passed {
    fn secret(&mut self, text: impl Into<String>) -> String {
        let text = text.into();
        self.secrets.insert(text.clone());
        text
    }

    /// The tokens of an `Authentication`, and a client that has them.
    fn signed_in(&mut self, authentication: &Value) -> Client {
        let client = Client::signed_in(self.client.address, authentication);
        self.secret(client.token.clone().unwrap());
        self.secret(client.refresh_token.clone());
        client
    }

    async fn refused(&mut self, client: &Client, query: &str, variables: Value) {
        let answer = client.response(query, variables).await;
        assert!(answer["errors"].is_array(), "{query}: {answer}");
        self.refusals.push(answer.to_string());
    }

    /// As a client sends it that builds its requests by hand.
    async fn refused_body(&mut self, kind: &str, body: String) {
        let url = format!("http://{}/graphql", self.client.address);
        let request = self.client.http.post(url).header("content-type", kind).body(body.clone());
        let answer = request.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let text = format!("{headers} {}", answer.text().await.unwrap());
        assert!(text.contains("\"errors\""), "{body}: {text}");
        self.refusals.push(text);
    }

    async fn refused_get(&mut self, query: &[(&str, &str)], authorization: &str) {
        let mut url = reqwest::Url::parse(&format!("http://{}/graphql", self.client.address));
        url.as_mut().unwrap().query_pairs_mut().extend_pairs(query);
        let request = self.client.http.get(url.unwrap()).header("authorization", authorization);
        let answer = request.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let text = format!("{headers} {}", answer.text().await.unwrap());
        assert!(text.contains("\"errors\""), "{query:?}: {text}");
        self.refusals.push(text);
    }

    /// The code in the newest of this many mails.
    async fn code(&mut self, number: usize) -> String {
        let codes = || async { Some(codes(&self.outbox)).filter(|codes| codes.len() == number) };
        let code = eventually("a mail with a code", codes).await.pop().unwrap();
        self.codes.insert(code.clone());
        code
    }
}

/// The codes of all mails, oldest first.
fn codes(outbox: &Path) -> Vec<String> {
    let Ok(entries) = outbox.read_dir() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    // Names grow with time.
    paths.sort();
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|c| c.is_ascii_digit());
    let code = |path| {
        let mail = std::fs::read_to_string(path).unwrap();
        mail.lines().find(is_code).map(ToOwned::to_owned)
    };
    paths.into_iter().filter_map(code).collect()
}

const PAIR: &str = "accessToken refreshToken viewer { user { id username } }";

async fn nothing_is_told(stores: StoreUrls, options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut service = Process::start(data.clone(), stores.clone(), options).await;
    let name = unique();
    let mut passed = Passed {
        client: Client::new(service.address, None),
        outbox: data.join("outbox"),
        email: format!("{name}@example.org"),
        secrets: BTreeSet::new(),
        codes: BTreeSet::new(),
        refusals: Vec::new(),
    };
    let viewer = join_and_sign_in(&mut passed, &name).await;
    let viewer = refresh(&mut passed, &viewer).await;
    connect(&mut passed, &viewer).await;
    by_address(&mut passed, &viewer).await;
    malformed(&mut passed).await;
    change_passwords(&mut passed, &viewer).await;

    let metrics = reqwest::get(format!("http://{}/metrics", service.address)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("chatterbox_graphql_errors_total"), "{metrics}");
    service.terminate();
    assert!(service.ended().await.success());
    let log = service.log();
    assert!(log.contains("DEBUG"), "the log tells all it can");

    let pem = std::fs::read_to_string(data.join("signing-key.pem")).unwrap();
    passed.secret(key_of(&pem));
    let mut secrets: Vec<String> = passed.secrets.into_iter().collect();
    for url in [&stores.sql, &stores.graph].into_iter().flatten() {
        // Alone it may be a word like any other.
        secrets.push(format!(":{}@", password_of(url)));
        secrets.push(format!("\"{}\"", password_of(url)));
    }
    // As values they come in quotes; without them they are digits like any
    // others, or those of a mail in the outbox, which the log may show.
    secrets.extend(passed.codes.iter().map(|code| format!("\"{code}")));
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    none_of(&log, &secrets);
    none_of(&metrics, &secrets);
    none_of(&passed.refusals.join("\n"), &secrets);
}

/// Registers, confirms the address, and signs in, each after failing to.
async fn join_and_sign_in(passed: &mut Passed, name: &str) -> Client {
    let nobody = passed.client.clone();
    let password = passed.secret("a password like no other");
    let input =
        json!({ "input": { "username": name, "email": passed.email, "password": password } });
    let register = "mutation ($input: RegisterInput!) { register(input: $input) { id } }";
    nobody.data(register, input.clone()).await;
    passed.refused(&nobody, register, input).await;
    let short = passed.secret("short🙊");
    let input = json!({ "input": { "username": name, "email": passed.email, "password": short } });
    passed.refused(&nobody, register, input).await;

    let code = passed.code(1).await;
    let other = if code == "123456" { "654321" } else { "123456" };
    passed.codes.insert(other.to_owned());
    let verify = format!(
        "mutation ($email: String!, $code: String!) {{
            verifyEmail(email: $email, code: $code) {{ {PAIR} }} }}"
    );
    let variables = |code: &str| json!({ "email": passed.email.clone(), "code": code });
    let (wrong, right) = (variables(other), variables(&code));
    passed.refused(&nobody, &verify, wrong).await;
    let authentication = nobody.data(&verify, right).await;
    passed.signed_in(&authentication["verifyEmail"]);

    let sign_in =
        format!("mutation ($input: SignInInput!) {{ signIn(input: $input) {{ {PAIR} }} }}");
    let wrong = passed.secret("a password that is wrong");
    let input = |password: &str| json!({ "input": { "login": name, "password": password } });
    passed.refused(&nobody, &sign_in, input(&wrong)).await;
    let authentication = nobody.data(&sign_in, input(&password)).await;
    passed.signed_in(&authentication["signIn"])
}

async fn refresh(passed: &mut Passed, viewer: &Client) -> Client {
    let refresh = format!(
        "mutation ($token: String!) {{ refreshSession(refreshToken: $token) {{ {PAIR} }} }}"
    );
    let nobody = passed.client.clone();
    let unknown = passed.secret("dGhpcyBpcyBub25lIG9mIG91cnMsIGluIDMyIGJ5dGU");
    passed.refused(&nobody, &refresh, json!({ "token": unknown })).await;
    let data = viewer.data(&refresh, json!({ "token": viewer.refresh_token })).await;
    passed.signed_in(&data["refreshSession"])
}

/// Sockets with a good token, with one that is not ours, and with one where
/// none is looked for.
async fn connect(passed: &mut Passed, viewer: &Client) {
    Feed::connect(viewer).await.is_served().await;
    let token = passed.secret("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGwifQ.c2lnbmVk");
    let closed = Feed::admitted(&Client::new(viewer.address, Some(token))).await;
    let closed = closed.err().expect("not taken");
    passed.refusals.push(format!("{closed:?}"));
    let misplaced = passed.secret("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGwifQ.bWlzcGxhY2Vk");
    for dialect in ["graphql-transport-ws", "graphql-ws"] {
        let mut request = format!("ws://{}/graphql", viewer.address).into_client_request().unwrap();
        let protocol = HeaderValue::from_static(dialect);
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = connect_async(request).await.unwrap();
        let init = json!({ "type": "connection_init", "payload": format!("Bearer {misplaced}") });
        socket.send(Message::text(init.to_string())).await.unwrap();
        let answer = within("an answer", socket.next()).await.unwrap().unwrap();
        assert!(format!("{answer:?}").contains("Invalid message"), "{dialect}: {answer:?}");
        passed.refusals.push(format!("{answer:?}"));
    }
}

/// What addresses hold is written down by many who pass them on.
async fn by_address(passed: &mut Passed, viewer: &Client) {
    let token = viewer.token.clone().unwrap();
    let bearer = format!("Bearer {token}");
    let written = passed.secret("a password in an address");
    let sign_in = format!(
        "mutation {{ signIn(input: {{ login: \"x\", password: \"{written}\" }}) {{ expiresAt }} }}"
    );
    passed.refused_get(&[("query", &sign_in)], &bearer).await;
    passed.refused_get(&[("query", "{ nothing }"), ("access_token", &token)], &bearer).await;
    let variables = format!("{{\"password\": \"{written}\"");
    passed.refused_get(&[("query", "{ viewer { email } }"), ("variables", &variables)], "").await;
    let basic = passed.secret("YWRhOmEgcGFzc3dvcmQgdGhhdCBpcyBlbmNvZGVk");
    passed.refused_get(&[("query", "{ viewer { email } }")], &format!("Basic {basic}")).await;
}

/// What can't be understood may have secrets where it could.
async fn malformed(passed: &mut Passed) {
    let written = passed.secret("a password gone astray");
    let register = "mutation ($input: RegisterInput!) { register(input: $input) { id } }";
    let literal = |field: &str| {
        format!("mutation {{ register(input: {{ username: \"x\", {field} }}) {{ id }} }}")
    };
    for body in [
        format!("{{\"query\":\"{{a}}\",\"variables\":{{\"password\":\"{written}\""),
        format!("{{\"query\":\"{{a}}\",\"variables\":\"{written}\"}}"),
        format!("{{\"query\":\"{{a}}\",\"variables\":[\"{written}\"]}}"),
        format!("{{\"query\":\"{{a}}\",\"{written}\""),
        format!("\"{written}\""),
        format!("[\"{written}\"]"),
        json!({ "query": register, "variables": { "input": written } }).to_string(),
        json!({ "query": register, "variables": { "input": [written] } }).to_string(),
        json!({ "query": register, "variables": { "input": { "password": [written] } } })
            .to_string(),
        json!({ "query": register, "variables": { "input": {
            "username": "x", "email": "x", "password": { "is": written } } } })
        .to_string(),
        json!({ "query": literal(&format!("password: \"{written}\" email ")) }).to_string(),
        json!({ "query": literal(&format!("password: [\"{written}\"], email: \"x\"")) })
            .to_string(),
        json!({ "query": literal(&format!("password: \"{written}\", mail: \"x\"")) }).to_string(),
        json!({ "query": literal(&format!("password: \"{written}")) }).to_string(),
        json!({ "query": format!("{{ viewer(password: \"{written}\") {{ email }} }}") })
            .to_string(),
    ] {
        passed.refused_body("application/json", body).await;
    }
    passed.refused_body("application/x-www-form-urlencoded", format!("password={written}")).await;
}

/// Sets a new password by mail, changes it, changes the address, and closes the
/// account, each after failing to.
async fn change_passwords(passed: &mut Passed, viewer: &Client) {
    let nobody = passed.client.clone();
    let ask = "mutation ($email: String!) { requestPasswordReset(email: $email) }";
    nobody.data(ask, json!({ "email": passed.email })).await;
    let code = passed.code(2).await;
    let second = passed.secret("another password like no other");
    let reset = format!(
        "mutation ($email: String!, $code: String!, $new: String!) {{
            resetPassword(email: $email, code: $code, new: $new) {{ {PAIR} }} }}"
    );
    let email = passed.email.clone();
    let variables = |code: &str| json!({ "email": email, "code": code, "new": second });
    let other = if code == "123456" { "654321" } else { "123456" };
    passed.codes.insert(other.to_owned());
    passed.refused(&nobody, &reset, variables(other)).await;
    let data = nobody.data(&reset, variables(&code)).await;
    let fresh = passed.signed_in(&data["resetPassword"]);
    // Its session has ended.
    passed.refused(viewer, "{ viewer { email } }", Value::Null).await;

    let change = "mutation ($current: String!, $new: String!) {
        changePassword(current: $current, new: $new) }";
    let wrong = passed.secret("another password that is wrong");
    let third = passed.secret("the third password of this account");
    passed.refused(&fresh, change, json!({ "current": wrong, "new": third })).await;
    fresh.data(change, json!({ "current": second, "new": third })).await;
    let ask = "mutation ($email: String!, $password: String!) {
        changeEmail(email: $email, password: $password) }";
    let email = format!("new-{}", passed.email);
    passed.refused(&fresh, ask, json!({ "email": email, "password": wrong })).await;
    fresh.data(ask, json!({ "email": email, "password": third })).await;
    let code = passed.code(3).await;
    let other = if code == "123456" { "654321" } else { "123456" };
    passed.codes.insert(other.to_owned());
    let confirm = "mutation ($code: String!) { confirmEmailChange(code: $code) { email } }";
    passed.refused(&fresh, confirm, json!({ "code": other })).await;
    fresh.data(confirm, json!({ "code": code })).await;
    let delete = "mutation ($password: String!) { deleteAccount(password: $password) }";
    passed.refused(&fresh, delete, json!({ "password": wrong })).await;
    fresh.data(delete, json!({ "password": third })).await;
}
