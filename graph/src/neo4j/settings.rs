//! What people decided about others, and what those may do therefore.

use std::collections::HashMap;

use neo4rs::BoltType;
use serde::Deserialize;

use super::{
    Neo4jGraph,
    session::Session,
    statement::{BondRows, SettingsRow, Statement, ids, map, statements, text},
};
use crate::{Audience, Reach, Result, Settings, SettingsChange, UserId, bonds::Bonds};

statements! {
    GET = "settings/get";
    CHANGE = "settings/change";
    REACH = "settings/reach";
}

impl Neo4jGraph {
    pub(super) async fn settings(&self, people: &[UserId]) -> Result<HashMap<UserId, Settings>> {
        if people.is_empty() {
            return Ok(HashMap::new());
        }
        let get = GET.bind("ids", ids(people.iter().copied()));
        let settings = self.session.answers::<(UserId, SettingsRow)>(get).await?.into_iter();
        Ok(settings.map(|(id, settings)| (id, settings.into())).collect())
    }

    pub(super) async fn change_settings(
        &self,
        id: UserId,
        change: &SettingsChange,
    ) -> Result<Option<Settings>> {
        let change = CHANGE.bind("id", text(id)).bind("change", changed(change));
        Ok(self.session.write_answer::<SettingsRow>(change).await?.map(Settings::from))
    }

    pub(super) async fn reach(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Reach>> {
        self.shared.reach.ask(&self.session, pairs, reach).await
    }
}

async fn reach(session: Session, pairs: Vec<(UserId, UserId)>) -> Result<Vec<Reach>> {
    #[derive(Deserialize)]
    struct ReachRow(SettingsRow, BondRows, bool);
    let asked =
        pairs.iter().map(|&(from, to)| [("from", text(from).into()), ("to", text(to).into())]);
    let reaches = session.answer_each(REACH.asked(asked)).await?.into_iter();
    let reach = |ReachRow(settings, bonds, share_friends)| {
        Bonds::from(bonds).reach(&Settings::from(settings), share_friends)
    };
    Ok(reaches.map(|row| row.map(reach).unwrap_or_default()).collect())
}

/// The properties that change.
fn changed(change: &SettingsChange) -> BoltType {
    let audience = |key, audience: Option<Audience>| audience.map(|to| (key, name(to).into()));
    let flag = |key, flag: Option<bool>| flag.map(|flag| (key, flag.into()));
    let changed = [
        audience("messagesFrom", change.messages_from),
        audience("presenceTo", change.presence_to),
        flag("readReceipts", change.read_receipts),
        flag("discoverable", change.discoverable),
    ];
    map(changed.into_iter().flatten())
}

/// As it is read again.
fn name(audience: Audience) -> &'static str {
    match audience {
        Audience::Everyone => "EVERYONE",
        Audience::FriendsOfFriends => "FRIENDS_OF_FRIENDS",
        Audience::Friends => "FRIENDS",
        Audience::Nobody => "NOBODY",
    }
}
