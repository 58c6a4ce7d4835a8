//! Writing messages, many in one transaction.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{
    Sql, Tries, bytes, commit, get, get_id, get_optional_id, log, payload, push_ids,
    rooms::{self, Room},
    signed, timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    messaging::{Draft, Message, MessageStore, Outcome, Position},
};

pub(super) const COLUMNS: &str =
    "m.pos, m.id, m.conversation_id, m.seq, m.sender_id, m.body, m.sent_at";

/// Messages by their sender and key.
type ByKey = HashMap<(UserId, Vec<u8>), Message>;

#[async_trait]
impl MessageStore for Sql {
    async fn write(&self, at: Timestamp, drafts: &[Draft]) -> Result<Vec<Outcome>> {
        let mut tries = Tries::new();
        loop {
            let outcome = self.write_once(at, drafts).await;
            if !tries.again(&outcome) {
                return outcome;
            }
        }
    }
}

impl Sql {
    async fn write_once(&self, at: Timestamp, drafts: &[Draft]) -> Result<Vec<Outcome>> {
        let mut tx = self.begin().await?;
        let reserved = signed(drafts.len());
        let head = log::advance_head(&mut tx, reserved).await?;
        let known = known_keys(&mut tx, drafts).await?;
        let mut rooms = rooms::read(&mut tx, &self.members, drafts).await?;
        let (outcomes, sent) = decide(at, drafts, head, known, &mut rooms);
        if !sent.is_empty() {
            insert_messages(&mut tx, &sent).await?;
            insert_log(&mut tx, &sent).await?;
            advance_conversations(&mut tx, &sent).await?;
            rooms::note_writers(&mut tx, &rooms).await?;
        }
        let unused = reserved - signed(sent.len());
        if unused > 0 {
            log::advance_head(&mut tx, -unused).await?;
        }
        commit(tx).await?;
        Ok(outcomes)
    }
}

/// A message that is to be inserted, with its key.
type Sent<'a> = (Message, Option<&'a [u8]>);

fn decide<'a>(
    at: Timestamp,
    drafts: &'a [Draft],
    mut head: Position,
    mut known: ByKey,
    rooms: &mut HashMap<ConversationId, Room>,
) -> (Vec<Outcome>, Vec<Sent<'a>>) {
    let mut outcomes = Vec::with_capacity(drafts.len());
    let mut sent = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let key = draft.key.as_ref().map(|key| key.as_str().as_bytes());
        let slot = key.map(|key| (draft.sender, key.to_vec()));
        if let Some(first) = slot.as_ref().and_then(|slot| known.get(slot)) {
            outcomes.push(repeated(draft, first));
            continue;
        }
        let room = rooms.get_mut(&draft.conversation);
        let Some((seq, to)) = room.and_then(|room| room.take(draft)) else {
            outcomes.push(Outcome::NotMember);
            continue;
        };
        head = head.next();
        let message = Message {
            id: draft.id,
            conversation: draft.conversation,
            seq,
            pos: head,
            sender: Some(draft.sender),
            body: Some(draft.body.as_str().to_owned()),
            sent_at: at,
        };
        if let Some(slot) = slot {
            known.insert(slot, message.clone());
        }
        outcomes.push(Outcome::Sent(message.clone(), to));
        sent.push((message, key));
    }
    (outcomes, sent)
}

fn repeated(draft: &Draft, first: &Message) -> Outcome {
    let same_text = first.body.as_deref().is_none_or(|body| body == draft.body.as_str());
    if same_text && first.conversation == draft.conversation {
        Outcome::Repeated(first.clone())
    } else {
        Outcome::KeyConflict
    }
}

async fn known_keys(tx: &mut Transaction<'static, Any>, drafts: &[Draft]) -> Result<ByKey> {
    let mut known = ByKey::new();
    if drafts.iter().all(|draft| draft.key.is_none()) {
        return Ok(known);
    }
    let mut query = QueryBuilder::<Any>::new("SELECT m.client_key, ");
    query.push(COLUMNS).push(" FROM messages m WHERE ");
    let mut any = query.separated(" OR ");
    for (sender, key) in drafts.iter().filter_map(|d| Some((d.sender, d.key.as_ref()?))) {
        any.push("(m.sender_id = ");
        any.push_bind_unseparated(bytes(sender));
        any.push_unseparated(" AND m.client_key = ");
        any.push_bind_unseparated(key.as_str().as_bytes().to_vec());
        any.push_unseparated(")");
    }
    for row in timed("messages.by_key", query.build().fetch_all(&mut **tx)).await? {
        let slot = (get_id(&row, "sender_id")?, get::<Vec<u8>>(&row, "client_key")?);
        known.insert(slot, decode(&row)?);
    }
    Ok(known)
}

async fn insert_messages(tx: &mut Transaction<'static, Any>, sent: &[Sent<'_>]) -> Result<()> {
    let mut query = QueryBuilder::<Any>::new(
        "INSERT INTO messages \
         (pos, id, conversation_id, seq, sender_id, client_key, body, sent_at) ",
    );
    query.push_values(sent, |mut row, (message, key)| {
        row.push_bind(message.pos.0)
            .push_bind(bytes(message.id))
            .push_bind(bytes(message.conversation))
            .push_bind(message.seq)
            .push_bind(message.sender.map(bytes))
            .push_bind(key.map(<[u8]>::to_vec))
            .push_bind(message.body.clone())
            .push_bind(message.sent_at.0);
    });
    timed("messages.insert", query.build().execute(&mut **tx)).await.map(drop)
}

async fn insert_log(tx: &mut Transaction<'static, Any>, sent: &[Sent<'_>]) -> Result<()> {
    let mut query =
        QueryBuilder::<Any>::new("INSERT INTO log (pos, at, conversation_id, kind, payload) ");
    query.push_values(sent, |mut row, (message, _)| {
        row.push_bind(message.pos.0)
            .push_bind(message.sent_at.0)
            .push_bind(bytes(message.conversation))
            .push_bind(payload::MESSAGE_SENT)
            .push_bind("");
    });
    timed("log.insert_messages", query.build().execute(&mut **tx)).await.map(drop)
}

async fn advance_conversations(
    tx: &mut Transaction<'static, Any>,
    sent: &[Sent<'_>],
) -> Result<()> {
    let last: HashMap<ConversationId, &Message> =
        sent.iter().map(|(message, _)| (message.conversation, message)).collect();
    let Some(at) = sent.first().map(|(message, _)| message.sent_at.0) else { return Ok(()) };
    let mut query = QueryBuilder::<Any>::new("UPDATE conversations SET last_seq = CASE id");
    for (id, message) in &last {
        query.push(" WHEN ").push_bind(bytes(*id)).push(" THEN ").push_bind(message.seq);
    }
    query.push(" ELSE last_seq END, last_pos = CASE id");
    for (id, message) in &last {
        query.push(" WHEN ").push_bind(bytes(*id)).push(" THEN ").push_bind(message.pos.0);
    }
    query.push(" ELSE last_pos END, last_at = ").push_bind(at).push(" WHERE id");
    push_ids(&mut query, last.keys().copied());
    timed("conversations.advance", query.build().execute(&mut **tx)).await.map(drop)
}

pub(super) fn decode(row: &AnyRow) -> Result<Message> {
    Ok(Message {
        id: get_id(row, "id")?,
        conversation: get_id(row, "conversation_id")?,
        seq: get(row, "seq")?,
        pos: Position(get(row, "pos")?),
        sender: get_optional_id(row, "sender_id")?,
        body: get(row, "body")?,
        sent_at: Timestamp(get(row, "sent_at")?),
    })
}
