//! What an operation may cost, told from its document before anything runs.
//!
//! To count fields is not enough: a list within a list multiplies, and a
//! fragment that is spread twice within another doubles.

use async_graphql::{
    Name, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    },
    registry::{MetaField, MetaType, Registry},
};

use super::{page, roots};

/// How deep an operation may be.
const DEPTH: Allowance = Allowance(12, "the operation is deeper than 12 levels");
/// How deep one may be that only asks about the schema: the introspection of
/// common tools is about 15 deep.
const INTROSPECTION_DEPTH: Allowance = Allowance(20, "the operation is deeper than 20 levels");
/// How deep fields and fragments may be nested.
const NESTING: Allowance = Allowance(32, "fields and fragments are nested deeper than 32 levels");
/// How many fields an operation may have at its top.
const ROOTS: Allowance = Allowance(20, "the operation has more than 20 fields at its top");
/// How many fields and fragments the operations of a document may select.
const SELECTED: Allowance = Allowance(1_000, "the operation selects more than 1,000 fields");
/// How many aliases they may have.
const ALIASES: Allowance = Allowance(50, "the operation has more than 50 aliases");
/// How many directives they may have.
const DIRECTIVES: Allowance = Allowance(50, "the operation has more than 50 directives");
/// How many fields the answer may have, if every list is as long as it may be.
const FIELDS: Allowance =
    Allowance(20_000, "the answer could have more than 20,000 fields: ask for shorter pages");
/// How many it may have where it is only about the schema: the introspection
/// of common tools counts some 400,000, although most lists are shorter.
const INTROSPECTION_FIELDS: Allowance =
    Allowance(1_000_000, "the answer could have more than 1,000,000 fields");
/// How long a list is taken to be that has no pages.
const UNPAGED: usize = 10;
/// How long a page is taken to be that has no length of its own.
const DEFAULT_PAGE: usize = 50;

/// How much of something may still come, and what is said to what goes beyond.
#[derive(Clone, Copy)]
struct Allowance(usize, &'static str);

impl Allowance {
    fn take(&mut self, many: usize) -> ServerResult<()> {
        self.0 = self.0.checked_sub(many).ok_or_else(|| ServerError::new(self.1, None))?;
        Ok(())
    }
}

/// What the operations of a document may have together.
#[derive(Clone, Copy)]
struct Left {
    selected: Allowance,
    aliases: Allowance,
    directives: Allowance,
    fields: Allowance,
}

/// Where in an operation something is selected.
#[derive(Clone, Copy)]
struct Place {
    /// How often it comes up.
    times: usize,
    /// How many fields there may be from here to the deepest one.
    depth: Allowance,
    /// How many fields and fragments there may be, likewise.
    nesting: Allowance,
    /// Whether it is in no field.
    at_top: bool,
}

/// Refuses a document whose operations cost too much.
///
/// # Errors
///
/// Beyond any of the limits. All but those of depth and of the fields at the
/// top hold for its operations together.
pub(super) fn check(
    registry: &Registry,
    document: &ExecutableDocument,
    variables: &Variables,
) -> ServerResult<()> {
    let introspects = only_introspects(document);
    let fields = if introspects { INTROSPECTION_FIELDS } else { FIELDS };
    let depth = if introspects { INTROSPECTION_DEPTH } else { DEPTH };
    let mut left = Left { selected: SELECTED, aliases: ALIASES, directives: DIRECTIVES, fields };
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut walk = Walk { registry, document, variables, operation, left, roots: ROOTS };
        walk.operation(depth)?;
        left = walk.left;
    }
    Ok(())
}

/// Whether every field at the top asks about the schema. A fragment at the top
/// counts as something else.
fn only_introspects(document: &ExecutableDocument) -> bool {
    document.operations.iter().all(|(_, operation)| {
        operation.node.selection_set.node.items.iter().all(|item| match &item.node {
            Selection::Field(field) => field.node.name.node.starts_with("__"),
            _ => false,
        })
    })
}

struct Walk<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    operation: &'a OperationDefinition,
    left: Left,
    roots: Allowance,
}

