//! Callers who ask at the same time share a statement.

use std::{
    collections::VecDeque,
    error::Error as StdError,
    mem,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use tokio::{sync::oneshot, time::timeout};

use super::PATIENCE;
use crate::{Error, Result};

/// How many statements of a kind are under way at most. The fewer, the more callers share each;
/// beyond what the machine works on at once there is nothing to gain by more.
fn turns() -> usize {
    available_parallelism().map_or(2, NonZero::get).clamp(2, 16)
}

/// How many questions of a kind wait at most.
const LINE: usize = 8_192;

/// Questions of one kind. Whoever asks while few statements are under way is
/// answered by one of its own, at once; those who ask while many are wait
/// for one to end, and share the next. So nobody waits for company, and the more
/// ask the less an answer costs.
pub(super) struct Sharing<Q, A>(Arc<Inner<Q, A>>);

struct Inner<Q, A> {
    /// How many statements are under way at most.
    turns: usize,
    /// How many questions share a statement, unless one caller brings more.
    most: usize,
    line: Mutex<Line<Q, A>>,
}

struct Line<Q, A> {
    /// How many statements are under way.
    turns: usize,
    waiting: VecDeque<Call<Q, A>>,
    /// How many questions they bring.
    questions: usize,
}

/// What one caller brings, and where it waits for the answers.
struct Call<Q, A> {
    asked: Vec<Q>,
    answers: oneshot::Sender<Result<Vec<A>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("too many wait for the graph already")]
struct Crowded;

#[derive(Debug, thiserror::Error)]
#[error("a statement ended without an answer for each question")]
struct Unanswered;

/// What went wrong for several callers.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<dyn StdError + Send + Sync>);

impl<Q, A> Clone for Sharing<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q: Clone + Send + 'static, A: Send + 'static> Sharing<Q, A> {
    pub(super) fn new(most: usize) -> Self {
        let line = Line { turns: 0, waiting: VecDeque::new(), questions: 0 };
        Self(Arc::new(Inner { turns: turns(), most, line: Mutex::new(line) }))
    }

    /// The answers to these questions, in their order, out of `store` by
    /// `answer`, which gives one for each question that it is handed: those of
    /// this caller and of others. It runs in a task, so that others get their
    /// answers where this caller goes away.
    pub(super) async fn ask<S, F, Answers>(
        &self,
        store: &S,
        asked: &[Q],
        answer: F,
    ) -> Result<Vec<A>>
    where
        S: Clone + Send + 'static,
        F: Fn(S, Vec<Q>) -> Answers + Send + 'static,
        Answers: Future<Output = Result<Vec<A>>> + Send + 'static,
    {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let (answers, answered) = oneshot::channel();
        if let Some(turn) = self.enter(Call { asked: asked.to_vec(), answers })? {
            let store = store.clone();
            tokio::spawn(turn.take(move |asked| answer(store.clone(), asked)));
        }
        // Its place in the line is part of what a caller waits for.
        match timeout(PATIENCE, answered).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => Err(Error::Internal(Box::new(error))),
            Err(error) => Err(Error::Unavailable(Box::new(error))),
        }
    }

    /// Joins the line, and has the turn to serve it where one is free.
    fn enter(&self, call: Call<Q, A>) -> Result<Option<Turn<Q, A>>> {
        let mut line = self.0.line();
        if line.questions >= LINE {
            return Err(Error::Unavailable(Box::new(Crowded)));
        }
        line.questions += call.asked.len();
        line.waiting.push_back(call);
        if line.turns >= self.0.turns {
            return Ok(None);
        }
        line.turns += 1;
        Ok(Some(Turn { of: Arc::clone(&self.0), over: false }))
    }
}

