//! What a client holds: everything by its id, and lists of ids, brought up to
//! date by events alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::support::Client;

pub const PERSON: &str = "id username displayName bio avatarUrl friendship";
const MESSAGE: &str = "id seq body sentAt editedAt deletedAt sender { id } replyTo { id }
    mentions { id } reactions { emoji count viewerReacted users(first: 3) { id } }";
const TALK: &str = "__typename id unreadCount muted lastActivityAt lastMessage { id }
    readMarkers { user { id } seq at }";
const GROUP: &str = "name description visibility viewerRole memberCount";
const ALL_OF_IT: &str = "messages(last: 20) { nodes { MESSAGE } }";
const MEMBERS: &str = "members { edges { role node { id username } } }";

const STATE: &str = "{ viewer { unreadCount
    friends { nodes { PERSON } }
    incoming: friendRequests(direction: INCOMING) { nodes { PERSON } }
    outgoing: friendRequests(direction: OUTGOING) { nodes { PERSON } }
    blocked { nodes { PERSON } }
    conversations(first: 5) { nodes { TALK ALL_OF_IT
        ... on DirectConversation { peer { PERSON } } ... on Group { GROUP MEMBERS } } } } }";

const EVENTS: &str = "subscription { events { __typename
    ... on MessageSent { message { MESSAGE conversation { TALK ... on DirectConversation { peer { PERSON } } } } }
    ... on MessageEdited { message { MESSAGE conversation { TALK } } }
    ... on MessageDeleted { message { MESSAGE conversation { TALK } } }
    ... on ReactionsChanged { message { MESSAGE conversation { TALK } } }
    ... on ReadMarkerMoved { conversation { TALK } marker { user { id } seq at } }
    ... on MuteChanged { conversation { TALK } }
    ... on GroupChanged { group { TALK GROUP } }
    ... on MembershipChanged { group { TALK GROUP ALL_OF_IT MEMBERS } user { id username } role }
    ... on FriendshipChanged { user { PERSON } } } }";

fn written_out(query: &str) -> String {
    let query = query.replace("ALL_OF_IT", ALL_OF_IT).replace("MEMBERS", MEMBERS);
    let query = query.replace("TALK", TALK).replace("MESSAGE", MESSAGE);
    query.replace("GROUP", GROUP).replace("PERSON", PERSON)
}

/// The subscription that keeps a replica up to date.
pub fn subscription() -> String {
    written_out(EVENTS)
}

/// What one client holds.
pub struct Replica {
    viewer: String,
    by_id: BTreeMap<String, Map<String, Value>>,
    /// The most recently active first.
    conversations: Vec<String>,
    unread: Value,
}

const RELATIONS: [(&str, &str); 4] = [
    ("friends", "FRIENDS"),
    ("incoming", "REQUEST_RECEIVED"),
    ("outgoing", "REQUEST_SENT"),
    ("blocked", "BLOCKED"),
];

impl Replica {
    /// All of it, fetched anew.
    pub async fn fetch(client: &Client) -> Self {
        let mut viewer = client.data(&written_out(STATE), Value::Null).await["viewer"].take();
        let mut replica = Self {
            viewer: client.id.clone(),
            by_id: BTreeMap::new(),
            conversations: Vec::new(),
            unread: viewer["unreadCount"].take(),
        };
        for (list, friendship) in RELATIONS {
            for person in viewer[list]["nodes"].as_array_mut().unwrap() {
                assert_eq!(person["friendship"], friendship, "in the list {list}");
                replica.absorb(person.take());
            }
        }
        for talk in viewer["conversations"]["nodes"].as_array_mut().unwrap() {
            let id = replica.absorb(talk.take());
            replica.conversations.push(text(&id["id"]));
        }
        replica
    }

