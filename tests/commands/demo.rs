//! `serve --demo`, as somebody new meets it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Client, eventually, process::Process, stores::StoreUrls};

/// Who lives in town, as it is printed when the service has started.
fn townspeople(log: &str) -> Vec<String> {
    let line = log.lines().find(|line| line.contains("sign in as ")).expect("the names");
    let (_, names) = line.split_once("sign in as ").unwrap();
    let (names, password) = names.split_once(';').unwrap();
    assert!(password.contains("chatterbox"), "{line}");
    names.split(", ").map(ToOwned::to_owned).collect()
}

async fn sign_in(service: &Process, login: &str) -> Client {
    let data = Client::new(service.address, None)
        .data(
            "mutation ($login: String!) { signIn(input: { login: $login, password: \"chatterbox\" }) {
                accessToken refreshToken viewer { user { id username } emailVerified } } }",
            json!({ "login": login }),
        )
        .await;
    assert_eq!(data["signIn"]["viewer"]["emailVerified"], true);
    Client::signed_in(service.address, &data["signIn"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_town_is_there_once_however_often_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut service = Process::start(data, StoreUrls::embedded(), &["--demo"]).await;
    let log = service.log();
    assert!(log.contains(&format!("http://{}/playground", service.address)), "{log}");
    let names = townspeople(&log);
    assert!(names.len() >= 12 && names.contains(&"ada".to_owned()), "{names:?}");

    let first = look_around(&service, &names).await;
    service.terminate();
    assert!(service.ended().await.success());
    service.restart().await;
    assert_eq!(look_around(&service, &names).await, first);
    assert_eq!(service.log().matches("sign in as ").count(), 2, "said at each start");
}

/// Somebody new finds their code where operators are told to look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_in_the_outbox_and_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Process::start(data.clone(), StoreUrls::embedded(), &["--demo"]).await;
    let nobody = Client::new(service.address, None);
    let register = "mutation { register(input: { username: \"newcomer\",
        email: \"newcomer@example.org\", password: \"correct horse\" }) { username } }";
    nobody.data(register, Value::Null).await;
    let mail = eventually("the mail", || async { only_mail(&data.join("outbox")) }).await;
    assert!(mail.contains("To: newcomer@example.org\r\n"), "{mail}");
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|c| c.is_ascii_digit());
    let code = mail.lines().find(is_code).expect("six digits alone on a line");
    eventually("the code in the log", || async {
        let log = service.log();
        log.lines()
            .any(|line| line.contains("newcomer@example.org") && line.contains(code))
            .then_some(())
    })
    .await;

    let sign_in = "mutation { signIn(input: { login: \"newcomer\",
        password: \"correct horse\" }) { expiresAt } }";
    assert_eq!(nobody.code(sign_in, Value::Null).await, "EMAIL_NOT_VERIFIED");
    let verify = "mutation ($code: String!) { verifyEmail(email: \"newcomer@example.org\",
        code: $code) { viewer { emailVerified } } }";
    let data = nobody.data(verify, json!({ "code": code })).await;
    assert_eq!(data["verifyEmail"]["viewer"]["emailVerified"], true);
    nobody.data(sign_in, Value::Null).await;
}

/// What is renamed into place only when it is whole.
fn only_mail(outbox: &Path) -> Option<String> {
    let entries = std::fs::read_dir(outbox).ok()?.map(|entry| entry.unwrap().path());
    let mut mails = entries.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    let mail = mails.next()?;
    assert!(mails.next().is_none(), "one mail");
    Some(std::fs::read_to_string(mail).unwrap())
}

async fn look_around(service: &Process, names: &[String]) -> Value {
    let (mut messages, mut requests) = (0, 0);
    let mut seen = Vec::new();
    for name in names {
        let person = sign_in(service, name).await;
        let data = person
            .data(
                "{ viewer { user { username displayName } friends { totalCount } friendRequests { totalCount }
                    conversations { nodes { id lastMessage { seq body } } } } }",
                Value::Null,
            )
            .await;
        let viewer = &data["viewer"];
        assert!(viewer["friends"]["totalCount"].as_i64().unwrap() >= 2, "{viewer}");
        requests += viewer["friendRequests"]["totalCount"].as_i64().unwrap();
        let talks = viewer["conversations"]["nodes"].as_array().unwrap();
        messages +=
            talks.iter().map(|talk| talk["lastMessage"]["seq"].as_i64().unwrap()).sum::<i64>();
        seen.push(data);
    }
    assert!(requests >= 2, "friend requests wait for an answer: {requests}");
    assert!(messages / 2 >= 200, "some hundred messages: {}", messages / 2);
    Value::Array(seen)
}
