//! Where what strangers send is read. Each function takes any bytes, and
//! panics where what it promises of them does not hold; the targets in `fuzz/`
//! try to make them, and the tests feed what was found before.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chatterbox_graph::Timestamp;
use clap::Parser;
use ed25519_dalek::{Signer, SigningKey, pkcs8::DecodePrivateKey};
use futures::FutureExt;
use type_safe_id::StaticType;

use crate::{
    accounts::{EmailAddress, RefreshToken, Tokens},
    cli::{Cli, Command},
    config::Config,
    error::Result,
    ids::{self, ConversationId, UserId},
    live::Cursor,
    messaging::{self, Emoji, MAX_MENTIONS, MentionStore, MessageBody, SearchQuery},
    people::{AvatarUrl, DisplayName, GroupName, Prose, Username},
    telemetry::{TraceId, Traceparent},
};

pub use crate::{
    api::{
        graphql::fuzzing::{documents, page_cursors},
        http::fuzzing::{bodies, headers, query_strings, socket_frames, socket_messages},
    },
    sql::fuzzing::log_payloads,
};

/// A function of this module and its name, which its target and its seeds have.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 16] = [
    ("access_tokens", access_tokens),
    ("bodies", bodies),
    ("documents", documents),
    ("feed_cursors", feed_cursors),
    ("headers", headers),
    ("ids", ids),
    ("log_payloads", log_payloads),
    ("mentions", mentions),
    ("names", names),
    ("options", options),
    ("page_cursors", page_cursors),
    ("query_strings", query_strings),
    ("refresh_tokens", refresh_tokens),
    ("search", search),
    ("socket_frames", socket_frames),
    ("socket_messages", socket_messages),
];

/// An id that is understood is written just as it was read.
pub fn ids(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    id::<chatterbox_graph::User>(text);
    id::<ids::Message>(text);
    id::<ids::Session>(text);
    id::<ids::Job>(text);
}

fn id<T: StaticType>(text: &str) {
    if let Ok(id) = ids::parse::<T>("id", text) {
        assert_eq!(id.to_string(), text);
    }
}

/// A cursor that is understood is the one that is written for its position.
pub fn feed_cursors(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(cursor) = Cursor::parse(text) {
        assert!(cursor.0.0 >= 0, "{cursor}");
        assert_eq!(Cursor::parse(&cursor.to_string()).ok(), Some(cursor));
    }
}

/// The key of RFC 8037, appendix A.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const OUR_HEADER: &str =
    r#"{"typ":"JWT","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#;
const ISSUER: &str = "https://chat.example.org";
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

static TOKENS: LazyLock<Option<Tokens>> =
    LazyLock::new(|| Tokens::from_pem(&PEM.into(), ISSUER, Duration::from_secs(600)).ok());

/// Nothing is accepted but what was signed with our key; and of what was, no
/// claims but such as we make.
pub fn access_tokens(data: &[u8]) {
    let (Some(tokens), Ok(text)) = (TOKENS.as_ref(), str::from_utf8(data)) else { return };
    let ours = |text: &str| {
        let Ok(viewer) = tokens.verify(text, NOW) else { return false };
        let body = text.split('.').nth(1).and_then(|body| URL_SAFE_NO_PAD.decode(body).ok());
        let claims = serde_json::from_slice::<serde_json::Value>(&body.unwrap_or_default());
        let claims = claims.unwrap_or_default();
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["sub"], viewer.user.to_string());
        assert_eq!(claims["sid"], viewer.session.to_string());
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > NOW.0 / 1_000_000));
        true
    };
    if ours(text) {
        let signed = text.rsplit_once('.').map(|(signed, _)| format!("{signed}."));
        assert!(signed.is_some_and(|signed| text == sign(&signed)), "{text}");
    }
    let (header, claims) = text.split_once('\n').unwrap_or((OUR_HEADER, text));
    for header in [OUR_HEADER, header] {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        ours(&sign(&format!("{header}.{claims}.")));
    }
}

/// A token, out of what is to be signed and a dot.
fn sign(signed: &str) -> String {
    let Ok(key) = SigningKey::from_pkcs8_pem(PEM) else { return String::new() };
    let signature = key.sign(signed.trim_end_matches('.').as_bytes()).to_bytes();
    format!("{signed}{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A refresh token has one form: no two of them have one hash, nor one two.
pub fn refresh_tokens(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(token) = RefreshToken::parse(text) {
        assert_eq!((token.expose(), text.len()), (text, 43));
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), text);
    }
}

