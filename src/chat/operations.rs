//! What is asked of the API.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    session::Session,
    text::Line,
    types::{Id, Message, Named, Overview, Page, Person, Reaction, Request, Summary},
};

/// How many messages of a conversation are read at once; the API gives no more
/// than 100.
const PAGE: u32 = 50;
/// How many pages of a list are read.
const PAGES: usize = 10;

/// Somebody; whether they are there.
const PERSON: &str = "id username displayName";
const SEEN: &str = "id username displayName presence { online lastSeenAt } friendship";

/// A message, without what differs from one viewer to another: what is the same
/// for all, the server makes once for all.
fn line() -> String {
    format!(
        "id seq body sentAt editedAt conversation {{ id }} sender {{ {PERSON} }} \
         replyTo {{ seq body sender {{ {PERSON} }} }}"
    )
}

const REACTIONS: &str = "reactions { emoji count viewerReacted }";

/// A conversation of two.
fn pair() -> String {
    format!(
        "__typename id unreadCount muted lastActivityAt lastMessage {{ {} }} peer {{ {SEEN} }}",
        line()
    )
}

/// A conversation of either kind.
fn summary() -> String {
    format!(
        "__typename id unreadCount muted lastActivityAt lastMessage {{ {} }} \
         ... on DirectConversation {{ peer {{ {SEEN} }} }} ... on Group {{ name memberCount }}",
        line()
    )
}

/// The subscription of all that happens.
pub(super) fn events() -> String {
    format!(
        "subscription Events($after: String) {{ events(after: $after) {{ __typename cursor \
         ... on MessageSent {{ message {{ {line} }} }} \
         ... on MessageEdited {{ message {{ {line} }} }} \
         ... on MessageDeleted {{ message {{ {line} }} }} \
         ... on ReactionsChanged {{ message {{ seq conversation {{ id }} {REACTIONS} }} }} \
         ... on ReadMarkerMoved {{ conversation {{ id }} marker {{ user {{ id }} seq }} }} \
         ... on MuteChanged {{ conversation {{ id muted }} }} \
         ... on GroupChanged {{ group {{ id name }} }} \
         ... on MembershipChanged {{ group {{ id name }} user {{ {PERSON} }} role }} \
         ... on FriendshipChanged {{ user {{ {SEEN} }} }} \
         ... on TypingChanged {{ conversation {{ id }} user {{ {PERSON} }} typing }} \
         ... on PresenceChanged {{ user {{ {PERSON} presence {{ online lastSeenAt }} }} }} }} }}",
        line = line()
    )
}

/// A list's items, and where it goes on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    nodes: Vec<T>,
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    #[serde(default)]
    has_next_page: bool,
    #[serde(default)]
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Edges<T> {
    edges: Vec<T>,
}

/// An answer whose one field is called `it`.
#[derive(Deserialize)]
struct It<T> {
    it: T,
}

/// A group that anybody may join, or that one is in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicGroup {
    #[serde(flatten)]
    pub named: Named,
    pub member_count: u64,
    pub viewer_role: Option<String>,
    pub description: Option<Line>,
}

/// What one may do with somebody: the mutation's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Toward {
    Ask,
    Accept,
    Decline,
    Unfriend,
    Block,
    Unblock,
}

impl Toward {
    fn mutation(self) -> &'static str {
        match self {
            Self::Ask => "sendFriendRequest",
            Self::Accept => "acceptFriendRequest",
            Self::Decline => "declineFriendRequest",
            Self::Unfriend => "removeFriend",
            Self::Block => "blockUser",
            Self::Unblock => "unblockUser",
        }
    }
}

/// Who one is, with all conversations and requests.
pub(super) async fn overview(session: &Session) -> Result<Overview> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Viewer {
        user: Person,
        conversations: List<Summary>,
        friend_requests: Edges<Request>,
    }
    let query = format!(
        "query ($after: String) {{ it: viewer {{ user {{ {PERSON} }} \
         conversations(first: 50, after: $after) {{ nodes {{ {} }} \
         pageInfo {{ hasNextPage endCursor }} }} \
         friendRequests(first: 50) {{ edges {{ note node {{ {PERSON} friendship }} }} }} }} }}",
        summary()
    );
    let (mut conversations, mut after) = (Vec::new(), None);
    let mut pages = 0;
    loop {
        let It { it } = session.ask(&query, json!({ "after": after })).await?;
        let Viewer { user: me, conversations: list, friend_requests } = it;
        conversations.extend(list.nodes);
        pages += 1;
        after = next(list.page_info);
        if after.is_none() || pages == PAGES {
            return Ok(Overview { me, conversations, requests: friend_requests.edges });
        }
    }
}

fn next(info: Option<PageInfo>) -> Option<String> {
    info.filter(|info| info.has_next_page)?.end_cursor
}

