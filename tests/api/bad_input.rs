//! Whatever is malformed or outside the limits is refused by its code and
//! field, and changes nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox::{ambient::Ambient, ids};
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
    conversation: String,
    message: String,
    session: String,
    of_others: String,
    names_cursor: String,
    times_cursor: String,
    numbers_cursor: String,
}

impl Cast {
    async fn new(app: &TestApp) -> Self {
        let (ada, grace) = app.friends("ada", "grace").await;
        let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
        let sent = ada.send(&grace, "Hello").await;
        let other = grace.send(&alan, "Not for Ada").await;
        emmy.act("sendFriendRequest", &ada).await.unwrap();
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
        json!("x".repeat(10_000)),
    ]
}

fn unknown<T: type_safe_id::StaticType>() -> String {
    Ambient::system().id::<T>().to_string()
}

fn registrations() -> Vec<Case> {
    const REGISTER: &str = "mutation ($input: RegisterInput!) { register(input: $input) { id } }";
    let with = |field: &str, value: Value| {
        let mut input = json!({
            "username": "somebody_new", "email": "somebody.new@example.org",
            "password": "correct horse", "displayName": "Somebody",
        });
        input[field] = value;
        json!({ "input": input })
    };
    let mut cases = vec![
        unfit(REGISTER, json!({})),
        unfit(REGISTER, json!({ "input": {} })),
        unfit(REGISTER, json!({ "input": "ada" })),
        unfit(REGISTER, with("age", json!(7))),
    ];
    for field in ["username", "email", "password"] {
        for value in [json!(7), json!(true), json!(["x"]), json!({}), Value::Null] {
            cases.push(unfit(REGISTER, with(field, value)));
        }
    }
    for (field, values) in [
        (
            "username",
            vec!["", " ", "ab", "with space", "ünal", "a-b-c", "ada\u{0}", "ada\n", " ada"],
        ),
        (
            "email",
            vec!["", " ", "nope", "@example.org", "a@", "a b@example.org", "a@example.org\u{0}"],
        ),
        ("email", vec!["a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org"]),
        ("password", vec!["", "1234567", "ééééééé"]),
        ("displayName", vec!["", " \n", "\u{0}", "a\nb", "\u{200b}", "a\u{202e}b"]),
    ] {
        cases.extend(
            values.into_iter().map(|value| wrong(REGISTER, with(field, json!(value)), field)),
        );
    }
    for (field, length) in [("username", 33), ("password", 129), ("displayName", 65)] {
        cases.push(wrong(REGISTER, with(field, json!("x".repeat(length))), field));
        cases.push(wrong(REGISTER, with(field, json!("x".repeat(100_000))), field));
    }
    for length in [243, 100_000] {
        let address = format!("{}@example.org", "a".repeat(length));
        cases.push(wrong(REGISTER, with("email", json!(address)), "email"));
    }
    cases
}

