//! Groups.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, Result};
use chatterbox_graph::{
    Group as Face, GroupRole as Role, GroupView, GroupVisibility as Visibility,
};

use super::{
    Nullable,
    ahead::Ahead,
    conversations::{self, MessagePage},
    eager::Eager,
    messages::{Message, MessageConnection},
    page::{self, PageInfo, connection, int},
    reading::{self, ReadMarker},
    scalars::DateTime,
    scope::Scope,
    texts,
    users::{IntoGraphql, User, user_id, user_ids},
};
use crate::{
    error::{Error, Result as Outcome},
    ids::{self, GroupId},
    messaging::Conversation as Talk,
    people::{
        GroupAction, GroupName, GroupUpdate, Prose,
        groups::rules::{Act, allows},
    },
};

/// A group of people who talk.
#[derive(Clone)]
pub struct Group {
    pub(super) scope: Scope,
    pub(super) id: GroupId,
}

/// Who may find a group and join it.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Visibility")]
pub enum GroupVisibility {
    /// Only members know of it.
    Private,
    /// Everyone.
    Public,
}

/// What a member is in a group.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Role")]
pub enum GroupRole {
    /// May do everything.
    Owner,
    /// Looks after the group.
    Admin,
    /// Takes part.
    Member,
}

connection!(GroupConnection, GroupEdge {} of Group);
connection!(GroupMemberConnection, GroupMemberEdge {
    role: GroupRole,
    since: DateTime
} of User, total_count);

impl Group {
    /// How it presents itself: as an event told, as it is, or, for who may
    /// not know of it any more, as it was when they left.
    async fn face(&self) -> Result<Face> {
        if let Some(face) = self.scope.known_group(self.id) {
            return Ok(face);
        }
        if let Some(view) = self.view().await? {
            return Ok(view.group);
        }
        let left = self.scope.loaders().left_groups.load(self.id).await?;
        Ok(left.ok_or(Error::NotFound("group"))?)
    }

    /// The group as the viewer sees it; `None` where they may not know of it,
    /// and for one that is gone.
    async fn view(&self) -> Result<Option<GroupView>, Arc<Error>> {
        let view = self.scope.loaders().groups.load(self.id).await?;
        Ok(view.filter(|view| allows(view.role, view.group.visibility, Act::See)))
    }

    async fn may(&self, act: Act) -> Result<bool, Arc<Error>> {
        let view = self.view().await?;
        Ok(view.is_some_and(|view| allows(view.role, view.group.visibility, act)))
    }

    /// Its conversation; `None` for who is no member.
    async fn conversation(&self) -> Result<Option<Talk>> {
        Ok(self.scope.loaders().conversations.load(self.id.into()).await?)
    }

    /// The group with this id, for who may know of it.
    pub(super) async fn find(scope: &Scope, id: GroupId) -> Result<Option<Self>, Arc<Error>> {
        let group = Self { scope: scope.clone(), id };
        Ok(group.may(Act::See).await?.then_some(group))
    }

    /// A group that was just changed.
    fn fresh(scope: &Scope, id: GroupId) -> Self {
        let scope = Scope::new(scope.services().clone(), scope.viewer());
        Self { scope, id }
    }
}

/// A group of people who talk.
#[Object]
impl Group {
    pub(super) async fn id(&self) -> ID {
        self.id.into_graphql()
    }

    async fn name(&self) -> Result<String> {
        Ok(self.face().await?.name)
    }

    async fn description(&self, ctx: &Context<'_>) -> Nullable<String> {
        self.face().await.map(|face| texts::told(ctx, face.description)).transpose()
    }

    async fn visibility(&self) -> Result<GroupVisibility> {
        Ok(self.face().await?.visibility.into())
    }

    async fn created_at(&self) -> Result<DateTime> {
        Ok(self.face().await?.created_at.into())
    }

    /// Null for who is not a member.
    async fn viewer_role(&self) -> Nullable<GroupRole> {
        let view = self.view().await.map_err(Into::into);
        view.map(|view| view.and_then(|view| view.role).map(Into::into)).transpose()
    }

    async fn member_count(&self) -> Result<i32> {
        let view = self.view().await?;
        Ok(view.map_or(0, |view| int(view.members)))
    }

