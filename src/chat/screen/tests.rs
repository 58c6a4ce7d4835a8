use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{board::Board, view};
use crate::{
    ambient::Ambient,
    chat::{
        feed::Link,
        session::Session,
        talk::{Notice, Talk},
        types::{Event, Message, Overview, Page, Summary},
    },
};

fn person(name: &str) -> Value {
    json!({ "id": format!("user_{name}"), "username": name, "displayName": name.to_uppercase() })
}

fn message(seq: u64, sender: &str, body: &str) -> Message {
    serde_json::from_value(json!({
        "id": format!("msg_{seq}"), "seq": seq, "conversation": { "id": "dm_1" },
        "sender": person(sender), "body": body,
        "sentAt": "2026-01-02T10:42:00Z", "editedAt": null, "replyTo": null, "reactions": [],
    }))
    .unwrap()
}

/// Ada's screen, with a conversation with Bob that holds these messages.
fn board(messages: Vec<Message>) -> Board {
    let (_, news) = mpsc::channel(1);
    let mut talk = Talk::new(Session::alone(), Ambient::system(), news);
    talk.link = Link::Live;
    let summary: Summary = serde_json::from_value(json!({
        "__typename": "DirectConversation", "id": "dm_1", "peer": person("bob"),
        "unreadCount": 0, "muted": false, "lastMessage": null, "lastActivityAt": null,
    }))
    .unwrap();
    let me = serde_json::from_value(person("ada")).unwrap();
    talk.model.overview(Overview { me, conversations: vec![summary], requests: Vec::new() });
    let mut board = Board::new(talk);
    board.zone = TimeZone::UTC;
    board.open("dm_1".to_owned());
    let last = messages.last().map_or(0, |last| last.seq);
    board.talk.model.page("dm_1", Page { messages, before: None });
    board.talk.model.read("dm_1", last);
    board
}

