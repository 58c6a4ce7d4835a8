//! Every mutation, on what is the owner's or concerns them.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{cast::Cast, table::Table};
use crate::{
    introspection::{Schema, text},
    support::{Client, TestApp},
};

/// A mutation, on what it is tried, and its arguments.
type Row = (&'static str, &'static str, Value);

/// Of these nothing that one does changes what another one is answered, by any of them: they are tried on the same people.
const TOGETHER: [&str; 12] = [
    "updateProfile",
    "updateSettings",
    "createGroup",
    "updateGroup",
    "setGroupRole",
    "sendMessage",
    "editMessage",
    "addReaction",
    "removeReaction",
    "markRead",
    "muteConversation",
    "setTyping",
];

/// What needs an account. Nothing of it succeeds that would change what another one is answered.
fn of_accounts(app: &TestApp, cast: &Cast, session: &str) -> Vec<Row> {
    let (name, email) = (&cast.owner.username, app.email("owner"));
    let register = json!({ "username": name, "email": "new@example.org", "password": "12345678" });
    vec![
        ("register", "the owner's name", json!({ "input": register })),
        ("verifyEmail", "the owner's, a wrong code", json!({ "email": email, "code": "1234567" })),
        ("resendVerification", "the owner's", json!({ "email": email })),
        (
            "signIn",
            "as the owner, a wrong password",
            json!({ "input": { "login": name, "password": "wrong horse" } }),
        ),
        ("refreshSession", "a token that is none", json!({ "refreshToken": "nonsense" })),
        ("endSession", "the owner's", json!({ "id": session })),
        (
            "changePassword",
            "a wrong one",
            json!({ "current": "wrong horse", "new": "battery staple" }),
        ),
        (
            "changeEmail",
            "a wrong password",
            json!({ "email": "new@example.org", "password": "wrong horse" }),
        ),
        ("confirmEmailChange", "a wrong code", json!({ "code": "1234567" })),
        ("deleteAccount", "a wrong password", json!({ "password": "wrong horse" })),
        ("requestPasswordReset", "the owner's", json!({ "email": email })),
        (
            "resetPassword",
            "the owner's, a wrong code",
            json!({ "email": email, "code": "1234567", "new": "battery staple" }),
        ),
    ]
}

/// The others, as they are for who calls them.
fn of_people(cast: &Cast, by: &Client) -> Vec<Row> {
    let owner = json!({ "userId": cast.owner.id });
    let of_one = |id: &str| json!({ "conversationId": id });
    let (private, public) = (&cast.private.id, &cast.public.id);
    let (with_friend, with_blocked) = (&cast.with_friend, &cast.with_blocked);
    let mut rows = vec![
        ("signOut", "", json!({})),
        ("signOutEverywhere", "", json!({})),
        ("updateProfile", "", json!({ "input": { "bio": "Hello." } })),
        ("updateSettings", "", json!({ "input": { "readReceipts": false } })),
        ("sendFriendRequest", "to the owner", owner.clone()),
        ("cancelFriendRequest", "of the stranger, to the owner", owner.clone()),
        ("acceptFriendRequest", "of the owner, to the stranger", owner.clone()),
        ("declineFriendRequest", "of the owner, to the stranger", owner.clone()),
        ("removeFriend", "the owner", owner.clone()),
        ("blockUser", "the owner", owner.clone()),
        ("unblockUser", "the owner", owner.clone()),
        (
            "createGroup",
            "with the owner",
            json!({ "input": { "name": "Another", "memberIds": [cast.owner.id] } }),
        ),
        ("sendMessage", "to the owner", to(&owner)),
        ("sendMessage", "with the friend", to(&of_one(&with_friend.conversation))),
        ("sendMessage", "with the blocked", to(&of_one(&with_blocked.conversation))),
    ];
    for (words, group) in [("private group", private), ("public group", public)] {
        rows.extend(of_group(words, group, cast, by));
        rows.push(("sendMessage", words, to(&of_one(group))));
    }
    for (words, message) in [
        ("the owner's, private group", &cast.private.message),
        ("the owner's, public group", &cast.public.message),
        ("the owner's, to the friend", &with_friend.message),
        ("of the blocked, to the owner", &with_blocked.message),
    ] {
        let reaction = json!({ "messageId": message, "emoji": "👍" });
        rows.push(("editMessage", words, json!({ "id": message, "body": "Edited" })));
        rows.push(("deleteMessage", words, json!({ "id": message })));
        rows.push(("addReaction", words, reaction.clone()));
        rows.push(("removeReaction", words, reaction));
    }
    for (words, id) in [
        ("private group", private),
        ("public group", public),
        ("with the friend", &with_friend.conversation),
        ("with the blocked", &with_blocked.conversation),
    ] {
        rows.push(("markRead", words, json!({ "conversationId": id, "seq": 1 })));
        rows.push(("muteConversation", words, json!({ "conversationId": id, "muted": true })));
        rows.push(("setTyping", words, json!({ "conversationId": id, "typing": true })));
    }
    rows
}

