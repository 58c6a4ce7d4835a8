//! Who asks what about whom.

use std::{fmt, time::Duration};

use chatterbox_graph::sample::{Draws, Sample};
use clap::ValueEnum;
use serde::Serialize;

use super::{
    Result, TICK,
    callers::{self, Caller, Waits},
    progress,
    report::{Findings, Table, Times, count, each},
};
use crate::cli::{GraphBench, Question};

/// How many items a page has.
pub(super) const PAGE: usize = 20;
/// How many hops are gone.
pub(super) const HOPS: u8 = 6;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Crowd {
    /// People drawn out of all.
    Anyone,
    /// Those with 1,000 friends.
    Hubs,
}

impl Crowd {
    pub(super) const ALL: [Self; 2] = [Self::Anyone, Self::Hubs];

    /// One of them.
    pub(super) fn draw(self, sample: Sample, draws: &mut Draws) -> u32 {
        match self {
            Self::Anyone => sample.anyone(draws),
            Self::Hubs => sample.hub(draws),
        }
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Anyone => "anyone",
            Self::Hubs => "hubs",
        })
    }
}

/// A question and who asks it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) question: Question,
    pub(super) crowd: Crowd,
    pub(super) sample: Sample,
}

impl Asking {
    /// Somebody else, for the viewer to ask about. Mutual friends are those
    /// of two hubs or of two neighbours, who have some.
    pub(super) fn other(self, viewer: u32, draws: &mut Draws) -> u32 {
        let other = match (self.question, self.crowd) {
            (Question::MutualFriends, Crowd::Anyone) => self.sample.neighbour(viewer, draws),
            (Question::MutualFriends, Crowd::Hubs) => self.sample.hub(draws),
            _ => self.sample.anyone(draws),
        };
        if other == viewer { (viewer + 1) % self.sample.users() } else { other }
    }
}

/// What was answered.
#[derive(Serialize)]
pub(super) struct Asked {
    users: u32,
    callers: u32,
    seconds: f64,
    answers: Vec<Answers>,
}

/// How one question was answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answers {
    question: Question,
    asked_by: Crowd,
    answers: u64,
    per_second: f64,
    #[serde(flatten)]
    times: Times,
}

impl Answers {
    fn of(question: Question, asked_by: Crowd, waits: &Waits) -> Self {
        let answers = waits.times.len();
        let per_second = each(answers, waits.lasted.as_secs_f64());
        Self { question, asked_by, answers, per_second, times: Times::of(&waits.times) }
    }
}

impl Findings for Asked {
    fn how(&self) -> String {
        let (users, callers) = (count(self.users), count(self.callers));
        let seconds = self.seconds;
        format!("{users} people, each question for {seconds} s, by {callers} at the same time,")
    }

    fn table(&self) -> Table {
        let titles = [&["per second"][..], &Times::TITLES].concat();
        let table = Table::new(&["question", "asked by"], &titles);
        self.answers.iter().fold(table, |table, answers| {
            let about = [answers.question.to_string(), answers.asked_by.to_string()];
            let figures = [format!("{:.0}", answers.per_second)];
            table.line(about.into_iter().chain(figures).chain(answers.times.cells()))
        })
    }
}

/// What can be asked.
pub(super) trait Target: Sync {
    /// Those who ask it.
    type Caller: Caller;

    /// One more who asks, about people drawn like this.
    fn caller(
        &self,
        asking: Asking,
        draws: Draws,
    ) -> impl Future<Output = Result<Self::Caller>> + Send;
}

/// The questions that are wanted.
pub(super) fn wanted(bench: &GraphBench) -> Vec<Question> {
    let all = Question::value_variants().iter().copied();
    all.filter(|question| bench.questions.is_empty() || bench.questions.contains(question))
        .collect()
}

/// Has each crowd ask each question.
pub(super) async fn ask(
    target: &impl Target,
    questions: &[Question],
    bench: &GraphBench,
) -> Result<Asked> {
    let sample = Sample::new(bench.users);
    let bar = progress((Crowd::ALL.len() * questions.len()) as u64);
    bar.enable_steady_tick(TICK);
    let mut lines = Vec::new();
    for crowd in Crowd::ALL {
        for &question in questions {
            bar.set_message(format!("{question}, {crowd}"));
            let asking = Asking { question, crowd, sample };
            let mut callers = Vec::new();
            for n in 0..bench.callers {
                callers.push(target.caller(asking, Draws::seeded(n.into())).await?);
            }
            let waits = callers::measure(callers, Duration::from_secs_f64(bench.seconds)).await?;
            lines.push(Answers::of(question, crowd, &waits));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let GraphBench { users, callers, seconds, .. } = *bench;
    Ok(Asked { users, callers, seconds, answers: lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_about_themselves_or_about_somebody_who_is_not_there() {
        let mut draws = Draws::seeded(1);
        for question in Question::value_variants() {
            for (crowd, users) in
                [(Crowd::Anyone, 1_000), (Crowd::Hubs, 1_000), (Crowd::Hubs, 5_000)]
            {
                let asking = Asking { question: *question, crowd, sample: Sample::new(users) };
                for _ in 0..1_000 {
                    let viewer = crowd.draw(asking.sample, &mut draws);
                    let other = asking.other(viewer, &mut draws);
                    assert!(viewer != other && viewer < users && other < users);
                }
            }
        }
    }
}