impl<'a> Walk<'a> {
    fn operation(&mut self, depth: Allowance) -> ServerResult<()> {
        let operation = self.operation;
        self.directives(&operation.directives)?;
        for variable in &operation.variable_definitions {
            self.directives(&variable.node.directives)?;
        }
        let root = roots::type_of(self.registry, operation.ty);
        let root = root.and_then(|root| self.registry.types.get(root));
        let top = Place { times: 1, depth, nesting: NESTING, at_top: true };
        self.set(&operation.selection_set.node, root, top)
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) -> ServerResult<()> {
        self.left.directives.take(directives.len())
    }

    /// Counts what is selected of a type.
    fn set(
        &mut self,
        set: &'a SelectionSet,
        of: Option<&'a MetaType>,
        mut place: Place,
    ) -> ServerResult<()> {
        if set.items.is_empty() {
            return Ok(());
        }
        place.nesting.take(1)?;
        for Positioned { node, .. } in &set.items {
            self.left.selected.take(1)?;
            self.directives(node.directives())?;
            match node {
                Selection::Field(field) => self.field(&field.node, of, place)?,
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let of = self.named(&fragment.node.type_condition.node.on.node);
                        self.directives(&fragment.node.directives)?;
                        self.set(&fragment.node.selection_set.node, of, place)?;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |of| self.named(&of.node.on.node));
                    self.set(&fragment.node.selection_set.node, of, place)?;
                }
            }
        }
        Ok(())
    }

    /// Counts a field, and what is selected of it.
    fn field(
        &mut self,
        field: &'a Field,
        of: Option<&'a MetaType>,
        mut place: Place,
    ) -> ServerResult<()> {
        if place.at_top {
            self.roots.take(1)?;
        }
        place.depth.take(1)?;
        self.left.fields.take(place.times)?;
        self.left.aliases.take(usize::from(field.alias.is_some()))?;
        let meta = of.and_then(|of| of.field_by_name(&field.name.node));
        let times = place.times.saturating_mul(self.length(field, meta, of));
        let of = meta.and_then(|meta| self.named(&meta.ty));
        self.set(&field.selection_set.node, of, Place { times, at_top: false, ..place })
    }

    /// The type without what says that it is a list or not null.
    fn named(&self, name: &str) -> Option<&'a MetaType> {
        self.registry.types.get(name.trim_matches(['[', ']', '!']))
    }

    /// How often what is selected of the field comes up.
    fn length(&self, field: &Field, meta: Option<&MetaField>, of: Option<&MetaType>) -> usize {
        let (Some(meta), Some(of)) = (meta, of) else { return 1 };
        if meta.args.contains_key("ids") {
            return self.list_length(field, "ids");
        }
        let counts = ["first", "last"].map(|name| meta.args.get(name));
        if counts.iter().any(Option::is_some) {
            let given = ["first", "last"].map(|name| self.count(field, name));
            let default = counts.into_iter().flatten().find_map(|count| {
                count.default_value.as_ref().and_then(|default| default.parse().ok())
            });
            let given = given.into_iter().flatten().max();
            return given.or(default).unwrap_or(DEFAULT_PAGE);
        }
        let paged = of.name().ends_with("Connection");
        match (of.name(), field.name.node.as_str()) {
            ("__Schema", "types") => self.registry.types.len(),
            _ if meta.ty.starts_with('[') && !paged => UNPAGED,
            _ => 1,
        }
    }

    /// The value of an argument of the field, if it is known.
    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?.node.clone();
        value.into_const_with(|variable| self.variable(&variable).ok_or(())).ok()
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        let given = self.variables.get(name).cloned();
        given.or_else(|| {
            let mut all = self.operation.variable_definitions.iter();
            all.find(|known| known.node.name.node == *name)?.node.default_value().cloned()
        })
    }

    fn count(&self, field: &Field, name: &str) -> Option<usize> {
        let Value::Number(given) = self.argument(field, name)? else { return None };
        let most = usize::try_from(page::MAX).unwrap_or(1);
        Some(usize::try_from(given.as_i64()?).unwrap_or(1).clamp(1, most))
    }

    fn list_length(&self, field: &Field, name: &str) -> usize {
        match self.argument(field, name) {
            Some(Value::List(items)) => items.len().max(1),
            _ => 1,
        }
    }
}
