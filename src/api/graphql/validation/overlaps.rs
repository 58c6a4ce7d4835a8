//! What may have one name in an answer: GraphQL, September 2025, section 5.3.2, "Field Selection
//! Merging".
//!
//! Not pair by pair, as the specification has it, but name by name: all fields of one name are
//! looked at together. Their shapes are compared in one pass over all that is selected. Whether
//! they are the same field is asked for each type of object that there may be, of those fields
//! that can be there with it, and once for each set of them. Source: Simon Adameit, "GraphQL:
//! Overlapping fields can be merged fast", XING, 2019.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Field, Selection, SelectionSet},
    registry::{MetaType, MetaTypeName, Registry},
};

use super::super::roots;

/// Whether a document in which all else is right has a field in two places. Follows fragments
/// wherever they are spread.
///
/// # Errors
///
/// What is wrong with its names, in the order in which it stands there.
pub(super) fn check(
    registry: &Registry,
    document: &ExecutableDocument,
) -> Result<bool, Vec<ServerError>> {
    let (seen, conflicts) = (HashSet::new(), Vec::new());
    let mut merging = Merging { registry, document, seen, repeats: false, conflicts };
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let root = roots::type_of(registry, operation.ty);
        let mut fields = Fields::new();
        merging.collect(&operation.selection_set.node, root, &mut fields);
        merging.sameness(&fields);
        merging.shapes(&fields);
    }
    merging.conflicts.sort_by_key(|conflict| conflict.fields);
    merging.conflicts.dedup_by_key(|conflict| conflict.fields);
    if merging.conflicts.is_empty() {
        return Ok(merging.repeats);
    }
    Err(merging.conflicts.into_iter().map(Conflict::told).collect())
}

/// Fields by the names that they have in the answer.
type Fields<'a> = IndexMap<&'a Name, Vec<Selected<'a>>>;

/// A field, and of which type it is selected.
#[derive(Clone, Copy)]
struct Selected<'a> {
    field: &'a Field,
    pos: Pos,
    parent: Option<&'a MetaType>,
    /// Its own type; nothing where that is not known.
    of: Option<&'a str>,
}

struct Conflict {
    fields: (Pos, Pos),
    message: String,
}

impl Conflict {
    fn told(self) -> ServerError {
        let mut error = ServerError::new(self.message, Some(self.fields.0));
        error.locations.push(self.fields.1);
        error
    }
}

struct Merging<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    /// The sets of fields that were asked whether they are the same, by where they stand.
    seen: HashSet<Vec<Pos>>,
    repeats: bool,
    conflicts: Vec<Conflict>,
}

impl<'a> Merging<'a> {
    fn collect(&self, set: &'a SelectionSet, of: Option<&'a str>, fields: &mut Fields<'a>) {
        let parent = of.and_then(|of| self.registry.types.get(of));
        for item in &set.items {
            match &item.node {
                Selection::Field(Positioned { node: field, pos }) => {
                    let of = match field.name.node.as_str() {
                        "__typename" => Some("String!"),
                        name => parent.and_then(|of| of.field_by_name(name)).map(|of| &*of.ty),
                    };
                    let selected = Selected { field, pos: *pos, parent, of };
                    fields.entry(&field.response_key().node).or_default().push(selected);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |on| Some(&*on.node.on.node));
                    self.collect(&fragment.node.selection_set.node, of, fields);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    let Some(fragment) = fragment else { continue };
                    let of = Some(&*fragment.node.type_condition.node.on.node);
                    self.collect(&fragment.node.selection_set.node, of, fields);
                }
            }
        }
    }

    /// What is selected of all these fields.
    fn below(&self, fields: &[Selected<'a>]) -> Fields<'a> {
        let mut below = Fields::new();
        for selected in fields {
            let of = selected.of.map(MetaTypeName::concrete_typename);
            self.collect(&selected.field.selection_set.node, of, &mut below);
        }
        below
    }

    /// `SameResponseShape`, at all levels.
    fn shapes(&mut self, fields: &Fields<'a>) {
        for (name, fields) in fields {
            let [first, rest @ ..] = fields.as_slice() else { continue };
            for other in rest {
                let (Some(one), Some(two)) = (first.of, other.of) else { continue };
                if !self.is_one_shape(one, two) {
                    let reason = format_args!("one is of type \"{one}\", the other \"{two}\"");
                    self.conflict(name, first, other, reason);
                }
            }
            self.shapes(&self.below(fields));
        }
    }

    fn is_one_shape(&self, one: &str, two: &str) -> bool {
        use MetaTypeName::{List, Named, NonNull};

        match (MetaTypeName::create(one), MetaTypeName::create(two)) {
            (NonNull(one), NonNull(two)) | (List(one), List(two)) => self.is_one_shape(one, two),
            (Named(one), Named(two)) => {
                let mut both = [one, two].into_iter().map(|of| self.registry.types.get(of));
                one == two || both.all(|of| of.is_some_and(MetaType::is_composite))
            }
            _ => false,
        }
    }

    /// Whether what may be there together is the same field, at all levels.
    fn sameness(&mut self, fields: &Fields<'a>) {
        for (name, fields) in fields {
            for together in together(fields) {
                let mut places: Vec<_> = together.iter().map(|selected| selected.pos).collect();
                places.sort_unstable();
                places.dedup();
                if !self.seen.insert(places) {
                    continue;
                }
                let [first, rest @ ..] = together.as_slice() else { continue };
                self.repeats |= !rest.is_empty();
                for other in rest {
                    if first.field.name.node != other.field.name.node {
                        self.conflict(name, first, other, "they are different fields");
                    } else if !have_same_arguments(first.field, other.field) {
                        self.conflict(name, first, other, "they have different arguments");
                    }
                }
                self.sameness(&self.below(&together));
            }
        }
    }

    fn conflict(
        &mut self,
        name: &Name,
        one: &Selected<'_>,
        two: &Selected<'_>,
        reason: impl std::fmt::Display,
    ) {
        let message = format!(
            "Fields \"{name}\" conflict: {reason}. Use different aliases on the fields to fetch \
             both"
        );
        let fields = (one.pos.min(two.pos), one.pos.max(two.pos));
        self.conflicts.push(Conflict { fields, message });
    }
}

/// For each type of object the fields that can be there with it: those of that type itself, and
/// those of interfaces and unions.
fn together<'a>(fields: &[Selected<'a>]) -> Vec<Vec<Selected<'a>>> {
    let mut of_objects: HashMap<&str, Vec<Selected<'a>>> = HashMap::new();
    let mut of_any = Vec::new();
    for selected in fields {
        match selected.parent {
            Some(MetaType::Object { name, .. }) => {
                of_objects.entry(name).or_default().push(*selected);
            }
            _ => of_any.push(*selected),
        }
    }
    if of_objects.is_empty() {
        return vec![of_any];
    }
    let mut all: Vec<_> = of_objects.into_values().collect();
    all.iter_mut().for_each(|together| together.extend_from_slice(&of_any));
    all
}

fn have_same_arguments(one: &Field, two: &Field) -> bool {
    one.arguments.len() == two.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            two.get_argument(&name.node).is_some_and(|other| value.node == other.node)
        })
}
