//! Everything by its global id.

use std::borrow::Cow;

use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, Object, OutputType, Positioned, Result,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use chatterbox_graph::DirectConversation as DirectMark;
use futures::future::join_all;

use super::{
    Nullable, accounts,
    conversations::{Conversation, DirectConversation},
    groups::Group,
    messages::Message,
    page,
    scope::Scope,
    sessions::Session,
    users::User,
};
use crate::{
    error::{Error, Result as Outcome},
    ids,
    messaging::ConversationKind,
};

/// Anything that has an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"))]
pub enum Node {
    /// A person.
    User(User),
    /// A session of the viewer.
    Session(Session),
    /// A conversation of two.
    DirectConversation(DirectConversation),
    /// A group.
    Group(Group),
    /// A message.
    Message(Message),
}

/// Says in the schema that the interface Conversation implements Node, for
/// which async-graphql's derive has no words.
pub(super) struct ConversationIsNode;

impl OutputType for ConversationIsNode {
    fn type_name() -> Cow<'static, str> {
        <Conversation as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let qualified = <Conversation as OutputType>::create_type_info(registry);
        registry.add_implements(&Self::type_name(), &<Node as OutputType>::type_name());
        qualified
    }

    async fn resolve(
        &self,
        _ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

async fn find(scope: &Scope, id: &str) -> Outcome<Option<Node>> {
    let kind = id.rsplit_once('_').map_or("", |(kind, _)| kind);
    let loaders = scope.loaders();
    let scope = scope.clone();
    Ok(match kind {
        "user" => {
            let person = loaders.people.load(ids::parse("id", id)?).await.map_err(shared)?;
            person.map(|person| Node::User(User { scope, person }))
        }
        "ses" => accounts::session(&scope, ids::parse("id", id)?).await?.map(Node::Session),
        "dm" => {
            let id = ids::parse::<DirectMark>("id", id)?.into();
            let found = loaders.conversations.load(id).await.map_err(shared)?;
            found
                .filter(|found| matches!(found.kind, ConversationKind::Direct { .. }))
                .map(|conversation| DirectConversation { scope, conversation })
                .map(Node::DirectConversation)
        }
        "grp" => {
            let found = Group::find(&scope, ids::parse("id", id)?).await.map_err(shared)?;
            found.map(Node::Group)
        }
        "msg" => {
            let message = loaders.messages.load(ids::parse("id", id)?).await.map_err(shared)?;
            let Some(message) = message else { return Ok(None) };
            let talk = loaders.conversations.load(message.conversation).await.map_err(shared)?;
            talk.filter(|talk| talk.shows(message.seq))
                .map(|_| Node::Message(Message { scope, message }))
        }
        _ => return Err(Error::invalid("id", "is not an id of this service")),
    })
}

/// A loader's error, which others may have got too.
fn shared(error: std::sync::Arc<Error>) -> Error {
    match &*error {
        Error::Store(crate::error::StoreError::Unavailable(_)) => Error::unavailable(error),
        _ => Error::internal(error),
    }
}

/// Queries by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// What has this id; null for what is not there or not for the viewer to see.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Nullable<Node> {
        let scope = match Scope::of(ctx) {
            Ok(scope) => scope,
            Err(error) => return Some(Err(error.into())),
        };
        find(&scope, &id).await.transpose().map(|found| found.map_err(Into::into))
    }

    /// What has these ids, in their order; at most 100.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Nullable<Node>>> {
        let scope = Scope::of(ctx)?;
        if ids.len() > usize::try_from(page::MAX).unwrap_or_default() {
            return Err(Error::invalid("ids", "must be at most 100").into());
        }
        let found = join_all(ids.iter().map(|id| find(&scope, id))).await;
        Ok(found.into_iter().map(|one| one.map_err(Into::into).transpose()).collect())
    }
}
