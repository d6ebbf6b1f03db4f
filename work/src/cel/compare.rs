use std::cmp::Ordering;

use super::CelError;
use super::eval::Machine;
use super::value::Value;

impl Machine<'_> {
    /// Whether two values are equal; of different types none are, but for numbers.
    pub(super) fn equal(&mut self, one: &Value<'_>, other: &Value<'_>) -> Result<bool, CelError> {
        self.charge(1)?;
        Ok(match (one, other) {
            (Value::List(one), Value::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (one, other) in one.iter().zip(other.iter()) {
                    if !self.equal(&one, &other)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(one), Value::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                self.charge_for(one.len())?;
                for (key, one) in one.entries() {
                    self.charge_for(other.len())?;
                    match other.get(&key) {
                        Some(other) if self.equal(&one, &other)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Value::Text(one), Value::Text(other)) => {
                self.charge_for(one.len().min(other.len()))?;
                **one == **other
            }
            (Value::Bytes(one), Value::Bytes(other)) => {
                self.charge_for(one.len().min(other.len()))?;
                one == other
            }
            (Value::Optional(None), Value::Optional(None)) | (Value::Null, Value::Null) => true,
            (Value::Optional(Some(one)), Value::Optional(Some(other))) => self.equal(one, other)?,
            (Value::Type(one), Value::Type(other)) => one == other,
            _ => order_of(one, other) == Some(Ordering::Equal),
        })
    }

    /// How two values are ordered; `None` if a number is none.
    pub(super) fn order(
        &mut self,
        one: &Value<'_>,
        other: &Value<'_>,
    ) -> Result<Option<Ordering>, CelError> {
        self.charge(1)?;
        match (one, other) {
            (Value::Text(one), Value::Text(other)) => {
                self.charge_for(one.len().min(other.len()))?;
                Ok(Some((**one).cmp(&**other)))
            }
            (Value::Bytes(one), Value::Bytes(other)) => {
                self.charge_for(one.len().min(other.len()))?;
                Ok(Some(one.cmp(other)))
            }
            (Value::Double(number), other) | (other, Value::Double(number))
                if number.is_nan() && is_number(other) =>
            {
                Ok(None)
            }
            _ => match order_of(one, other) {
                Some(order) => Ok(Some(order)),
                None => Err(CelError::NoSuchOverload),
            },
        }
    }
}

const fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Double(_) | Value::Int(_) | Value::Uint(_))
}

fn order_of(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Duration(one), Value::Duration(other)) => Some(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        (Value::Quantity(one), Value::Quantity(other)) => Some(one.cmp(other)),
        _ if is_number(one) && is_number(other) => match (one.whole(), other.whole()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => double(one)?.partial_cmp(&double(other)?),
        },
        _ => None,
    }
}

fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(double) => Some(*double),
        Value::Int(int) => Some(*int as f64),
        Value::Uint(uint) => Some(*uint as f64),
        _ => None,
    }
}
