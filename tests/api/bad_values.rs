//! Every argument of every field and mutation, with values that it can't take: each is refused by its code and field, in our own words, and
//! changes nothing. The same calls with good values are answered.

mod cast;
mod documents;
mod table;
mod types;

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use self::{
    cast::Cast,
    table::{Answer, Call, Line},
};
use crate::{
    introspection::{Schema, is_needed, named, text},
    stories,
    support::{Client, Feed, TestApp},
};

stories! {
    what_can_not_be_taken_is_refused_and_changes_nothing,
    the_same_calls_with_good_values_are_answered,
}

/// What an error never tells: these are the words of drivers and stores.
const NOT_OURS: [&str; 16] = [
    "sqlx",
    "mysql",
    "mariadb",
    "sqlite",
    "neo4j",
    "bolt",
    "cypher",
    "lucene",
    "fts5",
    "panicked",
    "database",
    "constraint",
    "unwrap",
    "statement",
    "transaction",
    "io error",
];

/// Stands for a value until the whole is written as JSON.
const HERE: &str = "\u{1}here";

/// An argument, or a field of one that is an input object.
struct Place<'a> {
    call: &'a Call,
    /// From the argument on.
    path: Vec<&'a str>,
    kind: &'a Value,
    is_needed: bool,
}

impl<'a> Place<'a> {
    fn name(&self) -> String {
        format!("{}.{}", self.call.field, self.path.join("."))
    }

    /// The place itself and, of an input object, those in it.
    fn with_inner(self, schema: &'a Schema, places: &mut Vec<Self>) {
        let Self { call, ref path, kind, .. } = self;
        for field in schema.input_fields(named(kind)) {
            let path = path.iter().copied().chain([text(&field["name"])]).collect();
            let is_needed = is_needed(field);
            Place { call, path, kind: &field["type"], is_needed }.with_inner(schema, places);
        }
        places.push(self);
    }

    /// The arguments as JSON, with this value in this place, or with none.
    fn arguments(&self, cast: &Cast, value: Option<&str>) -> String {
        let mut arguments = self.call.arguments.clone();
        let (last, path) = self.path.split_last().unwrap();
        let mut inner = &mut arguments;
        for name in path {
            inner = &mut inner[*name];
        }
        // Only one of these may be given.
        if path.last() == Some(&"to") {
            *inner = json!({});
        }
        inner[*last] = json!(HERE);
        if value.is_none() {
            inner.as_object_mut().unwrap().remove(*last);
        }
        let here = json!(HERE).to_string();
        cast.resolve(arguments).to_string().replace(&here, value.unwrap_or_default())
    }
}

struct Case {
    name: String,
    who: String,
    /// The document of the call, but of a subscription.
    document: Option<String>,
    arguments: String,
    answer: Answer,
}

impl Case {
    /// A document that is none, or that goes beyond the limits.
    fn of_document(document: &str) -> Self {
        Self {
            name: document.to_owned(),
            who: "ada".to_owned(),
            document: Some(document.to_owned()),
            arguments: "{}".to_owned(),
            answer: by_schema(),
        }
    }
}

fn by_schema() -> Answer {
    Answer::Refused("BAD_USER_INPUT".to_owned(), None)
}

fn document(schema: &Schema, cast: &Cast, call: &Call, given: &Value) -> String {
    let (of, name) = call.of();
    schema.call(of, name, given, |field| cast.reach(of, field))
}

/// The calls that bad ones are made of; fails where a field with arguments, or a mutation, has none.
fn first_calls<'a>(schema: &Schema, calls: &'a [Call]) -> Vec<&'a Call> {
    let mut first = Vec::new();
    for (of, kind) in schema.with_fields() {
        for field in kind["fields"].as_array().unwrap() {
            if of != "Mutation" && field["args"].as_array().unwrap().is_empty() {
                continue;
            }
            let wanted = (of, text(&field["name"]));
            let call = calls.iter().find(|call| call.of() == wanted);
            first.push(call.unwrap_or_else(|| panic!("calls.txt has no call of {wanted:?}")));
        }
    }
    first
}

