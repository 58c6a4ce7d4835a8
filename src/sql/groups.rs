//! The conversations of groups follow the graph.
//!
//! Members change only in transactions that hold the log's head, so that
//! whoever holds it sees them as they are.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chatterbox_graph::{Group, GroupRole, Person, Timestamp};
use sqlx::{Any, Encode, QueryBuilder, Transaction, Type};

use super::{
    bytes, get,
    log::Tail,
    members::{self, Member, MemberCache, Members},
    push_ids,
    shapes::parts,
    timed,
};
use crate::{
    error::Result,
    ids::{ConversationId, UserId},
    messaging::{Change, GroupSync, NewEntry, Position, Recipient, Recipients, Scope, Standing},
};

/// How many rows one statement writes at most.
const ROWS: usize = 256;
/// The version of a group that was deleted: nothing comes after it.
pub(super) const DELETED: i64 = i64::MAX;

/// Members as they are once the transaction is committed.
pub(super) type Followed = Vec<(ConversationId, Arc<Members>)>;

/// Lets conversations follow their groups, and appends what differs from
/// before. `None` where one of them follows a later version already: the
/// transaction is to be undone then.
pub(super) async fn follow(
    tx: &mut Transaction<'static, Any>,
    tail: &mut Tail,
    cache: &MemberCache,
    syncs: Vec<GroupSync>,
) -> Result<Option<Followed>> {
    let mut followed = Vec::new();
    for GroupSync { group, standing } in syncs {
        let mut row = Row::open(tx, &group).await?;
        let before = match cache.get(row.id, row.members_pos) {
            Some(known) => known,
            None => members::read_one(tx, row.id, row.members_pos).await?,
        };
        let after = match standing {
            Standing::Exists { version, .. } if row.version > version => return Ok(None),
            Standing::Exists { version, roles, people, changed } => {
                row.version = version;
                let difference = Difference::between(&before, &roles, tail.last());
                difference.write(tx, &row).await?;
                difference.tell(tail, &mut row, &group, &people, changed);
                difference.after(row.members_pos)
            }
            Standing::Deleted => {
                row.version = DELETED;
                end(tx, tail, &mut row, &group, &before).await?;
                Arc::new(Members::new(row.members_pos, BTreeMap::new()))
            }
        };
        row.write(tx).await?;
        followed.push((row.id, after));
    }
    Ok(Some(followed))
}

/// Ends all memberships. Each member is told for themselves, as nobody else
/// is there to hear of it.
async fn end(
    tx: &mut Transaction<'static, Any>,
    tail: &mut Tail,
    row: &mut Row,
    group: &Group,
    members: &Members,
) -> Result<()> {
    for user in members.by_user().keys().copied() {
        let (group, role, person) = (group.clone(), None, None);
        tail.tell(NewEntry {
            user,
            change: Change::MembershipChanged { group, user, role, person },
        });
    }
    if members.by_user().is_empty() {
        return Ok(());
    }
    row.members_pos = tail.last();
    let update = sqlx::query(
        "UPDATE memberships SET left_pos = ? WHERE conversation_id = ? AND left_pos IS NULL",
    )
    .bind(row.members_pos.0)
    .bind(bytes(row.id));
    timed("memberships.end", update.execute(&mut **tx)).await.map(drop)
}

/// A group's conversation.
struct Row {
    id: ConversationId,
    version: i64,
    members_pos: Position,
    last_seq: i64,
    last_pos: Position,
    last_at: Option<Timestamp>,
    logged_pos: Position,
}

impl Row {
    /// Reads the conversation, which is made where it is missing.
    async fn open(tx: &mut Transaction<'static, Any>, group: &Group) -> Result<Self> {
        let id = ConversationId::from(group.id);
        let select = sqlx::query(
            "SELECT version, members_pos, last_seq, last_pos, last_at, logged_pos FROM conversations \
             WHERE id = ?",
        )
        .bind(bytes(id));
        let found = timed("conversations.followed", select.fetch_optional(&mut **tx)).await?;
        if let Some(row) = found {
            return Ok(Self {
                id,
                version: get(&row, "version")?,
                members_pos: Position(get(&row, "members_pos")?),
                last_seq: get(&row, "last_seq")?,
                last_pos: Position(get(&row, "last_pos")?),
                last_at: get::<Option<i64>>(&row, "last_at")?.map(Timestamp),
                logged_pos: Position(get(&row, "logged_pos")?),
            });
        }
        let insert = sqlx::query(
            "INSERT INTO conversations (id, last_seq, last_pos, created_at) VALUES (?, 0, 0, ?)",
        )
        .bind(bytes(id))
        .bind(group.created_at.0);
        timed("conversations.insert_group", insert.execute(&mut **tx)).await?;
        let start = Position(0);
        Ok(Self {
            id,
            version: 0,
            members_pos: start,
            last_seq: 0,
            last_pos: start,
            last_at: None,
            logged_pos: start,
        })
    }

