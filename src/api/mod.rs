//! What clients speak to.

pub mod graphql;
pub mod http;
