//! Messages to read: made up, and put into the SQL store many at once.
//!
//! Their positions lie below those of the log, as if they were older than all
//! that it still tells of: so the service may run meanwhile, and neither it
//! nor anybody's live feed takes notice.

use std::collections::HashSet;

use chatterbox_graph::{
    Timestamp,
    sample::{self, Draws, Sample},
};
use sqlx::{Any, AnyPool, QueryBuilder, Row, Transaction};
use uuid::Uuid;

use super::{Result, people::People, progress};
use crate::{
    ambient::Ambient,
    config::Config,
    error::Error,
    ids::{ConversationId, DirectConversationId, GroupId, UserId},
};

/// How many messages a conversation has on average.
const EACH: u32 = 100;
/// How many of the people there are for as many messages, and how many at least and at most.
const MESSAGES_EACH: u32 = 500;
const PEOPLE: [u32; 2] = [100, 10_000];
/// Of as many conversations one is a group, up to a number; one of as many messages is sent there.
const GROUP_EVERY: u32 = 50;
const GROUPS: u32 = 200;
const MEMBERS: u32 = 20;
const GROUP_MESSAGE_EVERY: u32 = 5;
/// One of as many messages has reactions, of so many people at most.
const REACTED_EVERY: u32 = 10;
const REACTIONS: u32 = 3;
const EMOJI: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🎉"];
/// How many words a message has at least, and below how many more.
const WORDS: [u32; 2] = [3, 24];
const VOCABULARY: [&str; 32] = [
    "about",
    "again",
    "already",
    "bridge",
    "coffee",
    "dinner",
    "evening",
    "found",
    "garden",
    "happy",
    "idea",
    "just",
    "kitchen",
    "later",
    "maybe",
    "never",
    "office",
    "perhaps",
    "question",
    "river",
    "soon",
    "station",
    "ticket",
    "today",
    "tomorrow",
    "train",
    "under",
    "very",
    "waiting",
    "weather",
    "weekend",
    "yesterday",
];

/// How many messages are written in one transaction, and rows by one
/// statement: SQLite takes 32,766 values.
const BATCH: usize = 4_000;
const ROWS: usize = 2_000;
/// The newest of them are as old, and so long lies between two, in
/// microseconds: 31 days, and a second.
const AGE: i64 = 31 * 24 * 60 * 60 * 1_000_000;
const APART: i64 = 1_000_000;

/// Somebody who can read a whole page of a conversation.
pub(super) struct Reader {
    pub(super) user: UserId,
    /// As clients know it.
    pub(super) conversation: String,
}

/// A conversation that is written.
struct Talk {
    id: Uuid,
    people: Vec<u32>,
    last_seq: i64,
    last_pos: i64,
}