    /// By username, all or those whose username or display name starts with `query`. Empty for who is not a member.
    async fn members(
        &self,
        ctx: &Context<'_>,
        query: Option<String>,
        #[graphql(default = 50)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<GroupMemberConnection> {
        let query = page::prefix(query)?;
        let first = page::count("first", first.unwrap_or(50))?;
        let after = page::parse_name(after.as_deref())?;
        let page = if self.may(Act::TakePart).await? {
            let graph = &self.scope.services().graph;
            let members = graph.members(self.id, query.as_deref(), first, after.as_deref());
            members.await.map_err(Error::from)?
        } else {
            chatterbox_graph::Page::default()
        };
        let people = page.items.iter().map(|member| &member.person);
        Ahead::of_page(ctx).people(&self.scope, people).await;
        let edges: Vec<GroupMemberEdge> = page
            .items
            .into_iter()
            .map(|member| GroupMemberEdge {
                cursor: page::name_cursor(&member.person.username),
                node: User { scope: self.scope.clone(), person: member.person },
                role: member.role.into(),
                since: member.since.into(),
            })
            .collect();
        let page_info =
            PageInfo::forward(page.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(GroupMemberConnection { edges, page_info, total_count: int(page.total) })
    }

    /// Friends of the viewer who are in the group.
    async fn friends_inside(
        &self,
        #[graphql(default = 3)] first: Option<i32>,
    ) -> Result<Vec<User>> {
        let first = page::count("first", first.unwrap_or(3))?;
        if !self.may(Act::See).await? {
            return Ok(Vec::new());
        }
        let found = self.scope.loaders().friends_inside.load((self.id, first)).await?;
        let people = found.unwrap_or_default();
        self.scope.know(people.clone());
        Ok(people.into_iter().map(|person| User { scope: self.scope.clone(), person }).collect())
    }

    pub(super) async fn last_message(&self) -> Nullable<Eager<Message>> {
        let found = conversations::last_message(&self.scope, self.conversation().await);
        found.await.transpose()
    }

    pub(super) async fn last_activity_at(&self) -> Nullable<DateTime> {
        let talk = self.conversation().await;
        talk.map(|talk| talk.and_then(|talk| talk.last_at).map(DateTime)).transpose()
    }

    /// Messages behind those that the viewer has read or sent.
    pub(super) async fn unread_count(&self) -> Result<i32> {
        Ok(int(reading::state(&self.scope, self.id.into()).await?.unread))
    }

    /// Whether the viewer's own `unreadCount` leaves it out.
    pub(super) async fn muted(&self) -> Result<bool> {
        Ok(reading::state(&self.scope, self.id.into()).await?.muted)
    }

    /// How far members have read, of those who share it: the 100 newest markers, the newest first, the viewer's own always among them.
    pub(super) async fn read_markers(&self) -> Result<Vec<ReadMarker>> {
        reading::markers(&self.scope, self.id.into()).await
    }

    /// Oldest to newest. `last: 50` is the newest page; go back with `before`, forward with `after`.
    pub(super) async fn messages(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<MessageConnection> {
        let asked = MessagePage::parse(first, after.as_deref(), last, before.as_deref())?;
        let conversation = self.conversation().await?;
        conversations::messages(&self.scope, &Ahead::of_page(ctx), conversation, asked).await
    }
}

/// Queries about groups.
#[derive(Default)]
pub struct GroupQuery;

#[Object]
impl GroupQuery {
    /// Public groups by name, those with most of the viewer's friends first.
    async fn groups(
        &self,
        ctx: &Context<'_>,
        query: Option<String>,
        #[graphql(default = 20)] first: Option<i32>,
        after: Option<String>,
    ) -> Result<GroupConnection> {
        let scope = Scope::of(ctx)?;
        let query = page::prefix(query)?;
        let first = page::count("first", first.unwrap_or(20))?;
        let after = page::parse_group(after.as_deref())?;
        let (graph, viewer) = (&scope.services().graph, scope.viewer().user);
        let found = graph.public_groups(viewer, query.as_deref(), first, after.as_ref());
        let found = found.await.map_err(Error::from)?;
        let mut edges = Vec::with_capacity(found.items.len());
        for item in found.items {
            let id = item.view.group.id;
            scope.know_group(item.view).await;
            let node = Group { scope: scope.clone(), id };
            edges.push(GroupEdge { cursor: page::group_cursor(&item.key), node });
        }
        let page_info =
            PageInfo::forward(found.has_next, after.is_some(), edges.iter().map(|e| &e.cursor));
        Ok(GroupConnection { edges, page_info })
    }
}

/// Name: 1 to 80 characters. Description: at most 500.
#[derive(InputObject)]
pub struct CreateGroupInput {
    name: String,
    description: Option<String>,
    #[graphql(default_with = "GroupVisibility::Private")]
    visibility: GroupVisibility,
    #[graphql(default)]
    member_ids: Vec<ID>,
}

/// What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateGroupInput {
    group_id: ID,
    name: Option<String>,
    description: MaybeUndefined<String>,
    visibility: Option<GroupVisibility>,
}

/// Mutations of groups.
#[derive(Default)]
pub struct GroupMutation;

async fn change(ctx: &Context<'_>, group: &ID, action: GroupAction) -> Result<Group> {
    let scope = Scope::changing(ctx)?;
    let group = group_id(group)?;
    scope.services().groups.change(scope.viewer().user, group, action).await?;
    Ok(Group::fresh(&scope, group))
}

fn group_id(id: &ID) -> Outcome<GroupId> {
    ids::parse("groupId", id)
}

fn description(text: &str) -> Outcome<Option<Prose>> {
    Prose::parse("description", text)
}

#[Object]
impl GroupMutation {
    /// Makes a group, which the viewer owns.
    async fn create_group(&self, ctx: &Context<'_>, input: CreateGroupInput) -> Result<Group> {
        let scope = Scope::changing(ctx)?;
        let name = GroupName::parse(&input.name)?;
        let description = description(input.description.as_deref().unwrap_or_default())?;
        let members = user_ids("memberIds", &input.member_ids)?;
        let (groups, by) = (&scope.services().groups, scope.viewer().user);
        let visibility = input.visibility.into();
        let group = groups.create(by, name, description, visibility, members).await?;
        Ok(Group::fresh(&scope, group))
    }

