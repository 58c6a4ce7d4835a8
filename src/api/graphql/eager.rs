//! Objects of which an answer has many: the same as async-graphql makes of
//! them, at a fraction of its cost.
//!
//! async-graphql gives each field of each object a future on the heap, and polls what
//! waits among all that does not. Nearly all fields of a page have their values at
//! hand, so here a field is polled before it gets a place of its own.

use std::{borrow::Cow, future::poll_fn, mem, task::Poll};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned,
    ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, Selection, SelectionSet},
    registry::Registry,
    resolver_utils::resolve_container,
};
use futures::{TryFutureExt, future::try_join_all};
use tokio_util::sync::ReusableBoxFuture;

/// An object whose fields are polled one after the other, and only those of them wait that
/// have to. Extensions of the schema are not asked about its fields.
#[derive(Clone)]
pub struct Eager<T>(pub(super) T);

/// The same of one that is borrowed. `&T` itself would not tell of which type a value of
/// an interface is.
pub struct EagerRef<'a, T>(pub(super) &'a T);

macro_rules! eager {
    (for<$($lifetime:lifetime)?> $eager:ty, $this:ident => $object:expr) => {
        impl<$($lifetime,)? T: ContainerType> OutputType for $eager {
            fn type_name() -> Cow<'static, str> {
                T::type_name()
            }

            fn introspection_type_name(&self) -> Cow<'static, str> {
                let $this = self;
                $object.introspection_type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                T::create_type_info(registry)
            }

            async fn resolve(
                &self,
                ctx: &ContextSelectionSet<'_>,
                _field: &Positioned<Field>,
            ) -> ServerResult<Value> {
                let $this = self;
                Box::pin(resolve(ctx, $object)).await
            }
        }

        impl<$($lifetime,)? T: ContainerType> ContainerType for $eager {
            async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
                let $this = self;
                $object.resolve_field(ctx).await
            }
        }

        impl<$($lifetime,)? T: ObjectType> ObjectType for $eager {}
    };
}

eager!(for<> Eager<T>, this => &this.0);
eager!(for<'a> EagerRef<'a, T>, this => this.0);

type Selected<'a> = Vec<(&'a Name, &'a Positioned<Field>)>;

async fn resolve<T: ContainerType>(
    ctx: &ContextSelectionSet<'_>,
    object: &T,
) -> ServerResult<Value> {
    let mut selected = Vec::with_capacity(ctx.item.node.items.len());
    if !select(ctx, object, &ctx.item.node, &mut selected) {
        return resolve_container(ctx, object).await;
    }
    let mut values = IndexMap::with_capacity(selected.len());
    let mut waiting = Vec::new();
    // The place of a field that did not need it: those of an object have the same layout.
    let mut spare: Option<ReusableBoxFuture<'_, ServerResult<Option<Value>>>> = None;
    for (name, field) in selected {
        if field.node.name.node == "__typename" {
            let of = object.introspection_type_name().into_owned();
            values.insert(name.clone(), Value::String(of));
            continue;
        }
        let value = async move { object.resolve_field(&ctx.with_field(field)).await };
        let mut future = match spare.take() {
            Some(mut spare) => {
                spare.set(value);
                spare
            }
            None => ReusableBoxFuture::new(value),
        };
        match poll_fn(|cx| Poll::Ready(future.poll(cx))).await {
            Poll::Ready(value) => {
                values.insert(name.clone(), value?.unwrap_or_default());
                spare = Some(future);
            }
            Poll::Pending => {
                let (place, _) = values.insert_full(name.clone(), Value::Null);
                waiting
                    .push(poll_fn(move |cx| future.poll(cx)).map_ok(move |value| (place, value)));
            }
        }
    }
    if !waiting.is_empty() {
        // Whoever waits wakes this. Polled again at once a loader would take it for a later turn,
        // and ask before it has heard what the others need.
        let mut polled = true;
        poll_fn(|_| if mem::take(&mut polled) { Poll::Pending } else { Poll::Ready(()) }).await;
    }
    for (place, value) in try_join_all(waiting).await? {
        if let Some((_, slot)) = values.get_index_mut(place) {
            *slot = value.unwrap_or_default();
        }
    }
    Ok(Value::Object(values))
}

