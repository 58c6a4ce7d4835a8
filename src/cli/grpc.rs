//! Where gRPC is served.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::options::address;

/// Where gRPC is served, and how.
#[derive(Debug, Args)]
pub struct Grpc {
    /// Where gRPC is served: an IP address and a port; empty: nowhere.
    #[arg(
        long,
        env = "CHATTERBOX_GRPC_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081",
        value_parser = listen
    )]
    pub grpc_listen: Listen,

    /// A file with the certificate that gRPC is encrypted with, PEM, and behind it those that
    /// prove it. [default: not encrypted]
    #[arg(long, env = "CHATTERBOX_GRPC_TLS_CERT", value_name = "PATH", requires = "grpc_tls_key")]
    pub grpc_tls_cert: Option<PathBuf>,

    /// A file with the private key of that certificate, PEM.
    #[arg(
        long,
        env = "CHATTERBOX_GRPC_TLS_KEY",
        value_name = "PATH",
        requires = "grpc_tls_cert",
        hide_env_values = true
    )]
    pub grpc_tls_key: Option<PathBuf>,
}

/// Where something is served, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

fn listen(text: &str) -> Result<Listen, String> {
    if text.is_empty() {
        return Ok(Listen(None));
    }
    let parsed = address(text).map(|address| Listen(Some(address)));
    parsed.map_err(|accepted| format!("{accepted}, or nothing"))
}
