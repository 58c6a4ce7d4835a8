//! What executes operations: the schema, behind what each of them has to pass.
//!
//! All that stands around the schema rather than in it as an extension: while
//! there is any extension, async-graphql looks each field up and calls all of
//! them for it.

use std::{
    any::{Any, TypeId},
    mem,
    sync::Arc,
};

use async_graphql::{Data, Executor, Request, Response, ServerError, ServerResult, ValidationMode};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use super::{
    Builder, Schema, cost, errors,
    merged::merged,
    omitted, parser, roots,
    texts::Texts,
    validation::{Valid, Validation},
    variables,
};
use crate::{
    accounts::{Client, Viewer},
    error::Result,
    rates::{Rates, Sender},
    telemetry::TraceId,
};

/// Executes what is valid, is within the limits and does not come too often, and
/// gives each error its code.
#[derive(Clone)]
pub struct Gate {
    validation: Validation,
    /// For what is valid.
    schema: Schema,
    rates: Rates,
}

impl Gate {
    /// Stands before this schema.
    ///
    /// # Errors
    ///
    /// [`Error::Store`](crate::error::Error::Store) where async-graphql does not say what
    /// types there are.
    pub(super) fn new(schema: impl Fn() -> Builder, rates: Rates) -> Result<Self> {
        let validation = Validation::new(&schema)?;
        let schema = schema().validation_mode(ValidationMode::Fast).finish();
        Ok(Self { validation, schema, rates })
    }

    /// Lets the request pass, which is then as it is to be executed.
    fn admit(&self, request: &mut Request) -> Result<(), Vec<ServerError>> {
        self.count(request)?;
        let known = self.validation.known(&request.query);
        if known.is_none() {
            // Whoever hands it in: the parser of async-graphql is not to read what is unknown.
            request.set_parsed_query(parser::parse(&request.query)?);
        }
        let types = self.validation.types();
        let (mut given, name) = (mem::take(&mut request.variables), request.operation_name.take());
        let text = mem::take(&mut request.query);
        let document = request.parsed_query()?;
        // Comes before anything that follows fragments, whose time doubles with
        // each that is spread twice.
        cost::check(types, document, &given)?;
        let checked = || self.validation.check(&text, document);
        let Valid { repeats } = known.map_or_else(checked, Ok)?;
        let missing = variables::settle(types, document, name.as_deref(), &mut given)?;
        let apart = repeats || roots::are_in_fragments(document);
        if !missing.is_empty() {
            let settled = omitted::without(&missing, document);
            request.set_parsed_query(settled);
        }
        if apart {
            let settled = merged(types, request.parsed_query()?, name.as_deref(), &given);
            request.set_parsed_query(settled);
        }
        request.query = text;
        (request.variables, request.operation_name) = (given, name);
        Ok(())
    }

    /// Counts the operation, but for one that is executed for many.
    fn count(&self, request: &Request) -> ServerResult<()> {
        let Some(client) = told::<Client>(request) else { return Ok(()) };
        let sender = Sender::of(*client, told::<Viewer>(request).copied());
        self.rates.request(sender).map_err(|error| {
            let message = error.to_string();
            ServerError { source: Some(Arc::new(error)), ..ServerError::new(message, None) }
        })
    }
}

impl Executor for Gate {
    async fn execute(&self, mut request: Request) -> Response {
        let trace = told::<TraceId>(&request).cloned();
        let texts = Texts::default();
        let mut response = match self.admit(&mut request) {
            Ok(()) => texts.settled(self.schema.execute(request.data(texts.clone())).await),
            Err(errors) => Response::from_errors(errors),
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
        let texts = Texts::default();
        let responses = match self.admit(&mut request) {
            Ok(()) => {
                let request = request.data(texts.clone());
                Executor::execute_stream(&self.schema, request, session_data)
            }
            Err(errors) => stream::once(async { Response::from_errors(errors) }).boxed(),
        };
        let exposed = responses.map(move |response| {
            let mut response = texts.settled(response);
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
