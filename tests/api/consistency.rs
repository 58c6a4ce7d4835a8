//! What a client held and the events that it got are what it would fetch
//! anew, field by field, after each mutation, on each device of everyone.

mod replica;

use serde_json::{Value, json};

use self::replica::{Replica, subscription};
use crate::{
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    talking_of_two,
    talking_in_a_group,
    reading_and_muting,
    friendships,
    blocks,
    groups,
    members_who_come_and_go,
}

/// A device that listens.
struct Device {
    client: Client,
    feed: Feed,
    replica: Replica,
    /// A conversation of the device's own, whose mute tells that all before it has come.
    fence: String,
    raised: bool,
}

impl Device {
    async fn listen(client: &Client, fence: &str) -> Self {
        let mut feed = Feed::connect(client).await;
        let payload = json!({ "query": subscription() });
        feed.send(json!({ "id": "events", "type": "subscribe", "payload": payload })).await;
        feed.is_served().await;
        let replica = Replica::fetch(client).await;
        Self { client: client.clone(), feed, replica, fence: fence.to_owned(), raised: false }
    }

    /// Takes in all that has happened so far, and compares.
    async fn is_up_to_date(&mut self, after: &str) {
        self.raised = !self.raised;
        let mute = "mutation ($id: ID!, $muted: Boolean!) {
            muteConversation(conversationId: $id, muted: $muted) { id } }";
        self.client.data(mute, json!({ "id": self.fence, "muted": self.raised })).await;
        loop {
            let event = self.feed.next().await;
            let talk = &event["conversation"];
            let fence = event["__typename"] == "MuteChanged"
                && talk["id"] == self.fence.as_str()
                && talk["muted"] == self.raised;
            self.replica.hear(event);
            if fence {
                break;
            }
        }
        let (held, fetched) = (self.replica.shown(), Replica::fetch(&self.client).await.shown());
        let who = &self.client.username;
        assert_eq!(held, fetched, "after {after}, {who} holds {held:#}\nand fetches {fetched:#}");
    }
}

/// Three people, of whom the first two are friends, and a device of each.
struct Cast {
    ada: Client,
    grace: Client,
    alan: Client,
    devices: Vec<Device>,
}

impl Cast {
    async fn assemble(app: &TestApp) -> Self {
        let (ada, grace) = app.friends("ada", "grace").await;
        let (alan, witness) = tokio::join!(app.person("alan"), app.person("witness"));
        let mut devices = Vec::new();
        for client in [&ada, &grace, &alan] {
            let said = client.send(&witness, "a fence").await;
            let fence = said["conversation"]["id"].as_str().unwrap().to_owned();
            devices.push((client.clone(), fence));
        }
        let mut cast = Self { ada, grace, alan, devices: Vec::new() };
        for (client, fence) in devices {
            cast.devices.push(Device::listen(&client, &fence).await);
        }
        cast
    }

    async fn all_agree(&mut self, after: &str) {
        for device in &mut self.devices {
            device.is_up_to_date(after).await;
        }
    }

    /// One after another, each time on all devices.
    async fn after_each(&mut self, acts: &[(&Client, &str, Value)]) {
        for (who, mutation, variables) in acts {
            who.data(mutation, variables.clone()).await;
            self.all_agree(mutation).await;
        }
    }
}

const EDIT: &str =
    "mutation ($id: ID!, $body: String!) { editMessage(id: $id, body: $body) { id } }";
const DELETE: &str = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }";
const REACT: &str =
    "mutation ($id: ID!, $emoji: String!) { addReaction(messageId: $id, emoji: $emoji) { id } }";
const UNREACT: &str =
    "mutation ($id: ID!, $emoji: String!) { removeReaction(messageId: $id, emoji: $emoji) { id } }";
const READ: &str =
    "mutation ($id: ID!, $seq: Int!) { markRead(conversationId: $id, seq: $seq) { id } }";
const MUTE: &str = "mutation ($id: ID!, $muted: Boolean!) { muteConversation(conversationId: $id, muted: $muted) { id } }";
const REPLY: &str = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }";

fn id(value: &Value) -> Value {
    assert!(value["id"].is_string(), "{value:#}");
    value["id"].clone()
}

async fn talking_of_two(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace) = (cast.ada.clone(), cast.grace.clone());
    let first = ada.send(&grace, "the first of all").await;
    cast.all_agree("sendMessage").await;
    talking(&mut cast, &ada, &grace, &first).await;
}

async fn talking_in_a_group(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace, alan) = (cast.ada.clone(), cast.grace.clone(), cast.alan.clone());
    let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
    cast.all_agree("createGroup").await;
    let first = ada.tell(&group, "the first of all").await;
    cast.all_agree("sendMessage").await;
    talking(&mut cast, &ada, &grace, &first).await;
    let said = grace.tell(&group, "to be taken away").await;
    cast.after_each(&[(&ada, DELETE, json!({ "id": id(&said) }))]).await;
}

