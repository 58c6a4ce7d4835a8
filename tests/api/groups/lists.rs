//! Groups, members and conversations in lists.

use serde_json::{Value, json};

use super::{members, three};
use crate::{
    lists::names,
    stories,
    support::{Client, TestApp, eventually},
};

stories! {
    public_groups_come_with_most_friends_first,
    public_groups_are_found_by_how_their_names_begin,
    members_are_paged_by_username,
    friends_inside_are_named,
    both_kinds_of_conversations_are_listed_by_activity,
    groups_are_among_the_last_chats,
    a_group_is_a_node,
}

/// The names of the public groups that begin with `query`, read page by page.
async fn found(client: &Client, query: &str, first: usize) -> Vec<String> {
    let document = "query ($query: String, $first: Int, $after: String) {
        groups(query: $query, first: $first, after: $after) { nodes { name } edges { cursor }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let mut names = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "query": query, "first": first, "after": after });
        let data = client.data(document, variables).await;
        let (page, info) = (&data["groups"], &data["groups"]["pageInfo"]);
        let nodes = page["nodes"].as_array().unwrap();
        names.extend(nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()));
        let edges = page["edges"].as_array().unwrap();
        assert_eq!(info["hasPreviousPage"], !after.is_null());
        assert_eq!(info["startCursor"], edges.first().map_or(Value::Null, |e| e["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Value::Null, |e| e["cursor"].clone()));
        if info["hasNextPage"] == false {
            return names;
        }
        assert_eq!(nodes.len(), first, "a page is full where another follows");
        after = info["endCursor"].clone();
    }
}

async fn public_groups_come_with_most_friends_first(app: &TestApp) {
    let (ada, grace) = tokio::join!(app.person("ada"), app.person("grace"));
    let friends = app.crowd("friend", 3).await;
    app.acquaint(friends.iter().map(|friend| (&ada, friend))).await;
    let strangers = app.crowd("stranger", 3).await;
    let friends: Vec<&Client> = friends.iter().collect();
    let strangers: Vec<&Client> = strangers.iter().collect();
    let name = |name: &str| format!("{} {name}", app.town);
    for (called, visibility, inside) in [
        ("two of them", "PUBLIC", &friends[..2]),
        ("Zebras", "PUBLIC", &[]),
        ("all of them", "PUBLIC", &friends[..]),
        ("none of your business", "PRIVATE", &friends[..]),
        ("Àpples", "PUBLIC", &strangers[..]),
        ("also two", "PUBLIC", &[friends[2], strangers[0], friends[0]]),
        ("bears", "PUBLIC", &strangers[..1]),
    ] {
        grace.found(&name(called), visibility, inside).await;
    }
    let by_friends =
        ["all of them", "also two", "two of them", "Àpples", "bears", "Zebras"].map(name);
    for first in [1, 2, 4, 6, 100] {
        assert_eq!(found(&ada, &app.town, first).await, by_friends, "{first} a page");
    }
    // Who has no friends there finds them by name.
    let by_name = ["all of them", "also two", "Àpples", "bears", "two of them", "Zebras"].map(name);
    assert_eq!(found(&grace, &app.town, 4).await, by_name);

    let query = "query ($query: String) { groups(query: $query) { nodes { name viewerRole
        memberCount friendsInside { username } members { totalCount } } } }";
    let data = ada.data(query, json!({ "query": name("also") })).await;
    let inside = [friends[0], friends[2]].map(|friend| json!({ "username": friend.username }));
    let expected = json!([{
        "name": name("also two"), "viewerRole": null, "memberCount": 4, "friendsInside": inside,
        "members": { "totalCount": 0 },
    }]);
    assert_eq!(data["groups"]["nodes"], expected);
}

async fn public_groups_are_found_by_how_their_names_begin(app: &TestApp) {
    let ada = app.person("ada").await;
    let town = &app.town;
    for name in ["Œuvre", "100% Fun", "under_score", "Fun"] {
        ada.found(&format!("Ł{town} {name}"), "PUBLIC", &[]).await;
    }
    let find = async |query: &str| found(&ada, query, 3).await.len();
    assert_eq!(find(&format!("ł{}", town.to_uppercase())).await, 4, "without case and accents");
    assert_eq!(find(&format!("l{town} 100%")).await, 1);
    assert_eq!(find(&format!("l{town} under_")).await, 1);
    for nothing in ["%", "_", "*", "f%", "fun*", "\\", "'", "\"", "\u{0}"] {
        assert_eq!(find(&format!("l{town} {nothing}")).await, 0, "{nothing:?}");
    }
    assert_eq!(find(town).await, 0, "only how the whole name begins");

    // A new name is found, and the old one is not.
    let group = ada.found(&format!("{town} old"), "PUBLIC", &[]).await;
    ada.update_group(&group, json!({ "name": format!("{town} new") })).await.unwrap();
    assert_eq!((find(&format!("{town} old")).await, find(&format!("{town} new")).await), (0, 1));
    ada.update_group(&group, json!({ "visibility": "PRIVATE" })).await.unwrap();
    assert_eq!(find(&format!("{town} new")).await, 0);
    ada.update_group(&group, json!({ "visibility": "PUBLIC" })).await.unwrap();
    ada.delete_group(&group).await.unwrap();
    assert_eq!(find(&format!("{town} new")).await, 0);
}

