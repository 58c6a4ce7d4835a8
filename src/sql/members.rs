//! Who is in a conversation, and was.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chatterbox_graph::GroupRole;
use moka::sync::Cache;
use sqlx::{Any, AnyConnection, QueryBuilder, any::AnyRow};

use super::{bytes, get, get_id, push_ids, timed};
use crate::{
    error::{Error, Result},
    ids::{ConversationId, UserId},
    messaging::{Position, Recipient, Recipients},
};

/// A member of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// The position of the entry that tells of the joining.
    pub(super) since: Position,
    pub(super) role: GroupRole,
}

/// The members of a group, between two changes of them.
#[derive(Debug)]
pub(super) struct Members {
    /// The position of the change before.
    pos: Position,
    by_user: BTreeMap<UserId, Member>,
    recipients: Recipients,
}

impl Members {
    pub(super) fn new(pos: Position, by_user: BTreeMap<UserId, Member>) -> Self {
        let recipients = present(&by_user).collect();
        Self { pos, by_user, recipients }
    }

    pub(super) fn by_user(&self) -> &BTreeMap<UserId, Member> {
        &self.by_user
    }

    pub(super) fn contains(&self, user: UserId) -> bool {
        self.by_user.contains_key(&user)
    }

    /// All of them, each from when they joined.
    pub(super) fn recipients(&self) -> &Recipients {
        &self.recipients
    }
}

/// Members as those who hear what happens from now on.
pub(super) fn present(members: &BTreeMap<UserId, Member>) -> impl Iterator<Item = Recipient> {
    members.iter().map(|(user, is)| Recipient { user: *user, from: is.since, until: None })
}

/// Members of the groups that were written in or changed lately. What it holds
/// is right as long as the conversation's `members_pos` is the one that it
/// was read with, whichever node changes it.
#[derive(Clone)]
pub(super) struct MemberCache(Cache<ConversationId, Arc<Members>>);

impl MemberCache {
    /// How many members it holds, over all groups; each takes about 100 bytes.
    const CAPACITY: u64 = 500_000;

    pub(super) fn get(&self, id: ConversationId, pos: Position) -> Option<Arc<Members>> {
        self.0.get(&id).filter(|members| members.pos == pos)
    }

    /// Those of several groups, each with its `members_pos`, in a transaction
    /// that holds the log's head and changes none of them. At most one statement.
    pub(super) async fn read(
        &self,
        tx: &mut AnyConnection,
        groups: &[(ConversationId, Position)],
    ) -> Result<HashMap<ConversationId, Arc<Members>>> {
        let known = groups.iter().map(|(id, pos)| (*id, self.get(*id, *pos)));
        let mut found: HashMap<_, _> =
            known.filter_map(|(id, members)| Some((id, members?))).collect();
        let unknown: Vec<_> =
            groups.iter().filter(|(id, _)| !found.contains_key(id)).copied().collect();
        for (id, members) in read(tx, &unknown).await? {
            self.keep(id, members.clone());
            found.insert(id, members);
        }
        Ok(found)
    }

    /// Keeps what was committed.
    pub(super) fn keep(&self, id: ConversationId, members: Arc<Members>) {
        self.0.insert(id, members);
    }
}

impl Default for MemberCache {
    fn default() -> Self {
        let weight = |members: &Members| u32::try_from(members.by_user.len()).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(Self::CAPACITY)
            .weigher(move |_, members: &Arc<Members>| weight(members).saturating_add(1))
            .build();
        Self(cache)
    }
}

/// The members of groups, each with its `members_pos`, as the transaction
/// sees them. It holds the log's head, so nobody changes them meanwhile.
pub(super) async fn read(
    tx: &mut AnyConnection,
    groups: &[(ConversationId, Position)],
) -> Result<HashMap<ConversationId, Arc<Members>>> {
    let mut found: HashMap<ConversationId, BTreeMap<UserId, Member>> =
        groups.iter().map(|(id, _)| (*id, BTreeMap::new())).collect();
    if found.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Any>::new(
        "SELECT conversation_id, user_id, joined_pos, role FROM memberships \
         WHERE left_pos IS NULL AND conversation_id",
    );
    push_ids(&mut query, found.keys().copied());
    for row in timed("memberships.open", query.build().fetch_all(tx)).await? {
        let members = found.entry(get_id(&row, "conversation_id")?).or_default();
        members.insert(get_id(&row, "user_id")?, member(&row)?);
    }
    let read = groups.iter().map(|(id, pos)| {
        let members = found.remove(id).unwrap_or_default();
        (*id, Arc::new(Members::new(*pos, members)))
    });
    Ok(read.collect())
}

