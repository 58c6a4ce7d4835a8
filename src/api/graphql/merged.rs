//! What has one name in an answer is one field: GraphQL, September 2025, sections 6.3.2 and 6.4.3.
//!
//! async-graphql executes a field at each place where it stands, and puts the answers together item
//! by item: two errors would be told of one field, a mutation would be carried out twice, and a list
//! that changed in between would have what one person is called beside the id of another. In a mutation
//! or a subscription it does not look into fragments at the top.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    indexmap::IndexMap,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment,
        OperationDefinition, Selection, SelectionSet, TypeCondition,
    },
    registry::{MetaType, MetaTypeName, Registry},
};

use super::{chosen::chosen, roots};

/// The document with the operation of this name alone, in which each field stands once for each type
/// of object that has it. Wants a valid document, and values of all variables that `@skip` and
/// `@include` name. Cost: what is selected, for each type of object where some of it is selected
/// of a type and some of its interface.
pub(super) fn merged(
    registry: &Registry,
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> ExecutableDocument {
    let Some((name, operation)) = chosen(document, name) else { return document.clone() };
    let Some(root) = roots::type_of(registry, operation.ty) else { return document.clone() };
    let whole = &operation.selection_set;
    let set = Merging { registry, document, variables }.set(root, &[&whole.node]);
    let operation = OperationDefinition {
        ty: operation.ty,
        variable_definitions: operation.variable_definitions.clone(),
        directives: operation.directives.clone(),
        selection_set: whole.position_node(set),
    };
    let operation = Positioned::new(operation, whole.pos);
    let operations = match name {
        Some(name) => DocumentOperations::Multiple([(name.clone(), operation)].into()),
        None => DocumentOperations::Single(operation),
    };
    // Nothing spreads them any more.
    ExecutableDocument { operations, fragments: HashMap::new() }
}

#[derive(Clone, Copy)]
struct Merging<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
}

/// A field where it stands.
struct Found<'a> {
    field: &'a Field,
    pos: Pos,
    /// The types of objects that have it there.
    of: Vec<&'a str>,
}

impl<'a> Merging<'a> {
    /// What all these sets select of a type.
    fn set(self, of: &'a str, sets: &[&'a SelectionSet]) -> SelectionSet {
        let all = self.objects(of);
        let mut fields: IndexMap<&Name, Vec<Found<'a>>> = IndexMap::new();
        sets.iter().for_each(|set| self.collect(set, &all, &mut fields));
        let mut items = Vec::new();
        for found in fields.values() {
            let mut of_all = found.iter().map(|found| found.of.len() == all.len());
            let is_leaf = |found: &Found<'_>| found.field.selection_set.node.items.is_empty();
            // Of what has nothing below it, one that all types have stands for the others.
            let stands_for_all = match found.first() {
                Some(first) if is_leaf(first) => of_all.any(|of_all| of_all),
                _ => of_all.all(|of_all| of_all),
            };
            if stands_for_all {
                items.extend(self.field(of, found));
                continue;
            }
            for object in &all {
                let here = found.iter().filter(|found| found.of.contains(object));
                items.extend(self.field(object, here).map(|field| only_of(object, field)));
            }
        }
        SelectionSet { items }
    }

    /// The types of objects that are of this type.
    fn objects(self, of: &'a str) -> Vec<&'a str> {
        match self.registry.types.get(of) {
            Some(
                MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. },
            ) => possible_types.iter().map(String::as_str).collect(),
            _ => vec![of],
        }
    }

    /// `CollectFields`, of these types of objects.
    fn collect(
        self,
        set: &'a SelectionSet,
        of: &[&'a str],
        fields: &mut IndexMap<&'a Name, Vec<Found<'a>>>,
    ) {
        for item in &set.items {
            if self.is_left_out(item.node.directives()) {
                continue;
            }
            let (condition, set) = match &item.node {
                Selection::Field(Positioned { node: field, pos }) => {
                    let found = Found { field, pos: *pos, of: of.to_vec() };
                    fields.entry(&field.response_key().node).or_default().push(found);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    let Some(fragment) = fragment else { continue };
                    (Some(&fragment.node.type_condition), &fragment.node.selection_set)
                }
            };
            let mut narrowed = of.to_vec();
            if let Some(condition) = condition {
                let within = self.objects(&condition.node.on.node);
                narrowed.retain(|object| within.contains(object));
            }
            if !narrowed.is_empty() {
                self.collect(&set.node, &narrowed, fields);
            }
        }
    }

    /// Sections 3.13.1 and 3.13.2: `@skip` and `@include`.
    fn is_left_out(self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|Positioned { node: directive, .. }| {
            let condition = directive.get_argument("if").and_then(|value| {
                let given = |name: Name| self.variables.get(&name).cloned().ok_or(());
                value.node.clone().into_const_with(given).ok()
            });
            let holds = condition == Some(Value::Boolean(true));
            holds == (directive.name.node == "skip")
        })
    }

    /// One field of a type in place of all these, with what each of them selects.
    fn field<'b>(
        self,
        of: &str,
        found: impl IntoIterator<Item = &'b Found<'a>>,
    ) -> Option<Positioned<Selection>>
    where
        'a: 'b,
    {
        let mut found = found.into_iter().peekable();
        let Found { field, pos, .. } = *found.peek()?;
        let sets: Vec<&SelectionSet> = found.map(|found| &found.field.selection_set.node).collect();
        let below = self.registry.types.get(of).and_then(|of| of.field_by_name(&field.name.node));
        let selection_set = match below {
            Some(below) if !field.selection_set.node.items.is_empty() => {
                self.set(MetaTypeName::concrete_typename(&below.ty), &sets)
            }
            _ => SelectionSet::default(),
        };
        let merged = Field {
            alias: field.alias.clone(),
            name: field.name.clone(),
            arguments: field.arguments.clone(),
            directives: Vec::new(),
            selection_set: field.selection_set.position_node(selection_set),
        };
        Some(Positioned::new(Selection::Field(Positioned::new(merged, *pos)), *pos))
    }
}

