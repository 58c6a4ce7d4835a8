//! How far people have read, and what they muted.

use std::collections::HashMap;

use async_trait::async_trait;
use chatterbox_graph::Timestamp;
use sqlx::{Any, QueryBuilder, Transaction, any::AnyRow};

use super::{
    Dialect, Sql, bytes, commit, conversations, each::Each, get, get_flag, get_id, log::Tail,
    payload, push_ids, retried, shapes::padded, signed, timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    messaging::{
        Change, Entry, MAX_MARKERS, Mark, Marked, Message, NewEntry, Place, Position, ReadMarker,
        ReadState, ReadingStore, Recipient, Recipients, Scope,
    },
};

/// Those memberships that last.
const OPEN: &str = "t.left_pos IS NULL";

/// How many messages are not read, as [`ReadState::unread`] says.
fn unread(dialect: Dialect) -> String {
    let greatest = match dialect {
        Dialect::Sqlite => "MAX",
        Dialect::Mysql => "GREATEST",
    };
    format!("{greatest}(0, c.last_seq - {greatest}(m.read_seq, m.sent_seq, m.joined_seq))")
}

#[async_trait]
impl ReadingStore for Sql {
    async fn mark(&self, at: Timestamp, marks: &[Mark]) -> Result<Marked> {
        if marks.is_empty() {
            return Ok(Marked::default());
        }
        retried(|| self.mark_once(at, marks)).await
    }

    async fn mute(
        &self,
        at: Timestamp,
        user: UserId,
        conversation: ConversationId,
        place: &Place,
        muted: bool,
    ) -> Result<Option<Vec<Entry>>> {
        retried(|| self.mute_once(at, user, conversation, place, muted)).await
    }

    async fn read_states(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, ReadState>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new("SELECT m.conversation_id, m.muted, ");
        query.push(unread(self.dialect)).push(
            " AS unread FROM memberships m JOIN conversations c ON c.id = m.conversation_id \
             WHERE m.left_pos IS NULL AND m.user_id = ",
        );
        query.push_bind(bytes(user)).push(" AND m.conversation_id");
        push_ids(&mut query, ids.iter().copied());
        let mut connection = self.read().await?;
        let rows = timed("memberships.read_states", query.build().fetch_all(&mut *connection));
        let states = rows.await?.into_iter().map(|row| {
            let state = ReadState { unread: get(&row, "unread")?, muted: get_flag(&row, "muted")? };
            Ok((get_id(&row, "conversation_id")?, state))
        });
        states.collect()
    }

    async fn unread(&self, user: UserId) -> Result<i64> {
        let mut query = QueryBuilder::<Any>::new("SELECT CAST(COALESCE(SUM(");
        query.push(unread(self.dialect)).push(
            "), 0) AS SIGNED) AS unread FROM memberships m \
             JOIN conversations c ON c.id = m.conversation_id \
             WHERE m.left_pos IS NULL AND m.muted = 0 AND m.user_id = ",
        );
        query.push_bind(bytes(user));
        let mut connection = self.read().await?;
        let row = timed("memberships.unread", query.build().fetch_one(&mut *connection)).await?;
        get(&row, "unread")
    }

    async fn markers(
        &self,
        viewer: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<ReadMarker>>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::<Any>::new(
            "SELECT conversation_id, user_id, read_seq, read_at FROM (\
             SELECT m.conversation_id, m.user_id, m.read_seq, m.read_at, \
             ROW_NUMBER() OVER (PARTITION BY m.conversation_id ORDER BY CASE m.user_id WHEN ",
        );
        query.push_bind(bytes(viewer)).push(
            " THEN 0 ELSE 1 END, m.read_at DESC, m.user_id) AS nth \
             FROM memberships mine JOIN memberships m ON m.conversation_id = mine.conversation_id \
             WHERE mine.left_pos IS NULL AND m.left_pos IS NULL AND m.read_at IS NOT NULL \
             AND (m.read_shared = 1 OR m.user_id = mine.user_id) AND mine.user_id = ",
        );
        query.push_bind(bytes(viewer)).push(" AND mine.conversation_id");
        push_ids(&mut query, ids.iter().copied());
        query.push(") marker WHERE nth <= ").push_bind(signed(MAX_MARKERS));
        query.push(" ORDER BY read_at DESC, user_id");
        let mut connection = self.read().await?;
        let rows = timed("memberships.markers", query.build().fetch_all(&mut *connection)).await?;
        let mut found: HashMap<ConversationId, Vec<ReadMarker>> = HashMap::new();
        for row in rows {
            let marker = ReadMarker {
                user: get_id(&row, "user_id")?,
                seq: get(&row, "read_seq")?,
                at: Timestamp(get(&row, "read_at")?),
            };
            found.entry(get_id(&row, "conversation_id")?).or_default().push(marker);
        }
        Ok(found)
    }
}

