//! Small requests that would cost much are refused before they do.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, Feed, TestApp, within},
};

stories! {
    what_is_nested_too_deep_is_refused,
    what_a_parser_could_take_for_more_tokens_is_refused,
    names_are_not_longer_than_they_may_be,
    fragments_that_double_are_refused,
    fragments_that_nothing_spreads_cost_nothing,
    lists_in_lists_that_multiply_are_refused,
    lists_multiply_wherever_their_length_is_said,
    every_limit_of_a_document_names_itself,
    what_is_within_the_limits_is_answered,
    questions_about_the_schema_multiply_too,
    what_a_client_needs_for_a_page_is_answered,
    answers_of_long_texts_are_refused,
}

/// Fails unless the document is refused, over HTTP and on a socket, by a
/// server that lives on.
async fn is_refused(app: &TestApp, document: &str) {
    let stranger = app.stranger();
    let response = within("a refusal", stranger.response(document, json!({}))).await;
    let code = &response["errors"][0]["extensions"]["code"];
    let shown: String = document.chars().take(200).collect();
    assert_eq!(code, "BAD_USER_INPUT", "{shown}: {response:#}");

    let mut socket = Feed::connect(&stranger).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": document } })).await;
    assert_eq!(socket.refused().await, "BAD_USER_INPUT", "{shown}");
    assert_eq!(stranger.data("{ __typename }", Value::Null).await["__typename"], "Query");
}

async fn what_is_nested_too_deep_is_refused(app: &TestApp) {
    for levels in [100, 500, 830, 20_000] {
        let nested =
            |open: &str, close: &str| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        for value in [nested("[", "]"), nested("{a:", "}"), nested("[{a:", "}]")] {
            is_refused(app, &format!("{{ user(username: {value}) {{ id }} }}")).await;
            is_refused(
                app,
                &format!("query ($a: Int = {value}) {{ user(username: $a) {{ id }} }}"),
            )
            .await;
        }
        is_refused(app, &"{ viewer ".repeat(levels)).await;
    }
}

/// Strings without an end, and words that are written together.
async fn what_a_parser_could_take_for_more_tokens_is_refused(app: &TestApp) {
    for many in [100, 5_000, 60_000] {
        let list = |items: &str| format!("{{ nodes(ids: [{items}]) {{ id }} }}");
        let deep = format!("{}{}", "[".repeat(many), "]".repeat(many));
        is_refused(app, &list(&format!("\"\"\"a\" {deep}"))).await;
        is_refused(app, &list(&format!("\"\"\"a\" {}", "1 ".repeat(many)))).await;
        is_refused(app, &list(&"0".repeat(many))).await;
        is_refused(app, &list(&"true".repeat(many / 2))).await;
        let spreads = "...F".repeat(many.max(2_000));
        is_refused(app, &format!("{{ a }} fragment F on Query {{ __typename{spreads} }}")).await;
    }
}

/// What is like an unknown name takes as long to find as the name is.
async fn names_are_not_longer_than_they_may_be(app: &TestApp) {
    let stranger = app.stranger();
    for (letters, said) in [(200, "Unknown field"), (200_000, "a name is longer than 256 letters")]
    {
        let document = format!("{{ {} }}", "a".repeat(letters));
        let message = refusal(&stranger, &document, json!({})).await;
        assert!(message.starts_with(said), "{letters}");
    }
}

async fn fragments_that_double_are_refused(app: &TestApp) {
    for spread in ["...f#", "...f# __typename", "... { ...f# } ... { ...f# }"] {
        let fragments: String = (0..30)
            .map(|n| {
                let spread = spread.replace('#', &(n + 1).to_string());
                format!("fragment f{n} on Query {{ {spread} {spread} }} ")
            })
            .collect();
        let document = format!("{{ ...f0 }} {fragments} fragment f30 on Query {{ __typename }}");
        is_refused(app, &document).await;
        is_refused(app, &format!("query A {{ __typename }} query B {document}")).await;
    }
}

/// They are checked too, although they are not followed.
async fn fragments_that_nothing_spreads_cost_nothing(app: &TestApp) {
    let doubling =
        many(200, "fragment f# on Query { ...g# ...g# } fragment g# on Query { ...f# } ");
    is_refused(app, &format!("{{ __typename }} {doubling}")).await;
    let chain: String =
        (0..140).map(|n| format!("fragment f{n} on Query {{ ...f{0} ...f{0} }} ", n + 1)).collect();
    let document = format!("{{ __typename }} {chain} fragment f140 on Query {{ __typename }}");
    is_refused(app, &document).await;
}

