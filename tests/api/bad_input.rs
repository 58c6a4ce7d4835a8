//! Whatever is malformed or outside the limits is refused by its code and
//! field, and changes nothing.

mod accounts;
mod groups;
mod people;
mod reading;
mod settings;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox::ambient::Ambient;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp},
};

stories! {
    what_is_outside_the_limits_is_refused_and_changes_nothing,
    what_is_odd_but_allowed_is_answered,
}

/// What is sent, and how it has to be refused.
struct Case {
    operation: String,
    variables: Value,
    code: &'static str,
    field: Option<&'static str>,
}

fn case(
    operation: impl Into<String>,
    variables: Value,
    code: &'static str,
    field: Option<&'static str>,
) -> Case {
    Case { operation: operation.into(), variables, code, field }
}

/// A value that the API itself finds wrong: it names the argument.
fn wrong(operation: impl Into<String>, variables: Value, field: &'static str) -> Case {
    case(operation, variables, "BAD_USER_INPUT", Some(field))
}

/// What the schema does not allow.
fn unfit(operation: impl Into<String>, variables: Value) -> Case {
    case(operation, variables, "BAD_USER_INPUT", None)
}

/// The people of this test, and ids of each kind.
struct Cast {
    ada: Client,
    grace: Client,
    /// Somebody who takes no messages.
    hermit: String,
    conversation: String,
    message: String,
    session: String,
    of_others: String,
    names_cursor: String,
    times_cursor: String,
    numbers_cursor: String,
    own_group: String,
    /// One of others, in which she is a member.
    joined_group: String,
    /// One of others that everyone may join.
    public_group: String,
    /// One of others that she does not know of.
    private_group: String,
    deleted_group: String,
}

impl Cast {
    async fn new(app: &TestApp) -> Self {
        let (ada, grace) = app.friends("ada", "grace").await;
        let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
        let sent = ada.send(&grace, "Hello").await;
        let other = grace.send(&alan, "Not for Ada").await;
        emmy.act("sendFriendRequest", &ada).await.unwrap();
        // Alan is suggested to her, and wants to be left alone.
        grace.befriend(&alan).await;
        alan.change_settings(json!({ "messagesFrom": "NOBODY" })).await;
        let deleted_group = ada.found("Gone", "PUBLIC", &[]).await;
        ada.delete_group(&deleted_group).await.unwrap();
        let query = "{ viewer { friends { edges { cursor } } friendRequests { edges { cursor } }
            conversations { edges { cursor } } } }";
        let data = ada.data(query, Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let cursor = |list: &str| text(&data["viewer"][list]["edges"][0]["cursor"]);
        Self {
            session: ada.session().await,
            conversation: text(&sent["conversation"]["id"]),
            message: text(&sent["id"]),
            of_others: text(&other["conversation"]["id"]),
            names_cursor: cursor("friends"),
            times_cursor: cursor("friendRequests"),
            numbers_cursor: cursor("conversations"),
            own_group: ada.found("Mine", "PUBLIC", &[]).await,
            joined_group: grace.found("Ours", "PRIVATE", &[&ada]).await,
            public_group: grace.found("Everybody's", "PUBLIC", &[]).await,
            private_group: grace.found("Theirs", "PRIVATE", &[]).await,
            deleted_group,
            hermit: alan.id,
            ada,
            grace,
        }
    }
}

/// Ids that are none of a user.
fn no_user_ids(cast: &Cast) -> Vec<Value> {
    let id = &cast.grace.id;
    let (_, uuid) = id.rsplit_once('_').unwrap();
    vec![
        json!(""),
        json!(" "),
        json!("nonsense"),
        json!(7),
        json!(cast.grace.username),
        json!(uuid),
        json!(format!("user{uuid}")),
        json!(format!("user_{}", &uuid[1..])),
        json!(format!("{id}0")),
        json!(format!(" {id}")),
        json!(format!("{id}\u{0}")),
        json!(id.to_uppercase()),
        json!("user_8zzzzzzzzzzzzzzzzzzzzzzzzz"),
        json!("user_0000000000000000000000000u"),
        json!(cast.conversation),
        json!(cast.message),
        json!(cast.session),
        json!(cast.own_group),
        json!("x".repeat(10_000)),
    ]
}

fn unknown<T: type_safe_id::StaticType>() -> String {
    Ambient::system().id::<T>().to_string()
}

fn unknown_group() -> String {
    Ambient::system().id::<chatterbox_graph::GroupMark>().to_string()
}

