//! Sending, by the rules of the GraphQL API.

use tonic::{Request, Streaming};

use super::{
    GrpcParts,
    errors::{misread, told},
    generated::{ChatMessage, ChatMessageResponse},
    wire,
};
use crate::{
    accounts::Viewer,
    api::http::{client, request::bearer},
    error::{Error, Result},
    ids::UserId,
    messaging::{Outgoing, Target},
    rates::Sender,
};

impl GrpcParts {
    /// Who calls; counts the call.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] without a valid access token, and [`Error::RateLimited`].
    pub(super) fn viewer<T>(&self, request: &Request<T>) -> Result<Viewer> {
        let metadata = request.metadata();
        let text = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let viewer = match text.and_then(bearer) {
            Some(token) => self.accounts.authenticate(token),
            None => Err(Error::Unauthenticated),
        };
        let sender = match &viewer {
            Ok(viewer) => Sender::User(viewer.user),
            Err(_) => {
                let (extensions, proxies) = (request.extensions(), &self.trusted_proxies);
                Sender::Client(client::of(extensions, metadata.as_ref(), proxies))
            }
        };
        self.rates.request(sender)?;
        viewer
    }

    /// Sends a message, and returns it as it is then.
    pub(super) async fn send(&self, sender: UserId, message: ChatMessage) -> Result<ChatMessage> {
        let key = message.key.clone();
        let (target, outgoing) = self.read(sender, message)?;
        let news = self.conversations.send(sender, target, outgoing).await?;
        Ok(wire::answer(news.message, &news.place, key))
    }

    /// Sends messages of a stream, in their order, and answers each for itself.
    pub(super) async fn send_burst(
        &self,
        sender: UserId,
        messages: Vec<ChatMessage>,
    ) -> Vec<ChatMessage> {
        let given: Vec<_> =
            messages.iter().map(|message| (message.to.clone(), message.key.clone())).collect();
        let admitted = messages.into_iter().map(|message| self.admit(sender, message)).collect();
        let sent = self.conversations.send_all(sender, admitted).await;
        let answers = given.into_iter().zip(sent).map(|((to, key), sent)| match sent {
            Ok(news) => wire::answer(news.message, &news.place, key),
            Err(error) => {
                let failure = Some(told(&error).into());
                ChatMessage { to, key, failure, ..ChatMessage::default() }
            }
        });
        answers.collect()
    }

    /// Reads one of the messages of a stream. Each is counted like a call of its own.
    fn admit(&self, sender: UserId, message: ChatMessage) -> Result<(Target, Outgoing)> {
        self.rates.request(Sender::User(sender))?;
        self.read(sender, message)
    }

    /// Reads a message, and counts it.
    fn read(&self, sender: UserId, message: ChatMessage) -> Result<(Target, Outgoing)> {
        let read = wire::outgoing(message)?;
        self.rates.message(sender)?;
        Ok(read)
    }

    /// Sends one message after the other, until one is refused.
    pub(super) async fn send_all(
        &self,
        sender: UserId,
        inbound: &mut Streaming<ChatMessage>,
    ) -> ChatMessageResponse {
        let mut answer = ChatMessageResponse::default();
        loop {
            let sent = match inbound.message().await {
                Ok(None) => return answer,
                Ok(Some(message)) => match self.rates.request(Sender::User(sender)) {
                    Ok(()) => self.send(sender, message).await.map_err(|error| told(&error)),
                    Err(error) => Err(told(&error)),
                },
                Err(status) => Err(misread(&status)),
            };
            match sent {
                Ok(message) => {
                    answer.kept += 1;
                    answer.last = Some(message);
                }
                Err(told) => {
                    answer.failed_at = Some(answer.kept);
                    answer.failure = Some(told.into());
                    return answer;
                }
            }
        }
    }
}
