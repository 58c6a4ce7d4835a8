//! What is said of JSON that can't be read: where, and what should be there,
//! but nothing of the text itself. It may hold secrets, and what is refused
//! ends up in the logs of clients and of those in between.

/// What is wrong with JSON.
pub(super) fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Of what is well-formed and not what was expected serde shows the value.
    if !error.is_data() || text.starts_with("missing field") {
        return text;
    }
    format!("a value is of the wrong kind at line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
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
}
