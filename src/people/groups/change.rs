//! Carrying a change out on the graph.
//!
//! What the rules say is decided here, on what was read, and made in the
//! graph only if the group still stands as it was read; else it is decided anew. The graph
//! remembers which changes it made, so that one which is carried out again, after a crash
//! say, is not made again and yet tells what it came to.

use std::collections::HashSet;

use chatterbox_graph::{Graph, GroupEdit, GroupRole, GroupState};
use uuid::Uuid;

use super::{
    GroupAction, GroupChange,
    decision::{Decision, decide, decide_departure, newcomers},
};
use crate::{
    error::{Error, Result},
    ids::{GroupId, JobId, UserId},
    jobs::Effects,
    messaging::{GroupSync, Standing},
    people::{Departure, departure::departed},
};

/// How often it is decided anew where others change the group meanwhile.
const TRIES: usize = 32;

/// Tells whether there is anything to do.
///
/// # Errors
///
/// What the rules refuse, or the failure of the graph.
pub(super) async fn try_out(graph: &dyn Graph, change: &GroupChange) -> Result<bool> {
    let state = graph.group_state(change.group, &about(change), Uuid::nil()).await?;
    Ok(next(graph, change, state.as_ref()).await? != Decision::Nothing)
}

/// Carries a change out on the graph. Returns what its conversation has to
/// follow, and whether the rules allowed it. `job` tells the change from all
/// others.
///
/// # Errors
///
/// The failure of the graph; the change may be carried out again.
pub async fn carry_out(
    graph: &dyn Graph,
    change: &GroupChange,
    job: JobId,
) -> Result<(Effects, Result<()>)> {
    let about = about(change);
    for _ in 0..TRIES {
        let state = graph.group_state(change.group, &about, job.uuid()).await?;
        match (&state, &change.action) {
            (Some(state), action) if state.edited => {
                let changed = matches!(action, GroupAction::Update(_));
                return Ok((following(exists(graph, state, &about, changed).await?), Ok(())));
            }
            (None, GroupAction::Delete { group }) => {
                let sync = GroupSync { group: group.clone(), standing: Standing::Deleted };
                return Ok((following(sync), Ok(())));
            }
            _ => {}
        }
        match next(graph, change, state.as_ref()).await {
            Ok(Decision::Nothing) => return Ok((Effects::default(), Ok(()))),
            Ok(decision) => make(graph, change, job, state.as_ref(), decision).await?,
            Err(error @ Error::Store(_)) => return Err(error),
            Err(refused) => return Ok((Effects::default(), Err(refused))),
        }
    }
    Err(contended())
}

/// Takes somebody who leaves for good out of a group; `None` where they are
/// not in it.
///
/// # Errors
///
/// The failure of the graph; it may be done again.
pub(in crate::people) async fn depart(
    graph: &dyn Graph,
    departure: &Departure,
    group: GroupId,
    job: JobId,
) -> Result<Option<GroupSync>> {
    let user = departure.user;
    for _ in 0..TRIES {
        let Some(state) = graph.group_state(group, &[user], job.uuid()).await? else {
            return Ok(None);
        };
        if state.edited {
            return without(graph, &state, user).await.map(Some);
        }
        let heir = if state.owners == [user] { graph.heir(group, user).await? } else { None };
        match decide_departure(&state, user, heir) {
            Decision::Nothing => return without(graph, &state, user).await.map(Some),
            Decision::Delete => {
                if graph.delete_group(group, state.version).await? {
                    let standing = Standing::Deleted;
                    return Ok(Some(GroupSync { group: state.group, standing }));
                }
            }
            Decision::Edit { profile, set, remove } => {
                let (token, version, at) = (job.uuid(), state.version, departure.at);
                let edit = GroupEdit { group, token, version, profile, set, remove, at };
                graph.edit_group(&edit).await?;
            }
        }
    }
    Err(contended())
}

fn contended() -> Error {
    Error::unavailable("the group is being changed by too many at once")
}

