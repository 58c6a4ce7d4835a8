//! Conversations and what is read of them.

use async_graphql::{Context, ID, Interface, Object, Result};

use super::{
    Nullable,
    ahead::Ahead,
    eager::Eager,
    groups::Group,
    messages::{Message, MessageConnection, MessageEdge},
    page::{self, PageInfo, connection, int},
    reading::{self, ReadMarker},
    scalars::DateTime,
    scope::Scope,
    users::{IntoGraphql, User},
};
use crate::{
    error::{Error, Result as Outcome},
    ids,
    messaging::{Conversation as Talk, ConversationKind, HistoryPage},
};

/// A conversation of two.
#[derive(Clone)]
pub struct DirectConversation {
    pub(super) scope: Scope,
    pub(super) conversation: Talk,
}

/// A conversation.
#[derive(Interface, Clone)]
#[expect(clippy::duplicated_attributes, reason = "two arguments may have the same type")]
#[graphql(
    field(name = "id", ty = "ID"),
    field(name = "last_message", ty = "Nullable<Eager<Message>>"),
    field(name = "last_activity_at", ty = "Nullable<DateTime>"),
    field(
        name = "unread_count",
        ty = "i32",
        desc = "Messages behind those that the viewer has read or sent."
    ),
    field(
        name = "muted",
        ty = "bool",
        desc = "Whether the viewer's own `unreadCount` leaves it out."
    ),
    field(
        name = "read_markers",
        ty = "Vec<ReadMarker>",
        desc = "How far members have read, of those who share it: the 100 newest markers, the newest first, the viewer's own always among them."
    ),
    field(
        name = "messages",
        ty = "MessageConnection",
        desc = "Oldest to newest. `last: 50` is the newest page; go back with `before`, forward with `after`.",
        arg(name = "first", ty = "Option<i32>"),
        arg(name = "after", ty = "Option<String>"),
        arg(name = "last", ty = "Option<i32>"),
        arg(name = "before", ty = "Option<String>")
    )
)]
pub enum Conversation {
    /// Of two.
    DirectConversation(DirectConversation),
    /// Of a group.
    Group(Group),
}

impl Conversation {
    /// What the viewer is in.
    pub(super) fn new(scope: &Scope, conversation: Talk) -> Self {
        let scope = scope.clone();
        match conversation.kind {
            ConversationKind::Direct { .. } => DirectConversation { scope, conversation }.into(),
            ConversationKind::Group => Group { scope, id: conversation.id.group() }.into(),
        }
    }
}

connection!(ConversationConnection, ConversationEdge {} of Conversation);

/// How many messages a page has where nothing is said.
const DEFAULT_PAGE: i32 = 50;

/// A conversation of two.
#[Object]
impl DirectConversation {
    pub(super) async fn id(&self) -> ID {
        self.conversation.id.direct().into_graphql()
    }

    /// The other one.
    async fn peer(&self) -> Result<User> {
        let peer = self.conversation.peer(self.scope.viewer().user);
        User::get(&self.scope, peer.ok_or(Error::NotFound("user"))?).await
    }

    async fn last_message(&self) -> Nullable<Eager<Message>> {
        last_message(&self.scope, Ok(Some(self.conversation))).await.transpose()
    }

    async fn last_activity_at(&self) -> Nullable<DateTime> {
        self.conversation.last_at.map(DateTime).map(Ok)
    }

    /// Messages behind those that the viewer has read or sent.
    async fn unread_count(&self) -> Result<i32> {
        Ok(int(reading::state(&self.scope, self.conversation.id).await?.unread))
    }

    /// Whether the viewer's own `unreadCount` leaves it out.
    async fn muted(&self) -> Result<bool> {
        Ok(reading::state(&self.scope, self.conversation.id).await?.muted)
    }

    /// How far members have read, of those who share it: the 100 newest markers, the newest first, the viewer's own always among them.
    async fn read_markers(&self) -> Result<Vec<ReadMarker>> {
        reading::markers(&self.scope, self.conversation.id).await
    }

    /// Oldest to newest. `last: 50` is the newest page; go back with `before`, forward with `after`.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<MessageConnection> {
        let asked = MessagePage::parse(first, after.as_deref(), last, before.as_deref())?;
        Box::pin(messages(&self.scope, &Ahead::of_page(ctx), Some(self.conversation), asked)).await
    }
}

/// What part of a history a client asks for.
pub(super) struct MessagePage(HistoryPage);

impl MessagePage {
    pub(super) fn parse(
        first: Option<i32>,
        after: Option<&str>,
        last: Option<i32>,
        before: Option<&str>,
    ) -> Result<Self> {
        let (count, newest) = match (first, last) {
            (Some(_), Some(_)) => {
                Err(Error::invalid("last", "can't be given together with `first`"))
            }
            (Some(first), None) => page::count("first", first).map(|count| (count, false)),
            (None, last) => page::count("last", last.unwrap_or(DEFAULT_PAGE))
                .map(|count| (count, last.is_some() || after.is_none())),
        }?;
        Ok(Self(HistoryPage {
            after: page::parse_number("after", after)?,
            before: page::parse_number("before", before)?,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            newest,
        }))
    }
}

/// A page of messages; an empty one for who is not in the conversation.
pub(super) async fn messages(
    scope: &Scope,
    ahead: &Ahead<'_>,
    conversation: Option<Talk>,
    MessagePage(asked): MessagePage,
) -> Result<MessageConnection> {
    let Some(conversation) = conversation else {
        let page_info = PageInfo::forward(false, false, std::iter::empty());
        return Ok(MessageConnection { edges: Vec::new(), page_info });
    };
    let (range, has_previous_page, has_next_page) = asked.range(&conversation);
    let found = scope.loaders().history.load(range).await?.unwrap_or_default();
    ahead.messages(scope, &found).await;
    let edges: Vec<MessageEdge> = found
        .into_iter()
        .map(|message| MessageEdge {
            cursor: page::number_cursor(message.seq),
            node: Message { scope: scope.clone(), message },
        })
        .collect();
    let page_info =
        PageInfo::forward(has_next_page, has_previous_page, edges.iter().map(|e| &e.cursor));
    Ok(MessageConnection { edges, page_info })
}

/// The newest message, for who is in the conversation and may read it.
pub(super) async fn last_message(
    scope: &Scope,
    conversation: Result<Option<Talk>>,
) -> Result<Option<Eager<Message>>> {
    let Some(conversation) = conversation?.filter(Talk::shows_last) else {
        return Ok(None);
    };
    let message = scope.loaders().last_messages.load(conversation.id).await?;
    Ok(message.map(|message| Eager(Message { scope: scope.clone(), message })))
}

/// The conversation with this id, for who is in it.
pub(super) async fn visible(scope: &Scope, field: &'static str, id: &str) -> Outcome<Talk> {
    let (id, is_group) = ids::conversation(field, id)?;
    let found = scope.services().conversations.visible(scope.viewer().user, id).await?;
    if matches!(found.kind, ConversationKind::Group) == is_group {
        Ok(found)
    } else {
        Err(Error::NotFound("conversation"))
    }
}

/// Queries of conversations.
#[derive(Default)]
pub struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// The conversation with this id; null for who is not in it.
    async fn conversation(&self, ctx: &Context<'_>, id: ID) -> Nullable<Conversation> {
        let scope = match Scope::of(ctx) {
            Ok(scope) => scope,
            Err(error) => return Some(Err(error.into())),
        };
        match visible(&scope, "id", &id).await {
            Ok(conversation) => Some(Ok(Conversation::new(&scope, conversation))),
            Err(Error::NotFound(_)) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}