async fn lists_in_lists_that_multiply_are_refused(app: &TestApp) {
    let ada = app.person("ada").await;
    let repeated = |open: &str, times: usize| {
        let levels = open.matches('{').count() * times;
        format!("{} id {}", open.repeat(times), "}".repeat(levels))
    };
    let conversation = "on DirectConversation { messages(first: 100) { nodes { conversation { ... ";
    for selection in [
        format!(
            "viewer {{ friends(first: 100) {{ nodes {{ {} }} }} }}",
            repeated("mutualFriends(first: 100) { nodes { ", 2)
        ),
        format!(
            "viewer {{ friends {{ nodes {{ {} }} }} }}",
            repeated("mutualFriends { edges { node { ", 2)
        ),
        format!("user(username: \"ada\") {{ {} }}", repeated("path { ", 5)),
        format!(
            "user(username: \"ada\") {{ directConversation {{ ... {} on Node {{ id }} {} }} }}",
            conversation.repeat(2),
            "} } } }".repeat(2)
        ),
        format!(
            "nodes(ids: [{}]) {{ ... on User {{ {} }} }}",
            "\"user_00000000000000000000000000\" ".repeat(100),
            repeated("mutualFriends(first: 100) { nodes { ", 1)
        ),
    ] {
        let response = ada.response(&format!("{{ {selection} }}"), Value::Null).await;
        let code = &response["errors"][0]["extensions"]["code"];
        assert_eq!(code, "BAD_USER_INPUT", "{selection}: {response:#}");
        let message = response["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("20,000 fields"), "the limit is named: {message}");
    }
    // However the length is said.
    let query = |arguments: &str| {
        format!(
            "query {arguments} {{ viewer {{ friends(first: $n) {{ nodes {{
                mutualFriends(first: $n) {{ nodes {{ id username displayName }} }} }} }} }} }}"
        )
    };
    ada.data(&query("($n: Int)"), json!({ "n": 10 })).await;
    ada.data(&query("($n: Int = 10)"), json!({})).await;
    for (arguments, variables) in
        [("($n: Int)", json!({ "n": 100 })), ("($n: Int = 100)", json!({}))]
    {
        assert_eq!(ada.code(&query(arguments), variables).await, "BAD_USER_INPUT");
    }
}

/// How the document is refused.
async fn refusal(client: &Client, document: &str, variables: Value) -> String {
    let refused = within("a refusal", client.refused(document, variables)).await;
    assert_eq!(refused.code, "BAD_USER_INPUT", "{document}");
    refused.message
}

async fn lists_multiply_wherever_their_length_is_said(app: &TestApp) {
    let ada = app.person("ada").await;
    const TOO_MUCH: &str = "the answer could have more than 20,000 fields: ask for shorter pages";
    let people = "nodes { id username displayName }";
    let messages = "nodes { id seq body }";
    for (document, variables) in [
        (
            format!(
                "query ($n: Int) {{ viewer {{ ...F }} }}
                fragment F on Viewer {{ friends(first: $n) {{ nodes {{ ...M }} }} }}
                fragment M on User {{ mutualFriends(first: $n) {{ {people} }} }}"
            ),
            json!({ "n": 100 }),
        ),
        (
            format!(
                "query ($n: Int = 100) {{ ... on Query {{ viewer {{ ... {{
                    conversations(first: $n) {{ edges {{ node {{ ... on Conversation {{
                        messages(last: $n) {{ {messages} }} }} }} }} }} }} }} }} }}"
            ),
            json!({}),
        ),
        // What is null is as long as what is not given: 50 and 20.
        (
            format!(
                "query ($n: Int) {{ viewer {{ friends(first: $n) {{ nodes {{
                    a: mutualFriends(first: $n) {{ {people} }} b: mutualFriends {{ {people} }}
                    c: mutualFriends(first: null) {{ {people} }} d: mutualFriends {{ {people} }}
                    e: mutualFriends {{ {people} }} }} }} }} }}"
            ),
            json!({ "n": null }),
        ),
        (
            format!(
                "{{ viewer {{ conversations(first: 100) {{ nodes {{
                    messages(first: 1, last: 100) {{ {messages} }} }} }} }} }}"
            ),
            json!({}),
        ),
        (
            format!(
                "query ($ids: [ID!]! = [{}]) {{ nodes(ids: $ids) {{ ... on User {{
                    mutualFriends(first: 100) {{ {people} }} }} }} }}",
                "\"\" ".repeat(100)
            ),
            json!({}),
        ),
    ] {
        assert_eq!(refusal(&ada, &document, variables).await, TOO_MUCH, "{document}");
    }
}

