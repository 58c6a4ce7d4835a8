//! Every live event, as each of those around its author hears it.

use serde_json::{Value, json};

use super::{cast::Cast, reads::shown, table::Table};
use crate::{
    introspection::{Schema, text},
    support::{Client, Feed, TestApp},
};

/// An event, where it happens, and what the owner does for it.
type Scene = (&'static str, &'static str, &'static str, Value);

fn scenes(cast: &Cast) -> Vec<Scene> {
    let Cast { stranger, friend, with_friend, .. } = cast;
    let (group, message) = (&cast.private.id, &cast.private.message);
    let send = |id: &str| {
        let input = json!({ "to": { "conversationId": id }, "body": "Hello again" });
        json!({ "input": input })
    };
    let in_group = json!({ "conversationId": group });
    let with = |name: &str, value: Value| {
        let mut arguments = in_group.clone();
        arguments[name] = value;
        arguments
    };
    let (private, public, to_friend) = ("private group", "public group", "to the friend");
    vec![
        ("MessageSent", private, "sendMessage", send(group)),
        ("MessageSent", public, "sendMessage", send(&cast.public.id)),
        ("MessageSent", to_friend, "sendMessage", send(&with_friend.conversation)),
        ("MessageEdited", private, "editMessage", json!({ "id": message, "body": "Edited" })),
        (
            "ReactionsChanged",
            private,
            "addReaction",
            json!({ "messageId": message, "emoji": "👍" }),
        ),
        ("MessageDeleted", private, "deleteMessage", json!({ "id": message })),
        ("MessageDeleted", to_friend, "deleteMessage", json!({ "id": with_friend.message })),
        ("ReadMarkerMoved", private, "markRead", with("seq", json!(3))),
        ("MuteChanged", private, "muteConversation", with("muted", json!(true))),
        ("TypingChanged", private, "setTyping", with("typing", json!(true))),
        (
            "GroupChanged",
            private,
            "updateGroup",
            json!({ "input": { "groupId": group, "name": "Renamed" } }),
        ),
        (
            "GroupChanged",
            public,
            "updateGroup",
            json!({ "input": { "groupId": cast.public.id, "name": "Renamed" } }),
        ),
        (
            "MembershipChanged",
            "the friend comes into the private group",
            "addGroupMembers",
            json!({ "groupId": group, "userIds": [friend.id] }),
        ),
        (
            "MembershipChanged",
            "the friend is removed from it",
            "removeGroupMember",
            json!({ "groupId": group, "userId": friend.id }),
        ),
        (
            "FriendshipChanged",
            "the owner asks the stranger",
            "sendFriendRequest",
            json!({ "userId": stranger.id }),
        ),
        ("FriendshipChanged", "blocks the stranger", "blockUser", json!({ "userId": stranger.id })),
        (
            "PresenceChanged",
            "the owner hides it",
            "updateSettings",
            json!({ "input": { "presenceTo": "NOBODY" } }),
        ),
    ]
}

/// Everything that any event carries.
fn subscription(schema: &Schema) -> String {
    let mut fragments = String::new();
    for kind in schema.implementers("Event") {
        let fields = schema.fields(kind).iter().map(|field| {
            let selection = match text(&field["name"]) {
                "conversation" => "{ id }",
                "user" => "{ id presence { online } }",
                _ => schema.selection(&field["type"]),
            };
            format!("{} {selection}", text(&field["name"]))
        });
        fragments += &format!("... on {kind} {{ {} }} ", fields.collect::<Vec<_>>().join(" "));
    }
    format!("subscription {{ events {{ __typename {fragments} }} }}")
}

/// A device that listens, and a group in which nobody else is: what is heard of it comes behind all before.
struct Listener {
    client: Client,
    feed: Feed,
    fence: String,
    raised: bool,
    /// What was waited for.
    early: Value,
}

impl Listener {
    async fn begin(client: &Client, subscription: &str) -> Self {
        let fence = client.found("A fence", "PRIVATE", &[]).await;
        let mut feed = Feed::connect(client).await;
        let payload = json!({ "query": subscription });
        feed.send(json!({ "id": "events", "type": "subscribe", "payload": payload })).await;
        feed.is_served().await;
        Self { client: client.clone(), feed, fence, raised: false, early: Value::Null }
    }

    /// What has come of this kind.
    async fn heard(&mut self, kind: &str, owner: &Client) -> Value {
        self.raised = !self.raised;
        let mute = "mutation ($id: ID!, $muted: Boolean!) {
            muteConversation(conversationId: $id, muted: $muted) { id } }";
        let raise = json!({ "id": self.fence, "muted": self.raised });
        self.client.data(mute, raise).await;
        let mut found = self.early.take();
        loop {
            let event = self.feed.next().await;
            if event["__typename"] == "MuteChanged"
                && event["conversation"]["id"] == self.fence.as_str()
            {
                break;
            }
            if event["__typename"] == kind {
                found = event;
            }
        }
        while kind == "PresenceChanged" && self.feed.heard_presence() {
            let event = self.feed.presence().await;
            if hides(&event, owner) {
                found = event;
            }
        }
        found
    }
}

/// Whether it is that somebody does not show any more whether they are there.
fn hides(event: &Value, who: &Client) -> bool {
    event["user"]["id"] == who.id.as_str() && event["user"]["presence"].is_null()
}

pub(super) async fn everything(app: &TestApp) -> Table {
    let people = Cast::without_accounts(app, 1).await.pop().unwrap();
    let cast = Cast::of(app, people).await;
    let schema = Schema::of(&cast.owner).await;
    let subscription = subscription(&schema);
    let mut listeners = Vec::new();
    for client in cast.all().into_iter().filter(|client| client.token.is_some()) {
        listeners.push(Listener::begin(client, &subscription).await);
    }
    let signed_out = Feed::admitted(&cast.signed_out).await;
    let signed_out = match signed_out {
        Ok(mut feed) => {
            feed.subscribe("events", json!({})).await;
            feed.refused().await
        }
        Err(closed) => closed.reason,
    };
    let scenes = scenes(&cast);
    for kind in schema.implementers("Event") {
        assert!(scenes.iter().any(|(event, ..)| *event == kind), "who hears of {kind}?");
    }
    let mut table = Table::default();
    for (kind, words, mutation, arguments) in scenes {
        let document = schema.call("Mutation", mutation, &arguments, str::to_owned);
        cast.owner.data(&document, arguments).await;
        if kind == "PresenceChanged" {
            // Told a little later, and at once to all who hear of it: a friend does.
            let friend = &mut listeners[3];
            while !hides(&friend.early, &cast.owner) {
                friend.early = friend.feed.presence().await;
            }
        }
        let mut heard = Vec::new();
        for listener in &mut listeners {
            heard.push(listener.heard(kind, &cast.owner).await);
        }
        for field in schema.fields(kind) {
            let name = text(&field["name"]);
            let mut first = None;
            let told = heard.iter().map(|event| match event {
                Value::Null => "nothing".to_owned(),
                event => shown(&event[name], &mut first),
            });
            let told = told.chain([signed_out.clone()]).collect();
            table.set(&format!("{kind}: {words}"), name, told);
        }
    }
    table
}
