//! How deep and how large an operation may be.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    Request, ServerError, ServerResult, ValidationResult, Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextPrepareRequest,
        NextValidation,
    },
    parser::types::{ExecutableDocument, Selection},
};

use super::cost;

/// How deep an operation may be.
pub const MAX_DEPTH: usize = 12;
/// How deep one may be that only asks about the schema: the introspection of
/// common tools is about 15 deep.
pub const MAX_INTROSPECTION_DEPTH: usize = 20;
/// How many fields an operation may select.
pub const MAX_COMPLEXITY: usize = 1_000;

/// Refuses operations beyond the limits, before they run.
pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(OfOneRequest { introspects: AtomicBool::new(false) })
    }
}

struct OfOneRequest {
    introspects: AtomicBool,
}

#[async_graphql::async_trait::async_trait]
impl Extension for OfOneRequest {
    /// Comes before anything that follows fragments, whose time doubles with
    /// each that is spread twice.
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        cost::check_nesting(&request.query)?;
        let variables = request.variables.clone();
        let document = request.parsed_query()?;
        cost::check(&ctx.schema_env.registry, document, &variables)?;
        next.run(ctx, request).await
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        self.introspects.store(only_introspects(&document), Ordering::Relaxed);
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        let introspects = self.introspects.load(Ordering::Relaxed);
        let max_depth = if introspects { MAX_INTROSPECTION_DEPTH } else { MAX_DEPTH };
        if result.depth > max_depth {
            return Err(refused(format!("the operation is deeper than {max_depth} levels")));
        }
        if result.complexity > MAX_COMPLEXITY {
            return Err(refused(format!(
                "the operation selects more than {MAX_COMPLEXITY} fields"
            )));
        }
        Ok(result)
    }
}

fn refused(message: String) -> Vec<ServerError> {
    vec![ServerError::new(message, None)]
}

/// Whether every field at the top asks about the schema. A fragment at the top
/// counts as something else.
fn only_introspects(document: &ExecutableDocument) -> bool {
    document.operations.iter().all(|(_, operation)| {
        operation.node.selection_set.node.items.iter().all(|item| match &item.node {
            Selection::Field(field) => field.node.name.node.starts_with("__"),
            _ => false,
        })
    })
}
