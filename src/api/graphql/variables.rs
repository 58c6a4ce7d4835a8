//! The values of variables: GraphQL, October 2021, section 6.1.2.
//!
//! async-graphql looks at a value where it is used, and takes what is not given for null: an
//! operation would be carried out in part, or would clear what its client did not speak of. Of
//! defaults it knows nothing where it looks at `@skip` and `@include`.

use async_graphql::{
    Name, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{ExecutableDocument, Selection, SelectionSet, VariableDefinition},
    registry::Registry,
};
use async_graphql_value::Value as Literal;

use super::{
    chosen::chosen,
    inputs::{Fitting, Misfit, Place},
};

/// Checks that each variable of the operation has a value of its type, if it needs one. Gives
/// those without the values that they have by default, and returns those that then have none.
/// Wants a valid document.
///
/// # Errors
///
/// Where one has not; tells which, but not what was given.
pub(super) fn settle(
    registry: &Registry,
    document: &ExecutableDocument,
    name: Option<&str>,
    given: &mut Variables,
) -> ServerResult<Vec<Name>> {
    // That there is none is told later.
    let Some((_, operation)) = chosen(document, name) else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    for variable in &operation.variable_definitions {
        let (name, default) = (&variable.node.name.node, &variable.node.default_value);
        match (given.get(name), default) {
            (Some(Value::Null), Some(_)) if is_condition(name, document) => {
                let misfit = Misfit::new("expected type \"Boolean!\"");
                return Err(told(misfit, variable));
            }
            (Some(value), _) => check(registry, variable, value)?,
            (None, Some(default)) => {
                given.insert(name.clone(), default.node.clone());
            }
            (None, None) if variable.node.var_type.node.nullable => missing.push(name.clone()),
            (None, None) => {
                let of = &variable.node.var_type.node;
                let message = format!("The variable \"${name}\" of type \"{of}\" is missing");
                return Err(ServerError::new(message, Some(variable.pos)));
            }
        }
    }
    Ok(missing)
}

fn check(
    registry: &Registry,
    variable: &Positioned<VariableDefinition>,
    value: &Value,
) -> ServerResult<()> {
    // In a value that is given there are none.
    let fitting = Fitting { registry, variable: |_: &Name, _: Place<'_>| Ok(()) };
    let of = variable.node.var_type.node.to_string();
    fitting.fits(Place::of(&of), value).map_err(|misfit| told(misfit, variable))
}

fn told(misfit: Misfit, variable: &Positioned<VariableDefinition>) -> ServerError {
    misfit.told(format_args!("variable \"${}\"", variable.node.name.node), variable.pos)
}

/// Whether `@skip` or `@include` depends on the variable. With a default it may be nullable;
/// async-graphql then takes null for false.
fn is_condition(name: &Name, document: &ExecutableDocument) -> bool {
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set);
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    fragments.chain(operations).any(|set| is_condition_in(name, &set.node))
}

fn is_condition_in(name: &Name, set: &SelectionSet) -> bool {
    set.items.iter().any(|Positioned { node: item, .. }| {
        let mut arguments = item.directives().iter().flat_map(|one| &one.node.arguments);
        let within = match item {
            Selection::Field(field) => Some(&field.node.selection_set),
            Selection::InlineFragment(fragment) => Some(&fragment.node.selection_set),
            Selection::FragmentSpread(_) => None,
        };
        arguments.any(|(_, value)| matches!(&value.node, Literal::Variable(used) if used == name))
            || within.is_some_and(|set| is_condition_in(name, &set.node))
    })
}
