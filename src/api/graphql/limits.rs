//! Refuses operations that cost too much or come too often, before they run.

use std::sync::Arc;

use async_graphql::{
    Request, ServerError, ServerResult, Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextPrepareRequest,
    },
    parser::types::ExecutableDocument,
};

use super::{cost, scope::Services, text};
use crate::{
    accounts::{Client, Viewer},
    rates::Sender,
};

/// Refuses operations beyond the limits.
pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Limits {
    /// Comes before anything that follows fragments, whose time doubles with
    /// each that is spread twice.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        text::check(&request.query)?;
        let variables = request.variables.clone();
        let document = request.parsed_query()?;
        cost::check(&ctx.schema_env.registry, document, &variables)?;
        next.run(ctx, request).await
    }

    /// Comes first of all that knows who asks.
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        count(ctx)?;
        next.run(ctx, query, variables).await
    }
}

/// Counts the operation, but for one that is executed for many.
fn count(ctx: &ExtensionContext<'_>) -> ServerResult<()> {
    let (Some(services), Some(client)) =
        (ctx.data_opt::<Arc<Services>>(), ctx.data_opt::<Client>())
    else {
        return Ok(());
    };
    let viewer = ctx.data_opt::<Viewer>();
    let sender = viewer.map_or(Sender::Client(*client), |viewer| Sender::User(viewer.user));
    services.rates.request(sender).map_err(|error| {
        let message = error.to_string();
        ServerError { source: Some(Arc::new(error)), ..ServerError::new(message, None) }
    })
}
