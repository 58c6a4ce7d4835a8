//! The directory: who is there, those nearest first. Others share the graph
//! with this test: whom it looks for begins with the name of its town.

use serde_json::{Value, json};

use crate::{
    lists::names,
    stories,
    support::{Client, TestApp},
};

stories! {
    people_are_found_by_how_their_names_begin,
    those_nearest_come_first,
    pages_stay_where_they_are,
    who_does_not_want_to_be_listed_is_not,
    without_a_query_everyone_is_listed_friends_first,
}

const USERS: &str = "query ($query: String, $first: Int, $after: String) {
    users(query: $query, first: $first, after: $after) { totalCount nodes { username }
        edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } }";

/// Reads the directory to its end, `first` people a page.
async fn pages(client: &Client, query: &str, first: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "query": query, "first": first, "after": after });
        let data = client.data(USERS, variables).await;
        let (page, info) = (&data["users"], &data["users"]["pageInfo"]);
        assert_eq!(info["hasPreviousPage"], !after.is_null());
        found.extend(names(page));
        after = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            assert_eq!(page["totalCount"], found.len());
            return found;
        }
        assert_eq!(page["nodes"].as_array().unwrap().len(), first, "a page is full");
    }
}

async fn people_are_found_by_how_their_names_begin(app: &TestApp) {
    let (ada, town) = (app.person("ada").await, &app.town);
    let people = [
        ("zoe", "Zoë Quinn"),
        ("zed", "Łukasz"),
        ("lu", "zOra"),
        ("mia", "100% Mia"),
        ("nia", "Nia Zoe"),
    ];
    // Both names begin with the town, in one way of writing it or another.
    let loud = town.to_uppercase();
    app.extras(people.map(|(name, shown)| (format!("{town}{name}"), format!("{loud}{shown}"))))
        .await;
    let find = async |query: &str| {
        let found = pages(&ada, &format!("{town}{query}"), 2).await;
        let short = |name: &String| name.strip_prefix(town.as_str()).unwrap().to_owned();
        found.iter().map(short).collect::<Vec<String>>()
    };
    assert_eq!(find("zo").await, ["zoe", "lu"], "by username, then by display name");
    assert_eq!(find("ZOË").await, ["zoe"], "without case and accents");
    assert_eq!(find("lu").await, ["lu", "zed"]);
    assert_eq!(find("Łu").await, ["lu", "zed"]);
    assert_eq!(find("100%").await, ["mia"]);
    assert_eq!(find("").await, ["lu", "mia", "nia", "zed", "zoe"], "each once");
    for nothing in ["quinn", "%", "_", "*", "z%", "\\", "'", "\"", "zoe*", "zoe~", "\u{0}", "🦀"]
    {
        assert_eq!(find(nothing).await, [""; 0], "{nothing:?}");
    }
    // One is not listed for oneself.
    let own = pages(&ada, &ada.username, 9).await;
    assert_eq!(own, [""; 0]);
}

async fn those_nearest_come_first(app: &TestApp) {
    let (ada, town) = (app.person("ada").await, &app.town);
    // By display name the order would be another one.
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let crowd =
        app.extras(names.map(|name| (format!("{town}{name}"), format!("{town} {name}")))).await;
    let others = [("y", "B"), ("x", "A"), ("w", "B")];
    let others = app
        .extras(others.map(|(name, shown)| (app.username(name), format!("{town} {shown}"))))
        .await;
    app.acquaint([(&ada, &crowd[6]), (&ada, &crowd[4]), (&ada, &others[0])]).await;
    // The way to b leads over a friend, that to d over a friend of a friend.
    app.acquaint([(&crowd[6], &crowd[1]), (&crowd[1], &crowd[3])]).await;
    app.acquaint([(&others[0], &others[1]), (&crowd[6], &crowd[4])]).await;

    let expected = [
        // Friends, whatever they were found by.
        &crowd[4], &crowd[6], &others[0], // Friends of friends.
        &crowd[1], &others[1], // Others by username.
        &crowd[0], &crowd[2], &crowd[3], &crowd[5], // And by display name.
        &others[2],
    ]
    .map(|person| person.username.clone());
    for first in [1, 2, 3, 7, 100] {
        assert_eq!(pages(&ada, town, first).await, expected, "{first} a page");
    }
}

