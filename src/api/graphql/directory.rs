//! Finding people: the directory and suggestions.

use async_graphql::{Context, Object, Result};
use chatterbox_graph::{MutualFriendsOf, Suggestion};

use super::{
    ahead::Ahead,
    page::{self, PageInfo, int},
    scope::Scope,
    users::{User, UserConnection, UserEdge},
};
use crate::error::Error;

/// Someone the viewer may know.
pub struct FriendSuggestion {
    scope: Scope,
    suggestion: Suggestion,
}

/// Someone the viewer may know.
#[Object]
impl FriendSuggestion {
    async fn user(&self) -> User {
        User { scope: self.scope.clone(), person: self.suggestion.person.clone() }
    }

    async fn mutual_friend_count(&self) -> i32 {
        int(self.suggestion.mutual_friends)
    }

    async fn mutual_friends(
        &self,
        #[graphql(default = 3)] first: Option<i32>,
    ) -> Result<Vec<User>> {
        let limit = page::count("first", first.unwrap_or(3))?;
        let (viewer, other) = (self.scope.viewer().user, self.suggestion.person.id);
        let asked = MutualFriendsOf { viewer, other, limit, after: None };
        let people = self.scope.loaders().mutual_friends.load(asked).await?;
        let people = people.unwrap_or_default().items;
        self.scope.know(people.clone());
        Ok(people.into_iter().map(|person| User { scope: self.scope.clone(), person }).collect())
    }

    async fn shared_group_count(&self) -> i32 {
        int(self.suggestion.shared_groups)
    }
}

/// People the viewer may know, strongest reason first.
pub(super) async fn suggestions(scope: &Scope, first: i32) -> Result<Vec<FriendSuggestion>> {
    let limit = page::count("first", first)?;
    let found = scope.services().suggestions.of(scope.viewer().user, limit).await?;
    scope.know(found.iter().map(|suggestion| suggestion.person.clone()));
    Ok(found
        .iter()
        .map(|suggestion| FriendSuggestion { scope: scope.clone(), suggestion: suggestion.clone() })
        .collect())
}

/// The query of the directory.
#[derive(Default)]
pub struct DirectoryQuery;

#[Object]
impl DirectoryQuery {
    /// The directory: people whose username or display name starts with `query`, nearest in the graph first.
    async fn users(
        &self,
        ctx: &Context<'_>,
        query: Option<String>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let scope = Scope::of(ctx)?;
        let query = page::prefix(query)?;
        let first = page::count("first", first.unwrap_or(20))?;
        let after = page::parse_directory(after.as_deref())?;
        let (graph, viewer) = (&scope.services().graph, scope.viewer().user);
        let query = query.as_deref();
        let page = graph.directory(viewer, query, first, after.as_ref());
        let page = page.await.map_err(Error::from)?;
        // Counting costs all that match: only for who asks for it.
        let total_count = if ctx.look_ahead().field("totalCount").exists() {
            int(graph.directory_size(viewer, query).await.map_err(Error::from)?)
        } else {
            0
        };
        let people = page.items.iter().map(|listed| &listed.person);
        Ahead::of_page(ctx).people(&scope, people).await;
        let edges: Vec<UserEdge> = page
            .items
            .into_iter()
            .map(|listed| UserEdge {
                cursor: page::directory_cursor(&listed.key),
                node: User { scope: scope.clone(), person: listed.person },
            })
            .collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(UserConnection { edges, page_info, total_count })
    }
}
