use regex::RegexBuilder;

use super::super::CelError;
use super::super::eval::{Evaluated, Machine};
use super::super::value::{List, Text, Value};
use super::{format, whole};

/// The largest a compiled pattern gets, in bytes.
const PATTERN_MAX: usize = 256 << 10;

pub(super) fn method<'a>(
    machine: &mut Machine<'a>,
    text: &Text<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Evaluated<'a> {
    machine.charge_for(text.len())?;
    let of: &str = text;
    let made = |text: String| Ok(Value::text(text));
    match (name, arguments) {
        ("contains", [Value::Text(part)]) => Ok(Value::Bool(of.contains(&**part))),
        ("endsWith", [Value::Text(part)]) => Ok(Value::Bool(of.ends_with(&**part))),
        ("startsWith", [Value::Text(part)]) => Ok(Value::Bool(of.starts_with(&**part))),
        ("matches", [Value::Text(pattern)]) => matches(machine, of, pattern),
        ("find", [Value::Text(pattern)]) => {
            let pattern = compiled(machine, of, pattern)?;
            made(
                pattern
                    .find(of)
                    .map_or("", |found| found.as_str())
                    .to_owned(),
            )
        }
        ("findAll", [Value::Text(pattern), rest @ ..]) => {
            let most = limit(rest)?;
            let pattern = compiled(machine, of, pattern)?;
            let found = pattern.find_iter(of).take(most);
            let found: Vec<_> = found.map(|one| Value::text(one.as_str())).collect();
            machine.charge(found.len() as u64)?;
            Ok(Value::list(found))
        }
        ("charAt", [at]) => {
            let at = position(at, of)?;
            made(of.chars().skip(at).take(1).collect())
        }
        ("indexOf", [Value::Text(part)]) => index(of, of.find(&**part)),
        ("indexOf", [Value::Text(part), from]) => {
            let start = byte(of, position(from, of)?);
            index(of, of[start..].find(&**part).map(|at| start + at))
        }
        ("lastIndexOf", [Value::Text(part)]) => index(of, of.rfind(&**part)),
        ("lastIndexOf", [Value::Text(part), from]) => {
            let last = byte(of, position(from, of)?);
            let end = of.len().min(last + part.len());
            let end = of.ceil_char_boundary(end);
            index(of, of[..end].rfind(&**part))
        }
        ("lowerAscii", []) => made(of.to_ascii_lowercase()),
        ("upperAscii", []) => made(of.to_ascii_uppercase()),
        ("reverse", []) => made(of.chars().rev().collect()),
        ("trim", []) => made(of.trim().to_owned()),
        ("substring", [from]) => {
            let from = byte(of, position(from, of)?);
            made(of[from..].to_owned())
        }
        ("substring", [from, to]) => {
            let (from, to) = (position(from, of)?, position(to, of)?);
            if from > to {
                let what = format!("invalid substring range. start: {from}, end: {to}");
                return Err(CelError::Invalid(what));
            }
            made(of[byte(of, from)..byte(of, to)].to_owned())
        }
        ("replace", [Value::Text(old), Value::Text(new), rest @ ..]) => {
            let most = limit(rest)?;
            let times = of.matches(&**old).take(most).count();
            machine.charge_for(of.len().saturating_add(times.saturating_mul(new.len())))?;
            made(of.replacen(&**old, new, times))
        }
        ("split", [Value::Text(separator), rest @ ..]) => {
            let parts: Vec<_> = match limit(rest)? {
                0 => Vec::new(),
                // Between characters, and not around them.
                most if separator.is_empty() => {
                    let ends = of.char_indices().skip(1).map(|(at, _)| at);
                    let mut parts = Vec::new();
                    let mut start = 0;
                    for end in ends.take(most - 1) {
                        parts.push(Value::text(&of[start..end]));
                        start = end;
                    }
                    parts.extend((start < of.len()).then(|| Value::text(&of[start..])));
                    parts
                }
                most => of.splitn(most, &**separator).map(Value::text).collect(),
            };
            machine.charge(parts.len() as u64)?;
            Ok(Value::list(parts))
        }
        ("format", [Value::List(list)]) => format::format(machine, of, list),
        _ => Err(CelError::NoSuchOverload),
    }
}

/// Whether a pattern is found in a text.
pub(super) fn matches<'a>(machine: &mut Machine<'a>, text: &str, pattern: &str) -> Evaluated<'a> {
    let pattern = compiled(machine, text, pattern)?;
    Ok(Value::Bool(pattern.is_match(text)))
}

fn compiled(
    machine: &mut Machine<'_>,
    text: &str,
    pattern: &str,
) -> Result<regex::Regex, CelError> {
    // What is compiled grows with the pattern, and is run over the text.
    machine.charge(100)?;
    machine.charge_for(
        pattern
            .len()
            .saturating_mul(text.len().saturating_add(1000)),
    )?;
    let compiled = RegexBuilder::new(pattern)
        .size_limit(PATTERN_MAX)
        .dfa_size_limit(PATTERN_MAX)
        .nest_limit(50)
        .build();
    compiled.map_err(|_| CelError::Invalid(format!("error parsing regexp: {pattern:?}")))
}

/// Joins texts.
pub(super) fn join<'a>(
    machine: &mut Machine<'a>,
    list: &List<'a>,
    separator: &str,
) -> Evaluated<'a> {
    let texts = super::texts(list).ok_or(CelError::NoSuchOverload)?;
    let sizes = texts.iter().map(|text| text.len() + separator.len());
    machine.charge_for(sizes.sum())?;
    let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
    Ok(Value::text(texts.join(separator)))
}

/// How many; all if it is not said, or negative.
fn limit(rest: &[Value<'_>]) -> Result<usize, CelError> {
    match rest {
        [] => Ok(usize::MAX),
        [Value::Int(limit)] => Ok(usize::try_from(*limit).unwrap_or(usize::MAX)),
        _ => Err(CelError::NoSuchOverload),
    }
}

/// A position among a text's characters, or at its end.
fn position(value: &Value<'_>, text: &str) -> Result<usize, CelError> {
    let Value::Int(at) = value else {
        return Err(CelError::NoSuchOverload);
    };
    let position = usize::try_from(*at).ok();
    let position = position.filter(|position| *position <= text.chars().count());
    position.ok_or_else(|| CelError::Invalid(format!("index out of range: {at}")))
}

/// Where the character at a position begins.
fn byte(text: &str, position: usize) -> usize {
    let mut starts = text.char_indices().map(|(at, _)| at);
    starts.nth(position).unwrap_or(text.len())
}

/// The position of the character that begins there; -1 if none does.
fn index<'a>(text: &str, at: Option<usize>) -> Evaluated<'a> {
    match at {
        None => Ok(Value::Int(-1)),
        Some(at) => whole(text[..at].chars().count()),
    }
}
