//! Writing messages, many in one transaction.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{
    Dialect, Sql, bytes, cause, commit,
    each::Each,
    get, get_id, get_optional_id, is_duplicate, log, payload, reading, retried,
    rooms::{self, Room},
    shapes::{padded, parts},
    signed, timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, MessageId, UserId},
    messaging::{Draft, Message, MessageStore, Outcome, Outdated, Position},
};

pub(super) const COLUMNS: &str = "m.pos, m.id, m.conversation_id, m.seq, m.sender_id, m.body, m.sent_at, \
     m.edited_at, m.deleted_at, m.reply_to, m.mentions";

/// Messages by their sender and key.
type ByKey = HashMap<(UserId, Vec<u8>), First>;

/// What was sent first with its key.
struct First {
    message: Message,
    /// Where it was edited, that of what it said first.
    fingerprint: Option<i64>,
}

#[async_trait]
impl MessageStore for Sql {
    async fn write(&self, at: Timestamp, drafts: &[Draft]) -> Result<Vec<Outcome>> {
        retried(|| async {
            match self.write_once(at, drafts, Keys::New).await {
                Err(error) if cause(&error).is_some_and(is_duplicate) => {
                    self.write_once(at, drafts, Keys::LookedUp).await
                }
                written => written,
            }
        })
        .await
    }
}

/// What is made of the keys of drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// None of them is known, as nearly always: the index of keys refuses a
    /// message whose key is, and with it all of them.
    New,
    /// Those that are known are looked up first.
    LookedUp,
}

impl Sql {
    async fn write_once(
        &self,
        at: Timestamp,
        drafts: &[Draft],
        keys: Keys,
    ) -> Result<Vec<Outcome>> {
        let mut tx = self.begin().await?;
        let reserved = signed(drafts.len());
        let head = log::advance_head(&mut tx, self.dialect, reserved).await?;
        let conversations = drafts.iter().map(|draft| draft.conversation);
        let mut rooms = rooms::read(&mut tx, &self.members, conversations).await?;
        // Who has left a group since still gets what they sent there before.
        let admitted =
            |draft: &Draft| rooms.get(&draft.conversation).is_some_and(|room| room.admits(draft));
        let known = match keys {
            Keys::New if drafts.iter().all(admitted) => ByKey::new(),
            _ => known_keys(&mut tx, drafts).await?,
        };
        let outdated = outdated(&mut tx, drafts, &rooms).await?;
        let (outcomes, sent) = decide(at, drafts, head, known, &outdated, &mut rooms);
        if !sent.is_empty() {
            insert_messages(&mut tx, &sent).await?;
            insert_log(&mut tx, &sent).await?;
            advance_conversations(&mut tx, self.dialect, &sent).await?;
            rooms::note_writers(&mut tx, &rooms).await?;
            let messages = sent.iter().map(|(message, _)| message);
            reading::note_sent(&mut tx, self.dialect, messages).await?;
        }
        let unused = reserved - signed(sent.len());
        if unused > 0 {
            log::advance_head(&mut tx, self.dialect, -unused).await?;
        }
        commit(tx).await?;
        Ok(outcomes)
    }
}

/// Of those drafts that are between two people about one of whom something changed behind what was
/// known of them, that. Mostly nothing is doubtful, and there is no statement: changes are
/// rare, and each node follows them.
async fn outdated(
    tx: &mut Transaction<'static, Any>,
    drafts: &[Draft],
    rooms: &HashMap<ConversationId, Room>,
) -> Result<HashMap<MessageId, Outdated>> {
    let doubtful = drafts.iter().filter_map(|draft| {
        let known_at = draft.known_at?;
        let (two, pos) = rooms.get(&draft.conversation)?.doubted(known_at)?;
        Some((draft.id, known_at, two, pos))
    });
    let doubtful: Vec<_> = doubtful.collect();
    let Some(earliest) = doubtful.iter().map(|(_, known_at, ..)| *known_at).min() else {
        return Ok(HashMap::new());
    };
    let people = doubtful.iter().flat_map(|(_, _, two, _)| *two);
    let changed = log::people_changed(tx, people, earliest).await?;
    let outdated = doubtful.into_iter().filter(|(_, known_at, two, _)| {
        two.iter().any(|user| changed.get(user).is_some_and(|pos| pos > known_at))
    });
    Ok(outdated.map(|(id, _, _, pos)| (id, Outdated(pos))).collect())
}

/// A message that is to be inserted, with its key.
type Sent<'a> = (Message, Option<&'a [u8]>);

fn decide<'a>(
    at: Timestamp,
    drafts: &'a [Draft],
    mut head: Position,
    mut known: ByKey,
    outdated: &HashMap<MessageId, Outdated>,
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
        if let Some(outdated) = outdated.get(&draft.id) {
            outcomes.push(Outcome::Outdated(*outdated));
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
            edited_at: None,
            deleted_at: None,
            reply_to: draft.replied.as_ref().map(|replied| replied.id),
            mentions: draft.mentions.clone(),
        };
        if let Some(slot) = slot {
            known.insert(slot, First { message: message.clone(), fingerprint: None });
        }
        outcomes.push(Outcome::Sent(message.clone(), to));
        sent.push((message, key));
    }
    (outcomes, sent)
}