async fn pages_stay_where_they_are(app: &TestApp) {
    let (ada, town) = (app.person("ada").await, &app.town);
    let people: Vec<Client> = app
        .extras((0..9).map(|n| {
            let name = format!("{town}{n}");
            (name.clone(), name)
        }))
        .await;
    let page = async |after: &Value| {
        let mut data = ada.data(USERS, json!({ "query": town, "first": 3, "after": after })).await;
        data["users"].take()
    };
    let expected: Vec<String> = people.iter().map(|person| person.username.clone()).collect();
    let first = page(&Value::Null).await;
    assert_eq!(names(&first), expected[..3]);
    // Who was on the page before goes, and who follows comes nearer.
    ada.act("blockUser", &people[0]).await.unwrap();
    ada.act("blockUser", &people[2]).await.unwrap();
    ada.act("blockUser", &people[7]).await.unwrap();
    app.acquaint([(&ada, &people[1])]).await;
    let second = page(&first["pageInfo"]["endCursor"]).await;
    assert_eq!(names(&second), expected[3..6]);
    assert_eq!(second["totalCount"], 6);
    let third = page(&second["pageInfo"]["endCursor"]).await;
    assert_eq!(names(&third), [&expected[6], &expected[8]].map(Clone::clone));
    assert_eq!(third["pageInfo"]["hasNextPage"], false);
    // The same cursor gives the same page.
    assert_eq!(names(&page(&first["pageInfo"]["endCursor"]).await), expected[3..6]);
}

async fn who_does_not_want_to_be_listed_is_not(app: &TestApp) {
    let ada = app.person("ada").await;
    let shown = format!("{} person", app.town);
    let names = ["hidden", "blocked", "blocking", "open"];
    let others = futures::future::join_all(names.map(|name| app.person_called(name, &shown))).await;
    let [hidden, blocked, blocking, open] = &others[..] else { unreachable!("they are four") };
    let find = async |client: &Client| {
        let mut found = pages(client, &app.town, 3).await;
        found.sort();
        found
    };
    assert_eq!(find(&ada).await.len(), 4);
    hidden.change_settings(json!({ "discoverable": false })).await;
    ada.act("blockUser", blocked).await.unwrap();
    blocking.act("blockUser", &ada).await.unwrap();
    assert_eq!(find(&ada).await, [open.username.as_str()]);
    assert_eq!(find(hidden).await.len(), 3);
    assert_eq!(find(open).await, [&blocked.username, &blocking.username].map(Clone::clone));
    // Who knows the whole name finds everybody.
    let query = "query ($name: String!) { user(username: $name) { username } }";
    let data = ada.data(query, json!({ "name": hidden.username })).await;
    assert_eq!(data["user"]["username"], hidden.username.as_str());

    hidden.change_settings(json!({ "discoverable": true })).await;
    ada.act("unblockUser", blocked).await.unwrap();
    blocking.act("unblockUser", &ada).await.unwrap();
    assert_eq!(find(&ada).await.len(), 4);
}

async fn without_a_query_everyone_is_listed_friends_first(app: &TestApp) {
    let ada = app.person("ada").await;
    let crowd = app.crowd("zz", 4).await;
    app.acquaint([(&ada, &crowd[2]), (&ada, &crowd[0]), (&crowd[0], &crowd[3])]).await;
    let nearest = [0, 2, 3].map(|n: usize| crowd[n].username.clone());
    for query in [Value::Null, json!("")] {
        let data = ada.data(USERS, json!({ "query": query, "first": 3 })).await;
        assert_eq!(names(&data["users"]), nearest);
        assert!(data["users"]["totalCount"].as_u64().unwrap() >= 4);
    }
    // Only for who asks is it counted.
    let data = ada.data("{ users(first: 2) { nodes { username } } }", Value::Null).await;
    assert_eq!(names(&data["users"]), nearest[..2]);
}