impl<Q, A> Inner<Q, A> {
    fn line(&self) -> MutexGuard<'_, Line<Q, A>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have a statement under way.
struct Turn<Q, A> {
    of: Arc<Inner<Q, A>>,
    over: bool,
}

impl<Q, A> Turn<Q, A> {
    /// Serves the line until nobody is left in it.
    async fn take<F, Answers>(mut self, answer: F)
    where
        F: Fn(Vec<Q>) -> Answers,
        Answers: Future<Output = Result<Vec<A>>>,
    {
        while let Some(mut calls) = self.next() {
            let shares: Vec<usize> = calls.iter().map(|call| call.asked.len()).collect();
            let asked: Vec<Q> =
                calls.iter_mut().flat_map(|call| mem::take(&mut call.asked)).collect();
            match answer(asked).await {
                Ok(answers) => share_out(calls, &shares, answers),
                Err(error) => fail(calls, error),
            }
        }
    }

    /// Those who come next, without those who went away; ends the turn where
    /// there is nobody.
    fn next(&mut self) -> Option<Vec<Call<Q, A>>> {
        let mut line = self.of.line();
        let (mut calls, mut questions) = (Vec::new(), 0);
        while let Some(call) = line
            .waiting
            .pop_front_if(|call| questions == 0 || questions + call.asked.len() <= self.of.most)
        {
            line.questions -= call.asked.len();
            if !call.answers.is_closed() {
                questions += call.asked.len();
                calls.push(call);
            }
        }
        if calls.is_empty() {
            line.turns -= 1;
            self.over = true;
            return None;
        }
        Some(calls)
    }
}

impl<Q, A> Drop for Turn<Q, A> {
    /// Only where it was cut short: those who wait are served by the next to come.
    fn drop(&mut self) {
        if !self.over {
            self.of.line().turns -= 1;
        }
    }
}

/// Gives each caller its answers.
fn share_out<Q, A>(calls: Vec<Call<Q, A>>, shares: &[usize], answers: Vec<A>) {
    if answers.len() != shares.iter().sum::<usize>() {
        return fail(calls, Error::Internal(Box::new(Unanswered)));
    }
    let mut answers = answers.into_iter();
    for (call, &share) in calls.into_iter().zip(shares) {
        // Nobody is there to take it where the caller went away.
        drop(call.answers.send(Ok(answers.by_ref().take(share).collect())));
    }
}

/// Gives each caller the same failure.
fn fail<Q, A>(calls: Vec<Call<Q, A>>, error: Error) {
    let (failed, cause): (fn(Box<_>) -> Error, _) = match error {
        Error::Unavailable(cause) => (Error::Unavailable, cause),
        Error::Internal(cause) => (Error::Internal, cause),
    };
    let cause = Shared(Arc::from(cause));
    for call in calls {
        drop(call.answers.send(Err(failed(Box::new(cause.clone())))));
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        sync::Semaphore,
        task::{JoinHandle, yield_now},
    };

    use super::*;

    /// Answers each number with its tenfold, once it is let.
    struct Store {
        sharing: Sharing<u32, u32>,
        statements: Mutex<Vec<Vec<u32>>>,
        leave: Semaphore,
    }

    impl Store {
        fn new(most: usize) -> Arc<Self> {
            let (sharing, statements) = (Sharing::new(most), Mutex::new(Vec::new()));
            Arc::new(Self { sharing, statements, leave: Semaphore::new(0) })
        }

        async fn answer(self: Arc<Self>, asked: Vec<u32>) -> Result<Vec<u32>> {
            self.statements.lock().unwrap().push(asked.clone());
            self.leave.acquire().await.unwrap().forget();
            match asked[..] {
                [0, ..] => Err(Error::Unavailable("the answer is away".into())),
                [1, ..] => Err(Error::Internal("the answer is wrong".into())),
                [2, ..] => panic!("the answer is a panic"),
                [3, ..] => Ok(Vec::new()),
                _ => Ok(asked.into_iter().map(|number| number * 10).collect()),
            }
        }

        /// Asks in a task, which has begun to wait on return.
        async fn ask(self: &Arc<Self>, asked: &[u32]) -> JoinHandle<Result<Vec<u32>>> {
            let (store, asked) = (Arc::clone(self), asked.to_vec());
            let asking =
                tokio::spawn(async move { store.sharing.ask(&store, &asked, Self::answer).await });
            for _ in 0..10 {
                yield_now().await;
            }
            asking
        }

        /// Has as many statements under way as there may be.
        async fn busy(self: &Arc<Self>) {
            for _ in 0..self.turns() {
                self.ask(&[100]).await;
            }
        }

        fn turns(&self) -> usize {
            self.sharing.0.turns
        }

        fn statements(&self) -> Vec<Vec<u32>> {
            self.statements.lock().unwrap().clone()
        }
    }

    async fn answers(asking: JoinHandle<Result<Vec<u32>>>) -> Vec<u32> {
        asking.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn nobody_waits_for_company() {
        let store = Store::new(64);
        store.busy().await;
        assert_eq!(store.statements(), vec![vec![100]; store.turns()]);
        assert!(answers(store.ask(&[]).await).await.is_empty());
    }

    #[tokio::test]
    async fn those_who_come_meanwhile_share_the_next_statement() {
        let store = Store::new(64);
        store.busy().await;
        let one = store.ask(&[10, 11]).await;
        let other = store.ask(&[12]).await;
        assert_eq!(store.statements().len(), store.turns());
        store.leave.add_permits(store.turns() + 1);
        assert_eq!(answers(one).await, [100, 110]);
        assert_eq!(answers(other).await, [120]);
        assert_eq!(store.statements()[store.turns()..], [[10, 11, 12]]);
    }

    #[tokio::test]
    async fn a_statement_has_so_many_questions_and_a_caller_is_not_split() {
        let store = Store::new(3);
        store.busy().await;
        for asked in [&[10, 11][..], &[12], &[13], &[14, 15, 16, 17], &[18]] {
            store.ask(asked).await;
        }
        store.leave.add_permits(100);
        store.ask(&[19]).await;
        let statements = store.statements();
        for together in [&[10, 11, 12][..], &[13], &[14, 15, 16, 17]] {
            assert!(statements.iter().any(|asked| asked == together), "{statements:?}");
        }
    }

    #[tokio::test]
    async fn who_goes_away_takes_nothing_from_others() {
        let store = Store::new(64);
        store.busy().await;
        let waiting = store.ask(&[10]).await;
        let staying = store.ask(&[11]).await;
        waiting.abort();
        yield_now().await;
        store.leave.add_permits(store.turns());
        yield_now().await;
        let other = store.ask(&[12]).await;
        assert!(!store.statements().concat().contains(&10), "nobody waits for it");

        // Those whose statements are under way go away as well.
        staying.abort();
        store.leave.add_permits(10);
        assert_eq!(answers(other).await, [120]);
        let line = store.sharing.0.line();
        assert_eq!((line.turns, line.questions, line.waiting.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn all_who_shared_get_the_same_failure() {
        for (first, unavailable) in [(0, true), (1, false), (3, false)] {
            let store = Store::new(64);
            store.busy().await;
            let callers = [store.ask(&[first]).await, store.ask(&[10]).await];
            store.leave.add_permits(100);
            for asking in callers {
                let error = asking.await.unwrap().unwrap_err();
                assert_eq!(matches!(error, Error::Unavailable(_)), unavailable, "{error:?}");
                let cause = StdError::source(&error).unwrap().to_string();
                assert!(cause.contains("answer"), "{cause}");
            }
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_one_statement() {
        let store = Store::new(64);
        store.leave.add_permits(100);
        for _ in 0..=store.turns() {
            let failed = store.ask(&[2]).await.await.unwrap();
            assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        }
        assert_eq!(answers(store.ask(&[10]).await).await, [100]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_not_joined() {
        let store = Store::new(64);
        store.busy().await;
        store.ask(&vec![10; LINE]).await;
        let refused = store.ask(&[11]).await.await.unwrap();
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
}
