//! The tokens of who is signed in, kept in the user's configuration folder:
//! a file for each server and person, which only its owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use etcetera::{BaseStrategy, choose_base_strategy};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::ambient::Ambient;

/// The tokens of a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
}

/// The folder of one server's sessions.
#[derive(Clone)]
pub(super) struct Folder(PathBuf);

/// Where one session's tokens are.
#[derive(Clone)]
pub(super) struct Kept {
    path: PathBuf,
    ambient: Ambient,
}

impl Folder {
    /// That of the server at this URL.
    pub fn of(url: &str) -> Result<Self> {
        let base = choose_base_strategy()
            .map_err(|_| Error::Unknown("there is no home folder to keep the tokens in"))?;
        Ok(Self::inside(&base.config_dir(), url))
    }

    fn inside(config: &Path, url: &str) -> Self {
        let server = utf8_percent_encode(url, NON_ALPHANUMERIC).to_string();
        Self(config.join("chatterbox").join(server))
    }

    /// Where the tokens of this person are, or will be.
    pub fn person(&self, username: &str, ambient: &Ambient) -> Kept {
        let name = utf8_percent_encode(&username.to_lowercase(), NON_ALPHANUMERIC).to_string();
        Kept { path: self.0.join(format!("{name}.json")), ambient: ambient.clone() }
    }

    /// Where those of who was here last are.
    pub fn newest(&self, ambient: &Ambient) -> Option<Kept> {
        let files = fs::read_dir(&self.0).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let kept = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let dated = kept.filter_map(|path| {
            let used = path.metadata().and_then(|file| file.modified()).ok()?;
            Some((used, path))
        });
        let (_, path) = dated.max_by_key(|(used, _): &(SystemTime, _)| *used)?;
        Some(Kept { path, ambient: ambient.clone() })
    }
}

impl Kept {
    /// Where nothing is.
    #[cfg(test)]
    pub fn nowhere() -> Self {
        Self { path: PathBuf::from("/nowhere/at/all.json"), ambient: Ambient::system() }
    }

    /// The tokens; `None` where there are none.
    pub fn read(&self) -> Result<Option<Tokens>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Writes them whole, readable for their owner alone from the beginning.
    pub fn write(&self, tokens: &Tokens) -> Result<()> {
        self.try_write(tokens).map_err(|error| self.failed(error))
    }

    fn try_write(&self, tokens: &Tokens) -> io::Result<()> {
        self.make_folder()?;
        let unique = uuid::Builder::from_random_bytes(self.ambient.bytes()).into_uuid();
        let end = format!("{unique}.tmp");
        let temporary = self.path.with_extension(end);
        let written = private().create_new(true).open(&temporary).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(tokens)?)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        });
        if written.is_err() {
            let _gone = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes them.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Keeps other processes from trading the same refresh token, until what
    /// is returned is dropped. Waits for them.
    pub async fn lock(&self) -> Result<File> {
        let kept = self.clone();
        let locked = tokio::task::spawn_blocking(move || {
            kept.make_folder()?;
            let folder = File::open(kept.folder())?;
            folder.lock()?;
            Ok(folder)
        });
        let locked = locked.await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
        locked.map_err(|error| self.failed(error))
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.folder())
    }

    fn failed(&self, why: io::Error) -> Error {
        Error::Credentials { path: self.path.display().to_string(), why }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn tokens(name: &str) -> Tokens {
        Tokens { access_token: name.to_owned(), refresh_token: format!("{name}-refresh") }
    }

    #[test]
    fn only_their_owner_may_read_the_tokens() {
        let config = tempfile::tempdir().unwrap();
        let ambient = Ambient::system();
        let folder = Folder::inside(config.path(), "https://chat.example.org/a");
        let ada = folder.person("Ada", &ambient);
        assert!(ada.read().unwrap().is_none());
        ada.write(&tokens("one")).unwrap();
        ada.write(&tokens("two")).unwrap();
        assert!(ada.read().unwrap() == Some(tokens("two")));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&ada.path), 0o600);
        assert_eq!(mode(ada.path.parent().unwrap()), 0o700);
        let files = fs::read_dir(ada.path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "no temporary one is left");
        assert_eq!(folder.newest(&ambient).unwrap().path, ada.path);
        ada.remove().unwrap();
        ada.remove().unwrap();
        assert!(folder.newest(&ambient).is_none());
    }

    #[test]
    fn servers_and_people_have_files_of_their_own() {
        let (config, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        let one = Folder::inside(config.path(), "http://a");
        let other = Folder::inside(config.path(), "http://b");
        for (folder, name) in [(&one, "ada"), (&one, "../bob"), (&other, "ada")] {
            folder.person(name, &ambient).write(&tokens(name)).unwrap();
        }
        assert!(one.person("ada", &ambient).read().unwrap() == Some(tokens("ada")));
        assert_eq!(fs::read_dir(&one.0).unwrap().count(), 2);
        assert_eq!(fs::read_dir(&other.0).unwrap().count(), 1);
    }
}
