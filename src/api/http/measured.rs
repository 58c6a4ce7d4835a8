//! What operations there are, how long each took and how it ended.
//!
//! Clients choose the names of their operations, so only the first ones that
//! succeed get a place; the fields of the schema are there in any case.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use async_graphql::{
    Name, Request, Response,
    parser::types::{OperationDefinition, OperationType, Selection},
};
use metrics::{Counter, Histogram, SharedString};

use super::{operation, payload::Payload};
use crate::api::{codes::Code, graphql::chosen::chosen};

/// How many pairs of a field and a client's name are told apart.
const NAMES: usize = 100;
/// How long a name may be that gets a place, in bytes.
const LONGEST: usize = 64;
/// The names of the others.
const OTHER: &str = "other";
/// The field of what only asks about the schema.
const INTROSPECTION: &str = "introspection";
/// The field of what asks for several.
const SEVERAL: &str = "several";
/// The field of what was never executed, so that it may be anything.
const INVALID: &str = "invalid";
/// The code of what went well.
const OK: &str = "OK";
/// The code of what its client did not wait for.
const CANCELLED: &str = "CANCELLED";

/// The operations that were seen.
#[derive(Clone, Default)]
pub struct Operations(Arc<RwLock<Seen>>);

#[derive(Default)]
struct Seen {
    /// By kind, field and name; found without making a key.
    measures: HashMap<&'static str, HashMap<String, HashMap<String, Arc<Measures>>>>,
    names: usize,
}

/// The metrics of those that are told apart.
struct Measures {
    kind: &'static str,
    field: SharedString,
    name: SharedString,
    duration: Histogram,
    well: Counter,
}

impl Measures {
    fn of(kind: &'static str, field: &str, name: &str) -> Self {
        let (field, name) = (shared(field), shared(name));
        let (of, called) = (field.clone(), name.clone());
        let duration = metrics::histogram!("chatterbox_graphql_operation_duration_seconds",
            "type" => kind, "field" => of, "name" => called);
        let well = Self::counter(kind, &field, &name, OK);
        Self { kind, field, name, duration, well }
    }

    fn counter(
        kind: &'static str,
        field: &SharedString,
        name: &SharedString,
        code: &'static str,
    ) -> Counter {
        metrics::counter!("chatterbox_graphql_operations_total", "type" => kind,
            "field" => field.clone(), "name" => name.clone(), "code" => code)
    }

    fn count(&self, code: &'static str) {
        if code == OK {
            self.well.increment(1);
        } else {
            Self::counter(self.kind, &self.field, &self.name, code).increment(1);
        }
    }
}

fn shared(text: &str) -> SharedString {
    SharedString::from_shared(Arc::from(text))
}

impl Operations {
    /// Begins to measure the operation that would be executed. None is told
    /// of whose document was refused: it may be too deep to be parsed.
    pub(super) fn begin(&self, request: Option<&mut Request>) -> Measured {
        let started = Instant::now();
        let chosen = request.and_then(|request| {
            let asked = request.operation_name.clone();
            let document = request.parsed_query().ok()?;
            let (name, operation) = chosen(document, asked.as_deref())?;
            Some((operation.ty, root(operation), name.cloned()))
        });
        let (kind, field, name) = match chosen {
            Some((kind, field, name)) => (Some(kind), field, name),
            None => (None, Root::None, None),
        };
        let operations = self.clone();
        let (code, validated) = (None, false);
        Measured { operations, started, kind, field, name, code, validated }
    }

    /// A field that the schema has may get a place, and a name that a client
    /// has succeeded with.
    fn measures(&self, measured: &Measured) -> Arc<Measures> {
        let kind = match measured.kind {
            Some(OperationType::Query) => "query",
            Some(OperationType::Mutation) => "mutation",
            Some(OperationType::Subscription) => "subscription",
            None => "unknown",
        };
        let field = measured.field.as_str();
        // Whoever asks about the schema needs no account.
        let named = measured.name.as_ref().filter(|_| field != INTROSPECTION);
        let name = named.map_or("", Name::as_str);
        let mut may_be_named = measured.code == Some(OK) && name.len() <= LONGEST;
        {
            let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
            may_be_named &= seen.names < NAMES;
            let other = || seen.find(kind, field, OTHER).filter(|_| !may_be_named);
            if let Some(known) = seen.find(kind, field, name).or_else(other) {
                return known.clone();
            }
        }
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !measured.validated && seen.find(kind, field, "").is_none() {
            return seen.place("unknown", INVALID, "");
        }
        // Its own is there from now on, for what is known to be a field.
        let own = seen.place(kind, field, "");
        if name.is_empty() {
            own
        } else if may_be_named && seen.names < NAMES {
            seen.names += 1;
            seen.place(kind, field, name)
        } else {
            seen.place(kind, field, OTHER)
        }
    }
}

impl Seen {
    fn find(&self, kind: &str, field: &str, name: &str) -> Option<&Arc<Measures>> {
        self.measures.get(kind)?.get(field)?.get(name)
    }

    fn place(&mut self, kind: &'static str, field: &str, name: &str) -> Arc<Measures> {
        let fields = self.measures.entry(kind).or_default();
        let names = fields.entry(field.to_owned()).or_default();
        let measures = names.entry(name.to_owned());
        measures.or_insert_with(|| Arc::new(Measures::of(kind, field, name))).clone()
    }
}

/// The one field that is asked for.
enum Root {
    None,
    Introspection,
    Several,
    Field(Name),
}

