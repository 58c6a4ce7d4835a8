//! Messages.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};

use super::{
    Nullable,
    conversations::{self, Conversation},
    groups::Group,
    page::{connection, int},
    scalars::DateTime,
    scope::Scope,
    users::{IntoGraphql, User},
};
use crate::{
    error::{Error, Result as Outcome},
    ids,
    messaging::{Message as Sent, MessageBody, MessageKey, Place, Target},
    people::Username,
};

/// A message.
#[derive(Clone)]
pub struct Message {
    pub(super) scope: Scope,
    pub(super) message: Sent,
}

connection!(MessageConnection, MessageEdge {} of Message);

/// A message.
#[Object]
impl Message {
    pub(super) async fn id(&self) -> ID {
        self.message.id.into_graphql()
    }

    async fn conversation(&self) -> Result<Conversation> {
        let id = self.message.conversation;
        // A group that an event told of needs no look-up to be named.
        if self.scope.known_group(id.group()).is_some() {
            return Ok(Group { scope: self.scope.clone(), id: id.group() }.into());
        }
        let found = self.scope.loaders().conversations.load(id).await?;
        // Only a group can be left: an event of before still tells of it.
        let left = || Group { scope: self.scope.clone(), id: id.group() }.into();
        Ok(found.map_or_else(left, |conversation| Conversation::new(&self.scope, conversation)))
    }

    /// Its place in the conversation: 1, 2, 3 … without a gap, the same for everyone.
    async fn seq(&self) -> i32 {
        int(self.message.seq)
    }

    /// Null where the account is gone.
    async fn sender(&self) -> Nullable<User> {
        User::find(&self.scope, self.message.sender?).await.transpose()
    }

    /// Null once the message is deleted.
    async fn body(&self) -> Option<&str> {
        self.message.body.as_deref()
    }

    async fn sent_at(&self) -> DateTime {
        self.message.sent_at.into()
    }
}

/// Where a message is to go.
#[derive(OneofObject)]
pub enum MessageTarget {
    /// A conversation that the viewer is in.
    ConversationId(ID),
    /// The conversation with this user.
    UserId(ID),
    /// The conversation with the user of this name.
    Username(String),
}

impl MessageTarget {
    fn parse(self) -> Outcome<Target> {
        Ok(match self {
            Self::ConversationId(id) => {
                match conversations::conversation_id("conversationId", &id)? {
                    (group, true) => Target::Group(group.group()),
                    (direct, false) => Target::Direct(direct.direct()),
                }
            }
            Self::UserId(id) => Target::User(ids::parse("userId", &id)?),
            // What can't be a username is nobody's.
            Self::Username(name) => {
                Target::Username(Username::parse(&name).map_err(|_| Error::NotFound("user"))?)
            }
        })
    }
}

/// Body: 1 to 4,000 characters. `key` is the client's own, a UUID say, and lets it retry safely.
#[derive(InputObject)]
pub struct SendMessageInput {
    to: MessageTarget,
    body: String,
    key: Option<String>,
}

/// Mutations of messages.
#[derive(Default)]
pub struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Answers once the message is durable. The same `key` from the same sender gives the same message, never a second one.
    async fn send_message(&self, ctx: &Context<'_>, input: SendMessageInput) -> Result<Message> {
        let scope = Scope::of(ctx)?;
        let target = input.to.parse()?;
        let body = MessageBody::parse(input.body)?;
        let key = input.key.map(MessageKey::parse).transpose()?;
        let services = scope.services();
        let sender = scope.viewer().user;
        let sent = services.conversations.send(sender, target, body, key).await?;
        let scope = Scope::new(services.clone(), scope.viewer());
        scope.know(sent.people.to_vec()).await;
        if let Place::Group(Some(face)) = sent.place {
            scope.know_face(face);
        }
        Ok(Message { scope, message: sent.message })
    }
}
