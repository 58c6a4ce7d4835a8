//! Every field of every type, on what is the owner's or concerns them.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{cast::Cast, table::Table};
use crate::{
    introspection::{Schema, text},
    support::{Client, TestApp, accounts::PASSWORD, eventually},
};

/// The way from the top to something, as a document has it and as an answer has it.
#[derive(Clone, Default)]
struct Way {
    open: String,
    close: String,
    keys: Vec<String>,
}

impl Way {
    fn to(mut self, field: &str) -> Self {
        let name = field.split(['(', ' ']).next().unwrap();
        self.open += &format!("{field} {{ ");
        self.close += " }";
        self.keys.push(name.to_owned());
        self
    }

    fn node(id: &str, kind: &str) -> Self {
        let mut way = Self::default().to(&format!("node(id: \"{id}\")"));
        way.open += &format!("... on {kind} {{ ");
        way.close += " }";
        way
    }

    fn document(&self, keyword: &str, field: &str) -> String {
        format!("{keyword} {{ {}{field}{} }}", self.open, self.close)
    }

    /// What is there, or what there is on the way, and is nothing.
    fn follow<'a>(&self, data: &'a Value, field: &str) -> &'a Value {
        let mut found = data;
        for key in self.keys.iter().map(String::as_str).chain([field]) {
            found = &found[key];
            match found.as_array() {
                Some(items) if key != field => match items.first() {
                    Some(first) => found = first,
                    None => return found,
                },
                _ if found.is_null() => return found,
                _ => {}
            }
        }
        found
    }
}

/// Something that one can ask about: its type, in which words the table has it, and how one gets there.
type Thing = (&'static str, &'static str, Way);

/// All of it, but for what only live events carry.
async fn things(cast: &Cast) -> Vec<Thing> {
    let Cast { owner, private, public, with_friend, with_blocked, .. } = cast;
    let (top, viewer) = (Way::default, || Way::default().to("viewer"));
    let user = || Way::node(&owner.id, "User");
    let group = |group: &super::cast::Group| Way::node(&group.id, "Group");
    let direct = |id: &str| Way::node(id, "DirectConversation");
    let message = |id: &str| Way::node(id, "Message");
    let groups = format!("groups(query: \"The {}\")", owner.username);
    vec![
        ("Query", "", top()),
        ("Viewer", "", viewer()),
        ("Settings", "", viewer().to("settings")),
        ("Session", "the owner's", Way::node(&owner.session().await, "Session")),
        ("User", "the owner", user()),
        ("Presence", "the owner's", user().to("presence")),
        ("UserConnection", "mutual friends of the owner", user().to("mutualFriends")),
        ("UserEdge", "mutual friends of the owner", user().to("mutualFriends").to("edges")),
        ("FriendConnection", "", viewer().to("friends")),
        ("FriendEdge", "", viewer().to("friends").to("edges")),
        ("PageInfo", "friends", viewer().to("friends").to("pageInfo")),
        ("FriendRequestConnection", "", viewer().to("friendRequests")),
        ("FriendRequestEdge", "", viewer().to("friendRequests").to("edges")),
        ("FriendSuggestion", "", viewer().to("suggestions")),
        ("LastChatted", "", viewer().to("lastChatted")),
        ("ConversationConnection", "", viewer().to("conversations")),
        ("ConversationEdge", "", viewer().to("conversations").to("edges")),
        ("GroupConnection", "groups named after the owner", top().to(&groups)),
        ("GroupEdge", "groups named after the owner", top().to(&groups).to("edges")),
        ("Group", "private", group(private)),
        ("Group", "public", group(public)),
        ("GroupMemberConnection", "private", group(private).to("members")),
        ("GroupMemberConnection", "public", group(public).to("members")),
        ("GroupMemberEdge", "public", group(public).to("members").to("edges")),
        ("DirectConversation", "with the friend", direct(&with_friend.conversation)),
        ("DirectConversation", "with the blocked", direct(&with_blocked.conversation)),
        ("MessageConnection", "private group", group(private).to("messages")),
        ("MessageConnection", "public group", group(public).to("messages")),
        ("MessageEdge", "public group", group(public).to("messages").to("edges")),
        ("Message", "private group", message(&private.message)),
        ("Message", "public group", message(&public.message)),
        ("Message", "to the friend", message(&with_friend.message)),
        ("Message", "of the blocked", message(&with_blocked.message)),
        ("Reaction", "private group", message(&private.message).to("reactions")),
        ("Reaction", "to the friend", message(&with_friend.message).to("reactions")),
        ("ReadMarker", "private group", group(private).to("readMarkers")),
        ("ReadMarker", "with the friend", direct(&with_friend.conversation).to("readMarkers")),
        ("Authentication", "", top()),
    ]
}

/// The arguments of fields that need some.
fn arguments(cast: &Cast, of: &str, field: &str) -> String {
    let Cast { owner, private, with_friend, .. } = cast;
    match (of, field) {
        ("Query", "node") => format!("(id: {:?})", owner.id),
        ("Query", "nodes") => format!("(ids: [{:?}, {:?}])", owner.id, private.id),
        ("Query", "user") => format!("(username: {:?})", owner.username),
        ("Query", "users") => format!("(query: {:?})", owner.username),
        ("Query", "conversation") => format!("(id: {:?})", with_friend.conversation),
        ("Query", "groups") => format!("(query: \"The {}\")", owner.username),
        ("Viewer", "searchMessages") => "(query: \"hello\")".to_owned(),
        _ => String::new(),
    }
}

