//! What variables without a value leave out: GraphQL, October 2021, sections 6.4.1 and 3.10.

use std::collections::HashSet;

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, ExecutableDocument, Selection, SelectionSet},
};
use async_graphql_value::Value;

use super::roots::operations;

/// The document without what is given by these variables, which have no values: an argument or
/// a field of an input object is then as one that does not stand there, and an item of a list is
/// null. A variable that stands nowhere stays declared.
pub(super) fn without(missing: &[Name], document: &ExecutableDocument) -> ExecutableDocument {
    let mut document = document.clone();
    let mut omission = Omission { missing, met: HashSet::new() };
    for fragment in document.fragments.values_mut() {
        omission.in_directives(&mut fragment.node.directives);
        omission.in_set(&mut fragment.node.selection_set.node);
    }
    for operation in operations(&mut document) {
        omission.in_directives(&mut operation.directives);
        omission.in_set(&mut operation.selection_set.node);
    }
    for operation in operations(&mut document) {
        let declared = &mut operation.variable_definitions;
        declared.retain(|variable| !omission.met.contains(&variable.node.name.node));
    }
    document
}

struct Omission<'a> {
    missing: &'a [Name],
    /// Those that stood somewhere.
    met: HashSet<Name>,
}

impl Omission<'_> {
    fn in_set(&mut self, set: &mut SelectionSet) {
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => {
                    self.in_arguments(&mut field.node.arguments);
                    self.in_directives(&mut field.node.directives);
                    self.in_set(&mut field.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.in_directives(&mut spread.node.directives);
                }
                Selection::InlineFragment(fragment) => {
                    self.in_directives(&mut fragment.node.directives);
                    self.in_set(&mut fragment.node.selection_set.node);
                }
            }
        }
    }

    fn in_directives(&mut self, directives: &mut [Positioned<Directive>]) {
        for directive in directives {
            self.in_arguments(&mut directive.node.arguments);
        }
    }

    fn in_arguments(&mut self, arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>) {
        arguments.retain(|(_, value)| !self.is_missing(&value.node));
        for (_, value) in arguments {
            self.in_value(&mut value.node);
        }
    }

    fn in_value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, field| !self.is_missing(field));
                for field in fields.values_mut() {
                    self.in_value(field);
                }
            }
            Value::List(items) => {
                for item in items {
                    if self.is_missing(item) {
                        *item = Value::Null;
                    } else {
                        self.in_value(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn is_missing(&mut self, value: &Value) -> bool {
        let Value::Variable(name) = value else { return false };
        let missing = self.missing.contains(name);
        if missing {
            self.met.insert(name.clone());
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::parser::{bare, parse},
        *,
    };

    fn without_a(text: &str) -> ExecutableDocument {
        without(&[Name::new("a")], &parse(text).unwrap())
    }

    #[test]
    fn what_has_no_value_does_not_stand_there() {
        for (given, left) in [
            ("query ($a: Int, $b: Int) { f(x: $a, y: $b) }", "query ($b: Int) { f(y: $b) }"),
            ("query ($a: Int) { f(x: { y: $a, z: 1 }) }", "query { f(x: { z: 1 }) }"),
            ("query ($a: Int) { f(x: [1, $a, { y: $a }]) }", "query { f(x: [1, null, {}]) }"),
            (
                "query ($a: Int) { f @d(x: $a) { ...F @d(x: $a) } } fragment F on T { g(x: $a) }",
                "query { f @d { ...F @d } } fragment F on T { g }",
            ),
            ("query ($a: Int) { ... @d(x: $a) { f(x: $a) } }", "query { ... @d { f } }"),
            ("query ($a: Int) { f }", "query ($a: Int) { f }"),
        ] {
            assert_eq!(bare(&without_a(given)), bare(&parse(left).unwrap()), "{given}");
        }
    }
}
