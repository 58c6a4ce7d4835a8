use serde_json::json;

use super::*;
use crate::{ambient::Ambient, chat::session::Session};

fn plain() -> Plain {
    let (_, news) = mpsc::channel(1);
    let talk = Talk::new(Session::alone(), Ambient::system(), news);
    Plain::new(talk, String::new())
}

#[tokio::test]
async fn lines_that_were_not_carried_out_are_no_success() {
    let mut plain = plain();
    plain.lines.extend(["/to @bob", "", "Hello"].map(|line| Ok(line.to_owned())));
    assert_eq!(plain.next_line(), None, "nothing is known yet");
    assert!(matches!(plain.ended(), Err(Error::Undone(2))));
}

#[tokio::test]
async fn every_error_that_is_told_is_no_success() {
    let mut plain = plain();
    let not_read = Err("a line that is not UTF-8".to_owned());
    let lines = ["/walk", "Hello", "/edit 99 x", "/history"].map(|line| Ok(line.to_owned()));
    for (before, line) in lines.into_iter().chain([not_read]).enumerate() {
        assert_eq!(plain.failed, before);
        plain.read(line).unwrap();
    }
    assert!(matches!(plain.outcome(0), Err(Error::Undone(5))));
}

/// Nothing was written, and nobody was there either.
#[tokio::test]
async fn who_never_came_in_has_no_success() {
    let mut plain = plain();
    assert!(matches!(plain.ended(), Err(Error::Unreachable(_))));
    plain.talk.link = Link::Broken("nobody is there".to_owned());
    let told = plain.ended().unwrap_err().to_string();
    assert_eq!(told, "the server can't be reached: nobody is there");
}

#[tokio::test]
async fn a_reason_is_said_once() {
    let mut plain = plain();
    let broken = |why: &str| Link::Broken(why.to_owned());
    let said = plain.link(&broken("nobody is there"));
    assert_eq!(said, ["state: offline, trying to come back: nobody is there"]);
    assert!(plain.link(&Link::Connecting).is_empty());
    assert!(plain.link(&broken("nobody is there")).is_empty());
    assert_eq!(plain.link(&broken("it is somebody else")).len(), 1);
    assert_eq!(plain.link(&Link::Live), ["state: online"]);
}

fn message(body: &str) -> Message {
    serde_json::from_value(json!({
        "id": "msg_1", "seq": 12, "conversation": { "id": "dm_1" },
        "sender": { "id": "user_1", "username": "bob", "displayName": "Bob" },
        "body": body, "sentAt": "2026-01-01T00:00:00Z", "editedAt": null,
        "replyTo": { "seq": 3, "sender": null, "body": null },
    }))
    .unwrap()
}

#[test]
fn a_message_begins_one_line_and_the_others_are_known_as_its_own() {
    assert_eq!(
        said("@bob", &message("yes\n[@eve] 13 eve: no\u{1b}[2J")),
        ["[@bob] 12 bob (to 3 of somebody): yes", "| [@eve] 13 eve: no[2J"]
    );
}

#[test]
fn what_is_deleted_says_so() {
    let deleted = Message { body: None, ..message("") };
    assert_eq!(said("#club", &deleted), ["[#club] 12 bob (to 3 of somebody): (deleted)"]);
}
