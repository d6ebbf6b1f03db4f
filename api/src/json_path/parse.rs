use std::str::FromStr;

use serde_json::Value;

use super::{Comparison, Filter, JsonPath, JsonPathError, Operand, Slice, Step};

impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(text: &str) -> Result<Self, JsonPathError> {
        let mut steps = Vec::new();
        let mut rest = text.trim().trim_start_matches(['$', '@']);
        while !rest.is_empty() {
            let step;
            if let Some(behind) = rest.strip_prefix("..") {
                steps.push(Step::Descend);
                // Behind it a field has no point.
                rest = if behind.starts_with('[') {
                    behind
                } else {
                    &rest[1..]
                };
            }
            let parsed = if let Some(behind) = rest.strip_prefix("[?(") {
                filter(behind)
            } else if let Some(behind) = rest.strip_prefix('[') {
                bracket(behind)
            } else if let Some(behind) = rest.strip_prefix('.') {
                field(behind)
            } else {
                None
            };
            (step, rest) = parsed.ok_or_else(|| JsonPathError {
                rest: rest.to_owned(),
            })?;
            steps.push(step);
        }
        Ok(Self(steps))
    }
}

/// A name up to what ends it; a backslash takes that for part of the name.
fn field(text: &str) -> Option<(Step, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?.1),
            '.' | '[' | ' ' => {
                end = at;
                break;
            }
            '{' | '}' | ']' | '(' | ')' | ',' | '"' | '\'' => return None,
            _ => name.push(character),
        }
    }
    let step = match name.as_str() {
        "" => return None,
        "*" => Step::Wildcard,
        _ => Step::Field(name.into()),
    };
    Some((step, text[end..].trim_start_matches(' ')))
}

fn bracket(text: &str) -> Option<(Step, &str)> {
    let (inside, rest) = text.split_once(']')?;
    if inside.contains(',') {
        let several = inside.split(',').map(|one| selected(one.trim()));
        return Some((Step::Union(several.collect::<Option<_>>()?), rest));
    }
    Some((selected(inside)?, rest))
}

/// A name in quotes, an index or a slice.
fn selected(inside: &str) -> Option<Step> {
    let quoted = inside
        .strip_prefix('\'')
        .and_then(|inside| inside.strip_suffix('\''));
    if let Some(name) = quoted {
        let (step, behind) = field(name)?;
        return behind.is_empty().then_some(step);
    }
    let mut parts = if inside == "*" { ":" } else { inside }.split(':');
    let mut number = || match parts.next() {
        None => Some(None),
        Some("") => Some(Some(None)),
        Some(digits) => digits.parse().ok().map(|number: i64| Some(Some(number))),
    };
    let (start, end, step) = (number()?, number()?, number()?);
    let start = start.flatten();
    let slice = Slice {
        start,
        end: match end {
            Some(end) => end,
            None => Some(start?.checked_add(1)?),
        },
        single: end.is_none(),
        step: step.flatten(),
    };
    parts.next().is_none().then_some(Step::Slice(slice))
}

fn filter(text: &str) -> Option<(Step, &str)> {
    let mut quote = None;
    let mut before = None;
    let mut end = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character && before != Some('\\') => quote = None,
            (None, ')') => {
                end = Some(at);
                break;
            }
            _ => {}
        }
        before = Some(character);
    }
    let inside = &text[..end?];
    let rest = text[end?..].strip_prefix(")]")?;
    let operator = |c: char| matches!(c, '!' | '<' | '=' | '>');
    let filter = match inside.find(operator) {
        None => Filter {
            left: inside.parse().ok()?,
            test: None,
        },
        Some(at) => {
            let right = inside[at..].trim_start_matches(operator);
            let comparison = match &inside[at..inside.len() - right.len()] {
                "==" => Comparison::Equal,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                "!=" => Comparison::NotEqual,
                _ => return None,
            };
            Filter {
                left: inside[..at].parse().ok()?,
                test: Some((comparison, operand(right.trim())?)),
            }
        }
    };
    Some((Step::Filter(filter), rest))
}

fn operand(text: &str) -> Option<Operand> {
    if text.starts_with(['@', '$', '.']) {
        return text.parse().ok().map(Operand::Path);
    }
    let literal = match text.chars().next()? {
        quote @ ('"' | '\'') => {
            let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
            Value::String(inside.replace('\\', ""))
        }
        _ => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| value.is_number() || value.is_boolean())?,
    };
    Some(Operand::Literal(literal))
}