    /// Changes name, description and visibility.
    async fn update_group(&self, ctx: &Context<'_>, input: UpdateGroupInput) -> Result<Group> {
        Scope::of(ctx)?;
        let update = GroupUpdate {
            name: input.name.as_deref().map(GroupName::parse).transpose()?,
            description: match input.description {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(text) => Some(description(&text)?),
            },
            visibility: input.visibility.map(Into::into),
        };
        change(ctx, &input.group_id, GroupAction::Update(update)).await
    }

    /// Adds members; those who are already stay what they are.
    async fn add_group_members(
        &self,
        ctx: &Context<'_>,
        group_id: ID,
        user_ids: Vec<ID>,
    ) -> Result<Group> {
        Scope::of(ctx)?;
        let users = self::user_ids("userIds", &user_ids)?;
        change(ctx, &group_id, GroupAction::Add { users }).await
    }

    /// Removes a member.
    async fn remove_group_member(
        &self,
        ctx: &Context<'_>,
        group_id: ID,
        user_id: ID,
    ) -> Result<Group> {
        Scope::of(ctx)?;
        let user = self::user_id(&user_id)?;
        change(ctx, &group_id, GroupAction::Remove { user }).await
    }

    /// Gives a member another role.
    async fn set_group_role(
        &self,
        ctx: &Context<'_>,
        group_id: ID,
        user_id: ID,
        role: GroupRole,
    ) -> Result<Group> {
        Scope::of(ctx)?;
        let user = self::user_id(&user_id)?;
        change(ctx, &group_id, GroupAction::SetRole { user, role: role.into() }).await
    }

    /// Joins a public group.
    async fn join_group(&self, ctx: &Context<'_>, group_id: ID) -> Result<Group> {
        change(ctx, &group_id, GroupAction::Join).await
    }

    /// The last owner hands the group over first, or deletes it.
    async fn leave_group(&self, ctx: &Context<'_>, group_id: ID) -> Result<Group> {
        change(ctx, &group_id, GroupAction::Leave).await
    }

    /// Deletes the group and ends its conversation.
    async fn delete_group(&self, ctx: &Context<'_>, group_id: ID) -> Result<bool> {
        let scope = Scope::changing(ctx)?;
        let group = self::group_id(&group_id)?;
        scope.services().groups.delete(scope.viewer().user, group).await?;
        Ok(true)
    }
}
