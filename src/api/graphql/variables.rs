//! The values of variables: GraphQL, October 2021, section 6.1.2.
//!
//! async-graphql looks at a value where it is used, and takes what is not given for null: an
//! operation would be carried out in part, or would clear what its client did not speak of.

use async_graphql::{
    Name, Positioned, ServerError, ServerResult, Variables,
    parser::types::{ExecutableDocument, VariableDefinition},
    registry::Registry,
};

use super::{
    chosen::chosen,
    inputs::{Fitting, Place},
};

/// Checks that each variable of the operation has a value of its type, if it needs one, and
/// returns those that have none. Wants a valid document.
///
/// # Errors
///
/// Where one has not; tells which, but not what was given.
pub(super) fn check(
    registry: &Registry,
    document: &ExecutableDocument,
    name: Option<&str>,
    given: &Variables,
) -> ServerResult<Vec<Name>> {
    // That there is none is told later.
    let Some((_, operation)) = chosen(document, name) else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    for variable in &operation.variable_definitions {
        if !check_one(registry, variable, given)? {
            missing.push(variable.node.name.node.clone());
        }
    }
    Ok(missing)
}

/// Whether there is a value for it.
fn check_one(
    registry: &Registry,
    variable: &Positioned<VariableDefinition>,
    given: &Variables,
) -> ServerResult<bool> {
    let Positioned { node: variable, pos } = variable;
    let (name, of) = (&variable.name.node, variable.var_type.node.to_string());
    match given.get(name) {
        Some(value) => {
            // In a value that is given there are none.
            let fitting = Fitting { registry, variable: |_: &Name, _: Place<'_>| Ok(()) };
            let fit = fitting.fits(Place::of(&of), value);
            fit.map_err(|misfit| misfit.told(format_args!("variable \"${name}\""), *pos))?;
            Ok(true)
        }
        None if variable.default_value.is_some() => Ok(true),
        None if variable.var_type.node.nullable => Ok(false),
        None => {
            let message = format!("The variable \"${name}\" of type \"{of}\" is missing");
            Err(ServerError::new(message, Some(*pos)))
        }
    }
}
