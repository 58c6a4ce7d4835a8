//! How often things may be done.

use clap::Args;

use crate::{
    config::RateLimiting,
    rates::{Bursts, Rate},
};

/// How often things may be done. Each node counts for itself, but for mails and
/// failed sign-ins.
#[derive(Debug, Args)]
pub struct Rates {
    /// Whether anything is refused that is done too often: `off` is for load
    /// tests and for networks that are trusted.
    #[arg(long, env = "CHATTERBOX_RATE_LIMITS", default_value = "on")]
    pub rate_limits: RateLimiting,

    /// Operations of a user, or of a network address where nobody is signed
    /// in: so many in a time, and so many at once.
    #[arg(
        long,
        env = "CHATTERBOX_REQUEST_RATE",
        value_name = "RATE:BURST",
        default_value = "100/s:500"
    )]
    pub request_rate: Bursts,

    /// Messages that a user sends.
    #[arg(
        long,
        env = "CHATTERBOX_MESSAGE_RATE",
        value_name = "RATE:BURST",
        default_value = "20/s:60"
    )]
    pub message_rate: Bursts,

    /// Other changes that a user makes: edits, reactions, read markers,
    /// typing, friendships, groups, settings.
    #[arg(
        long,
        env = "CHATTERBOX_CHANGE_RATE",
        value_name = "RATE:BURST",
        default_value = "20/s:60"
    )]
    pub change_rate: Bursts,

    /// Accounts that are registered from a network address.
    #[arg(
        long,
        env = "CHATTERBOX_REGISTER_RATE",
        value_name = "RATE:BURST",
        default_value = "5/h"
    )]
    pub register_rate: Bursts,

    /// Mails with a code that are asked for, to an e-mail address; and those
    /// to new addresses that a user asks for.
    #[arg(long, env = "CHATTERBOX_MAIL_RATE", value_name = "RATE", default_value = "5/h")]
    pub mail_rate: Rate,

    /// Failed sign-ins with a login.
    #[arg(long, env = "CHATTERBOX_SIGN_IN_TRIES", value_name = "RATE", default_value = "10/15m")]
    pub sign_in_tries: Rate,

    /// Failed sign-ins from a network address.
    #[arg(
        long,
        env = "CHATTERBOX_SIGN_IN_TRIES_FROM_ADDRESS",
        value_name = "RATE",
        default_value = "100/15m"
    )]
    pub sign_in_tries_from_address: Rate,
}