fn codes_and_sessions(app: &TestApp, cast: &Cast) -> Vec<Case> {
    const VERIFY: &str = "mutation ($email: String!, $code: String!) {
        verifyEmail(email: $email, code: $code) { expiresAt } }";
    const RESET: &str = "mutation ($email: String!, $code: String!, $new: String!) {
        resetPassword(email: $email, code: $code, new: $new) { expiresAt } }";
    const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) { expiresAt } }";
    const CHANGE: &str = "mutation ($current: String!, $new: String!) {
        changePassword(current: $current, new: $new) }";
    const REFRESH: &str = "mutation ($token: String!) { refreshSession(refreshToken: $token) {
        expiresAt } }";
    const END: &str = "mutation ($id: ID!) { endSession(id: $id) }";

    let email = app.email("ada");
    let mut cases = Vec::new();
    for bad in ["", "nope", "a@example.org\u{0}"] {
        for mutation in ["resendVerification", "requestPasswordReset"] {
            let operation = format!("mutation ($email: String!) {{ {mutation}(email: $email) }}");
            cases.push(wrong(operation, json!({ "email": bad }), "email"));
        }
        cases.push(wrong(VERIFY, json!({ "email": bad, "code": "123456" }), "email"));
        let reset = json!({ "email": bad, "code": "123456", "new": "battery staple" });
        cases.push(wrong(RESET, reset, "email"));
    }
    for code in ["", " ", "12345", "1234567", "abcdef", "１２３４５６", "\u{0}"] {
        for email in [&email, &app.email("nobody")] {
            let verify = json!({ "email": email, "code": code });
            cases.push(case(VERIFY, verify, "INVALID_CREDENTIALS", None));
            let reset = json!({ "email": email, "code": code, "new": "battery staple" });
            cases.push(case(RESET, reset, "INVALID_CREDENTIALS", None));
        }
    }
    let long = "x".repeat(129);
    for new in ["", "1234567", &long] {
        let reset = json!({ "email": email, "code": "123456", "new": new });
        cases.push(wrong(RESET, reset, "new"));
        let change = json!({ "current": "correct horse", "new": new });
        cases.push(wrong(CHANGE, change, "new"));
    }
    for current in ["", "wrong horse", "correct horse ", "Correct horse", &long, "\u{0}"] {
        let change = json!({ "current": current, "new": "battery staple" });
        cases.push(case(CHANGE, change, "INVALID_CREDENTIALS", None));
    }
    let much = "x".repeat(50_000);
    for login in ["", " ", "@", "nobody at all", "a\u{0}", "%", &much] {
        let input = json!({ "login": login, "password": "correct horse" });
        cases.push(case(SIGN_IN, json!({ "input": input }), "INVALID_CREDENTIALS", None));
    }
    for device in ["a\u{0}", "a\nb", "\u{1b}[2J", &"x".repeat(201)] {
        let input = json!({ "login": email, "password": "correct horse", "device": device });
        cases.push(wrong(SIGN_IN, json!({ "input": input }), "device"));
    }
    for token in ["", "nonsense", "\u{0}", "%", &"A".repeat(43), &much] {
        cases.push(case(REFRESH, json!({ "token": token }), "UNAUTHENTICATED", None));
    }
    for id in [json!(""), json!("nonsense"), json!(7), json!(cast.ada.id), json!(cast.message)] {
        cases.push(wrong(END, json!({ "id": id }), "id"));
    }
    cases.push(unfit(END, json!({ "id": null })));
    cases.push(case(END, json!({ "id": unknown::<ids::Session>() }), "NOT_FOUND", None));
    cases
}

fn friendships(cast: &Cast) -> Vec<Case> {
    const WITH_NOTE: &str = "mutation ($id: ID!, $note: String) {
        sendFriendRequest(userId: $id, note: $note) { id } }";
    let mut cases = Vec::new();
    for mutation in [
        "sendFriendRequest",
        "cancelFriendRequest",
        "acceptFriendRequest",
        "declineFriendRequest",
        "removeFriend",
        "blockUser",
        "unblockUser",
    ] {
        let operation = format!("mutation ($id: ID!) {{ {mutation}(userId: $id) {{ id }} }}");
        for id in no_user_ids(cast).into_iter().chain([json!(cast.ada.id)]) {
            cases.push(wrong(&operation, json!({ "id": id }), "userId"));
        }
        let nobody = ids::UserId::from_uuid(uuid::Uuid::nil()).to_string();
        for id in [nobody, unknown_user()] {
            cases.push(case(&operation, json!({ "id": id }), "NOT_FOUND", None));
        }
        for id in [Value::Null, json!(true), json!(1.5), json!({}), json!([cast.grace.id, "x"])] {
            cases.push(unfit(&operation, json!({ "id": id })));
        }
    }
    for note in [&"x".repeat(201), &"🦀".repeat(201), "a\u{0}b"] {
        cases.push(wrong(WITH_NOTE, json!({ "id": cast.grace.id, "note": note }), "note"));
    }
    cases.push(unfit(WITH_NOTE, json!({ "id": cast.grace.id, "note": 7 })));
    cases
}

fn unknown_user() -> String {
    // A user's id is made of a UUID like any other.
    let session = unknown::<ids::Session>();
    session.replace("ses_", "user_")
}

