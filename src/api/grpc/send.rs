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
    messaging::MessageKey,
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
        let (target, outgoing) = wire::outgoing(message)?;
        let key = outgoing.key.as_ref().map(MessageKey::as_str).unwrap_or_default().to_owned();
        self.rates.message(sender)?;
        let news = self.conversations.send(sender, target, outgoing).await?;
        Ok(wire::answer(news.message, &news.place, key))
    }

    /// Sends one of the messages of a stream. Each is counted like a call of its own.
    pub(super) async fn send_next(
        &self,
        sender: UserId,
        message: ChatMessage,
    ) -> Result<ChatMessage> {
        self.rates.request(Sender::User(sender))?;
        self.send(sender, message).await
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
                Ok(Some(message)) => {
                    self.send_next(sender, message).await.map_err(|error| told(&error))
                }
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
