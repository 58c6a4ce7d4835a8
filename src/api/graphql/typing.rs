//! Who is typing.

use async_graphql::{Context, ID, Object, Result};

use super::scope::Scope;
use crate::{ids, live::Desk};

/// Mutations of typing.
#[derive(Default)]
pub struct TypingMutation;

#[Object]
impl TypingMutation {
    /// Tells the other members that the viewer types. It ends by itself 6 seconds after it was said last, and with a message.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        conversation_id: ID,
        typing: bool,
    ) -> Result<bool> {
        let scope = Scope::changing(ctx)?;
        let desk = match ids::conversation("conversationId", &conversation_id)? {
            (group, true) => Desk::Group(group.group()),
            (direct, false) => Desk::Direct(direct.direct()),
        };
        scope.services().typing.set(scope.viewer().user, desk, typing).await?;
        Ok(true)
    }
}
