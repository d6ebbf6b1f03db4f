//! Values of one type from those of another.

use super::super::CelError;
use super::super::eval::{Evaluated, Machine};
use super::super::value::Value;
use super::times;

/// A value as text, as far as it can be one.
pub(in super::super) fn display(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Uint(uint) => uint.to_string(),
        Value::Double(double) => double.to_string(),
        Value::Duration(span) => times::seconds(*span),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Type(name) => (*name).to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Optional(_)
        | Value::Quantity(_) => value.type_name().to_owned(),
    }
}

pub(super) fn bool<'a>(value: &Value<'a>) -> Evaluated<'a> {
    Ok(Value::Bool(match value {
        Value::Bool(bool) => *bool,
        Value::Text(text) => match &**text {
            "true" | "True" | "TRUE" | "t" | "1" => true,
            "false" | "False" | "FALSE" | "f" | "0" => false,
            _ => return conversion("string", text, "bool"),
        },
        _ => return Err(CelError::NoSuchOverload),
    }))
}

pub(super) fn bytes<'a>(machine: &mut Machine<'a>, value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Bytes(_) => Ok(value.clone()),
        Value::Text(text) => {
            machine.charge_for(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => Err(CelError::NoSuchOverload),
    }
}

pub(super) fn double<'a>(value: &Value<'a>) -> Evaluated<'a> {
    Ok(Value::Double(match value {
        Value::Double(double) => *double,
        Value::Int(int) => *int as f64,
        Value::Uint(uint) => *uint as f64,
        Value::Text(text) => match text.parse() {
            Ok(double) => double,
            Err(_) => return conversion("string", text, "double"),
        },
        _ => return Err(CelError::NoSuchOverload),
    }))
}

pub(super) fn int<'a>(value: &Value<'a>) -> Evaluated<'a> {
    let number = match value {
        Value::Text(text) => match text.parse() {
            Ok(number) => return Ok(Value::Int(number)),
            Err(_) => return conversion("string", text, "int"),
        },
        Value::Timestamp(moment) => return Ok(Value::Int(moment.as_second())),
        Value::Duration(span) => i64::try_from(span.as_nanos()).ok(),
        _ => truncated(value)?.and_then(|whole| i64::try_from(whole).ok()),
    };
    number.map(Value::Int).ok_or(CelError::Overflow("integer"))
}

pub(super) fn uint<'a>(value: &Value<'a>) -> Evaluated<'a> {
    if let Value::Text(text) = value {
        return match text.parse() {
            Ok(number) => Ok(Value::Uint(number)),
            Err(_) => conversion("string", text, "uint"),
        };
    }
    let number = truncated(value)?.and_then(|whole| u64::try_from(whole).ok());
    let overflow = CelError::Overflow("unsigned integer");
    number.map(Value::Uint).ok_or(overflow)
}

/// A number without its fraction; `None` if it is far too large.
fn truncated(value: &Value<'_>) -> Result<Option<i128>, CelError> {
    match value {
        Value::Double(double) => Ok(Value::Double(double.trunc()).whole()),
        Value::Int(_) | Value::Uint(_) => Ok(value.whole()),
        _ => Err(CelError::NoSuchOverload),
    }
}

pub(super) fn string<'a>(machine: &mut Machine<'a>, value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Text(_) => Ok(value.clone()),
        Value::Bytes(bytes) => {
            machine.charge_for(bytes.len())?;
            match str::from_utf8(bytes) {
                Ok(text) => Ok(Value::text(text)),
                Err(_) => Err(CelError::Invalid("invalid UTF-8 in bytes".to_owned())),
            }
        }
        Value::Bool(_)
        | Value::Double(_)
        | Value::Duration(_)
        | Value::Int(_)
        | Value::Timestamp(_)
        | Value::Uint(_) => Ok(Value::text(display(value))),
        _ => Err(CelError::NoSuchOverload),
    }
}

pub(super) fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Bool(bool) => !bool,
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Double(double) => *double == 0.0,
        Value::Duration(span) => span.is_zero(),
        Value::Int(int) => *int == 0,
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        Value::Null => true,
        Value::Optional(found) => found.is_none(),
        Value::Text(text) => text.is_empty(),
        Value::Uint(uint) => *uint == 0,
        Value::Quantity(_) | Value::Timestamp(_) | Value::Type(_) => false,
    }
}

fn conversion<'a>(from: &str, value: &str, to: &str) -> Evaluated<'a> {
    Err(CelError::Invalid(format!(
        "type conversion error from '{from}' to '{to}': {value:?}"
    )))
}
