//! Searching messages.

use async_graphql::{ID, Result};

use super::{
    conversations,
    messages::{Message, MessageConnection, MessageEdge},
    page::{self, PageInfo},
    scope::Scope,
};
use crate::messaging::{Position, SearchQuery};

/// What the viewer finds in all conversations, or in one of them.
pub(super) async fn messages(
    scope: &Scope,
    query: &str,
    conversation: Option<ID>,
    first: i32,
    after: Option<String>,
) -> Result<MessageConnection> {
    let query = SearchQuery::parse(query)?;
    let first = page::count("first", first)?;
    let after = page::parse_number("after", after.as_deref())?;
    let within = match conversation {
        Some(id) => Some(conversations::visible(scope, "conversationId", &id).await?.id),
        None => None,
    };
    let viewer = scope.viewer().user;
    let search = &scope.services().search;
    let mut found = search.search(viewer, &query, within, after.map(Position), first + 1).await?;
    let has_next = found.len() > first;
    found.truncate(first);
    let edges: Vec<MessageEdge> = found
        .into_iter()
        .map(|message| MessageEdge {
            cursor: page::number_cursor(message.pos.0),
            node: Message { scope: scope.clone(), message },
        })
        .collect();
    let page_info = PageInfo::forward(has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
    Ok(MessageConnection { edges, page_info })
}
