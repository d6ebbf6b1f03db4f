use super::super::CelError;
use super::super::eval::Evaluated;
use super::super::value::Value;

/// An amount of a resource, in billionths, as precise as Kubernetes has them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Quantity(i128);

const ONE: i128 = 1_000_000_000;

impl Quantity {
    /// Of a text such as `100m` or `1Gi`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        api::quantity::canonical(text)?;
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let end = unsigned.find(|of: char| !of.is_ascii_digit() && of != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: i128 = match [whole, fraction].concat().as_str() {
            "" => return None,
            digits => digits.parse().ok()?,
        };
        let (exponent, factor) = scale(suffix)?;
        // Of billionths.
        let exponent = exponent + 9 - i32::try_from(fraction.len()).ok()?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
        let digits = digits.checked_mul(factor)?;
        let billionths = if exponent < 0 {
            // What is smaller counts as one.
            digits / power + i128::from(digits % power != 0)
        } else {
            digits.checked_mul(power)?
        };
        Some(Self(if negative { -billionths } else { billionths }))
    }

    pub(super) fn method<'a>(self, name: &str, arguments: &[Value<'a>]) -> Evaluated<'a> {
        let other = match arguments {
            [] => return self.alone(name),
            [Value::Quantity(other)] => *other,
            [Value::Int(whole)] if matches!(name, "add" | "sub") => Self(i128::from(*whole) * ONE),
            _ => return Err(CelError::NoSuchOverload),
        };
        let made = |of: Option<i128>| match of {
            Some(billionths) => Ok(Value::Quantity(Self(billionths))),
            None => Err(CelError::Overflow("quantity")),
        };
        match name {
            "add" => made(self.0.checked_add(other.0)),
            "compareTo" => Ok(Value::Int(self.cmp(&other) as i64)),
            "isGreaterThan" => Ok(Value::Bool(self > other)),
            "isLessThan" => Ok(Value::Bool(self < other)),
            "sub" => made(self.0.checked_sub(other.0)),
            _ => Err(CelError::NoSuchOverload),
        }
    }

    fn alone<'a>(self, name: &str) -> Evaluated<'a> {
        let whole = (self.0 % ONE == 0).then_some(self.0 / ONE);
        let whole = whole.and_then(|whole| i64::try_from(whole).ok());
        match name {
            "asApproximateFloat" => Ok(Value::Double(self.0 as f64 / ONE as f64)),
            "asInteger" => match whole {
                Some(whole) => Ok(Value::Int(whole)),
                None => {
                    let what = "cannot convert value to integer".to_owned();
                    Err(CelError::Invalid(what))
                }
            },
            "isInteger" => Ok(Value::Bool(whole.is_some())),
            "sign" => Ok(Value::Int(self.0.signum() as i64)),
            _ => Err(CelError::NoSuchOverload),
        }
    }
}

/// The power of ten and the factor that a suffix stands for.
fn scale(suffix: &str) -> Option<(i32, i128)> {
    Some(match suffix {
        "n" => (-9, 1),
        "u" => (-6, 1),
        "m" => (-3, 1),
        "" => (0, 1),
        "k" => (3, 1),
        "M" => (6, 1),
        "G" => (9, 1),
        "T" => (12, 1),
        "P" => (15, 1),
        "E" => (18, 1),
        "Ki" => (0, 1 << 10),
        "Mi" => (0, 1 << 20),
        "Gi" => (0, 1 << 30),
        "Ti" => (0, 1 << 40),
        "Pi" => (0, 1 << 50),
        "Ei" => (0, 1 << 60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            return (-18..=18).contains(&exponent).then_some((exponent, 1));
        }
    })
}