/// The fields that are selected of the object, each of them once: GraphQL, October 2021,
/// section 6.3.2. `false` where two selections have to be merged, or the object's type is
/// not known by `T`: then it is left to async-graphql.
fn select<'a, T: ContainerType>(
    ctx: &ContextSelectionSet<'a>,
    object: &T,
    set: &'a SelectionSet,
    selected: &mut Selected<'a>,
) -> bool {
    set.items.iter().all(|selection| {
        let (condition, set) = match &selection.node {
            Selection::Field(field) => return add(field, selected),
            Selection::InlineFragment(fragment) => {
                (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let Some(fragment) = ctx.query_env.fragments.get(name) else { return false };
                (Some(&fragment.node.type_condition), &fragment.node.selection_set)
            }
        };
        let of = object.introspection_type_name();
        let types = &ctx.schema_env.registry;
        let applies = condition.is_none_or(|condition| {
            let condition = condition.node.on.node.as_str();
            let interfaces = types.implements.get(&*of);
            condition == of || interfaces.is_some_and(|names| names.contains(condition))
        });
        of == T::type_name() && (!applies || select(ctx, object, &set.node, selected))
    })
}

fn add<'a>(field: &'a Positioned<Field>, selected: &mut Selected<'a>) -> bool {
    let name = &field.node.response_key().node;
    if selected.iter().any(|(other, _)| *other == name) {
        return field.node.selection_set.node.items.is_empty();
    }
    selected.push((name, field));
    true
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Interface, Object, Result, Schema};
    use futures::executor::block_on;
    use tokio::task::yield_now;

    use super::*;

    #[derive(Clone)]
    struct Letter(i32);

    #[derive(Interface)]
    #[graphql(field(name = "number", ty = "i32"))]
    enum Post {
        Letter(Letter),
    }

    #[Object]
    impl Letter {
        async fn number(&self) -> i32 {
            self.0
        }

        async fn text(&self, #[graphql(default = 1)] times: usize) -> String {
            yield_now().await;
            self.0.to_string().repeat(times)
        }

        async fn next(&self) -> Option<Eager<Letter>> {
            yield_now().await;
            (self.0 < 5).then_some(Eager(Letter(self.0 + 1)))
        }

        async fn plain(&self) -> Letter {
            Letter(self.0)
        }

        async fn lost(&self) -> Option<Result<i32>> {
            yield_now().await;
            Some(Err("lost".into()))
        }

        async fn needed(&self) -> Result<i32> {
            if self.0 == 3 { Err("missing".into()) } else { Ok(self.0) }
        }
    }

    struct Query(Post);

    #[Object]
    impl Query {
        async fn eager(&self) -> Vec<Eager<Letter>> {
            (1..4).map(Letter).map(Eager).collect()
        }

        async fn usual(&self) -> Vec<Letter> {
            (1..4).map(Letter).collect()
        }

        async fn post(&self) -> Eager<Post> {
            Eager(Post::from(Letter(7)))
        }

        async fn sent(&self) -> Vec<EagerRef<'_, Post>> {
            vec![EagerRef(&self.0)]
        }
    }

    fn answer(query: &str) -> String {
        let schema = Schema::new(Query(Post::from(Letter(7))), EmptyMutation, EmptySubscription);
        serde_json::to_string(&block_on(schema.execute(query))).unwrap()
    }

    #[test]
    fn the_answers_are_those_of_async_graphql() {
        let known = "fragment Known on Letter { known: number text }";
        let deep = "fragment Deep on Letter { next { next { number } } }";
        for (selected, fragment) in [
            ("{ number text plain { number } }", ""),
            ("{ text(times: 2) twice: text(times: 2) number }", ""),
            ("{ __typename number next { number text next { __typename text } } }", ""),
            ("{ number number ... on Letter { number text } ...Known text }", known),
            ("{ ... { number } ... on Post { number } text }", ""),
            ("{ next { number } next { text number } ...Deep }", deep),
            ("{ text @skip(if: true) number @include(if: true) }", ""),
            ("{ lost text number }", ""),
            ("{ number text needed }", ""),
            ("{ next { lost needed } number }", ""),
        ] {
            // Their names are equally long, so that errors stand at the same places.
            let answers = ["eager", "usual"]
                .map(|field| answer(&format!("{{ letters: {field} {selected} }} {fragment}")));
            assert_eq!(answers[0], answers[1], "{selected}");
            assert!(answers[0].contains("letters"), "{selected}: {}", answers[0]);
        }
        let both = "{ number __typename ... on Letter { text } }";
        let post = r#"{"number":7,"__typename":"Letter","text":"7"}"#;
        assert_eq!(
            answer(&format!("{{ post {both} sent {both} }}")),
            format!(r#"{{"data":{{"post":{post},"sent":[{post}]}}}}"#)
        );
    }

    #[test]
    fn a_schema_shows_nothing_of_it() {
        let schema = Schema::new(Query(Post::from(Letter(7))), EmptyMutation, EmptySubscription);
        let sdl = schema.sdl();
        assert!(sdl.contains("eager: [Letter!]!") && !sdl.contains("Eager"), "{sdl}");
    }
}
