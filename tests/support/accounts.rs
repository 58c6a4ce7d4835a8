//! What people do with their accounts, by way of the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Row};

use super::{Client, TestApp, client::Refusal, eventually};

/// The password of everyone who registers.
pub const PASSWORD: &str = "correct horse";

/// What is read of an `Authentication`.
const PAIR: &str = "accessToken expiresAt refreshToken viewer { user { id username } }";

/// A code that is not `code`.
pub fn another_code(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

impl TestApp {
    /// Registers `name`, who is not confirmed then.
    pub async fn register(&self, name: &str, display_name: &str) -> Value {
        self.try_register(&self.username(name), &self.email(name), display_name).await.unwrap()
    }

    /// Registers, if the server lets one.
    pub async fn try_register(
        &self,
        username: &str,
        email: &str,
        display_name: &str,
    ) -> Result<Value, Refusal> {
        let input = json!({
            "username": username,
            "email": email,
            "password": PASSWORD,
            "displayName": display_name,
        });
        let query = "mutation ($input: RegisterInput!) { register(input: $input) {
            id username displayName friendship } }";
        let data = self.stranger().attempt(query, json!({ "input": input })).await;
        data.map(|mut data| data["register"].take())
    }

    /// Confirms the address of `name`.
    pub async fn verify_email(&self, name: &str, code: &str) -> Result<Client, Refusal> {
        let query = format!(
            "mutation ($email: String!, $code: String!) {{
                verifyEmail(email: $email, code: $code) {{ {PAIR} }} }}"
        );
        let variables = json!({ "email": self.email(name), "code": code });
        let data = self.stranger().attempt(&query, variables).await;
        data.map(|data| Client::signed_in(self.address, &data["verifyEmail"]))
    }

    /// Signs in.
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<Client, Refusal> {
        sign_in(&self.stranger(), login, password, None).await
    }

    /// Another device of `name`.
    pub async fn device(&self, name: &str, device: &str) -> Client {
        sign_in(&self.stranger(), &self.username(name), PASSWORD, Some(device)).await.unwrap()
    }

    /// Sets a new password for `name`.
    pub async fn reset_password(
        &self,
        name: &str,
        code: &str,
        new: &str,
    ) -> Result<Client, Refusal> {
        let query = format!(
            "mutation ($email: String!, $code: String!, $new: String!) {{
                resetPassword(email: $email, code: $code, new: $new) {{ {PAIR} }} }}"
        );
        let variables = json!({ "email": self.email(name), "code": code, "new": new });
        let data = self.stranger().attempt(&query, variables).await;
        data.map(|data| Client::signed_in(self.address, &data["resetPassword"]))
    }

    /// Runs `resendVerification` or `requestPasswordReset`, which always
    /// answer true.
    pub async fn ask_for_code(&self, mutation: &str, email: &str) {
        let query = format!("mutation ($email: String!) {{ sent: {mutation}(email: $email) }}");
        let data = self.stranger().data(&query, json!({ "email": email })).await;
        assert_eq!(data["sent"], true);
    }

    /// The newest code, once `name` has got this many mails.
    pub async fn code_of_mail(&self, number: usize, name: &str) -> String {
        let email = self.email(name);
        eventually("a mail", || async { (self.mails(&email) >= number).then_some(()) }).await;
        assert_eq!(self.mails(&email), number);
        self.mailed_code(&email).await
    }

    /// The tables of the SQL store.
    pub async fn tables(&self) -> AnyConnection {
        let embedded = || format!("sqlite://{}", self.data.path().join("chatterbox.db").display());
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.stores.sql.clone().unwrap_or_else(embedded)).await.unwrap()
    }

    /// How many rows each table of the SQL store has.
    pub async fn rows(&self) -> BTreeMap<String, i64> {
        let tables = match &self.stores.sql {
            Some(_) => {
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                 WHERE table_schema = DATABASE()"
            }
            None => "SELECT name FROM sqlite_master WHERE type = 'table'",
        };
        let mut connection = self.tables().await;
        let mut rows = BTreeMap::new();
        for table in sqlx::query(tables).fetch_all(&mut connection).await.unwrap() {
            let table: String = table.get(0);
            // The index of words follows by itself.
            if table.starts_with("message_words") {
                continue;
            }
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
            rows.insert(table, count);
        }
        connection.close().await.unwrap();
        rows
    }
}