/// A cursor of this text, as lists make them.
fn sealed(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

async fn what_is_outside_the_limits_is_refused_and_changes_nothing(app: &TestApp) {
    let cast = Cast::new(app).await;
    let mut feed = cast.ada.feed().await;
    let before = written(app).await;
    let mails = app.mails(&app.email("ada"));
    let cases = [
        accounts::registrations(),
        accounts::codes_and_sessions(app, &cast),
        people::friendships(&cast),
        people::messages(&cast),
        groups::texts(&cast),
        groups::members(&cast),
        groups::others(&cast),
        settings::profiles(),
        settings::settings(),
        settings::closing(),
        reading::pages(&cast),
        reading::by_id(&cast),
        reading::documents(),
    ];
    let mut failures = Vec::new();
    for Case { operation, variables, code, field } in cases.iter().flatten() {
        let response = cast.ada.response(operation, variables.clone()).await;
        let errors = response["errors"].as_array().map_or(&[][..], Vec::as_slice);
        let extensions = errors.first().map_or(&Value::Null, |error| &error["extensions"]);
        let told = extensions["field"].as_str();
        // What the schema does not allow may be wrong in several places.
        let once = errors.len() == 1 || (field.is_none() && !errors.is_empty());
        if !once || extensions["code"] != *code || told != *field {
            let clip = |text: String| text.chars().take(300).collect::<String>();
            failures.push(format!(
                "{} with {}: {code} of {field:?} was expected, not {}",
                clip(operation.clone()),
                clip(variables.to_string()),
                clip(response.to_string()),
            ));
        }
    }
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));

    assert_eq!(written(app).await, before, "nothing was written");
    assert_eq!(app.mails(&app.email("ada")), mails);
    assert_eq!(app.mails("somebody.new@example.org"), 0);
    assert!(cast.ada.is_signed_in().await);
    assert_eq!(cast.ada.friendship(&cast.grace).await, "FRIENDS");
    assert_eq!(cast.ada.send(&cast.grace, "after all").await["seq"], 2);
    assert_eq!(feed.message().await, "after all", "nobody heard of anything");
}

/// How much is written, without what is derived from messages later.
async fn written(app: &TestApp) -> BTreeMap<String, i64> {
    let mut rows = app.rows().await;
    rows.retain(|table, _| !["projections", "graph_last_chatted"].contains(&table.as_str()));
    assert_eq!(rows["jobs"], 0, "nothing is left to do");
    rows
}

async fn what_is_odd_but_allowed_is_answered(app: &TestApp) {
    let cast = Cast::new(app).await;
    for end in ["n-9223372036854775808", "n9223372036854775807", "n0"].map(sealed) {
        for arguments in [
            format!("first: 100, after: \"{end}\""),
            format!("last: 100, before: \"{end}\""),
            format!("last: 100, after: \"{end}\", before: \"{end}\""),
            format!("first: null, last: null, after: \"{end}\", before: null"),
        ] {
            let history = reading::history(&cast, &arguments);
            cast.ada.data(&history, Value::Null).await;
        }
        let list = format!("conversations(after: \"{end}\")");
        let query = format!("{{ viewer {{ {list} {{ nodes {{ id }} }} }} }}");
        cast.ada.data(&query, Value::Null).await;
    }
    for (list, cursors) in [
        (
            "friends",
            vec![
                sealed("u"),
                sealed("u\u{0}"),
                sealed("u🦀"),
                sealed(format!("u{}", "x".repeat(5_000))),
            ],
        ),
        (
            "friendRequests",
            vec![
                sealed(format!("t-9223372036854775808 {}", cast.grace.id)),
                sealed(format!("t9223372036854775807 {}", cast.grace.id)),
            ],
        ),
    ] {
        for cursor in cursors {
            let list = format!("{list}(first: null, after: \"{cursor}\")");
            let query = format!("{{ viewer {{ {list} {{ totalCount }} }} }}");
            cast.ada.data(&query, Value::Null).await;
        }
    }
    let (user, group) = (&cast.grace.id, &cast.own_group);
    for name in ["", " ", "\u{0}", "🦀", "' OR 1=1 --", &"x".repeat(5_000)] {
        for tier in 0..4 {
            let after = sealed(format!("d{tier} {user} {name}"));
            let query =
                "query ($after: String) { users(first: 3, after: $after) { nodes { id } } }";
            cast.ada.data(query, json!({ "after": after })).await;
        }
        for friends in [0, 1, u64::MAX] {
            let after = sealed(format!("g{friends} {group} {name}"));
            let query =
                "query ($after: String) { groups(first: 3, after: $after) { nodes { id } } }";
            cast.ada.data(query, json!({ "after": after })).await;
        }
    }
    for name in ["", " ", "\u{0}", "no name", "ünal", &"x".repeat(50_000), "'; --"] {
        let query = "query ($name: String!) { user(username: $name) { id } }";
        let data = cast.ada.data(query, json!({ "name": name })).await;
        assert_eq!(data["user"], Value::Null, "{name:?}");
    }
    let query = "query ($query: String, $group: ID!) { users(query: $query) { totalCount }
        viewer { friends(query: $query) { totalCount } } groups(query: $query) { nodes { id } }
        node(id: $group) { ... on Group { members(query: $query) { totalCount } } } }";
    for text in ["\u{0}", "🦀🦀", &"x".repeat(50_000), &"%".repeat(10_000), "\u{fffe}\u{10ffff}"]
    {
        let data = cast.ada.data(query, json!({ "query": text, "group": cast.own_group })).await;
        let none = json!({ "totalCount": 0 });
        let expected = json!({
            "users": none, "viewer": { "friends": none }, "groups": { "nodes": [] },
            "node": { "members": none },
        });
        assert_eq!(data, expected, "{:?}", text.chars().next());
    }
    // As deep as it may be.
    let open = "mutualFriends(first: 1) { nodes { ".repeat(5);
    let close = "} } ".repeat(5);
    let deep = format!("{{ user(username: \"{}\") {{ {open} id {close} }} }}", cast.grace.username);
    cast.ada.data(&deep, Value::Null).await;
}
