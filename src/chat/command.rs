//! What one can write besides messages: lines that begin with `/`, the same on
//! the screen and with `--plain`.

use super::operations::Toward;

/// What one wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Say(String),
    To(Partner),
    List,
    History,
    Reply(u64, String),
    React { seq: u64, emoji: String, add: bool },
    Edit(u64, String),
    Delete(u64),
    Friends,
    Requests,
    Toward { toward: Toward, username: String, note: Option<String> },
    People(String),
    Groups(String),
    Join(String),
    Leave,
    Found(String),
    Invite(String),
    Search(String),
    Mute(bool),
    Help,
    SignOut,
    Quit,
}

/// With whom one wants to talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Partner {
    Person(String),
    Group(String),
}

/// What can be written, and what it does.
pub(super) const HELP: [(&str, &str); 26] = [
    ("TEXT", "send TEXT to the conversation that is open"),
    ("//TEXT", "send /TEXT"),
    ("/to @NAME, /to #GROUP", "open a conversation"),
    ("/list", "conversations, with what is unread"),
    ("/history", "the messages before"),
    ("/reply N TEXT", "reply to message N"),
    ("/react N EMOJI", "react to message N"),
    ("/unreact N EMOJI", "take a reaction back"),
    ("/edit N TEXT", "change your message N"),
    ("/delete N", "delete message N for everyone"),
    ("/search WORDS", "search all messages"),
    ("/friends", "your friends, and who is there"),
    ("/requests", "who asks to be your friend"),
    ("/add @NAME [NOTE]", "ask somebody to be your friend"),
    ("/accept @NAME, /decline @NAME", "answer a request"),
    ("/unfriend @NAME", "end a friendship"),
    ("/block @NAME, /unblock @NAME", "stop somebody's messages, or no longer"),
    ("/people NAME", "look people up"),
    ("/groups [NAME]", "look public groups up"),
    ("/join #GROUP", "join a public group"),
    ("/leave", "leave the group that is open"),
    ("/group NAME", "make a group"),
    ("/invite @NAME", "add somebody to the group that is open"),
    ("/mute, /unmute", "whether the conversation counts as unread"),
    ("/sign-out", "end this session and forget it"),
    ("/help, /quit", "this list; end"),
];

/// Reads a line; `None` for an empty one.
///
/// # Errors
///
/// What is expected instead.
pub(super) fn parse(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    let Some(rest) = line.strip_prefix('/') else { return Ok(Some(Command::Say(line.to_owned()))) };
    if rest.starts_with('/') {
        return Ok(Some(Command::Say(rest.to_owned())));
    }
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    command(name, rest.trim()).map(Some)
}

fn command(name: &str, rest: &str) -> Result<Command, String> {
    let words = || rest.to_owned();
    Ok(match name {
        "to" => Command::To(partner(rest)?),
        "list" => Command::List,
        "history" => Command::History,
        "reply" => numbered(rest, Command::Reply, "/reply N TEXT")?,
        "react" | "unreact" => {
            let add = name == "react";
            let react = |seq, emoji| Command::React { seq, emoji, add };
            numbered(rest, react, &format!("/{name} N EMOJI"))?
        }
        "edit" => numbered(rest, Command::Edit, "/edit N TEXT")?,
        "delete" => Command::Delete(number(rest).ok_or("write /delete N")?),
        "friends" => Command::Friends,
        "requests" => Command::Requests,
        "people" => Command::People(needed(rest, "/people NAME")?),
        "groups" => Command::Groups(words()),
        "join" => Command::Join(needed(rest.trim_start_matches('#'), "/join #GROUP")?),
        "leave" => Command::Leave,
        "group" => Command::Found(needed(rest.trim_start_matches('#'), "/group NAME")?),
        "invite" => Command::Invite(person(rest, "/invite @NAME")?),
        "search" => Command::Search(needed(rest, "/search WORDS")?),
        "mute" | "unmute" => Command::Mute(name == "mute"),
        "help" => Command::Help,
        "sign-out" => Command::SignOut,
        "quit" => Command::Quit,
        _ => return toward(name, rest),
    })
}