fn repeated(draft: &Draft, First { message, fingerprint }: &First) -> Outcome {
    let text = draft.body.as_str();
    let same_text = match (message.body.as_deref(), fingerprint) {
        // Nobody can tell any more.
        (None, _) => true,
        (_, Some(known)) => *known == self::fingerprint(text),
        (Some(body), None) => body == text,
    };
    let same_reply = message.reply_to == draft.replied.as_ref().map(|replied| replied.id);
    if same_text && same_reply && message.conversation == draft.conversation {
        Outcome::Repeated(message.clone())
    } else {
        Outcome::KeyConflict
    }
}

/// What is kept of an original text, to know it again.
pub(super) fn fingerprint(text: &str) -> i64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.first_chunk().copied().map_or(0, i64::from_be_bytes)
}

async fn known_keys(tx: &mut Transaction<'static, Any>, drafts: &[Draft]) -> Result<ByKey> {
    let mut known = ByKey::new();
    if drafts.iter().all(|draft| draft.key.is_none()) {
        return Ok(known);
    }
    let mut query = QueryBuilder::<Any>::new("SELECT m.client_key, m.fingerprint, ");
    query.push(COLUMNS).push(" FROM messages m WHERE ");
    let mut any = query.separated(" OR ");
    let keys = drafts.iter().filter_map(|draft| Some((draft.sender, draft.key.as_ref()?)));
    for (sender, key) in padded(keys) {
        any.push("(m.sender_id = ");
        any.push_bind_unseparated(bytes(sender));
        any.push_unseparated(" AND m.client_key = ");
        any.push_bind_unseparated(key.as_str().as_bytes().to_vec());
        any.push_unseparated(")");
    }
    for row in timed("messages.by_key", query.build().fetch_all(&mut **tx)).await? {
        let slot = (get_id(&row, "sender_id")?, get::<Vec<u8>>(&row, "client_key")?);
        known
            .insert(slot, First { message: decode(&row)?, fingerprint: get(&row, "fingerprint")? });
    }
    Ok(known)
}

async fn insert_messages(tx: &mut Transaction<'static, Any>, sent: &[Sent<'_>]) -> Result<()> {
    for part in parts(sent) {
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO messages (pos, id, conversation_id, seq, sender_id, client_key, body, \
             sent_at, reply_to, mentions) ",
        );
        query.push_values(part, |mut row, (message, key)| {
            row.push_bind(message.pos.0)
                .push_bind(bytes(message.id))
                .push_bind(bytes(message.conversation))
                .push_bind(message.seq)
                .push_bind(message.sender.map(bytes))
                .push_bind(key.map(<[u8]>::to_vec))
                .push_bind(message.body.clone())
                .push_bind(message.sent_at.0)
                .push_bind(message.reply_to.map(bytes))
                .push_bind(encode_ids(&message.mentions));
        });
        timed("messages.insert", query.build().execute(&mut **tx)).await?;
    }
    Ok(())
}

async fn insert_log(tx: &mut Transaction<'static, Any>, sent: &[Sent<'_>]) -> Result<()> {
    for part in parts(sent) {
        let mut query =
            QueryBuilder::<Any>::new("INSERT INTO log (pos, at, conversation_id, kind, payload) ");
        query.push_values(part, |mut row, (message, _)| {
            row.push_bind(message.pos.0)
                .push_bind(message.sent_at.0)
                .push_bind(bytes(message.conversation))
                .push_bind(payload::MESSAGE_SENT)
                .push_bind("");
        });
        timed("log.insert_messages", query.build().execute(&mut **tx)).await?;
    }
    Ok(())
}

/// Where the conversations stand that were written in.
const ADVANCED: Each<1, 4> = Each {
    name: "conversations.advance",
    table: "conversations",
    keys: ["id"],
    columns: ["last_seq", "last_pos", "last_at", "logged_pos"],
    only: "1 = 1",
};

async fn advance_conversations(
    tx: &mut Transaction<'static, Any>,
    dialect: Dialect,
    sent: &[Sent<'_>],
) -> Result<()> {
    let last: HashMap<ConversationId, &Message> =
        sent.iter().map(|(message, _)| (message.conversation, message)).collect();
    let rows = last.into_iter().map(|(id, Message { seq, pos, sent_at, .. })| {
        ([bytes(id)], [*seq, pos.0, sent_at.0, pos.0])
    });
    ADVANCED.set(tx, dialect, &rows.collect::<Vec<_>>()).await
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
        edited_at: get::<Option<i64>>(row, "edited_at")?.map(Timestamp),
        deleted_at: get::<Option<i64>>(row, "deleted_at")?.map(Timestamp),
        reply_to: get_optional_id(row, "reply_to")?,
        mentions: decode_ids(get::<Option<Vec<u8>>>(row, "mentions")?.as_deref())?,
    })
}

/// Ids one behind the other; `None` where there are none.
pub(super) fn encode_ids(ids: &[UserId]) -> Option<Vec<u8>> {
    (!ids.is_empty()).then(|| ids.iter().flat_map(|id| bytes(*id)).collect())
}

fn decode_ids(ids: Option<&[u8]>) -> Result<Vec<UserId>> {
    ids.unwrap_or_default().chunks(16).map(super::id).collect()
}
