//! Operations that were found valid lately.
//!
//! Validation depends on the text alone, but for one rule of async-graphql
//! ("ArgumentsOfCorrectType"), which looks into the values of variables where
//! they are used. So whoever sends a known text with values that fit the types
//! it declares, see [`super::variables`], would be told the same again. Every text in
//! which that is harder to tell is validated.

use std::{
    any::TypeId,
    sync::{Arc, OnceLock},
};

use async_graphql::{
    Name, Positioned, Request, SchemaEnv, ServerError, ServerResult, ValidationResult, Value,
    Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextPrepareRequest, NextValidation,
    },
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection,
        SelectionSet,
    },
};
use async_graphql_value::Value as Argument;
use moka::sync::Cache;

/// A bounded memory of texts that are valid. It spares a usual `sendMessage`
/// 3 to 4 of the 14 µs that it spends in async-graphql.
#[derive(Clone)]
pub(super) struct Validated(Cache<Arc<str>, Arc<Candidate>>);

/// Data of a request whose document is not the one of its text any more: nothing is learned of it.
pub(super) struct Altered;

impl Validated {
    /// How long all texts together may be, in bytes.
    const CAPACITY: u64 = 512 * 1024;
    /// How long a text may be that is kept.
    const LONGEST: usize = 16 * 1024;

    /// Whether validation has nothing to say against the request, if the values of its
    /// variables fit.
    pub(super) fn knows(&self, request: &Request) -> bool {
        self.0.get(request.query.as_str()).is_some_and(|candidate| {
            candidate.is_met(request.operation_name.as_deref(), &request.variables)
        })
    }

    /// What shows it the texts that a schema finds valid. Puts what that
    /// schema knows of its types into `types`, with the first request.
    pub(super) fn learning(&self, types: Arc<OnceLock<SchemaEnv>>) -> Learning {
        Learning { validated: self.clone(), types }
    }
}

impl Default for Validated {
    /// Knows none.
    fn default() -> Self {
        let known = Cache::builder()
            .weigher(|text: &Arc<str>, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .max_capacity(Self::CAPACITY)
            .build();
        Self(known)
    }
}

/// Learns which texts are valid.
pub(super) struct Learning {
    validated: Validated,
    types: Arc<OnceLock<SchemaEnv>>,
}

impl ExtensionFactory for Learning {
    fn create(&self) -> Arc<dyn Extension> {
        let (validated, types) = (self.validated.clone(), self.types.clone());
        Arc::new(OfOneRequest { validated, types, candidate: OnceLock::new() })
    }
}

struct OfOneRequest {
    validated: Validated,
    types: Arc<OnceLock<SchemaEnv>>,
    /// What is worth knowing of the text if it is valid.
    candidate: OnceLock<(Arc<str>, Arc<Candidate>)>,
}

/// What says whether a request with this text is as valid as another.
struct Candidate {
    /// Of its only operation.
    name: Option<Name>,
    variables: Vec<Variable>,
}

struct Variable {
    name: Name,
    /// Null passes wherever it is used.
    nullable: bool,
}

#[async_graphql::async_trait::async_trait]
impl Extension for OfOneRequest {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        mut request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        self.types.get_or_init(|| ctx.schema_env.clone());
        let altered = request.data.contains_key(&TypeId::of::<Altered>());
        if request.query.len() <= Validated::LONGEST && !altered {
            let text = Arc::from(request.query.as_str());
            if let Some(candidate) = Candidate::of(request.parsed_query()?) {
                // Each request is prepared once.
                let _set = self.candidate.set((text, Arc::new(candidate)));
            }
        }
        next.run(ctx, request).await
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some((text, candidate)) = self.candidate.get() {
            self.validated.0.insert(text.clone(), candidate.clone());
        }
        Ok(result)
    }
}

impl Candidate {
    /// Nothing where there are several operations, or where a variable is
    /// only a part of an argument: then it matters what stands around it.
    fn of(document: &ExecutableDocument) -> Option<Self> {
        let (name, operation) = match &document.operations {
            DocumentOperations::Single(operation) => (None, &operation.node),
            DocumentOperations::Multiple(operations) => {
                let mut all = operations.iter();
                let (name, operation) = all.next()?;
                if all.next().is_some() {
                    return None;
                }
                (Some(name.clone()), &operation.node)
            }
        };
        let mut fragments = document.fragments.values().map(|fragment| &fragment.node);
        let plain = are_plain(&operation.directives)
            && is_plain(&operation.selection_set.node)
            && fragments.all(|of| are_plain(&of.directives) && is_plain(&of.selection_set.node));
        plain.then(|| Self { name, variables: variables(operation) })
    }

