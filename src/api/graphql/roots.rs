//! The fields at the top of an operation, whatever fragments they stand in.

use async_graphql::{
    Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};

/// The fields at its top: GraphQL, October 2021, section 6.3.2, `CollectFields`, with nothing
/// skipped. What has one name is one field, and has the directives of the fragments around it.
/// Follows fragments, so it wants a document in which they end.
pub(super) fn fields(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Vec<Positioned<Field>> {
    let mut fields = Vec::new();
    collect(document, &operation.selection_set.node, &mut fields);
    fields
}

/// The field, where it is all that stands at the top.
pub(super) fn only(operation: &OperationDefinition) -> Option<&Field> {
    match operation.selection_set.node.items.as_slice() {
        [Positioned { node: Selection::Field(field), .. }] => Some(&field.node),
        _ => None,
    }
}

/// Whether there is a subscription whose field stands in a fragment, or in several pieces.
/// async-graphql, which executes what stands at the top of a subscription, would not see it.
pub(super) fn are_hidden(document: &ExecutableDocument) -> bool {
    document.operations.iter().any(|(_, operation)| is_hidden(&operation.node))
}

fn is_hidden(operation: &OperationDefinition) -> bool {
    operation.ty == OperationType::Subscription && only(operation).is_none()
}

/// Puts those that are hidden where they are seen.
pub(super) fn show(document: &mut ExecutableDocument) {
    let whole = document.clone();
    for operation in operations(document).filter(|operation| is_hidden(operation)) {
        let fields = fields(&whole, operation).into_iter();
        let items = fields.map(|field| Positioned::new(Selection::Field(field.clone()), field.pos));
        operation.selection_set.node.items = items.collect();
    }
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

fn collect(document: &ExecutableDocument, set: &SelectionSet, fields: &mut Vec<Positioned<Field>>) {
    for item in &set.items {
        let within = match &item.node {
            Selection::Field(field) => {
                add(field.clone(), fields);
                continue;
            }
            Selection::InlineFragment(fragment) => &fragment.node.selection_set.node,
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                let Some(fragment) = fragment else { continue };
                &fragment.node.selection_set.node
            }
        };
        let mut inner = Vec::new();
        collect(document, within, &mut inner);
        for mut field in inner {
            field.node.directives.extend_from_slice(item.node.directives());
            add(field, fields);
        }
    }
}

fn add(field: Positioned<Field>, fields: &mut Vec<Positioned<Field>>) {
    let name = &field.node.response_key().node;
    match fields.iter_mut().find(|known| known.node.response_key().node == *name) {
        Some(known) => {
            known.node.directives.extend(field.node.directives);
            let more = field.node.selection_set.node.items;
            known.node.selection_set.node.items.extend(more);
        }
        None => fields.push(field),
    }
}