fn places<'a>(schema: &'a Schema, calls: &[&'a Call]) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for call in calls {
        let (of, field) = call.of();
        for argument in schema.field(of, field)["args"].as_array().unwrap() {
            let (path, kind) = (vec![text(&argument["name"])], &argument["type"]);
            let is_needed = is_needed(argument);
            Place { call, path, kind, is_needed }.with_inner(schema, &mut places);
        }
    }
    places
}

/// All of them; fails where a place has no line in the table, or a line no place.
fn cases(schema: &Schema, cast: &Cast, calls: &[&Call]) -> Vec<Case> {
    let lines = table::lines();
    let places = places(schema, calls);
    let mut cases = Vec::new();
    let mut add = |name: String, call: &Call, arguments: String, answer| {
        // Halves of surrogate pairs are no JSON for us either.
        let given: Value = serde_json::from_str(&arguments.replace(r"\u", "u")).unwrap();
        let is_event = call.of().0 == "Subscription";
        let document = (!is_event).then(|| document(schema, cast, call, &given));
        if !(is_event && serde_json::from_str::<Value>(&arguments).is_err()) {
            cases.push(Case { name, who: call.who.clone(), document, arguments, answer });
        }
    };
    for place in &places {
        let name = place.name();
        let listed: Vec<&Line> = lines.iter().filter(|line| line.is_about(&name)).collect();
        let by_type = ["ENUM", "INPUT_OBJECT"].contains(&schema.kind(named(place.kind)));
        let boolean = named(place.kind) == "Boolean";
        assert!(by_type || boolean || !listed.is_empty(), "table.txt says nothing of {name}");
        for value in types::unfit(schema, place.kind) {
            add(name.clone(), place.call, place.arguments(cast, Some(value)), by_schema());
        }
        if place.is_needed {
            add(name.clone(), place.call, place.arguments(cast, None), by_schema());
        }
        for Line { value, answer, .. } in listed {
            let value = cast.resolve(value.clone()).to_string();
            let arguments = place.arguments(cast, Some(&value));
            add(name.clone(), place.call, arguments, answer.clone());
        }
    }
    for line in &lines {
        if let Some(call) = calls.iter().find(|call| call.field == line.argument) {
            let arguments = cast.resolve(line.value.clone()).to_string();
            add(line.argument.clone(), call, arguments, line.answer.clone());
        } else {
            let known = places.iter().any(|place| line.is_about(&place.name()));
            assert!(known, "table.txt: there is no {}", line.argument);
        }
    }
    cases
}

async fn respond(client: &Client, document: &str, arguments: &str) -> Value {
    let body = format!(r#"{{"query": {}, "variables": {arguments}}}"#, json!(document));
    let mut request = client
        .http
        .post(format!("http://{}/graphql", client.address))
        .header("content-type", "application/json")
        .body(body);
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().json().await.unwrap()
}

/// Subscribes, and returns how that was refused.
async fn subscribe(feed: &mut Feed, id: &str, arguments: &str) -> Value {
    feed.subscribe(id, serde_json::from_str(arguments).unwrap()).await;
    loop {
        let mut frame = feed.frame().await.expect("the socket closed");
        match frame["type"].as_str() {
            Some("error") => return json!({ "errors": frame["payload"].take() }),
            Some("next") => return frame["payload"].take(),
            _ => {}
        }
    }
}

/// What a document asks for that asks for one thing.
fn innermost(mut found: &Value) -> &Value {
    while let Some(fields) = found.as_object().filter(|fields| fields.len() == 1) {
        found = fields.values().next().unwrap();
    }
    found
}

/// What is wrong with the answer.
fn judge(case: &Case, response: &Value) -> Option<String> {
    let errors = response["errors"].as_array().map_or(&[][..], Vec::as_slice);
    for error in errors {
        let message = text(&error["message"]).to_lowercase();
        if let Some(word) = NOT_OURS.iter().find(|word| message.contains(**word)) {
            return Some(format!("it says {word:?}"));
        }
    }
    match &case.answer {
        Answer::Nothing => {
            let found = innermost(&response["data"]);
            let nothing = errors.is_empty() && (found.is_null() || *found == json!([]));
            (!nothing).then(|| "there should be nothing".to_owned())
        }
        Answer::Refused(code, field) => {
            let told = |error: &Value| {
                let extensions = &error["extensions"];
                extensions["code"] == code.as_str()
                    && extensions["field"].as_str() == field.as_deref()
            };
            // What the schema does not allow may be wrong in several places.
            let told = !errors.is_empty() && errors.iter().all(told);
            (!told).then(|| format!("it should be {code}, of {field:?}"))
        }
    }
}

/// What can be seen and counted of all that the calls could change.
async fn state(app: &TestApp, ada: &Client) -> (BTreeMap<String, i64>, Value) {
    let query = "{ viewer { email unreadCount settings { messagesFrom presenceTo readReceipts discoverable }
        user { displayName bio avatarUrl } sessions { id device } friends { nodes { id } }
        friendRequests { nodes { id } } sent: friendRequests(direction: OUTGOING) { nodes { id } }
        blocked { nodes { id } } conversations(first: 5) { nodes { id lastActivityAt muted
            ... on Group { name description visibility members(first: 5) { edges { role node { id } } } }
            messages(last: 5) { nodes { body editedAt deletedAt } } } } } }";
    let mut rows = app.rows().await;
    // Derived from messages, in its own time.
    rows.retain(|table, _| !["projections", "graph_last_chatted"].contains(&table.as_str()));
    assert_eq!(rows["jobs"], 0, "nothing is left to do");
    (rows, ada.data(query, Value::Null).await)
}

