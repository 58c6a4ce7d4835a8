//! Conversations and what is read of them.

use async_graphql::{Context, ID, Interface, Object, Result};

use super::{
    Nullable,
    messages::{Message, MessageConnection, MessageEdge},
    page::{self, PageInfo, connection},
    scalars::DateTime,
    scope::Scope,
    users::{IntoGraphql, User},
};
use crate::{
    error::{Error, Result as Outcome},
    ids,
    messaging::{Conversation as Talk, HistoryPage},
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
    field(name = "last_message", ty = "Nullable<Message>"),
    field(name = "last_activity_at", ty = "Option<DateTime>"),
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
}

connection!(ConversationConnection, ConversationEdge {} of Conversation);

/// How many messages a page has where nothing is said.
const DEFAULT_PAGE: i32 = 50;

/// A conversation of two.
#[Object]
impl DirectConversation {
    pub(super) async fn id(&self) -> ID {
        self.conversation.id.into_graphql()
    }

    /// The other one.
    async fn peer(&self) -> Result<User> {
        let peer = self.conversation.peer(self.scope.viewer().user);
        User::get(&self.scope, peer.ok_or(Error::NotFound("user"))?).await
    }

    async fn last_message(&self) -> Nullable<Message> {
        if self.conversation.last_seq == 0 {
            return None;
        }
        let id = self.conversation.id;
        let found = self.scope.loaders().last_messages.load(id).await.transpose()?;
        let scope = self.scope.clone();
        Some(found.map(|message| Message { scope, message }).map_err(Into::into))
    }

    async fn last_activity_at(&self) -> Option<DateTime> {
        self.conversation.last_at.map(DateTime)
    }

    /// Oldest to newest. `last: 50` is the newest page; go back with `before`, forward with `after`.
    async fn messages(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<MessageConnection> {
        let (count, newest) = match (first, last) {
            (Some(_), Some(_)) => {
                Err(Error::invalid("last", "can't be given together with `first`"))
            }
            (Some(first), None) => page::count("first", first).map(|count| (count, false)),
            (None, last) => page::count("last", last.unwrap_or(DEFAULT_PAGE))
                .map(|count| (count, last.is_some() || after.is_none())),
        }?;
        let asked = HistoryPage {
            after: page::parse_number("after", after.as_deref())?,
            before: page::parse_number("before", before.as_deref())?,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            newest,
        };
        let (range, has_previous_page, has_next_page) = asked.range(&self.conversation);
        let found = self.scope.loaders().history.load(range).await?;
        let edges: Vec<MessageEdge> = found
            .unwrap_or_default()
            .into_iter()
            .map(|message| MessageEdge {
                cursor: page::number_cursor(message.seq),
                node: Message { scope: self.scope.clone(), message },
            })
            .collect();
        let page_info =
            PageInfo::forward(has_next_page, has_previous_page, edges.iter().map(|e| &e.cursor));
        Ok(MessageConnection { edges, page_info })
    }
}

/// Queries of conversations.
#[derive(Default)]
pub struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// The conversation with this id; null for who is not in it.
    async fn conversation(&self, ctx: &Context<'_>, id: ID) -> Nullable<Conversation> {
        match visible(ctx, &id).await {
            Ok(conversation) => Some(Ok(conversation.into())),
            Err(Error::NotFound(_)) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}

async fn visible(ctx: &Context<'_>, id: &ID) -> Outcome<DirectConversation> {
    let scope = Scope::of(ctx)?;
    let (viewer, id) = (scope.viewer().user, ids::parse("id", id)?);
    let conversation = scope.services().conversations.visible(viewer, id).await?;
    Ok(DirectConversation { scope, conversation })
}
