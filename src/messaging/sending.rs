//! Sending: where a message goes, who may write there, and what it carries.

use std::sync::Arc;

use chatterbox_graph::{Graph, Group, GroupVisibility, Person};

use super::{
    Contacts, Conversation, ConversationStore, Draft, Faces, MentionStore, Message, MessageBody,
    MessageKey, MessageNews, Outdated, Place, Position, WriterHandle, mentioned,
};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::{self, ConversationId, DirectConversationId, GroupId, MessageId, UserId},
    people::Username,
};

/// Where a message is to go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A conversation of two that the sender is in.
    Direct(DirectConversationId),
    /// A group that the sender is in.
    Group(GroupId),
    /// The conversation with this person.
    User(UserId),
    /// The conversation with the person of this name.
    Username(Username),
}

impl Target {
    /// Reads the argument `conversationId`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no id of a conversation.
    pub fn conversation(id: &str) -> Result<Self> {
        Ok(match ids::conversation("conversationId", id)? {
            (group, true) => Self::Group(group.group()),
            (direct, false) => Self::Direct(direct.direct()),
        })
    }

    /// Reads the argument `userId`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no id of a user.
    pub fn user(id: &str) -> Result<Self> {
        Ok(Self::User(ids::parse("userId", id)?))
    }

    /// Reads the argument `username`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for what can't be a username: it is nobody's.
    pub fn username(name: &str) -> Result<Self> {
        Username::parse(name).map(Self::Username).map_err(|_| Error::NotFound("user"))
    }
}

/// What somebody wants to say.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The text.
    pub body: MessageBody,
    /// Their own key for it.
    pub key: Option<MessageKey>,
    /// The message that it replies to.
    pub reply_to: Option<MessageId>,
}

fn is_public(group: &Group) -> bool {
    group.visibility == GroupVisibility::Public
}

/// Where a message goes, and what is known of that.
struct Destination {
    conversation: ConversationId,
    /// The sender's profile, of two also the other's.
    people: Arc<[Person]>,
    place: Place,
    /// The other one of two, and up to where in the log what is known of them holds.
    peer: Option<(UserId, Position)>,
}

/// A message that may be handed in.
struct Ready {
    draft: Draft,
    /// The other one of two.
    peer: Option<UserId>,
}

/// How often a message is handed in at most, where two people change all the time.
const TRIES: u32 = 8;

/// What people do in conversations.
#[derive(Clone)]
pub struct Conversations {
    store: Arc<dyn ConversationStore>,
    mentions: Arc<dyn MentionStore>,
    graph: Arc<dyn Graph>,
    contacts: Contacts,
    faces: Faces,
    writer: WriterHandle,
    ambient: Ambient,
}

impl Conversations {
    /// Puts the parts together.
    pub fn new(
        store: &Arc<impl ConversationStore + MentionStore>,
        graph: Arc<dyn Graph>,
        contacts: Contacts,
        faces: Faces,
        writer: WriterHandle,
        ambient: Ambient,
    ) -> Self {
        let mentions = store.clone();
        Self { store: store.clone(), mentions, graph, contacts, faces, writer, ambient }
    }

    /// Sends a message and returns it once it is durable. The same `key`
    /// from the same sender gives the same message.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown person or a conversation that the
    /// sender is not in, and for replying to what they can't read there; [`Error::Invalid`] for oneself, [`Error::Forbidden`]
    /// across a block, for starting a conversation with somebody whose settings do not
    /// mean the sender, and in a public group for who is no member; [`Error::Conflict`] for a key that was used for
    /// something else; or the failure of a store.
    pub async fn send(
        &self,
        sender: UserId,
        target: Target,
        outgoing: Outgoing,
    ) -> Result<MessageNews> {
        let ready = self.prepare(sender, target, outgoing).await?;
        let written = self.writer.send(ready.draft.clone());
        self.finish(ready, written.await).await
    }

    /// Sends messages in this order, without waiting for one before the next is handed in. Each is
    /// answered as by [`Conversations::send`]; one that is refused does not hinder the others, and what
    /// was refused before stays so.
    pub async fn send_all(
        &self,
        sender: UserId,
        messages: Vec<Result<(Target, Outgoing)>>,
    ) -> Vec<Result<MessageNews>> {
        let mut ready = Vec::with_capacity(messages.len());
        for message in messages {
            ready.push(match message {
                Ok((target, outgoing)) => self.prepare(sender, target, outgoing).await,
                Err(refused) => Err(refused),
            });
        }
        // What is known for one is what is known for all: so where one has to be handed in anew
        // those behind it have to be too, and none overtakes it.
        let known_at = ready.iter().flatten().filter_map(|ready| ready.draft.known_at).min();
        for ready in ready.iter_mut().flatten() {
            ready.draft.known_at = ready.draft.known_at.and(known_at);
        }
        let hand_in = |ready: Ready| (self.writer.send(ready.draft.clone()), ready);
        let handed_in: Vec<_> = ready.into_iter().map(|ready| ready.map(hand_in)).collect();
        let mut sent = Vec::with_capacity(handed_in.len());
        for message in handed_in {
            sent.push(match message {
                Ok((written, ready)) => self.finish(ready, written.await).await,
                Err(refused) => Err(refused),
            });
        }
        sent
    }

