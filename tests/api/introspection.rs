//! The schema as clients introspect it, for tests that go through all of it.

use serde_json::{Map, Value};

use crate::support::Client;

const TYPES: &str = "{ __schema { types { kind name enumValues { name } possibleTypes { name }
    fields { name type { ...T } args { name defaultValue type { ...T } } }
    inputFields { name defaultValue type { ...T } } } } }
    fragment T on __Type {
        kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types of the schema, by name.
pub struct Schema(Map<String, Value>);

impl Schema {
    pub async fn of(client: &Client) -> Self {
        let data = client.data(TYPES, Value::Null).await;
        let types = data["__schema"]["types"].as_array().unwrap();
        Self(types.iter().map(|kind| (text(&kind["name"]).to_owned(), kind.clone())).collect())
    }

    /// What has fields, but for what introspection itself is made of.
    pub fn with_fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let own = self.0.iter().filter(|(name, _)| !name.starts_with("__"));
        own.filter(|(_, kind)| kind["fields"].is_array()).map(|(name, kind)| (&**name, kind))
    }

    pub fn kind(&self, name: &str) -> &str {
        text(&self.0[name]["kind"])
    }

    pub fn fields(&self, of: &str) -> &[Value] {
        list(&self.0[of]["fields"])
    }

    pub fn field(&self, of: &str, name: &str) -> &Value {
        let mut fields = self.fields(of).iter();
        fields.find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {of}.{name}"))
    }

    /// The fields of an input object; none of any other type.
    pub fn input_fields(&self, of: &str) -> &[Value] {
        list(&self.0[of]["inputFields"])
    }

    /// The first value of an enum.
    pub fn first_value(&self, of: &str) -> &str {
        text(&self.0[of]["enumValues"][0]["name"])
    }

    /// The object types that implement an interface.
    pub fn implementers(&self, of: &str) -> impl Iterator<Item = &str> {
        list(&self.0[of]["possibleTypes"]).iter().map(|kind| text(&kind["name"]))
    }

    /// A document that calls a field with these arguments, each a variable. `reach` leads from the top to the field.
    pub fn call(
        &self,
        of: &str,
        name: &str,
        given: &Value,
        reach: impl FnOnce(&str) -> String,
    ) -> String {
        let field = self.field(of, name);
        let arguments = list(&field["args"]).iter();
        let used: Vec<_> =
            arguments.filter(|one| given.get(text(&one["name"])).is_some()).collect();
        let all = |write: &dyn Fn(&str, String) -> String| -> String {
            let written: Vec<String> =
                used.iter().map(|one| write(text(&one["name"]), written(&one["type"]))).collect();
            if written.is_empty() { String::new() } else { format!("({})", written.join(", ")) }
        };
        let declared = all(&|name, kind| format!("${name}: {kind}"));
        let passed = all(&|name, _| format!("{name}: ${name}"));
        let keyword = if of == "Mutation" { "mutation" } else { "query" };
        let field = format!("{name}{passed} {}", self.selection(&field["type"]));
        format!("{keyword} {declared} {{ {} }}", reach(&field))
    }

    /// Some selection of a field of this type: nothing of a leaf, of a
    /// connection its nodes, so that one can count them.
    pub fn selection(&self, kind: &Value) -> &'static str {
        let name = named(kind);
        match self.kind(name) {
            "SCALAR" | "ENUM" => "",
            _ if name.ends_with("Connection") => "{ nodes { __typename } }",
            _ => "{ __typename }",
        }
    }
}

/// The name of a type without what says that it is a list or not null.
pub fn named(mut kind: &Value) -> &str {
    while !kind["ofType"].is_null() {
        kind = &kind["ofType"];
    }
    text(&kind["name"])
}

/// The type as documents write it.
fn written(kind: &Value) -> String {
    match text(&kind["kind"]) {
        "NON_NULL" => format!("{}!", written(&kind["ofType"])),
        "LIST" => format!("[{}]", written(&kind["ofType"])),
        _ => text(&kind["name"]).to_owned(),
    }
}

/// Whether an argument or the field of an input object can't be left out.
pub fn is_needed(argument: &Value) -> bool {
    argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
