//! How far people have read, and what they muted.

use async_graphql::{Context, ID, Object, Result};

use super::{
    conversations::Conversation, groups::Group, page::int, scalars::DateTime, scope::Scope,
    users::User,
};
use crate::{
    error::Error,
    ids::{self, ConversationId},
    messaging::{ReadMarker as Marker, ReadState},
};

/// How far somebody has read in a conversation.
#[derive(Clone)]
pub struct ReadMarker {
    pub(super) scope: Scope,
    pub(super) marker: Marker,
}

/// How far somebody has read in a conversation.
#[Object]
impl ReadMarker {
    async fn user(&self) -> Result<User> {
        User::get(&self.scope, self.marker.user).await
    }

    /// That of the last message that they have read.
    async fn seq(&self) -> i32 {
        int(self.marker.seq)
    }

    async fn at(&self) -> DateTime {
        self.marker.at.into()
    }
}

/// What the conversation is to the viewer; for who is not in it nothing is
/// unread or muted.
pub(super) async fn state(scope: &Scope, id: ConversationId) -> Result<ReadState> {
    Ok(scope.loaders().read_states.load(id).await?.unwrap_or_default())
}

/// How far the members have read, as far as the viewer may see it.
pub(super) async fn markers(scope: &Scope, id: ConversationId) -> Result<Vec<ReadMarker>> {
    let markers = scope.loaders().read_markers.load(id).await?.unwrap_or_default();
    Ok(markers.into_iter().map(|marker| ReadMarker { scope: scope.clone(), marker }).collect())
}

/// Mutations of what somebody has read.
#[derive(Default)]
pub struct ReadingMutation;

#[Object]
impl ReadingMutation {
    /// Notes that the viewer has read up to the message with this `seq`. Markers move forward only, and not past the last message.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        conversation_id: ID,
        seq: i32,
    ) -> Result<Conversation> {
        let scope = Scope::changing(ctx)?;
        let (id, is_group) = ids::conversation("conversationId", &conversation_id)?;
        let reading = &scope.services().reading;
        reading.mark_read(scope.viewer().user, id, is_group, seq.into()).await?;
        changed(&scope, id, is_group).await
    }

    /// Leaves the conversation out of the viewer's `unreadCount`, or takes it in again.
    async fn mute_conversation(
        &self,
        ctx: &Context<'_>,
        conversation_id: ID,
        muted: bool,
    ) -> Result<Conversation> {
        let scope = Scope::changing(ctx)?;
        let (id, is_group) = ids::conversation("conversationId", &conversation_id)?;
        scope.services().reading.mute(scope.viewer().user, id, is_group, muted).await?;
        changed(&scope, id, is_group).await
    }
}

/// A conversation that was just changed.
async fn changed(scope: &Scope, id: ConversationId, is_group: bool) -> Result<Conversation> {
    let scope = Scope::new(scope.services().clone(), scope.viewer());
    if is_group {
        return Ok(Group { scope, id: id.group() }.into());
    }
    let found = scope.loaders().conversations.load(id).await?;
    Ok(Conversation::new(&scope, found.ok_or(Error::NotFound("conversation"))?))
}