struct Message {
    pos: i64,
    talk: Uuid,
    seq: i64,
    sender: u32,
    body: String,
    reactions: Vec<(&'static str, u32)>,
}

/// How many messages there are.
pub(super) async fn stored(sql: &AnyPool) -> Result<u64> {
    let number: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM messages")
        .fetch_one(sql)
        .await
        .map_err(Error::internal)?;
    Ok(number.unsigned_abs())
}

/// The position of the first message that was loaded; 0 where none was.
async fn first_loaded(sql: &AnyPool) -> Result<i64> {
    let select = "SELECT COUNT(*) AS number, COALESCE(MIN(pos), 0) AS first FROM messages \
                  WHERE pos < 0";
    let row = sqlx::query(select).fetch_one(sql).await.map_err(Error::internal)?;
    let number: i64 = row.try_get("number").map_err(Error::internal)?;
    let first: i64 = row.try_get("first").map_err(Error::internal)?;
    if number == -first { Ok(first) } else { Err(super::Error::CutOff) }
}

/// Loads messages until there are so many.
pub(super) async fn load(
    config: &Config,
    people: &People,
    sql: &AnyPool,
    messages: u32,
) -> Result<()> {
    let first = -i64::from(messages);
    let end = first_loaded(sql).await?;
    let missing = u32::try_from(end - first).unwrap_or_default();
    if missing == 0 {
        return Ok(());
    }
    let users = (messages / MESSAGES_EACH).clamp(PEOPLE[0], PEOPLE[1]);
    people.gather(config, users).await?;
    let mut draws = Draws::seeded(messages.into());
    let number = missing.div_ceil(EACH);
    let ambient = &people.signing.ambient;
    let mut pairs = pairs(sql, ambient, Sample::new(users), number, &mut draws).await?;
    let mut groups = groups(people, users, number, &mut draws).await?;

    let bar = progress(missing.into());
    bar.set_message("loading messages");
    let born = Timestamp(ambient.now().0 - AGE);
    let mut positions = first..end;
    while !positions.is_empty() {
        let batch: Vec<Message> = positions
            .by_ref()
            .take(BATCH)
            .map(|pos| message(pos, &mut pairs, &mut groups, &mut draws))
            .collect();
        if positions.is_empty() {
            // Where the last message is there, all else is.
            finish(sql, &pairs, &groups, born).await.map_err(Error::internal)?;
        }
        let mut tx = sql.begin().await.map_err(Error::internal)?;
        insert(&mut tx, &batch, born, ambient).await.map_err(Error::internal)?;
        tx.commit().await.map_err(Error::internal)?;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Conversations of two who have none.
async fn pairs(
    sql: &AnyPool,
    ambient: &Ambient,
    sample: Sample,
    number: u32,
    draws: &mut Draws,
) -> Result<Vec<Talk>> {
    let rows = sqlx::query(
        "SELECT low_user_id, high_user_id FROM conversations WHERE low_user_id IS NOT NULL",
    )
    .fetch_all(sql)
    .await
    .map_err(Error::internal)?;
    let mut taken = HashSet::with_capacity(rows.len());
    for row in &rows {
        taken.insert([uuid(row, "low_user_id")?, uuid(row, "high_user_id")?]);
    }
    let mut pairs = Vec::with_capacity(number as usize);
    while pairs.len() < number as usize {
        let one = sample.anyone(draws);
        let other = sample.neighbour(one, draws);
        let other = if draws.below(2) == 0 { other } else { sample.anyone(draws) };
        let two = [one.min(other), one.max(other)];
        if one != other && taken.insert(two.map(|n| sample::id(n).uuid())) {
            let id: DirectConversationId = ambient.id();
            pairs.push(Talk { id: id.uuid(), people: two.into(), last_seq: 0, last_pos: 0 });
        }
    }
    Ok(pairs)
}

/// Groups, which the service makes.
async fn groups(
    people: &People,
    users: u32,
    conversations: u32,
    draws: &mut Draws,
) -> Result<Vec<Talk>> {
    let number = (conversations / GROUP_EVERY).clamp(1, GROUPS);
    let bar = progress(number.into());
    bar.set_message("making groups");
    let mut groups = Vec::with_capacity(number as usize);
    for _ in 0..number {
        let owner = draws.below(users);
        let members: Vec<u32> = (0..MEMBERS).map(|n| (owner + n * 3) % users).collect();
        let id = people.client(owner).await?.found(&members[1..]).await?;
        let id: GroupId = id.parse().map_err(Error::internal)?;
        groups.push(Talk { id: id.uuid(), people: members, last_seq: 0, last_pos: 0 });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(groups)
}

fn message(pos: i64, pairs: &mut [Talk], groups: &mut [Talk], draws: &mut Draws) -> Message {
    let talks = if draws.below(GROUP_MESSAGE_EVERY) == 0 { groups } else { pairs };
    let talk = &mut talks[draws.below(u32::try_from(talks.len()).unwrap_or(u32::MAX)) as usize];
    talk.last_seq += 1;
    talk.last_pos = pos;
    let members = u32::try_from(talk.people.len()).unwrap_or(u32::MAX);
    let words = WORDS[0] + draws.below(WORDS[1]);
    let body: Vec<&str> =
        (0..words).map(|_| VOCABULARY[draws.below(VOCABULARY.len() as u32) as usize]).collect();
    let mut reactions = Vec::new();
    if draws.below(REACTED_EVERY) == 0 {
        let reacting = 1 + draws.below(REACTIONS.min(members)) as usize;
        for user in &talk.people[..reacting] {
            reactions.push((EMOJI[draws.below(EMOJI.len() as u32) as usize], *user));
        }
    }
    let sender = talk.people[draws.below(members) as usize];
    Message { pos, talk: talk.id, seq: talk.last_seq, sender, body: body.join(" "), reactions }
}

/// When the message at this position was sent.
fn sent_at(born: Timestamp, pos: i64) -> i64 {
    born.0 + pos * APART
}

fn bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn person(n: u32) -> Vec<u8> {
    bytes(sample::id(n).uuid())
}

async fn insert(
    tx: &mut Transaction<'static, Any>,
    messages: &[Message],
    born: Timestamp,
    ambient: &Ambient,
) -> Result<(), sqlx::Error> {
    for part in messages.chunks(ROWS) {
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO messages (pos, id, conversation_id, seq, sender_id, body, sent_at) ",
        );
        query.push_values(part, |mut row, message| {
            let at = sent_at(born, message.pos);
            let millis = u64::try_from(at / 1_000).unwrap_or_default();
            let id = uuid::Builder::from_unix_timestamp_millis(millis, &ambient.bytes());
            row.push_bind(message.pos)
                .push_bind(bytes(id.into_uuid()))
                .push_bind(bytes(message.talk))
                .push_bind(message.seq)
                .push_bind(person(message.sender))
                .push_bind(message.body.as_str())
                .push_bind(at);
        });
        query.build().execute(&mut **tx).await?;
    }
    let reactions = messages
        .iter()
        .flat_map(|message| message.reactions.iter().map(|reaction| (message.pos, reaction)));
    let reactions: Vec<_> = reactions.collect();
    for part in reactions.chunks(ROWS) {
        let mut query =
            QueryBuilder::<Any>::new("INSERT INTO reactions (message_pos, emoji, user_id, pos) ");
        query.push_values(part, |mut row, (pos, (emoji, user))| {
            row.push_bind(*pos).push_bind(*emoji).push_bind(person(*user)).push_bind(*pos);
        });
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Makes the conversations, or tells them how far they have come.
async fn finish(
    sql: &AnyPool,
    pairs: &[Talk],
    groups: &[Talk],
    born: Timestamp,
) -> Result<(), sqlx::Error> {
    for part in pairs.chunks(ROWS) {
        let mut tx = sql.begin().await?;
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO conversations (id, low_user_id, high_user_id, last_seq, last_pos, \
             last_at, created_at, low_wrote, high_wrote) ",
        );
        query.push_values(part, |mut row, talk| {
            let at = sent_at(born, talk.last_pos);
            row.push_bind(bytes(talk.id))
                .push_bind(person(talk.people[0]))
                .push_bind(person(talk.people[1]))
                .push_bind(talk.last_seq)
                .push_bind(talk.last_pos)
                .push_bind(at)
                .push_bind(at)
                .push_bind(1_i64)
                .push_bind(1_i64);
        });
        query.build().execute(&mut *tx).await?;
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO memberships (user_id, conversation_id, joined_pos, joined_seq) ",
        );
        let members = part.iter().flat_map(|talk| talk.people.iter().map(|n| (*n, talk.id)));
        query.push_values(members, |mut row, (n, id)| {
            row.push_bind(person(n)).push_bind(bytes(id)).push_bind(0_i64).push_bind(0_i64);
        });
        query.build().execute(&mut *tx).await?;
        tx.commit().await?;
    }
    for talk in groups {
        sqlx::query("UPDATE conversations SET last_seq = ? WHERE id = ?")
            .bind(talk.last_seq)
            .bind(bytes(talk.id))
            .execute(sql)
            .await?;
    }
    Ok(())
}

/// Everybody who can read so many messages of a conversation.
pub(super) async fn readers(sql: &AnyPool, messages: u32) -> Result<Vec<Reader>> {
    let rows = sqlx::query(
        "SELECT m.user_id, c.id, c.low_user_id FROM conversations c \
         JOIN memberships m ON m.conversation_id = c.id \
         WHERE c.last_seq - m.joined_seq >= ? AND m.left_pos IS NULL",
    )
    .bind(i64::from(messages))
    .fetch_all(sql)
    .await
    .map_err(Error::internal)?;
    let readers = rows.iter().map(|row| {
        let id = ConversationId::from_uuid(uuid(row, "id")?);
        let low: Option<Vec<u8>> = row.try_get("low_user_id").map_err(Error::internal)?;
        let conversation =
            if low.is_some() { id.direct().to_string() } else { id.group().to_string() };
        Ok(Reader { user: UserId::from_uuid(uuid(row, "user_id")?), conversation })
    });
    readers.collect()
}

fn uuid(row: &sqlx::any::AnyRow, column: &str) -> Result<Uuid> {
    let bytes: Vec<u8> = row.try_get(column).map_err(Error::internal)?;
    Ok(Uuid::from_slice(&bytes).map_err(Error::internal)?)
}