/// So many of a piece, which may hold the number of its place.
fn many(count: usize, piece: &str) -> String {
    (0..count).map(|n| piece.replace('#', &n.to_string())).collect()
}

fn of_user(selection: &str) -> String {
    format!("{{ user(username: \"x\") {{ {selection} }} }}")
}

/// What is said beyond a limit, the limit, and a document with so many.
type Limit = (&'static str, usize, fn(usize) -> String);

const LIMITS: [Limit; 8] = [
    ("the document has more than 2,000 tokens", 2_000, |n| {
        let rest = n - 10;
        of_user(&format!("{}{}", "...{id} ".repeat(rest / 4), "id ".repeat(rest % 4)))
    }),
    ("the operation selects more than 1,000 fields", 1_000, |n| of_user(&"id ".repeat(n - 1))),
    ("the operation has more than 50 aliases", 50, |n| of_user(&many(n, "a#: id "))),
    ("the operation has more than 50 directives", 50, |n| {
        of_user(&"id @include(if: true) ".repeat(n))
    }),
    ("the operation has more than 20 fields at its top", 20, |n| {
        format!("{{ {} }}", "__typename ".repeat(n))
    }),
    ("the operation is deeper than 12 levels", 12, |n| {
        let leaf = if n % 2 == 0 { "id" } else { "presence { online }" };
        let pages = (n - 2) / 2;
        let open = "mutualFriends(first: 1) { nodes { ".repeat(pages);
        of_user(&format!("{open} {leaf} {}", "} } ".repeat(pages)))
    }),
    ("fields and fragments are nested deeper than 32 levels", 32, |n| {
        format!("{}{{ __typename }}{}", "{ ... ".repeat(n - 1), " }".repeat(n - 1))
    }),
    // 2 + 2 * 100 + 2 * 100 * n fields.
    ("the answer could have more than 20,000 fields: ask for shorter pages", 98, |n| {
        format!(
            "{{ viewer {{ friends(first: 100) {{ nodes {{
                mutualFriends(first: {n}) {{ nodes {{ id }} }} }} }} }} }}"
        )
    }),
];

async fn every_limit_of_a_document_names_itself(app: &TestApp) {
    let ada = app.person("ada").await;
    for (message, most, document) in LIMITS {
        let beyond = document(most + 1);
        is_refused(app, &beyond).await;
        assert_eq!(refusal(&ada, &beyond, Value::Null).await, message);
    }
    for (message, document) in [
        (
            "the operation has more than 50 aliases",
            format!("{} fragment F on User {{ {} }}", of_user("...F ...F"), many(26, "a#: id ")),
        ),
        (
            "the operation has more than 20 fields at its top",
            format!("{{ ...F ...F }} fragment F on Query {{ {} }}", "__typename ".repeat(11)),
        ),
        (
            "the operation has more than 50 directives",
            format!(
                "query @a {{ ...F @a }} fragment F on Query @a {{ ... @a {{ id {} }} }}",
                "@a ".repeat(47)
            ),
        ),
        ("brackets are nested deeper than 64 levels", "{ a ".repeat(65)),
    ] {
        is_refused(app, &document).await;
        assert_eq!(refusal(&ada, &document, Value::Null).await, message, "{document}");
    }
    let both = "subscription { a: events { cursor } b: events { cursor } }";
    let mut socket = Feed::connect(&ada).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": both } })).await;
    assert_eq!(socket.refused().await, "BAD_USER_INPUT");
}

async fn what_is_within_the_limits_is_answered(app: &TestApp) {
    let ada = app.person("ada").await;
    for (_, most, document) in LIMITS {
        ada.data(&document(most), Value::Null).await;
    }
}

/// What graphql-js asks about a schema, with all that it may ask for.
fn introspection(schemas: &str) -> String {
    let type_ref = format!("kind name {} {}", "ofType { kind name ".repeat(9), "}".repeat(9));
    format!(
        "query IntrospectionQuery {{ {schemas} }}
        fragment Schema on __Schema {{ description
            queryType {{ name kind }} mutationType {{ name kind }} subscriptionType {{ name kind }}
            types {{ ...FullType }}
            directives {{ name description isRepeatable locations
                args(includeDeprecated: true) {{ ...InputValue }} }} }}
        fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
            fields(includeDeprecated: true) {{ name description
                args(includeDeprecated: true) {{ ...InputValue }}
                type {{ ...TypeRef }} isDeprecated deprecationReason }}
            inputFields(includeDeprecated: true) {{ ...InputValue }}
            interfaces {{ ...TypeRef }}
            enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
            possibleTypes {{ ...TypeRef }} }}
        fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue
            isDeprecated deprecationReason }}
        fragment TypeRef on __Type {{ {type_ref} }}"
    )
}