async fn what_can_not_be_taken_is_refused_and_changes_nothing(app: &TestApp) {
    let cast = Cast::new(app).await;
    let ada = cast.client("ada");
    let schema = Schema::of(ada).await;
    let calls = table::calls();
    let cases = cases(&schema, &cast, &first_calls(&schema, &calls));
    assert!(cases.len() > 200, "{}", cases.len());
    let (mut feed, before) = (ada.feed().await, state(app, ada).await);

    let (events, calls): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.document.is_none());
    let mut answers: Vec<(&Case, Value)> = stream::iter(calls)
        .map(async |case| {
            let document = case.document.as_deref().unwrap();
            (case, respond(cast.client(&case.who), document, &case.arguments).await)
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let mut listener = Feed::connect(ada).await;
    for (n, case) in events.into_iter().enumerate() {
        let refused = subscribe(&mut listener, &n.to_string(), &case.arguments).await;
        answers.push((case, refused));
    }
    let documents: Vec<Case> =
        documents::bad().iter().map(|document| Case::of_document(document)).collect();
    for case in &documents {
        answers.push((case, ada.response(case.document.as_deref().unwrap(), json!({})).await));
    }
    let clip = |text: &str| text.chars().take(300).collect::<String>();
    let wrong: Vec<String> = answers
        .iter()
        .filter_map(|(case, answer)| {
            let wrong = judge(case, answer)?;
            let (given, answer) = (clip(&case.arguments), clip(&answer.to_string()));
            Some(format!("{} with {given}: {wrong}, not {answer}", clip(&case.name)))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), answers.len(), wrong.join("\n"));

    assert_eq!(state(app, ada).await, before, "nothing has changed");
    assert_eq!(app.mails(&app.email("new")), 0, "nobody was mailed");
    let to_grace = cast.resolve(json!({ "userId": "<grace>" }));
    ada.send_to(to_grace, "after all", None).await.unwrap();
    assert_eq!(feed.message().await, "after all", "nobody heard of anything");
}

async fn the_same_calls_with_good_values_are_answered(app: &TestApp) {
    let cast = Cast::new(app).await;
    let schema = Schema::of(cast.client("ada")).await;
    cast.client("ada").data(&documents::deepest(), Value::Null).await;
    for call in table::calls() {
        let arguments = cast.resolve(call.arguments.clone());
        let client = cast.client(&call.who);
        if call.of().0 == "Subscription" {
            let mut feed = Feed::connect(client).await;
            feed.subscribe("events", arguments).await;
            assert_eq!(feed.next().await["__typename"], "MessageSent");
            continue;
        }
        let document = document(&schema, &cast, &call, &arguments);
        let answer = respond(client, &document, &arguments.to_string()).await;
        assert!(answer.get("errors").is_none(), "{} with {arguments}: {answer:#}", call.field);
    }
}