/// Signs in as a client that may have a token already.
pub async fn sign_in(
    client: &Client,
    login: &str,
    password: &str,
    device: Option<&str>,
) -> Result<Client, Refusal> {
    let query = format!("mutation ($input: SignInInput!) {{ signIn(input: $input) {{ {PAIR} }} }}");
    let input = json!({ "login": login, "password": password, "device": device });
    let data = client.attempt(&query, json!({ "input": input })).await;
    data.map(|data| Client::signed_in(client.address, &data["signIn"]))
}

impl Client {
    /// Trades the refresh token for a new pair.
    pub async fn refresh(&self) -> Result<Self, Refusal> {
        let query = format!(
            "mutation ($token: String!) {{ refreshSession(refreshToken: $token) {{ {PAIR} }} }}"
        );
        let data = self.attempt(&query, json!({ "token": self.refresh_token })).await;
        data.map(|data| Self::signed_in(self.address, &data["refreshSession"]))
    }

    /// Whether the server takes the access token.
    pub async fn is_signed_in(&self) -> bool {
        match self.attempt("{ viewer { user { id } } }", Value::Null).await {
            Ok(data) => {
                assert_eq!(data["viewer"]["user"]["id"], self.id.as_str());
                true
            }
            Err(refused) => {
                assert_eq!(refused.code, "UNAUTHENTICATED");
                false
            }
        }
    }

    /// The sessions of the account, as this one of them sees them.
    pub async fn sessions(&self) -> Vec<Value> {
        let query = "{ viewer { sessions { id device createdAt lastUsedAt current } } }";
        let mut data = self.data(query, Value::Null).await;
        let Value::Array(sessions) = data["viewer"]["sessions"].take() else {
            panic!("no list: {data:#}")
        };
        sessions
    }

    /// The id of this session.
    pub async fn session(&self) -> String {
        let sessions = self.sessions().await;
        let mut own = sessions.iter().filter(|session| session["current"] == true);
        let id = own.next().unwrap()["id"].as_str().unwrap().to_owned();
        assert!(own.next().is_none(), "one session is the current one: {sessions:#?}");
        id
    }

    /// Ends a session of the account.
    pub async fn end_session(&self, id: &str) -> Result<Value, Refusal> {
        self.attempt("mutation ($id: ID!) { endSession(id: $id) }", json!({ "id": id })).await
    }

    /// Changes the password.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<Value, Refusal> {
        let query = "mutation ($current: String!, $new: String!) {
            changePassword(current: $current, new: $new) }";
        self.attempt(query, json!({ "current": current, "new": new })).await
    }

    /// Asks for another address.
    pub async fn change_email(&self, email: &str, password: &str) -> Result<Value, Refusal> {
        let query = "mutation ($email: String!, $password: String!) {
            changeEmail(email: $email, password: $password) }";
        self.attempt(query, json!({ "email": email, "password": password })).await
    }

    /// Confirms it.
    pub async fn confirm_email_change(&self, code: &str) -> Result<Value, Refusal> {
        let query = "mutation ($code: String!) { confirmEmailChange(code: $code) {
            email emailVerified user { id } } }";
        self.attempt(query, json!({ "code": code })).await
    }

    /// Changes settings, and returns all as they are then.
    pub async fn change_settings(&self, changes: Value) -> Value {
        let query = "mutation ($input: UpdateSettingsInput!) { updateSettings(input: $input) {
            messagesFrom presenceTo readReceipts discoverable } }";
        self.data(query, json!({ "input": changes })).await["updateSettings"].take()
    }

    /// Changes the profile, and returns it as it is then.
    pub async fn change_profile(&self, changes: Value) -> Value {
        let query = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
            username displayName bio avatarUrl } }";
        self.data(query, json!({ "input": changes })).await["updateProfile"].take()
    }

    /// Closes the account.
    pub async fn delete_account(&self, password: &str) -> Result<Value, Refusal> {
        let query = "mutation ($password: String!) { deleteAccount(password: $password) }";
        self.attempt(query, json!({ "password": password })).await
    }
}
