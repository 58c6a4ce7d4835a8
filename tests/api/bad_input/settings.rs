//! Profiles, settings, and closing an account.

use serde_json::{Value, json};

use super::{
    Case, case,
    groups::{bad_names, bad_prose},
    unfit, wrong,
};

pub(super) fn profiles() -> Vec<Case> {
    const UPDATE: &str =
        "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { id } }";
    let with = |field: &str, value: Value| {
        // What is well-formed beside it is not changed either.
        let mut input = json!({ "displayName": "New", "bio": "New.", "avatarUrl": null });
        input[field] = value;
        json!({ "input": input })
    };
    let no_urls = [
        "",
        " ",
        "ada.png",
        "/ada.png",
        "//example.org/ada.png",
        "http://example.org/ada.png",
        "ftp://example.org/ada.png",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "https:",
        "https://",
        "https://ada:secret@example.org/ada.png",
        "https://ada@example.org/ada.png",
        "https://exa mple.org/",
        "https://[::1",
        "https://example.org:99999/",
    ];
    let long = format!("https://example.org/{}", "a".repeat(2_048));
    let mut cases = vec![
        unfit(UPDATE, json!({})),
        unfit(UPDATE, json!({ "input": null })),
        unfit(UPDATE, with("username", json!("another"))),
    ];
    for url in no_urls.into_iter().chain([long.as_str()]) {
        cases.push(wrong(UPDATE, with("avatarUrl", json!(url)), "avatarUrl"));
    }
    for name in bad_names(64) {
        cases.push(wrong(UPDATE, with("displayName", json!(name)), "displayName"));
    }
    for bio in bad_prose() {
        cases.push(wrong(UPDATE, with("bio", json!(bio)), "bio"));
    }
    for field in ["displayName", "bio", "avatarUrl"] {
        for value in [json!(7), json!(true), json!(["x"]), json!({})] {
            cases.push(unfit(UPDATE, with(field, value)));
        }
    }
    cases
}

pub(super) fn settings() -> Vec<Case> {
    const UPDATE: &str = "mutation ($input: UpdateSettingsInput!) { updateSettings(input: $input) {
        messagesFrom } }";
    let mut cases = vec![unfit(UPDATE, json!({})), unfit(UPDATE, json!({ "input": null }))];
    for (field, values) in [
        ("messagesFrom", [json!("SOMEBODY"), json!("everyone"), json!(1), json!(true)]),
        ("presenceTo", [json!(""), json!("FRIENDS "), json!(0), json!({})]),
        ("readReceipts", [json!("true"), json!(1), json!("EVERYONE"), json!({})]),
        ("discoverable", [json!("false"), json!(0), json!(1.5), json!({})]),
        ("theme", [json!("dark"), json!(1), json!(true), json!({})]),
    ] {
        for value in values {
            let mut input = json!({ "messagesFrom": "NOBODY", "discoverable": false });
            input[field] = value;
            cases.push(unfit(UPDATE, json!({ "input": input })));
        }
    }
    cases
}

pub(super) fn closing() -> Vec<Case> {
    const CLOSE: &str = "mutation ($password: String!) { deleteAccount(password: $password) }";
    let much = "x".repeat(100_000);
    let passwords = ["", " ", "wrong horse", "Correct horse", "correct horse ", "\u{0}", &much];
    let refused =
        |password| case(CLOSE, json!({ "password": password }), "INVALID_CREDENTIALS", None);
    let mut cases: Vec<Case> = passwords.map(refused).into();
    for password in [Value::Null, json!(7), json!({})] {
        cases.push(unfit(CLOSE, json!({ "password": password })));
    }
    cases
}