async fn questions_about_the_schema_multiply_too(app: &TestApp) {
    let stranger = app.stranger();
    let deep = |levels: usize| {
        let open = "fields { type { ".repeat(levels);
        format!("{{ __schema {{ types {{ {open} name {} }} }} }}", "} } ".repeat(levels))
    };
    for document in [introspection("__schema { ...Schema }"), deep(2)] {
        let data = stranger.data(&document, Value::Null).await;
        assert!(data["__schema"]["types"].as_array().unwrap().len() > 50);
    }
    const TOO_MUCH: &str = "the answer could have more than 1,000,000 fields";
    for document in [introspection(&many(5, "a#: __schema { ...Schema } ")), deep(5)] {
        is_refused(app, &document).await;
        assert_eq!(refusal(&stranger, &document, Value::Null).await, TOO_MUCH);
    }
}

async fn what_a_client_needs_for_a_page_is_answered(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "Hello").await;
    const PERSON: &str = "id username displayName avatarUrl friendship";
    for query in [
        format!(
            "{{ viewer {{ email sessions {{ id device current }} user {{ {PERSON} bio }}
            conversations {{ pageInfo {{ hasNextPage endCursor }} nodes {{ __typename id
                lastActivityAt lastMessage {{ id seq body sentAt sender {{ {PERSON} }} }}
                ... on DirectConversation {{ peer {{ {PERSON} lastChattedAt }} }} }} }} }} }}"
        ),
        format!(
            "{{ viewer {{ friends(first: 100) {{ totalCount pageInfo {{ hasNextPage endCursor }}
            edges {{ cursor since lastChattedAt node {{ {PERSON}
                mutualFriends(first: 3) {{ totalCount nodes {{ {PERSON} }} }} }} }} }} }} }}"
        ),
        format!(
            "{{ user(username: \"{}\") {{ {PERSON} distance path {{ {PERSON} }}
            mutualFriends {{ totalCount nodes {{ {PERSON} }} }}
            directConversation {{ messages(last: 100) {{ pageInfo {{ startCursor }}
                edges {{ cursor node {{ id seq body sentAt sender {{ {PERSON} }} }} }} }} }} }} }}",
            grace.username
        ),
    ] {
        ada.data(&query, Value::Null).await;
    }
}

async fn answers_of_long_texts_are_refused(app: &TestApp) {
    const TOO_MUCH: &str = "the texts of the answer have more than 8 MiB: ask for shorter pages";
    let (ada, grace) = app.friends("ada", "grace").await;
    // 16,000 bytes each, so 32 times 16 copies of them are a little less than 8 MiB.
    for _ in 0..32 {
        ada.send(&grace, &"\u{1f4ac}".repeat(4_000)).await;
    }
    let messages = |copies: usize| {
        let copies = many(copies, "copy#: body ");
        format!("messages(last: 32) {{ nodes {{ {copies} }} }}")
    };
    let page = |copies| {
        format!("{{ viewer {{ conversations(first: 1) {{ nodes {{ {} }} }} }} }}", messages(copies))
    };
    let data = ada.data(&page(16), Value::Null).await;
    let read = &data["viewer"]["conversations"]["nodes"][0]["messages"]["nodes"];
    assert_eq!(read[31]["copy15"].as_str().unwrap().len(), 16_000);
    assert_eq!(refusal(&ada, &page(17), Value::Null).await, TOO_MUCH);
    // Each event is an answer of its own.
    let subscription = |copies| {
        format!(
            "subscription {{ events {{ ... on MessageSent {{ message {{ conversation {{
                ... on DirectConversation {{ {} }} }} }} }} }} }}",
            messages(copies)
        )
    };
    let mut socket = Feed::connect(&ada).await;
    for (id, copies) in [("most", 16), ("more", 17)] {
        socket.begin(id, json!({ "query": subscription(copies) })).await;
        socket.is_served().await;
    }
    for heard in [["most", "more"].as_slice(), &["most"]] {
        grace.send(&ada, "Hello").await;
        for _ in heard {
            let frame = socket.frame().await.unwrap();
            if frame["id"] == "most" {
                assert!(frame["payload"]["data"]["events"].is_object(), "{frame:#}");
            } else {
                assert_eq!(frame["payload"][0]["message"], TOO_MUCH, "{frame:#}");
            }
        }
    }
}
