use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::value::{self, Encoder};

/// One step from a value to something within it.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// The field of that name.
    Field(Box<str>),
    /// The item of a list whose fields have these values; sorted by name.
    Key(Box<[(Box<str>, Value)]>),
    /// The item of a set that is this value.
    Value(Value),
    /// The item at that place.
    Index(i64),
}

impl PathElement {
    /// The field `name`.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// Reads the form it has as a field's name in `FieldsV1`: `f:name`,
    /// `k:{"name":"x"}`, `v:"x"`, `i:0`. `Ok(None)` if it is of a sort that is
    /// not known, which is to be passed over.
    ///
    /// # Errors
    ///
    /// If it is not of that form.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let (Some(sort), Some(rest)) = (text.as_bytes().first(), text.get(2..)) else {
            return Err("key must be 2 characters long:".to_owned());
        };
        if text.as_bytes().get(1) != Some(&b':') {
            return Err(format!("missing colon: {text}"));
        }
        let element = match sort {
            b'f' => Self::field(rest),
            b'v' => Self::Value(parse_value(rest)?),
            b'k' => {
                let fields: Map<String, Value> =
                    serde_json::from_str(rest).map_err(|error| error.to_string())?;
                let fields = fields.into_iter();
                Self::Key(
                    fields
                        .map(|(name, value)| (name.into(), narrow(value)))
                        .collect(),
                )
            }
            b'i' => Self::Index(rest.parse().map_err(|_| format!("bad index: {rest}"))?),
            _ => return Ok(None),
        };
        Ok(Some(element))
    }

    /// Writes the form that [`parse`](Self::parse) reads.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Field(name) => {
                out.push_str("f:");
                out.push_str(name);
            }
            Self::Key(fields) => {
                out.push_str("k:{");
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value::write_json_string(out, name, Encoder::Paths);
                    out.push(':');
                    value::write_json(out, value, Encoder::Paths);
                }
                out.push('}');
            }
            Self::Value(value) => {
                out.push_str("v:");
                value::write_json(out, value, Encoder::Paths);
            }
            Self::Index(index) => {
                out.push_str("i:");
                out.push_str(&index.to_string());
            }
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

fn parse_value(text: &str) -> Result<Value, String> {
    let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(narrow(value))
}

/// The real server reads every number in a path as a float. Those that are
/// whole are kept as integers here: they compare and are written the same.
#[expect(
    clippy::cast_possible_truncation,
    reason = "within what a float holds exactly"
)]
fn narrow(value: Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Value::Number(number) = &value else {
        return value;
    };
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < EXACT => Value::from(float as i64),
        Some(float) => Number::from_f64(float).map_or(Value::Null, Value::Number),
        None => value,
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(left), Self::Field(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => {
                let pairs = left.iter().zip(right);
                pairs
                    .map(|((left_name, left), (right_name, right))| {
                        left_name
                            .cmp(right_name)
                            .then_with(|| value::compare(left, right))
                    })
                    .find(|order| order.is_ne())
                    .unwrap_or_else(|| left.len().cmp(&right.len()))
            }
            (Self::Value(left), Self::Value(right)) => value::compare(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// As messages have it: `.name`, `[name="x"]`, `[="x"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match self {
            Self::Field(name) => return write!(f, ".{name}"),
            Self::Index(index) => return write!(f, "[{index}]"),
            Self::Key(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    text.push_str(name);
                    text.push('=');
                    value::write_plain(&mut text, value);
                }
            }
            Self::Value(value) => {
                text.push('=');
                value::write_plain(&mut text, value);
            }
        }
        write!(f, "[{text}]")
    }
}

/// The way from an object to something within it.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Path(pub Vec<PathElement>);

/// `.spec.containers[name="x"].image`
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
