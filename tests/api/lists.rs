//! Long lists, page by page, and how people are connected.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp},
};

stories! {
    friends_are_paged_by_username,
    friends_are_found_by_how_their_names_begin,
    requests_are_paged_newest_first,
    conversations_are_paged_by_their_last_message,
    mutual_friends_are_counted_and_paged,
    distance_and_path_go_along_friendships,
    one_request_asks_about_many_people,
}

/// The username of each node of a page.
pub fn names(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["username"].as_str().unwrap().to_owned()).collect()
}

/// Reads a list to its end, `first` items a page, and checks what each page
/// tells of itself.
async fn pages(client: &Client, list: &str, first: usize) -> Vec<String> {
    let query = format!(
        "query ($first: Int, $after: String) {{ viewer {{ list: {list} {{
            totalCount nodes {{ username }} edges {{ cursor node {{ username }} }}
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"
    );
    let mut found = Vec::new();
    let mut after = Value::Null;
    loop {
        let data = client.data(&query, json!({ "first": first, "after": after })).await;
        let page = &data["viewer"]["list"];
        let (edges, info) = (page["edges"].as_array().unwrap(), &page["pageInfo"]);
        let items = names(page);
        assert_eq!(edges.len(), items.len());
        assert_eq!(info["hasPreviousPage"], !after.is_null());
        assert_eq!(info["startCursor"], edges.first().map_or(Value::Null, |e| e["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Value::Null, |e| e["cursor"].clone()));
        let total = usize::try_from(page["totalCount"].as_u64().unwrap()).unwrap();
        found.extend(items);
        assert_eq!(info["hasNextPage"], found.len() < total, "{page:#}");
        if info["hasNextPage"] == false {
            assert_eq!(found.len(), total);
            return found;
        }
        assert_eq!(edges.len(), first, "a page is full where another follows");
        after = info["endCursor"].clone();
    }
}

/// `count` people, by username.
async fn crowd(app: &TestApp, count: usize) -> Vec<Client> {
    let names: Vec<String> = (0..count).map(|n| format!("p{n:02}")).collect();
    futures::future::join_all(names.iter().map(|name| app.person(name))).await
}

const FRIENDS: &str = "friends(first: $first, after: $after)";

async fn friends_are_paged_by_username(app: &TestApp) {
    let ada = app.person("ada").await;
    assert!(pages(&ada, FRIENDS, 3).await.is_empty());
    let crowd = crowd(app, 8).await;
    // The order in which they became friends is another one.
    for other in crowd.iter().rev() {
        other.befriend(&ada).await;
    }
    let expected: Vec<String> = crowd.iter().map(|other| other.username.clone()).collect();
    for first in [1, 3, 4, 7, 8, 100] {
        assert_eq!(pages(&ada, FRIENDS, first).await, expected, "{first} a page");
    }

    // Who is gone meanwhile does not shift what follows.
    let query = "query ($after: String) { viewer { friends(first: 3, after: $after) {
        nodes { username } pageInfo { endCursor } } } }";
    let first = ada.data(query, Value::Null).await;
    ada.act("removeFriend", &crowd[0]).await.unwrap();
    ada.act("removeFriend", &crowd[2]).await.unwrap();
    let after = &first["viewer"]["friends"]["pageInfo"]["endCursor"];
    let second = ada.data(query, json!({ "after": after })).await;
    assert_eq!(names(&second["viewer"]["friends"]), expected[3..6]);
}

