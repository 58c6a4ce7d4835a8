//! Documents and cursors of clients, as `crate::fuzzing` takes them.

use std::sync::{Arc, LazyLock};

use async_graphql::{
    Executor, Request, Response, Variables,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};
use futures::FutureExt;
use serde_json::Value;

use super::{Gate, builder, page, parser};
use crate::{ambient::Ambient, rates::Rates};

/// All that comes before the execution, and nothing of it.
struct NothingRuns;

impl ExtensionFactory for NothingRuns {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for NothingRuns {
    async fn execute(
        &self,
        _ctx: &ExtensionContext<'_>,
        _operation_name: Option<&str>,
        _next: NextExecute<'_>,
    ) -> Response {
        Response::default()
    }
}

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let rates = Rates::new(None, &Ambient::system());
    match Gate::new(|| builder().extension(NothingRuns), rates) {
        Ok(gate) => gate,
        Err(error) => panic!("{error}"),
    }
});

/// A document, and behind a zero byte its variables as JSON, is refused or
/// would be executed. Whether it is known as a valid one makes no difference.
pub fn documents(data: &[u8]) {
    let Ok(given) = str::from_utf8(data) else { return };
    let (document, variables) = given.split_once('\0').unwrap_or((given, "{}"));
    let variables: Value = serde_json::from_str(variables).unwrap_or_default();
    let refused = is_refused(document, variables.clone());
    assert_eq!(refused, is_refused(document, variables.clone()));
    // Too long to be kept.
    let unknown = format!("{document}\n{}", " ".repeat(16 * 1024));
    assert_eq!(refused, is_refused(&unknown, variables));
}

fn is_refused(document: &str, variables: Value) -> bool {
    let Ok(parsed) = parser::parse(document) else { return true };
    let mut request = Request::new(document).variables(Variables::from_json(variables));
    request.set_parsed_query(parsed);
    let Some(answer) = GATE.execute(request).now_or_never() else {
        panic!("nothing is waited for")
    };
    answer.is_err()
}

/// What a cursor says is said again by the cursor that is made of it.
pub fn page_cursors(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    macro_rules! same {
        ($($parse:expr => $make:expr),* $(,)?) => {
            $(if let Ok(Some(key)) = $parse(Some(text)) {
                let cursor = $make(&key);
                assert_eq!($parse(Some(cursor.as_str())).ok(), Some(Some(key)));
            })*
        };
    }
    same! {
        page::parse_name => |name: &String| page::name_cursor(name),
        page::parse_time => |key: &_| page::time_cursor(*key),
        |cursor| page::parse_number("before", cursor) => |number: &i64| page::number_cursor(*number),
        page::parse_group => page::group_cursor,
        page::parse_directory => page::directory_cursor,
    }
}
