//! `rebuild last-chatted`: what is derived is derived anew, and is the same.

use chatterbox_graph::{Chat, Timestamp};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    chatterbox, said, stories,
    support::{Client, TestApp, eventually},
};

/// On the graph that all tests share it forgets the chats of all of them: these
/// run one after another, and no other test of this program may ask for its own there.
static ALONE: Mutex<()> = Mutex::const_new(());

stories! {
    last_chats_come_back_as_they_were,
    what_is_said_meanwhile_is_kept,
}

/// Runs the command against the stores of a server, in a process of its own.
async fn rebuild(app: &TestApp) -> String {
    let folder = app.data.path().to_str().unwrap().to_owned();
    let stores = app.stores.clone();
    let run = move || {
        let mut arguments = vec!["rebuild", "last-chatted", "--data", &folder];
        if let (Some(sql), Some(graph)) = (&stores.sql, &stores.graph) {
            arguments.extend(["--sql-url", sql, "--graph-url", graph]);
        }
        chatterbox(&arguments, &[])
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

async fn last_chatted(client: &Client) -> Vec<Value> {
    let query = "{ viewer { lastChatted(first: 100) { at conversation { id }
        with { ... on User { username lastChattedAt } ... on Group { name } } } } }";
    let mut data = client.data(query, Value::Null).await;
    let Value::Array(list) = data["viewer"]["lastChatted"].take() else { panic!("{data:#}") };
    list
}

/// Somebody who talked with four people and in two groups.
async fn talks(app: &TestApp) -> (Client, Vec<Client>) {
    let ada = app.person("ada").await;
    let others = join_all(["bob", "cid", "dan", "eve"].map(|name| app.person(name))).await;
    let mut groups = Vec::new();
    for name in ["Walks", "Runs", "Silence"] {
        groups.push(ada.found(name, "PRIVATE", &[&others[0], &others[1]]).await);
    }
    let mut last = Value::Null;
    for turn in 0..3 {
        for other in &others {
            ada.send(other, &format!("{turn}")).await;
        }
        others[0].tell(&groups[0], &format!("{turn}")).await;
        last = ada.tell(&groups[1], &format!("{turn}")).await;
    }
    // What was said before it is written with it, or before.
    eventually("the LAST_CHATTED edges", || async {
        let list = last_chatted(&ada).await;
        (list.first()?["at"] == last["sentAt"]).then_some(())
    })
    .await;
    (ada, others)
}

async fn last_chats_come_back_as_they_were(app: &TestApp) {
    let _alone = ALONE.lock().await;
    let (ada, others) = talks(app).await;
    let everyone: Vec<&Client> = others.iter().chain([&ada]).collect();
    let before = join_all(everyone.iter().map(|person| last_chatted(person))).await;

    // Some edges are gone, and others say what is not so.
    let stores = app.open_stores();
    let id = |client: &Client| client.id.parse().unwrap();
    stores.graph.forget_chats().await.unwrap();
    assert!(last_chatted(&ada).await.is_empty());
    let conversation = before[4]
        .iter()
        .find(|chat| chat["with"]["username"] == others[2].username.as_str())
        .map(|chat| chat["conversation"]["id"].as_str().unwrap().parse().unwrap())
        .unwrap();
    let false_chat = Chat::Direct {
        one: id(&ada),
        other: id(&others[2]),
        conversation,
        at: Timestamp(4_000_000_000_000_000),
    };
    stores.graph.record_chats(&[false_chat]).await.unwrap();
    stores.sql.close().await;
    assert_eq!(last_chatted(&ada).await.len(), 1);

    for _ in 0..2 {
        let printed = rebuild(app).await;
        // What nothing was said in is none of them.
        assert!(printed.contains("6 conversations"), "{printed}");
        let after = join_all(everyone.iter().map(|person| last_chatted(person))).await;
        assert_eq!(after, before);
    }
    // And on it goes from there.
    others[3].send(&ada, "news").await;
    eventually("the newest chat", || async {
        let list = last_chatted(&ada).await;
        (list[0]["with"]["username"] == others[3].username.as_str()).then_some(())
    })
    .await;
}

async fn what_is_said_meanwhile_is_kept(app: &TestApp) {
    let _alone = ALONE.lock().await;
    let (ada, others) = talks(app).await;
    let talking = async {
        let mut last = Value::Null;
        for turn in 0..40 {
            for other in &others {
                last = other.send(&ada, &format!("meanwhile {turn}")).await;
            }
        }
        last
    };
    let rebuilding = async {
        for _ in 0..3 {
            rebuild(app).await;
        }
    };
    let (last, ()) = tokio::join!(talking, rebuilding);
    eventually("the newest chats", || async {
        let list = last_chatted(&ada).await;
        (list.first()?["at"] == last["sentAt"] && list.len() == 6).then_some(())
    })
    .await;
    // Each edge tells of the last message there is.
    let query = "{ viewer { conversations { nodes { id lastMessage { sentAt } } } } }";
    let data = ada.data(query, Value::Null).await;
    let conversations = data["viewer"]["conversations"]["nodes"].as_array().unwrap();
    for chat in last_chatted(&ada).await {
        let told = json!({
            "id": chat["conversation"]["id"], "lastMessage": { "sentAt": chat["at"] },
        });
        assert!(conversations.contains(&told), "{chat:#} is none of {conversations:#?}");
    }
}