/// A conversation; `None` for who is not in it.
pub(super) async fn conversation(session: &Session, id: &str) -> Result<Option<Summary>> {
    let query = format!("query ($id: ID!) {{ it: conversation(id: $id) {{ {} }} }}", summary());
    let It { it } = session.ask(&query, json!({ "id": id })).await?;
    Ok(it)
}

/// The conversation with somebody.
pub(super) async fn direct(session: &Session, username: &str) -> Result<Summary> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct User {
        direct_conversation: Option<Summary>,
    }
    let query = format!(
        "query ($name: String!) {{ it: user(username: $name) {{ directConversation {{ {} }} }} }}",
        pair()
    );
    let answer: It<Option<User>> = session.ask(&query, json!({ "name": username })).await?;
    let user = answer.it.ok_or(Error::Unknown("there is nobody of this name"))?;
    user.direct_conversation.ok_or(Error::Unknown("this is you"))
}

/// The page of history before a cursor, or the newest one.
pub(super) async fn page(session: &Session, id: &str, before: Option<&str>) -> Result<Page> {
    #[derive(Deserialize)]
    struct Talk {
        messages: List<Message>,
    }
    let query = format!(
        "query ($id: ID!, $before: String) {{ it: conversation(id: $id) {{ \
         messages(last: {PAGE}, before: $before) {{ nodes {{ {} {REACTIONS} }} \
         pageInfo {{ hasPreviousPage startCursor }} }} }} }}",
        line()
    );
    let variables = json!({ "id": id, "before": before });
    let answer: It<Option<Talk>> = session.ask(&query, variables).await?;
    let talk = answer.it.ok_or(Error::Unknown("you are not in this conversation"))?;
    let info = talk.messages.page_info.filter(|info| info.has_previous_page);
    let before = info.and_then(|info| info.start_cursor);
    Ok(Page { messages: talk.messages.nodes, before })
}

/// The newest messages, back to the one behind this `seq` at least.
pub(super) async fn since(session: &Session, id: &str, seq: u64) -> Result<Page> {
    let mut whole = page(session, id, None).await?;
    while whole.messages.first().is_some_and(|first| first.seq > seq + 1)
        && let Some(before) = whole.before.take()
    {
        let mut earlier = page(session, id, Some(&before)).await?;
        earlier.messages.append(&mut whole.messages);
        whole = earlier;
    }
    Ok(whole)
}

/// What one writes.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub conversation: Id,
    pub body: String,
    pub key: String,
    pub reply_to: Option<Id>,
}

/// Sends; the same key sends once, however often it is tried.
pub(super) async fn send(session: &Session, draft: &Draft) -> Result<Message> {
    let query = format!(
        "mutation ($to: ID!, $body: String!, $key: String!, $replyTo: ID) {{ \
         it: sendMessage(input: {{ to: {{ conversationId: $to }}, body: $body, key: $key, \
         replyTo: $replyTo }}) {{ {} }} }}",
        line()
    );
    let Draft { conversation, body, key, reply_to } = draft;
    let variables = json!({ "to": conversation, "body": body, "key": key, "replyTo": reply_to });
    let It { it } = session.ask(&query, variables).await?;
    Ok(it)
}

pub(super) async fn edit(session: &Session, message: &str, body: &str) -> Result<Message> {
    let query = format!(
        "mutation ($id: ID!, $body: String!) {{ it: editMessage(id: $id, body: $body) {{ {} }} }}",
        line()
    );
    let It { it } = session.ask(&query, json!({ "id": message, "body": body })).await?;
    Ok(it)
}

pub(super) async fn delete(session: &Session, message: &str) -> Result<Message> {
    let query = format!("mutation ($id: ID!) {{ it: deleteMessage(id: $id) {{ {} }} }}", line());
    let It { it } = session.ask(&query, json!({ "id": message })).await?;
    Ok(it)
}

/// Reacts, or takes a reaction back; returns the message's reactions.
pub(super) async fn react(
    session: &Session,
    message: &str,
    emoji: &str,
    add: bool,
) -> Result<Vec<Reaction>> {
    #[derive(Deserialize)]
    struct Reacted {
        reactions: Vec<Reaction>,
    }
    let mutation = if add { "addReaction" } else { "removeReaction" };
    let query = format!(
        "mutation ($id: ID!, $emoji: String!) {{ \
         it: {mutation}(messageId: $id, emoji: $emoji) {{ {REACTIONS} }} }}"
    );
    let answer = session.ask(&query, json!({ "id": message, "emoji": emoji })).await?;
    let It { it: Reacted { reactions } } = answer;
    Ok(reactions)
}

pub(super) async fn mark_read(session: &Session, id: &str, seq: u64) -> Result<()> {
    let query = "mutation ($id: ID!, $seq: Int!) \
         { it: markRead(conversationId: $id, seq: $seq) { id } }";
    session.ask(query, json!({ "id": id, "seq": seq })).await.map(|_: Value| ())
}

