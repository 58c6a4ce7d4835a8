//! The GraphQL API: one file an aggregate, named as in the domain.

mod accounts;
mod ahead;
mod asked;
pub mod chosen;
mod conversations;
mod cost;
mod directory;
mod eager;
pub mod errors;
mod events;
mod feeds;
mod friendships;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gate;
mod groups;
mod inputs;
mod loaders;
mod merged;
mod messages;
mod node;
mod omitted;
mod page;
pub mod parser;
mod presence;
mod reading;
mod roots;
mod scalars;
mod scope;
mod search;
mod sessions;
mod settings;
mod texts;
mod typing;
mod users;
mod validation;
mod variables;
mod viewer;

use std::sync::Arc;

use async_graphql::{MergedObject, SDLExportOptions, SchemaBuilder};

use crate::error::Result;

pub use feeds::Feeds;
pub use gate::Gate;
pub use scope::{Asker, Scope, Services};

/// What a field answers that may be null. Its failure stops at the field
/// itself, as the specification asks (October 2021, section 6.4.4); that of a
/// resolver which fails as a whole would take its neighbours along.
pub(crate) type Nullable<T> = Option<async_graphql::Result<T>>;

/// All queries.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct Query(
    viewer::ViewerQuery,
    node::NodeQuery,
    users::UserQuery,
    directory::DirectoryQuery,
    conversations::ConversationQuery,
    groups::GroupQuery,
);

/// All mutations.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct Mutation(
    accounts::AccountMutation,
    settings::SettingsMutation,
    friendships::FriendshipMutation,
    groups::GroupMutation,
    messages::MessageMutation,
    reading::ReadingMutation,
    typing::TypingMutation,
);

/// All subscriptions.
#[derive(async_graphql::MergedSubscription, Default)]
#[graphql(name = "Subscription")]
pub struct Subscription(events::EventSubscription);

/// The schema.
type Schema = async_graphql::Schema<Query, Mutation, Subscription>;
type Builder = SchemaBuilder<Query, Mutation, Subscription>;

fn builder() -> Builder {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .register_output_type::<node::ConversationIsNode>()
        .register_output_type::<node::Node>()
}

/// What executes operations on these services.
///
/// # Errors
///
/// [`Error::Store`](crate::error::Error::Store) where the schema can't be
/// told; never with the schema as it is.
pub fn executor(services: &Arc<Services>) -> Result<Gate> {
    Gate::new(|| builder().data(services.clone()), services.rates.clone())
}

/// The schema as clients generate code from it.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().prefer_single_line_descriptions())
}