fn messages(cast: &Cast) -> Vec<Case> {
    const SEND: &str = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }";
    let to_grace = json!({ "userId": cast.grace.id });
    let send = |to: &Value, body: Value, key: Value| json!({ "input": { "to": to, "body": body, "key": key } });
    let mut cases = Vec::new();
    for body in [
        "",
        " ",
        "\n\t\r\n",
        "\u{3000}\u{2028}",
        "\u{0}",
        "a\u{0}b",
        &"x".repeat(4_001),
        &"🦀".repeat(4_001),
    ] {
        cases.push(wrong(SEND, send(&to_grace, json!(body), Value::Null), "body"));
    }
    for key in ["", &"k".repeat(129), &"🔑".repeat(129)] {
        cases.push(wrong(SEND, send(&to_grace, json!("Hello"), json!(key)), "key"));
    }
    for (body, key) in [(Value::Null, Value::Null), (json!(7), Value::Null), (json!("x"), json!(7))]
    {
        cases.push(unfit(SEND, send(&to_grace, body, key)));
    }
    for id in no_user_ids(cast).into_iter().chain([json!(cast.ada.id)]) {
        cases.push(wrong(SEND, send(&json!({ "userId": id }), json!("x"), Value::Null), "userId"));
    }
    for id in [json!(""), json!("nonsense"), json!(cast.grace.id), json!(cast.message)] {
        let to = json!({ "conversationId": id });
        cases.push(wrong(SEND, send(&to, json!("x"), Value::Null), "conversationId"));
    }
    let own_name = json!({ "username": cast.ada.username.to_uppercase() });
    cases.push(wrong(SEND, send(&own_name, json!("x"), Value::Null), "username"));
    for to in [
        json!({ "userId": unknown_user() }),
        json!({ "username": "nobody.at.all" }),
        json!({ "username": "" }),
        json!({ "username": "no name" }),
        json!({ "username": "\u{0}" }),
        json!({ "conversationId": cast.of_others }),
        json!({ "conversationId": unknown::<ids::Session>().replace("ses_", "dm_") }),
    ] {
        cases.push(case(SEND, send(&to, json!("x"), Value::Null), "NOT_FOUND", None));
    }
    for to in [
        Value::Null,
        json!({}),
        json!({ "userId": null }),
        json!({ "userId": cast.grace.id, "username": cast.grace.username }),
        json!({ "userId": cast.grace.id, "username": null }),
        json!({ "nobody": "x" }),
        json!("x"),
    ] {
        cases.push(unfit(SEND, send(&to, json!("x"), Value::Null)));
    }
    cases
}

/// A cursor of this text, as lists make them.
fn sealed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn pages(cast: &Cast) -> Vec<Case> {
    let of_viewer = |list: &str| {
        format!(
            "query ($n: Int, $after: String) {{ viewer {{ {list} {{ edges {{ cursor }} }} }} }}"
        )
    };
    let of_grace = |field: &str| {
        format!(
            "query ($n: Int, $after: String) {{ user(username: \"{}\") {{ {field} }} }}",
            cast.grace.username
        )
    };
    let page = "first: $n, after: $after";
    let names = [
        of_viewer(&format!("friends({page})")),
        of_grace(&format!("mutualFriends({page}) {{ totalCount }}")),
    ];
    let times = [
        of_viewer(&format!("friendRequests({page})")),
        of_viewer(&format!("friendRequests(direction: OUTGOING, {page})")),
        of_viewer(&format!("blocked({page})")),
    ];
    let history = |arguments: &str| {
        of_grace(&format!("directConversation {{ messages({arguments}) {{ nodes {{ id }} }} }}"))
    };
    let numbers = [of_viewer(&format!("conversations({page})")), history(page)];
    let broken =
        ["", " ", "%%%", "nonsense", "🦀", "dQ==", &sealed("x"), &sealed(""), &cast.message];
    let (u, t, n) = (&cast.names_cursor, &cast.times_cursor, &cast.numbers_cursor);
    let mut cases = Vec::new();
    for (lists, foreign) in [
        (&names[..], vec![t.clone(), n.clone()]),
        (
            &times,
            vec![
                u.clone(),
                n.clone(),
                sealed("t"),
                sealed("t7"),
                sealed("t7 x"),
                sealed("tx user_00000000000000000000000000"),
                sealed(&format!("t7 {}", cast.message)),
            ],
        ),
        (
            &numbers,
            vec![
                u.clone(),
                t.clone(),
                sealed("n"),
                sealed("nx"),
                sealed("n1.5"),
                sealed("n9223372036854775808"),
            ],
        ),
    ] {
        for list in lists {
            for count in [0, -1, 101, i32::MAX, i32::MIN] {
                cases.push(wrong(list, json!({ "n": count }), "first"));
            }
            for count in [json!("7"), json!(1.5), json!(3_000_000_000_u32), json!([1]), json!(true)]
            {
                cases.push(unfit(list, json!({ "n": count })));
            }
            for after in broken.iter().map(|cursor| (*cursor).to_owned()).chain(foreign.clone()) {
                cases.push(wrong(list, json!({ "after": after }), "after"));
            }
            cases.push(unfit(list, json!({ "after": 7 })));
        }
    }
    for count in [0, -1, 101] {
        cases.push(wrong(history("last: $n"), json!({ "n": count }), "last"));
        let chats = "query ($n: Int) { viewer { lastChatted(first: $n) { at } } }";
        cases.push(wrong(chats, json!({ "n": count }), "first"));
    }
    for before in ["", "nonsense", u, t] {
        cases.push(wrong(
            history("last: $n, before: $after"),
            json!({ "n": 1, "after": before }),
            "before",
        ));
    }
    cases.push(wrong(history("first: $n, last: $n"), json!({ "n": 1 }), "last"));
    for field in ["distance(max: $n)", "path(max: $n) { id }"] {
        for max in [0, -1, 11, i32::MAX] {
            cases.push(wrong(of_grace(field), json!({ "n": max }), "max"));
        }
    }
    cases
}