    fn is_met(&self, name: Option<&str>, given: &Variables) -> bool {
        name.is_none_or(|name| self.name.as_deref() == Some(name))
            && self.variables.iter().all(|variable| {
                variable.nullable || given.get(&variable.name) != Some(&Value::Null)
            })
    }
}

fn variables(operation: &OperationDefinition) -> Vec<Variable> {
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    definitions
        .map(|definition| Variable {
            name: definition.name.node.clone(),
            // With a default it may be used where null may not be.
            nullable: definition.var_type.node.nullable && definition.default_value.is_none(),
        })
        .collect()
}

/// Whether each variable in the set is an argument as a whole.
fn is_plain(set: &SelectionSet) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            field.arguments.iter().all(|(_, value)| is_whole(&value.node))
                && are_plain(&field.directives)
                && is_plain(&field.selection_set.node)
        }
        Selection::FragmentSpread(spread) => are_plain(&spread.node.directives),
        Selection::InlineFragment(fragment) => {
            are_plain(&fragment.node.directives) && is_plain(&fragment.node.selection_set.node)
        }
    })
}

fn are_plain(directives: &[Positioned<Directive>]) -> bool {
    let mut arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
    arguments.all(|(_, value)| is_whole(&value.node))
}

fn is_whole(argument: &Argument) -> bool {
    matches!(argument, Argument::Variable(_)) || argument.clone().into_const().is_some()
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        EmptyMutation, EmptySubscription, Enum, InputObject, Object, OneofObject, Schema,
        ValidationMode,
    };
    use futures::executor::block_on;
    use serde_json::json;

    use std::mem;

    use super::{super::variables, *};

    type TestSchema = Schema<Query, EmptyMutation, EmptySubscription>;

    struct Query;

    #[derive(Enum, Clone, Copy, PartialEq, Eq)]
    enum Colour {
        Red,
        Blue,
    }

    #[derive(OneofObject)]
    enum Target {
        Id(i32),
        Name(String),
    }

    #[derive(InputObject)]
    struct Wish {
        to: Target,
        colour: Colour,
        #[graphql(default = 3)]
        count: i32,
        words: Option<Vec<String>>,
    }

    #[Object]
    impl Query {
        async fn one(&self) -> i32 {
            1
        }

        async fn plus(&self, #[graphql(default = 1)] a: i32) -> i32 {
            a + 1
        }

        async fn list(&self, a: Vec<i32>, b: Option<bool>) -> String {
            format!("{a:?} {b:?}")
        }

        async fn wish(&self, input: Wish) -> String {
            let to = match input.to {
                Target::Id(id) => id.to_string(),
                Target::Name(name) => name,
            };
            format!("{to} {} {} {:?}", input.colour == Colour::Red, input.count, input.words)
        }
    }

    /// As `Gate` has them.
    struct Schemas {
        validated: Validated,
        types: Arc<OnceLock<SchemaEnv>>,
        careful: TestSchema,
        trusting: TestSchema,
    }

    impl Schemas {
        fn new() -> Self {
            let (validated, types) = (Validated::default(), Arc::default());
            let build = || Schema::build(Query, EmptyMutation, EmptySubscription);
            let careful = build().extension(validated.learning(Arc::clone(&types))).finish();
            let trusting = build().validation_mode(ValidationMode::Fast).finish();
            Self { validated, types, careful, trusting }
        }

        fn knows(&self, text: &str, variables: &serde_json::Value) -> bool {
            let mut request = request(text, variables);
            self.fit(&mut request) && self.validated.knows(&request)
        }

        fn fit(&self, request: &mut Request) -> bool {
            let Some(types) = self.types.get() else { return false };
            let (name, given) = (request.operation_name.take(), mem::take(&mut request.variables));
            let document = request.parsed_query().unwrap();
            let fit = variables::check(&types.registry, document, name.as_deref(), &given).is_ok();
            request.variables = given;
            fit
        }

        fn ask(&self, text: &str, variables: &serde_json::Value) -> String {
            let known = self.knows(text, variables);
            ask(if known { &self.trusting } else { &self.careful }, text, variables)
        }
    }

    fn request(text: &str, variables: &serde_json::Value) -> Request {
        Request::new(text).variables(Variables::from_json(variables.clone()))
    }

    fn ask(schema: &TestSchema, text: &str, variables: &serde_json::Value) -> String {
        let response = block_on(schema.execute(request(text, variables)));
        format!("{:?} {:?}", response.data, response.errors)
    }

    /// Texts with one that is valid for them, and values of `$v` to try.
    fn tries() -> Vec<(&'static str, serde_json::Value)> {
        let ints = json!([1, -1, 1.5, 3_000_000_000_i64, "1", true, null, [1], {}]);
        let lists = json!([[1], [], 1, "x", null, [null], [[1]], [1, "x"], {}]);
        let wishes = json!([
            { "to": { "id": 1 }, "colour": "RED" },
            { "to": { "name": "x" }, "colour": "BLUE", "count": 1, "words": ["a"] },
            { "to": { "name": "x" }, "colour": "BLUE", "count": null, "words": null },
            { "to": { "id": 1 }, "colour": "RED", "words": "a" },
            { "to": { "id": 1 }, "colour": "RED", "words": [1] },
            { "to": { "id": 1, "name": "x" }, "colour": "RED" },
            { "to": { "id": null }, "colour": "RED" },
            { "to": { "other": 1 }, "colour": "RED" },
            { "to": {}, "colour": "RED" },
            { "to": 1, "colour": "RED" },
            { "to": { "id": 1 }, "colour": "GREEN" },
            { "to": { "id": 1 }, "colour": 1 },
            { "to": { "id": 1 } },
            { "to": { "id": 1 }, "colour": "RED", "more": 1 },
            null, 1, "x", [],
        ]);
        let booleans = json!([true, false, null, 1, "true"]);
        vec![
            ("query ($v: Int!) { plus(a: $v) }", ints.clone()),
            ("query ($v: Int = 5) { plus(a: $v) }", ints.clone()),
            ("query Named($v: Int!) { ...F } fragment F on Query { plus(a: $v) }", ints.clone()),
            ("query ($v: Int!) { list(a: [1, $v]) }", ints),
            ("query ($v: [Int!]!) { list(a: $v, b: true) }", lists),
            ("query ($v: Boolean) { list(a: [], b: $v) }", booleans.clone()),
            ("query ($v: Boolean!) { one @include(if: $v) }", booleans.clone()),
            ("query ($v: Boolean = true) { one @skip(if: $v) }", booleans),
            ("query ($v: Wish!) { wish(input: $v) }", wishes),
            (
                "query ($v: Int) { wish(input: { to: { id: $v }, colour: RED, bogus: 1 }) }",
                json!([1, null]),
            ),
        ]
    }

    #[test]
    fn the_answer_is_the_same_as_without() {
        let plain = Schema::build(Query, EmptyMutation, EmptySubscription).finish();
        for (text, values) in tries() {
            let values = values.as_array().unwrap();
            let all = values.iter().map(|value| json!({ "v": value })).chain([json!({})]);
            let all: Vec<_> = all.collect();
            for first in &all {
                let schemas = Schemas::new();
                schemas.ask(text, first);
                for variables in &all {
                    let expected = ask(&plain, text, variables);
                    assert_eq!(schemas.ask(text, variables), expected, "{text} {variables}");
                }
            }
        }
    }

    #[test]
    fn what_is_known_is_not_validated_again() {
        let schemas = Schemas::new();
        let text = "query A($v: Wish!) { wish(input: $v) }";
        let given = |id: i32| json!({ "v": { "to": { "id": id }, "colour": "RED" } });
        assert!(!schemas.knows(text, &given(0)));
        for id in 0..3 {
            assert!(schemas.ask(text, &given(id)).contains(&format!("{id} true 3")));
            assert!(schemas.knows(text, &given(id)));
        }
        for wrong in [json!(1), json!({}), json!(null)] {
            assert!(!schemas.knows(text, &json!({ "v": wrong })), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_valid_and_told_by_its_text_is_known() {
        let schemas = Schemas::new();
        let long = format!("{{ one }} # {}", "x".repeat(Validated::LONGEST));
        for text in [
            "{ two }",
            "query A { one } query B { one }",
            "query ($v: Int!) { list(a: [$v]) }",
            "query ($v: Int) { wish(input: { to: { id: $v }, colour: RED }) }",
            &long,
        ] {
            schemas.ask(text, &json!({ "v": 1 }));
            assert!(!schemas.knows(text, &json!({ "v": 1 })), "{text}");
        }
    }
}
