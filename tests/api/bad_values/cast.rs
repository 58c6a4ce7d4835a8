//! Those who take part, and what the tables call them.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox::{ambient::Ambient, ids};
use chatterbox_graph::{DirectConversation, GroupMark, User};
use serde_json::{Value, json};

use crate::{
    introspection::text,
    support::{Client, TestApp, accounts::PASSWORD},
};

pub(super) struct Cast {
    clients: BTreeMap<&'static str, Client>,
    names: BTreeMap<String, String>,
}

impl Cast {
    pub(super) async fn new(app: &TestApp) -> Self {
        let (ada, grace) = app.friends("ada", "grace").await;
        let (hermit, asker) = tokio::join!(app.person("hermit"), app.person("asker"));
        let (leaver, closer) = tokio::join!(app.person("leaver"), app.person("closer"));
        let mover = app.person("mover").await;
        let mut cast = Self { clients: BTreeMap::new(), names: BTreeMap::new() };
        for (name, client) in [
            ("ada", &ada),
            ("grace", &grace),
            ("hermit", &hermit),
            ("asker", &asker),
            ("leaver", &leaver),
            ("closer", &closer),
            ("mover", &mover),
        ] {
            cast.call(name, &client.id);
            cast.call(&format!("{name}-name"), &client.username);
            cast.call(&format!("{name}-email"), &app.email(name));
        }
        let (phone, tablet) =
            tokio::join!(app.device("leaver", "phone"), app.device("leaver", "tablet"));
        cast.call("phone-refresh-token", &phone.refresh_token);
        cast.call("tablet-session", &tablet.session().await);
        mover.change_email(&app.email("moved"), PASSWORD).await.unwrap();
        cast.call("mover-code", &app.code_of_mail(1, "moved").await);
        cast.call("session", &ada.session().await);
        cast.call("session-of-others", &grace.session().await);
        cast.people(app, [&ada, &grace, &hermit, &asker, &leaver]).await;
        cast.groups([&ada, &grace, &asker]).await;
        cast.messages([&ada, &grace, &hermit]).await;
        cast.open(&ada).await;
        cast.cursors(&ada).await;
        cast.odd_ids();
        cast.clients = BTreeMap::from([
            ("nobody", app.stranger()),
            ("ada", ada),
            ("leaver", leaver),
            ("phone", phone),
            ("closer", closer),
            ("mover", mover),
        ]);
        cast
    }

    async fn people(&mut self, app: &TestApp, [ada, grace, hermit, asker, leaver]: [&Client; 5]) {
        let blocker = app.crowd("blocker", 1).await.pop().unwrap();
        let blocker = app.let_in(vec![blocker]).pop().unwrap();
        blocker.act("blockUser", ada).await.unwrap();
        self.call("blocker", &blocker.id);
        for other in [asker, leaver] {
            other.act("sendFriendRequest", ada).await.unwrap();
        }
        // He is suggested to Ada, and wants to be left alone.
        grace.befriend(hermit).await;
        hermit.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
        app.ask_for_code("requestPasswordReset", &app.email("hermit")).await;
        self.call("hermit-code", &app.code_of_mail(2, "hermit").await);
        app.register("newcomer", "Newcomer").await;
        self.call("newcomer-email", &app.email("newcomer"));
        self.call("newcomer-code", &app.code_of_mail(1, "newcomer").await);
        self.call("new-name", &app.username("new"));
        self.call("new-email", &app.email("new"));
        self.call("grace-name-upper", &grace.username.to_uppercase());
        self.call("grace-padded-name", &format!(" {}", grace.username));
    }

    async fn groups(&mut self, [ada, grace, asker]: [&Client; 3]) {
        let deleted = ada.found("Gone", "PUBLIC", &[]).await;
        ada.delete_group(&deleted).await.unwrap();
        let own = ada.found("Mine", "PUBLIC", &[]).await;
        ada.add_members(&own, &[asker]).await.unwrap();
        self.call("deleted-group", &deleted);
        self.call("own-group", &own);
        self.call("group-message", text(&ada.tell(&own, "Hello, all").await["id"]));
        self.call("joined-group", &grace.found("Ours", "PRIVATE", &[ada]).await);
        self.call("public-group", &grace.found("Everybody's", "PUBLIC", &[]).await);
        self.call("private-group", &grace.found("Theirs", "PRIVATE", &[]).await);
    }

    async fn messages(&mut self, [ada, grace, hermit]: [&Client; 3]) {
        let to_grace = json!({ "userId": grace.id });
        let sent = ada.send_to(to_grace, "Hello", Some("used")).await.unwrap();
        let deleted = ada.send(grace, "Oh").await;
        ada.delete_message(&deleted["id"]).await.unwrap();
        grace.react(&sent["id"], "👍").await.unwrap();
        let answer = grace.send(ada, "Hi").await;
        let other = hermit.send(grace, "Not for Ada").await;
        self.call("used-key", "used");
        self.call("message", text(&sent["id"]));
        self.call("dm", text(&sent["conversation"]["id"]));
        self.call("answer", text(&answer["id"]));
        self.call("deleted-message", text(&deleted["id"]));
        self.call("message-of-others", text(&other["id"]));
        self.call("dm-of-others", text(&other["conversation"]["id"]));
    }

