//! Accounts: registering, signing in, sessions, passwords.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chatterbox_graph::{Friendship as Bond, Person};
use uuid::Uuid;

use super::{
    scalars::DateTime,
    scope::{Scope, Services},
    users::User,
    viewer::Viewer,
};
use crate::{
    accounts::{Authentication as Pair, Client, Viewer as Proof},
    error::Error,
    ids::{self, SessionId},
};

/// What signing in gives.
#[derive(SimpleObject)]
pub struct Authentication {
    access_token: String,
    expires_at: DateTime,
    refresh_token: String,
    viewer: Viewer,
}

/// Username: 3 to 32 of a-z, 0-9, '_' and '.', compared without case. Password: 8 to 128 characters.
#[derive(InputObject)]
pub struct RegisterInput {
    username: String,
    email: String,
    password: String,
    display_name: Option<String>,
}

/// `login` is a username or an e-mail address.
#[derive(InputObject)]
pub struct SignInInput {
    login: String,
    password: String,
    device: Option<String>,
}

/// Mutations of accounts.
#[derive(Default)]
pub struct AccountMutation;

fn services<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Services>> {
    ctx.data::<Arc<Services>>()
}

/// Where the request comes from.
fn client(ctx: &Context<'_>) -> Result<Client> {
    ctx.data::<Client>().copied()
}

fn authenticated(services: &Arc<Services>, pair: Pair) -> Authentication {
    let scope = Scope::new(services.clone(), pair.viewer);
    Authentication {
        access_token: pair.access_token,
        expires_at: pair.expires_at.into(),
        refresh_token: pair.refresh_token,
        viewer: Viewer { scope },
    }
}

#[Object]
impl AccountMutation {
    /// Makes the account and mails a confirmation code. Where confirmation is required, it can't sign in before, and lapses after 7 days without.
    async fn register(&self, ctx: &Context<'_>, input: RegisterInput) -> Result<User> {
        let services = services(ctx)?;
        let RegisterInput { username, email, password, display_name } = input;
        let made = services
            .accounts
            .register(&username, &email, &password, display_name.as_deref(), client(ctx)?)
            .await?;
        // Shown to whom it belongs, who has no session yet.
        let session = SessionId::from_uuid(Uuid::nil());
        let scope = Scope::new(services.clone(), Proof { user: made.id, session });
        let person = Person {
            id: made.id,
            username: made.username,
            display_name: made.display_name,
            bio: None,
            avatar_url: None,
            created_at: made.created_at,
        };
        scope.know(vec![person.clone()]);
        scope.loaders().friendships.prime(person.id, Ok(Some(Bond::Myself))).await;
        Ok(User { scope, person })
    }

    /// Confirms the address and signs in.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        email: String,
        code: String,
    ) -> Result<Authentication> {
        let services = services(ctx)?;
        let pair = services.accounts.verify_email(&email, &code, None, client(ctx)?).await?;
        Ok(authenticated(services, pair))
    }

    /// Answers true whether or not the address is known.
    async fn resend_verification(&self, ctx: &Context<'_>, email: String) -> Result<bool> {
        services(ctx)?.accounts.resend_verification(&email).await?;
        Ok(true)
    }

    /// Opens a session.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<Authentication> {
        let services = services(ctx)?;
        let SignInInput { login, password, device } = input;
        let pair =
            services.accounts.sign_in(&login, &password, device.as_deref(), client(ctx)?).await?;
        Ok(authenticated(services, pair))
    }

    /// Trades a refresh token for a new pair. A token that was traded before ends its whole session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        refresh_token: String,
    ) -> Result<Authentication> {
        let services = services(ctx)?;
        let pair = services.accounts.refresh(&refresh_token).await?;
        Ok(authenticated(services, pair))
    }

    /// Ends the session that asks.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        scope.services().accounts.sign_out(scope.viewer()).await?;
        Ok(true)
    }

    /// Ends one of the viewer's sessions.
    async fn end_session(&self, ctx: &Context<'_>, id: ID) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        let session = ids::parse("id", &id)?;
        scope.services().accounts.end_session(scope.viewer(), session).await?;
        Ok(true)
    }

    /// Ends all of the viewer's sessions, the one that asks included.
    async fn sign_out_everywhere(&self, ctx: &Context<'_>) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        scope.services().accounts.sign_out_everywhere(scope.viewer()).await?;
        Ok(true)
    }

    /// Ends all other sessions of the viewer.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        current: String,
        new: String,
    ) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        scope.services().accounts.change_password(scope.viewer(), &current, &new).await?;
        Ok(true)
    }

    /// Mails a code to the address that the account is to have. Answers true whether or not it is somebody's already; nothing changes before `confirmEmailChange`.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        email: String,
        password: String,
    ) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        scope.services().accounts.change_email(scope.viewer(), &email, &password).await?;
        Ok(true)
    }

    /// Gives the account the address that the newest code was mailed to, and tells the old one. All other codes of the account die, its sessions stay.
    async fn confirm_email_change(&self, ctx: &Context<'_>, code: String) -> Result<Viewer> {
        let scope = Scope::of(ctx)?;
        let (accounts, viewer) = (&scope.services().accounts, scope.viewer());
        accounts.confirm_email_change(viewer, &code, client(ctx)?).await?;
        Ok(Viewer { scope })
    }

    /// Removes the account, its edges in the graph and its sessions; its messages stay, without a sender.
    async fn delete_account(&self, ctx: &Context<'_>, password: String) -> Result<bool> {
        let scope = Scope::of(ctx)?;
        scope.services().accounts.delete(scope.viewer(), &password).await?;
        Ok(true)
    }

    /// Answers true whether or not the address is known.
    async fn request_password_reset(&self, ctx: &Context<'_>, email: String) -> Result<bool> {
        services(ctx)?.accounts.request_password_reset(&email).await?;
        Ok(true)
    }

    /// Sets a new password, ends all sessions and opens a new one.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        email: String,
        code: String,
        new: String,
    ) -> Result<Authentication> {
        let services = services(ctx)?;
        let pair = services.accounts.reset_password(&email, &code, &new, client(ctx)?).await?;
        Ok(authenticated(services, pair))
    }
}

/// The viewer's session with this id.
pub(super) async fn session(
    scope: &Scope,
    id: SessionId,
) -> Result<Option<super::sessions::Session>, Error> {
    let sessions = scope.services().accounts.sessions(scope.viewer()).await?;
    let found = sessions.into_iter().find(|session| session.id == id);
    Ok(found.map(|info| super::sessions::Session::new(info, scope.viewer())))
}
