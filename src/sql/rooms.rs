//! Where messages go: what has to be known of a conversation to write in it.

use std::{collections::HashMap, sync::Arc};

use chatterbox_graph::GroupRole;
use sqlx::{Any, QueryBuilder, Transaction};

use super::{
    bytes, conversations, get, get_flag, get_id,
    members::{MemberCache, Members},
    push_ids, timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    messaging::{Draft, Place, Position, Recipient, Recipients},
};

/// A conversation that is written in.
pub(super) struct Room {
    last_seq: i64,
    people: People,
}

enum People {
    Two(Two),
    Members(Arc<Members>),
}

struct Two {
    /// The lower one first.
    ids: [UserId; 2],
    /// Whether each of them ever wrote.
    wrote: [bool; 2],
    /// Whether one of them writes for the first time now.
    first: bool,
    recipients: Recipients,
    /// The position of the last entry that tells of a change about anybody.
    people_pos: Position,
}

impl Room {
    /// The `seq` of a new message, and who hears of it; `None` where the
    /// sender may not write here.
    pub(super) fn take(&mut self, draft: &Draft) -> Option<(i64, Recipients)> {
        if !self.admits(draft) {
            return None;
        }
        let recipients = match &mut self.people {
            People::Two(two) => two.take(draft.sender)?,
            People::Members(members) => members.recipients().clone(),
        };
        self.last_seq += 1;
        Some((self.last_seq, recipients))
    }

    /// Whether the draft is for a conversation of this kind, and its sender in it.
    pub(super) fn admits(&self, draft: &Draft) -> bool {
        let of_its_kind = matches!(
            (&self.people, &draft.place),
            (People::Two(_), Place::Direct) | (People::Members(_), Place::Group(_))
        );
        of_its_kind && self.contains(draft.sender)
    }

    /// Whether somebody is in it.
    pub(super) fn contains(&self, user: UserId) -> bool {
        match &self.people {
            People::Two(two) => two.ids.contains(&user),
            People::Members(members) => members.contains(user),
        }
    }

    /// What somebody is in the group; `None` also in a conversation of two.
    pub(super) fn role(&self, user: UserId) -> Option<GroupRole> {
        match &self.people {
            People::Two(_) => None,
            People::Members(members) => members.by_user().get(&user).map(|member| member.role),
        }
    }

    /// The two, where what is known up to that position may be behind what the log tells of
    /// people, and up to where that goes.
    pub(super) fn doubted(&self, known_at: Position) -> Option<([UserId; 2], Position)> {
        match &self.people {
            People::Two(two) if known_at < two.people_pos => Some((two.ids, two.people_pos)),
            _ => None,
        }
    }

    /// Those who hear what happens here.
    pub(super) fn recipients(&self) -> &Recipients {
        match &self.people {
            People::Two(two) => &two.recipients,
            People::Members(members) => members.recipients(),
        }
    }

    /// Of which kind it is.
    pub(super) fn place(&self) -> Place {
        match &self.people {
            People::Two(_) => Place::Direct,
            People::Members(_) => Place::Group(None),
        }
    }
}

impl Two {
    fn new(ids: [UserId; 2], wrote: [bool; 2], people_pos: Position) -> Self {
        let both = |user| Recipient { user, from: Position(0), until: None };
        let recipients = ids.map(both).into_iter().collect();
        Self { ids, wrote, first: false, recipients, people_pos }
    }

    fn take(&mut self, sender: UserId) -> Option<Recipients> {
        let own = self.ids.iter().position(|id| *id == sender)?;
        self.first |= !self.wrote[own];
        self.wrote[own] = true;
        Some(self.recipients.clone())
    }
}

/// The conversations with these ids; there has to be one. The transaction holds the
/// log's head, so nobody else changes them.
pub(super) async fn read(
    tx: &mut Transaction<'static, Any>,
    cache: &MemberCache,
    ids: impl IntoIterator<Item = ConversationId>,
) -> Result<HashMap<ConversationId, Room>> {
    let mut query = QueryBuilder::<Any>::new(
        "SELECT id, last_seq, low_user_id, high_user_id, low_wrote, high_wrote, members_pos, \
         (SELECT head.people_pos FROM head WHERE head.id = 1) AS people_pos \
         FROM conversations WHERE id",
    );
    push_ids(&mut query, ids);
    let rows = timed("conversations.last_seq", query.build().fetch_all(&mut **tx)).await?;
    let mut rooms = HashMap::with_capacity(rows.len());
    let mut groups = Vec::new();
    for row in &rows {
        let (id, last_seq) = (get_id(row, "id")?, get(row, "last_seq")?);
        if let Some(ids) = conversations::two(row)? {
            let wrote = [get_flag(row, "low_wrote")?, get_flag(row, "high_wrote")?];
            let people_pos = Position(get(row, "people_pos")?);
            let people = People::Two(Two::new(ids, wrote, people_pos));
            rooms.insert(id, Room { last_seq, people });
        } else {
            groups.push((id, last_seq, Position(get(row, "members_pos")?)));
        }
    }
    let asked: Vec<_> = groups.iter().map(|(id, _, pos)| (*id, *pos)).collect();
    let mut members = cache.read(tx, &asked).await?;
    for (id, last_seq, _) in groups {
        let members = members.remove(&id).map(People::Members);
        rooms.extend(members.map(|people| (id, Room { last_seq, people })));
    }
    Ok(rooms)
}

/// Writes down who wrote for the first time, if anybody did.
pub(super) async fn note_writers(
    tx: &mut Transaction<'static, Any>,
    rooms: &HashMap<ConversationId, Room>,
) -> Result<()> {
    let new: Vec<(ConversationId, [bool; 2])> = rooms
        .iter()
        .filter_map(|(id, room)| match &room.people {
            People::Two(two) if two.first => Some((*id, two.wrote)),
            _ => None,
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Any>::new("UPDATE conversations SET low_wrote = CASE id");
    for (id, [low, _]) in &new {
        query.push(" WHEN ").push_bind(bytes(*id)).push(" THEN ").push_bind(i64::from(*low));
    }
    query.push(" END, high_wrote = CASE id");
    for (id, [_, high]) in &new {
        query.push(" WHEN ").push_bind(bytes(*id)).push(" THEN ").push_bind(i64::from(*high));
    }
    query.push(" END WHERE id");
    push_ids(&mut query, new.iter().map(|(id, _)| *id));
    timed("conversations.wrote", query.build().execute(&mut **tx)).await.map(drop)
}

/// Notes the position of the last entry that was logged for a conversation,
/// where that is no activity.
pub(super) async fn note_logged(
    tx: &mut Transaction<'static, Any>,
    id: ConversationId,
    pos: Position,
) -> Result<()> {
    let update = sqlx::query("UPDATE conversations SET logged_pos = ? WHERE id = ?")
        .bind(pos.0)
        .bind(bytes(id));
    timed("conversations.logged", update.execute(&mut **tx)).await.map(drop)
}
