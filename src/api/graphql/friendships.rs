//! Changing what stands between two people.

use async_graphql::{Context, ID, Object, Result};

use super::{
    scope::Scope,
    users::{User, user_id},
};
use crate::people::{FriendshipAction, RequestNote};

/// Mutations of friendships.
#[derive(Default)]
pub struct FriendshipMutation;

async fn change(ctx: &Context<'_>, user: &ID, action: FriendshipAction) -> Result<User> {
    let scope = Scope::changing(ctx)?;
    let services = scope.services();
    let (viewer, other) = (scope.viewer().user, user_id(user)?);
    let person = services.people.change_friendship(viewer, other, action).await?;
    // A scope of its own: what this mutation changed must not be answered
    // from what another one in the same request has loaded.
    let scope = Scope::new(services.clone(), scope.viewer());
    Ok(User { scope, person })
}

#[Object]
impl FriendshipMutation {
    /// Asks. If the other side has asked already, the two are friends.
    async fn send_friend_request(
        &self,
        ctx: &Context<'_>,
        user_id: ID,
        note: Option<String>,
    ) -> Result<User> {
        Scope::of(ctx)?;
        let note = RequestNote::parse(note.as_deref().unwrap_or_default())?;
        change(ctx, &user_id, FriendshipAction::Ask { note }).await
    }

    /// Withdraws the viewer's own request.
    async fn cancel_friend_request(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Cancel).await
    }

    /// Accepts the user's request.
    async fn accept_friend_request(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Accept).await
    }

    /// Declines the user's request.
    async fn decline_friend_request(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Decline).await
    }

    /// Ends the friendship.
    async fn remove_friend(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Remove).await
    }

    /// Ends friendship and requests both ways, and stops messages both ways.
    async fn block_user(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Block).await
    }

    /// Takes the block away.
    async fn unblock_user(&self, ctx: &Context<'_>, user_id: ID) -> Result<User> {
        change(ctx, &user_id, FriendshipAction::Unblock).await
    }
}
