//! How JSON values are ordered, compared and written where fields are named by
//! them: as Go's decoder sees them, a number is an `int64` if it is written as
//! one and a `float64` otherwise, and the two compare by what they amount to.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::{Number, Value};

use crate::quoted::Quoted;

/// A number as Go holds it.
#[derive(Clone, Copy)]
pub(super) enum GoNumber {
    Int(i64),
    Float(f64),
}

impl From<&Number> for GoNumber {
    fn from(number: &Number) -> Self {
        match number.as_i64() {
            Some(int) => Self::Int(int),
            None => Self::Float(number.as_f64().unwrap_or_default()),
        }
    }
}

impl GoNumber {
    #[expect(clippy::cast_precision_loss, reason = "as Go compares them")]
    const fn as_float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }
}

/// A total order over values of every type: numbers, strings, booleans,
/// lists, objects, null.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let mut pairs = left.iter().zip(right);
            pairs
                .find_map(|(left, right)| Some(compare(left, right)).filter(|o| o.is_ne()))
                .unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            let mut pairs = left.iter().zip(right);
            pairs
                .find_map(|((left_key, left), (right_key, right))| {
                    let order = left_key.cmp(right_key).then_with(|| compare(left, right));
                    Some(order).filter(|o| o.is_ne())
                })
                .unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Whether two values are the same; `1` and `1.0` are.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right).is_eq(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| equal(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((left_key, left), (right_key, right))| {
                        left_key == right_key && equal(left, right)
                    })
        }
        _ => left == right,
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    match (GoNumber::from(left), GoNumber::from(right)) {
        (GoNumber::Int(left), GoNumber::Int(right)) => left.cmp(&right),
        (left, right) => left.as_float().total_cmp(&right.as_float()),
    }
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

/// Which of the real server's encoders is to be matched; both escape what HTML
/// could take for its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoder {
    /// Go's own, by which objects are written.
    Standard,
    /// The one by which paths are written.
    Paths,
}

/// Writes a value as JSON.
pub(super) fn write_json(out: &mut String, value: &Value, encoder: Encoder) {
    match value {
        Value::Number(number) => match GoNumber::from(number) {
            GoNumber::Int(int) => {
                let _ = write!(out, "{int}");
            }
            GoNumber::Float(float) => {
                let start = out.len();
                write_float(out, float, 1e-6, 1e21);
                // `1e-07` is `1e-7` for one of them.
                if encoder == Encoder::Standard
                    && let Some(zero) = out[start..].find("e-0")
                {
                    out.remove(start + zero + 2);
                }
            }
        },
        Value::String(text) => write_json_string(out, text, encoder),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(out, item, encoder);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_string(out, name, encoder);
                out.push(':');
                write_json(out, value, encoder);
            }
            out.push('}');
        }
        Value::Bool(_) | Value::Null => {
            let _ = write!(out, "{value}");
        }
    }
}

pub(super) fn write_json_string(out: &mut String, text: &str, encoder: Encoder) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' if encoder == Encoder::Standard => out.push_str("\\b"),
            '\u{c}' if encoder == Encoder::Standard => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Writes a float without an exponent unless it is smaller than `least` or not
/// smaller than `most`, as Go's formats do.
fn write_float(out: &mut String, float: f64, least: f64, most: f64) {
    let size = float.abs();
    if size != 0.0 && (size < least || size >= most) {
        let text = format!("{float:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
    } else {
        let _ = write!(out, "{float}");
    }
}

/// A value as messages show it within a path.
pub(super) fn write_plain(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => {
            let _ = write!(out, "{}", Quoted(text));
        }
        Value::Bool(bool) => {
            let _ = write!(out, "{bool}");
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_plain(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let _ = write!(out, "{name}=");
                write_plain(out, value);
            }
        }
    }
}

/// As `%v` writes it.
fn write_number(out: &mut String, number: &Number) {
    match GoNumber::from(number) {
        GoNumber::Int(int) => {
            let _ = write!(out, "{int}");
        }
        GoNumber::Float(float) => write_float(out, float, 1e-4, 1e21),
    }
}

/// A value as `%v` writes it.
pub(crate) fn go_value(value: &Value) -> String {
    let mut out = String::new();
    write_go(&mut out, value, false);
    out
}

/// A value as `%#v` writes it.
pub(super) fn go_syntax(value: &Value) -> String {
    let mut out = String::new();
    write_go(&mut out, value, true);
    out
}

fn write_go(out: &mut String, value: &Value, syntax: bool) {
    match value {
        Value::Null if syntax => out.push_str("interface {}(nil)"),
        Value::Null => out.push_str("<nil>"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) if syntax => {
            let _ = write!(out, "{}", Quoted(text));
        }
        Value::String(text) => out.push_str(text),
        Value::Bool(bool) => {
            let _ = write!(out, "{bool}");
        }
        Value::Array(items) => {
            out.push_str(if syntax { "[]interface {}{" } else { "[" });
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(if syntax { ", " } else { " " });
                }
                write_go(out, item, syntax);
            }
            out.push(if syntax { '}' } else { ']' });
        }
        Value::Object(fields) => {
            out.push_str(if syntax {
                "map[string]interface {}{"
            } else {
                "map["
            });
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push_str(if syntax { ", " } else { " " });
                }
                if syntax {
                    let _ = write!(out, "{}", Quoted(name));
                } else {
                    out.push_str(name);
                }
                out.push(':');
                write_go(out, value, syntax);
            }
            out.push(if syntax { '}' } else { ']' });
        }
    }
}

/// The name of a value's Go type.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) => match GoNumber::from(number) {
            GoNumber::Int(_) => "int64",
            GoNumber::Float(_) => "float64",
        },
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
