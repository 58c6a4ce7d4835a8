//! The values of variables: GraphQL, October 2021, section 6.1.2.
//!
//! async-graphql looks at a value where it is used, and takes what is not given for null: an
//! operation would be carried out in part, or would clear what its client did not speak of.

use std::fmt::{self, Write};

use async_graphql::{
    Name, Pos, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{ExecutableDocument, VariableDefinition},
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};

use super::chosen::chosen;

/// Checks that each variable of the operation has a value of its type, if it needs one, and
/// returns those that have none. What is wrong with the declaration itself is left to validation.
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
    let known = registry.types.get(MetaTypeName::concrete_typename(&of));
    if !known.is_some_and(MetaType::is_input) {
        return Ok(true);
    }
    match given.get(name) {
        Some(value) => {
            fits(registry, &of, value).map_err(|misfit| misfit.told(name, *pos)).map(|()| true)
        }
        None if variable.default_value.is_some() => Ok(true),
        None if variable.var_type.node.nullable => Ok(false),
        None => Err(refusal(format!("The variable \"${name}\" of type \"{of}\" is missing"), *pos)),
    }
}

/// What of a value does not fit, from the outside in.
#[derive(Debug)]
struct Misfit {
    path: Vec<String>,
    expected: String,
}

impl Misfit {
    fn of(expected: impl fmt::Display) -> Self {
        Self { path: Vec::new(), expected: expected.to_string() }
    }

    fn within(mut self, part: impl fmt::Display) -> Self {
        self.path.insert(0, part.to_string());
        self
    }

    fn told(self, name: &Name, pos: Pos) -> ServerError {
        let mut message = format!("Invalid value for the variable \"${name}\"");
        for (place, part) in self.path.iter().enumerate() {
            let begin = if place == 0 { " at \"" } else { "." };
            // Writing to a string does not fail.
            let _written = write!(message, "{begin}{part}");
        }
        let end = if self.path.is_empty() { "" } else { "\"" };
        refusal(format!("{message}{end}: {}", self.expected), pos)
    }
}

fn refusal(message: String, pos: Pos) -> ServerError {
    ServerError::new(message, Some(pos))
}

/// Whether the value is one of this type.
fn fits(registry: &Registry, of: &str, value: &Value) -> Result<(), Misfit> {
    let expected = || Misfit::of(format_args!("expected type \"{of}\""));
    match (MetaTypeName::create(of), value) {
        (MetaTypeName::NonNull(_), Value::Null) => Err(expected()),
        (MetaTypeName::NonNull(of), value) => fits(registry, of, value),
        (MetaTypeName::List(_) | MetaTypeName::Named(_), Value::Null) => Ok(()),
        (MetaTypeName::List(of), Value::List(items)) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(at, item)| fits(registry, of, item).map_err(|of| of.within(at)))
        }
        (MetaTypeName::List(of), item) => fits(registry, of, item),
        (MetaTypeName::Named(of), value) => match (registry.types.get(of), value) {
            (Some(MetaType::Scalar { is_valid, .. }), value) => {
                let valid = is_valid.as_ref().is_none_or(|is_valid| is_valid(value))
                    && (of != "Int" || is_int(value));
                if valid { Ok(()) } else { Err(expected()) }
            }
            (Some(MetaType::Enum { enum_values, .. }), Value::String(name)) => {
                if enum_values.contains_key(name) { Ok(()) } else { Err(expected()) }
            }
            (Some(MetaType::InputObject { input_fields, oneof, .. }), Value::Object(given)) => {
                let null = given.values().any(|value| *value == Value::Null);
                if *oneof && (given.len() != 1 || null) {
                    return Err(Misfit::of("expected exactly one field, which is not null"));
                }
                if let Some(name) =
                    given.keys().find(|name| !input_fields.contains_key(name.as_str()))
                {
                    return Err(Misfit::of(format_args!("unknown field \"{name}\"")));
                }
                let mut fields = input_fields.values();
                fields.try_for_each(|field| {
                    field_fits(registry, field, given.get(field.name.as_str()))
                })
            }
            _ => Err(expected()),
        },
    }
}

/// Section 3.5.1: 32 bits, which async-graphql finds out when the value is used.
fn is_int(value: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

fn field_fits(
    registry: &Registry,
    field: &MetaInputValue,
    value: Option<&Value>,
) -> Result<(), Misfit> {
    let fit = match value {
        Some(value) => fits(registry, &field.ty, value),
        None if !field.ty.ends_with('!') || field.default_value.is_some() => Ok(()),
        None => Err(Misfit::of("is missing")),
    };
    fit.map_err(|misfit| misfit.within(&field.name))
}