fn of_group(words: &'static str, id: &str, cast: &Cast, by: &Client) -> Vec<Row> {
    // Whom one has removed, the next one can't remove.
    let [one, another] = &cast.others;
    let member = if by.id == cast.owner.id { one } else { another };
    let with_user = |user: &Client| json!({ "groupId": id, "userId": user.id });
    let with_role = |role: &str| json!({ "groupId": id, "userId": member.id, "role": role });
    let only = json!({ "groupId": id });
    let (of_owner, to_admin) = match words {
        "private group" => ("the owner, private group", "to admin, private group"),
        _ => ("the owner, public group", "to admin, public group"),
    };
    vec![
        ("updateGroup", words, json!({ "input": { "groupId": id, "name": "Renamed" } })),
        ("addGroupMembers", words, json!({ "groupId": id, "userIds": [cast.friend.id] })),
        ("removeGroupMember", words, with_user(member)),
        ("removeGroupMember", of_owner, with_user(&cast.owner)),
        ("setGroupRole", to_admin, with_role("ADMIN")),
        ("joinGroup", words, only.clone()),
        ("leaveGroup", words, only.clone()),
        ("deleteGroup", words, only),
    ]
}

fn to(target: &Value) -> Value {
    json!({ "input": { "to": target, "body": "Hello again" } })
}

async fn prepare(cast: &Cast, mutation: &str) {
    let Cast { owner, stranger, .. } = cast;
    let (from, to) = match mutation {
        "acceptFriendRequest" | "declineFriendRequest" => (owner, stranger),
        "cancelFriendRequest" => (stranger, owner),
        _ => return,
    };
    from.act("sendFriendRequest", to).await.unwrap();
}

async fn call(schema: &Schema, by: &Client, (mutation, _, arguments): Row) -> String {
    let document = schema.call("Mutation", mutation, &arguments, str::to_owned);
    let response = by.response(&document, arguments).await;
    match response["errors"].get(0) {
        Some(error) => text(&error["extensions"]["code"]).to_owned(),
        None => "ok".to_owned(),
    }
}

/// What everyone is answered. Those who may least come first: what one of them does is not to change the answer for the next.
async fn tried(schema: &Schema, cast: &Cast, row: impl Fn(&Client) -> Row) -> (Row, Vec<String>) {
    let mut answers = Vec::new();
    for by in cast.all().into_iter().rev() {
        answers.insert(0, call(schema, by, row(by)).await);
    }
    (row(&cast.owner), answers)
}

pub(super) async fn everything(app: &TestApp) -> Table {
    let cast = Cast::with_accounts(app).await;
    let schema = Schema::of(&cast.owner).await;
    let session = app.device("owner", "phone").await.session().await;
    let mut done = Vec::new();
    for row in of_accounts(app, &cast, &session) {
        done.push(tried(&schema, &cast, |_| row.clone()).await);
    }
    let rows = of_people(&cast, &cast.owner).into_iter().map(|(mutation, ..)| mutation).enumerate();
    let (together, alone): (Vec<_>, Vec<_>) =
        rows.partition(|(_, mutation)| TOGETHER.contains(mutation));
    let tries: Vec<Vec<_>> =
        [together].into_iter().chain(alone.into_iter().map(|row| vec![row])).collect();
    let casts = Cast::without_accounts(app, tries.len()).await;
    let tries = stream::iter(tries.into_iter().zip(casts)).map(async |(rows, people)| {
        let cast = Cast::of(app, people).await;
        let mut done = Vec::new();
        for (place, mutation) in rows {
            prepare(&cast, mutation).await;
            let row = |by: &Client| of_people(&cast, by).swap_remove(place);
            done.push(tried(&schema, &cast, row).await);
        }
        done
    });
    done.extend(tries.buffer_unordered(4).collect::<Vec<_>>().await.into_iter().flatten());

    let known: BTreeSet<&str> = done.iter().map(|((mutation, ..), _)| *mutation).collect();
    for field in schema.fields("Mutation") {
        let name = text(&field["name"]);
        assert!(known.contains(name), "who may {name}?");
    }
    let mut table = Table::default();
    for ((mutation, words, _), answers) in done {
        let row =
            if words.is_empty() { mutation.to_owned() } else { format!("{mutation}: {words}") };
        table.set("Mutation", &row, answers);
    }
    table
}
