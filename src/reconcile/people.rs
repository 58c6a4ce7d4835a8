//! Accounts, and the people of the graph.

use chatterbox_graph::{NewPerson, Person};
use futures::FutureExt;

use super::{
    Decision::{self, Leave},
    KnownAccount, Older, Parts, Reconciling,
    pages::{Pages, Side, next},
};
use crate::{
    error::{Error, Result},
    ids::UserId,
    jobs::{Job, Task},
    people::Departure,
};

/// How many people are read at a time.
const PAGE: usize = 1_000;

/// More than so many, and more than half of all, never leave at once: that is
/// another installation's store.
const MANY: usize = 100;

enum Mend {
    /// Makes the node.
    Make(KnownAccount),
    /// Takes the person out of everything, and closes the account if there is one.
    TakeOut(UserId),
}

impl Reconciling {
    pub(super) async fn people(&mut self) -> Result<()> {
        let (records, census) = (self.parts.records.clone(), self.parts.census.clone());
        let mut accounts = Pages::new(
            |account: &KnownAccount| account.id,
            move |after| {
                let records = records.clone();
                async move { records.accounts_after(after, PAGE).await }.boxed()
            },
        );
        let mut nodes = Pages::new(
            |person: &Person| person.id,
            move |after| {
                let census = census.clone();
                async move { Ok(census.everyone(after, PAGE).await?) }.boxed()
            },
        );
        if self.plan.older.is_some() && accounts.next_key().await?.is_none() {
            let reason = "can't be told: SQL has no accounts at all; is it the right database?";
            return Err(Error::invalid("--older", reason));
        }
        while let Some(side) = next(&mut accounts, &mut nodes).await? {
            self.report.people += 1;
            self.counted(self.report.people);
            match side {
                Side::Left(account) => self.without_node(account).await?,
                Side::Right(person) => self.without_account(person).await?,
                Side::Both(account, person) if account.username != person.username => {
                    let (id, ours, theirs) = (account.id, account.username, person.username);
                    let what = format!("{id}: {ours} by the account, {theirs} in the graph");
                    self.report.left(&what, "no restore explains this");
                }
                Side::Both(..) => {}
            }
        }
        let leaving = self.leaving.len();
        if leaving > MANY && leaving as u64 > self.report.people / 2 {
            let reason = "would take out more than half of all people: \
                          is one of the stores another installation's?";
            return Err(Error::invalid("--older", reason));
        }
        Ok(())
    }

    async fn without_node(&mut self, account: KnownAccount) -> Result<()> {
        let (id, subject) = (account.id, account.id.to_string());
        // In this order: who makes the node takes its job away after that.
        let gone = self.parts.records.account(id).await?.is_none();
        if gone
            || self.is_under_way(&subject).await?
            || self.parts.graph.people(&[id]).await?.contains_key(&id)
        {
            return Ok(());
        }
        let what = format!("{id} ({}): an account without a node", account.username);
        let decision = match self.plan.older {
            _ if self.dead.contains(&subject) => {
                Leave("a dead letter is about it, to be replayed or dropped")
            }
            Some(Older::Graph) => Decision::Mend(
                Mend::Make(account),
                "made, with the username for its name: profile and settings are lost",
            ),
            Some(Older::Sql) => {
                Decision::Mend(Mend::TakeOut(id), "closed, as it was after the copy of SQL")
            }
            None => Leave("differs"),
        };
        self.carry_out_for_person(&what, decision).await
    }

    async fn without_account(&mut self, person: Person) -> Result<()> {
        let (id, name) = (person.id, person.username);
        if self.is_under_way(&id.to_string()).await?
            || self.parts.records.account(id).await?.is_some()
        {
            return Ok(());
        }
        let what = format!("{id} ({name}): a node without an account");
        let decision = match self.plan.older {
            Some(Older::Graph) => Decision::Mend(
                Mend::TakeOut(id),
                "taken out: the account was closed after the copy of the graph",
            ),
            Some(Older::Sql) => Decision::Mend(
                Mend::TakeOut(id),
                "taken out: the account was made after the copy of SQL, and is lost",
            ),
            None => Leave("differs"),
        };
        self.carry_out_for_person(&what, decision).await
    }

    async fn carry_out_for_person(&mut self, what: &str, decision: Decision<Mend>) -> Result<()> {
        match self.decided(what, decision) {
            Some(Mend::Make(KnownAccount { id, username, created_at })) => {
                let display_name = username.clone();
                let person = NewPerson { id, username, display_name, created_at };
                self.parts.relay.submit(Task::AddPerson(person)).await
            }
            Some(Mend::TakeOut(user)) => {
                self.leaving.push(user);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes those out who were found before.
    pub(super) async fn take_out(&mut self) -> Result<()> {
        for user in std::mem::take(&mut self.leaving) {
            self.remove(user).await?;
        }
        Ok(())
    }

    async fn remove(&self, user: UserId) -> Result<()> {
        let Parts { graph, records, relay, ambient, .. } = &self.parts;
        let departure = Departure { user, ties: graph.ties(user).await?, at: ambient.now() };
        let (at, task) = (departure.at, Task::RemovePerson(departure));
        let Some(account) = records.account(user).await? else { return relay.submit(task).await };
        let job = Job::new(ambient, task);
        if records.close_account(user, &account.password, &job, at).await?.is_some() {
            relay.attempt(&job).await;
        }
        Ok(())
    }
}
