//! Texts with values in them.

use super::super::CelError;
use super::super::eval::{Evaluated, Machine};
use super::super::value::{List, Value};
use super::display;

/// The most digits behind a point.
const PRECISION_MAX: usize = 100;

/// How deep what is put in may be nested.
const NESTED_MAX: usize = 16;

pub(super) fn format<'a>(
    machine: &mut Machine<'a>,
    template: &str,
    arguments: &List<'a>,
) -> Evaluated<'a> {
    let mut arguments = arguments.iter();
    let mut made = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        made.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            made.push('%');
            rest = behind;
            continue;
        }
        let precision = precision(&mut rest)?;
        let mut characters = rest.chars();
        let clause = characters.next();
        rest = characters.as_str();
        let argument = arguments.next().ok_or_else(|| {
            CelError::Invalid("index out of range: too few arguments to format".to_owned())
        })?;
        let before = made.len();
        put(machine, &mut made, clause, precision, &argument)?;
        machine.charge_for(made.len() - before)?;
    }
    made.push_str(rest);
    machine.charge_for(template.len())?;
    Ok(Value::text(made))
}

fn precision(rest: &mut &str) -> Result<usize, CelError> {
    let Some(behind) = rest.strip_prefix('.') else {
        return Ok(6);
    };
    let end = behind.find(|of: char| !of.is_ascii_digit());
    let (digits, behind) = behind.split_at(end.unwrap_or(behind.len()));
    *rest = behind;
    let precision = digits.parse().ok();
    let precision = precision.filter(|precision| *precision <= PRECISION_MAX);
    precision.ok_or_else(|| CelError::Invalid("invalid precision".to_owned()))
}

fn put(
    machine: &mut Machine<'_>,
    made: &mut String,
    clause: Option<char>,
    precision: usize,
    argument: &Value<'_>,
) -> Result<(), CelError> {
    let text = match (clause, argument) {
        (Some('s'), _) => return put_any(machine, made, argument, NESTED_MAX),
        (Some('d'), Value::Int(int)) => int.to_string(),
        (Some('d'), Value::Uint(uint)) => uint.to_string(),
        (Some('f'), Value::Double(double)) => format!("{double:.precision$}"),
        (Some('e'), Value::Double(double)) => format!("{double:.precision$e}"),
        (Some('b'), Value::Bool(bool)) => u8::from(*bool).to_string(),
        (Some('b'), Value::Int(int)) => signed(*int, |of| format!("{of:b}")),
        (Some('o'), Value::Int(int)) => signed(*int, |of| format!("{of:o}")),
        (Some('x'), Value::Int(int)) => signed(*int, |of| format!("{of:x}")),
        (Some('X'), Value::Int(int)) => signed(*int, |of| format!("{of:X}")),
        (Some('b'), Value::Uint(uint)) => format!("{uint:b}"),
        (Some('o'), Value::Uint(uint)) => format!("{uint:o}"),
        (Some('x'), Value::Uint(uint)) => format!("{uint:x}"),
        (Some('X'), Value::Uint(uint)) => format!("{uint:X}"),
        (Some('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X'), _) => {
            return Err(CelError::NoSuchOverload);
        }
        (Some(other), _) => {
            let what = format!("could not parse formatting clause: unrecognized {other:?}");
            return Err(CelError::Invalid(what));
        }
        (None, _) => return Err(CelError::Invalid("unexpected end of format".to_owned())),
    };
    made.push_str(&text);
    Ok(())
}

fn signed(int: i64, digits: impl Fn(u64) -> String) -> String {
    let sign = if int < 0 { "-" } else { "" };
    format!("{sign}{}", digits(int.unsigned_abs()))
}

fn put_any(
    machine: &mut Machine<'_>,
    made: &mut String,
    value: &Value<'_>,
    depth: usize,
) -> Result<(), CelError> {
    machine.charge(1)?;
    let Some(depth) = depth.checked_sub(1) else {
        return Err(CelError::Invalid("too deep to be a text".to_owned()));
    };
    match value {
        Value::List(list) => {
            made.push('[');
            for (at, item) in list.iter().enumerate() {
                made.push_str(if at == 0 { "" } else { ", " });
                put_any(machine, made, &item, depth)?;
            }
            made.push(']');
        }
        Value::Map(map) => {
            made.push('{');
            for (at, (key, value)) in map.entries().iter().enumerate() {
                made.push_str(if at == 0 { "" } else { ", " });
                put_any(machine, made, key, depth)?;
                made.push_str(": ");
                put_any(machine, made, value, depth)?;
            }
            made.push('}');
        }
        _ => {
            let text = display(value);
            machine.charge_for(text.len())?;
            made.push_str(&text);
        }
    }
    Ok(())
}
