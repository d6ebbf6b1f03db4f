//! [`PathSet`]s as `FieldsV1`, the JSON of a managedFields entry: each step is
//! a field of an object, and `"."` says that the step it is under is itself a
//! member.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::path_set::{Node, PathSet};
use super::value::{self, Encoder};

/// Reads a set. Steps of an unknown sort are passed over.
///
/// # Errors
///
/// If it is not of the form; a text that says why.
pub fn from_json(value: &Value) -> Result<PathSet, String> {
    Ok(read(value)?.children)
}

/// What stands below a step, and whether the step is itself a member: it is if
/// that is said, or if there is nothing below.
fn read(value: &Value) -> Result<Node, String> {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => {
            return Ok(Node {
                member: true,
                children: PathSet::new(),
            });
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err("expect { or n".to_owned());
        }
    };
    let mut node = Node::default();
    for (name, value) in fields {
        if name == "." {
            node.member = true;
        } else if let Some(element) = PathElement::parse(name)? {
            node.children.put(element, read(value)?);
        }
    }
    node.member |= node.children.is_empty();
    Ok(node)
}

/// Writes a set as a JSON value.
#[must_use]
pub fn to_json(set: &PathSet) -> Value {
    let mut fields = Map::new();
    for (element, node) in set.nodes() {
        let mut name = String::new();
        element.write(&mut name);
        let mut below = to_json(&node.children);
        if let Value::Object(fields) = &mut below
            && node.member
            && !fields.is_empty()
        {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        fields.insert(name, below);
    }
    Value::Object(fields)
}

/// Writes a set as the text that the real server writes: by the order of the
/// steps, which for numbers is not that of their text.
#[must_use]
pub fn to_text(set: &PathSet) -> String {
    let mut out = String::new();
    write(&mut out, set, false);
    out
}

fn write(out: &mut String, set: &PathSet, member: bool) {
    out.push('{');
    let mut first = true;
    if member && !set.is_empty() {
        out.push_str("\".\":{}");
        first = false;
    }
    for (element, node) in set.nodes() {
        if !first {
            out.push(',');
        }
        first = false;
        let mut name = String::new();
        element.write(&mut name);
        value::write_json_string(out, &name, Encoder::Paths);
        out.push(':');
        write(out, &node.children, node.member);
    }
    out.push('}');
}