async fn friends_are_found_by_how_their_names_begin(app: &TestApp) {
    let ada = app.person("ada").await;
    for (name, display_name) in [
        ("zoe", "Zoë Quinn"),
        ("zed", "Łukasz"),
        ("lu", "zOra"),
        ("mia", "100% Mia"),
        ("nia", "Nia Zoe"),
        ("under_score", "_underlined"),
    ] {
        let other = app.person_called(name, display_name).await;
        ada.befriend(&other).await;
    }
    app.person_called("zoey", "Zoey, who is nobody's friend").await;

    let find = async |query: &str| {
        let data = ada
            .data(
                "query ($query: String) { viewer { friends(query: $query) {
                    totalCount nodes { username } } } }",
                json!({ "query": query }),
            )
            .await;
        let page = &data["viewer"]["friends"];
        let found = names(page);
        assert_eq!(page["totalCount"], found.len(), "{query:?}");
        let suffix = format!("_{}", app.town);
        let name = |name: &String| name.strip_suffix(&suffix).unwrap().to_owned();
        found.iter().map(name).collect::<Vec<String>>()
    };
    assert_eq!(find("zo").await, ["lu", "zoe"], "username or display name");
    assert_eq!(find("ZOË").await, ["zoe"], "without case and accents");
    assert_eq!(find("lu").await, ["lu", "zed"]);
    assert_eq!(find("łu").await, ["lu", "zed"]);
    assert_eq!(find("quinn").await, [""; 0], "only how the whole name begins");
    assert_eq!(find(&app.username("mia")).await, ["mia"]);
    // No pattern, nor anything else with a meaning of its own.
    assert_eq!(find("100%").await, ["mia"]);
    assert_eq!(find("_").await, ["under_score"]);
    for nothing in ["%", "*", ".*", "z%", "\\", "'", "\"", "zoe*", "zoe~", "~", "\u{0}", "🦀"] {
        assert_eq!(find(nothing).await, [""; 0], "{nothing:?}");
    }
    assert_eq!(find("").await.len(), 6);
    assert_eq!(
        pages(&ada, "friends(query: \"z\", first: $first, after: $after)", 1).await.len(),
        3
    );
}

async fn requests_are_paged_newest_first(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let crowd = crowd(app, 5).await;
    for other in &crowd {
        other.act("sendFriendRequest", &ada).await.unwrap();
        grace.act("sendFriendRequest", other).await.unwrap();
    }
    let expected: Vec<String> = crowd.iter().rev().map(|other| other.username.clone()).collect();
    let incoming = "friendRequests(first: $first, after: $after)";
    let outgoing = "friendRequests(direction: OUTGOING, first: $first, after: $after)";
    for first in [1, 2, 5] {
        assert_eq!(pages(&ada, incoming, first).await, expected);
        assert_eq!(pages(&grace, outgoing, first).await, expected);
    }
    assert!(pages(&ada, outgoing, 2).await.is_empty());
    assert!(pages(&grace, incoming, 2).await.is_empty());
}