fn toward(name: &str, rest: &str) -> Result<Command, String> {
    let toward = match name {
        "add" => Toward::Ask,
        "accept" => Toward::Accept,
        "decline" => Toward::Decline,
        "unfriend" => Toward::Unfriend,
        "block" => Toward::Block,
        "unblock" => Toward::Unblock,
        _ => return Err(format!("there is no /{name}; /help lists what there is")),
    };
    let (who, note) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let username = person(who, &format!("/{name} @NAME"))?;
    let note = Some(note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.is_some() && toward != Toward::Ask {
        return Err(format!("write /{name} @NAME"));
    }
    Ok(Command::Toward { toward, username, note })
}

fn partner(rest: &str) -> Result<Partner, String> {
    match (rest.strip_prefix('#'), rest.strip_prefix('@').unwrap_or(rest)) {
        (Some(group), _) if !group.trim().is_empty() => Ok(Partner::Group(group.trim().to_owned())),
        (None, name) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok(Partner::Person(name.to_owned()))
        }
        _ => Err("write /to @NAME or /to #GROUP".to_owned()),
    }
}

fn person(word: &str, usage: &str) -> Result<String, String> {
    let name = word.strip_prefix('@').unwrap_or(word);
    if name.contains(char::is_whitespace) {
        return Err(format!("write {usage}"));
    }
    needed(name, usage)
}

fn needed(rest: &str, usage: &str) -> Result<String, String> {
    if rest.is_empty() { Err(format!("write {usage}")) } else { Ok(rest.to_owned()) }
}

fn number(word: &str) -> Option<u64> {
    word.trim_start_matches('#').parse().ok()
}

fn numbered(
    rest: &str,
    make: impl FnOnce(u64, String) -> Command,
    usage: &str,
) -> Result<Command, String> {
    let read = rest.split_once(char::is_whitespace).and_then(|(seq, text)| {
        let text = text.trim();
        Some((number(seq)?, text.to_owned())).filter(|_| !text.is_empty())
    });
    let (seq, text) = read.ok_or_else(|| format!("write {usage}"))?;
    Ok(make(seq, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let say = |text: &str| Command::Say(text.to_owned());
        for (line, command) in [
            ("  Hello, you ", say("Hello, you")),
            ("//shrug", say("/shrug")),
            ("/to @bob", Command::To(Partner::Person("bob".to_owned()))),
            ("/to bob", Command::To(Partner::Person("bob".to_owned()))),
            ("/to #Book club", Command::To(Partner::Group("Book club".to_owned()))),
            ("/reply 12 Yes,  both", Command::Reply(12, "Yes,  both".to_owned())),
            ("/react #3 👍", Command::React { seq: 3, emoji: "👍".to_owned(), add: true }),
            (
                "/add @bob from work",
                Command::Toward {
                    toward: Toward::Ask,
                    username: "bob".to_owned(),
                    note: Some("from work".to_owned()),
                },
            ),
            ("/search red  fish", Command::Search("red  fish".to_owned())),
            ("/groups", Command::Groups(String::new())),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(parse(line), Ok(Some(command)), "{line}");
        }
        assert_eq!(parse(" "), Ok(None));
    }

    #[test]
    fn what_is_wrong_says_what_is_expected() {
        for (line, expected) in [
            ("/to", "/to @NAME"),
            ("/to #", "/to #GROUP"),
            ("/to @bob and ann", "/to @NAME"),
            ("/reply yes", "/reply N TEXT"),
            ("/reply 3", "/reply N TEXT"),
            ("/unreact x 👍", "/unreact N EMOJI"),
            ("/delete", "/delete N"),
            ("/accept", "/accept @NAME"),
            ("/accept @bob now", "/accept @NAME"),
            ("/search", "/search WORDS"),
            ("/walk", "/help"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn everything_in_the_help_is_understood() {
        for (usage, _) in HELP {
            for one in usage.split(", ").filter(|one| one.starts_with('/')) {
                let line = one.replace('N', "7").replace(['[', ']'], "").replace("EMOJI", "👍");
                assert!(matches!(parse(&line), Ok(Some(_))), "{line}");
            }
        }
    }
}
