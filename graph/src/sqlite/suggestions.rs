//! Whom one may know.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use sqlx::AnyConnection;

use super::{
    SqliteGraph,
    statement::{
        PERSON, Statement, bytes, count, hex, ids, json, list, person, person_columns, signed,
        statements,
    },
};
use crate::{Result, Suggestion, SuggestionsFor, UserId};

/// Of how many people the friends are read at once.
const PART: usize = 256;

statements! {
    // In one row: it is handed on far quicker than as many.
    FRIENDS = "suggestions/friends":
        "SELECT group_concat(hex(f.friend), '') FROM json_each(?1) asked \
         CROSS JOIN graph_friends f ON f.person = unhex(asked.value)";
    RANK = "suggestions/rank":
        concat!("SELECT ", person_columns!(), ", candidate.value ->> 1 AS mutual, \
           (SELECT count(*) FROM graph_members m \
            CROSS JOIN graph_members v ON v.group_id = m.group_id AND v.person = ?1 \
            WHERE m.person = p.id) AS shared \
         FROM json_each(?2) candidate \
         CROSS JOIN graph_people p ON p.id = unhex(candidate.value ->> 0) \
         WHERE p.discoverable IS NOT 0 \
           AND NOT EXISTS (SELECT 1 FROM graph_requests WHERE sender = ?1 AND receiver = p.id) \
           AND NOT EXISTS (SELECT 1 FROM graph_requests WHERE sender = p.id AND receiver = ?1) \
           AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = ?1 AND blocked = p.id) \
           AND NOT EXISTS (SELECT 1 FROM graph_blocks WHERE blocker = p.id AND blocked = ?1) \
         ORDER BY mutual DESC, shared DESC, p.username LIMIT ?3");
}

impl SqliteGraph {
    pub(super) async fn suggestions(
        &self,
        asked: &[SuggestionsFor],
    ) -> Result<Vec<Vec<Suggestion>>> {
        let mut suggestions = Vec::with_capacity(asked.len());
        let mut reader = self.reader().await?;
        let mut snapshot = Self::snapshot(&mut reader).await?;
        for asked in asked {
            suggestions.push(suggest(&mut snapshot, asked).await?);
        }
        Ok(suggestions)
    }
}

/// Looks only at as many candidates as it takes to know who comes first.
async fn suggest(
    connection: &mut AnyConnection,
    &SuggestionsFor { viewer, limit }: &SuggestionsFor,
) -> Result<Vec<Suggestion>> {
    let candidates = candidates(connection, viewer).await?;
    let (mut rest, mut size) = (candidates.as_slice(), limit);
    let mut suggestions = Vec::new();
    while suggestions.len() < limit && !rest.is_empty() {
        let wanted = limit - suggestions.len();
        // All who share as many friends as the last of them may come before it.
        let last = rest[size.min(rest.len()) - 1].1;
        let (likely, others) = rest.split_at(rest.partition_point(|&(_, mutual)| mutual >= last));
        let likely: Vec<_> = likely.iter().map(|&(id, mutual)| (hex(id), mutual)).collect();
        let rank = RANK.bind(bytes(viewer)).bind(json(&likely)?).bind(signed(wanted));
        for row in rank.all(connection).await? {
            suggestions.push(Suggestion {
                person: person(&row, 0)?,
                mutual_friends: count(&row, PERSON)?,
                shared_groups: count(&row, PERSON + 1)?,
            });
        }
        // Many of those who share most may be left out: no one statement for each few.
        (rest, size) = (others, size.saturating_mul(2));
    }
    Ok(suggestions)
}

/// Friends of friends and how many friends they share with the viewer, those
/// who share most first.
async fn candidates(connection: &mut AnyConnection, viewer: UserId) -> Result<Vec<(UserId, u64)>> {
    let friends = friends_of(connection, &[viewer]).await?;
    let mut mutual: HashMap<UserId, u64> = HashMap::new();
    for part in friends.chunks(PART) {
        for id in friends_of(connection, part).await? {
            *mutual.entry(id).or_default() += 1;
        }
    }
    let known: HashSet<UserId> = friends.into_iter().chain([viewer]).collect();
    let mut candidates: Vec<_> = mutual.into_iter().filter(|(id, _)| !known.contains(id)).collect();
    candidates.sort_unstable_by_key(|&(_, mutual)| Reverse(mutual));
    Ok(candidates)
}

/// The friends of all of these, as often as they are friends of one.
async fn friends_of(connection: &mut AnyConnection, people: &[UserId]) -> Result<Vec<UserId>> {
    ids(&FRIENDS.bind(list(people)).one(connection).await?, 0)
}