/// As [`read`], of one group.
pub(super) async fn read_one(
    tx: &mut AnyConnection,
    id: ConversationId,
    pos: Position,
) -> Result<Arc<Members>> {
    let read = read(tx, &[(id, pos)]).await?.remove(&id);
    Ok(read.unwrap_or_else(|| Arc::new(Members::new(pos, BTreeMap::new()))))
}

/// Everyone who is in a group, for who is one of them. Outside of transactions,
/// so the members are read together with the position that they hold from.
pub(super) async fn of_member(
    connection: &mut AnyConnection,
    cache: &MemberCache,
    user: UserId,
    id: ConversationId,
) -> Result<Option<Recipients>> {
    let select = sqlx::query(
        "SELECT c.members_pos FROM memberships mine \
         JOIN conversations c ON c.id = mine.conversation_id \
         WHERE mine.user_id = ? AND mine.conversation_id = ? \
         AND mine.left_pos IS NULL AND mine.role IS NOT NULL",
    )
    .bind(bytes(user))
    .bind(bytes(id));
    let mine = timed("memberships.of_member", select.fetch_optional(&mut *connection)).await?;
    let Some(mine) = mine else { return Ok(None) };
    if let Some(known) = cache.get(id, Position(get(&mine, "members_pos")?)) {
        return Ok(Some(known.recipients().clone()));
    }
    let select = sqlx::query(
        "SELECT c.members_pos, m.user_id, m.joined_pos, m.role FROM conversations c \
         JOIN memberships m ON m.conversation_id = c.id \
         WHERE c.id = ? AND m.left_pos IS NULL",
    )
    .bind(bytes(id));
    let (mut pos, mut members) = (Position(0), BTreeMap::new());
    for row in timed("memberships.present", select.fetch_all(connection)).await? {
        pos = Position(get(&row, "members_pos")?);
        members.insert(get_id(&row, "user_id")?, member(&row)?);
    }
    let members = Arc::new(Members::new(pos, members));
    cache.keep(id, members.clone());
    Ok(Some(members)
        .filter(|members| members.contains(user))
        .map(|members| members.recipients().clone()))
}

/// Those who hear what happened in these conversations between two positions.
pub(super) async fn recipients(
    connection: &mut AnyConnection,
    conversations: &[ConversationId],
    from: Position,
    to: Position,
) -> Result<HashMap<ConversationId, Recipients>> {
    if conversations.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Any>::new(
        "SELECT conversation_id, user_id, joined_pos, left_pos FROM memberships \
         WHERE conversation_id",
    );
    push_ids(&mut query, conversations.iter().copied());
    query.push(" AND (left_pos IS NULL OR left_pos >= ").push_bind(from.0);
    query.push(") AND joined_pos <= ").push_bind(to.0);
    let mut found: HashMap<ConversationId, Vec<Recipient>> = HashMap::new();
    for row in timed("memberships.between", query.build().fetch_all(connection)).await? {
        let recipient = Recipient {
            user: get_id(&row, "user_id")?,
            from: Position(get(&row, "joined_pos")?),
            until: get::<Option<i64>>(&row, "left_pos")?.map(Position),
        };
        found.entry(get_id(&row, "conversation_id")?).or_default().push(recipient);
    }
    Ok(found.into_iter().map(|(id, recipients)| (id, recipients.into_iter().collect())).collect())
}

fn member(row: &AnyRow) -> Result<Member> {
    let role = parse_role(&get::<String>(row, "role")?)?;
    Ok(Member { since: Position(get(row, "joined_pos")?), role })
}

pub(super) fn role_name(role: GroupRole) -> &'static str {
    match role {
        GroupRole::Owner => "owner",
        GroupRole::Admin => "admin",
        GroupRole::Member => "member",
    }
}

fn parse_role(name: &str) -> Result<GroupRole> {
    match name {
        "owner" => Ok(GroupRole::Owner),
        "admin" => Ok(GroupRole::Admin),
        "member" => Ok(GroupRole::Member),
        _ => Err(Error::internal(format!("a member of the unknown role {name}"))),
    }
}