    async fn write(&self, tx: &mut Transaction<'static, Any>) -> Result<()> {
        let update = sqlx::query(
            "UPDATE conversations SET version = ?, members_pos = ?, last_pos = ?, last_at = ?, \
             logged_pos = ? WHERE id = ?",
        )
        .bind(self.version)
        .bind(self.members_pos.0)
        .bind(self.last_pos.0)
        .bind(self.last_at.map(|at| at.0))
        .bind(self.logged_pos.0)
        .bind(bytes(self.id));
        timed("conversations.follow", update.execute(&mut **tx)).await.map(drop)
    }
}

/// How the members of a group differ from those of its conversation.
struct Difference {
    joined: Vec<(UserId, Member)>,
    appointed: Vec<(UserId, GroupRole)>,
    left: Vec<Recipient>,
    /// All of them, in the order of their entries.
    told: Vec<(UserId, Option<GroupRole>)>,
    members: BTreeMap<UserId, Member>,
}

impl Difference {
    /// The entries that tell of it come right behind `last`.
    fn between(before: &Members, roles: &[(UserId, Option<GroupRole>)], last: Position) -> Self {
        let members = before.by_user().clone();
        let (joined, appointed, left, told) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut difference = Self { joined, appointed, left, told, members };
        let mut pos = last.next();
        for (user, role) in roles {
            if difference.take(*user, *role, pos) {
                difference.told.push((*user, *role));
                pos = pos.next();
            }
        }
        difference
    }

    /// Takes in what somebody is now; returns whether it differs.
    fn take(&mut self, user: UserId, role: Option<GroupRole>, pos: Position) -> bool {
        let was = self.members.get(&user).copied();
        match (was, role) {
            (None, None) => return false,
            (Some(was), Some(role)) if was.role == role => return false,
            (None, Some(role)) => {
                let member = Member { since: pos, role };
                self.members.insert(user, member);
                self.joined.push((user, member));
            }
            (Some(was), Some(role)) => {
                self.members.insert(user, Member { role, ..was });
                self.appointed.push((user, role));
            }
            (Some(was), None) => {
                self.members.remove(&user);
                self.left.push(Recipient { user, from: was.since, until: Some(pos) });
            }
        }
        true
    }

    /// Those who are in it before or after, each for as long as they are.
    fn recipients(&self) -> Recipients {
        members::present(&self.members).chain(self.left.iter().copied()).collect()
    }

    fn tell(
        &self,
        tail: &mut Tail,
        row: &mut Row,
        group: &Group,
        people: &[Person],
        changed: bool,
    ) {
        if self.told.is_empty() && !changed {
            return;
        }
        let people: HashMap<UserId, &Person> =
            people.iter().map(|person| (person.id, person)).collect();
        let (scope, to) = (Scope::Conversation(row.id), self.recipients());
        for (user, role) in self.told.iter().copied() {
            let (group, person) = (group.clone(), people.get(&user).copied().cloned());
            let change = Change::MembershipChanged { group, user, role, person };
            tail.push(scope, to.clone(), change);
            row.members_pos = tail.last();
        }
        if changed {
            tail.push(scope, to, Change::GroupChanged { group: group.clone() });
        }
        (row.last_pos, row.last_at) = (tail.last(), Some(tail.at()));
        row.logged_pos = tail.last();
    }

    async fn write(&self, tx: &mut Transaction<'static, Any>, row: &Row) -> Result<()> {
        for part in parts(&self.joined) {
            let mut query = QueryBuilder::<Any>::new(
                "INSERT INTO memberships (user_id, conversation_id, joined_pos, joined_seq, role) ",
            );
            query.push_values(part, |mut values, (user, member)| {
                values
                    .push_bind(bytes(*user))
                    .push_bind(bytes(row.id))
                    .push_bind(member.since.0)
                    .push_bind(row.last_seq)
                    .push_bind(members::role_name(member.role));
            });
            timed("memberships.insert", query.build().execute(&mut **tx)).await?;
        }
        let role = |(user, role): &(UserId, _)| (*user, members::role_name(*role));
        for part in self.appointed.chunks(ROWS) {
            set(tx, "role", row.id, part.iter().map(role).collect()).await?;
        }
        let until = |one: &Recipient| (one.user, one.until.map(|pos| pos.0));
        for part in self.left.chunks(ROWS) {
            set(tx, "left_pos", row.id, part.iter().map(until).collect()).await?;
        }
        Ok(())
    }

    fn after(self, pos: Position) -> Arc<Members> {
        Arc::new(Members::new(pos, self.members))
    }
}

/// Sets a column of the memberships that last, to each one's own value.
async fn set<V>(
    tx: &mut Transaction<'static, Any>,
    column: &'static str,
    of: ConversationId,
    values: Vec<(UserId, V)>,
) -> Result<()>
where
    V: Copy + Encode<'static, Any> + Type<Any> + Send + 'static,
{
    let mut query = QueryBuilder::<Any>::new("UPDATE memberships SET ");
    query.push(column).push(" = CASE user_id");
    for (user, value) in &values {
        query.push(" WHEN ").push_bind(bytes(*user)).push(" THEN ").push_bind(*value);
    }
    query.push(" END WHERE conversation_id = ").push_bind(bytes(of));
    query.push(" AND left_pos IS NULL AND user_id");
    push_ids(&mut query, values.iter().map(|(user, _)| *user));
    timed("memberships.set", query.build().execute(&mut **tx)).await.map(drop)
}
