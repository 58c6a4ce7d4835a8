//! The keys that sign and check access tokens.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use super::stores::{part, unreadable};
use crate::{
    accounts::{SigningKeys, Tokens},
    ambient::Ambient,
    api::http::Part,
    config::{Config, SigningKey},
    error::{Error, Result},
};

const FILE: &str = "signing-key.pem";

/// The keys that were given, or those of the data folder, where one is made at
/// first.
pub(super) fn made(config: &Config, ambient: &Ambient) -> Result<SecretString> {
    match kept(config)? {
        Some(pem) => Ok(pem),
        None => make(&path(config), ambient),
    }
}

/// The keys that were given, or those of the data folder.
///
/// # Errors
///
/// [`Error::Start`] where there is none yet, or it can't be read.
pub(crate) fn existing(config: &Config) -> Result<SecretString> {
    kept(config)?.ok_or_else(|| {
        let path = path(config);
        let makes = "`chatterbox serve` makes it, or --signing-key gives one";
        Error::Start(format!("there is no {}; {makes}", path.display()))
    })
}

fn kept(config: &Config) -> Result<Option<SecretString>> {
    if let SigningKey::Pem(pem) = &config.signing_key {
        return Ok(Some(pem.clone()));
    }
    let path = path(config);
    match std::fs::read_to_string(&path) {
        Ok(pem) => Ok(Some(pem.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn path(config: &Config) -> PathBuf {
    config.data.join(FILE)
}

/// Whoever is first wins.
fn make(path: &Path, ambient: &Ambient) -> Result<SecretString> {
    let pem = SigningKeys::generate_pem(ambient)?;
    let temporary = path.with_extension(format!("{}.tmp", ambient.id::<crate::ids::Job>()));
    match write(&pem, &temporary, path) {
        Ok(()) => Ok(pem),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let first = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            Ok(first.into())
        }
        Err(error) => Err(Error::Start(format!("can't write {}: {error}", path.display()))),
    }
}

/// Whole, and only for its owner.
fn write(pem: &SecretString, temporary: &Path, path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(temporary)?;
    file.write_all(pem.expose_secret().as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(temporary, path);
    std::fs::remove_file(temporary)?;
    linked
}

/// Whether the keys can be read and used, and which of them signs. Makes none.
pub(super) fn health(config: Config) -> Part {
    part("keys", move || {
        let config = config.clone();
        async move {
            let pem = existing(&config)?;
            let tokens = Tokens::from_pem(&pem, "", config.access_token_ttl)?;
            Ok(match tokens.kids().as_slice() {
                [kid] => format!("Ed25519 {kid}"),
                [kid, older @ ..] => format!("Ed25519 {kid}, and {} older", older.len()),
                [] => String::new(),
            })
        }
    })
}
