//! Messages.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};

use super::{
    Nullable,
    conversations::Conversation,
    groups::Group,
    page::{self, connection, int},
    scalars::DateTime,
    scope::Scope,
    texts,
    users::{IntoGraphql, User},
};
use crate::{
    error::Result as Outcome,
    ids,
    messaging::{
        Emoji, Message as Sent, MessageBody, MessageKey, MessageNews, Outgoing, Place, Position,
        Reaction as Known, Target,
    },
};

/// A message.
#[derive(Clone)]
pub struct Message {
    pub(super) scope: Scope,
    pub(super) message: Sent,
}

connection!(MessageConnection, MessageEdge {} of Message);

impl Message {
    /// The message, with what is known about it taken in.
    pub(super) async fn told(scope: Scope, news: &MessageNews) -> Self {
        scope.know(news.people.to_vec());
        if let Some(reactions) = &news.reactions {
            scope.loaders().reactions.prime(news.message.pos, Ok(Some(reactions.clone()))).await;
        }
        if let Place::Group(Some(face)) = &news.place {
            scope.know_face(face.clone());
        }
        Self { scope, message: news.message.clone() }
    }
}

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
    async fn body(&self, ctx: &Context<'_>) -> Option<&str> {
        texts::told(ctx, self.message.body.as_deref())
    }

    async fn sent_at(&self) -> DateTime {
        self.message.sent_at.into()
    }

    /// When its body was changed last.
    async fn edited_at(&self) -> Option<DateTime> {
        self.message.edited_at.map(DateTime)
    }

    async fn deleted_at(&self) -> Option<DateTime> {
        self.message.deleted_at.map(DateTime)
    }

    /// Null where the viewer can't read what it replies to: they joined later.
    async fn reply_to(&self) -> Nullable<Message> {
        let id = self.message.reply_to?;
        // Also where it was taken in before, that was for this viewer.
        let _viewer = self.scope.viewer();
        let found = self.scope.loaders().readable.load(id).await;
        let shown = |message| Self { scope: self.scope.clone(), message };
        found.map(|found| found.map(shown)).map_err(Into::into).transpose()
    }

    /// The members whom its body names as `@username`, in that order.
    async fn mentions(&self) -> Result<Vec<User>> {
        User::all(&self.scope, &self.message.mentions).await
    }

    /// In the order in which each emoji came first.
    async fn reactions(&self) -> Result<Vec<Reaction>> {
        let all = self.scope.loaders().reactions.load(self.message.pos).await?.unwrap_or_default();
        let shown = |place| Reaction {
            scope: self.scope.clone(),
            message: self.message.pos,
            all: all.clone(),
            place,
        };
        Ok((0..all.len()).map(shown).collect())
    }
}

/// An emoji that people reacted with to a message.
pub struct Reaction {
    scope: Scope,
    message: Position,
    /// All reactions to the message, and which of them this is.
    all: Arc<[Known]>,
    place: usize,
}

impl Reaction {
    fn known(&self) -> &Known {
        &self.all[self.place]
    }
}

/// An emoji that people reacted with to a message.
#[Object]
impl Reaction {
    async fn emoji(&self) -> &str {
        &self.known().emoji
    }

    async fn count(&self) -> i32 {
        int(self.known().count)
    }

    async fn viewer_reacted(&self) -> Result<bool> {
        let Known { emoji, count, users } = self.known();
        if users.contains(&self.scope.viewer().user) {
            return Ok(true);
        }
        if i64::try_from(users.len()).is_ok_and(|listed| listed == *count) {
            return Ok(false);
        }
        let own = self.scope.loaders().reacted.load(self.message).await?;
        Ok(own.is_some_and(|own| own.contains(emoji)))
    }

    /// The first ones, in the order in which they reacted.
    async fn users(&self, #[graphql(default = 10)] first: Option<i32>) -> Result<Vec<User>> {
        let first = page::count("first", first.unwrap_or(10))?;
        let users = &self.known().users;
        User::all(&self.scope, &users[..first.min(users.len())]).await
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
            Self::ConversationId(id) => Target::conversation(&id)?,
            Self::UserId(id) => Target::user(&id)?,
            Self::Username(name) => Target::username(&name)?,
        })
    }
}

/// Body: 1 to 4,000 characters. `key` is the client's own, a UUID say, and lets it retry safely.
#[derive(InputObject)]
pub struct SendMessageInput {
    to: MessageTarget,
    body: String,
    key: Option<String>,
    /// A message of the same conversation.
    reply_to: Option<ID>,
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
        let outgoing = Outgoing {
            body: MessageBody::parse(input.body)?,
            key: input.key.map(MessageKey::parse).transpose()?,
            reply_to: input.reply_to.map(|id| ids::parse("replyTo", &id)).transpose()?,
        };
        let sender = scope.viewer().user;
        scope.services().rates.message(sender)?;
        let sent = scope.services().conversations.send(sender, target, outgoing).await;
        answer(&scope, sent).await
    }

    /// Only its sender may, as long as they may write there. The same body again changes nothing.
    async fn edit_message(&self, ctx: &Context<'_>, id: ID, body: String) -> Result<Message> {
        let scope = Scope::changing(ctx)?;
        let (id, body) = (ids::parse("id", &id)?, MessageBody::parse(body)?);
        let edited = scope.services().messages.edit(scope.viewer().user, id, body).await;
        answer(&scope, edited).await
    }

    /// For everyone and for ever; its place stays. Its sender may, and in a group owners and admins.
    async fn delete_message(&self, ctx: &Context<'_>, id: ID) -> Result<Message> {
        let scope = Scope::changing(ctx)?;
        let id = ids::parse("id", &id)?;
        let deleted = scope.services().messages.delete(scope.viewer().user, id).await;
        answer(&scope, deleted).await
    }

    /// `emoji` is one emoji; a message takes at most 20 different ones.
    async fn add_reaction(
        &self,
        ctx: &Context<'_>,
        message_id: ID,
        emoji: String,
    ) -> Result<Message> {
        let scope = Scope::changing(ctx)?;
        let (id, emoji) = (ids::parse("messageId", &message_id)?, Emoji::parse(&emoji)?);
        let messages = &scope.services().messages;
        let reacted = messages.add_reaction(scope.viewer().user, id, emoji).await;
        answer(&scope, reacted).await
    }

    /// Takes one's own back.
    async fn remove_reaction(
        &self,
        ctx: &Context<'_>,
        message_id: ID,
        emoji: String,
    ) -> Result<Message> {
        let scope = Scope::changing(ctx)?;
        let (id, emoji) = (ids::parse("messageId", &message_id)?, Emoji::parse(&emoji)?);
        let messages = &scope.services().messages;
        let reacted = messages.remove_reaction(scope.viewer().user, id, emoji).await;
        answer(&scope, reacted).await
    }
}

/// What a change answers. It reads anew: an operation may make several.
async fn answer(scope: &Scope, news: Outcome<MessageNews>) -> Result<Message> {
    let scope = Scope::new(scope.services().clone(), scope.viewer());
    Ok(Message::told(scope, &news?).await)
}
