//! Lists, as lines of text.

use super::{
    model::{Conversation, Model},
    talk::Listing,
    types::{Friendship, Message, Person, Presence, Reaction},
};

/// A conversation in the list.
pub(super) fn conversation(talk: &Conversation) -> String {
    let muted = if talk.muted { ", muted" } else { "" };
    format!("conversation: {}, {} unread{muted}", talk.title(), talk.unread())
}

/// What was asked for, line by line.
pub(super) fn lines(listing: &Listing, model: &Model) -> Vec<String> {
    let (kind, items): (_, Vec<String>) = match listing {
        Listing::Friends(people) => ("friend", people.iter().map(person).collect()),
        Listing::People(people) => ("person", people.iter().map(person).collect()),
        Listing::Requests(requests) => {
            let line = |request: &super::types::Request| {
                let note = request.note.as_deref().map(|note| format!(": {note}"));
                format!("@{}{}", &*request.person.username, note.unwrap_or_default())
            };
            ("request", requests.iter().map(line).collect())
        }
        Listing::Groups(groups) => {
            let line = |group: &super::operations::PublicGroup| {
                let inside = if group.viewer_role.is_some() { ", you are in it" } else { "" };
                let about = group.description.as_deref().map(|text| format!(": {text}"));
                let (name, members) = (&*group.named.name, group.member_count);
                format!("#{name}, {members} members{inside}{}", about.unwrap_or_default())
            };
            ("group", groups.iter().map(line).collect())
        }
        Listing::Found(messages) => {
            ("found", messages.iter().map(|message| found(message, model)).collect())
        }
    };
    if items.is_empty() {
        return vec![format!("{kind}: none")];
    }
    items.into_iter().map(|item| format!("{kind}: {item}")).collect()
}

fn found(message: &Message, model: &Model) -> String {
    let place = model.conversation(&message.conversation.id).map(Conversation::title);
    let body = message.body.as_deref().unwrap_or_default().replace('\n', " ");
    format!("[{}] {} {}: {body}", place.unwrap_or_default(), message.seq, message.author())
}

/// Somebody, with what is known of them.
pub(super) fn person(person: &Person) -> String {
    let there = match &person.presence {
        Some(Presence { online: true, .. }) => ", online",
        Some(_) => ", offline",
        None => "",
    };
    let friendship = match person.friendship {
        Some(Friendship::Friends) => ", friend",
        Some(Friendship::RequestSent) => ", you asked",
        Some(Friendship::RequestReceived) => ", asks you",
        Some(Friendship::Blocked) => ", blocked",
        Some(Friendship::Viewer) => ", you",
        Some(Friendship::None) | None => "",
    };
    format!("@{} ({}){there}{friendship}", &*person.username, &*person.display_name)
}

/// The reactions of a message; an asterisk is with the viewer's own.
pub(super) fn reactions(reactions: &[Reaction]) -> String {
    let one = |reaction: &Reaction| {
        let own = if reaction.viewer_reacted { "*" } else { "" };
        format!("{} {}{own}", &*reaction.emoji, reaction.count)
    };
    let all: Vec<_> = reactions.iter().map(one).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("  ") }
}
