//! The keys that sign and check access tokens.

use std::{io::Write, path::Path};

use secrecy::{ExposeSecret, SecretString};

use super::stores::part;
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
pub(crate) fn signing_key(config: &Config, ambient: &Ambient) -> Result<SecretString> {
    match &config.signing_key {
        SigningKey::Pem(pem) => Ok(pem.clone()),
        SigningKey::InDataFolder => {
            let path = config.data.join(FILE);
            match std::fs::read_to_string(&path) {
                Ok(pem) => Ok(pem.into()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path, ambient),
                Err(error) => {
                    Err(Error::internal(format!("can't read {}: {error}", path.display())))
                }
            }
        }
    }
}

/// Written whole and only for its owner; whoever is first wins.
fn make(path: &Path, ambient: &Ambient) -> Result<SecretString> {
    let pem = SigningKeys::generate_pem(ambient)?;
    let temporary = path.with_extension(format!("{}.tmp", ambient.id::<crate::ids::Job>()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(Error::internal)?;
    file.write_all(pem.expose_secret().as_bytes()).map_err(Error::internal)?;
    file.sync_all().map_err(Error::internal)?;
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary).map_err(Error::internal)?;
    match linked {
        Ok(()) => Ok(pem),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Ok(std::fs::read_to_string(path).map_err(Error::internal)?.into())
        }
        Err(error) => Err(Error::internal(error)),
    }
}

/// Whether the keys can be read and used, and which of them signs.
pub(super) fn health(config: Config, ambient: Ambient) -> Part {
    part("keys", move || {
        let (config, ambient) = (config.clone(), ambient.clone());
        async move {
            let pem = signing_key(&config, &ambient)?;
            let tokens = Tokens::from_pem(&pem, "", config.access_token_ttl)?;
            Ok(match tokens.kids().as_slice() {
                [kid] => format!("Ed25519 {kid}"),
                [kid, older @ ..] => format!("Ed25519 {kid}, and {} older", older.len()),
                [] => String::new(),
            })
        }
    })
}