/// What is on a screen of this size, row by row.
fn drawn(board: &mut Board, columns: u16, rows: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view::draw(board, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |row: u16| {
        let cells = (0..columns).map(|column| buffer[(column, row)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..rows).map(row).collect()
}

fn shows(screen: &[String], text: &str) -> bool {
    screen.iter().any(|row| row.contains(text))
}

fn press(board: &mut Board, code: KeyCode) {
    let notices = board.key(KeyEvent::new(code, KeyModifiers::NONE));
    board.take(notices);
}

#[tokio::test]
async fn a_conversation_is_shown_with_day_time_and_name() {
    let mut board = board(vec![message(1, "bob", "Hello"), message(2, "ada", "日本語 👍 ok")]);
    let screen = drawn(&mut board, 80, 12);
    assert!(screen[0].contains("@bob  BOB"), "{screen:#?}");
    assert!(shows(&screen, "Friday, 2 January 2026"), "{screen:#?}");
    assert!(shows(&screen, "10:42 bob  Hello"), "{screen:#?}");
    let wide = screen.iter().find(|row| row.contains("10:42 ada")).unwrap();
    let letters: String = wide.chars().filter(|c| *c != ' ').collect();
    assert!(letters.ends_with("ada日本語👍ok"), "{wide}");
    assert!(screen[11].contains("● online") && screen[11].contains("F1 help"), "{screen:#?}");
}

#[tokio::test]
async fn nothing_of_others_reaches_the_terminal_raw() {
    let evil = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b\u{0}";
    let mut board = board(vec![message(1, "bob", evil)]);
    let screen = drawn(&mut board, 80, 12);
    let harmful = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!screen.concat().contains(harmful), "{screen:#?}");
    assert!(shows(&screen, "a]0;owned31mb"), "{screen:#?}");
}

#[tokio::test]
async fn narrow_and_tiny_terminals_are_drawn() {
    let text = "a rather long message with 日本語 and 👩‍👩‍👧 in it";
    let mut board = board((1..30).map(|seq| message(seq, "bob", text)).collect());
    let screen = drawn(&mut board, 40, 12);
    assert!(!shows(&screen, "│@bob"), "the list makes room: {screen:#?}");
    assert!(shows(&screen, "in it"), "{screen:#?}");
    for (columns, rows) in [(1, 1), (2, 2), (5, 3), (10, 4), (200, 2), (3, 60)] {
        drawn(&mut board, columns, rows);
        press(&mut board, KeyCode::F(1));
        drawn(&mut board, columns, rows);
        press(&mut board, KeyCode::F(2));
        drawn(&mut board, columns, rows);
        press(&mut board, KeyCode::Esc);
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_is_shown_once() {
    let mut board = board(vec![message(1, "bob", "Hello")]);
    for letter in "Good day".chars() {
        press(&mut board, KeyCode::Char(letter));
    }
    press(&mut board, KeyCode::Enter);
    let times = |board: &mut Board| {
        drawn(board, 80, 12).iter().filter(|row| row.contains("Good day")).count()
    };
    let screen = drawn(&mut board, 80, 12);
    assert!(shows(&screen, "…     Good day") && shows(&screen, "1 to send"), "{screen:#?}");
    // Its event comes before its answer.
    board.talk.outbox.heard(&"dm_1".to_owned(), Some("Good day"));
    let message = message(2, "ada", "Good day");
    board.talk.model.apply(Event::MessageSent { message: message.clone() });
    assert_eq!(times(&mut board), 1);
    board.talk.outbox.answered(Ok(&message));
    board.talk.model.sent(message);
    assert_eq!(times(&mut board), 1);
    assert!(!shows(&drawn(&mut board, 80, 12), "to send"));
}

#[tokio::test]
async fn going_up_shows_what_was_before_and_stays_there() {
    let all = (1..=60).map(|seq| message(seq, "bob", &format!("number {seq};"))).collect();
    let mut board = board(all);
    let screen = drawn(&mut board, 80, 12);
    assert!(shows(&screen, "number 60;") && !shows(&screen, "number 50;"), "{screen:#?}");
    for _ in 0..20 {
        press(&mut board, KeyCode::Up);
        drawn(&mut board, 80, 12);
    }
    assert_eq!(board.selected, Some(41));
    let screen = drawn(&mut board, 80, 12);
    assert!(shows(&screen, "number 41;") && !shows(&screen, "number 60;"), "{screen:#?}");
    board.talk.model.apply(Event::MessageSent { message: message(61, "bob", "number 61;") });
    board.take(vec![Notice::Done(String::new())]);
    let after = drawn(&mut board, 80, 12);
    assert_eq!(after[1..9], screen[1..9], "nothing moves below the reader");
    assert!(after[0].contains("1 new below"), "{after:#?}");
    let unread = board.talk.model.conversation("dm_1").unwrap().unread();
    assert_eq!(unread, 1, "what is not seen is not read");
    press(&mut board, KeyCode::End);
    assert!(shows(&drawn(&mut board, 80, 12), "number 61;"));
    assert_eq!(board.talk.model.conversation("dm_1").unwrap().unread(), 0);
}

#[tokio::test]
async fn only_what_one_wrote_is_changed_and_deleting_is_asked_about() {
    let mut board = board(vec![message(1, "ada", "mine"), message(2, "bob", "yours")]);
    press(&mut board, KeyCode::Up);
    press(&mut board, KeyCode::Char('e'));
    assert!(shows(&drawn(&mut board, 80, 12), "only what you wrote"));
    press(&mut board, KeyCode::Up);
    press(&mut board, KeyCode::Char('d'));
    assert!(shows(&drawn(&mut board, 80, 12), "Delete for everyone?"));
    press(&mut board, KeyCode::Char('n'));
    assert!(!shows(&drawn(&mut board, 80, 12), "Delete for everyone?"));
    press(&mut board, KeyCode::Char('e'));
    let screen = drawn(&mut board, 80, 12);
    assert!(shows(&screen, "Edit") && shows(&screen, "│mine"), "{screen:#?}");
}

#[tokio::test]
async fn why_there_is_no_connection_stays_on_the_screen() {
    let mut board = board(vec![message(1, "bob", "Hello")]);
    board.talk.link = Link::Broken("the server's certificate is not trusted".to_owned());
    board.take(vec![Notice::Done("muted".to_owned())]);
    let screen = drawn(&mut board, 80, 12);
    assert_eq!(screen[11], "○ offline  the server's certificate is not trusted");
}
