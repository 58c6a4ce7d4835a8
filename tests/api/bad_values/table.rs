//! The tables, as they are written.

use std::path::Path;

use serde_json::Value;

/// How a bad value is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// With this code and the name of this field.
    Refused(String, Option<String>),
    /// With nothing found.
    Nothing,
}

/// A bad value of an argument, or of all arguments of a name.
pub(super) struct Line {
    pub(super) argument: String,
    pub(super) value: Value,
    pub(super) answer: Answer,
}

impl Line {
    pub(super) fn is_about(&self, argument: &str) -> bool {
        match self.argument.strip_prefix('*') {
            Some(name) => argument.ends_with(name),
            None => self.argument == argument,
        }
    }
}

/// A call that is answered.
pub(super) struct Call {
    pub(super) who: String,
    /// As the tables name it: `register`, `Viewer.friends`.
    pub(super) field: String,
    pub(super) arguments: Value,
}

impl Call {
    /// The type that has the field, and the field.
    pub(super) fn of(&self) -> (&str, &str) {
        self.field.split_once('.').unwrap_or(("Mutation", &self.field))
    }
}

pub(super) fn lines() -> Vec<Line> {
    let mut sets: Vec<(&str, Value)> = Vec::new();
    let mut lines = Vec::new();
    let text = read("table.txt");
    for columns in rows(&text) {
        if let Some(name) = columns[0].strip_prefix("set ") {
            sets.extend(columns[1..].iter().map(|value| (name, parse(value))));
            continue;
        }
        let [argument, value, answer] = columns[..] else { panic!("no line: {columns:?}") };
        let mut values: Vec<Value> = sets
            .iter()
            .filter(|(name, _)| *name == value)
            .map(|(_, value)| value.clone())
            .collect();
        if values.is_empty() {
            values.push(parse(value));
        }
        let answer = match answer.split_once(' ') {
            _ if answer == "nothing" => Answer::Nothing,
            Some((code, field)) => Answer::Refused(code.to_owned(), Some(field.to_owned())),
            None => Answer::Refused(answer.to_owned(), None),
        };
        let line = |value| Line { argument: argument.to_owned(), value, answer: answer.clone() };
        lines.extend(values.into_iter().map(line));
    }
    lines
}

pub(super) fn calls() -> Vec<Call> {
    let call = |columns: Vec<&str>| {
        let [who, field, arguments] = columns[..] else { panic!("no call: {columns:?}") };
        Call { who: who.to_owned(), field: field.to_owned(), arguments: parse(arguments) }
    };
    rows(&read("calls.txt")).map(call).collect()
}

/// A file beside this one. Read when the test runs: who changes a table need not build anew.
fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/bad_values").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What is written between two spaces or more, of each line that is no comment.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect())
}

/// JSON, or a string or a list of one and how often it comes.
fn parse(text: &str) -> Value {
    let value = |text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match text.rsplit_once('*').and_then(|(once, times)| Some((once, times.parse().ok()?))) {
        Some((once, times)) => match value(once) {
            Value::String(text) => Value::String(text.repeat(times)),
            Value::Array(items) => (0..times).flat_map(|_| items.clone()).collect(),
            other => panic!("{other} can't be repeated"),
        },
        None => value(text),
    }
}
