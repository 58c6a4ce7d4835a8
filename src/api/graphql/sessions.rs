//! Sessions.

use async_graphql::{ID, Object};

use super::{scalars::DateTime, users::IntoGraphql};
use crate::accounts::{SessionInfo, Viewer};

/// A device that is signed in.
#[derive(Clone)]
pub struct Session {
    info: SessionInfo,
    current: bool,
}

impl Session {
    pub(super) fn new(info: SessionInfo, viewer: Viewer) -> Self {
        let current = info.id == viewer.session;
        Self { info, current }
    }
}

/// A device that is signed in.
#[Object]
impl Session {
    pub(super) async fn id(&self) -> ID {
        self.info.id.into_graphql()
    }

    async fn device(&self) -> Option<&str> {
        self.info.device.as_deref()
    }

    async fn created_at(&self) -> DateTime {
        self.info.created_at.into()
    }

    async fn last_used_at(&self) -> DateTime {
        self.info.last_used_at.into()
    }

    /// Whether it is the one that asks.
    async fn current(&self) -> bool {
        self.current
    }
}
