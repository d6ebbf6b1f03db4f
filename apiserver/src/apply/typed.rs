//! What all walks over typed values share: errors, the names of list items and
//! the check that a value is of its type.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::quoted::QuotedList;

use super::path::PathElement;
use super::schema::{List, ObjectType, Scalar, Shape, TypeRef, Types};
use super::value::{go_syntax, go_type, go_value};

/// What is wrong with a value, by the paths where it is; the first of it, if
/// it is very much.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct TypeErrors(Vec<(String, String)>);

impl TypeErrors {
    pub(super) fn add(&mut self, path: &[PathElement], message: impl Into<String>) {
        if self.0.len() >= MOST_ERRORS {
            return;
        }
        let path: String = path.iter().map(PathElement::to_string).collect();
        self.0.push((path, message.into()));
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

/// One error as it is; several on lines of their own.
impl fmt::Display for TypeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, (path, message): &(String, String)| {
            if path.is_empty() {
                f.write_str(message)
            } else {
                write!(f, "{path}: {message}")
            }
        };
        if let [only] = self.0.as_slice() {
            return line(f, only);
        }
        f.write_str("errors:")?;
        for error in &self.0 {
            f.write_str("\n  ")?;
            line(f, error)?;
        }
        Ok(())
    }
}

/// Whether items of a list or set may be there more than once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Duplicates {
    Allowed,
    Refused,
}

/// Says what is wrong with a value of that type.
pub(super) fn validate(
    types: Types<'_>,
    of: TypeRef<'_>,
    value: &Value,
    duplicates: Duplicates,
) -> Result<(), TypeErrors> {
    let mut walk = Validation {
        types,
        duplicates,
        path: Vec::new(),
        errors: TypeErrors::default(),
    };
    walk.visit(of, value);
    walk.errors.into_result(())
}

struct Validation<'a> {
    types: Types<'a>,
    duplicates: Duplicates,
    path: Vec<PathElement>,
    errors: TypeErrors,
}

impl<'a> Validation<'a> {
    fn visit(&mut self, of: TypeRef<'a>, value: &Value) {
        let Some(atom) = self.types.resolve(of) else {
            return self.fail("schema error: no type found matching: inlined type");
        };
        match (atom.narrow(Some(value)).shape(), value) {
            (None, _) => self.fail("schema error: invalid atom: inlined"),
            (Some(_), Value::Null) => {}
            (Some(Shape::Scalar(scalar)), _) => {
                if let Some(message) = scalar_error(scalar, Some(value)) {
                    self.fail(message);
                }
            }
            (Some(Shape::List(list)), Value::Array(items)) => self.visit_list(list, items),
            (Some(Shape::Object(object)), Value::Object(fields)) => {
                for (name, value) in fields {
                    if !self.visit_field(object, name, value) {
                        break;
                    }
                }
            }
            (Some(Shape::List(_)), _) => {
                self.fail(format!("expected list, got &{{{}}}", go_value(value)));
            }
            (Some(Shape::Object(_)), _) => {
                self.fail(format!("expected map, got &{{{}}}", go_value(value)));
            }
        }
    }

    /// Whether to go on with the fields after it.
    fn visit_field(&mut self, object: ObjectType<'a>, name: &str, value: &Value) -> bool {
        let of = object.field_or_undeclared(name);
        self.path.push(PathElement::field(name));
        let declared = !matches!(of, TypeRef::Undeclared);
        if declared {
            self.visit(of, value);
        } else {
            self.fail("field not declared in schema");
        }
        self.path.pop();
        declared
    }

    fn visit_list(&mut self, list: List<'a>, items: &[Value]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = if list.keys.is_none() {
                PathElement::Index(i64::try_from(index).unwrap_or(i64::MAX))
            } else {
                match item_element(self.types, list, item) {
                    Ok(element) => element,
                    Err(error) => return self.fail(format!("element {index}: {error}")),
                }
            };
            if list.keys.is_some()
                && self.duplicates == Duplicates::Refused
                && !seen.insert(element.clone())
            {
                self.fail(format!("duplicate entries for key {element}"));
            }
            self.path.push(element);
            self.visit(list.items, item);
            self.path.pop();
        }
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.errors.add(&self.path, message);
    }
}

/// Errors behind that many are not told.
const MOST_ERRORS: usize = 100;

/// What is wrong with a value that should be such a scalar.
pub(super) fn scalar_error(scalar: Scalar, value: Option<&Value>) -> Option<String> {
    let value = value.filter(|value| !value.is_null())?;
    let shown = || format!("&{{{}}}", go_value(value));
    match scalar {
        Scalar::Numeric if !value.is_number() => Some(format!(
            "expected numeric (int or float), got {}",
            go_type(value)
        )),
        Scalar::String if !value.is_string() => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            go_syntax(value)
        )),
        Scalar::Boolean if !value.is_boolean() => {
            Some(format!("expected boolean, got {}", shown()))
        }
        Scalar::Untyped if value.is_array() || value.is_object() => {
            Some(format!("expected any scalar, got {}", shown()))
        }
        Scalar::Boolean | Scalar::Numeric | Scalar::String | Scalar::Untyped => None,
    }
}

/// The step from a list to an item of it, by its keys or its value.
pub(super) fn item_element<'a>(
    types: Types<'a>,
    list: List<'a>,
    item: &Value,
) -> Result<PathElement, String> {
    match list.keys {
        None => Err("invalid indexing of non-associative list".to_owned()),
        Some([]) => set_element(item),
        Some(keys) => keyed_element(types, list, keys, item),
    }
}

/// The step to an item, which may be one of those that have none: as those are
/// refused before, but left over where all is taken out of an item, they are
/// told from the others and not from each other.
pub(super) fn any_item_element<'a>(types: Types<'a>, list: List<'a>, item: &Value) -> PathElement {
    item_element(types, list, item).unwrap_or_else(|_| PathElement::Key(Box::new([])))
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    let what = match item {
        Value::Object(_) => "associative list without keys has an element that's a map type",
        Value::Array(_) => "not supported: associative list with lists as elements",
        Value::Null => "associative list without keys has an element that's an explicit null",
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Ok(PathElement::Value(item.clone()));
        }
    };
    Err(what.to_owned())
}

fn keyed_element<'a>(
    types: Types<'a>,
    list: List<'a>,
    keys: &[Box<str>],
    item: &Value,
) -> Result<PathElement, String> {
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => {
            return Err("associative list with keys may not have a null element".to_owned());
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err("associative list with keys may not have non-map elements".to_owned());
        }
    };
    let mut found: Vec<(Box<str>, Value)> = Vec::with_capacity(keys.len());
    for key in keys {
        let value = match fields.get(&**key) {
            Some(value) => Some(value),
            None => types
                .key_default(list, key)
                .map_err(|error| format!("couldn't find default value for {key}: {error}"))?,
        };
        if let Some(value) = value {
            found.push((key.clone(), value.clone()));
        }
    }
    if found.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits all key fields {} (and doesn't have default values for any key fields)",
            QuotedList(keys)
        ));
    }
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(PathElement::Key(found.into()))
}
