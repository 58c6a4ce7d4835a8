//! Makes a document of what it defines.

use std::collections::{HashMap, hash_map::Entry};

use async_graphql::{
    Name, Pos, Positioned, ServerError, ServerResult,
    parser::types::{
        DocumentOperations, ExecutableDocument, FragmentDefinition, OperationDefinition,
    },
};

/// What was defined so far.
#[derive(Default)]
pub(super) struct Definitions {
    unnamed: Option<Positioned<OperationDefinition>>,
    operations: HashMap<Name, Positioned<OperationDefinition>>,
    fragments: HashMap<Name, Positioned<FragmentDefinition>>,
}

impl Definitions {
    /// # Errors
    ///
    /// Where there is one of that name, or one without a name and another
    /// (sections 5.2.1.1 and 5.2.2.1).
    pub(super) fn add_operation(
        &mut self,
        name: Option<Name>,
        operation: Positioned<OperationDefinition>,
    ) -> ServerResult<()> {
        let other = self.operations.values().map(|other| other.pos).next();
        let other = self.unnamed.as_ref().map(|other| other.pos).or(other);
        if let Some(other) = other.filter(|_| name.is_none() || self.unnamed.is_some()) {
            let message = "an operation without a name is the only one";
            return Err(at_both(message, other, operation.pos));
        }
        match name {
            Some(name) => insert(&mut self.operations, "operations", name, operation),
            None => {
                self.unnamed = Some(operation);
                Ok(())
            }
        }
    }

    /// # Errors
    ///
    /// Where there is one of that name (section 5.5.1.1).
    pub(super) fn add_fragment(
        &mut self,
        name: Name,
        fragment: Positioned<FragmentDefinition>,
    ) -> ServerResult<()> {
        insert(&mut self.fragments, "fragments", name, fragment)
    }

    /// # Errors
    ///
    /// Where there is no operation.
    pub(super) fn document(self) -> ServerResult<ExecutableDocument> {
        let Self { unnamed, operations, fragments } = self;
        let operations = match unnamed {
            Some(operation) => DocumentOperations::Single(operation),
            None if operations.is_empty() => {
                return Err(ServerError::new("the document has no operation", None));
            }
            None => DocumentOperations::Multiple(operations),
        };
        Ok(ExecutableDocument { operations, fragments })
    }
}

fn insert<T>(
    all: &mut HashMap<Name, Positioned<T>>,
    kind: &str,
    name: Name,
    new: Positioned<T>,
) -> ServerResult<()> {
    match all.entry(name) {
        Entry::Occupied(known) => {
            let message = format!("there are two {kind} named \"{}\"", known.key());
            Err(at_both(message, known.get().pos, new.pos))
        }
        Entry::Vacant(free) => {
            free.insert(new);
            Ok(())
        }
    }
}

fn at_both(message: impl Into<String>, first: Pos, second: Pos) -> ServerError {
    let mut error = ServerError::new(message, Some(first));
    error.locations.push(second);
    error
}
