//! The fields at the top of an operation, whatever fragments they stand in.

use async_graphql::{
    Positioned,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition,
        OperationType, Selection, SelectionSet,
    },
    registry::Registry,
};

/// The fields at its top: GraphQL, October 2021, section 6.3.2, `CollectFields`; what has one name
/// is one field. Those that `is_left_out` says of their directives, and of those of the fragments
/// around them, are not there. Follows fragments, so it wants a document in which they end.
pub(super) fn fields(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    is_left_out: impl Fn(&[Positioned<Directive>]) -> bool,
) -> Vec<Positioned<Field>> {
    let mut fields = Vec::new();
    collect(document, &operation.selection_set.node, &is_left_out, &mut fields);
    fields
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

fn collect(
    document: &ExecutableDocument,
    set: &SelectionSet,
    is_left_out: &impl Fn(&[Positioned<Directive>]) -> bool,
    fields: &mut Vec<Positioned<Field>>,
) {
    for item in set.items.iter().filter(|item| !is_left_out(item.node.directives())) {
        match &item.node {
            Selection::Field(field) => add(field, fields),
            Selection::InlineFragment(fragment) => {
                collect(document, &fragment.node.selection_set.node, is_left_out, fields);
            }
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                let Some(fragment) = fragment else { continue };
                collect(document, &fragment.node.selection_set.node, is_left_out, fields);
            }
        }
    }
}

fn add(field: &Positioned<Field>, fields: &mut Vec<Positioned<Field>>) {
    let name = &field.node.response_key().node;
    match fields.iter_mut().find(|known| known.node.response_key().node == *name) {
        Some(known) => {
            let more = &field.node.selection_set.node.items;
            known.node.selection_set.node.items.extend_from_slice(more);
        }
        None => fields.push(field.clone()),
    }
}
