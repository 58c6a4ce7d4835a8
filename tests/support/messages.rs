//! What people do with messages, by way of the API.

use serde_json::{Value, json};

use super::{Client, Feed, client::Refusal};

/// What is read of a message.
const MESSAGE: &str = "id seq body sentAt editedAt deletedAt sender { username }
    replyTo { id body } mentions { username }
    reactions { emoji count viewerReacted users { username } }";

impl Client {
    /// Sends a message that replies to another one.
    pub async fn reply(&self, to: Value, body: &str, reply_to: &Value) -> Result<Value, Refusal> {
        self.send_input(json!({ "to": to, "body": body, "replyTo": reply_to })).await
    }

    /// Sends a message, and returns all of it.
    pub async fn send_input(&self, input: Value) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($input: SendMessageInput!) {{ message: sendMessage(input: $input) {{ {MESSAGE} }} }}"
        );
        self.message_of(&query, json!({ "input": input })).await
    }

    pub async fn edit(&self, id: &Value, body: &str) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($id: ID!, $body: String!) {{
                message: editMessage(id: $id, body: $body) {{ {MESSAGE} }} }}"
        );
        self.message_of(&query, json!({ "id": id, "body": body })).await
    }

    pub async fn delete_message(&self, id: &Value) -> Result<Value, Refusal> {
        let query =
            format!("mutation ($id: ID!) {{ message: deleteMessage(id: $id) {{ {MESSAGE} }} }}");
        self.message_of(&query, json!({ "id": id })).await
    }

    pub async fn react(&self, id: &Value, emoji: &str) -> Result<Value, Refusal> {
        self.change_reaction("addReaction", id, emoji).await
    }

    pub async fn take_back(&self, id: &Value, emoji: &str) -> Result<Value, Refusal> {
        self.change_reaction("removeReaction", id, emoji).await
    }

    /// The message as the client sees it; null for who can't read it.
    pub async fn message(&self, id: &Value) -> Value {
        let query =
            format!("query ($id: ID!) {{ node(id: $id) {{ ... on Message {{ {MESSAGE} }} }} }}");
        self.data(&query, json!({ "id": id })).await["node"].take()
    }

    /// Says that they type in a conversation, or do not.
    pub async fn types(&self, conversation: &str, typing: bool) -> Result<bool, Refusal> {
        let query = "mutation ($id: ID!, $typing: Boolean!) {
            setTyping(conversationId: $id, typing: $typing) }";
        let variables = json!({ "id": conversation, "typing": typing });
        self.attempt(query, variables).await.map(|data| data["setTyping"] == true)
    }

    async fn change_reaction(
        &self,
        mutation: &str,
        id: &Value,
        emoji: &str,
    ) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($id: ID!, $emoji: String!) {{
                message: {mutation}(messageId: $id, emoji: $emoji) {{ {MESSAGE} }} }}"
        );
        self.message_of(&query, json!({ "id": id, "emoji": emoji })).await
    }

    async fn message_of(&self, query: &str, variables: Value) -> Result<Value, Refusal> {
        self.attempt(query, variables).await.map(|mut data| data["message"].take())
    }
}

impl Feed {
    /// The next event, which has to be that somebody types, or not.
    pub async fn hears_typing(&mut self, who: &Client, conversation: &str, typing: bool) -> Value {
        let event = self.next().await;
        assert_eq!(event["__typename"], "TypingChanged", "{event:#}");
        let told = (&event["user"]["id"], &event["conversation"]["id"], &event["typing"]);
        let expected = (&json!(who.id), &json!(conversation), &json!(typing));
        assert_eq!(told, expected, "{event:#}");
        event
    }

    /// The next event, which has to be of this kind; returns its message.
    pub async fn hears(&mut self, kind: &str) -> Value {
        let mut event = self.next().await;
        assert_eq!(event["__typename"], kind, "{event:#}");
        event["message"].take()
    }
}
