//! People, as a viewer sees them.

use async_graphql::{Context, Enum, ID, Object, Result};
use chatterbox_graph::{Friendship as Bond, MutualFriendsOf, Path, PathBetween, Person};

use super::{
    Nullable,
    ahead::Ahead,
    conversations::DirectConversation,
    eager::Eager,
    page::{self, PageInfo, connection, int},
    presence::Presence,
    scalars::DateTime,
    scope::Scope,
    texts,
};
use crate::{
    error::{Error, Result as Outcome},
    ids::{self, UserId},
    people::{Username, departure::departed},
};

/// A person.
#[derive(Clone)]
pub struct User {
    pub(super) scope: Scope,
    pub(super) person: Person,
}

connection!(UserConnection, UserEdge {} of User, total_count);

/// What stands between the viewer and a user.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum Friendship {
    /// The user is the viewer.
    #[graphql(name = "SELF")]
    Myself,
    /// Nothing.
    None,
    /// The viewer asked.
    RequestSent,
    /// The user asked.
    RequestReceived,
    /// They are friends.
    Friends,
    /// The viewer blocked the user.
    Blocked,
}

impl From<Bond> for Friendship {
    fn from(bond: Bond) -> Self {
        match bond {
            Bond::Myself => Self::Myself,
            Bond::None => Self::None,
            Bond::RequestSent => Self::RequestSent,
            Bond::RequestReceived => Self::RequestReceived,
            Bond::Friends => Self::Friends,
            Bond::Blocked => Self::Blocked,
        }
    }
}

/// How far `distance` and `path` may be asked to look.
const MAX_HOPS: i32 = 10;

impl User {
    /// The user with this id; `None` where there is none.
    pub(super) async fn find(scope: &Scope, id: UserId) -> Result<Option<Self>> {
        let person = scope.loaders().people.load(id).await?;
        Ok(person.map(|person| Self { scope: scope.clone(), person }))
    }

    /// The user with this id, also where they are gone.
    pub(super) async fn get(scope: &Scope, id: UserId) -> Result<Self> {
        let gone = || Self { scope: scope.clone(), person: departed(id) };
        Ok(Self::find(scope, id).await?.unwrap_or_else(gone))
    }

    /// How the viewer knows this user, within `max` hops.
    async fn path_within(&self, max: Option<i32>) -> Result<Option<Path>> {
        let (viewer, other, max) = (self.scope.viewer().user, self.person.id, hops(max)?);
        Ok(self.scope.loaders().paths.load(PathBetween { viewer, other, max }).await?)
    }

    /// The users with these ids, in their order; unknown ones are left out.
    pub(super) async fn all(scope: &Scope, ids: &[UserId]) -> Result<Vec<Self>> {
        let mut people = scope.loaders().people.load_many(ids.to_vec()).await;
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(person) = people.remove(id).transpose()?.flatten() {
                users.push(Self { scope: scope.clone(), person });
            }
        }
        Ok(users)
    }
}

fn hops(max: Option<i32>) -> Outcome<u8> {
    let max = max.unwrap_or(6);
    u8::try_from(max)
        .ok()
        .filter(|_| (1..=MAX_HOPS).contains(&max))
        .ok_or_else(|| Error::invalid("max", "must be 1 to 10"))
}

/// A person.
#[Object]
impl User {
    pub(super) async fn id(&self) -> ID {
        self.person.id.into_graphql()
    }

    async fn username(&self) -> &str {
        &self.person.username
    }

    async fn display_name(&self) -> &str {
        &self.person.display_name
    }

    async fn bio(&self, ctx: &Context<'_>) -> Option<&str> {
        texts::told(ctx, self.person.bio.as_deref())
    }

    async fn avatar_url(&self) -> Option<&str> {
        self.person.avatar_url.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        self.person.created_at.into()
    }

    /// Null where the user's settings hide it from the viewer.
    async fn presence(&self) -> Nullable<Eager<Presence>> {
        let seen = self.scope.loaders().presence.load(self.person.id).await.transpose()?;
        let shown = |seen| Eager(Presence::from(seen));
        seen.map(|seen| seen.map(shown)).map_err(Into::into).transpose()
    }

