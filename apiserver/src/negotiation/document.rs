//! Reads bodies that are one JSON or YAML document.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::json_syntax;
use crate::Status;

/// A body as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it says; of a field that is there twice, the last.
    pub value: Value,
    /// The fields that are there twice, as `spec.containers[0].name`, in the
    /// order met; no more than 100 are told.
    pub duplicates: Vec<String>,
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is no JSON; the text is the real server's.
    #[error("{0}")]
    Json(String),
    /// It says more than is read.
    #[error("more than {MAX_VALUES} values")]
    TooMany,
    /// It is no YAML, or more of it than is read.
    #[error("yaml: {0}")]
    Yaml(String),
}

/// The most values (fields and items, and what they are in) of a body. Two
/// bytes can become a few hundred here, so that the size of bodies alone does
/// not bound what an object takes, and what it costs to look at it.
pub(crate) const MAX_VALUES: usize = 200_000;

/// The deepest that JSON may be nested.
const MAX_DEPTH: usize = 128;
/// The deepest that YAML may be nested: its reader needs a good part of a
/// thread's stack for that.
const MAX_YAML_DEPTH: usize = 64;
/// Duplicates behind that many are not told.
const MAX_TOLD: usize = 100;
/// The most that a YAML document's aliases may add to it.
const MAX_REPLAYED_EVENTS: usize = 200_000;

impl Document {
    /// Reads JSON. Bytes that are no UTF-8 become replacement characters.
    ///
    /// # Errors
    /// If it is no JSON, is nested deeper than 128, or says too much.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        let text = whole(String::from_utf8_lossy(bytes));
        let told = Told::default();
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let read = Node::root(&told)
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value));
        match read {
            Ok(value) => Ok(told.document(value)),
            Err(_) if told.is_full() => Err(DocumentError::TooMany),
            Err(error) => Err(DocumentError::Json(
                json_syntax::complaint(text.as_bytes(), MAX_DEPTH)
                    .unwrap_or_else(|| error.to_string()),
            )),
        }
    }

    /// Reads YAML, of which JSON is a part.
    ///
    /// # Errors
    /// If it is neither, if it is nested too deep or says too much, or if its
    /// aliases would make it too large.
    pub fn from_yaml(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.first() == Some(&b'{')
            && let read @ (Ok(_) | Err(DocumentError::TooMany)) = Self::from_json(bytes)
        {
            return read;
        }
        let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: MAX_YAML_DEPTH, max_nodes: 1_000_000 },
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: MAX_REPLAYED_EVENTS,
            },
            legacy_octal_numbers: true,
            with_snippet: false,
        };
        let told = Told::default();
        serde_saphyr::with_deserializer_from_str_with_options(&text, options, |deserializer| {
            Node::root(&told).deserialize(deserializer)
        })
        .map_err(|error| {
            if told.is_full() {
                DocumentError::TooMany
            } else {
                DocumentError::Yaml(error.to_string())
            }
        })
        .map(|value| told.document(value))
    }
}

/// 400 to a body that says of which kind it is, but is none that can be read
/// as `kind`: `why` is what is wrong with it.
#[must_use]
pub fn cannot_be_handled(told: &api::GroupVersionKind, kind: &str, why: &str) -> Status {
    Status::bad_request(format!(
        "{} in version {:?} cannot be handled as a {kind}: {why}",
        told.kind, told.version
    ))
}

/// 400 to a body that does not even say of which kind it is.
#[must_use]
pub fn unrecognized(kind: &str, why: &str, body: &[u8]) -> Status {
    const SHOWN: usize = 30;
    let head = &body[..body.len().min(SHOWN)];
    let mut summary = match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => head.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if body.len() > SHOWN {
        summary.push_str(" ...");
    }
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({summary})"
    ))
}

/// The text with a replacement character for each escape that is half of a
/// pair and has no other half, as Go reads it.
fn whole(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return text;
    }
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (high, low) = (0xd800..0xdc00, 0xdc00..0xe000);
    let mut read = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].find('\\').map(|of| at + of) {
        read.push_str(&text[at..next]);
        let (length, replaced) = match unit(next) {
            Some(of) if high.contains(&of) => match unit(next + 6) {
                Some(other) if low.contains(&other) => (12, false),
                _ => (6, true),
            },
            Some(of) if low.contains(&of) => (6, true),
            Some(_) => (6, false),
            None => (2, false),
        };
        let mut end = (next + length).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        read.push_str(if replaced {
            "\\ufffd"
        } else {
            &text[next..end]
        });
        at = end;
    }
    read.push_str(&text[at..]);
    Cow::Owned(read)
}

/// What has been met so far.
#[derive(Default)]
struct Told {
    duplicates: RefCell<Vec<String>>,
    values: Cell<usize>,
}

impl Told {
    /// Counts a value; whether it is one too many.
    fn count(&self) -> bool {
        self.values.set(self.values.get() + 1);
        self.is_full()
    }

    const fn is_full(&self) -> bool {
        self.values.get() > MAX_VALUES
    }

    fn tell(&self, node: &Node<'_>) {
        let mut all = self.duplicates.borrow_mut();
        if all.len() < MAX_TOLD {
            let path = node.path();
            if !all.contains(&path) {
                all.push(path);
            }
        }
    }

    fn document(self, value: Value) -> Document {
        Document {
            value,
            duplicates: self.duplicates.into_inner(),
        }
    }
}

/// A place in the document that is being read. Its path is put together only
/// if something is to be told of it.
#[derive(Clone, Copy)]
struct Node<'a> {
    told: &'a Told,
    parent: Option<&'a Self>,
    step: Step<'a>,
    depth: usize,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Item(usize),
    Root,
}

impl<'a> Node<'a> {
    const fn root(told: &'a Told) -> Self {
        Node {
            told,
            parent: None,
            step: Step::Root,
            depth: 0,
        }
    }

    const fn child(&'a self, step: Step<'a>) -> Self {
        Node {
            told: self.told,
            parent: Some(self),
            step,
            depth: self.depth + 1,
        }
    }

    fn path(&self) -> String {
        let mut path = self.parent.map(Node::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Item(at) => path.push_str(&format!("[{at}]")),
            Step::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
        }
        path
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom("exceeded max depth"));
        }
        if self.told.count() {
            return Err(D::Error::custom(DocumentError::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("json: unsupported value: no finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(self.child(Step::Item(read.len())))? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let node = self.child(Step::Field(&name));
            if read.contains_key(&name) {
                self.told.tell(&node);
            }
            let value = fields.next_value_seed(node)?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests;
