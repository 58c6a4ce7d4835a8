//! What is of the wrong type, for every argument alike.

use serde_json::Value;

use crate::introspection::{Schema, named};

/// Halves of surrogate pairs, which no text can hold.
const HALVES: [&str; 3] = [r#""\ud800""#, r#""\udfffx""#, r#""\udc00\ud800""#];

/// Values, as JSON, that a place of this type can't take.
pub(super) fn unfit(schema: &Schema, kind: &Value) -> Vec<&'static str> {
    let mut values = Vec::new();
    let mut kind = kind;
    if kind["kind"] == "NON_NULL" {
        values.push("null");
        kind = &kind["ofType"];
    }
    if kind["kind"] == "LIST" {
        values.extend([r#"{"a": 1}"#, "true", "1.5", "[true]", r#"[["x"]]"#, "[[]]"]);
        if kind["ofType"]["kind"] == "NON_NULL" {
            values.push("[null]");
        }
        return values;
    }
    let name = named(kind);
    values.extend_from_slice(match (schema.kind(name), name) {
        ("ENUM", _) => {
            &["\"\"", "\"NONSENSE\"", "\"owner\"", "\"FRIENDS \"", "1", "true", "{}", "[1]"]
        }
        ("INPUT_OBJECT", _) => &["\"x\"", "7", "true", "[7]", r#"{"nothing": 1}"#],
        (_, "String") => &["7", "-1", "1.5", "true", r#"["x"]"#, "[]", "{}", r#"{"x": "y"}"#],
        (_, "ID") => &["1.5", "true", r#"["x"]"#, "[]", "{}"],
        (_, "Int") => {
            &["\"7\"", "\"\"", "1.5", "true", "[1]", "{}", "2147483648", "-2147483649", "1e100"]
        }
        (_, "Boolean") => &["\"true\"", "\"\"", "0", "1", "1.5", "{}", "[true]"],
        _ => panic!("what is no {name}?"),
    });
    if schema.kind(name) != "INPUT_OBJECT" {
        values.extend(HALVES);
    }
    values
}
