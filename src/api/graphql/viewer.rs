//! What only the signed-in user sees.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, Union};
use chatterbox_graph::{
    ChatPartner as Partner, Friend, FriendsOf, Friendship as Bond, RequestDirection, TimeKey,
};

use super::{
    ahead::Ahead,
    conversations::{Conversation, ConversationConnection, ConversationEdge},
    directory::{self, FriendSuggestion},
    groups::Group,
    messages::MessageConnection,
    page::{self, PageInfo, connection, int},
    scalars::DateTime,
    scope::Scope,
    search,
    sessions::Session,
    settings::Settings,
    users::{User, UserConnection, UserEdge},
};
use crate::{error::Error, ids::ConversationId, messaging::Position};

/// What only the signed-in user sees.
pub struct Viewer {
    pub(super) scope: Scope,
}

connection!(FriendConnection, FriendEdge {
    since: DateTime,
    last_chatted_at: Option<DateTime>
} of User, total_count);

connection!(FriendRequestConnection, FriendRequestEdge {
    note: Option<String>,
    at: DateTime
} of User, total_count);

/// Which friend requests are meant.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum FriendRequestDirection {
    /// Those that others sent to the viewer.
    Incoming,
    /// Those that the viewer sent.
    Outgoing,
}

/// Whom one chats with.
#[derive(Union)]
pub enum ChatPartner {
    /// A person.
    User(User),
    /// A group.
    Group(Group),
}

/// Whom the viewer chatted with.
#[derive(SimpleObject)]
pub struct LastChatted {
    with: ChatPartner,
    conversation: Conversation,
    at: DateTime,
}

impl Viewer {
    async fn account(&self) -> Result<crate::accounts::AccountInfo> {
        let found = self.scope.services().accounts.account(self.scope.viewer().user).await?;
        Ok(found.ok_or(Error::Unauthenticated)?)
    }
}

/// What only the signed-in user sees.
#[Object]
impl Viewer {
    async fn user(&self) -> Result<User> {
        User::get(&self.scope, self.scope.viewer().user).await
    }

    async fn email(&self) -> Result<String> {
        Ok(self.account().await?.email)
    }

    async fn email_verified(&self) -> Result<bool> {
        Ok(self.account().await?.email_verified)
    }

    /// Whom the viewer lets come near.
    async fn settings(&self) -> Result<Settings> {
        let (graph, viewer) = (&self.scope.services().graph, self.scope.viewer().user);
        let settings = graph.settings(&[viewer]).await.map_err(Error::from)?.remove(&viewer);
        Ok(settings.unwrap_or_default().into())
    }

    /// People the viewer may know, strongest reason first.
    async fn suggestions(
        &self,
        #[graphql(default = 20)] first: Option<i32>,
    ) -> Result<Vec<FriendSuggestion>> {
        directory::suggestions(&self.scope, first.unwrap_or(20)).await
    }

    /// Sessions that have not ended, the one used last first.
    async fn sessions(&self) -> Result<Vec<Session>> {
        let viewer = self.scope.viewer();
        let sessions = self.scope.services().accounts.sessions(viewer).await?;
        Ok(sessions.into_iter().map(|info| Session::new(info, viewer)).collect())
    }

    /// Friends by username, all or those whose username or display name starts with `query`.
    async fn friends(
        &self,
        ctx: &Context<'_>,
        query: Option<String>,
        #[graphql(default = 50)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<FriendConnection> {
        let query = page::prefix(query)?;
        let first = page::count("first", first.unwrap_or(50))?;
        let after = page::parse_name(after.as_deref())?;
        let graph = &self.scope.services().graph;
        let viewer = self.scope.viewer().user;
        let asked = FriendsOf { viewer, query, limit: first, after: after.clone() };
        let mut pages = graph.friends(&[asked]).await.map_err(Error::from)?;
        let page = pages.pop().unwrap_or_default();
        let (friends, loaders) = (&page.items, self.scope.loaders());
        let bonds = friends.iter().map(|friend| (friend.person.id, Ok(Some(Bond::Friends))));
        loaders.friendships.prime_many(bonds).await;
        let chats = friends.iter().map(|friend| (friend.person.id, Ok(friend.last_chatted_at)));
        loaders.last_chatted_at.prime_many(chats).await;
        let people = friends.iter().map(|friend| &friend.person);
        Ahead::of_page(ctx).people(&self.scope, people).await;
        let edge = |friend: Friend| FriendEdge {
            cursor: page::name_cursor(&friend.person.username),
            node: User { scope: self.scope.clone(), person: friend.person },
            since: friend.since.into(),
            last_chatted_at: friend.last_chatted_at.map(DateTime),
        };
        let edges: Vec<_> = page.items.into_iter().map(edge).collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(FriendConnection { edges, page_info, total_count: int(page.total) })
    }

