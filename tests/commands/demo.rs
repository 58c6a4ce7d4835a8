//! `serve --demo`, as somebody new meets it.

use serde_json::{Value, json};

use crate::support::{Client, process::Process, stores::StoreUrls};

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
    let started = std::time::Instant::now();
    service.restart().await;
    eprintln!("ready {:?} after a start on existing data", started.elapsed());
    assert_eq!(look_around(&service, &names).await, first);
}

async fn look_around(service: &Process, names: &[String]) -> Value {
    let mut messages = 0;
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
        let talks = viewer["conversations"]["nodes"].as_array().unwrap();
        messages +=
            talks.iter().map(|talk| talk["lastMessage"]["seq"].as_i64().unwrap()).sum::<i64>();
        seen.push(data);
    }
    assert!(messages / 2 >= 200, "some hundred messages: {}", messages / 2);
    Value::Array(seen)
}
