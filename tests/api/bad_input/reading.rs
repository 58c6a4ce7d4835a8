//! Pages, ids, and documents that are none.

use serde_json::{Value, json};

use super::{Case, Cast, sealed, unfit, wrong};

/// A query of this, which declares the variables that it uses: one that is
/// not used would be another error.
fn query(selection: &str) -> String {
    let known = [("$n", "Int"), ("$after", "String"), ("$before", "String")];
    let used: Vec<String> = known
        .iter()
        .filter(|(name, _)| selection.contains(name))
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect();
    let declared =
        if used.is_empty() { String::new() } else { format!("query ({}) ", used.join(", ")) };
    format!("{declared}{{ {selection} }}")
}

fn of_viewer(list: &str) -> String {
    query(&format!("viewer {{ {list} {{ edges {{ cursor }} }} }}"))
}

/// A query of the group that the viewer owns.
fn of_group(cast: &Cast, field: &str) -> String {
    query(&format!("node(id: \"{}\") {{ ... on Group {{ {field} }} }}", cast.own_group))
}

fn of_grace(cast: &Cast, field: &str) -> String {
    query(&format!("user(username: \"{}\") {{ {field} }}", cast.grace.username))
}

/// A query of messages with these arguments.
pub(super) fn history(cast: &Cast, arguments: &str) -> String {
    of_grace(cast, &format!("directConversation {{ messages({arguments}) {{ nodes {{ id }} }} }}"))
}

pub(super) fn pages(cast: &Cast) -> Vec<Case> {
    let page = "first: $n, after: $after";
    let names = [
        of_viewer(&format!("friends({page})")),
        of_grace(cast, &format!("mutualFriends({page}) {{ totalCount }}")),
        of_group(cast, &format!("members({page}) {{ totalCount }}")),
    ];
    let times = [
        of_viewer(&format!("friendRequests({page})")),
        of_viewer(&format!("friendRequests(direction: OUTGOING, {page})")),
        of_viewer(&format!("blocked({page})")),
    ];
    let numbers = [
        of_viewer(&format!("conversations({page})")),
        history(cast, page),
        of_group(cast, &format!("messages({page}) {{ nodes {{ id }} }}")),
    ];
    let directory = [query(&format!("users({page}) {{ nodes {{ id }} }}"))];
    let public_groups = [query(&format!("groups({page}) {{ nodes {{ id }} }}"))];
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
                sealed(format!("t7 {}", cast.message)),
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
        (
            &directory,
            vec![
                u.clone(),
                t.clone(),
                n.clone(),
                sealed("d"),
                sealed("d0"),
                sealed(format!("d0 {}", cast.grace.id)),
                sealed("d0 nobody ada"),
                sealed(format!("d4 {} ada", cast.grace.id)),
                sealed(format!("d-1 {} ada", cast.grace.id)),
                sealed(format!("d0 {} ada", cast.own_group)),
                sealed(format!("g0 {} ada", cast.grace.id)),
            ],
        ),
        (
            &public_groups,
            vec![
                u.clone(),
                t.clone(),
                n.clone(),
                sealed("g"),
                sealed("g1"),
                sealed(format!("g1 {}", cast.own_group)),
                sealed("g1 nothing walks"),
                sealed(format!("gx {} walks", cast.own_group)),
                sealed(format!("g-1 {} walks", cast.own_group)),
                sealed(format!("g1 {} walks", cast.grace.id)),
                sealed(format!("d1 {} walks", cast.own_group)),
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
        cases.push(wrong(history(cast, "last: $n"), json!({ "n": count }), "last"));
        let chats = "query ($n: Int) { viewer { lastChatted(first: $n) { at } } }";
        cases.push(wrong(chats, json!({ "n": count }), "first"));
    }
    for list in [
        query("viewer { suggestions(first: $n) { mutualFriendCount } }"),
        query("viewer { suggestions { mutualFriends(first: $n) { id } } }"),
        of_group(cast, "friendsInside(first: $n) { id }"),
    ] {
        for count in [0, -1, 101, i32::MAX, i32::MIN] {
            cases.push(wrong(&list, json!({ "n": count }), "first"));
        }
        cases.push(unfit(&list, json!({ "n": "7" })));
    }
    for before in ["", "nonsense", u, t] {
        cases.push(wrong(
            history(cast, "last: $n, before: $before"),
            json!({ "n": 1, "before": before }),
            "before",
        ));
    }
    cases.push(wrong(history(cast, "first: $n, last: $n"), json!({ "n": 1 }), "last"));
    for field in ["distance(max: $n)", "path(max: $n) { id }"] {
        for max in [0, -1, 11, i32::MAX] {
            cases.push(wrong(of_grace(cast, field), json!({ "n": max }), "max"));
        }
    }
    cases
}

pub(super) fn by_id(cast: &Cast) -> Vec<Case> {
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
        "grp_",
        "grp_x",
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

pub(super) fn documents() -> Vec<Case> {
    let deep = |levels: usize| {
        let open = "mutualFriends(first: 1) { nodes { ".repeat(levels);
        let close = "} } ".repeat(levels);
        format!("{{ user(username: \"ada\") {{ {open} id {close} }} }}")
    };
    let wide: String =
        (0..501).map(|n| format!("f{n}: user(username: \"ada\") {{ id }} ")).collect();
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
        &"{ viewer ".repeat(5_000),
    ]
    .into_iter()
    .map(|document| unfit(document, json!({})))
    .collect()
}
