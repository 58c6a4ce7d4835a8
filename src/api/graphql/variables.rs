//! The values of variables: GraphQL, October 2021, section 6.1.2.
//!
//! async-graphql looks at a value where it is used, and takes what is not given for null: an
//! operation would be carried out in part, or would clear what its client did not speak of. Of
//! defaults it knows nothing where it looks at `@skip` and `@include`.

use async_graphql::{
    Name, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{ExecutableDocument, VariableDefinition},
    registry::Registry,
};

use super::{
    chosen::chosen,
    inputs::{Fitting, Place},
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
    let Positioned { node: VariableDefinition { name, var_type, .. }, pos } = variable;
    // In a value that is given there are none.
    let fitting = Fitting { registry, variable: |_: &Name, _: Place<'_>| Ok(()) };
    let fit = fitting.fits(Place::of(&var_type.node.to_string()), value);
    fit.map_err(|misfit| misfit.told(format_args!("variable \"${}\"", name.node), *pos))
}
