//! What clients speak to.

pub mod codes;
pub mod graphql;
pub mod grpc;
pub mod http;