impl Sql {
    async fn mark_once(&self, at: Timestamp, marks: &[Mark]) -> Result<Marked> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let readers = readers(&mut tx, marks).await?;
        let known = marks.iter().map(|mark| reader(&readers, mark).is_some()).collect();
        let moves = moves(&readers, marks);
        self.push(&mut tx, &mut tail, &moves).await?;
        self.note_read(&mut tx, at, &moves).await?;
        let entries = tail.write(&mut tx).await?;
        self.note_logged(&mut tx, &entries).await?;
        commit(tx).await?;
        Ok(Marked { known, entries })
    }

    /// Appends what each of the moves is to be told as.
    async fn push(
        &self,
        tx: &mut Transaction<'static, Any>,
        tail: &mut Tail,
        moves: &[Move<'_>],
    ) -> Result<()> {
        let groups: Vec<(ConversationId, Position)> = moves
            .iter()
            .filter(|one| one.shared && one.reader.two.is_none())
            .map(|one| (one.mark.conversation, one.reader.members_pos))
            .collect();
        let members = self.members.read(tx, &groups).await?;
        for Move { mark, reader, seq, shared } in moves {
            let Mark { user, person, conversation, place, .. } = mark;
            let (scope, to) = match (shared, reader.two) {
                (false, _) => (Scope::User(*user), Recipients::one(*user)),
                (true, Some(two)) => (Scope::Conversation(*conversation), both(two)),
                (true, None) => {
                    let members = members.get(conversation).map(|all| all.recipients().clone());
                    let to = members.unwrap_or_else(|| Recipients::one(*user));
                    (Scope::Conversation(*conversation), to)
                }
            };
            let marker = ReadMarker { user: *user, seq: *seq, at: tail.at() };
            let (person, place) = (person.clone(), place.clone());
            let conversation = *conversation;
            tail.push(scope, to, Change::ReadMarkerMoved { conversation, marker, person, place });
        }
        Ok(())
    }

    async fn note_read(
        &self,
        tx: &mut Transaction<'static, Any>,
        at: Timestamp,
        moves: &[Move<'_>],
    ) -> Result<()> {
        let rows: Vec<_> = moves
            .iter()
            .map(|Move { mark, seq, shared, .. }| {
                let key = [bytes(mark.user), bytes(mark.conversation)];
                (key, [*seq, at.0, i64::from(*shared)])
            })
            .collect();
        let read = Each {
            name: "memberships.read",
            table: "memberships",
            keys: ["user_id", "conversation_id"],
            columns: ["read_seq", "read_at", "read_shared"],
            only: OPEN,
        };
        read.set(tx, self.dialect, &rows).await
    }

    /// Notes where the last entry of each conversation is that members heard of.
    async fn note_logged(
        &self,
        tx: &mut Transaction<'static, Any>,
        entries: &[Entry],
    ) -> Result<()> {
        let last: HashMap<ConversationId, Position> = entries
            .iter()
            .filter(|entry| entry.user().is_none())
            .filter_map(|entry| Some((entry.conversation()?, entry.pos)))
            .collect();
        let rows: Vec<_> = last.into_iter().map(|(id, pos)| ([bytes(id)], [pos.0])).collect();
        let logged = Each {
            name: "conversations.logged",
            table: "conversations",
            keys: ["id"],
            columns: ["logged_pos"],
            only: "t.logged_pos < new.new_logged_pos",
        };
        logged.set(tx, self.dialect, &rows).await
    }

    async fn mute_once(
        &self,
        at: Timestamp,
        user: UserId,
        conversation: ConversationId,
        place: &Place,
        muted: bool,
    ) -> Result<Option<Vec<Entry>>> {
        let mut tx = self.begin().await?;
        let mut tail = Tail::lock(&mut tx, self.dialect, at).await?;
        let select = sqlx::query(
            "SELECT m.muted, c.low_user_id, c.high_user_id FROM memberships m \
             JOIN conversations c ON c.id = m.conversation_id \
             WHERE m.user_id = ? AND m.conversation_id = ? AND m.left_pos IS NULL",
        )
        .bind(bytes(user))
        .bind(bytes(conversation));
        let row = timed("memberships.muted", select.fetch_optional(&mut *tx)).await?;
        let was_muted = match row {
            Some(row) if is_of(place, &row)? => get_flag(&row, "muted")?,
            _ => return Ok(None),
        };
        if was_muted == muted {
            return Ok(Some(Vec::new()));
        }
        let update = sqlx::query(
            "UPDATE memberships SET muted = ? \
             WHERE user_id = ? AND conversation_id = ? AND left_pos IS NULL",
        )
        .bind(i64::from(muted))
        .bind(bytes(user))
        .bind(bytes(conversation));
        timed("memberships.mute", update.execute(&mut *tx)).await?;
        let place = place.clone();
        tail.tell(NewEntry { user, change: Change::MuteChanged { conversation, place } });
        let entries = tail.write(&mut tx).await?;
        commit(tx).await?;
        Ok(Some(entries))
    }
}

/// Notes where each sender of these sent last, which is to have read up to there.
pub(super) async fn note_sent<'a>(
    tx: &mut Transaction<'static, Any>,
    dialect: Dialect,
    sent: impl Iterator<Item = &'a Message>,
) -> Result<()> {
    let last: HashMap<(UserId, ConversationId), i64> = sent
        .filter_map(|message| Some(((message.sender?, message.conversation), message.seq)))
        .collect();
    let rows: Vec<_> = last
        .into_iter()
        .map(|((sender, conversation), seq)| ([bytes(sender), bytes(conversation)], [seq]))
        .collect();
    let sent = Each {
        name: "memberships.sent",
        table: "memberships",
        keys: ["user_id", "conversation_id"],
        columns: ["sent_seq"],
        only: OPEN,
    };
    sent.set(tx, dialect, &rows).await
}

