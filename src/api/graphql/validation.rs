//! Which documents are valid: GraphQL, September 2025, section 5.
//!
//! Most rules are async-graphql's, which does not look at `__typename` unless [`typenames`] makes it.
//! What values there may be, and where variables may stand, is in [`values`], and what may have one
//! name in an answer in [`overlaps`]. That a field of an input
//! object is given once, [`super::parser`] tells: a document that is parsed does not show it
//! any more.
//!
//! All that depends on the text alone, so what is valid is remembered.

mod overlaps;
mod typenames;
mod values;

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use async_graphql::{
    Request, SchemaEnv, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::{ExecutableDocument, OperationType},
    registry::{MetaTypeName, Registry},
};
use futures::FutureExt;
use moka::sync::Cache;

use super::{Builder, Schema, roots};
use crate::error::{Error, Result};

/// How many errors are told.
const MOST_ERRORS: usize = 100;
/// How many errors may name what is like an unknown name: to find that takes long.
const MOST_SUGGESTING: usize = 20;
/// How async-graphql begins what it says of values and of names. It would show values, and
/// takes the name of an argument for that of its field.
const TOLD_BELOW: [&str; 2] = ["Invalid ", "Fields "];

/// Says what is valid, and remembers it. That spares a usual `sendMessage` 3 to 4 of the 14 µs
/// that it spends in async-graphql.
#[derive(Clone)]
pub(super) struct Validation {
    /// Validates, and executes nothing.
    schema: Schema,
    /// The same, and names what is like an unknown name.
    suggesting: Schema,
    types: SchemaEnv,
    valid: Cache<Arc<str>, Valid>,
}

/// What is known of a valid document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Valid {
    /// Whether a field stands in several places, see [`super::merged`].
    pub(super) repeats: bool,
}

impl Validation {
    /// How long all texts together may be that are remembered, in bytes.
    const CAPACITY: u64 = 512 * 1024;
    /// How long a text may be that is remembered.
    const LONGEST: usize = 16 * 1024;

    /// Of documents for this schema.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where async-graphql does not say what types there are.
    pub(super) fn new(schema: impl Fn() -> Builder) -> Result<Self> {
        let types = Arc::new(OnceLock::new());
        let suggesting = schema().extension(Only(types.clone())).finish();
        let schema = schema().extension(Only(types.clone())).disable_suggestions().finish();
        // Extensions are shown the types with a request: any will do.
        let _valid = schema.execute("{ __typename }").now_or_never();
        let types = types.get().cloned().ok_or_else(|| Error::internal("no types are known"))?;
        let valid = Cache::builder()
            .weigher(|text: &Arc<str>, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(Self::CAPACITY)
            .build();
        Ok(Self { schema, suggesting, types, valid })
    }

    /// The types of the schema.
    pub(super) fn types(&self) -> &Registry {
        &self.types.registry
    }

    /// A document with this text, if it was found valid lately.
    pub(super) fn known(&self, text: &str) -> Option<Valid> {
        self.valid.get(text)
    }

    /// Checks the document of this text, which is within the limits of [`super::parser`] and
    /// [`super::cost`].
    ///
    /// # Errors
    ///
    /// What speaks against it, at most 100 errors. Shows no values.
    pub(super) fn check(
        &self,
        text: &str,
        document: &ExecutableDocument,
    ) -> Result<Valid, Vec<ServerError>> {
        // async-graphql panics at a default of a list of these.
        let unknown: Vec<_> = unknown_types(self.types(), document).take(MOST_ERRORS).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut shown = document.clone();
        let mut errors = typenames::show(&mut shown);
        let mut told = told_by(&self.schema, text, &shown);
        if (1..=MOST_SUGGESTING).contains(&told.len()) {
            told = told_by(&self.suggesting, text, &shown);
        }
        errors.extend(told);
        errors.retain(|error| !TOLD_BELOW.iter().any(|begin| error.message.starts_with(begin)));
        errors.extend(values::check(self.types(), document));
        let mut valid = Valid { repeats: false };
        if errors.is_empty() {
            match overlaps::check(self.types(), document) {
                Ok(repeats) => valid.repeats = repeats,
                Err(conflicts) => errors.extend(conflicts),
            }
            errors.extend(subscriptions(document));
        }
        if !errors.is_empty() {
            errors.dedup();
            errors.truncate(MOST_ERRORS);
            return Err(errors);
        }
        if text.len() <= Self::LONGEST {
            self.valid.insert(Arc::from(text), valid);
        }
        Ok(valid)
    }
}

/// What a schema that only validates says against a document.
fn told_by(schema: &Schema, text: &str, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut request = Request::new(text);
    request.set_parsed_query(document.clone());
    let told = schema.execute(request).now_or_never().map(|told| told.errors);
    told.unwrap_or_else(|| vec![ServerError::new("the document could not be validated", None)])
}

/// Section 5.8.2, of variables: their types exist.
fn unknown_types(
    registry: &Registry,
    document: &ExecutableDocument,
) -> impl Iterator<Item = ServerError> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node);
    let variables = operations.flat_map(|operation| &operation.variable_definitions);
    variables.filter_map(|variable| {
        let of = variable.node.var_type.node.to_string();
        let of = MetaTypeName::concrete_typename(&of);
        let message = format!("Unknown type \"{of}\"");
        let known = registry.types.contains_key(of);
        (!known).then(|| ServerError::new(message, Some(variable.node.var_type.pos)))
    })
}