/// A trace id is taken as it is, and is one.
pub(crate) fn traceparent(text: &str) {
    if let Some(Traceparent { trace: TraceId(id), .. }) = Traceparent::parse(text) {
        assert!(text.contains(&id) && id.len() == 32);
        assert!(id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        assert!(id.bytes().any(|digit| digit != b'0'));
    }
}

/// Whatever text there is, its words fit into the index, and who looks for
/// them finds it.
pub fn search(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let conversation = ConversationId::from_uuid(uuid::Uuid::max());
    let tokens = messaging::tokens(conversation, text);
    let tokens: Vec<&str> = tokens.split_whitespace().collect();
    for token in &tokens {
        assert!(token.len() <= 84, "{token}");
        assert!(token.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'), "{token}");
    }
    let Ok(query) = SearchQuery::parse(text) else { return };
    for word in query.words() {
        let word = word.token(conversation);
        assert!(tokens.iter().any(|token| token.starts_with(&word)), "{word}: {tokens:?}");
    }
}

/// Keeps the names that were asked for, and knows nobody.
#[derive(Default)]
struct Asked(Mutex<Vec<Username>>);

#[async_trait]
impl MentionStore for Asked {
    async fn members_named(
        &self,
        _conversation: ConversationId,
        names: &[Username],
    ) -> Result<HashMap<String, UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(names);
        Ok(HashMap::new())
    }
}

/// Who is named stands in the text, behind an '@', and counts once.
pub fn mentions(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(body) = MessageBody::parse(text.to_owned()) else { return };
    let asked = Asked::default();
    let conversation = ConversationId::from_uuid(uuid::Uuid::nil());
    let found = messaging::mentioned(&asked, conversation, &body).now_or_never();
    assert!(matches!(found, Some(Ok(people)) if people.is_empty()));
    let names = asked.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let text = text.to_ascii_lowercase();
    assert!(names.len() <= MAX_MENTIONS);
    for (at, name) in names.iter().enumerate() {
        assert!(text.contains(&format!("@{}", name.as_str())), "{name:?}");
        assert!(!names[..at].contains(name), "{name:?}");
    }
}

/// What was read once is read again as the same.
pub fn names(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    macro_rules! same {
        ($($kind:ident),*) => {
            $(if let Ok(name) = $kind::parse(text) {
                assert_eq!($kind::parse(name.as_str()).ok(), Some(name));
            })*
        };
    }
    same!(Username, DisplayName, GroupName, EmailAddress, Emoji);
    if let Ok(Some(prose)) = Prose::parse("bio", text) {
        assert_eq!(Prose::parse("bio", prose.as_str()).ok(), Some(Some(prose)));
    }
    if let Ok(url) = AvatarUrl::parse(text) {
        let url = url.into_string();
        assert!(url.starts_with("https://") && url.is_ascii(), "{url}");
        assert_eq!(AvatarUrl::parse(&url).map(AvatarUrl::into_string).ok(), Some(url));
    }
}

/// The value of an option: its name, a line end, its value. What is wrong is
/// refused, and a secret that is wrong is not repeated.
pub fn options(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((name, value)) = text.split_once('\n') else { return };
    // Of files only their paths are read here.
    if name.ends_with("file") || value.contains('\0') {
        return;
    }
    let arguments = ["chatterbox", "serve", &format!("--{name}={value}")];
    let Ok(cli) = Cli::try_parse_from(arguments) else { return };
    let Command::Serve(serve) = cli.command else { return };
    if let Err(error) = Config::new(serve.options) {
        let secret = ["sql-url", "graph-url", "bus-url", "mail-url", "signing-key"].contains(&name);
        // A short one may be a word like any other.
        let repeated = value.len() > 16 && error.to_string().contains(value);
        assert!(!(secret && repeated), "{error}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_found_before_is_borne() {
        for (name, target) in TARGETS {
            let seeds = folder().join("seeds").join(name).read_dir().unwrap();
            let mut fed = 0;
            for seed in seeds {
                target(&std::fs::read(seed.unwrap().path()).unwrap());
                fed += 1;
            }
            assert!(fed > 0, "{name} has no seed");
        }
    }

    #[test]
    fn each_has_its_target_and_its_seeds() {
        let names: Vec<_> = TARGETS.into_iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names_in(&folder().join("fuzz_targets")), names);
        assert_eq!(names_in(&folder().join("seeds")), names);
        let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        for name in names {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }

    #[test]
    fn a_token_of_ours_is_taken() {
        let ambient = crate::ambient::Ambient::system();
        let viewer = crate::accounts::Viewer { user: ambient.id(), session: ambient.id() };
        let tokens = TOKENS.as_ref().unwrap();
        let token = tokens.sign(viewer, NOW).unwrap().text;
        assert_eq!(tokens.verify(&token, NOW).unwrap(), viewer);
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(sign(&format!("{signed}.")), token);
        access_tokens(token.as_bytes());
    }
}