/// Takes the markers of this person away from all others.
pub(super) async fn hide(tx: &mut Transaction<'static, Any>, user: UserId) -> Result<()> {
    let update =
        sqlx::query("UPDATE memberships SET read_shared = 0 WHERE user_id = ? AND read_shared = 1");
    timed("memberships.hide", update.bind(bytes(user)).execute(&mut **tx)).await.map(drop)
}

/// Somebody who is in a conversation.
struct Reader {
    /// What marks move on from.
    read_seq: i64,
    last_seq: i64,
    /// The two, where it is theirs.
    two: Option<[UserId; 2]>,
    members_pos: Position,
    /// Whether they changed their settings since it was known what these are.
    changed: bool,
}

type Readers = HashMap<(UserId, ConversationId), Reader>;

/// Those whom the marks are of. The transaction holds the log's head, so
/// nobody else changes them.
async fn readers(tx: &mut Transaction<'static, Any>, marks: &[Mark]) -> Result<Readers> {
    let as_of = marks.iter().filter_map(|mark| mark.shared_as_of).min();
    let mut query = QueryBuilder::<Any>::new(
        "SELECT m.user_id, m.conversation_id, m.read_seq, m.joined_seq, c.last_seq, \
         c.low_user_id, c.high_user_id, c.members_pos, \
         EXISTS (SELECT 1 FROM log l WHERE l.user_id = m.user_id AND l.kind = ",
    );
    query
        .push_bind(payload::PERSON_CHANGED)
        .push(" AND l.pos > ")
        .push_bind(as_of.map_or(i64::MAX, |pos| pos.0));
    query.push(
        ") AS changed FROM memberships m JOIN conversations c ON c.id = m.conversation_id \
         WHERE m.left_pos IS NULL AND (",
    );
    let mut any = query.separated(" OR ");
    for mark in padded(marks) {
        any.push("(m.user_id = ").push_bind_unseparated(bytes(mark.user));
        any.push_unseparated(" AND m.conversation_id = ");
        any.push_bind_unseparated(bytes(mark.conversation)).push_unseparated(")");
    }
    query.push(")");
    let rows = timed("memberships.readers", query.build().fetch_all(&mut **tx)).await?;
    let readers = rows.iter().map(|row| {
        let reader = Reader {
            // Nobody can read what was before they joined.
            read_seq: get::<i64>(row, "read_seq")?.max(get(row, "joined_seq")?),
            last_seq: get(row, "last_seq")?,
            two: conversations::two(row)?,
            members_pos: Position(get(row, "members_pos")?),
            changed: get_flag(row, "changed")?,
        };
        Ok(((get_id(row, "user_id")?, get_id(row, "conversation_id")?), reader))
    });
    readers.collect()
}

fn reader<'a>(readers: &'a Readers, mark: &Mark) -> Option<&'a Reader> {
    let reader = readers.get(&(mark.user, mark.conversation))?;
    (reader.two.is_some() == (mark.place == Place::Direct)).then_some(reader)
}

/// A marker that moves.
struct Move<'a> {
    mark: &'a Mark,
    reader: &'a Reader,
    seq: i64,
    shared: bool,
}

/// What the marks move, one for each marker.
fn moves<'a>(readers: &'a Readers, marks: &'a [Mark]) -> Vec<Move<'a>> {
    let mut furthest: HashMap<_, &Mark> = HashMap::new();
    for mark in marks.iter().filter(|mark| reader(readers, mark).is_some()) {
        let known = furthest.entry((mark.user, mark.conversation)).or_insert(mark);
        if mark.seq > known.seq {
            *known = mark;
        }
    }
    let moves = furthest.into_values().filter_map(|mark| {
        let reader = reader(readers, mark)?;
        let seq = mark.seq.min(reader.last_seq);
        let shared = mark.shared_as_of.is_some() && !reader.changed;
        (seq > reader.read_seq).then_some(Move { mark, reader, seq, shared })
    });
    moves.collect()
}

fn is_of(place: &Place, row: &AnyRow) -> Result<bool> {
    Ok(conversations::two(row)?.is_some() == (*place == Place::Direct))
}

/// Two people, who hear everything of their conversation.
fn both(two: [UserId; 2]) -> Recipients {
    two.map(|user| Recipient { user, from: Position(0), until: None }).into_iter().collect()
}
