//! What is changed of messages that were sent.

use std::sync::Arc;

use async_trait::async_trait;
use chatterbox_graph::{GroupRole, GroupVisibility, Timestamp};
use tracing::debug;

use super::{
    Change, Contacts, Conversation, ConversationStore, Entry, Faces, MentionStore, Message,
    MessageBody, MessageNews, Place, Reaction, ReactionStore, mentioned,
};
use crate::{
    ambient::Ambient,
    error::{Error, Result, chain},
    ids::{MessageId, UserId},
    live::Bus,
    people::groups::rules::{self, Act},
};

/// What is to become of a message.
#[derive(Clone, Debug)]
pub enum Revision {
    /// It says something else.
    Edit {
        /// What.
        body: MessageBody,
        /// The members whom that names, in that order; nobody twice.
        mentions: Vec<UserId>,
    },
    /// It says nothing any more.
    Delete,
}

impl Revision {
    /// The message as `by` makes it, who has this role in its group; `None`
    /// where it is so already.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] where they may not, and [`Error::Conflict`] for
    /// editing what is deleted.
    pub fn of(
        &self,
        message: &Message,
        by: UserId,
        role: Option<GroupRole>,
        at: Timestamp,
    ) -> Result<Option<Message>> {
        let is_own = message.sender == Some(by);
        let mut message = message.clone();
        match self {
            Self::Edit { .. } if !is_own => {
                return Err(Error::Forbidden("only its sender may edit a message"));
            }
            Self::Edit { .. } if message.deleted_at.is_some() => {
                return Err(Error::Conflict { field: "id", reason: "is deleted" });
            }
            Self::Edit { body, .. } if message.body.as_deref() == Some(body.as_str()) => {
                return Ok(None);
            }
            Self::Edit { body, mentions } => {
                message.body = Some(body.as_str().to_owned());
                message.mentions.clone_from(mentions);
                message.edited_at = Some(at);
            }
            Self::Delete if !is_own && !may_delete_others(role) => {
                return Err(Error::Forbidden("this message is for others to delete"));
            }
            Self::Delete if message.deleted_at.is_some() => return Ok(None),
            Self::Delete => {
                message.body = None;
                message.mentions = Vec::new();
                message.deleted_at = Some(at);
            }
        }
        Ok(Some(message))
    }

    /// What it is told as.
    #[must_use]
    pub fn change(&self) -> fn(MessageNews) -> Change {
        match self {
            Self::Edit { .. } => Change::MessageEdited,
            Self::Delete => Change::MessageDeleted,
        }
    }
}

fn may_delete_others(role: Option<GroupRole>) -> bool {
    // To members it is the same whether others may see the group.
    rules::allows(role, GroupVisibility::Private, Act::DeleteMessages)
}

/// What became of a message that was to be changed.
#[derive(Clone, Debug)]
pub struct Revised {
    /// As it is now.
    pub message: Message,
    /// In which kind of conversation.
    pub place: Place,
    /// Its reactions, where they were read.
    pub reactions: Option<Arc<[Reaction]>>,
    /// What the members hear; `None` where it was so already.
    pub told: Option<Entry>,
}

/// Changes messages.
#[async_trait]
pub trait RevisionStore: Send + Sync + 'static {
    /// Changes a message as the revision says, and tells the members, in one
    /// transaction. Of a deleted message nothing is kept that it said, and no reaction.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where there is no such message or `by` is not in
    /// its conversation, what [`Revision::of`] refuses, and the store's failure.
    async fn revise(
        &self,
        at: Timestamp,
        message: MessageId,
        by: UserId,
        revision: &Revision,
    ) -> Result<Revised>;
}

/// What people do with messages that were sent.
#[derive(Clone)]
pub struct Messages {
    pub(super) reactions: Arc<dyn ReactionStore>,
    pub(super) ambient: Ambient,
    revisions: Arc<dyn RevisionStore>,
    mentions: Arc<dyn MentionStore>,
    history: Arc<dyn ConversationStore>,
    contacts: Contacts,
    faces: Faces,
    bus: Arc<dyn Bus>,
}

impl Messages {
    /// Puts the parts together.
    pub fn new(
        store: &Arc<impl RevisionStore + ReactionStore + MentionStore + ConversationStore>,
        contacts: Contacts,
        faces: Faces,
        bus: Arc<dyn Bus>,
        ambient: Ambient,
    ) -> Self {
        Self {
            reactions: store.clone(),
            ambient,
            revisions: store.clone(),
            mentions: store.clone(),
            history: store.clone(),
            contacts,
            faces,
            bus,
        }
    }

    /// Gives a message another body. The same one again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a message that `by` can't read,
    /// [`Error::Forbidden`] for who is not its sender or may not write there any more,
    /// [`Error::Conflict`] for a deleted one; or the failure of a store.
    pub async fn edit(&self, by: UserId, id: MessageId, body: MessageBody) -> Result<MessageNews> {
        let (message, talk) = self.readable(by, id).await?;
        let at = self.ambient.now();
        let unresolved = Revision::Edit { body: body.clone(), mentions: Vec::new() };
        let revised = unresolved.of(&message, by, None, at)?;
        self.may_write(by, &talk).await?;
        if revised.is_none() {
            return Ok(MessageNews::bare(message, talk.place()));
        }
        let mentions = mentioned(&*self.mentions, talk.id, &body).await?;
        self.revise(at, id, by, &Revision::Edit { body, mentions }).await
    }

    /// Deletes a message, for everyone and for ever. Once more changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a message that `by` can't read,
    /// [`Error::Forbidden`] for who is not its sender and may not delete others' either;
    /// or the failure of a store.
    pub async fn delete(&self, by: UserId, id: MessageId) -> Result<MessageNews> {
        self.readable(by, id).await?;
        self.revise(self.ambient.now(), id, by, &Revision::Delete).await
    }