    /// Opens the conversations with those who take no messages: to try to write is enough for that, and shows nowhere.
    async fn open(&self, ada: &Client) {
        let query =
            "query ($id: ID!) { node(id: $id) { ... on User { directConversation { id } } } }";
        for name in ["hermit", "blocker"] {
            ada.data(query, json!({ "id": self.names[name] })).await;
        }
    }

    /// One of each kind, as its list gives it.
    async fn cursors(&mut self, ada: &Client) {
        let query = "{ viewer { friends { edges { cursor } } friendRequests { edges { cursor } }
            conversations { edges { cursor } } } users { edges { cursor } } groups { edges { cursor } } }";
        let data = ada.data(query, Value::Null).await;
        for (name, list) in [
            ("name-cursor", &data["viewer"]["friends"]),
            ("time-cursor", &data["viewer"]["friendRequests"]),
            ("number-cursor", &data["viewer"]["conversations"]),
            ("directory-cursor", &data["users"]),
            ("group-cursor", &data["groups"]),
        ] {
            self.call(name, text(&list["edges"][0]["cursor"]));
        }
        let mut feed = ada.feed().await;
        let mute =
            "mutation ($id: ID!) { muteConversation(conversationId: $id, muted: true) { id } }";
        ada.data(mute, json!({ "id": self.names["joined-group"] })).await;
        self.call("event-cursor", text(&feed.next().await["cursor"]));
    }

    fn odd_ids(&mut self) {
        let ambient = Ambient::system();
        self.call("unknown-user", &ambient.id::<User>().to_string());
        self.call("unknown-group", &ambient.id::<GroupMark>().to_string());
        self.call("unknown-dm", &ambient.id::<DirectConversation>().to_string());
        self.call("unknown-message", &ambient.id::<ids::Message>().to_string());
        self.call("unknown-session", &ambient.id::<ids::Session>().to_string());
        let names = self.names.clone();
        let (grace, group) = (&names["grace"], &names["own-group"]);
        let (_, bare) = grace.split_once('_').unwrap();
        self.call("grace-bare", bare);
        self.call("grace-cut", &format!("user_{}", &bare[1..]));
        self.call("grace-longer", &format!("{grace}0"));
        self.call("grace-padded", &format!(" {grace}"));
        self.call("grace-ended", &format!("{grace}\u{0}"));
        self.call("grace-upper", &grace.to_uppercase());
        self.call("own-group-upper", &group.to_uppercase());
        self.call("own-group-longer", &format!("{group}0"));
        self.call("dm-as-group", &names["dm"].replace("dm_", "grp_"));
        self.call("group-as-dm", &group.replace("grp_", "dm_"));
    }

    fn call(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn client(&self, name: &str) -> &Client {
        self.clients.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// The value with what is meant in place of each `<name>`.
    pub(super) fn resolve(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.meant(&text).unwrap_or(text)),
            Value::Array(items) => items.into_iter().map(|item| self.resolve(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, self.resolve(value))).collect()
            }
            other => other,
        }
    }

    /// What `<name>` stands for; `<sealed x>` for a cursor with this text.
    fn meant(&self, text: &str) -> Option<String> {
        let name = text.strip_prefix('<')?.strip_suffix('>')?;
        if name.contains(['<', '>']) {
            return None;
        }
        if let Some(text) = name.strip_prefix("sealed ") {
            return Some(URL_SAFE_NO_PAD.encode(text));
        }
        Some(self.names.get(name).unwrap_or_else(|| panic!("nothing is called {name}")).clone())
    }

    /// A selection of a field of this type, from the top.
    pub(super) fn reach(&self, of: &str, field: &str) -> String {
        let Self { names, .. } = self;
        match of {
            "Query" | "Mutation" => field.to_owned(),
            "Viewer" => format!("viewer {{ {field} }}"),
            "User" => format!("user(username: \"{}\") {{ {field} }}", names["grace-name"]),
            "FriendSuggestion" => format!("viewer {{ suggestions {{ {field} }} }}"),
            "Conversation" => format!("conversation(id: \"{}\") {{ {field} }}", names["dm"]),
            "Group" => node(&names["own-group"], of, field),
            "DirectConversation" => node(&names["dm"], of, field),
            "Reaction" => node(&names["message"], "Message", &format!("reactions {{ {field} }}")),
            _ => panic!("how does one get to a {of}?"),
        }
    }
}

fn node(id: &str, of: &str, field: &str) -> String {
    format!("node(id: \"{id}\") {{ ... on {of} {{ {field} }} }}")
}