async fn members_are_paged_by_username(app: &TestApp) {
    let ada = app.person("ada").await;
    let crowd = app.crowd("member", 6).await;
    let called = app.extras([(app.username("zoe"), "Łukasz".to_owned())]).await;
    let everyone: Vec<&Client> = crowd.iter().rev().chain(&called).collect();
    let group = ada.found("Walks", "PRIVATE", &everyone).await;
    ada.set_role(&group, &crowd[3], "ADMIN").await.unwrap();

    let query = "query ($id: ID!, $query: String, $first: Int, $after: String) { node(id: $id) {
        ... on Group { members(query: $query, first: $first, after: $after) { totalCount
            nodes { username } edges { cursor role since node { username } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }";
    let mut expected: Vec<String> =
        everyone.iter().chain([&&ada]).map(|person| person.username.clone()).collect();
    expected.sort();
    for first in [1, 3, 8, 100] {
        let (mut listed, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "id": group, "first": first, "after": after });
            let data = ada.data(query, variables).await;
            let page = &data["node"]["members"];
            assert_eq!(page["totalCount"], 8);
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
            assert!(page["edges"].as_array().unwrap().iter().all(|edge| edge["since"].is_string()));
            listed.extend(names(page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(listed, expected, "{first} a page");
    }
    let roles = ada.members(&group).await;
    assert!(roles.contains(&(crowd[3].username.clone(), "ADMIN".to_owned())));
    for (prefix, count) in [("MEMBER", 6), ("łu", 1), ("zo", 1), ("ukasz", 0), ("%", 0), ("", 8)] {
        let data = ada.data(query, json!({ "id": group, "query": prefix })).await;
        assert_eq!(data["node"]["members"]["totalCount"], count, "{prefix}");
        assert_eq!(names(&data["node"]["members"]).len(), count, "{prefix}");
    }
}

async fn friends_inside_are_named(app: &TestApp) {
    let (group, [ada, grace, alan]) = three(app, "PUBLIC").await;
    let emmy = app.person("emmy").await;
    let inside = async |client: &Client, first: usize| {
        let query = "query ($id: ID!, $first: Int) { node(id: $id) { ... on Group {
            friendsInside(first: $first) { username friendship } } } }";
        let data = client.data(query, json!({ "id": group, "first": first })).await;
        let list = data["node"]["friendsInside"].as_array().unwrap().clone();
        assert!(list.iter().all(|friend| friend["friendship"] == "FRIENDS"), "{list:?}");
        let name = |friend: &Value| friend["username"].as_str().unwrap().to_owned();
        list.iter().map(name).collect::<Vec<String>>()
    };
    assert!(inside(&emmy, 3).await.is_empty());
    for friend in [&grace, &ada, &alan] {
        emmy.befriend(friend).await;
    }
    let all = [&ada, &alan, &grace].map(|friend| friend.username.clone());
    assert_eq!(inside(&emmy, 3).await, all);
    assert_eq!(inside(&emmy, 2).await, all[..2]);
    // As soon as it is so.
    emmy.act("removeFriend", &alan).await.unwrap();
    ada.remove_member(&group, &grace).await.unwrap();
    assert_eq!(inside(&emmy, 3).await, all[..1]);
    assert!(inside(&grace, 3).await.is_empty());
    assert_eq!(alan.members(&group).await, members([(&ada, "OWNER"), (&alan, "MEMBER")]));
}

