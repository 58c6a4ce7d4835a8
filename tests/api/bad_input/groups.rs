//! Groups: their texts, their members, and roles that one does not hold.

use serde_json::{Value, json};

use super::{Case, Cast, case, no_user_ids, people::unknown_user, unfit, unknown_group, wrong};

const CREATE: &str = "mutation ($input: CreateGroupInput!) { createGroup(input: $input) { id } }";
const UPDATE: &str = "mutation ($input: UpdateGroupInput!) { updateGroup(input: $input) { id } }";
const ADD: &str = "mutation ($group: ID!, $users: [ID!]!) {
    addGroupMembers(groupId: $group, userIds: $users) { id } }";
const REMOVE: &str = "mutation ($group: ID!, $user: ID!) {
    removeGroupMember(groupId: $group, userId: $user) { id } }";
const SET_ROLE: &str = "mutation ($group: ID!, $user: ID!, $role: GroupRole!) {
    setGroupRole(groupId: $group, userId: $user, role: $role) { id } }";
const SEND: &str = "mutation ($group: ID!) {
    sendMessage(input: { to: { conversationId: $group }, body: \"x\" }) { id } }";

/// A mutation that takes a group and nothing else.
fn of_group(mutation: &str) -> String {
    let selection = if mutation == "deleteGroup" { "" } else { "{ id }" };
    format!("mutation ($group: ID!) {{ {mutation}(groupId: $group) {selection} }}")
}

/// Names that show nothing, or something else than they say.
pub(super) fn bad_names(longest: usize) -> Vec<String> {
    let names = [
        "",
        " ",
        "\n\t",
        "\u{0}",
        "a\u{0}b",
        "a\nb",
        "\u{200b}",
        "\u{200b}\u{200b}",
        "a\u{200b}b",
        "\u{200d}\u{fe0f}",
        "\u{feff}x",
        "\u{2060}",
        "x\u{ad}y",
        "\u{3164}",
        "\u{2800}",
        "\u{e0020}",
        "a\u{202e}b",
        "\u{202a}x\u{202c}",
        "\u{2066}x\u{2069}",
        "\u{200f}x",
        "a\u{2028}b",
        "\u{1b}[2J",
        "a\u{85}b",
    ];
    let long = ["x", "é", "🦀"].map(|letter| letter.repeat(longest + 1));
    names.map(str::to_owned).into_iter().chain(long).chain(["x".repeat(100_000)]).collect()
}

/// Texts of more than 500 characters, and those that deceive.
pub(super) fn bad_prose() -> Vec<String> {
    let deceptive = ["a\u{0}b", "a\u{202e}b", "a\u{200b}b", "\u{1b}[2J", "x\u{2067}y"];
    let long = ["x".repeat(501), "🦀".repeat(501), "x".repeat(100_000)];
    deceptive.map(str::to_owned).into_iter().chain(long).collect()
}

pub(super) fn texts(cast: &Cast) -> Vec<Case> {
    let create = |field: &str, value: Value| {
        let mut input = json!({ "name": "A group" });
        input[field] = value;
        json!({ "input": input })
    };
    let update = |field: &str, value: Value| {
        let mut input = json!({ "groupId": cast.own_group });
        input[field] = value;
        json!({ "input": input })
    };
    let mut cases =
        vec![unfit(CREATE, json!({ "input": {} })), unfit(UPDATE, json!({ "input": {} }))];
    for (field, texts) in [("name", bad_names(80)), ("description", bad_prose())] {
        for text in texts {
            cases.push(wrong(CREATE, create(field, json!(text)), field));
            cases.push(wrong(UPDATE, update(field, json!(text)), field));
        }
        for value in [json!(7), json!(["x"]), json!({})] {
            cases.push(unfit(CREATE, create(field, value.clone())));
            cases.push(unfit(UPDATE, update(field, value)));
        }
    }
    for value in [json!("SECRET"), json!("public"), json!(1)] {
        cases.push(unfit(CREATE, create("visibility", value.clone())));
        cases.push(unfit(UPDATE, update("visibility", value)));
    }
    for (field, value) in [
        ("name", Value::Null),
        ("visibility", Value::Null),
        ("memberIds", Value::Null),
        ("memberIds", json!([null])),
        ("owner", json!("x")),
    ] {
        cases.push(unfit(CREATE, create(field, value)));
    }
    cases
}

/// Who can't be a member, for one reason or another.
pub(super) fn members(cast: &Cast) -> Vec<Case> {
    let group = &cast.own_group;
    let create = |ids: Value| json!({ "input": { "name": "A group", "memberIds": ids } });
    let add = |ids: Value| json!({ "group": group, "users": ids });
    let mut cases = Vec::new();
    for id in no_user_ids(cast) {
        for ids in [json!([id]), json!([cast.grace.id, id])] {
            cases.push(wrong(CREATE, create(ids.clone()), "memberIds"));
            cases.push(wrong(ADD, add(ids), "userIds"));
        }
        let remove = json!({ "group": group, "user": id });
        cases.push(wrong(REMOVE, remove, "userId"));
        let set_role = json!({ "group": group, "user": id, "role": "ADMIN" });
        cases.push(wrong(SET_ROLE, set_role, "userId"));
    }
    for (who, code) in [(unknown_user(), "NOT_FOUND"), (cast.hermit.clone(), "FORBIDDEN")] {
        for ids in [json!([who]), json!([cast.grace.id, who]), json!([who, cast.grace.id])] {
            cases.push(case(CREATE, create(ids.clone()), code, None));
            cases.push(case(ADD, add(ids), code, None));
        }
    }
    for ids in [Value::Null, json!([null]), json!([["x"]]), json!({})] {
        cases.push(unfit(ADD, add(ids)));
    }
    // Who is not in it can be nothing in it.
    for user in [&cast.grace.id, &cast.hermit, &unknown_user()] {
        let remove = json!({ "group": group, "user": user });
        cases.push(case(REMOVE, remove, "NOT_FOUND", None));
        let set_role = json!({ "group": group, "user": user, "role": "ADMIN" });
        cases.push(case(SET_ROLE, set_role, "NOT_FOUND", None));
    }
    for role in [json!("KING"), json!("owner"), json!(""), json!(1), Value::Null] {
        let set_role = json!({ "group": group, "user": cast.ada.id, "role": role });
        cases.push(unfit(SET_ROLE, set_role));
    }
    for role in ["ADMIN", "MEMBER"] {
        let set_role = json!({ "group": group, "user": cast.ada.id, "role": role });
        cases.push(case(SET_ROLE, set_role, "FORBIDDEN", None));
    }
    let leave = json!({ "group": group });
    cases.push(case(of_group("leaveGroup"), leave, "FORBIDDEN", None));
    cases
}

/// Groups that are none, and those in which one may do nothing.
pub(super) fn others(cast: &Cast) -> Vec<Case> {
    let mut cases = Vec::new();
    let no_group_ids = [
        json!(""),
        json!("nonsense"),
        json!(7),
        json!("grp_"),
        json!("grp_x"),
        json!(cast.own_group.to_uppercase()),
        json!(format!("{}0", cast.own_group)),
        json!(cast.own_group.replace("grp_", "user_")),
        json!(cast.conversation),
        json!(cast.grace.id),
        json!(cast.message),
    ];
    for id in no_group_ids {
        cases.extend(on(cast, &id, |operation, variables, field| {
            let field = if operation == SEND { "conversationId" } else { field };
            // An id of another kind of conversation is one, for a message.
            let is_conversation = operation == SEND && id == cast.conversation.as_str();
            (!is_conversation).then(|| wrong(operation, variables, field))
        }));
    }
    for (id, code) in [
        (&unknown_group(), "NOT_FOUND"),
        (&cast.conversation.replace("dm_", "grp_"), "NOT_FOUND"),
        (&cast.deleted_group, "NOT_FOUND"),
        (&cast.private_group, "NOT_FOUND"),
        (&cast.public_group, "FORBIDDEN"),
    ] {
        cases.extend(on(cast, &json!(id), |operation, variables, _| {
            // What is public is there to be joined.
            let joins = operation.contains("joinGroup") && code == "FORBIDDEN";
            (!joins).then(|| case(operation, variables, code, None))
        }));
    }
    // In the last one she is a member: she may write and leave, and no more.
    cases.extend(on(cast, &json!(cast.joined_group), |operation, variables, _| {
        let may = ["joinGroup", "leaveGroup", "sendMessage"];
        let allowed = may.iter().any(|mutation| operation.contains(mutation));
        // Members know who is one.
        let nobody = operation == REMOVE && variables["user"] != cast.grace.id.as_str();
        (!allowed && !nobody).then(|| case(operation, variables, "FORBIDDEN", None))
    }));
    cases
}

/// Each operation on a group, well-formed but for what `judge` finds wrong with it.
fn on(
    cast: &Cast,
    group: &Value,
    judge: impl Fn(&str, Value, &'static str) -> Option<Case>,
) -> Vec<Case> {
    let with = |more: Value| {
        let mut variables = json!({ "group": group });
        for (name, value) in more.as_object().into_iter().flatten() {
            variables[name] = value.clone();
        }
        variables
    };
    let grace = &cast.grace.id;
    let update = json!({ "input": { "groupId": group, "name": "Mine" } });
    let mut operations = vec![
        (UPDATE.to_owned(), update),
        (ADD.to_owned(), with(json!({ "users": [grace] }))),
        (ADD.to_owned(), with(json!({ "users": [unknown_user()] }))),
        (REMOVE.to_owned(), with(json!({ "user": grace }))),
        (REMOVE.to_owned(), with(json!({ "user": unknown_user() }))),
        (SET_ROLE.to_owned(), with(json!({ "user": grace, "role": "ADMIN" }))),
        (SET_ROLE.to_owned(), with(json!({ "user": cast.ada.id, "role": "OWNER" }))),
        (SEND.to_owned(), with(Value::Null)),
    ];
    for mutation in ["joinGroup", "leaveGroup", "deleteGroup"] {
        operations.push((of_group(mutation), with(Value::Null)));
    }
    let judged = |(operation, variables): (String, Value)| judge(&operation, variables, "groupId");
    operations.into_iter().filter_map(judged).collect()
}
