//! What a subscription asks for, told from its text before anything runs.

use std::hash::{Hash, Hasher};

use async_graphql::{
    Name, Positioned, Request, Value, Variables,
    parser::types::{
        ExecutableDocument, Field, OperationDefinition, OperationType, VariableDefinition,
    },
};

use super::{chosen::chosen, roots};

/// A subscription to `events` and nothing else.
pub(super) struct Asked {
    /// What it wants to hear.
    pub(super) words: Words,
    /// From when on, and about what.
    pub(super) start: Start,
}

/// The arguments of `events`.
#[derive(Default)]
pub(super) struct Start {
    pub(super) after: Option<String>,
    pub(super) conversation: Option<String>,
}

/// The words in which something is asked, without the arguments of `events`.
pub(super) struct Words {
    text: String,
    operation_name: Option<String>,
    /// As JSON.
    variables: String,
    values: Variables,
    document: ExecutableDocument,
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.operation_name, &self.variables)
            == (&other.text, &other.operation_name, &other.variables)
    }
}

impl Eq for Words {}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.text, &self.operation_name, &self.variables).hash(state);
    }
}

impl Words {
    /// A request in the same words.
    pub(super) fn request(&self) -> Request {
        let mut request = Request::new(self.text.clone()).variables(self.values.clone());
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(self.document.clone());
        request
    }
}

impl Asked {
    /// What the request asks for; `None` where it is anything else, or may
    /// not be right: whoever executes it says what is wrong.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        let (name, given) = (request.operation_name.clone(), request.variables.clone());
        let text = request.query.clone();
        let document = request.parsed_query().ok()?.clone();
        let operation = subscription(&document, name.as_deref())?;
        let events = |field: &&Field| field.name.node == "events" && field.directives.is_empty();
        let field = roots::only(operation).filter(events)?;
        let mut start = Start::default();
        let mut rest = given.clone();
        for (argument, value) in &field.arguments {
            let place = match argument.node.as_str() {
                "after" => &mut start.after,
                "conversationId" => &mut start.conversation,
                _ => return None,
            };
            let value = value.node.clone().into_const_with(|name| {
                rest.remove(&name);
                variable(operation, &text, &given, &name).ok_or(())
            });
            *place = match value.ok()? {
                Value::Null => None,
                Value::String(text) => Some(text),
                _ => return None,
            };
        }
        let variables = serde_json::to_string(&rest).ok()?;
        let words = Words { text, operation_name: name, variables, values: rest, document };
        Some(Self { words, start })
    }
}

/// The operation that is to be executed, if it is a subscription and no more.
fn subscription<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    let (_, operation) = chosen(document, name)?;
    let plain = operation.ty == OperationType::Subscription && operation.directives.is_empty();
    plain.then_some(operation)
}

/// The value of a variable that is used nowhere else.
fn variable(
    operation: &OperationDefinition,
    text: &str,
    given: &Variables,
    name: &Name,
) -> Option<Value> {
    let is_it = |defined: &&Positioned<VariableDefinition>| defined.node.name.node == *name;
    let defined = &operation.variable_definitions.iter().find(is_it)?.node;
    // Where it is defined and where it is used. Between the sign and the name there may be spaces.
    let twice = text.matches(&format!("${name}")).count() == 2 && are_all_whole(text);
    if !twice || !defined.var_type.node.nullable {
        return None;
    }
    let default = || defined.default_value().cloned().unwrap_or_default();
    Some(given.get(name).cloned().unwrap_or_else(default))
}

/// Whether each dollar sign has its name right behind it.
fn are_all_whole(text: &str) -> bool {
    text.split('$')
        .skip(1)
        .all(|rest| rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_understood(text: &str) -> bool {
        Asked::of(&mut Request::new(text)).is_some()
    }

    #[test]
    fn a_variable_that_is_used_elsewhere_is_left_to_the_execution() {
        let again = "message { conversation { messages(after: $ after) { nodes { id } } } }";
        for (text, understood) in [
            ("subscription ($after: String) { events(after: $after) { cursor } }", true),
            ("subscription ($after: String) { e: events(after: $after) { cursor } }", true),
            ("subscription ($ after: String) { events(after: $after) { cursor } }", false),
            ("subscription ($after: String!) { events(after: $after) { cursor } }", false),
        ] {
            assert_eq!(is_understood(text), understood, "{text}");
            assert!(!is_understood(&text.replace("cursor", again)), "{text}");
        }
    }
}