async fn both_kinds_of_conversations_are_listed_by_activity(app: &TestApp) {
    let (walks, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let runs = grace.found("Runs", "PUBLIC", &[&ada]).await;
    ada.send(&grace, "Hello").await;
    grace.tell(&runs, "Faster").await;
    alan.tell(&walks, "Slower").await;
    let list = async |client: &Client, first: usize| {
        let query = "query ($first: Int, $after: String) { viewer {
            conversations(first: $first, after: $after) {
                nodes { __typename lastMessage { body } lastActivityAt
                    ... on DirectConversation { peer { username } } ... on Group { name } }
                pageInfo { hasNextPage endCursor } } } }";
        let (mut found, mut after) = (Vec::new(), Value::Null);
        loop {
            let data = client.data(query, json!({ "first": first, "after": after })).await;
            let page = &data["viewer"]["conversations"];
            for node in page["nodes"].as_array().unwrap() {
                assert!(node["lastActivityAt"].is_string());
                let with = node["name"].as_str().or(node["peer"]["username"].as_str()).unwrap();
                let last = node["lastMessage"]["body"].as_str().unwrap_or("–");
                found.push(format!("{with}: {last}"));
            }
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                return found;
            }
        }
    };
    let with_grace = format!("{}: Hello", grace.username);
    let expected = ["Walks: Slower", "Runs: Faster", &with_grace];
    for first in [1, 2, 50] {
        assert_eq!(list(&ada, first).await, expected, "{first} a page");
    }
    // A group is listed from its making on.
    ada.found("Swims", "PRIVATE", &[&alan]).await;
    assert_eq!(list(&alan, 50).await, ["Swims: –", "Walks: Slower"]);
    ada.send(&grace, "Hello again").await;
    ada.leave_group(&runs).await.unwrap();
    let with_grace = format!("{}: Hello again", grace.username);
    assert_eq!(list(&ada, 2).await, [&with_grace, "Swims: –", "Walks: Slower"]);
}

async fn groups_are_among_the_last_chats(app: &TestApp) {
    let (walks, [ada, grace, alan]) = three(app, "PRIVATE").await;
    let silent = ada.found("Silence", "PRIVATE", &[&grace]).await;
    let direct = ada.send(&grace, "Hello").await;
    let last = alan.tell(&walks, "Slower").await;
    let chats = async |client: &Client| {
        let query = "{ viewer { lastChatted { at conversation { __typename id }
            with { ... on User { username } ... on Group { id name } } } } }";
        let mut data = client.data(query, Value::Null).await;
        data["viewer"]["lastChatted"].take()
    };
    let expected = json!([
        {
            "at": last["sentAt"], "conversation": { "__typename": "Group", "id": walks },
            "with": { "id": walks, "name": "Walks" },
        },
        {
            "at": direct["sentAt"],
            "conversation": {
                "__typename": "DirectConversation", "id": direct["conversation"]["id"],
            },
            "with": { "username": grace.username },
        },
    ]);
    eventually("the LAST_CHATTED edges", || async {
        (chats(&ada).await == expected).then_some(())
    })
    .await;
    assert_eq!(chats(&alan).await.as_array().unwrap().len(), 1);

    // Chats of before one joined are none of one's own.
    let emmy = app.person("emmy").await;
    ada.add_members(&walks, &[&emmy]).await.unwrap();
    assert_eq!(chats(&emmy).await, json!([]));
    ada.remove_member(&walks, &alan).await.unwrap();
    assert_eq!(chats(&alan).await, json!([]));
    grace.tell(&silent, "Not any more").await;
    eventually("the group to come first", || async {
        (chats(&ada).await[0]["with"]["name"] == "Silence").then_some(())
    })
    .await;
}

async fn a_group_is_a_node(app: &TestApp) {
    let (group, [ada, grace, _]) = three(app, "PRIVATE").await;
    let emmy = app.person("emmy").await;
    let sent = ada.tell(&group, "Hello").await;
    let ids = json!([group, sent["id"], "grp_00000000000000000000000000"]);
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
        ... on Conversation { lastMessage { body } }
        ... on Message { conversation { __typename id } } } }";
    let found = grace.data(query, json!({ "ids": ids })).await;
    let expected = json!([
        { "__typename": "Group", "id": group, "lastMessage": { "body": "Hello" } },
        {
            "__typename": "Message", "id": sent["id"],
            "conversation": { "__typename": "Group", "id": group },
        },
        null,
    ]);
    assert_eq!(found["nodes"], expected);
    let found = emmy.data(query, json!({ "ids": ids })).await;
    assert_eq!(found["nodes"], json!([null, null, null]));
    // The same bytes under another name are nothing.
    let direct = group.replace("grp_", "dm_");
    let query = "query ($id: ID!) { node(id: $id) { id } conversation(id: $id) { id } }";
    let found = ada.data(query, json!({ "id": direct })).await;
    assert_eq!(found, json!({ "node": null, "conversation": null }));
    let refused = ada.try_tell(&direct, "Hello?").await.unwrap_err();
    assert_eq!(refused.code, "NOT_FOUND");
}
