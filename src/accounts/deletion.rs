//! Closing an account.

use super::{Accounts, Password, Viewer, password_change::WRONG_PASSWORD};
use crate::{
    error::Result,
    ids::UserId,
    jobs::{Job, Task},
    people::Departure,
};

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
        // Once it is begun the graph no longer tells who has to hear of it.
        let ties = self.parts.graph.ties(viewer.user).await?;
        let concerned: Vec<UserId> = ties.iter().copied().chain([viewer.user]).collect();
        let departure = Departure { user: viewer.user, ties, at };
        let job = Job::new(&self.parts.ambient, Task::RemovePerson(departure));
        let closed =
            self.parts.store.close_account(viewer.user, &account.password, &job, at).await?;
        self.announce(closed.ok_or(WRONG_PASSWORD)?);
        self.parts.relay.attempt(&job).await;
        self.parts.faces.forget_person(viewer.user);
        self.parts.suggestions.forget(&concerned);
        Ok(())
    }
}