fn by_id(cast: &Cast) -> Vec<Case> {
    const NODE: &str = "query ($id: ID!) { node(id: $id) { id } }";
    const NODES: &str = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    const CONVERSATION: &str = "query ($id: ID!) { conversation(id: $id) { id } }";
    let mut cases = Vec::new();
    for id in [
        "",
        "nonsense",
        "user_",
        "user_x",
        "_",
        "nobody_00000000000000000000000000",
        "job_00000000000000000000000000",
        "msg_x",
        "dm_x",
        "ses_x",
        "user_8zzzzzzzzzzzzzzzzzzzzzzzzz",
    ] {
        cases.push(wrong(NODE, json!({ "id": id }), "id"));
        cases.push(wrong(NODES, json!({ "ids": [cast.ada.id, id] }), "id"));
        cases.push(wrong(CONVERSATION, json!({ "id": id }), "id"));
    }
    cases.push(wrong(CONVERSATION, json!({ "id": cast.ada.id }), "id"));
    cases.push(wrong(NODES, json!({ "ids": vec![&cast.ada.id; 101] }), "ids"));
    for ids in [Value::Null, json!({}), json!([null]), json!([true])] {
        cases.push(unfit(NODES, json!({ "ids": ids })));
    }
    cases
}

fn documents() -> Vec<Case> {
    let deep = |levels: usize| {
        let open = "mutualFriends { nodes { ".repeat(levels);
        let close = "} } ".repeat(levels);
        format!("{{ user(username: \"ada\") {{ {open} id {close} }} }}")
    };
    let wide: String = (0..1_001).map(|n| format!("f{n}: __typename ")).collect();
    let list =
        format!("{{ user(username: {}\"x\"{}) {{ id }} }}", "[".repeat(500), "]".repeat(500));
    [
        "",
        " ",
        "{",
        "nonsense",
        "{ }",
        "{ viewer }",
        "{ viewer { nothing } }",
        "{ nothing }",
        "{ viewer { friendRequests(direction: SIDEWAYS) { totalCount } } }",
        "{ viewer { friendRequests(direction: null) { totalCount } } }",
        "{ user { id } }",
        "{ user(username: \"ada\", age: 7) { id } }",
        "query A { viewer { email } } query B { viewer { email } }",
        "query ($x: Nothing) { viewer { email } }",
        "query { viewer { ...F } } fragment F on Viewer { ...F }",
        "query { viewer { ...Missing } }",
        "subscription { events { cursor } }",
        "mutation { blockUser { id } }",
        "query ($id: ID!) { node(id: $id) { id } }",
        &deep(6),
        &deep(50),
        &deep(2_000),
        &format!("{{ {wide} }}"),
        &list,
        &"{ viewer ".repeat(5_000),
    ]
    .into_iter()
    .map(|document| unfit(document, json!({})))
    .collect()
}

