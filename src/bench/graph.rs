//! The graph itself: the sample that is loaded into it, and its answers.

use std::{sync::Arc, time::Instant};

use chatterbox_graph::{
    FriendsOf, Graph, MutualFriendsOf, PathBetween, SuggestionsFor, UserId,
    sample::{self, Draws, Part, Sample},
};
use indicatif::HumanCount;

use super::{
    Error, Result,
    callers::Caller,
    progress,
    questions::{self, Asking, HOPS, PAGE, Target},
    report::{Report, Stores},
};
use crate::cli::{GraphBench, Question};

/// Loads the sample of so many people; returns what is to be printed.
pub(super) async fn load(graph: &dyn Graph, users: u32) -> Result<String> {
    let begun = Instant::now();
    let bar = progress(users.into());
    bar.set_message("loading people");
    let mut friendships = 0;
    for Part { people, ties } in Sample::new(users).parts() {
        graph.load(&people, &ties).await?;
        friendships += ties.len() as u64;
        bar.inc(people.len() as u64);
    }
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let (users, friendships) = (HumanCount(users.into()), HumanCount(friendships));
    Ok(format!(
        "{users} people and {friendships} friendships are in the graph, after {seconds:.1} s"
    ))
}

/// Measures; returns what is to be printed.
pub(super) async fn measure(graph: &Arc<dyn Graph>, bench: &GraphBench) -> Result<String> {
    // They were loaded in this order.
    let last = sample::id(bench.users - 1);
    if graph.people(&[last]).await?.is_empty() {
        return Err(Error::NotLoaded(bench.users));
    }
    let asked = questions::ask(&Store(graph.clone()), &questions::wanted(bench), bench).await?;
    let stores = Stores { sql: None, graph: graph.version().await?, url: None };
    Report::new(stores, asked).print(bench.json)
}

struct Store(Arc<dyn Graph>);

impl Target for Store {
    type Caller = StoreCaller;

    async fn caller(&self, asking: Asking, draws: Draws) -> Result<StoreCaller> {
        Ok(StoreCaller { graph: self.0.clone(), asking, draws })
    }
}

struct StoreCaller {
    graph: Arc<dyn Graph>,
    asking: Asking,
    draws: Draws,
}

impl Caller for StoreCaller {
    async fn call(&mut self) -> Result<()> {
        let Self { graph, asking, draws } = self;
        let viewer = asking.crowd.draw(asking.sample, draws);
        let other = sample::id(asking.other(viewer, draws));
        ask(&**graph, asking.question, sample::id(viewer), other).await
    }
}

async fn ask(graph: &dyn Graph, question: Question, viewer: UserId, other: UserId) -> Result<()> {
    let (limit, after) = (PAGE, None);
    match question {
        Question::Friends => {
            graph.friends(&[FriendsOf { viewer, query: None, limit, after }]).await?;
        }
        Question::MutualFriends => {
            graph.mutual_friends(&[MutualFriendsOf { viewer, other, limit, after }]).await?;
        }
        Question::Suggestions => {
            graph.suggestions(&[SuggestionsFor { viewer, limit }]).await?;
        }
        Question::Distance => {
            graph.paths(&[PathBetween { viewer, other, max: HOPS }]).await?;
        }
        Question::Reach => {
            graph.reach(&[(viewer, other)]).await?;
        }
    }
    Ok(())
}