async fn talking(cast: &mut Cast, ada: &Client, grace: &Client, first: &Value) {
    let message = id(first);
    let to = json!({ "conversationId": first["conversation"]["id"] });
    let reply = format!("look, @{}", ada.username);
    let reply = json!({ "input": { "to": to, "body": reply, "replyTo": message } });
    cast.after_each(&[
        (grace, REPLY, reply),
        (ada, EDIT, json!({ "id": message, "body": format!("for @{}", grace.username) })),
        (grace, REACT, json!({ "id": message, "emoji": "👍" })),
        (ada, REACT, json!({ "id": message, "emoji": "👍" })),
        (grace, REACT, json!({ "id": message, "emoji": "🎉" })),
        (grace, UNREACT, json!({ "id": message, "emoji": "👍" })),
        (ada, DELETE, json!({ "id": message })),
    ])
    .await;
}

async fn reading_and_muting(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace, alan) = (cast.ada.clone(), cast.grace.clone(), cast.alan.clone());
    let (second, witness) = (app.device("ada", "second").await, app.person("other").await);
    let fence = ada.send(&witness, "a fence").await["conversation"]["id"].clone();
    cast.devices.push(Device::listen(&second, fence.as_str().unwrap()).await);
    let group = ada.found("Walks", "PRIVATE", &[&grace, &alan]).await;
    let mut said = Value::Null;
    for n in 0..4 {
        said = grace.tell(&group, &n.to_string()).await;
    }
    let group = json!(group);
    let direct = id(&grace.send(&ada, "hello").await["conversation"]);
    cast.all_agree("messages").await;
    assert_eq!(said["seq"], 4);
    cast.after_each(&[
        (&ada, READ, json!({ "id": group, "seq": 2 })),
        (&alan, READ, json!({ "id": group, "seq": 4 })),
        (&ada, MUTE, json!({ "id": group, "muted": true })),
        (&ada, READ, json!({ "id": direct, "seq": 1 })),
        (&ada, READ, json!({ "id": group, "seq": 100 })),
        (&ada, MUTE, json!({ "id": group, "muted": false })),
    ])
    .await;
    let hidden = "mutation { updateSettings(input: { readReceipts: false }) { readReceipts } }";
    grace.data(hidden, Value::Null).await;
    ada.tell(group.as_str().unwrap(), "more").await;
    cast.after_each(&[(&grace, READ, json!({ "id": group, "seq": 5 }))]).await;
}

async fn friendships(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace, alan) = (cast.ada.clone(), cast.grace.clone(), cast.alan.clone());
    for (who, act, whom) in [
        (&ada, "sendFriendRequest", &alan),
        (&ada, "cancelFriendRequest", &alan),
        (&alan, "sendFriendRequest", &ada),
        (&ada, "declineFriendRequest", &alan),
        (&alan, "sendFriendRequest", &grace),
        (&grace, "acceptFriendRequest", &alan),
        (&alan, "removeFriend", &grace),
    ] {
        who.act(act, whom).await.unwrap();
        cast.all_agree(act).await;
    }
}

async fn blocks(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace, alan) = (cast.ada.clone(), cast.grace.clone(), cast.alan.clone());
    alan.act("sendFriendRequest", &ada).await.unwrap();
    grace.send(&ada, "hello").await;
    cast.all_agree("sendFriendRequest").await;
    for (who, act, whom) in [
        (&ada, "blockUser", &grace),
        (&ada, "blockUser", &alan),
        (&ada, "unblockUser", &grace),
        (&ada, "unblockUser", &alan),
        (&grace, "sendFriendRequest", &ada),
    ] {
        who.act(act, whom).await.unwrap();
        cast.all_agree(act).await;
    }
}

async fn groups(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace) = (cast.ada.clone(), cast.grace.clone());
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    cast.all_agree("createGroup").await;
    let changes = json!({ "name": "Long walks", "description": "by the river" });
    ada.update_group(&group, changes).await.unwrap();
    cast.all_agree("updateGroup").await;
    ada.set_role(&group, &grace, "ADMIN").await.unwrap();
    cast.all_agree("setGroupRole").await;
    ada.tell(&group, "good bye").await;
    ada.delete_group(&group).await.unwrap();
    cast.all_agree("deleteGroup").await;
}

async fn members_who_come_and_go(app: &TestApp) {
    let mut cast = Cast::assemble(app).await;
    let (ada, grace, alan) = (cast.ada.clone(), cast.grace.clone(), cast.alan.clone());
    let group = ada.found("Walks", "PUBLIC", &[]).await;
    ada.tell(&group, "before anybody came").await;
    grace.join_group(&group).await.unwrap();
    cast.all_agree("joinGroup").await;
    grace.tell(&group, "hello").await;
    ada.add_members(&group, &[&alan]).await.unwrap();
    cast.all_agree("addGroupMembers").await;
    ada.tell(&group, "hello all").await;
    cast.all_agree("sendMessage").await;
    ada.remove_member(&group, &alan).await.unwrap();
    cast.all_agree("removeGroupMember").await;
    ada.tell(&group, "without alan").await;
    grace.leave_group(&group).await.unwrap();
    cast.all_agree("leaveGroup").await;
    ada.add_members(&group, &[&alan, &grace]).await.unwrap();
    ada.tell(&group, "all again").await;
    cast.all_agree("a second time").await;
}
