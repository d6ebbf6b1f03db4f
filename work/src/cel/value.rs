use std::ops::Deref;
use std::rc::Rc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::functions::Quantity;

/// A value of an expression.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// Bytes.
    Bytes(Rc<[u8]>),
    /// A floating-point number.
    Double(f64),
    /// A span of time.
    Duration(SignedDuration),
    /// A whole number.
    Int(i64),
    /// A list.
    List(List<'a>),
    /// A map.
    Map(Map<'a>),
    /// Nothing.
    Null,
    /// A value that there may not be.
    Optional(Option<Rc<Self>>),
    /// An amount of a resource.
    Quantity(Quantity),
    /// A text.
    Text(Text<'a>),
    /// A moment.
    Timestamp(Timestamp),
    /// A type, by its name.
    Type(&'static str),
    /// A whole number without a sign.
    Uint(u64),
}

/// A text.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// Of an object or of the expression.
    Borrowed(&'a str),
    /// That was made.
    Owned(Rc<str>),
}

/// A list.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// Of an object.
    Json(&'a [Json]),
    /// That was made.
    Owned(Rc<[Value<'a>]>),
}

/// A map; keys are booleans, texts or whole numbers.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// Of an object.
    Json(&'a serde_json::Map<String, Json>),
    /// That was made.
    Owned(Rc<[(Value<'a>, Value<'a>)]>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Owned(items) => items.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.get(at).map(Value::from),
            Self::Owned(items) => items.get(at).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(entries) => entries.len(),
            Self::Owned(entries) => entries.len(),
        }
    }

    /// The value of a text.
    pub(super) fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Json(entries) => entries.get(name).map(Value::from),
            Self::Owned(entries) => {
                let mut entries = entries.iter();
                let is = |key: &Value<'_>| matches!(key, Value::Text(text) if **text == *name);
                let found = entries.find(|(key, _)| is(key))?;
                Some(found.1.clone())
            }
        }
    }

    /// The value of a key; a whole number may be of any type.
    pub(super) fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        match (self, key) {
            (_, Value::Text(name)) => self.field(name),
            (Self::Owned(entries), _) => {
                let mut entries = entries.iter();
                let found = entries.find(|(one, _)| one.is_same_key(key))?;
                Some(found.1.clone())
            }
            (Self::Json(_), _) => None,
        }
    }

    /// Keys and values, in an order that is always the same.
    pub(super) fn entries(&self) -> Vec<(Value<'a>, Value<'a>)> {
        match self {
            Self::Json(entries) => {
                let entries = entries.iter();
                let text = |key: &'a str| Value::Text(Text::Borrowed(key));
                entries
                    .map(|(key, value)| (text(key), Value::from(value)))
                    .collect()
            }
            Self::Owned(entries) => entries.to_vec(),
        }
    }
}

impl<'a> Value<'a> {
    /// A text that was made.
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Owned(text.into()))
    }

    /// A list that was made.
    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(List::Owned(items.into()))
    }

    pub(super) fn optional(of: Option<Self>) -> Self {
        Self::Optional(of.map(Rc::new))
    }

    /// The name of its type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Bytes(_) => "bytes",
            Self::Double(_) => "double",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Int(_) => "int",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Null => "null_type",
            Self::Optional(_) => "optional_type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Text(_) => "string",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Uint(_) => "uint",
        }
    }

    /// Whether it may be a map's key.
    pub(super) const fn is_key(&self) -> bool {
        matches!(
            self,
            Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::Uint(_)
        )
    }

    fn is_same_key(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Bool(one), Value::Bool(other)) => one == other,
            (Self::Text(one), Value::Text(other)) => **one == **other,
            _ => match (self.whole(), other.whole()) {
                (Some(one), Some(other)) => one == other,
                _ => false,
            },
        }
    }

    /// Its number, if it is a whole one whatever its type.
    pub(super) fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(i128::from(*int)),
            Self::Uint(uint) => Some(i128::from(*uint)),
            // As large as any other number may be.
            Self::Double(double) if double.fract() == 0.0 && double.abs() < 2e19 => {
                Some(*double as i128)
            }
            _ => None,
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => match number.as_i64() {
                Some(int) => Self::Int(int),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::Text(Text::Borrowed(text)),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(entries) => Self::Map(Map::Json(entries)),
        }
    }
}
