//! The fields at the top of an operation, whatever fragments they stand in.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
    registry::Registry,
};

/// Adds the names that the fields of a set have in the answer, also of the fragments in it, and returns
/// whether none of them has a directive. Follows fragments, so it wants a document in which they end.
pub(super) fn names<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    all: &mut HashSet<&'a Name>,
) -> bool {
    let mut are_plain = true;
    for item in &set.items {
        are_plain &= item.node.directives().is_empty();
        let within = match &item.node {
            Selection::Field(field) => {
                all.insert(&field.node.response_key().node);
                continue;
            }
            Selection::InlineFragment(fragment) => &fragment.node.selection_set,
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                let Some(fragment) = fragment else { continue };
                &fragment.node.selection_set
            }
        };
        are_plain &= names(document, &within.node, all);
    }
    are_plain
}

/// The type whose fields these are.
pub(super) fn type_of(registry: &Registry, operation: OperationType) -> Option<&str> {
    match operation {
        OperationType::Query => Some(&registry.query_type),
        OperationType::Mutation => registry.mutation_type.as_deref(),
        OperationType::Subscription => registry.subscription_type.as_deref(),
    }
}

/// The field, where it is all that stands at the top.
pub(super) fn only(operation: &OperationDefinition) -> Option<&Field> {
    match operation.selection_set.node.items.as_slice() {
        [Positioned { node: Selection::Field(field), .. }] => Some(&field.node),
        _ => None,
    }
}

/// Whether there is a mutation or a subscription with fields that stand in fragments, where
/// async-graphql would not see them.
pub(super) fn are_in_fragments(document: &ExecutableDocument) -> bool {
    document.operations.iter().any(|(_, Positioned { node: operation, .. })| {
        let mut items = operation.selection_set.node.items.iter();
        operation.ty != OperationType::Query
            && items.any(|item| !matches!(item.node, Selection::Field(_)))
    })
}

/// The operations of a document.
pub(super) fn operations(
    document: &mut ExecutableDocument,
) -> impl Iterator<Item = &mut OperationDefinition> {
    let (one, several) = match &mut document.operations {
        DocumentOperations::Single(operation) => (Some(operation), None),
        DocumentOperations::Multiple(all) => (None, Some(all.values_mut())),
    };
    one.into_iter().chain(several.into_iter().flatten()).map(|operation| &mut operation.node)
}
