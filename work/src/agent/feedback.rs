//! What is told of objects' status: by a table of well-known kinds, or by
//! JSONPaths that the work has.

use api::json_path::JsonPath;
use api::types::work::{FeedbackRule, FeedbackType, FeedbackValue, FieldValue, ValueType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::conditions::{self, FEEDBACK_SYNCED};
use api::types::work::ManifestCondition;

mod well_known;

/// The longest JSON that is told as such, in bytes.
const RAW_MAX: usize = 1024;

/// Values a manifest tells, at most; those beyond are an error.
const VALUES_MAX: usize = 256;

/// What was read of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// In the rules' order.
    pub values: Vec<FeedbackValue>,
    /// Why others are missing.
    pub errors: Vec<String>,
}

/// Reads what the rules ask for of an object. With `raw`, what is no whole
/// number, text or boolean is told as JSON.
#[must_use]
pub fn read(object: &Value, rules: &[FeedbackRule], raw: bool) -> Feedback {
    let mut feedback = Feedback::default();
    for rule in rules {
        match rule.type_ {
            FeedbackType::WellKnownStatus => match well_known::paths(object) {
                Some(paths) => {
                    for (name, path) in paths {
                        feedback.take(name, value(object, name, path, raw));
                    }
                }
                None => feedback.errors.push(format!(
                    "cannot find the wellknown statuses for resource with gvk {}",
                    Gvk::of(object)
                )),
            },
            FeedbackType::JsonPaths => {
                for asked in &rule.json_paths {
                    let name = asked.name.as_str();
                    let value =
                        if asked.version.is_empty() || asked.version == Gvk::of(object).version {
                            value(object, name, &asked.path, raw)
                        } else {
                            Err(format!(
                                "version set in the path {name} is not matched for the related \
                             resource"
                            ))
                        };
                    feedback.take(name, value);
                }
            }
        }
    }
    feedback
}

/// Tells of a manifest what was read of its object; `None` if no rule asks.
/// The condition is also of another time when only values are others.
pub fn tell(
    manifest: &mut ManifestCondition,
    feedback: Option<Feedback>,
    generation: i64,
    now: &Time,
) {
    let errors = feedback.as_ref().map(|one| one.errors.as_slice());
    let condition = conditions::feedback_synced(errors, generation, now);
    let values = feedback.map(|one| one.values).unwrap_or_default();
    if manifest.status_feedback.values != values {
        manifest
            .conditions
            .retain(|one| one.type_ != FEEDBACK_SYNCED);
    }
    conditions::set(&mut manifest.conditions, condition);
    manifest.status_feedback.values = values;
}

impl Feedback {
    fn take(&mut self, name: &str, value: Result<Option<FieldValue>, String>) {
        match value {
            Ok(None) => {}
            Ok(Some(_)) if self.values.len() >= VALUES_MAX => self
                .errors
                .push(format!("more than {VALUES_MAX} values are asked for")),
            Ok(Some(field_value)) => self.values.push(FeedbackValue {
                name: name.to_owned(),
                field_value,
            }),
            Err(error) => self.errors.push(error),
        }
    }
}

/// The value at a path; none if there is nothing.
fn value(object: &Value, name: &str, path: &str, raw: bool) -> Result<Option<FieldValue>, String> {
    let parsed: JsonPath = path.parse().map_err(|error| {
        format!("failed to parse json path {path} of {name} with error: {error}")
    })?;
    let found = parsed
        .find(object)
        .map_err(|error| format!("failed to find value for {name} with error: {error}"))?;
    match found.as_slice() {
        [] | [Value::Null] => Ok(None),
        [one] => of_one(one, name, raw).map(Some),
        several if raw => raw_json(&several, name).map(Some),
        [first, ..] => of_one(first, name, raw).map(Some),
    }
}

fn of_one(value: &Value, name: &str, raw: bool) -> Result<FieldValue, String> {
    let told = FieldValue::default();
    let go_type = match value {
        Value::Bool(boolean) => {
            return Ok(FieldValue {
                type_: ValueType::Boolean,
                boolean: Some(*boolean),
                ..told
            });
        }
        Value::String(text) => {
            return Ok(FieldValue {
                type_: ValueType::String,
                string: Some(text.clone()),
                ..told
            });
        }
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                return Ok(FieldValue {
                    type_: ValueType::Integer,
                    integer: Some(integer),
                    ..told
                });
            }
            None => "float64",
        },
        Value::Null => "<nil>",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    if raw {
        return raw_json(value, name);
    }
    Err(format!(
        "the type {go_type} of the value for {name} is not found"
    ))
}

fn raw_json(value: &impl serde::Serialize, name: &str) -> Result<FieldValue, String> {
    let json = serde_json::to_string(value).map_err(|error| {
        format!("failed to parse the resource to json string for name {name}: {error}")
    })?;
    if json.len() > RAW_MAX {
        return Err(format!(
            "the length of returned json raw string for name {name} is larger than the maximum \
             length {RAW_MAX}"
        ));
    }
    Ok(FieldValue {
        type_: ValueType::JsonRaw,
        json_raw: Some(json),
        ..FieldValue::default()
    })
}

/// The kind an object says it is of; displayed as Kubernetes does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Gvk<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
}

impl<'a> Gvk<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let api_version = text("apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group,
            version,
            kind: text("kind"),
        }
    }
}

impl std::fmt::Display for Gvk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

#[cfg(test)]
mod tests;
