//! `__typename`, which async-graphql does not validate: GraphQL, September 2025, section 4.1.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{ExecutableDocument, Field, InlineFragment, Selection, SelectionSet},
};

use super::super::roots::operations;

/// Puts a fragment with their directives around the fields that have any, so that those are seen.
/// Returns what is wrong with the fields themselves.
pub(super) fn show(document: &mut ExecutableDocument) -> Vec<ServerError> {
    let mut errors = Vec::new();
    for fragment in document.fragments.values_mut() {
        show_in(&mut fragment.node.selection_set.node, &mut errors);
    }
    for operation in operations(document) {
        show_in(&mut operation.selection_set.node, &mut errors);
    }
    errors
}

fn show_in(set: &mut SelectionSet, errors: &mut Vec<ServerError>) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) if field.node.name.node == "__typename" => {
                errors.extend(fault(field));
                if !field.node.directives.is_empty() {
                    item.node = Selection::InlineFragment(around(field.clone()));
                }
            }
            Selection::Field(field) => show_in(&mut field.node.selection_set.node, errors),
            Selection::InlineFragment(fragment) => {
                show_in(&mut fragment.node.selection_set.node, errors);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn fault(field: &Positioned<Field>) -> Option<ServerError> {
    let message = if !field.node.arguments.is_empty() {
        "\"__typename\" has no arguments"
    } else if !field.node.selection_set.node.items.is_empty() {
        "\"__typename\" has no fields"
    } else {
        return None;
    };
    Some(ServerError::new(message, Some(field.pos)))
}

fn around(mut field: Positioned<Field>) -> Positioned<InlineFragment> {
    let (pos, directives) = (field.pos, std::mem::take(&mut field.node.directives));
    let items = vec![Positioned::new(Selection::Field(field), pos)];
    let selection_set = Positioned::new(SelectionSet { items }, pos);
    Positioned::new(InlineFragment { type_condition: None, directives, selection_set }, pos)
}