pub(super) async fn mute(session: &Session, id: &str, muted: bool) -> Result<()> {
    let query = "mutation ($id: ID!, $muted: Boolean!) \
         { it: muteConversation(conversationId: $id, muted: $muted) { id } }";
    session.ask(query, json!({ "id": id, "muted": muted })).await.map(|_: Value| ())
}

pub(super) async fn set_typing(session: &Session, id: &str, typing: bool) -> Result<()> {
    let query = "mutation ($id: ID!, $typing: Boolean!) \
         { it: setTyping(conversationId: $id, typing: $typing) }";
    session.ask(query, json!({ "id": id, "typing": typing })).await.map(|_: Value| ())
}

/// Who has this name.
pub(super) async fn person(session: &Session, username: &str) -> Result<Person> {
    let query = format!("query ($name: String!) {{ it: user(username: $name) {{ {SEEN} }} }}");
    let answer: It<Option<Person>> = session.ask(&query, json!({ "name": username })).await?;
    answer.it.ok_or(Error::Unknown("there is nobody of this name"))
}

/// Does something with somebody; returns them as they are then.
pub(super) async fn toward(
    session: &Session,
    username: &str,
    toward: Toward,
    note: Option<&str>,
) -> Result<Person> {
    let id = person(session, username).await?.id;
    let (parameter, argument) =
        if toward == Toward::Ask { (", $note: String", ", note: $note") } else { ("", "") };
    let query = format!(
        "mutation ($id: ID!{parameter}) {{ it: {}(userId: $id{argument}) {{ {SEEN} }} }}",
        toward.mutation()
    );
    let mut variables = json!({ "id": id });
    if toward == Toward::Ask {
        variables["note"] = json!(note);
    }
    let It { it } = session.ask(&query, variables).await?;
    Ok(it)
}

/// The first friends by name.
pub(super) async fn friends(session: &Session) -> Result<Vec<Person>> {
    #[derive(Deserialize)]
    struct Viewer {
        friends: List<Person>,
    }
    let query = format!("{{ it: viewer {{ friends(first: 100) {{ nodes {{ {SEEN} }} }} }} }}");
    let It { it: Viewer { friends } } = session.ask(&query, json!({})).await?;
    Ok(friends.nodes)
}

/// The directory.
pub(super) async fn people(session: &Session, words: &str) -> Result<Vec<Person>> {
    let query = format!(
        "query ($words: String) {{ it: users(query: $words, first: 20) {{ nodes {{ {SEEN} }} }} }}"
    );
    let answer: It<List<Person>> = session.ask(&query, json!({ "words": words })).await?;
    Ok(answer.it.nodes)
}

/// Public groups.
pub(super) async fn groups(session: &Session, words: &str) -> Result<Vec<PublicGroup>> {
    let query = "query ($words: String) { it: groups(query: $words, first: 20) \
         { nodes { id name memberCount viewerRole description } } }";
    let answer: It<List<PublicGroup>> = session.ask(query, json!({ "words": words })).await?;
    Ok(answer.it.nodes)
}

/// Joins or leaves a group.
pub(super) async fn join(session: &Session, group: &str, join: bool) -> Result<Id> {
    let mutation = if join { "joinGroup" } else { "leaveGroup" };
    let query = format!("mutation ($id: ID!) {{ it: {mutation}(groupId: $id) {{ id }} }}");
    let answer: It<super::types::Ref> = session.ask(&query, json!({ "id": group })).await?;
    Ok(answer.it.id)
}

/// Makes a private group.
pub(super) async fn found(session: &Session, name: &str) -> Result<Id> {
    let query = "mutation ($name: String!) { it: createGroup(input: { name: $name }) { id } }";
    let answer: It<super::types::Ref> = session.ask(query, json!({ "name": name })).await?;
    Ok(answer.it.id)
}

/// Adds somebody to a group.
pub(super) async fn invite(session: &Session, group: &str, username: &str) -> Result<()> {
    let id = person(session, username).await?.id;
    let query = "mutation ($group: ID!, $ids: [ID!]!) \
         { it: addGroupMembers(groupId: $group, userIds: $ids) { id } }";
    session.ask(query, json!({ "group": group, "ids": [id] })).await.map(|_: Value| ())
}

/// Messages with these words, the newest first.
pub(super) async fn search(session: &Session, words: &str) -> Result<Vec<Message>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Viewer {
        search_messages: List<Message>,
    }
    let query = format!(
        "query ($words: String!) {{ it: viewer {{ \
         searchMessages(query: $words, first: 20) {{ nodes {{ {} }} }} }} }}",
        line()
    );
    let answer = session.ask(&query, json!({ "words": words })).await?;
    let It { it: Viewer { search_messages } } = answer;
    Ok(search_messages.nodes)
}
