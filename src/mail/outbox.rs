//! Mails as files, for trying things out without a mail server.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use lettre::message::Mailbox;
use tracing::info;

use super::{Mail, Mailer, letter};
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::Job,
};

/// Writes each mail as one `.eml` file (RFC 5322), whole: under a temporary
/// name, then renamed. The text also goes to the log, so that a
/// one-time code can be read there.
pub struct Outbox {
    folder: PathBuf,
    from: Mailbox,
    ambient: Ambient,
}

impl Outbox {
    /// An outbox in `folder`, which the first mail makes where it is missing;
    /// the folder around it has to be there.
    #[must_use]
    pub fn new(folder: PathBuf, from: Mailbox, ambient: Ambient) -> Self {
        Self { folder, from, ambient }
    }

    async fn make_folder(&self) -> io::Result<()> {
        match tokio::fs::create_dir(&self.folder).await {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Mailer for Outbox {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let letter = letter::plain(mail, &self.from, &self.ambient)?;
        let name = self.ambient.id::<Job>();
        let temporary = self.folder.join(format!(".{name}.tmp"));
        let path = self.folder.join(format!("{name}.eml"));
        self.make_folder().await.map_err(Error::unavailable)?;
        tokio::fs::write(&temporary, letter.formatted()).await.map_err(Error::unavailable)?;
        tokio::fs::rename(&temporary, &path).await.map_err(Error::unavailable)?;
        info!(to = mail.to, subject = mail.subject, text = mail.text, "mail in the outbox");
        Ok(())
    }

    fn is_prompt(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<String> {
        // Nothing is made for being looked at.
        let around = self.folder.parent().filter(|_| !self.folder.exists());
        let probe = around.unwrap_or(&self.folder).join(".check.tmp");
        tokio::fs::write(&probe, b"").await.map_err(Error::unavailable)?;
        tokio::fs::remove_file(&probe).await.map_err(Error::unavailable)?;
        Ok("outbox".to_owned())
    }
}
