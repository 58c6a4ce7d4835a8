//! A page costs the same number of statements however many items it has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    audits,
    counting::{certain, indexed, made_by, projected},
    support::{Client, TestApp},
};

audits! {
    a_page_costs_the_same_however_long_it_is,
    the_directory_is_read_part_by_part,
    a_full_page_of_suggestions_is_ranked_once,
}

/// What one page of each list may cost: what is asked, and with how many
/// statements it is answered at most.
const PAGES: [(&str, usize); 15] = [
    (
        "viewer { friends(first: $n) { totalCount edges { since lastChattedAt } nodes { username
            friendship lastChattedAt mutualFriends(first: 3) { totalCount nodes { username } } } } }",
        2,
    ),
    (
        "viewer { suggestions(first: $n) { user { username friendship distance } mutualFriendCount
            mutualFriends { username friendship } sharedGroupCount } }",
        9,
    ),
    (
        "viewer { conversations(first: $n) { nodes { id lastActivityAt
            lastMessage { seq body sender { displayName friendship } }
            ... on DirectConversation { peer { displayName friendship } }
            ... on Group { name memberCount viewerRole friendsInside { username } } } } }",
        9,
    ),
    (
        "viewer { lastChatted(first: $n) { at conversation { id lastMessage { body } }
            with { ... on User { username } ... on Group { name memberCount } } } }",
        5,
    ),
    (
        "viewer { friendRequests(first: $n) { totalCount nodes { username distance }
            edges { at note } } }",
        4,
    ),
    ("viewer { blocked(first: $n) { totalCount nodes { username } } }", 1),
    (
        "viewer { searchMessages(query: \"hello\", first: $n) { nodes { body
            sender { displayName friendship } conversation { id ... on Group { name }
                ... on DirectConversation { peer { displayName } } } } } }",
        6,
    ),
    (
        "users(first: $n) { nodes { username displayName friendship distance
            mutualFriends(first: 3) { totalCount } } }",
        5,
    ),
    (
        "groups(query: $town, first: $n) { nodes { id name description memberCount viewerRole
            friendsInside { username } lastMessage { body } } }",
        5,
    ),
    (
        "node(id: $group) { ... on Group { members(first: $n) { totalCount edges { role since }
            nodes { username friendship mutualFriends(first: 3) { totalCount } } } } }",
        4,
    ),
    ("node(id: $group) { ... on Group { friendsInside(first: $n) { username friendship } } }", 3),
    (
        "node(id: $group) { ... on Group { messages(last: $n) { nodes { seq body
            sender { displayName friendship } conversation { ... on Group { name } } } } } }",
        5,
    ),
    ("nodes(ids: $groups) { ... on Group { name memberCount lastMessage { body } } }", 3),
    (
        "nodes(ids: $people) { ... on User { displayName friendship distance
            directConversation { id lastMessage { body } } } }",
        6,
    ),
    (
        "nodes(ids: $messages) { ... on Message { body sender { displayName }
            conversation { ... on Group { name } } } }",
        4,
    ),
];

/// Somebody with 14 of everything that is listed.
struct Town {
    ada: Client,
    groups: Vec<String>,
    people: Vec<String>,
    messages: Vec<Value>,
}

const COUNT: usize = 14;

impl Town {
    async fn new(app: &TestApp) -> Self {
        let (ada, grace) = app.friends("ada", "grace").await;
        let friends = app.crowd("friend", COUNT - 1).await;
        let others = app.crowd("other", COUNT).await;
        app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
        for friend in &friends[..3] {
            app.acquaint(others.iter().map(|other| (friend, other))).await;
        }
        asked_and_blocked(app, &ada).await;
        let members: Vec<&Client> = friends.iter().chain([&grace]).collect();
        let mut groups = Vec::new();
        for (n, friend) in friends.iter().chain([&grace]).enumerate() {
            let name = format!("{} {n}", app.town);
            let group = ada.found(&name, "PUBLIC", &members).await;
            grace.tell(&group, "Hello, all").await;
            ada.send(friend, "Hello").await;
            groups.push(group);
        }
        let mut messages = Vec::new();
        for n in 0..COUNT {
            let from = [&ada, &grace][n % 2];
            messages.push(from.tell(&groups[0], "Hello again").await["id"].take());
        }
        projected(&ada, 2 * COUNT).await;
        indexed(&ada, "again", COUNT).await;
        let people = friends.iter().chain([&grace]).map(|friend| friend.id.clone()).collect();
        Self { ada, groups, people, messages }
    }

