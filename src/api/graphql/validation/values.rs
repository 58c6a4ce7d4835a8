//! Values in documents, and where variables may stand: GraphQL, September 2025, sections 5.6 and
//! 5.8.5.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned, ServerError, Value,
    indexmap::IndexMap,
    parser::types::{
        Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
        VariableDefinition,
    },
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};
use async_graphql_value::Value as Literal;

use super::{
    super::{
        inputs::{Fitting, Misfit, Place},
        roots,
    },
    MOST_ERRORS,
};

/// What is wrong with the values of a document in which all else is right, as far as it is told.
pub(super) fn check(registry: &Registry, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut errors: Vec<ServerError> = Vec::new();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let seen = HashSet::new();
        let mut walk = Walk { registry, document, operation, seen, errors };
        walk.operation();
        errors = walk.errors;
    }
    errors
}

/// Goes through an operation.
struct Walk<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    /// The fragments where it was.
    seen: HashSet<&'a Name>,
    errors: Vec<ServerError>,
}

impl<'a> Walk<'a> {
    fn operation(&mut self) {
        let operation = self.operation;
        self.directives(&operation.directives);
        for Positioned { node: variable, pos } in &operation.variable_definitions {
            if let Some(directive) = variable.directives.first() {
                // Section 5.7.2: there is none that may stand there.
                let message = "a variable has no directives";
                self.tell(ServerError::new(message, Some(directive.pos)));
            }
            let Some(default) = &variable.default_value else { continue };
            let (of, default) = (variable.var_type.node.to_string(), default.node.clone());
            if let Err(misfit) = self.fits(Place::of(&of), &default.into_value()) {
                let what = format_args!("variable \"${}\"", variable.name.node);
                self.tell(misfit.told(what, *pos));
            }
        }
        let root = roots::type_of(self.registry, operation.ty);
        let root = root.and_then(|root| self.registry.types.get(root));
        self.set(&operation.selection_set.node, root);
    }

    fn tell(&mut self, error: ServerError) {
        // Operations share fragments.
        if self.errors.len() < MOST_ERRORS && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn set(&mut self, set: &'a SelectionSet, of: Option<&'a MetaType>) {
        for item in &set.items {
            self.directives(item.node.directives());
            match &item.node {
                Selection::Field(Positioned { node: field, .. }) => {
                    let known = of.and_then(|of| of.field_by_name(&field.name.node));
                    let Some(known) = known else { continue };
                    self.arguments(&known.args, &field.arguments);
                    let of = self.registry.types.get(MetaTypeName::concrete_typename(&known.ty));
                    self.set(&field.selection_set.node, of);
                }
                Selection::InlineFragment(Positioned { node: fragment, .. }) => {
                    let condition = fragment.type_condition.as_ref();
                    let of = condition.map_or(of, |on| self.registry.types.get(&*on.node.on.node));
                    self.set(&fragment.selection_set.node, of);
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            }
        }
    }

    fn fragment(&mut self, name: &'a Name) {
        let Some(fragment) = self.document.fragments.get(name) else { return };
        if self.seen.insert(name) {
            let fragment = &fragment.node;
            self.directives(&fragment.directives);
            let of = self.registry.types.get(&*fragment.type_condition.node.on.node);
            self.set(&fragment.selection_set.node, of);
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        for Positioned { node: directive, .. } in directives {
            if let Some(known) = self.registry.directives.get(directive.name.node.as_str()) {
                self.arguments(&known.args, &directive.arguments);
            }
        }
    }

    fn arguments(
        &mut self,
        known: &IndexMap<String, MetaInputValue>,
        given: &[(Positioned<Name>, Positioned<Literal>)],
    ) {
        for (name, value) in given {
            let Some(known) = known.get(name.node.as_str()) else { continue };
            if let Err(misfit) = self.fits(Place::named(known), &value.node) {
                let what = format_args!("argument \"{}\"", name.node);
                self.tell(misfit.told(what, value.pos));
            }
        }
    }

    fn fits(&self, place: Place<'_>, value: &Literal) -> Result<(), Misfit> {
        let variable = |name: &Name, place: Place<'_>| {
            let mut all = self.operation.variable_definitions.iter();
            let variable = all.find(|variable| variable.node.name.node == *name);
            match variable {
                Some(variable) if !may_stand(&variable.node, place) => {
                    let of = &variable.node.var_type.node;
                    let (wanted, end) = (place.of, if place.one_of { "!" } else { "" });
                    Err(Misfit::new(format_args!(
                        "expected type \"{wanted}{end}\", and \"${name}\" has the type \"{of}\""
                    )))
                }
                _ => Ok(()),
            }
        };
        Fitting { registry: self.registry, variable }.fits(place, value)
    }
}

/// `IsVariableUsageAllowed` of section 5.8.5.
fn may_stand(variable: &VariableDefinition, place: Place<'_>) -> bool {
    let has_default =
        variable.default_value.as_ref().is_some_and(|default| default.node != Value::Null);
    let declared = variable.var_type.node.to_string();
    let (declared, wanted) = (MetaTypeName::create(&declared), MetaTypeName::create(place.of));
    if place.one_of && !declared.is_non_null() {
        return false;
    }
    let may_lack = has_default || place.has_default;
    are_compatible(declared, if may_lack { wanted.unwrap_non_null() } else { wanted })
}

/// `AreTypesCompatible` of section 5.8.5.
fn are_compatible(declared: MetaTypeName<'_>, wanted: MetaTypeName<'_>) -> bool {
    use MetaTypeName::{List, Named, NonNull};

    match (declared, wanted) {
        (NonNull(declared), NonNull(wanted)) | (List(declared), List(wanted)) => {
            are_compatible(MetaTypeName::create(declared), MetaTypeName::create(wanted))
        }
        (NonNull(declared), wanted) => are_compatible(MetaTypeName::create(declared), wanted),
        (Named(declared), Named(wanted)) => declared == wanted,
        _ => false,
    }
}