    /// Everything that a screen could show, to be compared.
    pub fn shown(&self) -> Value {
        let related = RELATIONS.map(|(list, friendship)| {
            let people =
                self.by_id.values().filter(|it| it.get("friendship") == Some(&json!(friendship)));
            (list, Value::from(people.cloned().map(Value::from).collect::<Vec<_>>()))
        });
        let mut shown = json!({
            "conversations":
                self.conversations.iter().map(|id| self.talk(id)).collect::<Vec<_>>(),
            "unread": self.unread,
        });
        for (list, people) in related {
            shown[list] = people;
        }
        shown
    }

    fn talk(&self, id: &str) -> Value {
        let mut talk = Value::from(self.by_id[id].clone());
        for message in talk["messages"]["nodes"].as_array_mut().unwrap() {
            *message = Value::from(self.by_id[message["id"].as_str().unwrap()].clone());
            // Known from events, not part of a list.
            message.as_object_mut().unwrap().remove("conversation");
        }
        if let Some(members) = talk["members"]["edges"].as_array_mut() {
            members.sort_by_key(|edge| text(&edge["node"]["id"]));
        }
        talk["readMarkers"].as_array_mut().unwrap().sort_by_key(|one| text(&one["user"]["id"]));
        talk
    }

    /// Takes an event in, as a client with a normalised cache does.
    pub fn hear(&mut self, mut event: Value) {
        match event["__typename"].take().as_str().unwrap() {
            "MessageSent" => {
                let talk = text(&event["message"]["conversation"]["id"]);
                let message = self.absorb(event["message"].take());
                let list = self.list(&talk, "messages", "nodes");
                if !list.contains(&message) {
                    list.push(message);
                }
                self.put_first(&talk);
            }
            "MessageEdited" | "MessageDeleted" | "ReactionsChanged" => {
                self.absorb(event["message"].take());
            }
            "ReadMarkerMoved" | "MuteChanged" => {
                self.absorb(event["conversation"].take());
            }
            "GroupChanged" => {
                let group = self.absorb(event["group"].take());
                self.put_first(group["id"].as_str().unwrap());
            }
            "MembershipChanged" => self.membership(event),
            "FriendshipChanged" => {
                self.absorb(event["user"].take());
            }
            _ => {}
        }
        self.unread = self.counted();
    }

    fn membership(&mut self, mut event: Value) {
        let group = text(&self.absorb(event["group"].take())["id"]);
        let user = self.absorb(event["user"].take());
        if user["id"] == self.viewer.as_str() && event["role"].is_null() {
            self.conversations.retain(|id| *id != group);
            return;
        }
        let members = self.list(&group, "members", "edges");
        members.retain(|edge| edge["node"] != user);
        if !event["role"].is_null() {
            members.push(json!({ "role": event["role"], "node": user }));
        }
        self.put_first(&group);
    }

    /// What counts are there, without asking.
    fn counted(&self) -> Value {
        let talks = self.conversations.iter().map(|id| &self.by_id[id]);
        let heard = talks.filter(|talk| talk["muted"] == false);
        heard.map(|talk| talk["unreadCount"].as_i64().unwrap()).sum::<i64>().into()
    }

    fn put_first(&mut self, talk: &str) {
        self.conversations.retain(|id| id != talk);
        self.conversations.insert(0, talk.to_owned());
    }

    fn list(&mut self, id: &str, list: &str, items: &str) -> &mut Vec<Value> {
        let empty = json!({ items: [] });
        let list = self.by_id.get_mut(id).unwrap().entry(list).or_insert(empty);
        list[items].as_array_mut().unwrap()
    }

    /// Keeps everything that has an id by that, and returns what refers to it.
    fn absorb(&mut self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.absorb(item)).collect(),
            Value::Object(fields) => {
                let fields: Map<_, _> =
                    fields.into_iter().map(|(name, field)| (name, self.absorb(field))).collect();
                let Some(id) = fields.get("id").map(text) else { return fields.into() };
                self.by_id.entry(id.clone()).or_default().extend(fields);
                json!({ "id": id })
            }
            scalar => scalar,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
