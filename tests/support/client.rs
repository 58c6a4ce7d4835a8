//! A client that speaks GraphQL over HTTP.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::Feed;

/// A client, signed in or not.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub token: Option<String>,
    pub refresh_token: String,
    pub id: String,
    pub username: String,
    pub http: reqwest::Client,
}

/// An error as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub field: Option<String>,
    pub message: String,
}

impl Client {
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self {
            address,
            token,
            refresh_token: String::new(),
            id: String::new(),
            username: String::new(),
            http: reqwest::Client::new(),
        }
    }

    /// Out of an `Authentication` with `viewer { user { id username } }`.
    pub fn signed_in(address: SocketAddr, authentication: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let user = &authentication["viewer"]["user"];
        Self {
            refresh_token: text(&authentication["refreshToken"]),
            id: text(&user["id"]),
            username: text(&user["username"]),
            ..Self::new(address, Some(text(&authentication["accessToken"])))
        }
    }

    /// The whole response.
    pub async fn response(&self, query: &str, variables: Value) -> Value {
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a response without errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut response = self.response(query, variables).await;
        assert!(response.get("errors").is_none(), "{query}: {response:#}");
        response["data"].take()
    }

    /// The one error of a response.
    pub async fn refused(&self, query: &str, variables: Value) -> Refusal {
        refusal(&self.response(query, variables).await)
    }

    /// The code of the one error of a response.
    pub async fn code(&self, query: &str, variables: Value) -> String {
        self.refused(query, variables).await.code
    }

    /// The data, or the one error.
    pub async fn attempt(&self, query: &str, variables: Value) -> Result<Value, Refusal> {
        let mut response = self.response(query, variables).await;
        match response.get("errors") {
            Some(_) => Err(refusal(&response)),
            None => Ok(response["data"].take()),
        }
    }

    /// Sends a message to somebody, and returns it.
    pub async fn send(&self, to: &Self, body: &str) -> Value {
        self.send_to(json!({ "userId": to.id }), body, None).await.unwrap()
    }

    /// Sends a message to a target.
    pub async fn send_to(
        &self,
        to: Value,
        body: &str,
        key: Option<&str>,
    ) -> Result<Value, Refusal> {
        let mut response = self
            .response(
                "mutation ($input: SendMessageInput!) { sendMessage(input: $input) {
                    id seq body sentAt sender { id username } conversation { id } } }",
                json!({ "input": { "to": to, "body": body, "key": key } }),
            )
            .await;
        if response.get("errors").is_some() {
            return Err(refusal(&response));
        }
        Ok(response["data"]["sendMessage"].take())
    }

    /// One of the mutations between two people, such as `blockUser`; returns
    /// the friendship as it is then.
    pub async fn act(&self, mutation: &str, other: &Self) -> Result<String, Refusal> {
        let query = format!(
            "mutation ($id: ID!) {{ change: {mutation}(userId: $id) {{ id friendship }} }}"
        );
        let response = self.response(&query, json!({ "id": other.id })).await;
        if response.get("errors").is_some() {
            return Err(refusal(&response));
        }
        assert_eq!(response["data"]["change"]["id"], other.id.as_str());
        Ok(response["data"]["change"]["friendship"].as_str().unwrap().to_owned())
    }

    /// What stands between the two, as this client sees it.
    pub async fn friendship(&self, other: &Self) -> String {
        let data = self
            .data(
                "query ($name: String!) { user(username: $name) { friendship } }",
                json!({ "name": other.username }),
            )
            .await;
        data["user"]["friendship"].as_str().unwrap().to_owned()
    }

    /// Makes the two friends.
    pub async fn befriend(&self, other: &Self) {
        self.act("sendFriendRequest", other).await.unwrap();
        assert_eq!(other.act("acceptFriendRequest", self).await.unwrap(), "FRIENDS");
    }

    /// The live events, from now on.
    pub async fn feed(&self) -> Feed {
        Feed::open(self, Value::Null).await
    }

    /// The live events behind a cursor.
    pub async fn feed_after(&self, cursor: &str) -> Feed {
        Feed::open(self, json!({ "after": cursor })).await
    }
}

fn refusal(response: &Value) -> Refusal {
    let errors = response["errors"].as_array().unwrap_or_else(|| panic!("no error: {response:#}"));
    assert_eq!(errors.len(), 1, "{response:#}");
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    Refusal {
        code: text(&errors[0]["extensions"]["code"]).unwrap_or_else(|| panic!("{response:#}")),
        field: text(&errors[0]["extensions"]["field"]),
        message: text(&errors[0]["message"]).unwrap(),
    }
}
