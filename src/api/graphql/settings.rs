//! Whom the viewer lets come near, and how they present themselves.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chatterbox_graph::{Audience as Meant, ProfileChange, Settings as Decided, SettingsChange};

use super::{scope::Scope, users::User};
use crate::{
    error::Result as Outcome,
    people::{AvatarUrl, DisplayName, Prose},
};

/// Who is meant, by distance in the friendship graph.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "Meant")]
pub enum Audience {
    /// All.
    Everyone,
    /// Friends, and those who have a friend in common.
    FriendsOfFriends,
    /// Friends.
    Friends,
    /// None.
    Nobody,
}

/// What the viewer decided about others.
#[derive(SimpleObject)]
pub struct Settings {
    /// Who may start a conversation with the viewer.
    messages_from: Audience,
    /// Who may see when the viewer is online or was last seen.
    presence_to: Audience,
    /// Whether other members see how far the viewer has read.
    read_receipts: bool,
    /// Whether the viewer is listed in the directory and in suggestions.
    discoverable: bool,
}

impl From<Decided> for Settings {
    fn from(settings: Decided) -> Self {
        Self {
            messages_from: settings.messages_from.into(),
            presence_to: settings.presence_to.into(),
            read_receipts: settings.read_receipts,
            discoverable: settings.discoverable,
        }
    }
}

/// `avatarUrl` is an absolute https URL.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    display_name: Option<String>,
    bio: MaybeUndefined<String>,
    avatar_url: MaybeUndefined<String>,
}

impl UpdateProfileInput {
    fn parse(self) -> Outcome<ProfileChange> {
        let display_name = self.display_name.as_deref().map(DisplayName::parse).transpose()?;
        Ok(ProfileChange {
            display_name: display_name.map(|name| name.as_str().to_owned()),
            bio: match self.bio {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(text) => {
                    Some(Prose::parse("bio", &text)?.map(Prose::into_string))
                }
            },
            avatar_url: match self.avatar_url {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(url) => Some(Some(AvatarUrl::parse(&url)?.into_string())),
            },
        })
    }
}

/// What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateSettingsInput {
    messages_from: Option<Audience>,
    presence_to: Option<Audience>,
    read_receipts: Option<bool>,
    discoverable: Option<bool>,
}

impl From<UpdateSettingsInput> for SettingsChange {
    fn from(input: UpdateSettingsInput) -> Self {
        Self {
            messages_from: input.messages_from.map(Into::into),
            presence_to: input.presence_to.map(Into::into),
            read_receipts: input.read_receipts,
            discoverable: input.discoverable,
        }
    }
}

/// Mutations of profile and settings.
#[derive(Default)]
pub struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Changes how the viewer presents themselves. What is left out stays as it is; null takes `bio` and `avatarUrl` away.
    async fn update_profile(&self, ctx: &Context<'_>, input: UpdateProfileInput) -> Result<User> {
        let scope = Scope::changing(ctx)?;
        let services = scope.services();
        let person = services.people.change_profile(scope.viewer().user, input.parse()?).await?;
        let scope = Scope::new(services.clone(), scope.viewer());
        Ok(User { scope, person })
    }

    /// Changes whom the viewer lets come near. What is left out stays as it is.
    async fn update_settings(
        &self,
        ctx: &Context<'_>,
        input: UpdateSettingsInput,
    ) -> Result<Settings> {
        let scope = Scope::changing(ctx)?;
        let (people, viewer) = (&scope.services().people, scope.viewer().user);
        Ok(people.change_settings(viewer, input.into()).await?.into())
    }
}
