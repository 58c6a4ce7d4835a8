//! Somebody who is signed in, with a connection of their own.

use axum::http::HeaderValue;
use chatterbox_graph::sample;
use serde_json::{Value, json};

use super::{Error, Result, connection::Connection};

const SEND: &str = "mutation Send($to: ID!, $body: String!, $key: String!) \
     { sendMessage(input: { to: { conversationId: $to }, body: $body, key: $key }) \
     { id seq sentAt } }";
const OPEN: &str = "query Open($ids: [ID!]!) \
     { nodes(ids: $ids) { ... on User { directConversation { id } } } }";
const FOUND: &str = "mutation Found($name: String!, $ids: [ID!]!) \
     { createGroup(input: { name: $name, memberIds: $ids }) { id } }";
const ADD: &str = "mutation Add($group: ID!, $ids: [ID!]!) \
     { addGroupMembers(groupId: $group, userIds: $ids) { id } }";

/// How many conversations are opened at once.
const OPENED: usize = 50;
/// How many members a group gets at once.
const ADDED: usize = 1_000;

/// Somebody who is signed in.
pub(super) struct Client {
    connection: Connection,
    authorization: HeaderValue,
    /// What nobody else's name is, in no run; the keys of their messages begin
    /// with it.
    name: String,
    sent: u64,
}

impl Client {
    pub(super) fn new(connection: Connection, authorization: HeaderValue, name: String) -> Self {
        Self { connection, authorization, name, sent: 0 }
    }

    /// How they show who they are, and a name that nobody else has, in no run.
    pub(super) fn into_parts(self) -> (HeaderValue, String) {
        (self.authorization, self.name)
    }

    /// Sends a message and waits until it is durable. Neither text nor
    /// conversation has a character that JSON escapes.
    pub(super) async fn say(&mut self, conversation: &str, text: &str) -> Result<()> {
        let Self { connection, authorization, name, sent } = self;
        *sent += 1;
        let body = format!(
            r#"{{"query":"{SEND}","variables":{{"to":"{conversation}","body":"{text}","key":"{name}-{sent}"}}}}"#
        );
        connection.ask(authorization, body).await.map(drop)
    }

    /// The conversations of two with the people of these numbers, made where
    /// they are missing.
    pub(super) async fn open(&mut self, others: &[u32]) -> Result<Vec<String>> {
        let mut opened = Vec::with_capacity(others.len());
        for part in others.chunks(OPENED) {
            let data =
                self.ask(&json!({ "query": OPEN, "variables": { "ids": ids(part) } })).await?;
            let nodes = data["nodes"].as_array().ok_or_else(|| unexpected(&data))?;
            for node in nodes {
                opened.push(id(&node["directConversation"])?);
            }
        }
        Ok(opened)
    }

    /// Makes a group of its own with the people of these numbers, and
    /// returns its id.
    pub(super) async fn found(&mut self, others: &[u32]) -> Result<String> {
        let (first, more) = others.split_at(others.len().min(ADDED));
        let name = format!("Bench {}", self.name);
        let variables = json!({ "name": name, "ids": ids(first) });
        let made = self.ask(&json!({ "query": FOUND, "variables": variables })).await?;
        let group = id(&made["createGroup"])?;
        for part in more.chunks(ADDED) {
            let variables = json!({ "group": group, "ids": ids(part) });
            self.ask(&json!({ "query": ADD, "variables": variables })).await?;
        }
        Ok(group)
    }

    /// Asks anything; returns the answer's data.
    async fn ask(&mut self, body: &Value) -> Result<Value> {
        let answer = self.connection.ask(&self.authorization, body.to_string()).await?;
        let mut answer: Value =
            serde_json::from_slice(&answer).map_err(crate::error::Error::internal)?;
        Ok(answer["data"].take())
    }
}

fn ids(numbers: &[u32]) -> Vec<Value> {
    numbers.iter().map(|n| json!(sample::id(*n))).collect()
}

fn id(of: &Value) -> Result<String> {
    of["id"].as_str().map(str::to_owned).ok_or_else(|| unexpected(of))
}

fn unexpected(answer: &Value) -> Error {
    Error::Answered(answer.to_string())
}
