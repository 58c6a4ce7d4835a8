//! Documents that are none, and such as go beyond the limits.

pub(super) fn bad() -> Vec<String> {
    let wide: String =
        (0..501).map(|n| format!("f{n}: user(username: \"ada\") {{ id }} ")).collect();
    let documents = [
        "",
        " ",
        "{",
        "nonsense",
        "\u{0}",
        "{ }",
        "{ viewer }",
        "{ viewer { nothing } }",
        "{ nothing }",
        "{ viewer { friendRequests(direction: SIDEWAYS) { totalCount } } }",
        "{ viewer { friendRequests(direction: null) { totalCount } } }",
        "{ user { id } }",
        "{ user(username: \"ada\", age: 7) { id } }",
        "{ users(first: 99999999999) { totalCount } }",
        "query A { viewer { email } } query B { viewer { email } }",
        "query ($x: Nothing) { viewer { email } }",
        "query { viewer { ...F } } fragment F on Viewer { ...F }",
        "query { viewer { ...Missing } }",
        "subscription { events { cursor } }",
        "mutation { blockUser { id } }",
        "query ($id: ID!) { node(id: $id) { id } }",
        &nested(6),
        &nested(50),
        &nested(2_000),
        &format!("{{ {wide} }}"),
        &"{ viewer ".repeat(5_000),
    ];
    documents.map(str::to_owned).into()
}

/// As deep as one may be.
pub(super) fn deepest() -> String {
    nested(5)
}

fn nested(levels: usize) -> String {
    let open = "mutualFriends(first: 1) { nodes { ".repeat(levels);
    let close = "} } ".repeat(levels);
    format!("{{ user(username: \"ada\") {{ {open} id {close} }} }}")
}
