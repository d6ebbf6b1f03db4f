//! The v2 document in protobuf, by the message types of `openapi.v2`: for
//! `client-go`, which takes no other form, and with it for older kubectl.
//!
//! Of an operation it has what those look at: what kind it is of, and which
//! parameters it takes.

use serde_json::Value;

use super::{each_definition, each_path};
use crate::Registry;

/// Fields of a message, written one after the other.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

pub(super) fn encode(registry: &Registry) -> Vec<u8> {
    let mut document = Message::default();
    document.text(1, "2.0");
    let mut info = Message::default();
    info.text(1, "Kubernetes");
    info.text(2, super::super::RELEASE);
    document.message(2, info);
    let mut paths = Message::default();
    each_path(registry, |path, item| {
        paths.message(2, named(path, self::item(&item)));
    });
    document.message(8, paths);
    let mut definitions = Message::default();
    each_definition(registry, |name, of| {
        definitions.message(1, named(name, schema(&of)));
    });
    document.message(9, definitions);
    document.0
}

fn item(of: &Value) -> Message {
    let mut item = Message::default();
    for (number, method) in [
        (2, "get"),
        (3, "put"),
        (4, "post"),
        (5, "delete"),
        (8, "patch"),
    ] {
        if let Some(of) = of.get(method) {
            item.message(number, operation(of));
        }
    }
    item.parameters(9, &of["parameters"]);
    item
}

fn operation(of: &Value) -> Message {
    let mut operation = Message::default();
    operation.texts(1, &of["tags"]);
    operation.text(5, of["operationId"].as_str().unwrap_or_default());
    operation.texts(6, &of["produces"]);
    operation.texts(7, &of["consumes"]);
    operation.parameters(8, &of["parameters"]);
    let mut responses = Message::default();
    for (code, of) in of["responses"].as_object().into_iter().flatten() {
        let mut response = Message::default();
        response.text(1, of["description"].as_str().unwrap_or_default());
        if let Some(of) = of.get("schema") {
            response.message(2, within(1, schema(of)));
        }
        responses.message(1, named(code, within(1, response)));
    }
    operation.message(9, responses);
    operation.texts(10, &of["schemes"]);
    operation.extensions(13, of);
    operation
}

fn parameter(of: &Value) -> Message {
    let text = |name: &str| of[name].as_str().unwrap_or_default();
    let mut parameter = Message::default();
    match text("in") {
        "body" => {
            parameter.text(2, text("name"));
            parameter.text(3, "body");
            parameter.flag(4, of["required"] == true);
            parameter.message(5, schema(&of["schema"]));
            within(1, parameter)
        }
        "path" => {
            parameter.flag(1, of["required"] == true);
            parameter.text(2, "path");
            parameter.text(4, text("name"));
            parameter.text(5, text("type"));
            parameter.flag(18, of["uniqueItems"] == true);
            within(2, within(4, parameter))
        }
        _ => {
            parameter.text(2, "query");
            parameter.text(4, text("name"));
            parameter.text(6, text("type"));
            parameter.flag(20, of["uniqueItems"] == true);
            within(2, within(3, parameter))
        }
    }
}

fn schema(of: &Value) -> Message {
    let mut schema = Message::default();
    for (number, name) in [(1, "$ref"), (2, "format"), (13, "pattern")] {
        schema.text(number, of[name].as_str().unwrap_or_default());
    }
    if let Some(default) = of.get("default") {
        schema.message(5, any(default));
    }
    for (number, name) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        schema.double(number, of[name].as_f64().unwrap_or_default());
    }
    schema.flag(8, of["exclusiveMaximum"] == true);
    schema.flag(10, of["exclusiveMinimum"] == true);
    for (number, name) in [
        (11, "maxLength"),
        (12, "minLength"),
        (14, "maxItems"),
        (15, "minItems"),
        (17, "maxProperties"),
        (18, "minProperties"),
    ] {
        schema.number(number, of[name].as_u64().unwrap_or_default());
    }
    schema.texts(19, &of["required"]);
    for value in of["enum"].as_array().into_iter().flatten() {
        schema.message(20, any(value));
    }
    if let Some(of) = of.get("additionalProperties") {
        let item = match of.as_bool() {
            Some(any) => {
                let mut item = Message::default();
                item.flag(2, any);
                item
            }
            None => within(1, self::schema(of)),
        };
        schema.message(21, item);
    }
    if let Some(kind) = of["type"].as_str() {
        let mut item = Message::default();
        item.text(1, kind);
        schema.message(22, item);
    }
    if let Some(items) = of.get("items") {
        schema.message(23, within(1, self::schema(items)));
    }
    for of in of["allOf"].as_array().into_iter().flatten() {
        schema.message(24, self::schema(of));
    }
    if let Some(of) = of["properties"].as_object() {
        let mut properties = Message::default();
        for (name, of) in of {
            properties.message(1, named(name, self::schema(of)));
        }
        schema.message(25, properties);
    }
    schema.extensions(31, of);
    schema
}

/// A name with what it names, as all such messages have them.
fn named(name: &str, value: Message) -> Message {
    let mut message = Message::default();
    message.text(1, name);
    message.message(2, value);
    message
}

fn within(number: u32, inner: Message) -> Message {
    let mut outer = Message::default();
    outer.message(number, inner);
    outer
}

/// Any value is YAML in a text, of which JSON is a part.
fn any(value: &Value) -> Message {
    let mut any = Message::default();
    any.text(2, &format!("{value}\n"));
    any
}

impl Message {
    fn key(&mut self, number: u32, wire: u32) {
        self.varint(u64::from(number << 3 | wire));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.key(number, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, number: u32, message: Self) {
        self.bytes(number, &message.0);
    }

    fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn texts(&mut self, number: u32, texts: &Value) {
        let texts = texts.as_array().into_iter().flatten();
        for text in texts.filter_map(Value::as_str) {
            self.bytes(number, text.as_bytes());
        }
    }

    fn number(&mut self, number: u32, value: u64) {
        if value > 0 {
            self.key(number, 0);
            self.varint(value);
        }
    }

    fn flag(&mut self, number: u32, value: bool) {
        self.number(number, value.into());
    }

    fn double(&mut self, number: u32, value: f64) {
        if value != 0.0 {
            self.key(number, 1);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn parameters(&mut self, number: u32, parameters: &Value) {
        for of in parameters.as_array().into_iter().flatten() {
            self.message(number, within(1, parameter(of)));
        }
    }

    fn extensions(&mut self, number: u32, of: &Value) {
        for (name, value) in of.as_object().into_iter().flatten() {
            if name.starts_with("x-") {
                self.message(number, named(name, any(value)));
            }
        }
    }
}