    /// Friend requests, newest first.
    async fn friend_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FriendRequestDirection::Incoming")]
        direction: FriendRequestDirection,
        #[graphql(default = 50)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<FriendRequestConnection> {
        let first = page::count("first", first.unwrap_or(50))?;
        let after = page::parse_time(after.as_deref())?;
        let direction = match direction {
            FriendRequestDirection::Incoming => RequestDirection::Incoming,
            FriendRequestDirection::Outgoing => RequestDirection::Outgoing,
        };
        let graph = &self.scope.services().graph;
        let viewer = self.scope.viewer().user;
        let page =
            graph.friend_requests(viewer, direction, first, after).await.map_err(Error::from)?;
        let people = page.items.iter().map(|request| &request.person);
        Ahead::of_page(ctx).people(&self.scope, people).await;
        let edges: Vec<FriendRequestEdge> = page
            .items
            .into_iter()
            .map(|request| FriendRequestEdge {
                cursor: page::time_cursor(TimeKey { at: request.at, id: request.person.id }),
                node: User { scope: self.scope.clone(), person: request.person },
                note: request.note,
                at: request.at.into(),
            })
            .collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(FriendRequestConnection { edges, page_info, total_count: int(page.total) })
    }

    /// Whom the viewer blocked, newest first.
    async fn blocked(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let first = page::count("first", first.unwrap_or(50))?;
        let after = page::parse_time(after.as_deref())?;
        let graph = &self.scope.services().graph;
        let viewer = self.scope.viewer().user;
        let page = graph.blocked(viewer, first, after).await.map_err(Error::from)?;
        let people = page.items.iter().map(|blocked| &blocked.person);
        Ahead::of_page(ctx).people(&self.scope, people).await;
        let edges: Vec<UserEdge> = page
            .items
            .into_iter()
            .map(|blocked| UserEdge {
                cursor: page::time_cursor(TimeKey { at: blocked.at, id: blocked.person.id }),
                node: User { scope: self.scope.clone(), person: blocked.person },
            })
            .collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(UserConnection { edges, page_info, total_count: int(page.total) })
    }

    /// Conversations, most recently active first.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<ConversationConnection> {
        let first = page::count("first", first.unwrap_or(50))?;
        let after = page::parse_number("after", after.as_deref())?;
        let history = &self.scope.services().history;
        let viewer = self.scope.viewer().user;
        let mut found = history.list(viewer, first + 1, after.map(Position)).await?;
        let has_next = found.len() > first;
        found.truncate(first);
        let known = found.iter().map(|conversation| (conversation.id, Ok(Some(*conversation))));
        self.scope.loaders().conversations.prime_many(known).await;
        Ahead::of_page(ctx).conversations(&self.scope, &found).await;
        let edges: Vec<ConversationEdge> = found
            .into_iter()
            .map(|conversation| ConversationEdge {
                cursor: page::number_cursor(conversation.last_pos.0),
                node: Conversation::new(&self.scope, conversation),
            })
            .collect();
        let page_info =
            PageInfo::forward(has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(ConversationConnection { edges, page_info })
    }

    /// Messages not yet read, over all conversations that are not muted.
    async fn unread_count(&self) -> Result<i32> {
        let unread = self.scope.services().read_states.unread(self.scope.viewer().user);
        Ok(int(unread.await?))
    }

    /// Whom the viewer chatted with, most recent first: the LAST_CHATTED edges of the graph.
    async fn last_chatted(
        &self,
        #[graphql(default = 20)] first: Option<i32>,
    ) -> Result<Vec<LastChatted>> {
        let first = page::count("first", first.unwrap_or(20))?;
        let services = self.scope.services();
        let viewer = self.scope.viewer().user;
        let chats = services.graph.last_chatted(viewer, first).await.map_err(Error::from)?;
        let ids = chats.iter().map(|chat| conversation_of(&chat.with)).collect();
        let mut conversations = self.scope.loaders().conversations.load_many(ids).await;
        let mut list = Vec::with_capacity(chats.len());
        for chat in chats {
            let found = conversations.remove(&conversation_of(&chat.with)).transpose()?.flatten();
            let Some(conversation) = found else { continue };
            let scope = self.scope.clone();
            let with = match chat.with {
                Partner::Person(person, _) => {
                    scope.know(vec![person.clone()]);
                    ChatPartner::User(User { scope, person })
                }
                Partner::Group(face) => {
                    let id = face.id;
                    scope.know_face(face);
                    ChatPartner::Group(Group { scope, id })
                }
            };
            let conversation = Conversation::new(&self.scope, conversation);
            list.push(LastChatted { with, conversation, at: chat.at.into() });
        }
        Ok(list)
    }

    /// Messages that have each word of `query`, at least as a beginning, in all conversations or in one; newest first.
    async fn search_messages(
        &self,
        query: String,
        conversation_id: Option<ID>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<MessageConnection> {
        search::messages(&self.scope, &query, conversation_id, first.unwrap_or(20), after).await
    }
}

fn conversation_of(partner: &Partner) -> ConversationId {
    match partner {
        Partner::Person(_, conversation) => (*conversation).into(),
        Partner::Group(group) => group.id.into(),
    }
}

/// The query of the viewer.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// The signed-in user.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer { scope: Scope::of(ctx)? })
    }
}
