use serde_json::{Value, json};

use super::*;
use crate::chat::types::{Named, Ref};

const ADA: &str = "user_ada";
const BOB: &str = "user_bob";
const TALK: &str = "dm_1";

fn person(id: &str) -> Value {
    let name = id.trim_start_matches("user_");
    json!({ "id": id, "username": name, "displayName": name })
}

fn message(seq: u64, sender: &str) -> Message {
    serde_json::from_value(json!({
        "id": format!("msg_{seq}"), "seq": seq, "conversation": { "id": TALK },
        "sender": person(sender), "body": format!("message {seq}"),
        "sentAt": "2026-01-01T00:00:00Z", "editedAt": null, "replyTo": null,
    }))
    .unwrap()
}

fn summary(last: u64, unread: u64) -> Summary {
    let last = (last > 0).then(|| message(last, BOB));
    Summary {
        id: TALK.to_owned(),
        partner: Partner::Peer { peer: serde_json::from_value(person(BOB)).unwrap() },
        unread_count: unread,
        muted: false,
        last_activity_at: last.as_ref().map(|last| last.sent_at),
        last_message: last,
    }
}

fn overview(conversations: Vec<Summary>) -> Overview {
    Overview {
        me: serde_json::from_value(person(ADA)).unwrap(),
        conversations,
        requests: Vec::new(),
    }
}

/// Signed in, with a conversation of so many messages.
fn model(last: u64, unread: u64) -> Model {
    let mut model = Model::new();
    assert_eq!(model.overview(overview(vec![summary(last, unread)])), Effects::default());
    model
}

fn sent(seq: u64, sender: &str) -> Event {
    Event::MessageSent { message: message(seq, sender) }
}

fn told(effects: &Effects) -> Vec<u64> {
    let seq = |change: &Change| match change {
        Change::Said { seq, .. } => Some(*seq),
        _ => None,
    };
    effects.changes.iter().filter_map(seq).collect()
}

fn seqs(model: &Model) -> Vec<u64> {
    model.conversation(TALK).unwrap().messages.keys().copied().collect()
}

fn page(seqs: impl IntoIterator<Item = u64>, before: Option<&str>) -> Page {
    let messages = seqs.into_iter().map(|seq| message(seq, BOB)).collect();
    Page { messages, before: before.map(str::to_owned) }
}

#[test]
fn a_message_is_told_once_however_often_it_comes() {
    let mut model = model(4, 0);
    assert_eq!(told(&model.apply(sent(5, BOB))), [5]);
    assert_eq!(told(&model.apply(sent(5, BOB))), [0; 0]);
    assert_eq!(told(&model.page(TALK, page(4..=5, None))), [0; 0]);
    assert_eq!(told(&model.overview(overview(vec![summary(5, 1)]))), [0; 0]);
    assert_eq!(seqs(&model), [4, 5]);
}

#[test]
fn an_answer_that_comes_before_the_event_is_told_in_order() {
    let mut model = model(4, 0);
    assert_eq!(told(&model.sent(message(6, ADA))), [0; 0]);
    assert_eq!(told(&model.apply(sent(5, BOB))), [5, 6]);
    assert_eq!(told(&model.apply(sent(6, ADA))), [0; 0]);
    assert_eq!(seqs(&model), [5, 6]);
}

#[test]
fn a_gap_is_asked_for_and_filled_in_order() {
    let mut model = model(4, 0);
    let effects = model.apply(sent(7, BOB));
    let since = Want::Since { conversation: TALK.to_owned(), seq: 4 };
    assert_eq!(effects, Effects { changes: Vec::new(), wants: vec![since] });
    assert_eq!(told(&model.page(TALK, page(4..=7, Some("c")))), [5, 6, 7]);
    assert_eq!(seqs(&model), [4, 5, 6, 7]);
}

/// The first subscription may begin a moment after the first overview.
#[test]
fn an_overview_that_is_ahead_shows_what_was_missed() {
    let mut model = model(4, 0);
    let effects = model.overview(overview(vec![summary(5, 1)]));
    assert_eq!(effects.wants, [Want::Since { conversation: TALK.to_owned(), seq: 4 }]);
    assert_eq!(told(&model.page(TALK, page([5], None))), [5]);
}

#[test]
fn what_came_before_the_first_overview_is_told_too() {
    let mut model = Model::new();
    let effects = model.apply(sent(5, BOB));
    assert_eq!(effects.wants, [Want::Conversation(TALK.to_owned())]);
    assert_eq!(told(&effects), [0; 0], "nobody knows with whom");
    assert_eq!(told(&model.overview(overview(vec![summary(5, 1)]))), [5]);
}

/// A conversation that began while the client was away: its messages are
/// replayed after the overview, which knows them all.
#[test]
fn a_conversation_that_began_meanwhile_is_told_from_its_beginning() {
    let mut model = Model::new();
    model.overview(overview(Vec::new()));
    model.overview(overview(vec![summary(2, 2)]));
    assert_eq!(told(&model.apply(sent(1, BOB))), [1]);
    assert_eq!(told(&model.apply(sent(2, BOB))), [2]);
}

