use std::cell::RefCell;
use std::collections::HashMap;

use api::{FieldError, FieldErrorKind, Schema, SchemaType};
use regex::Regex;
use serde_json::{Number, Value};

use super::{MAX_DEPTH, child, format, uniqueness};
use crate::Registry;

const MIN_INT32: f64 = i32::MIN as f64;
const MAX_INT32: f64 = i32::MAX as f64;

/// Says what of `object` is not as its schema wants it, in the words of
/// Kubernetes' apiextensions server. Rules in CEL are not looked at.
#[must_use]
pub fn validate(registry: &Registry, schema: &Schema, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let validation = Validation {
        registry,
        patterns: RefCell::default(),
    };
    validation.value(schema, object, "", 0, &mut errors);
    errors.truncate(FieldError::MOST);
    errors
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

struct Validation<'a> {
    registry: &'a Registry,
    /// Those met so far. To read one costs more than to look for it in a text.
    patterns: RefCell<HashMap<Box<str>, Option<Regex>>>,
}

impl Validation<'_> {
    fn value(
        &self,
        schema: &Schema,
        value: &Value,
        path: &str,
        depth: usize,
        errors: &mut Vec<FieldError>,
    ) {
        // What all objects have is checked by other rules.
        if schema.reference.as_deref() == Some(OBJECT_META) {
            return;
        }
        let Some(schema) = self.registry.resolve(schema) else {
            return;
        };
        if depth > MAX_DEPTH || FieldError::enough(errors) {
            return;
        }
        if value.is_null() && schema.nullable {
            return;
        }
        errors.extend(wrong_type(schema, value, path));
        if !value.is_null() {
            self.combinations(schema, value, path, depth, errors);
        }
        if !schema.values.is_empty() && !schema.values.contains(value) {
            let supported: Vec<String> = schema.values.iter().map(supported).collect();
            let detail = format!("supported values: {}", supported.join(", "));
            let kind = FieldErrorKind::NotSupported(value.to_string());
            errors.push(FieldError::new(path, kind, detail));
        }
        match value {
            Value::String(text) => self.string(schema, text, path, errors),
            Value::Number(number) => bounds(schema, number, path, errors),
            Value::Array(items) => {
                if let Some(of_items) = &schema.items {
                    for (at, item) in items.iter().enumerate() {
                        self.value(of_items, item, &format!("{path}[{at}]"), depth + 1, errors);
                    }
                }
                let count = items.len() as u64;
                if let Some(least) = schema.min_items.filter(|least| count < *least) {
                    let why = format!("should have at least {least} items");
                    errors.push(invalid(path, count.to_string(), &why));
                }
                too_many(schema.max_items, count, path, errors);
                uniqueness::check(schema, items, path, errors);
            }
            Value::Object(fields) => {
                let count = fields.len() as u64;
                if let Some(least) = schema.min_properties.filter(|least| count < *least) {
                    let why = format!("should have at least {least} properties");
                    errors.push(invalid(path, count.to_string(), &why));
                }
                too_many(schema.max_properties, count, path, errors);
                for (name, value) in fields {
                    let own = schema.properties.get(name.as_str());
                    if let Some(of_field) = own.or(schema.additional_properties.as_deref()) {
                        self.value(of_field, value, &child(path, name), depth + 1, errors);
                    }
                }
                for name in &schema.required {
                    if !fields.contains_key(&**name) {
                        errors.push(FieldError::new(
                            child(path, name),
                            FieldErrorKind::Required,
                            "",
                        ));
                    }
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// The schemas that hold together with this one.
    fn combinations(
        &self,
        schema: &Schema,
        value: &Value,
        path: &str,
        depth: usize,
        errors: &mut Vec<FieldError>,
    ) {
        let wrong = |of: &Schema| {
            let mut wrong = Vec::new();
            self.value(of, value, path, depth + 1, &mut wrong);
            wrong
        };
        let holds = |of: &&Schema| wrong(of).is_empty();
        if !schema.any_of.is_empty() && !schema.any_of.iter().any(|of| holds(&of)) {
            let why = format!("{path:?} must validate at least one schema (anyOf)");
            errors.push(combined(why));
            errors.extend(wrong(&schema.any_of[0]));
        }
        if !schema.one_of.is_empty() {
            let found = schema.one_of.iter().filter(holds).count();
            let told = match found {
                0 => "Found none valid".to_owned(),
                _ => format!("Found {found} valid alternatives"),
            };
            if found != 1 {
                errors.push(combined(format!(
                    "{path:?} must validate one and only one schema (oneOf). {told}"
                )));
            }
            if found == 0 {
                errors.extend(wrong(&schema.one_of[0]));
            }
        }
        if schema.not.as_ref().is_some_and(|not| wrong(not).is_empty()) {
            let why = format!("{path:?} must not validate the schema (not)");
            errors.push(combined(why));
        }
        if !schema.all_of.is_empty() {
            let before = errors.len();
            for of in &schema.all_of {
                self.value(of, value, path, depth + 1, errors);
            }
            if errors.len() > before {
                let why = format!("{path:?} must validate all the schemas (allOf)");
                errors.insert(before, combined(why));
            }
        }
    }

    fn string(&self, schema: &Schema, text: &str, path: &str, errors: &mut Vec<FieldError>) {
        let json = || Value::from(text).to_string();
        let length = text.chars().count() as u64;
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            let bytes = if most == 1 { "byte" } else { "bytes" };
            let why = format!("may not be more than {most} {bytes}");
            errors.push(FieldError::new(path, FieldErrorKind::TooLong, why));
        }
        if let Some(least) = schema.min_length.filter(|least| length < *least) {
            let why = format!("should be at least {least} chars long");
            errors.push(invalid(path, json(), &why));
        }
        if let Some(pattern) = &schema.pattern
            && !self.matches(pattern, text)
        {
            errors.push(invalid(path, json(), &format!("should match '{pattern}'")));
        }
        if let Some(format) = &schema.format
            && !format::is_of(format, text)
        {
            let why = format!("{} must be of type {format}: {}", place(path), json());
            let kind = FieldErrorKind::TypeInvalid(json());
            errors.push(FieldError::new(path, kind, why));
        }
    }

    /// Whether a text is of a pattern. One that cannot be read holds of nothing.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        if !patterns.contains_key(pattern) {
            patterns.insert(pattern.into(), Regex::new(pattern).ok());
        }
        let read = patterns.get(pattern).and_then(Option::as_ref);
        read.is_some_and(|pattern| pattern.is_match(text))
    }
}