/// Those whose roles matter or change, who acts first.
pub(super) fn about(change: &GroupChange) -> Vec<UserId> {
    let others: &[UserId] = match &change.action {
        GroupAction::Create { members, .. } => members,
        GroupAction::Add { users } => users,
        GroupAction::Remove { user } | GroupAction::SetRole { user, .. } => {
            std::slice::from_ref(user)
        }
        _ => &[],
    };
    let mut seen = HashSet::new();
    std::iter::once(&change.by).chain(others).filter(|id| seen.insert(**id)).copied().collect()
}

/// What the change comes to as the group stands.
async fn next(
    graph: &dyn Graph,
    change: &GroupChange,
    state: Option<&GroupState>,
) -> Result<Decision> {
    match (state, &change.action) {
        (None, GroupAction::Create { profile, .. }) => {
            let people = about(change);
            known(graph, &people).await?;
            reachable(graph, change.by, &people[1..]).await?;
            let members = people[1..].iter().map(|user| (*user, GroupRole::Member));
            let set = std::iter::once((change.by, GroupRole::Owner)).chain(members).collect();
            Ok(Decision::Edit { profile: Some(profile.clone()), set, remove: Vec::new() })
        }
        (None, _) => Err(Error::NotFound("group")),
        (Some(state), action) => {
            let decision = decide(state, change.by, action)?;
            if let GroupAction::Add { users } = action {
                let new: Vec<UserId> =
                    newcomers(state, users).into_iter().map(|(user, _)| user).collect();
                known(graph, &new).await?;
                reachable(graph, change.by, &new).await?;
            }
            Ok(decision)
        }
    }
}

async fn known(graph: &dyn Graph, people: &[UserId]) -> Result<()> {
    let found = graph.people(people).await?.len();
    if found == people.len() { Ok(()) } else { Err(Error::NotFound("user")) }
}

/// Being added to a group is a conversation that somebody else starts.
async fn reachable(graph: &dyn Graph, by: UserId, people: &[UserId]) -> Result<()> {
    let pairs: Vec<_> = people.iter().map(|user| (by, *user)).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let all = graph.reach(&pairs).await?.into_iter().all(|reach| reach.messages);
    if all { Ok(()) } else { Err(Error::Forbidden("one of them takes no messages from you")) }
}

/// Makes the change, unless somebody else was faster: how it stands then is
/// to be read again.
async fn make(
    graph: &dyn Graph,
    change: &GroupChange,
    job: JobId,
    state: Option<&GroupState>,
    decision: Decision,
) -> Result<()> {
    let (group, token, at) = (change.group, job.uuid(), change.at);
    let version = state.map_or(0, |state| state.version);
    match decision {
        Decision::Nothing => {}
        Decision::Edit { profile, set, remove } => {
            let edit = GroupEdit { group, token, version, profile, set, remove, at };
            graph.edit_group(&edit).await?;
        }
        Decision::Delete => {
            graph.delete_group(group, version).await?;
        }
    }
    Ok(())
}

/// What the conversation has to follow: the owners too, since who goes for
/// good leaves the group to somebody that this is not about.
async fn exists(
    graph: &dyn Graph,
    state: &GroupState,
    about: &[UserId],
    changed: bool,
) -> Result<GroupSync> {
    let owners = state.owners.iter().filter(|owner| !about.contains(owner));
    let mut roles: Vec<_> =
        about.iter().map(|user| (*user, state.roles.get(user).copied())).collect();
    roles.extend(owners.map(|owner| (*owner, Some(GroupRole::Owner))));
    let ids: Vec<UserId> = roles.iter().map(|(user, _)| *user).collect();
    let people = graph.people(&ids).await?.into_values().collect();
    let standing = Standing::Exists { version: state.version, roles, people, changed };
    Ok(GroupSync { group: state.group.clone(), standing })
}

/// How it stands without somebody, who is shown as gone from now on.
async fn without(graph: &dyn Graph, state: &GroupState, user: UserId) -> Result<GroupSync> {
    let mut sync = exists(graph, state, &[user], false).await?;
    if let Standing::Exists { people, .. } = &mut sync.standing {
        people.retain(|person| person.id != user);
        people.push(departed(user));
    }
    Ok(sync)
}

fn following(sync: GroupSync) -> Effects {
    Effects { groups: vec![sync], ..Effects::default() }
}