    async fn revise(
        &self,
        at: Timestamp,
        id: MessageId,
        by: UserId,
        revision: &Revision,
    ) -> Result<MessageNews> {
        let revised = self.revisions.revise(at, id, by, revision).await?;
        Ok(self.tell(by, revised, revision.change()).await)
    }

    /// The message and its conversation, for who may read it.
    pub(super) async fn readable(
        &self,
        by: UserId,
        id: MessageId,
    ) -> Result<(Message, Conversation)> {
        let unknown = || Error::NotFound("message");
        let message = self.history.readable(by, &[id]).await?.remove(&id).ok_or_else(unknown)?;
        let talk = message.conversation;
        let found = self.history.conversations(by, &[talk]).await?.remove(&talk);
        Ok((message, found.ok_or_else(unknown)?))
    }

    /// Fails unless they may write in this conversation, which they are in.
    pub(super) async fn may_write(&self, by: UserId, talk: &Conversation) -> Result<()> {
        let Some(peer) = talk.peer(by) else { return Ok(()) };
        match self.contacts.writing(by, peer).await {
            Err(Error::NotFound(_)) => Err(Error::Forbidden("this person is gone")),
            known => known.map(drop),
        }
    }

    /// Publishes what was committed, with what is known about it, and returns that.
    pub(super) async fn tell(
        &self,
        by: UserId,
        revised: Revised,
        change: fn(MessageNews) -> Change,
    ) -> MessageNews {
        let Revised { message, place, reactions, told } = revised;
        let Some(told) = told else {
            return MessageNews { reactions, ..MessageNews::bare(message, place) };
        };
        let place = match place {
            Place::Group(_) => {
                Place::Group(self.faces.group(by, message.conversation.group()).await)
            }
            Place::Direct => Place::Direct,
        };
        let reactions = match reactions {
            Some(reactions) => Some(reactions),
            None => self.reactions_to(&message).await,
        };
        let replied = self.replied_by(&message).await;
        let senders = [Some(by), message.sender, replied.as_ref().and_then(|one| one.sender)];
        let concerned: Vec<UserId> =
            senders.into_iter().flatten().chain(message.mentions.iter().copied()).collect();
        let people = self.faces.known(&concerned).await;
        let news = MessageNews { message, reactions, replied, people, place };
        let entry = Entry { change: change(news.clone()), ..told };
        self.bus.publish([Arc::new(entry)].into());
        news
    }

    async fn reactions_to(&self, message: &Message) -> Option<Arc<[Reaction]>> {
        let read = self.reactions.reactions(&[message.pos]).await;
        let mut found = known(read)?;
        Some(found.remove(&message.pos).unwrap_or_default())
    }

    async fn replied_by(&self, message: &Message) -> Option<Arc<Message>> {
        let id = message.reply_to?;
        let mut found = known(self.history.messages(&[id]).await)?;
        found.remove(&id).map(Arc::new)
    }
}

/// What an event is told without is looked up where it is asked for.
fn known<T>(read: Result<T>) -> Option<T> {
    read.inspect_err(|error| {
        debug!(error = chain(error), "an event goes out without all that it is about");
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ids::ConversationId, messaging::Position};

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn message() -> Message {
        Message {
            id: MessageId::from_uuid(Uuid::nil()),
            conversation: ConversationId::from_uuid(Uuid::nil()),
            seq: 1,
            pos: Position(1),
            sender: Some(user(1)),
            body: Some("Hello".to_owned()),
            sent_at: Timestamp(1),
            edited_at: None,
            deleted_at: None,
            reply_to: None,
            mentions: vec![user(2)],
        }
    }

    fn edit(body: &str) -> Revision {
        let body = MessageBody::parse(body.to_owned()).unwrap();
        Revision::Edit { body, mentions: Vec::new() }
    }

    #[test]
    fn only_the_sender_edits() {
        let at = Timestamp(2);
        let edited = edit("Hallo").of(&message(), user(1), None, at).unwrap().unwrap();
        assert_eq!((edited.body.as_deref(), edited.edited_at), (Some("Hallo"), Some(at)));
        assert!(edited.mentions.is_empty());
        assert!(edit("Hello").of(&message(), user(1), None, at).unwrap().is_none());
        for role in [None, Some(GroupRole::Owner), Some(GroupRole::Admin)] {
            let refused = edit("Hallo").of(&message(), user(2), role, at);
            assert!(matches!(refused, Err(Error::Forbidden(_))));
        }
        let gone = Message { sender: None, ..message() };
        assert!(edit("Hallo").of(&gone, user(1), None, at).is_err());
    }

    #[test]
    fn the_sender_and_those_in_charge_delete() {
        let at = Timestamp(2);
        for (by, role, may) in [
            (1, None, true),
            (1, Some(GroupRole::Member), true),
            (2, None, false),
            (2, Some(GroupRole::Member), false),
            (2, Some(GroupRole::Admin), true),
            (2, Some(GroupRole::Owner), true),
        ] {
            let deleted = Revision::Delete.of(&message(), user(by), role, at);
            assert_eq!(deleted.is_ok(), may, "{by} {role:?}");
            let Ok(deleted) = deleted else { continue };
            let deleted = deleted.unwrap();
            assert_eq!((deleted.body.as_deref(), deleted.deleted_at), (None, Some(at)));
            assert!(deleted.mentions.is_empty());
            assert!(Revision::Delete.of(&deleted, user(by), role, at).unwrap().is_none());
            assert!(matches!(
                edit("Hallo").of(&deleted, user(1), role, at),
                Err(Error::Conflict { field: "id", .. })
            ));
        }
    }
}
