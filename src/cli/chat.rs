//! The options of `chat`.

use std::path::PathBuf;

use clap::{Args, builder::FalseyValueParser};

use crate::config::PublicUrl;

/// The options of `chat`. A password is asked for, or given as
/// `CHATTERBOX_PASSWORD`.
#[derive(Debug, Args)]
pub struct Chat {
    /// Where the service is.
    #[arg(
        long,
        env = "CHATTERBOX_URL",
        value_name = "URL",
        default_value = "http://localhost:8080"
    )]
    pub url: PublicUrl,

    /// Speak lines on standard input and output, for scripts and screen
    /// readers.
    #[arg(long, env = "CHATTERBOX_PLAIN", value_parser = FalseyValueParser::new())]
    pub plain: bool,

    /// Who signs in: a username or an e-mail address.
    /// [default: who was here last]
    #[arg(long, env = "CHATTERBOX_LOGIN", value_name = "NAME")]
    pub login: Option<String>,

    /// Make an account of the name given as `--login`.
    #[arg(long, env = "CHATTERBOX_REGISTER", value_parser = FalseyValueParser::new())]
    pub register: bool,

    /// The e-mail address of the new account.
    #[arg(long, env = "CHATTERBOX_EMAIL", value_name = "ADDRESS", requires = "register")]
    pub email: Option<String>,

    /// A file that holds the password; else it is the variable
    /// CHATTERBOX_PASSWORD, or asked for.
    #[arg(long, env = "CHATTERBOX_PASSWORD_FILE", value_name = "PATH")]
    pub password_file: Option<PathBuf>,
}