impl Root {
    fn as_str(&self) -> &str {
        match self {
            Self::None => INVALID,
            Self::Introspection => INTROSPECTION,
            Self::Several => SEVERAL,
            Self::Field(name) => name.as_str(),
        }
    }
}

fn root(operation: &OperationDefinition) -> Root {
    let mut root = Root::Introspection;
    for selection in &operation.selection_set.node.items {
        let Selection::Field(field) = &selection.node else { return Root::Several };
        let name = &field.node.name.node;
        match &root {
            _ if name.starts_with("__") => {}
            Root::Field(other) if other == name => {}
            Root::Field(_) => return Root::Several,
            _ => root = Root::Field(name.clone()),
        }
    }
    root
}

/// An operation that is measured, until this is dropped.
pub(super) struct Measured {
    operations: Operations,
    started: Instant,
    kind: Option<OperationType>,
    field: Root,
    name: Option<Name>,
    /// How it ended, as far as it has said.
    code: Option<&'static str>,
    /// It was executed, so its field is one of the schema.
    validated: bool,
}

impl Measured {
    /// The span to execute it in.
    pub(super) fn span(&self) -> tracing::Span {
        let name = self.name.as_ref().map(Name::as_str);
        tracing::debug_span!("operation", field = self.field.as_str(), name)
    }

    /// Takes in what it said.
    pub(super) fn said(&mut self, response: &Response) {
        self.validated |= !operation::is_request_error(response);
        let error = response.errors.first();
        let code = error.map(|error| {
            let known = operation::code(error).and_then(Code::named);
            known.unwrap_or(Code::BadUserInput).name()
        });
        // The first error counts.
        if self.code.is_none_or(|code| code == OK) {
            self.code = Some(code.unwrap_or(OK));
        }
    }

    /// As [`Measured::said`], of one of several results.
    pub(super) fn heard(&mut self, payload: &Payload) {
        match payload {
            Payload::Own(response) => self.said(response),
            Payload::Shared(_) => {
                self.validated = true;
                self.code = self.code.or(Some(OK));
            }
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let measures = self.operations.measures(self);
        if self.kind == Some(OperationType::Subscription) {
            // One on which nothing happened went well.
            measures.count(self.code.unwrap_or(OK));
        } else {
            measures.duration.record(self.started.elapsed());
            measures.count(self.code.unwrap_or(CANCELLED));
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, ServerError};

    use super::*;

    fn answered() -> Response {
        Response::new(async_graphql::Value::Boolean(true))
    }

    /// Which place an operation gets that ends so.
    fn place(operations: &Operations, text: &str, response: Option<&Response>) -> [String; 3] {
        let mut measured = operations.begin(Some(&mut Request::new(text)));
        if let Some(response) = response {
            measured.said(response);
        }
        let measures = operations.measures(&measured);
        [measures.kind.to_owned(), measures.field.to_string(), measures.name.to_string()]
    }

    #[test]
    fn what_is_asked_for_is_told_apart() {
        let operations = Operations::default();
        for (text, wanted) in [
            ("{ viewer { id } }", ["query", "viewer", ""]),
            ("query Me { viewer { id } }", ["query", "viewer", "Me"]),
            (
                "query Me { a: viewer { id } b: viewer { id } __typename }",
                ["query", "viewer", "Me"],
            ),
            ("query Two { viewer { id } user { id } }", ["query", "several", "Two"]),
            ("query Parts { ...P } fragment P on Query { a }", ["query", "several", "Parts"]),
            ("query I { __schema { types { name } } }", ["query", "introspection", ""]),
            ("mutation Go { signOut }", ["mutation", "signOut", "Go"]),
            ("subscription { events { at } }", ["subscription", "events", ""]),
        ] {
            assert_eq!(place(&operations, text, Some(&answered())), wanted, "{text}");
        }
    }

    #[test]
    fn what_was_never_executed_gets_no_place_of_its_own() {
        let operations = Operations::default();
        let refused = || Some(operation::refused("no such field"));
        let invalid = ["unknown", "invalid", ""];
        assert_eq!(place(&operations, "query Junk { junk }", refused().as_ref()), invalid);
        assert_eq!(place(&operations, "{", refused().as_ref()), invalid);
        assert_eq!(place(&operations, "query Gone { viewer }", None), invalid);
        place(&operations, "query Me { viewer }", Some(&answered()));
        assert_eq!(
            place(&operations, "query Bad { viewer }", refused().as_ref()),
            ["query", "viewer", "other"]
        );
        assert_eq!(
            place(&operations, "query Me { viewer }", refused().as_ref()),
            ["query", "viewer", "Me"]
        );
    }

    #[test]
    fn only_so_many_names_that_succeed_get_a_place() {
        let operations = Operations::default();
        let failed = || {
            let mut error = ServerError::new("it failed", None);
            error.path = vec![PathSegment::Field("viewer".to_owned())];
            Some(Response::from_errors(vec![error]))
        };
        assert_eq!(
            place(&operations, "query A { viewer }", failed().as_ref()),
            ["query", "viewer", "other"]
        );
        for n in 0..NAMES {
            let [.., name] =
                place(&operations, &format!("query N{n} {{ viewer }}"), Some(&answered()));
            assert_eq!(name, format!("N{n}"));
        }
        for (text, field) in [("query More { viewer }", "viewer"), ("query N1 { node }", "node")] {
            assert_eq!(place(&operations, text, Some(&answered())), ["query", field, "other"]);
        }
        let long = format!("query {} {{ viewer }}", "n".repeat(LONGEST + 1));
        assert_eq!(place(&operations, &long, Some(&answered()))[2], "other");
    }
}