fn wrong_type(schema: &Schema, value: &Value, path: &str) -> Option<FieldError> {
    let actual = match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    };
    let (mut wanted, fits) = if schema.int_or_string {
        ("integer,string", matches!(actual, "integer" | "string"))
    } else {
        match schema.kind? {
            SchemaType::Array => ("array", actual == "array"),
            SchemaType::Boolean => ("boolean", actual == "boolean"),
            SchemaType::Integer => {
                let whole = value.as_f64().is_some_and(|of| of.fract() == 0.0);
                ("integer", actual == "integer" || whole)
            }
            SchemaType::Number => ("number", matches!(actual, "integer" | "number")),
            SchemaType::Object => ("object", actual == "object"),
            SchemaType::String => ("string", actual == "string"),
        }
    };
    if fits {
        return None;
    }
    // What has a format is compared by that, unless it is text.
    let mut actual = actual;
    if let Some(format) = &schema.format
        && !matches!(value, Value::Array(_) | Value::Null | Value::String(_))
    {
        wanted = format;
        actual = match actual {
            "integer" => "int64",
            "number" => "float64",
            _ => "",
        };
    }
    let why = format!("{} must be of type {wanted}: {actual:?}", place(path));
    let kind = FieldErrorKind::TypeInvalid(format!("{actual:?}"));
    Some(FieldError::new(path, kind, why))
}

fn bounds(schema: &Schema, number: &Number, path: &str, errors: &mut Vec<FieldError>) {
    let value = number.as_f64().unwrap_or_default();
    let mut tell = |why: String| errors.push(invalid(path, number.to_string(), &why));
    let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
    if let Some(most) = bound(&schema.maximum) {
        if schema.exclusive_maximum && value >= most {
            tell(format!("should be less than {most}"));
        } else if value > most {
            tell(format!("should be less than or equal to {most}"));
        }
    }
    if let Some(least) = bound(&schema.minimum) {
        if schema.exclusive_minimum && value <= least {
            tell(format!("should be greater than {least}"));
        } else if value < least {
            tell(format!("should be greater than or equal to {least}"));
        }
    }
    if let Some(factor) = bound(&schema.multiple_of)
        && (value / factor).fract() != 0.0
    {
        tell(format!("should be a multiple of {factor}"));
    }
    if schema.kind == Some(SchemaType::Integer)
        && schema.format.as_deref() == Some("int32")
        && (value.fract() != 0.0 || !(MIN_INT32..=MAX_INT32).contains(&value))
    {
        let why = format!("Checked value must be of type integer with format int32 in {path}");
        errors.push(combined(why));
    }
}

fn too_many(most: Option<u64>, count: u64, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(most) = most.filter(|most| count > *most) {
        let items = if most == 1 { "item" } else { "items" };
        let why = format!("must have at most {most} {items}");
        errors.push(FieldError::new(path, FieldErrorKind::TooMany(count), why));
    }
}

fn invalid(path: &str, value: String, why: &str) -> FieldError {
    let why = format!("{} {why}", place(path));
    FieldError::new(path, FieldErrorKind::Invalid(value), why)
}

/// A fault that the real server tells without its field.
fn combined(why: String) -> FieldError {
    FieldError::new("<nil>", FieldErrorKind::Invalid("\"\"".to_owned()), why)
}

/// Where a fault is, as its text says it beside the field.
fn place(path: &str) -> String {
    format!("{path} in body")
}

/// An allowed value in quotes, whatever it is.
fn supported(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => {
            format!("{:?}", value.to_string())
        }
    }
}
