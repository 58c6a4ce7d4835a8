//! Which values are of which input type: GraphQL, September 2025, "Input Coercion" in sections
//! 3.5 to 3.12. Values of variables and those in documents follow the same rules, but that in JSON
//! the names of enums are strings.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use async_graphql::{
    Name, Pos, ServerError, Value,
    indexmap::IndexMap,
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};
use async_graphql_value::Value as Literal;

/// A value, wherever it stands.
pub(super) trait Given: Sized {
    /// How it is made.
    fn shape(&self) -> Shape<'_, Self>;
    /// The name that it is if it is one of an enum.
    fn enum_name(&self) -> Option<&str>;
    /// What scalars are made of; nothing where variables are in it.
    fn scalar(&self) -> Option<Cow<'_, Value>>;
}

/// How a value is made.
pub(super) enum Shape<'a, V> {
    Variable(&'a Name),
    Null,
    List(&'a [V]),
    Object(&'a IndexMap<Name, V>),
    Single,
}

impl Given for Value {
    fn shape(&self) -> Shape<'_, Self> {
        match self {
            Self::Null => Shape::Null,
            Self::List(items) => Shape::List(items),
            Self::Object(fields) => Shape::Object(fields),
            _ => Shape::Single,
        }
    }

    fn enum_name(&self) -> Option<&str> {
        if let Self::String(name) = self { Some(name) } else { None }
    }

    fn scalar(&self) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(self))
    }
}

impl Given for Literal {
    fn shape(&self) -> Shape<'_, Self> {
        match self {
            Self::Variable(name) => Shape::Variable(name),
            Self::Null => Shape::Null,
            Self::List(items) => Shape::List(items),
            Self::Object(fields) => Shape::Object(fields),
            _ => Shape::Single,
        }
    }

    fn enum_name(&self) -> Option<&str> {
        if let Self::Enum(name) = self { Some(name) } else { None }
    }

    fn scalar(&self) -> Option<Cow<'_, Value>> {
        self.clone().into_const().map(Cow::Owned)
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The type that is expected there.
    pub(super) of: &'a str,
    /// Whether there is a value if none is given.
    pub(super) has_default: bool,
    /// Whether it is the one field of a `@oneOf` object.
    pub(super) one_of: bool,
}

impl<'a> Place<'a> {
    /// What expects a value of this type, and has none of its own.
    pub(super) fn of(of: &'a str) -> Self {
        Self { of, has_default: false, one_of: false }
    }

    /// An argument, or a field of an input object.
    pub(super) fn named(input: &'a MetaInputValue) -> Self {
        Self { has_default: input.default_value.is_some(), ..Self::of(&input.ty) }
    }
}

/// What of a value does not fit, from the outside in.
#[derive(Debug)]
pub(super) struct Misfit {
    path: Vec<String>,
    expected: String,
}

impl Misfit {
    pub(super) fn new(expected: impl fmt::Display) -> Self {
        Self { path: Vec::new(), expected: expected.to_string() }
    }

    fn within(mut self, part: impl fmt::Display) -> Self {
        self.path.insert(0, part.to_string());
        self
    }

    /// The refusal of this value. Does not show it.
    pub(super) fn told(self, what: impl fmt::Display, pos: Pos) -> ServerError {
        let mut message = format!("Invalid value for the {what}");
        for (place, part) in self.path.iter().enumerate() {
            let begin = if place == 0 { " at \"" } else { "." };
            // Writing to a string does not fail.
            let _written = write!(message, "{begin}{part}");
        }
        let end = if self.path.is_empty() { "" } else { "\"" };
        ServerError::new(format!("{message}{end}: {}", self.expected), Some(pos))
    }
}

/// What is known of the types, and of the variables.
pub(super) struct Fitting<'a, F> {
    pub(super) registry: &'a Registry,
    /// Whether the variable may stand there.
    pub(super) variable: F,
}

impl<F: Fn(&Name, Place<'_>) -> Result<(), Misfit>> Fitting<'_, F> {
    /// Whether the value may stand there.
    ///
    /// # Errors
    ///
    /// The first that does not fit.
    pub(super) fn fits(&self, place: Place<'_>, value: &impl Given) -> Result<(), Misfit> {
        let shape = value.shape();
        if let Shape::Variable(name) = shape {
            return (self.variable)(name, place);
        }
        match (MetaTypeName::create(place.of), shape) {
            (MetaTypeName::NonNull(_), Shape::Null) => Err(expected(place.of)),
            (MetaTypeName::NonNull(of), _) => self.fits(Place::of(of), value),
            (_, Shape::Null) => Ok(()),
            (MetaTypeName::List(of), Shape::List(items)) => {
                let mut items = items.iter().enumerate();
                items.try_for_each(|(at, item)| {
                    self.fits(Place::of(of), item).map_err(|misfit| misfit.within(at))
                })
            }
            // One item is a list of one.
            (MetaTypeName::List(of), _) => self.fits(Place::of(of), value),
            (MetaTypeName::Named(of), shape) => self.named(of, value, shape),
        }
    }

    fn named<V: Given>(&self, of: &str, value: &V, shape: Shape<'_, V>) -> Result<(), Misfit> {
        let fits = match (self.registry.types.get(of), shape) {
            (Some(MetaType::Scalar { is_valid, .. }), _) => value.scalar().is_some_and(|value| {
                is_valid.as_ref().is_none_or(|is_valid| is_valid(&value))
                    && (of != "Int" || is_int(&value))
            }),
            (Some(MetaType::Enum { enum_values, .. }), _) => {
                value.enum_name().is_some_and(|name| enum_values.contains_key(name))
            }
            (Some(MetaType::InputObject { input_fields, oneof, .. }), Shape::Object(given)) => {
                return self.object(input_fields, *oneof, given);
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(expected(of)) }
    }

    fn object<V: Given>(
        &self,
        fields: &IndexMap<String, MetaInputValue>,
        one_of: bool,
        given: &IndexMap<Name, V>,
    ) -> Result<(), Misfit> {
        let is_null = |value: &V| matches!(value.shape(), Shape::Null);
        if one_of && (given.len() != 1 || given.values().any(is_null)) {
            return Err(Misfit::new("expected exactly one field, which is not null"));
        }
        if let Some(name) = given.keys().find(|name| !fields.contains_key(name.as_str())) {
            return Err(Misfit::new(format_args!("unknown field \"{name}\"")));
        }
        fields.values().try_for_each(|field| {
            let place = Place { one_of, ..Place::named(field) };
            let fit = match given.get(field.name.as_str()) {
                Some(value) => self.fits(place, value),
                None if !place.of.ends_with('!') || place.has_default => Ok(()),
                None => Err(Misfit::new("is missing")),
            };
            fit.map_err(|misfit| misfit.within(&field.name))
        })
    }
}

fn expected(of: &str) -> Misfit {
    Misfit::new(format_args!("expected type \"{of}\""))
}

/// Section 3.5.1: 32 bits, which async-graphql finds out when the value is used.
fn is_int(value: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}