/// Section 5.2.4.1: a subscription has one field at its top, which is always there.
fn subscriptions(document: &ExecutableDocument) -> impl Iterator<Item = ServerError> {
    let all = document.operations.iter().map(|(_, operation)| operation);
    let subscriptions = all.filter(|operation| operation.node.ty == OperationType::Subscription);
    subscriptions.filter_map(|operation| {
        let mut names = HashSet::new();
        let are_plain = roots::names(document, &operation.node.selection_set.node, &mut names);
        let message = match names.len() {
            _ if !are_plain => "the field at the top of a subscription has no directives",
            1 => return None,
            _ => "a subscription has one field at its top",
        };
        Some(ServerError::new(message, Some(operation.pos)))
    })
}

/// Lets a schema validate only: no errors are all that it says of what is valid. Puts what it
/// knows of its types into its place.
struct Only(Arc<OnceLock<SchemaEnv>>);

impl ExtensionFactory for Only {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self(self.0.clone()))
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Only {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        self.0.get_or_init(|| ctx.schema_env.clone());
        let result = next.run(ctx).await;
        Err(result.err().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{builder, parser::parse},
        *,
    };

    fn validation() -> Validation {
        Validation::new(builder).unwrap()
    }

    /// What is said against a document.
    fn said(validation: &Validation, text: &str) -> Vec<String> {
        let document = parse(text).unwrap();
        let errors = validation.check(text, &document).err().unwrap_or_default();
        errors.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn only_what_is_valid_is_remembered_and_only_if_it_is_short() {
        let validation = validation();
        let valid = "query ($first: Int) { users(first: $first) { totalCount } }";
        let long = format!("{valid} # {}", "x".repeat(Validation::LONGEST));
        let invalid = "query ($first: String) { users(first: $first) { totalCount } }";
        for (text, is_valid, is_kept) in
            [(valid, true, true), (&long, true, false), (invalid, false, false)]
        {
            for _ in 0..2 {
                assert_eq!(said(&validation, text).is_empty(), is_valid, "{text}");
                assert_eq!(validation.known(text).is_some(), is_kept, "{text}");
            }
        }
    }

    #[test]
    fn it_is_told_what_is_expected_and_no_value_is_shown() {
        let validation = validation();
        for (text, expected) in [
            (
                "{ viewr { id } }",
                "Unknown field \"viewr\" on type \"Query\". Did you mean \"viewer\"?",
            ),
            (
                "{ viewer { friendRequests(direction: \"hunter2\") { totalCount } } }",
                "Invalid value for the argument \"direction\": expected type \
                 \"FriendRequestDirection\"",
            ),
            (
                "mutation { sendMessage(input: { to: { userId: true }, body: \"hunter2\" }) { seq } }",
                "Invalid value for the argument \"input\" at \"to.userId\": expected type \"ID\"",
            ),
            (
                "query ($n: Int = \"hunter2\") { users(first: $n) { totalCount } }",
                "Invalid value for the variable \"$n\": expected type \"Int\"",
            ),
            (
                "query ($n: String) { users(first: $n) { totalCount } }",
                "Invalid value for the argument \"first\": expected type \"Int\", and \"$n\" has the \
                 type \"String\"",
            ),
            (
                "{ a: user(username: \"hunter2\") { id } a: user(username: \"b\") { id } }",
                "Fields \"a\" conflict: they have different arguments. Use different aliases on the \
                 fields to fetch both",
            ),
            (
                "{ node(id: 1) { ... on User { a: bio } ... on Group { a: memberCount } } }",
                "Fields \"a\" conflict: one is of type \"String\", the other \"Int!\". Use different \
                 aliases on the fields to fetch both",
            ),
            (
                "query ($n: [Nope!] = [1]) { users(first: $n) { totalCount } }",
                "Unknown type \"Nope\"",
            ),
            (
                "subscription { events { cursor } more: events { cursor } }",
                "a subscription has one field at its top",
            ),
        ] {
            assert_eq!(said(&validation, text), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_like_an_unknown_name_is_told_of_a_few() {
        let validation = validation();
        let unknown = |many: usize| {
            let names: String = (0..many).map(|n| format!(" usernam{n}")).collect();
            let text = format!("{{ __typename }} fragment F on User {{{names} }}");
            let mut said = said(&validation, &text);
            said.retain(|said| said.starts_with("Unknown field"));
            (said.len(), said.iter().filter(|said| said.contains("\"username\"?")).count())
        };
        // One more error says that nothing uses the fragment.
        assert_eq!(unknown(MOST_SUGGESTING - 1), (MOST_SUGGESTING - 1, MOST_SUGGESTING - 1));
        assert_eq!(unknown(MOST_SUGGESTING), (MOST_SUGGESTING, 0));
        assert!(unknown(500).0 <= MOST_ERRORS);
    }

    #[test]
    fn what_is_wrong_in_a_fragment_is_told_once() {
        let text = "query A { ...F } query B { ...F } fragment F on Query {
            users(first: true) { totalCount } a: viewer { email } a: node(id: 1) { id } }";
        assert_eq!(said(&validation(), text).len(), 1);
        let text = text.replace("true", "1");
        assert_eq!(said(&validation(), &text).len(), 1);
    }
}
