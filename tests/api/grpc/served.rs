//! What is served beside the messages: health, reflection, metrics.

use futures::stream;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    stories,
    support::{
        TestApp, eventually,
        grpc::{channel, to},
        within,
    },
};

const SERVICE: &str = "chatterbox.chat.v1.ChatService";

stories! {
    health_is_told_by_the_standard_protocol,
    the_protocol_is_told_by_reflection,
    calls_are_measured,
}

async fn health_is_told_by_the_standard_protocol(app: &TestApp) {
    let mut health = HealthClient::new(channel(app.grpc).await);
    let of = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", SERVICE] {
        let answer = within("health", health.check(of(service))).await.unwrap();
        assert_eq!(answer.get_ref().status(), ServingStatus::Serving);
    }
    let unknown = health.check(of("nothing")).await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound);
    let mut watched = health.watch(of(SERVICE)).await.unwrap().into_inner();
    let first = within("health", watched.message()).await.unwrap().expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);
    let mut unknown = health.watch(of("nothing")).await.unwrap().into_inner();
    let first = within("health", unknown.message()).await.unwrap().expect("a status");
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    app.restart().await;
    let last = within("health", watched.message()).await.unwrap().expect("a status");
    assert_eq!(last.status(), ServingStatus::NotServing, "before it ended");
}

async fn the_protocol_is_told_by_reflection(app: &TestApp) {
    let mut reflection = ServerReflectionClient::new(channel(app.grpc).await);
    let asked = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(stream::iter([asked])).await.unwrap();
    let answer = within("an answer", answers.into_inner().message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&SERVICE) && names.contains(&"grpc.health.v1.Health"), "{names:?}");
}

async fn calls_are_measured(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let caller = app.caller(&ada).await;
    let talk = caller.talk(None).await.unwrap();
    caller.send(to(&grace, "Hello")).await.unwrap();
    caller.refused(to(&grace, "")).await;
    caller.refused(to(&grace, &"x".repeat(300_000))).await;
    let shown = || async { reqwest::get(app.url("/metrics")).await.unwrap().text().await.unwrap() };
    let counted = |text: &str, method: &str, status: &str| {
        let labels = format!(r#"{{method="{method}",status="{status}"}} "#);
        let name = format!("chatterbox_grpc_requests_total{labels}");
        text.lines().any(|line| line.starts_with(&name))
    };
    let text = shown().await;
    assert!(counted(&text, "SendMessage", "OK"), "{text}");
    assert!(counted(&text, "SendMessage", "INVALID_ARGUMENT"), "{text}");
    assert!(
        text.contains(r#"chatterbox_grpc_request_duration_seconds_count{method="SendMessage"}"#)
    );
    assert!(text.lines().any(|line| line.starts_with("chatterbox_grpc_streams ")), "{text}");
    drop(talk);
    // Whether who has gone away closed their side first, nobody can tell.
    eventually("the stream to be counted", || async {
        let text = shown().await;
        let ended = ["OK", "CANCELLED"].map(|status| counted(&text, "SendMessagesGRPC", status));
        ended.contains(&true).then_some(())
    })
    .await;
}
