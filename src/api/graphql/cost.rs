//! What an operation may cost, told from its text before anything runs.
//!
//! The limits of depth and of fields are not enough: a list within a list
//! multiplies, a fragment that is spread twice within another doubles, and
//! deep values exhaust the stack of whoever parses or checks them.

use async_graphql::{
    Name, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
    registry::{MetaField, MetaType, Registry},
};

use super::page;

/// How many fields an answer may have, if every list is as long as it may be.
pub const MAX_FIELDS: usize = 20_000;
const TOO_MUCH: &str = "the answer could have more than 20,000 fields: ask for shorter pages";
/// How deep brackets of all kinds may be nested.
pub const MAX_NESTING: usize = 64;
/// How long a list is taken to be that has no pages.
const UNPAGED: usize = 10;
/// How long a page is taken to be that has no length of its own.
const DEFAULT_PAGE: usize = 50;

/// Refuses a text with brackets nested too deep; to be called before it is parsed.
///
/// # Errors
///
/// Beyond [`MAX_NESTING`].
pub fn check_nesting(query: &str) -> ServerResult<()> {
    let mut depth = 0_usize;
    let mut rest = query.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match first {
            b'#' => after_comment(after),
            b'"' => after_string(rest),
            _ => after,
        };
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(refused(format!("brackets are nested deeper than {MAX_NESTING} levels")));
        }
    }
    Ok(())
}

fn after_comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(&[], |end| &text[end..])
}

/// What follows a string; nothing where it has no end.
fn after_string(text: &[u8]) -> &[u8] {
    let block = text.starts_with(b"\"\"\"");
    let quote: &[u8] = if block { b"\"\"\"" } else { b"\"" };
    let mut at = quote.len();
    while at < text.len() {
        if text[at..].starts_with(quote) {
            return &text[at + quote.len()..];
        }
        let escaped = text[at] == b'\\' && (!block || text[at + 1..].starts_with(quote));
        at += if escaped { 1 + quote.len() } else { 1 };
    }
    &[]
}

fn refused(message: String) -> ServerError {
    ServerError::new(message, None)
}

/// Refuses a document whose operations cost too much together.
///
/// # Errors
///
/// Beyond [`MAX_FIELDS`].
pub(super) fn check(
    registry: &Registry,
    document: &ExecutableDocument,
    variables: &Variables,
) -> ServerResult<()> {
    let mut left = MAX_FIELDS;
    let operations: Vec<&OperationDefinition> = match &document.operations {
        DocumentOperations::Single(operation) => vec![&operation.node],
        DocumentOperations::Multiple(operations) => {
            operations.values().map(|operation| &operation.node).collect()
        }
    };
    for operation in operations {
        let root = match operation.ty {
            OperationType::Query => Some(registry.query_type.as_str()),
            OperationType::Mutation => registry.mutation_type.as_deref(),
            OperationType::Subscription => registry.subscription_type.as_deref(),
        };
        let mut walk = Walk { registry, document, variables, operation, left };
        let root = root.and_then(|root| registry.types.get(root));
        walk.set(&operation.selection_set.node, root, 1, 0)?;
        left = walk.left;
    }
    Ok(())
}

struct Walk<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    operation: &'a OperationDefinition,
    left: usize,
}

impl<'a> Walk<'a> {
    /// Counts what is selected of a type that comes up `times`.
    fn set(
        &mut self,
        set: &'a SelectionSet,
        of: Option<&'a MetaType>,
        times: usize,
        depth: usize,
    ) -> ServerResult<()> {
        if depth > MAX_NESTING {
            return Err(refused(format!("fragments are nested deeper than {MAX_NESTING} levels")));
        }
        for Positioned { node, .. } in &set.items {
            self.left = self.left.checked_sub(times).ok_or_else(|| refused(TOO_MUCH.to_owned()))?;
            match node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let meta = of.and_then(|of| of.field_by_name(&field.name.node));
                    let times = times.saturating_mul(self.length(field, meta, of));
                    let of = meta.and_then(|meta| self.named(&meta.ty));
                    self.set(&field.selection_set.node, of, times, depth + 1)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let of = self.named(&fragment.node.type_condition.node.on.node);
                        self.set(&fragment.node.selection_set.node, of, times, depth + 1)?;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |of| self.named(&of.node.on.node));
                    self.set(&fragment.node.selection_set.node, of, times, depth + 1)?;
                }
            }
        }
        Ok(())
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
        let introspects = of.name().starts_with("__") || field.name.node.starts_with("__");
        if meta.ty.starts_with('[') && !paged && !introspects { UNPAGED } else { 1 }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_are_none() {
        let many = "[".repeat(100);
        for fine in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"\\\"\"\"{many} \" \"\" \"\"\") }}"),
            format!("{{ a # {many}\n }}"),
            format!("\"{many}"),
            "{}[]()".repeat(1_000),
        ] {
            assert!(check_nesting(&fine).is_ok(), "{fine}");
        }
        for deep in [
            many.clone(),
            format!("\"\" {many}"),
            format!("\"\\\\\" {many}"),
            format!("\"\"\"a\\\"\"\"\"\"\" {many}"),
            format!("# a\n{many}"),
        ] {
            assert!(check_nesting(&deep).is_err(), "{deep}");
        }
    }
}
