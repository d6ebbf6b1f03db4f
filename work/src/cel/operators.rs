use super::CelError;
use super::ast::Operator;
use super::eval::{Evaluated, Machine};
use super::value::Value;

pub(super) fn negate<'a>(value: &Value<'_>) -> Evaluated<'a> {
    match value {
        Value::Int(int) => match int.checked_neg() {
            Some(int) => Ok(Value::Int(int)),
            None => Err(CelError::Overflow("integer")),
        },
        Value::Double(double) => Ok(Value::Double(-double)),
        _ => Err(CelError::NoSuchOverload),
    }
}

pub(super) fn arithmetic<'a>(
    machine: &mut Machine<'a>,
    operator: Operator,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Evaluated<'a> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => int(operator, *left, *right),
        (Value::Uint(left), Value::Uint(right)) => uint(operator, *left, *right),
        (Value::Double(left), Value::Double(right)) => double(operator, *left, *right),
        _ if operator == Operator::Add => add(machine, left, right),
        _ if operator == Operator::Subtract => subtract(left, right),
        _ => Err(CelError::NoSuchOverload),
    }
}

fn int<'a>(operator: Operator, left: i64, right: i64) -> Evaluated<'a> {
    let value = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide if right == 0 => return Err(CelError::DivisionByZero),
        Operator::Divide => left.checked_div(right),
        _ if right == 0 => return Err(CelError::ModulusByZero),
        _ => left.checked_rem(right),
    };
    value.map(Value::Int).ok_or(CelError::Overflow("integer"))
}

fn uint<'a>(operator: Operator, left: u64, right: u64) -> Evaluated<'a> {
    let value = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide if right == 0 => return Err(CelError::DivisionByZero),
        Operator::Divide => left.checked_div(right),
        _ if right == 0 => return Err(CelError::ModulusByZero),
        _ => left.checked_rem(right),
    };
    let overflow = CelError::Overflow("unsigned integer");
    value.map(Value::Uint).ok_or(overflow)
}

fn double<'a>(operator: Operator, left: f64, right: f64) -> Evaluated<'a> {
    Ok(Value::Double(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        _ => return Err(CelError::NoSuchOverload),
    }))
}

fn add<'a>(machine: &mut Machine<'a>, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
    let overflow = || CelError::Overflow("timestamp");
    Ok(match (left, right) {
        (Value::Text(left), Value::Text(right)) => {
            machine.charge_for(left.len() + right.len())?;
            Value::text([&**left, &**right].concat())
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            machine.charge_for(left.len() + right.len())?;
            Value::Bytes([&**left, &**right].concat().into())
        }
        (Value::List(left), Value::List(right)) => {
            machine.charge((left.len() + right.len()) as u64)?;
            Value::list(left.iter().chain(right.iter()).collect())
        }
        (Value::Duration(left), Value::Duration(right)) => {
            let sum = left.checked_add(*right);
            Value::Duration(sum.ok_or(CelError::Overflow("duration"))?)
        }
        (Value::Timestamp(moment), Value::Duration(span))
        | (Value::Duration(span), Value::Timestamp(moment)) => {
            Value::Timestamp(moment.checked_add(*span).map_err(|_| overflow())?)
        }
        _ => return Err(CelError::NoSuchOverload),
    })
}

fn subtract<'a>(left: &Value<'_>, right: &Value<'_>) -> Evaluated<'a> {
    Ok(match (left, right) {
        (Value::Duration(left), Value::Duration(right)) => {
            let difference = left.checked_sub(*right);
            Value::Duration(difference.ok_or(CelError::Overflow("duration"))?)
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => {
            Value::Duration(left.duration_since(*right))
        }
        (Value::Timestamp(moment), Value::Duration(span)) => {
            let moment = moment.checked_sub(*span);
            Value::Timestamp(moment.map_err(|_| CelError::Overflow("timestamp"))?)
        }
        _ => return Err(CelError::NoSuchOverload),
    })
}
