//! Who is signed in: their tokens, which are traded when they expire.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    client::Client,
    credentials::{Folder, Kept, Tokens},
    error::{Error, Result},
    text::Line,
};
use crate::ambient::Ambient;

const GIVEN: &str = "accessToken refreshToken viewer { user { username } }";

/// What signing in gives.
#[derive(Deserialize)]
struct Authentication {
    #[serde(flatten)]
    tokens: Tokens,
    viewer: Viewer,
}

#[derive(Deserialize)]
struct Viewer {
    user: Named,
}

#[derive(Deserialize)]
struct Named {
    username: Line,
}

#[derive(Deserialize)]
struct Opened {
    opened: Authentication,
}

/// How one comes in.
pub(super) struct Door {
    client: Client,
    folder: Folder,
    ambient: Ambient,
}

impl Door {
    pub fn new(client: Client, ambient: Ambient) -> Result<Self> {
        Ok(Self { folder: Folder::of(client.url())?, client, ambient })
    }

    /// The session of this person that was kept, or of who was here last.
    pub fn kept(&self, login: Option<&str>) -> Result<Option<Session>> {
        let kept = match login {
            Some(login) => Some(self.folder.person(login, &self.ambient)),
            None => self.folder.newest(&self.ambient),
        };
        let Some(kept) = kept else { return Ok(None) };
        let tokens = kept.read()?;
        Ok(tokens.map(|tokens| Session::new(self.client.clone(), kept, tokens)))
    }

    /// Signs in.
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<Session> {
        let query = format!(
            "mutation ($login: String!, $password: String!) {{ opened: signIn(input: {{ \
             login: $login, password: $password, device: \"chatterbox chat\" }}) {{ {GIVEN} }} }}"
        );
        self.open(&query, &json!({ "login": login, "password": password })).await
    }

    /// Makes an account, which may have to be confirmed before one can sign in.
    pub async fn register(&self, username: &str, email: &str, password: &str) -> Result<()> {
        let query = "mutation ($username: String!, $email: String!, $password: String!) { \
             register(input: { username: $username, email: $email, password: $password }) { id } }";
        let variables = json!({ "username": username, "email": email, "password": password });
        self.client.ask(None, query, &variables).await.map(|_: Value| ())
    }

    /// Confirms the address with the code that was sent to it, and signs in.
    pub async fn verify(&self, email: &str, code: &str) -> Result<Session> {
        let query = format!(
            "mutation ($email: String!, $code: String!) \
             {{ opened: verifyEmail(email: $email, code: $code) {{ {GIVEN} }} }}"
        );
        self.open(&query, &json!({ "email": email, "code": code })).await
    }

    async fn open(&self, query: &str, variables: &Value) -> Result<Session> {
        let Opened { opened } = self.client.ask(None, query, variables).await?;
        let kept = self.folder.person(&opened.viewer.user.username, &self.ambient);
        kept.write(&opened.tokens)?;
        Ok(Session::new(self.client.clone(), kept, opened.tokens))
    }
}

/// A session of somebody who is signed in.
#[derive(Clone)]
pub(super) struct Session(Arc<Shared>);

struct Shared {
    client: Client,
    kept: Kept,
    tokens: Mutex<Tokens>,
    renewing: tokio::sync::Mutex<()>,
}

impl Session {
    fn new(client: Client, kept: Kept, tokens: Tokens) -> Self {
        let (tokens, renewing) = (Mutex::new(tokens), tokio::sync::Mutex::new(()));
        Self(Arc::new(Shared { client, kept, tokens, renewing }))
    }

    /// One that reaches nobody.
    #[cfg(test)]
    pub fn alone() -> Self {
        Self::at(&"http://127.0.0.1:1".parse().unwrap())
    }

    /// One with the service at this URL.
    #[cfg(test)]
    pub fn at(url: &crate::config::PublicUrl) -> Self {
        let kept = Kept::nowhere();
        let tokens = Tokens { access_token: String::new(), refresh_token: String::new() };
        Self::new(Client::new(url).unwrap(), kept, tokens)
    }

    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The access token, which may have expired.
    pub fn access_token(&self) -> String {
        self.tokens().access_token
    }

    fn tokens(&self) -> Tokens {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks; with new tokens where the old ones have expired.
    pub async fn ask<T: DeserializeOwned>(&self, query: &str, variables: Value) -> Result<T> {
        let token = self.access_token();
        match self.client().ask(Some(&token), query, &variables).await {
            Err(error) if error.is("UNAUTHENTICATED") => {
                let token = self.renew(&token).await?;
                let again = self.client().ask(Some(&token), query, &variables).await;
                again.map_err(|error| ended(error, &self.0.kept))
            }
            other => other,
        }
    }

    /// New tokens for old ones, unless this or another process has got them
    /// already; returns the access token.
    pub async fn renew(&self, expired: &str) -> Result<String> {
        let _alone = self.0.renewing.lock().await;
        if self.access_token() != expired {
            return Ok(self.access_token());
        }
        let _alone_of_all = self.0.kept.lock().await?;
        let known = self.tokens();
        let tokens = match self.0.kept.read()? {
            None => return Err(Error::SignedOut),
            Some(newer) if newer != known => newer,
            Some(_) => self.trade(&known.refresh_token).await?,
        };
        let token = tokens.access_token.clone();
        *self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
        Ok(token)
    }

    /// A refresh token can be traded once, so what it gives is kept at once.
    async fn trade(&self, refresh_token: &str) -> Result<Tokens> {
        let query = format!(
            "mutation ($token: String!) \
             {{ opened: refreshSession(refreshToken: $token) {{ {GIVEN} }} }}"
        );
        let traded = self.client().ask(None, &query, &json!({ "token": refresh_token })).await;
        let Opened { opened } = traded.map_err(|error| ended(error, &self.0.kept))?;
        self.0.kept.write(&opened.tokens)?;
        Ok(opened.tokens)
    }

    /// Ends the session, and removes its tokens.
    pub async fn sign_out(&self) -> Result<()> {
        match self.ask::<Value>("mutation { signOut }", Value::Null).await {
            Ok(_) | Err(Error::SignedOut) => self.0.kept.remove(),
            Err(error) => Err(error),
        }
    }
}

/// What is not accepted any more is of no use.
fn ended(error: Error, kept: &Kept) -> Error {
    if !error.is("UNAUTHENTICATED") {
        return error;
    }
    match kept.remove() {
        Ok(()) => Error::SignedOut,
        Err(error) => error,
    }
}
