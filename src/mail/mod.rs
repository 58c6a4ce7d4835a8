//! Mails to people, and the port that carries them.

mod letter;
mod outbox;
mod smtp;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use outbox::Outbox;
pub use smtp::Smtp;

use crate::error::Result;

/// A mail, as plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address it goes to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text, lines ended by `\n`.
    pub text: String,
}

/// What carries mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands the mail over for good.
    ///
    /// # Errors
    ///
    /// [`crate::error::StoreError::Unavailable`] where another try may succeed.
    async fn send(&self, mail: &Mail) -> Result<()>;

    /// Whether it takes no longer to hand a mail over than an answer may take.
    fn is_prompt(&self) -> bool;

    /// Tries whether mails could be handed over now.
    ///
    /// # Errors
    ///
    /// As [`Mailer::send`].
    async fn check(&self) -> Result<String>;
}
