//! Registering, codes, sessions and passwords.

use chatterbox::ids;
use serde_json::{Value, json};

use super::{Case, Cast, case, unfit, unknown, wrong};
use crate::support::TestApp;

pub(super) fn registrations() -> Vec<Case> {
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

pub(super) fn codes_and_sessions(app: &TestApp, cast: &Cast) -> Vec<Case> {
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
