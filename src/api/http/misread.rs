//! What is said of text that can't be read: where, and what should be there,
//! but nothing of the text itself. It may hold secrets, and what is refused
//! ends up in the logs of clients and of those in between.

use async_graphql::ServerError;

/// Of JSON.
pub(super) fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Of what is well-formed and not what was expected serde shows the value.
    if !error.is_data() || text.starts_with("missing field") {
        return text;
    }
    format!("a value is of the wrong kind at line {} column {}", error.line(), error.column())
}

/// Of a document. The parser shows the whole line, and beneath it what it expected.
pub(super) fn document(mut error: ServerError) -> ServerError {
    let last = error.message.lines().next_back().unwrap_or_default();
    if let Some(expected) = last.trim_start().strip_prefix("= ") {
        error.message = format!("the document can't be parsed: {expected}");
    }
    error
}

#[cfg(test)]
mod tests {
    use async_graphql::Request;

    use super::*;
    use crate::api::http::operation::Batch;

    #[test]
    fn values_are_not_repeated() {
        for (body, said) in [
            (r#"{"query":"{a}","variables":"hunter2"}"#, "wrong kind at line 1 column"),
            (r#"{"query":["hunter2"]}"#, "wrong kind at line 1 column"),
            (r#""hunter2""#, "wrong kind at line 1 column"),
            (r#"{"query":"hunter2"#, "EOF while parsing a string at line 1 column 17"),
            (r#"{"password":"hunter2"}"#, "missing field `query`"),
        ] {
            let refused = Batch::parse(body.as_bytes()).err().unwrap();
            assert!(refused.contains(said) && !refused.contains("hunter2"), "{body}: {refused}");
        }
    }

    #[test]
    fn documents_are_not_repeated() {
        for text in [
            "mutation { signIn(password: \"hunter2\" login: ) { x } }",
            "mutation { signIn(password: \"hunter2",
            "hunter2",
            "{ a(b: \"\"\"\n= hunter2",
        ] {
            let error = document(Request::new(text).parsed_query().unwrap_err());
            let said = &error.message;
            assert!(said.starts_with("the document can't be parsed: expected "), "{said}");
            assert!(!said.contains("hunter2") && !error.locations.is_empty(), "{text}: {said}");
        }
    }
}
