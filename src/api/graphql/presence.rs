//! Who is online.

use async_graphql::SimpleObject;

use super::scalars::DateTime;
use crate::live;

/// Whether somebody is there.
#[derive(SimpleObject)]
pub struct Presence {
    /// Whether a device of theirs is connected, or was until a few seconds ago.
    online: bool,
    /// When they were there last, as far as it is known.
    last_seen_at: Option<DateTime>,
}

impl From<live::Presence> for Presence {
    fn from(live::Presence { online, last_seen_at }: live::Presence) -> Self {
        Self { online, last_seen_at: last_seen_at.map(DateTime) }
    }
}
