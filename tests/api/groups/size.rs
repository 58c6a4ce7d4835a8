//! A group has at most 10,000 members.

use serde_json::Value;

use super::code;
use crate::support::{Client, TestApp};

/// On one set of stores: the limit is none of theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_has_at_most_10_000_members() {
    let app = TestApp::embedded().await;
    let (ada, emmy) = tokio::join!(app.person("ada"), app.person("emmy"));
    let crowd = app.crowd("c", 10_000).await;
    let people: Vec<&Client> = crowd.iter().collect();
    let group = ada.found("Everyone", "PUBLIC", &people[..4_999]).await;
    // One too many, however they come.
    for surplus in [&people[4_999..], &[&people[4_999..], &[&emmy]].concat()] {
        let refused = ada.add_members(&group, surplus).await.unwrap_err();
        let told = (refused.code.as_str(), refused.field.as_deref());
        assert_eq!(told, ("BAD_USER_INPUT", Some("userIds")));
        assert!(refused.message.contains("10,000"), "the limit is named: {}", refused.message);
    }
    assert_eq!(ada.group(&group).await["memberCount"], 5_000, "nobody was added");

    ada.add_members(&group, &people[4_999..9_999]).await.unwrap();
    assert_eq!(ada.group(&group).await["memberCount"], 10_000);
    assert_eq!(code(emmy.join_group(&group).await), "FORBIDDEN");
    // Who is in it already takes no place.
    ada.add_members(&group, &people[4_999..9_999]).await.unwrap();
    let mut feed = ada.feed().await;
    ada.tell(&group, "So many!").await;
    assert_eq!(feed.message().await, "So many!");
    ada.remove_member(&group, people[0]).await.unwrap();
    emmy.join_group(&group).await.unwrap();
    assert_eq!(emmy.group(&group).await["memberCount"], 10_000);
    ada.delete_group(&group).await.unwrap();
    assert_eq!(emmy.group(&group).await, Value::Null);
    app.stop().await;
}