    /// What stands between the viewer and this user.
    async fn friendship(&self) -> Result<Friendship> {
        let bond = self.scope.loaders().friendships.load(self.person.id).await?;
        Ok(bond.unwrap_or(Bond::None).into())
    }

    async fn mutual_friends(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let limit = page::count("first", first.unwrap_or(20))?;
        let after = page::parse_name(after.as_deref())?;
        let (viewer, other) = (self.scope.viewer().user, self.person.id);
        let asked = MutualFriendsOf { viewer, other, limit, after: after.clone() };
        let page = self.scope.loaders().mutual_friends.load(asked).await?.unwrap_or_default();
        Box::pin(Ahead::of_page(ctx).people(&self.scope, &page.items)).await;
        let edges: Vec<UserEdge> = page
            .items
            .into_iter()
            .map(|person| UserEdge {
                cursor: page::name_cursor(&person.username),
                node: User { scope: self.scope.clone(), person },
            })
            .collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(UserConnection { edges, page_info, total_count: int(page.total) })
    }

    /// Hops along friendships from the viewer; 0 is the viewer, null is further than `max` or not connected.
    async fn distance(&self, #[graphql(default = 6)] max: Option<i32>) -> Nullable<i32> {
        let path = self.path_within(max).await.transpose()?;
        Some(path.map(|path| int(path.len()) - 1))
    }

    /// How the viewer knows this user: a shortest chain of friends, both ends included; empty where there is none.
    async fn path(&self, #[graphql(default = 6)] max: Option<i32>) -> Result<Vec<User>> {
        let path = self.path_within(max).await?;
        User::all(&self.scope, &path.unwrap_or_default()).await
    }

    /// When the viewer chatted with this user last: the LAST_CHATTED edge of the graph.
    async fn last_chatted_at(&self) -> Nullable<DateTime> {
        let at = self.scope.loaders().last_chatted_at.load(self.person.id).await.transpose()?;
        Some(at.map(DateTime).map_err(Into::into))
    }

    /// The one-to-one conversation with this user. Null for the viewer itself.
    async fn direct_conversation(&self) -> Nullable<Eager<DirectConversation>> {
        if self.person.id == self.scope.viewer().user {
            return None;
        }
        let found = self.scope.loaders().direct.load(self.person.id).await.transpose()?;
        let scope = self.scope.clone();
        let shown = |conversation| Eager(DirectConversation { scope, conversation });
        Some(found.map(shown).map_err(Into::into))
    }
}

/// Queries about people.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The user of this name; null where there is none.
    async fn user(&self, ctx: &Context<'_>, username: String) -> Nullable<User> {
        by_username(ctx, &username).await.transpose()
    }
}

async fn by_username(ctx: &Context<'_>, username: &str) -> Result<Option<User>> {
    let scope = Scope::of(ctx)?;
    // What can't be a username is nobody's.
    let Ok(username) = Username::parse(username) else { return Ok(None) };
    let name = username.as_str().to_owned();
    let found = scope.loaders().people_by_username.load(name).await?;
    let Some(person) = found else { return Ok(None) };
    scope.know(vec![person.clone()]);
    Ok(Some(User { scope, person }))
}

/// Ids as GraphQL carries them.
pub(super) trait IntoGraphql {
    /// The same id.
    fn into_graphql(self) -> ID;
}

impl<T: type_safe_id::StaticType> IntoGraphql for type_safe_id::TypeSafeId<T> {
    fn into_graphql(self) -> ID {
        ID(self.to_string())
    }
}

/// Parses the ids of users, the argument `field`.
pub(super) fn user_ids(field: &'static str, ids: &[ID]) -> Outcome<Vec<UserId>> {
    ids.iter().map(|id| ids::parse(field, id)).collect()
}

/// Parses the argument `userId`.
pub(super) fn user_id(id: &ID) -> Outcome<UserId> {
    ids::parse("userId", id)
}