async fn what_is_outside_the_limits_is_refused_and_changes_nothing(app: &TestApp) {
    let cast = Cast::new(app).await;
    let mut feed = cast.ada.feed().await;
    let before = settled(app).await;
    let mails = app.mails(&app.email("ada"));
    let cases = [
        registrations(),
        codes_and_sessions(app, &cast),
        friendships(&cast),
        messages(&cast),
        pages(&cast),
        by_id(&cast),
        documents(),
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

    assert_eq!(app.rows().await, before, "nothing was written");
    assert_eq!(app.mails(&app.email("ada")), mails);
    assert_eq!(app.mails("somebody.new@example.org"), 0);
    assert!(cast.ada.is_signed_in().await);
    assert_eq!(cast.ada.friendship(&cast.grace).await, "FRIENDS");
    assert_eq!(cast.ada.send(&cast.grace, "after all").await["seq"], 2);
    assert_eq!(feed.message().await, "after all", "nobody heard of anything");
}

/// The rows, once the projection of what was said has written its own.
async fn settled(app: &TestApp) -> std::collections::BTreeMap<String, i64> {
    crate::support::eventually("the projection", || async {
        let rows = app.rows().await;
        (rows["projections"] == 1 && rows["jobs"] == 0).then_some(rows)
    })
    .await
}

async fn what_is_odd_but_allowed_is_answered(app: &TestApp) {
    let cast = Cast::new(app).await;
    let page = "query ($first: Int, $after: String, $before: String) {
        user(username: \"NAME\") { directConversation { messages(ARGUMENTS) { nodes { seq } } } } }";
    let history = |arguments: &str| {
        page.replace("NAME", &cast.grace.username).replace("ARGUMENTS", arguments)
    };
    let ends = [sealed("n-9223372036854775808"), sealed("n9223372036854775807"), sealed("n0")];
    for end in &ends {
        let variables = json!({ "first": 100, "after": end, "before": end });
        for arguments in [
            "first: $first, after: $after",
            "last: $first, before: $before",
            "last: $first, after: $after, before: $before",
            "first: null, last: null, after: $after, before: null",
        ] {
            cast.ada.data(&history(arguments), variables.clone()).await;
        }
        let list =
            "query ($after: String) { viewer { conversations(after: $after) { nodes { id } } } }";
        cast.ada.data(list, json!({ "after": end })).await;
    }
    for (list, cursors) in [
        (
            "friends",
            vec![
                sealed("u"),
                sealed("u\u{0}"),
                sealed("u🦀"),
                sealed(&format!("u{}", "x".repeat(5_000))),
            ],
        ),
        (
            "friendRequests",
            vec![
                sealed(&format!("t-9223372036854775808 {}", cast.grace.id)),
                sealed(&format!("t9223372036854775807 {}", cast.grace.id)),
            ],
        ),
    ] {
        let query = format!(
            "query ($after: String) {{ viewer {{ {list}(first: null, after: $after) {{ totalCount }} }} }}"
        );
        for cursor in cursors {
            cast.ada.data(&query, json!({ "after": cursor })).await;
        }
    }
    for name in ["", " ", "\u{0}", "no name", "ünal", &"x".repeat(50_000), "'; --"] {
        let query = "query ($name: String!) { user(username: $name) { id } }";
        let data = cast.ada.data(query, json!({ "name": name })).await;
        assert_eq!(data["user"], Value::Null, "{name:?}");
    }
    let query = "query ($query: String) { viewer { friends(query: $query) { totalCount } } }";
    for text in ["\u{0}", " ", "🦀", &"x".repeat(50_000), &"%".repeat(10_000), "\u{fffe}\u{10ffff}"]
    {
        let data = cast.ada.data(query, json!({ "query": text })).await;
        assert_eq!(data["viewer"]["friends"]["totalCount"], 0, "{:?}", text.chars().next());
    }
    // As deep as it may be.
    let open = "mutualFriends { nodes { ".repeat(5);
    let close = "} } ".repeat(5);
    let deep = format!("{{ user(username: \"{}\") {{ {open} id {close} }} }}", cast.grace.username);
    cast.ada.data(&deep, Value::Null).await;
}
