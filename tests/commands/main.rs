//! The command line, and real clients of what it serves.
#![allow(missing_docs, reason = "tests tell their story themselves")]
#![allow(clippy::print_stderr, reason = "counts and times are shown with the results")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod carried_out;
mod chat;
mod clients;
mod data;
mod dead_letters;
mod demo;
mod grpc;
mod mail;
mod options;
mod rebuild;
mod reconcile;
mod screen;
mod secrets;
mod traces;

use std::process::{Command, Output};

/// Runs the real binary to its end, without what the environment says.
pub fn chatterbox(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatterbox"));
    for (name, _) in std::env::vars() {
        if name.starts_with("CHATTERBOX_") {
            command.env_remove(name);
        }
    }
    // Two services would meet at the port that is the default.
    command.env("CHATTERBOX_GRPC_LISTEN", "");
    command.args(arguments).envs(environment.iter().copied()).output().unwrap()
}

/// What it said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
