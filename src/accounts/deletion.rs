//! Closing an account.

use chatterbox_graph::Timestamp;

use super::{Accounts, Password, Viewer, password_change::WRONG_PASSWORD};
use crate::{
    error::Result,
    ids::UserId,
    jobs::{Job, Task},
    people::Departure,
};

/// Somebody whose account goes.
pub(super) struct Leaving {
    user: UserId,
    /// Those whom it concerns.
    concerned: Vec<UserId>,
    /// Takes them out of everything else.
    pub(super) job: Job,
}

impl Accounts {
    /// Closes the viewer's account for good: ends its sessions, and has the
    /// person taken out of everything else. Their messages stay, without a sender;
    /// their username is never given to anyone again.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCredentials`] where `password` is not the password, and
    /// [`Error::RateLimited`] where it was not too often.
    pub async fn delete(&self, viewer: Viewer, password: &str) -> Result<()> {
        let password = Password::parse("password", password).map_err(|_| WRONG_PASSWORD)?;
        let account = self.prove(viewer, password).await?;
        let at = self.parts.ambient.now();
        let leaving = self.leaving(viewer.user, at).await?;
        let store = &self.parts.store;
        let closed = store.close_account(viewer.user, &account.password, &leaving.job, at).await?;
        self.announce(closed.ok_or(WRONG_PASSWORD)?);
        self.take_out(&leaving).await;
        Ok(())
    }

    /// What is to be done once the account of `user` is gone.
    ///
    /// # Errors
    ///
    /// The failure of the graph.
    pub(super) async fn leaving(&self, user: UserId, at: Timestamp) -> Result<Leaving> {
        // Once it is begun the graph no longer tells who has to hear of it.
        let ties = self.parts.graph.ties(user).await?;
        let concerned = ties.iter().copied().chain([user]).collect();
        let departure = Departure { user, ties, at };
        let job = Job::new(&self.parts.ambient, Task::RemovePerson(departure));
        Ok(Leaving { user, concerned, job })
    }

    /// Does it, after the job was written down.
    pub(super) async fn take_out(&self, leaving: &Leaving) {
        self.parts.relay.attempt(&leaving.job).await;
        self.parts.faces.forget_person(leaving.user);
        self.parts.suggestions.forget(&leaving.concerned);
    }
}
