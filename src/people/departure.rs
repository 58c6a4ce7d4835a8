//! Taking somebody out of everything, once their account is closed.

use async_trait::async_trait;
use chatterbox_graph::{Friendship, Graph, Person, Timestamp};
use serde::{Deserialize, Serialize};

use super::groups;
use crate::{
    error::Result,
    ids::{GroupId, JobId, UserId},
    jobs::Effects,
    messaging::{Change, NewEntry},
};

/// Somebody leaves for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// Who.
    pub user: UserId,
    /// Those with whom a friendship or a request ends, who will hear of it.
    pub ties: Vec<UserId>,
    /// When.
    pub at: Timestamp,
}

/// What SQL keeps of somebody beside their account.
///
/// # Errors
///
/// A store's failure, in each operation.
#[async_trait]
pub trait DepartureStore: Send + Sync + 'static {
    /// The groups whose conversations the person is in.
    async fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>>;

    /// Takes the person off all messages that they sent, and the keys by which they
    /// sent them, a part at a time. Cost: as many messages.
    async fn forget_sender(&self, user: UserId) -> Result<()>;

    /// Notes in the job of a departure who else will hear of it.
    async fn note_ties(&self, job: JobId, departure: &Departure) -> Result<()>;

    /// Forgets when the person was online last.
    async fn forget_seen(&self, user: UserId) -> Result<()>;
}

/// Takes somebody out of their groups, off their messages and out of the
/// graph. Returns what is to be told.
///
/// # Errors
///
/// The failure of a store; it may be done again.
pub async fn carry_out(
    graph: &dyn Graph,
    store: &dyn DepartureStore,
    departure: &Departure,
    job: JobId,
) -> Result<Effects> {
    let mut effects = Effects::default();
    let mut groups = store.groups_of(departure.user).await?;
    // After a restore there may be some that only the graph knows of.
    groups.extend(graph.groups_of(departure.user).await?);
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        effects.groups.extend(groups::depart(graph, departure, group, job).await?);
    }
    store.forget_sender(departure.user).await?;
    store.forget_seen(departure.user).await?;
    let ties = all_ties(graph, store, departure, job).await?;
    graph.remove_person(departure.user).await?;
    let gone = NewEntry { user: departure.user, change: Change::PersonChanged };
    effects.entries.push(gone);
    effects.receipts_off = Some(departure.user);
    let heard = ties.into_iter().map(|user| NewEntry {
        user,
        change: Change::FriendshipChanged {
            other: departure.user,
            now: Some((departed(departure.user), Friendship::None)),
        },
    });
    effects.entries.extend(heard);
    Ok(effects)
}

/// With those that came to be while the account was closed. They are written down before the
/// graph forgets them, for who does it again after a crash. What comes still later is told as it is
/// by who completes it, since the account is closed by then.
async fn all_ties(
    graph: &dyn Graph,
    store: &dyn DepartureStore,
    departure: &Departure,
    job: JobId,
) -> Result<Vec<UserId>> {
    let mut all = departure.clone();
    all.ties.extend(graph.ties(departure.user).await?);
    all.ties.sort_unstable();
    all.ties.dedup();
    if all.ties.len() > departure.ties.len() {
        store.note_ties(job, &all).await?;
    }
    Ok(all.ties)
}

/// What is shown of somebody who is gone.
#[must_use]
pub fn departed(id: UserId) -> Person {
    Person {
        id,
        // Nobody can be called so.
        username: String::new(),
        display_name: "Deleted account".to_owned(),
        bio: None,
        avatar_url: None,
        created_at: Timestamp(0),
    }
}
