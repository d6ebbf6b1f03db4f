use std::cmp::Ordering;

use super::super::CelError;
use super::super::ast::Operator;
use super::super::eval::{Evaluated, Machine};
use super::super::operators;
use super::super::value::{List, Value};
use super::{text, whole};

/// How deep lists are made flat.
const FLATTEN_MAX: usize = 16;

pub(super) fn method<'a>(
    machine: &mut Machine<'a>,
    list: &List<'a>,
    name: &str,
    arguments: &[Value<'a>],
) -> Evaluated<'a> {
    machine.charge_for(list.len())?;
    match (name, arguments) {
        ("isSorted", []) => {
            let later = list.iter().skip(1);
            for (one, next) in list.iter().zip(later) {
                if machine.order(&one, &next)? == Some(Ordering::Greater) {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        }
        ("sum", []) => {
            let mut items = list.iter();
            let mut sum = items.next().unwrap_or(Value::Int(0));
            for item in items {
                machine.charge(1)?;
                sum = operators::arithmetic(machine, Operator::Add, &sum, &item)?;
            }
            match sum {
                Value::Double(_) | Value::Duration(_) | Value::Int(_) | Value::Uint(_) => Ok(sum),
                _ => Err(CelError::NoSuchOverload),
            }
        }
        ("min", []) => extreme(machine, list, Ordering::Less, "min"),
        ("max", []) => extreme(machine, list, Ordering::Greater, "max"),
        ("indexOf", [one]) => {
            for (at, item) in list.iter().enumerate() {
                if machine.equal(&item, one)? {
                    return whole(at);
                }
            }
            Ok(Value::Int(-1))
        }
        ("lastIndexOf", [one]) => {
            for at in (0..list.len()).rev() {
                if let Some(item) = list.get(at)
                    && machine.equal(&item, one)?
                {
                    return whole(at);
                }
            }
            Ok(Value::Int(-1))
        }
        ("join", []) => text::join(machine, list, ""),
        ("join", [Value::Text(separator)]) => text::join(machine, list, separator),
        ("reverse", []) => {
            let mut items: Vec<_> = list.iter().collect();
            items.reverse();
            Ok(Value::list(items))
        }
        ("flatten", []) => flatten(machine, list, 1),
        ("flatten", [Value::Int(depth)]) => {
            let depth = usize::try_from(*depth).ok();
            let depth = depth.filter(|depth| *depth <= FLATTEN_MAX);
            let wrong = || CelError::Invalid(format!("flatten depth is not up to {FLATTEN_MAX}"));
            flatten(machine, list, depth.ok_or_else(wrong)?)
        }
        _ => Err(CelError::NoSuchOverload),
    }
}

fn extreme<'a>(
    machine: &mut Machine<'a>,
    list: &List<'a>,
    wanted: Ordering,
    name: &str,
) -> Evaluated<'a> {
    let mut items = list.iter();
    let empty = || CelError::Invalid(format!("{name} called on empty list"));
    let mut found = items.next().ok_or_else(empty)?;
    for item in items {
        if machine.order(&item, &found)? == Some(wanted) {
            found = item;
        }
    }
    Ok(found)
}

fn flatten<'a>(machine: &mut Machine<'a>, list: &List<'a>, depth: usize) -> Evaluated<'a> {
    let mut flat: Vec<Value<'a>> = list.iter().collect();
    for _ in 0..depth {
        let mut next = Vec::with_capacity(flat.len());
        for item in flat {
            match item {
                Value::List(inner) => {
                    machine.charge(1 + inner.len() as u64)?;
                    next.extend(inner.iter());
                }
                other => next.push(other),
            }
        }
        flat = next;
    }
    Ok(Value::list(flat))
}