    async fn direct(&self, sender: UserId, target: Target) -> Result<Destination> {
        let recipient = self.recipient(sender, target).await?;
        let contact = self.contacts.writing(sender, recipient).await?;
        let (conversation, people) = (contact.conversation, contact.people);
        let peer = Some((recipient, contact.known_at));
        Ok(Destination { conversation, people, place: Place::Direct, peer })
    }

    /// Who is a member is decided where the message is written.
    async fn group(&self, sender: UserId, group: GroupId) -> Destination {
        let people = self.faces.known(&[sender]).await;
        let place = Place::Group(self.faces.group(sender, group).await);
        Destination { conversation: group.into(), people, place, peer: None }
    }

    /// All that is asked before a message is handed in.
    async fn prepare(
        &self,
        sender: UserId,
        target: Target,
        Outgoing { body, key, reply_to }: Outgoing,
    ) -> Result<Ready> {
        let destination = match target {
            Target::Group(group) => self.group(sender, group).await,
            target => self.direct(sender, target).await?,
        };
        let Destination { conversation, mut people, place, peer } = destination;
        let replied = match reply_to {
            Some(id) => Some(self.replied(sender, conversation, id).await?),
            None => None,
        };
        let mentions = mentioned(&*self.mentions, conversation, &body).await?;
        let replied_sender = replied.as_ref().and_then(|replied| replied.sender);
        let others: Vec<UserId> = mentions.iter().copied().chain(replied_sender).collect();
        if matches!(place, Place::Group(_)) && !others.is_empty() {
            people = self.faces.known(&[&[sender], &others[..]].concat()).await;
        }
        let (peer, known_at) = peer.unzip();
        let id = self.ambient.id();
        let draft = Draft {
            id,
            conversation,
            sender,
            body,
            key,
            replied,
            mentions,
            people,
            place,
            known_at,
        };
        Ok(Ready { draft, peer })
    }

    /// What becomes of a draft that was handed in.
    async fn finish(
        &self,
        Ready { mut draft, peer }: Ready,
        written: Result<Result<Message, Outdated>>,
    ) -> Result<MessageNews> {
        let sender = draft.sender;
        let public = match &draft.place {
            Place::Group(Some(face)) if is_public(face) => Some(face.id),
            _ => None,
        };
        match (self.deliver(&mut draft, peer, written).await, public) {
            // It may have been deleted since it was looked at.
            (Err(Error::NotFound("conversation")), Some(group))
                if self.faces.group_anew(sender, group).await.as_ref().is_some_and(is_public) =>
            {
                Err(Error::Forbidden("only members of the group may write here"))
            }
            (written, _) => {
                let (message, Draft { replied, people, place, .. }) = (written?, draft);
                // It may have been there already, and others may have reacted to it.
                Ok(MessageNews { message, reactions: None, replied, people, place })
            }
        }
    }

    /// Hands the draft in again where what is known of the two is behind the log, as another node
    /// has written it, with what is so now.
    async fn deliver(
        &self,
        draft: &mut Draft,
        peer: Option<UserId>,
        mut written: Result<Result<Message, Outdated>>,
    ) -> Result<Message> {
        let mut tries = 1;
        loop {
            let Outdated(pos) = match written? {
                Ok(message) => return Ok(message),
                Err(outdated) => outdated,
            };
            let Some(peer) = peer.filter(|_| tries < TRIES) else {
                let reason = "what stands between the two changes all the time";
                return Err(Error::unavailable(reason));
            };
            let contact = self.contacts.writing_at(draft.sender, peer, pos).await?;
            draft.known_at = Some(contact.known_at);
            draft.people = contact.people;
            written = self.writer.send(draft.clone()).await;
            tries += 1;
        }
    }

    /// The message that is replied to, of the same conversation.
    async fn replied(
        &self,
        sender: UserId,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Arc<Message>> {
        let found = self.store.readable(sender, &[id]).await?.remove(&id);
        let found = found.filter(|replied| replied.conversation == conversation);
        found.map(Arc::new).ok_or(Error::NotFound("message"))
    }

    /// The conversation, for who is in it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for everyone else.
    pub async fn visible(&self, viewer: UserId, id: ConversationId) -> Result<Conversation> {
        let found = self.store.conversations(viewer, &[id]).await?.remove(&id);
        found.ok_or(Error::NotFound("conversation"))
    }

    async fn recipient(&self, sender: UserId, target: Target) -> Result<UserId> {
        let (recipient, field) = match target {
            Target::User(user) => (user, "userId"),
            Target::Username(name) => {
                let name = name.as_str().to_owned();
                let found = self.graph.people_by_username(std::slice::from_ref(&name)).await?;
                (found.get(&name).ok_or(Error::NotFound("user"))?.id, "username")
            }
            Target::Direct(id) => {
                let peer = match self.contacts.peer(sender, id.into()) {
                    Some(peer) => Some(peer),
                    None => self.visible(sender, id.into()).await?.peer(sender),
                };
                (peer.ok_or(Error::NotFound("conversation"))?, "conversationId")
            }
            Target::Group(_) => return Err(Error::internal("a group is nobody's peer")),
        };
        if recipient == sender {
            return Err(Error::invalid(field, "must be somebody else's"));
        }
        Ok(recipient)
    }
}
