//! Owners of fields, and what is made of applied configurations, as the real
//! server's own code has them: `tests/oracle` writes the cases.

use std::collections::BTreeMap;

use api::{Catalogue, Resource, Schema};
use apiserver::apply::{ApplyError, FieldConflict, FieldManager};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    operation: String,
    manager: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    force: bool,
    object: Value,
    #[serde(default)]
    managed_fields: Vec<Value>,
    result: Option<Value>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    causes: Vec<String>,
}

#[test]
fn custom_resources_are_owned_and_applied_as_by_the_real_server() {
    let definitions: BTreeMap<Box<str>, Schema> =
        serde_json::from_str(include_str!("oracle/widget.json")).unwrap();
    let resource: Resource = serde_json::from_value(json!({
        "group": "test.example.com",
        "version": "v1",
        "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
        "scope": "Namespaced",
        "verbs": [],
        "schema": "test.Widget",
        "subresources": [{"name": "status", "verbs": [], "writes": ["status"]}],
        "custom": true,
    }))
    .unwrap();
    let catalogue = Catalogue {
        resources: vec![resource.clone()],
        definitions,
    };
    let cases: Vec<Vec<Step>> =
        serde_json::from_str(include_str!("fixtures/widgets.json")).unwrap();
    replay(&catalogue, |_| &resource, cases);
}

#[test]
fn built_in_kinds_are_owned_and_applied_as_by_the_real_server() {
    let catalogue = api::core();
    let resource = |object: &Value| {
        let mut resources = catalogue.resources.iter();
        resources
            .find(|resource| {
                object["apiVersion"] == resource.api_version()
                    && object["kind"] == *resource.names.kind
            })
            .expect("a kind that is served")
    };
    let cases = serde_json::from_str(include_str!("fixtures/native.json")).unwrap();
    replay(catalogue, resource, cases);
}

fn replay<'a>(
    catalogue: &'a Catalogue,
    resource: impl Fn(&Value) -> &'a Resource,
    cases: Vec<Vec<Step>>,
) {
    let mut wrong = Vec::new();
    let count = cases.len();
    for (number, case) in cases.into_iter().enumerate() {
        let mut live = None;
        for (at, step) in case.iter().enumerate() {
            let manager = FieldManager::new(catalogue, resource(&step.object), &step.subresource);
            let result = run(&manager, live.as_ref(), step, at);
            if let Err(difference) = check(step, &result) {
                wrong.push(format!("case {number}, step {at}: {difference}"));
                break;
            }
            if let Ok(object) = result {
                live = Some(object);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ, the first of them:\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}

fn run(
    manager: &FieldManager<'_>,
    live: Option<&Value>,
    step: &Step,
    at: usize,
) -> Result<Value, ApplyError> {
    let now =
        OffsetDateTime::from_unix_timestamp(1_600_000_000 + i64::try_from(at).expect("few steps"))
            .expect("a time");
    if step.operation == "Apply" {
        manager.apply(live, &step.object, &step.manager, step.force, now)
    } else {
        manager.update(live, step.object.clone(), &step.manager, now)
    }
}

fn check(step: &Step, result: &Result<Value, ApplyError>) -> Result<(), String> {
    let object = match result {
        Ok(object) if step.error.is_empty() => object,
        Ok(_) => return Err(format!("is to fail with: {}", step.error)),
        Err(error) => {
            let text = error.to_string();
            if text != step.error {
                return Err(format!("fails with {text:?}, is to with {:?}", step.error));
            }
            let mut causes = Vec::new();
            if let ApplyError::Conflict { conflicts, .. } = error {
                let text =
                    |c: &FieldConflict| format!("FieldManagerConflict {} {}", c.field, c.message);
                causes.extend(conflicts.iter().map(text));
            }
            causes.sort();
            return same("causes", &json!(causes), &json!(step.causes));
        }
    };
    let entries = object.pointer("/metadata/managedFields");
    let entries: Vec<Value> = entries
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|entry| {
            let mut entry = entry.clone();
            let text = entry["fieldsV1"].to_string();
            entry["fieldsV1"] = json!(html(&text));
            entry
        })
        .collect();
    let theirs: Vec<Value> = step
        .managed_fields
        .iter()
        .map(|entry| {
            let mut entry = entry.clone();
            entry["fieldsV1"] = json!(html(entry["fieldsV1"].as_str().expect("a text")));
            entry
        })
        .collect();
    same("managedFields", &json!(entries), &json!(theirs))?;
    if let Some(mut expected) = step.result.clone() {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        if !is_custom(step) {
            (object, expected) = (without_empty(object), without_empty(expected));
        }
        same("object", &object, &expected)?;
    }
    Ok(())
}

fn same(what: &str, ours: &Value, theirs: &Value) -> Result<(), String> {
    if floats(ours) == floats(theirs) {
        return Ok(());
    }
    Err(format!("{what}\n  are    {ours}\n  should {theirs}"))
}

fn is_custom(step: &Step) -> bool {
    step.object["kind"] == "Widget"
}

/// An object of a built-in kind without what a struct may or may not write.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (name, without_empty(value)));
            let empty = [json!(null), json!({}), json!([]), json!(""), json!(0)];
            Value::Object(fields.filter(|(_, value)| !empty.contains(value)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The text without the escapes for HTML that only Go's encoder writes.
fn html(text: &str) -> String {
    let escapes = [("\\u003c", "<"), ("\\u003e", ">"), ("\\u0026", "&")];
    let plain = escapes.iter();
    plain.fold(text.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

/// The value with all its numbers as floats: the oracle writes `1.0` as `1`.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), floats(value)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}