/// A few more things to see, and what follows by itself has followed.
async fn prepare(cast: &Cast) {
    let Cast { owner, member, friend, private, public, with_friend, with_blocked, .. } = cast;
    let face = json!({ "bio": "Hello.", "avatarUrl": "https://example.org/a.png" });
    owner.change_profile(face).await;
    let ask = "mutation ($id: ID!) { sendFriendRequest(userId: $id, note: \"Please\") { id } }";
    cast.others[1].data(ask, json!({ "id": owner.id })).await;
    member.react(&json!(private.message), "👍").await.unwrap();
    friend.react(&json!(with_friend.message), "👍").await.unwrap();
    owner.edit(&json!(with_friend.message), "Just between us").await.unwrap();
    for (reader, conversation) in [
        (owner, &with_blocked.conversation),
        (friend, &with_friend.conversation),
        (member, &private.id),
        (member, &public.id),
    ] {
        let read = "mutation ($id: ID!) { markRead(conversationId: $id, seq: 1) { id } }";
        reader.data(read, json!({ "id": conversation })).await;
    }
    for group in [private, public] {
        owner.update_group(&group.id, json!({ "description": "Sundays." })).await.unwrap();
    }
    let chatted =
        "{ viewer { lastChatted { at } searchMessages(query: \"hello\") { nodes { id } } } }";
    eventually("what is derived from messages", || async {
        let data = owner.data(chatted, Value::Null).await;
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        let found = &data["viewer"]["searchMessages"]["nodes"];
        (count(&data["viewer"]["lastChatted"]) == 4 && count(found) == 4).then_some(())
    })
    .await;
}

/// An answer as tables have it: text only as whether it is what the first one saw.
pub(super) fn shown(answer: &Value, first: &mut Option<String>) -> String {
    match answer {
        Value::Null => "null".to_owned(),
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        Value::Array(_) => "list".to_owned(),
        Value::Object(fields) => match fields.get("nodes").and_then(Value::as_array) {
            Some(nodes) if nodes.is_empty() => "empty".to_owned(),
            Some(_) => "list".to_owned(),
            None => "value".to_owned(),
        },
        Value::String(text) if is_word(text) => text.clone(),
        Value::String(text) if first.get_or_insert_with(|| text.clone()) == text => {
            "seen".to_owned()
        }
        Value::String(_) => "own".to_owned(),
        other => other.to_string(),
    }
}

/// Whether it is the name of an enum's value.
fn is_word(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')
}

/// The code of the first error, or what is answered.
async fn ask(client: &Client, document: &str, way: &Way, field: &str) -> Result<Value, String> {
    let response = client.response(document, json!({})).await;
    match response["errors"].get(0) {
        Some(error) => Err(text(&error["extensions"]["code"]).to_owned()),
        None => Ok(way.follow(&response["data"], field).clone()),
    }
}

pub(super) async fn everything(app: &TestApp) -> Table {
    let cast = Cast::with_accounts(app).await;
    prepare(&cast).await;
    let schema = Schema::of(&cast.owner).await;
    let mut questions = Vec::new();
    let mut known = BTreeSet::new();
    for (of, words, way) in things(&cast).await {
        known.insert(of);
        let section = if words.is_empty() { of.to_owned() } else { format!("{of}: {words}") };
        for field in schema.fields(of) {
            questions.push((section.clone(), of, way.clone(), field));
        }
    }
    let elsewhere: BTreeSet<&str> =
        schema.implementers("Event").chain(["Mutation", "Subscription"]).collect();
    for (of, _) in schema.with_fields().filter(|(of, _)| schema.kind(of) == "OBJECT") {
        assert!(known.contains(of) || elsewhere.contains(of), "who may see what of a {of}?");
    }
    let asked = stream::iter(questions).map(async |(section, of, way, field)| {
        let name = text(&field["name"]);
        let selection = schema.selection(&field["type"]);
        let asked = format!("{name}{} {selection}", arguments(&cast, of, name));
        let mut answers = Vec::new();
        for client in cast.all() {
            let (keyword, way) = if of == "Authentication" {
                let login = if client.token.is_some() { client } else { &cast.stranger };
                let input = format!("{{ login: {:?}, password: {PASSWORD:?} }}", login.username);
                ("mutation", way.clone().to(&format!("signIn(input: {input})")))
            } else {
                ("query", way.clone())
            };
            answers.push(ask(client, &way.document(keyword, &asked), &way, name).await);
        }
        // Each signs in anew.
        let mut first = (of == "Authentication").then(String::new);
        let shown = answers.iter().map(|answer| match answer {
            Ok(answer) => shown(answer, &mut first),
            Err(code) => code.clone(),
        });
        (section, name.to_owned(), shown.collect::<Vec<_>>())
    });
    let mut table = Table::default();
    for (section, name, answers) in asked.buffer_unordered(6).collect::<Vec<_>>().await {
        table.set(&section, &name, answers);
    }
    table
}