async fn conversations_are_paged_by_their_last_message(app: &TestApp) {
    let ada = app.person("ada").await;
    let crowd = crowd(app, 5).await;
    for other in &crowd {
        ada.send(other, "first").await;
    }
    crowd[1].send(&ada, "second").await;
    // One that nothing was said in is none.
    let silent = app.person("silent").await;
    let asked = "query ($name: String!) { user(username: $name) { directConversation { id } } }";
    ada.data(asked, json!({ "name": silent.username })).await;

    let mut found = Vec::new();
    let mut after = Value::Null;
    for more in [true, true, false] {
        let data = ada
            .data(
                "query ($after: String) { viewer { conversations(first: 2, after: $after) {
                    nodes { lastMessage { body } lastActivityAt
                        ... on DirectConversation { peer { username } } }
                    pageInfo { hasNextPage hasPreviousPage endCursor } } } }",
                json!({ "after": after }),
            )
            .await;
        let page = &data["viewer"]["conversations"];
        assert_eq!(page["pageInfo"]["hasNextPage"], more);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        after = page["pageInfo"]["endCursor"].clone();
        found.extend(page["nodes"].as_array().unwrap().clone());
    }
    let peers: Vec<&Value> = found.iter().map(|node| &node["peer"]["username"]).collect();
    assert_eq!(peers, [1, 4, 3, 2, 0].map(|n: usize| json!(crowd[n].username)).each_ref());
    assert_eq!(found[0]["lastMessage"]["body"], "second");
    let times: Vec<&str> =
        found.iter().map(|node| node["lastActivityAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
}

async fn mutual_friends_are_counted_and_paged(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let crowd = crowd(app, 6).await;
    for other in &crowd[..5] {
        ada.befriend(other).await;
    }
    for other in &crowd[1..] {
        grace.befriend(other).await;
    }
    let query = "query ($name: String!, $first: Int, $after: String) { user(username: $name) {
        mutualFriends(first: $first, after: $after) { totalCount nodes { username }
            edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";
    let mut found = Vec::new();
    let mut after = Value::Null;
    for (left, page) in [(3, 1), (2, 2), (1, 3), (0, 4)] {
        let variables = json!({ "name": grace.username, "first": 1, "after": after });
        let data = ada.data(query, variables).await;
        let list = &data["user"]["mutualFriends"];
        assert_eq!(list["totalCount"], 4);
        assert_eq!(list["pageInfo"]["hasNextPage"], left > 0);
        assert_eq!(list["pageInfo"]["hasPreviousPage"], page > 1);
        found.extend(names(list));
        after = list["pageInfo"]["endCursor"].clone();
    }
    let expected: Vec<String> = crowd[1..5].iter().map(|other| other.username.clone()).collect();
    assert_eq!(found, expected);
    for (name, total) in [(&ada.username, 0), (&crowd[0].username, 0), (&crowd[5].username, 0)] {
        let data = ada.data(query, json!({ "name": name })).await;
        assert_eq!(data["user"]["mutualFriends"]["totalCount"], total, "{name}");
    }
    // Two who are friends themselves have mutual ones too.
    ada.befriend(&grace).await;
    let data = ada.data(query, json!({ "name": crowd[1].username })).await;
    assert_eq!(names(&data["user"]["mutualFriends"]), [grace.username]);
}

async fn distance_and_path_go_along_friendships(app: &TestApp) {
    let (ada, alone) = tokio::join!(app.person("ada"), app.person("alone"));
    let chain = crowd(app, 3).await;
    ada.befriend(&chain[0]).await;
    chain[0].befriend(&chain[1]).await;
    chain[1].befriend(&chain[2]).await;

    let between = async |other: &Client, max: Option<i32>| {
        let data = ada
            .data(
                "query ($name: String!, $max: Int) { user(username: $name) {
                    distance(max: $max) path(max: $max) { username } } }",
                json!({ "name": other.username, "max": max }),
            )
            .await;
        let path = data["user"]["path"].as_array().unwrap();
        let path: Vec<String> =
            path.iter().map(|person| person["username"].as_str().unwrap().to_owned()).collect();
        (data["user"]["distance"].as_i64(), path)
    };
    let everyone = [&ada, &chain[0], &chain[1], &chain[2]];
    let way = |length: usize| -> Vec<String> {
        everyone[..length].iter().map(|person| person.username.clone()).collect()
    };
    for (distance, other) in everyone.iter().enumerate() {
        let expected = (i64::try_from(distance).ok(), way(distance + 1));
        assert_eq!(between(other, None).await, expected);
        assert_eq!(between(other, Some(10)).await, expected);
    }
    assert_eq!(between(&chain[1], Some(1)).await, (None, vec![]));
    assert_eq!(between(&chain[1], Some(2)).await, (Some(2), way(3)));
    assert_eq!(between(&chain[2], Some(2)).await, (None, vec![]));
    assert_eq!(between(&alone, None).await, (None, vec![]));

    // A shorter way is taken as soon as there is one.
    ada.befriend(&chain[1]).await;
    let (distance, path) = between(&chain[2], None).await;
    assert_eq!((distance, path.len()), (Some(2), 3));
    // Who blocks is not found along any way.
    chain[2].act("blockUser", &ada).await.unwrap();
    assert_eq!(between(&chain[2], None).await, (None, vec![]));
}

async fn one_request_asks_about_many_people(app: &TestApp) {
    let ada = app.person("ada").await;
    let crowd = crowd(app, 6).await;
    for other in &crowd {
        ada.befriend(other).await;
        ada.send(other, &format!("Hello, {}", other.username)).await;
    }
    crowd[0].befriend(&crowd[1]).await;
    let query = "{ viewer { friends { nodes { username friendship distance
        path { username } mutualFriends(first: 5) { totalCount nodes { username } }
        directConversation { peer { username } lastMessage { body sender { username } }
            messages(last: 1) { nodes { seq body } } } } } } }";
    let data = ada.data(query, Value::Null).await;
    let nodes = data["viewer"]["friends"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), crowd.len());
    for (n, node) in nodes.iter().enumerate() {
        let name = &crowd[n].username;
        let hello = format!("Hello, {name}");
        let mutual: Vec<Value> = match n {
            0 => vec![json!({ "username": crowd[1].username })],
            1 => vec![json!({ "username": crowd[0].username })],
            _ => vec![],
        };
        assert_eq!(
            node,
            &json!({
                "username": name, "friendship": "FRIENDS", "distance": 1,
                "path": [{ "username": ada.username }, { "username": name }],
                "mutualFriends": { "totalCount": mutual.len(), "nodes": mutual },
                "directConversation": {
                    "peer": { "username": name },
                    "lastMessage": { "body": hello, "sender": { "username": ada.username } },
                    "messages": { "nodes": [{ "seq": 1, "body": hello }] },
                },
            })
        );
    }
}