fn only_of(object: &str, field: Positioned<Selection>) -> Positioned<Selection> {
    let pos = field.pos;
    let on = Positioned::new(Name::new(object), pos);
    let fragment = InlineFragment {
        type_condition: Some(Positioned::new(TypeCondition { on }, pos)),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet { items: vec![field] }, pos),
    };
    Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            builder,
            parser::{bare, parse},
            validation::Validation,
        },
        *,
    };

    /// The operation, with true for `$yes` and false for `$no`.
    fn operation(registry: &Registry, text: &str) -> String {
        let values = [(Name::new("yes"), true.into()), (Name::new("no"), false.into())];
        let variables = Variables::from_value(Value::Object(values.into_iter().collect()));
        bare(&merged(registry, &parse(text).unwrap(), Some("A"), &variables))
    }

    #[test]
    fn a_field_stands_once() {
        let validation = Validation::new(builder).unwrap();
        let head = "query A($yes: Boolean! = true, $no: Boolean! = false)";
        for (given, left) in [
            ("{ viewer { email } }", "{ viewer { email } }"),
            (
                "{ viewer { email user { id } } viewer { user { username } email } }",
                "{ viewer { email user { id username } } }",
            ),
            (
                "{ ...F a: viewer { email } ... { ...F } } fragment F on Query { viewer { ...G } }
                 fragment G on Viewer { email ... on Viewer { user { ... on Node { id } } } }",
                "{ viewer { email user { id } } a: viewer { email } }",
            ),
            (
                "{ viewer @skip(if: $yes) { email } ... @include(if: $yes) {
                   viewer @include(if: $yes) { user @skip(if: $no) { id } } } }",
                "{ viewer { user { id } } }",
            ),
            ("{ viewer { email @include(if: $no) user { id } } }", "{ viewer { user { id } } }"),
            (
                "{ node(id: 1) { ... on User { id bio } id ... on Node { id } ... on User { bio } } }",
                "{ node(id: 1) { id ... on User { bio } } }",
            ),
            (
                "{ node(id: 1) { ... on User { a: bio } ... on Group { a: description name }
                   ... on Conversation { lastMessage { id } } ... on Group { lastMessage { seq } } } }",
                "{ node(id: 1) { ... on User { a: bio } ... on Group { a: description }
                   ... on Group { name } ... on DirectConversation { lastMessage { id } }
                   ... on Group { lastMessage { id seq } } } }",
            ),
            (
                "{ node(id: 1) { ... on Conversation { lastMessage { id } ... on Group { lastMessage
                   { conversation { id } } ... on DirectConversation { id } } } __typename } }",
                "{ node(id: 1) { ... on DirectConversation { lastMessage { id } }
                   ... on Group { lastMessage { id conversation { id } } } __typename } }",
            ),
            (
                "{ __schema { types { name } types { kind } } __type(name: \"A\") { name } }",
                "{ __schema { types { name kind } } __type(name: \"A\") { name } }",
            ),
        ] {
            let [given, left] = [given, left].map(|text| format!("{head} {text}"));
            let expected = bare(&parse(&left).unwrap());
            assert_eq!(operation(validation.types(), &given), expected, "{given}");
            assert_eq!(operation(validation.types(), &left), expected, "{left}");
        }
    }

    #[test]
    fn what_is_executed_is_left() {
        let validation = Validation::new(builder).unwrap();
        let text = "query A { viewer { email } } query B { viewer { email } }";
        let alone = bare(&parse("query A { viewer { email } }").unwrap());
        assert_eq!(operation(validation.types(), text), alone);
        let unknown = parse("query B { viewer { email } viewer { email } }").unwrap();
        let left = merged(validation.types(), &unknown, Some("A"), &Variables::default());
        assert_eq!(bare(&left), bare(&unknown));
    }
}
