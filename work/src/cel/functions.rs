use super::CelError;
use super::eval::{Evaluated, Machine};
use super::value::{List, Value};

mod convert;
mod format;
mod lists;
mod quantity;
mod text;
mod times;

pub(super) use convert::display;
pub use quantity::Quantity;

const FUNCTIONS: [&str; 20] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "hasConditions",
    "int",
    "isQuantity",
    "matches",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "quantity",
    "size",
    "string",
    "timestamp",
    "type",
    "uint",
    // Macros, of the wrong number of arguments.
    "has",
    "optional",
];

const METHODS: [&str; 55] = [
    "add",
    "asApproximateFloat",
    "asInteger",
    "charAt",
    "compareTo",
    "contains",
    "endsWith",
    "find",
    "findAll",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "isGreaterThan",
    "isInteger",
    "isLessThan",
    "isSorted",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "max",
    "min",
    "or",
    "orValue",
    "replace",
    "reverse",
    "sign",
    "size",
    "split",
    "startsWith",
    "sub",
    "substring",
    "sum",
    "trim",
    "upperAscii",
    "value",
    // Macros, of the wrong number of arguments.
    "all",
    "exists",
    "existsOne",
    "exists_one",
    "filter",
    "flatten",
    "map",
    "optFlatMap",
    "optMap",
];

/// Whether there is a function of that name.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

/// Whether there is a function of that name that is called on a value.
pub(super) fn is_method(name: &str) -> bool {
    METHODS.contains(&name)
}

/// The type that is called so.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    const TYPES: [&str; 10] = [
        "bool",
        "bytes",
        "double",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "type",
        "uint",
    ];
    TYPES.into_iter().find(|one| *one == name)
}

/// Calls a function.
pub(super) fn call<'a>(
    machine: &mut Machine<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Evaluated<'a> {
    let one = match arguments {
        [] if name == "optional.none" => return Ok(Value::Optional(None)),
        [Value::Text(text), Value::Text(pattern)] if name == "matches" => {
            return text::matches(machine, text, pattern);
        }
        [one] => one,
        _ => return Err(CelError::NoSuchOverload),
    };
    Ok(match name {
        "bool" => convert::bool(one)?,
        "bytes" => convert::bytes(machine, one)?,
        "double" => convert::double(one)?,
        "duration" => times::duration(one)?,
        "dyn" => one.clone(),
        "hasConditions" => Value::Bool(has_conditions(one)),
        "int" => convert::int(one)?,
        "isQuantity" => match one {
            Value::Text(text) => Value::Bool(Quantity::parse(text).is_some()),
            _ => return Err(CelError::NoSuchOverload),
        },
        "optional.of" => Value::optional(Some(one.clone())),
        "optional.ofNonZeroValue" => {
            Value::optional(Some(one.clone()).filter(|one| !convert::is_zero(one)))
        }
        "quantity" => match one {
            Value::Text(text) => Value::Quantity(Quantity::parse(text).ok_or_else(|| {
                CelError::Invalid(format!(
                    "quantities must match the regular expression: {}",
                    &**text
                ))
            })?),
            _ => return Err(CelError::NoSuchOverload),
        },
        "size" => size(machine, one)?,
        "string" => convert::string(machine, one)?,
        "timestamp" => times::timestamp(one)?,
        "type" => Value::Type(one.type_name()),
        "uint" => convert::uint(one)?,
        _ => return Err(CelError::NoSuchOverload),
    })
}

/// Calls a function on a value.
pub(super) fn method<'a>(
    machine: &mut Machine<'a>,
    of: &Value<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Evaluated<'a> {
    match of {
        _ if name == "size" && arguments.is_empty() => size(machine, of),
        Value::Text(text) => text::method(machine, text, name, arguments),
        Value::List(list) => lists::method(machine, list, name, arguments),
        Value::Timestamp(moment) => times::of_timestamp(*moment, name, arguments),
        Value::Duration(span) => times::of_duration(*span, name, arguments),
        Value::Quantity(amount) => amount.method(name, arguments),
        Value::Optional(found) => match (name, arguments, found) {
            ("hasValue", [], _) => Ok(Value::Bool(found.is_some())),
            ("value", [], Some(value)) => Ok((**value).clone()),
            ("value", [], None) => Err(CelError::Invalid("optional.none() dereference".to_owned())),
            _ => Err(CelError::NoSuchOverload),
        },
        _ => Err(CelError::NoSuchOverload),
    }
}

fn size<'a>(machine: &mut Machine<'a>, of: &Value<'a>) -> Evaluated<'a> {
    let size = match of {
        Value::Text(text) => {
            machine.charge_for(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err(CelError::NoSuchOverload),
    };
    whole(size)
}

/// Open Cluster Management's own: whether a status has conditions.
fn has_conditions(status: &Value<'_>) -> bool {
    let Value::Map(status) = status else {
        return false;
    };
    matches!(status.field("conditions"), Some(Value::List(list)) if list.len() > 0)
}

/// A number of things.
fn whole<'a>(number: usize) -> Evaluated<'a> {
    let number = i64::try_from(number);
    number
        .map(Value::Int)
        .map_err(|_| CelError::Overflow("integer"))
}

/// The items of a list, if all are texts.
fn texts<'a>(list: &List<'a>) -> Option<Vec<super::value::Text<'a>>> {
    let items = list.iter().map(|item| match item {
        Value::Text(text) => Some(text),
        _ => None,
    });
    items.collect()
}