#[test]
fn unread_messages_are_counted_by_what_was_read_and_sent() {
    let mut model = model(4, 1);
    let unread = |model: &Model| model.conversation(TALK).unwrap().unread();
    assert_eq!(unread(&model), 1);
    model.apply(sent(5, BOB));
    model.apply(sent(5, BOB));
    assert_eq!(unread(&model), 2);
    let marker = |user: &str, seq| Event::ReadMarkerMoved {
        conversation: serde_json::from_value(json!({ "id": TALK })).unwrap(),
        marker: serde_json::from_value(json!({ "user": { "id": user }, "seq": seq })).unwrap(),
    };
    model.apply(marker(BOB, 5));
    assert_eq!(unread(&model), 2, "that of another");
    model.apply(marker(ADA, 4));
    assert_eq!(unread(&model), 1);
    model.apply(sent(6, ADA));
    assert_eq!(unread(&model), 0, "who writes has read");
    // An overview that was answered earlier takes nothing back.
    model.overview(overview(vec![summary(5, 2)]));
    assert_eq!(unread(&model), 0);
}

#[test]
fn pages_go_back_and_keep_what_is_newer() {
    let mut model = model(90, 0);
    model.apply(sent(91, BOB));
    model.page(TALK, page(50..=91, Some("c50")));
    let talk = |model: &Model| model.conversation(TALK).unwrap().before.clone();
    assert_eq!(talk(&model), Before::Cursor("c50".to_owned()));
    // What fills a gap does not move the place where the history is read on.
    model.page(TALK, page(91..=93, Some("c91")));
    assert_eq!(talk(&model), Before::Cursor("c50".to_owned()));
    model.page(TALK, page(1..=49, None));
    assert_eq!(talk(&model), Before::Nothing);
    assert_eq!(seqs(&model), (1..=93).collect::<Vec<_>>());
}

#[test]
fn an_edit_replaces_and_keeps_reactions() {
    let mut model = model(4, 0);
    model.apply(sent(5, BOB));
    let conversation: Ref = serde_json::from_value(json!({ "id": TALK })).unwrap();
    let reactions: Vec<_> =
        serde_json::from_value(json!([{ "emoji": "👍", "count": 1, "viewerReacted": true }]))
            .unwrap();
    let reacted = Reacted { seq: 5, conversation, reactions };
    let effects = model.apply(Event::ReactionsChanged { message: reacted.clone() });
    assert_eq!(effects.changes.len(), 1);
    let again = model.apply(Event::ReactionsChanged { message: reacted });
    assert_eq!(again, Effects::default(), "the same again is no news");
    let edited = Message { body: Some("other".into()), ..message(5, BOB) };
    model.apply(Event::MessageEdited { message: edited });
    let shown = &model.conversation(TALK).unwrap().messages[&5];
    assert_eq!(shown.body.as_deref(), Some("other"));
    assert_eq!(shown.reactions.as_ref().unwrap().len(), 1);
}

#[test]
fn an_edit_of_what_is_not_here_leaves_no_gap() {
    let mut model = model(9, 0);
    model.apply(sent(10, BOB));
    model.apply(Event::MessageEdited { message: message(3, BOB) });
    assert_eq!(seqs(&model), [10]);
}

#[test]
fn a_message_ends_typing_and_so_does_a_broken_connection() {
    let mut model = model(4, 0);
    let typing = |typing| Event::TypingChanged {
        conversation: serde_json::from_value(json!({ "id": TALK })).unwrap(),
        user: serde_json::from_value(person(BOB)).unwrap(),
        typing,
    };
    assert_eq!(model.apply(typing(true)).changes.len(), 1);
    assert_eq!(model.apply(typing(true)).changes.len(), 0, "said again every few seconds");
    model.apply(sent(5, BOB));
    assert!(model.conversation(TALK).unwrap().typing.is_empty());
    model.apply(typing(true));
    model.disconnected();
    assert!(model.conversation(TALK).unwrap().typing.is_empty());
}

#[test]
fn who_comes_into_a_group_is_told_once_and_by_its_name() {
    let mut model = model(4, 0);
    let joins = |role: &str| Event::MembershipChanged {
        group: serde_json::from_value(json!({ "id": "grp_1", "name": "Readers" })).unwrap(),
        user: serde_json::from_value(person(ADA)).unwrap(),
        role: Some(role.to_owned()),
    };
    let effects = model.apply(joins("MEMBER"));
    assert_eq!(effects.wants, [Want::Conversation("grp_1".to_owned())]);
    let partner = Partner::Group { name: "Readers".into(), member_count: 2 };
    let group = Summary { id: "grp_1".to_owned(), partner, ..summary(0, 0) };
    let joined = Change::Joined { conversation: "grp_1".to_owned() };
    assert_eq!(model.summary(group.clone()).changes, [joined]);
    model.apply(joins("ADMIN"));
    assert_eq!(model.summary(group).changes, []);
}

#[test]
fn a_friendship_is_told_once_by_answer_and_event() {
    let mut model = model(4, 0);
    let friend = || {
        let mut friend = person(BOB);
        friend["friendship"] = json!("FRIENDS");
        serde_json::from_value::<Person>(friend).unwrap()
    };
    assert_eq!(model.befriended(friend()).changes.len(), 1);
    assert_eq!(model.apply(Event::FriendshipChanged { user: friend() }), Effects::default());
}

#[test]
fn who_leaves_a_group_has_it_no_more() {
    let mut model = model(4, 0);
    let group: Named = serde_json::from_value(json!({ "id": TALK, "name": "Readers" })).unwrap();
    let user = serde_json::from_value(person(ADA)).unwrap();
    let effects = model.apply(Event::MembershipChanged { group, user, role: None });
    assert_eq!(effects.changes, [Change::Left { title: "@bob".to_owned() }]);
    assert!(model.conversation(TALK).is_none());
}