    /// Which statements a page makes.
    async fn page(&self, app: &TestApp, page: &str, n: usize) -> (Value, BTreeMap<String, u64>) {
        let variables = json!({
            "n": n, "town": app.town, "group": self.groups[0], "groups": self.groups[..n],
            "people": self.people[..n], "messages": self.messages[..n],
        });
        let kinds = [
            ("$n", "Int"),
            ("$town", "String"),
            ("$group", "ID!"),
            ("$groups", "[ID!]!"),
            ("$people", "[ID!]!"),
            ("$messages", "[ID!]!"),
        ];
        // One that is declared and not used is an error.
        let is_used =
            |name: &str| [",", ")"].iter().any(|end| page.contains(&format!("{name}{end}")));
        let used = kinds.iter().filter(|(name, _)| is_used(name));
        let declared: String = used.map(|(name, kind)| format!("{name}: {kind} ")).collect();
        let query = format!("query ({declared}) {{ {page} }}");
        made_by(app, self.ada.data(&query, variables)).await
    }
}

/// As many people asked her, and as many are blocked by her.
async fn asked_and_blocked(app: &TestApp, ada: &Client) {
    let (asking, blocked) = (app.crowd("asking", COUNT).await, app.crowd("blocked", COUNT).await);
    let stores = app.open_stores();
    let id = |client: &Client| client.id.parse().unwrap();
    let at = chatterbox_graph::Timestamp(1);
    for (asking, blocked) in asking.iter().zip(&blocked) {
        stores.graph.ask(id(asking), id(ada), None, at, 100).await.unwrap();
        stores.graph.block(id(ada), id(blocked), at).await.unwrap();
    }
    stores.sql.close().await;
}

/// How many items the list in an answer has, at whatever depth it is.
fn length(answer: &Value) -> usize {
    match answer {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields
            .get("nodes")
            .map_or_else(|| fields.values().map(length).max(), |n| Some(length(n)))
            .unwrap_or_default(),
        _ => 0,
    }
}

async fn a_page_costs_the_same_however_long_it_is(app: &TestApp) {
    let town = Town::new(app).await;
    let mut wrong = Vec::new();
    for (page, most) in PAGES {
        let (three, made_by_three) = town.page(app, page, 3).await;
        let (twelve, made_by_twelve) = town.page(app, page, 12).await;
        assert_eq!((length(&three), length(&twelve)), (3, 12), "{page}");
        let sum = usize::try_from(made_by_twelve.values().sum::<u64>()).unwrap();
        // Twice where one part of the answer knows its keys later than another.
        let once = made_by_twelve.values().all(|count| *count <= 2);
        let same = certain(&made_by_three).eq(certain(&made_by_twelve));
        if !same || !once || sum > most {
            wrong.push(format!("{page}: {made_by_three:?}, then {sum}: {made_by_twelve:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Friends, their friends, and others by each of their names: a statement for
/// each part that a page touches, and one that counts.
async fn the_directory_is_read_part_by_part(app: &TestApp) {
    let ada = app.person("ada").await;
    let name = |n: usize| (format!("{}{n:02}", app.town), format!("{} {n}", app.town));
    let people = app.extras((0..40).map(name)).await;
    app.acquaint(people[..10].iter().map(|friend| (&ada, friend))).await;
    app.acquaint(people[10..20].iter().map(|other| (&people[0], other))).await;
    for (first, count, most) in [(5, "", 1), (100, "", 4), (100, "totalCount", 5)] {
        let query = format!(
            "query ($town: String) {{ users(query: $town, first: {first}) {{ {count} nodes {{ id }} }} }}"
        );
        let (data, made) = made_by(app, ada.data(&query, json!({ "town": app.town }))).await;
        assert_eq!(length(&data), first.min(40));
        let sum = made.values().sum::<u64>();
        assert!(sum <= most, "{first} with {count:?} took {sum}: {made:?}");
    }
}

async fn a_full_page_of_suggestions_is_ranked_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let others = app.crowd("other", 5).await;
    app.acquaint(others.iter().map(|other| (&grace, other))).await;
    let ask = async |first: usize| {
        let query = format!(
            "{{ viewer {{ suggestions(first: {first}) {{ user {{ id username displayName }}
                mutualFriendCount sharedGroupCount }} }} }}"
        );
        let (data, made) = made_by(app, ada.data(&query, Value::Null)).await;
        assert_eq!(length(&data), first.min(5));
        made.values().sum::<u64>()
    };
    let first = ask(5).await;
    assert!(first > 0);
    assert_eq!(ask(5).await, 0);
    // One that is not full may have to be longer the next time.
    for _ in 0..2 {
        assert_eq!(ask(6).await, first);
    }
    ada.act("sendFriendRequest", &others[0]).await.unwrap();
    assert!(ask(4).await > 0);
    assert_eq!(ask(4).await, 0);
}
