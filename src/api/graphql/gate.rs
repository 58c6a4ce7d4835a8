//! What executes operations: the schema, behind what each of them has to pass.
//!
//! All that stands around the schema rather than in it as an extension: while
//! there is any extension, async-graphql looks each field up and calls all of
//! them for it.

use std::{
    any::{Any, TypeId},
    sync::{Arc, OnceLock},
};

use async_graphql::{
    Data, Executor, Request, Response, SchemaEnv, ServerError, ServerResult, ValidationMode,
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

use super::{
    Builder, Schema, cost, errors, omitted, text,
    validated::{Altered, Validated},
    variables,
};
use crate::{
    accounts::{Client, Viewer},
    error::{Error, Result},
    rates::{Rates, Sender},
    telemetry::TraceId,
};

/// Executes what is within the limits and does not come too often, and gives
/// each error its code.
#[derive(Clone)]
pub struct Gate {
    /// Validates, and remembers what is valid.
    careful: Schema,
    /// For what is known to be valid.
    trusting: Schema,
    validated: Validated,
    types: SchemaEnv,
    rates: Rates,
}

impl Gate {
    /// Stands before this schema.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where async-graphql does not say what types there are.
    pub(super) fn new(schema: impl Fn() -> Builder, rates: Rates) -> Result<Self> {
        let (validated, place) = (Validated::default(), Arc::new(OnceLock::new()));
        let careful = schema().extension(validated.learning(place.clone())).finish();
        // Extensions are shown the types with a request: any will do.
        let _answer = careful.execute("{ __typename }").now_or_never();
        let types = place.get().cloned().ok_or_else(|| Error::internal("no types are known"))?;
        let trusting = schema().validation_mode(ValidationMode::Fast).finish();
        Ok(Self { careful, trusting, validated, types, rates })
    }

    /// What executes the request, which is within the limits.
    fn admit(&self, request: &mut Request) -> ServerResult<&Schema> {
        let known = self.validated.knows(request);
        if !known {
            text::check(&request.query)?;
        }
        let given = std::mem::take(&mut request.variables);
        let name = request.operation_name.take();
        let document = request.parsed_query()?;
        // Comes before anything that follows fragments, whose time doubles with
        // each that is spread twice.
        cost::check(&self.types.registry, document, &given)?;
        let missing = variables::check(&self.types.registry, document, name.as_deref(), &given)?;
        if !missing.is_empty() {
            let settled = omitted::without(&missing, document);
            request.set_parsed_query(settled);
            request.data.insert(Altered);
        }
        (request.variables, request.operation_name) = (given, name);
        self.count(request)?;
        Ok(if known { &self.trusting } else { &self.careful })
    }

    /// Counts the operation, but for one that is executed for many.
    fn count(&self, request: &Request) -> ServerResult<()> {
        let Some(client) = told::<Client>(request) else { return Ok(()) };
        let viewer = told::<Viewer>(request);
        let sender = viewer.map_or(Sender::Client(*client), |viewer| Sender::User(viewer.user));
        self.rates.request(sender).map_err(|error| {
            let message = error.to_string();
            ServerError { source: Some(Arc::new(error)), ..ServerError::new(message, None) }
        })
    }
}

impl Executor for Gate {
    async fn execute(&self, mut request: Request) -> Response {
        let trace = told::<TraceId>(&request).cloned();
        let mut response = match self.admit(&mut request) {
            Ok(schema) => schema.execute(request).await,
            Err(refusal) => Response::from_errors(vec![refusal]),
        };
        errors::expose_all(&mut response, trace.as_ref());
        response
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let trace = told::<TraceId>(&request).cloned();
        let responses = match self.admit(&mut request) {
            Ok(schema) => Executor::execute_stream(schema, request, session_data),
            Err(refusal) => stream::once(async { Response::from_errors(vec![refusal]) }).boxed(),
        };
        let exposed = responses.map(move |mut response| {
            errors::expose_all(&mut response, trace.as_ref());
            response
        });
        exposed.boxed()
    }
}

/// What a request was given as data.
fn told<T: Any>(request: &Request) -> Option<&T> {
    request.data.get(&TypeId::of::<T>())?.downcast_ref()
}
