use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::{Definitions, Schema, SchemaType, Zero, quantity};

/// Gives an object of a built-in kind the form in which the real server
/// writes it: its structs' zeros dropped or written as Go's encoder does, nulls
/// dropped. Custom resources are kept as they were sent and have no such form.
///
/// What is of another type than `schema` says is left as it is, and so is what
/// `schema` does not know.
pub fn canonicalise(definitions: &Definitions, schema: &Schema, value: &mut Value) {
    if let Some(written) = schema
        .reference
        .as_deref()
        .and_then(|of| written(of, value))
    {
        *value = written.into();
        return;
    }
    let Some(schema) = target(definitions, schema) else {
        return;
    };
    match value {
        Value::Object(object) if !schema.properties.is_empty() => {
            for (name, property) in schema.properties.iter() {
                field(definitions, name, property, object);
            }
        }
        Value::Object(object) => {
            if let Some(of) = &schema.additional_properties {
                let amounts = of.reference.as_deref() == Some(QUANTITY);
                for value in object.values_mut() {
                    element(definitions, of, value);
                    if amounts
                        && let Some(text) = value.as_str().and_then(quantity::canonical_resource)
                    {
                        *value = text.into();
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(of) = &schema.items {
                for item in items {
                    element(definitions, of, item);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A value of one of the types that have a form of their own in JSON.
fn written(kind: &str, value: &Value) -> Option<String> {
    match (kind, value) {
        (QUANTITY, Value::String(text)) => quantity::canonical(text),
        (QUANTITY, Value::Number(number)) => quantity::canonical(&number.to_string()),
        (TIME, Value::String(text)) => {
            let at = utc(text)?.replace_nanosecond(0).ok()?;
            at.format(&Rfc3339).ok()
        }
        (MICRO_TIME, Value::String(text)) => {
            let at = utc(text)?;
            let seconds = at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()?;
            let seconds = seconds.strip_suffix('Z')?;
            Some(format!("{seconds}.{:06}Z", at.microsecond()))
        }
        _ => None,
    }
}

fn utc(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(at.to_offset(UtcOffset::UTC))
}

fn field(definitions: &Definitions, name: &str, property: &Schema, of: &mut Map<String, Value>) {
    match of.get_mut(name) {
        Some(value) if !value.is_null() => {
            canonicalise(definitions, property, value);
            match property.zero {
                Some(Zero::Omit) if is_zero(value) => {
                    of.remove(name);
                }
                // What is kept does not tell an empty list from none.
                Some(Zero::Null | Zero::Write) if value.as_array().is_some_and(Vec::is_empty) => {
                    *value = Value::Null;
                }
                _ => {}
            }
        }
        _ => {
            let absent = match property.zero {
                Some(Zero::Write) => zero(definitions, property),
                Some(Zero::Null) => Value::Null,
                Some(Zero::Omit) | None => {
                    of.remove(name);
                    return;
                }
            };
            of.insert(name.to_owned(), absent);
        }
    }
}

/// Lists and maps have values and no pointers: a null in them is a zero. Of no
/// bytes the store makes an empty text.
fn element(definitions: &Definitions, schema: &Schema, value: &mut Value) {
    let bytes = || target(definitions, schema).and_then(|of| of.format.as_deref()) == Some("byte");
    if value.is_null() && bytes() {
        *value = "".into();
    } else if value.is_null() {
        *value = zero(definitions, schema);
    } else {
        canonicalise(definitions, schema, value);
    }
}

/// What Go writes for a field that was never set.
fn zero(definitions: &Definitions, schema: &Schema) -> Value {
    match schema.reference.as_deref() {
        Some(QUANTITY) => return "0".into(),
        Some("io.k8s.apimachinery.pkg.util.intstr.IntOrString") => return 0.into(),
        _ => {}
    }
    let Some(schema) = target(definitions, schema) else {
        return Value::Null;
    };
    match schema.kind {
        Some(SchemaType::String) if schema.format.as_deref() != Some("date-time") => {
            if schema.format.as_deref() == Some("byte") {
                Value::Null
            } else {
                "".into()
            }
        }
        Some(SchemaType::Boolean) => false.into(),
        Some(SchemaType::Integer | SchemaType::Number) => 0.into(),
        Some(SchemaType::Object) if !schema.properties.is_empty() => {
            let mut object = json!({});
            canonicalise(definitions, schema, &mut object);
            object
        }
        // Lists, maps and times.
        Some(SchemaType::Array | SchemaType::Object | SchemaType::String) | None => Value::Null,
    }
}

fn target<'a>(definitions: &'a Definitions, schema: &'a Schema) -> Option<&'a Schema> {
    match &schema.reference {
        None => Some(schema),
        Some(name) => definitions.get(name),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_quantities_are_written_as_the_real_server_does() {
        let core = crate::core();
        let schema = &core.definitions["io.k8s.api.core.v1.Event"];
        let mut event = json!({
            "firstTimestamp": "2001-02-03T04:05:06.789+02:00",
            "lastTimestamp": "2001-02-03T04:05:06Z",
            "eventTime": "2001-02-03T04:05:06.78Z",
        });
        canonicalise(&core.definitions, schema, &mut event);
        assert_eq!(event["firstTimestamp"], "2001-02-03T02:05:06Z");
        assert_eq!(event["lastTimestamp"], "2001-02-03T04:05:06Z");
        assert_eq!(event["eventTime"], "2001-02-03T04:05:06.780000Z");
        let schema = &core.definitions["io.k8s.api.core.v1.ResourceRequirements"];
        let mut resources = json!({"limits": {"cpu": 0.5, "memory": "1024Mi"}});
        canonicalise(&core.definitions, schema, &mut resources);
        assert_eq!(
            resources,
            json!({"limits": {"cpu": "500m", "memory": "1Gi"}})
        );
    }

    #[test]
    fn zeros_are_written_or_left_out_as_the_real_server_does() {
        let core = crate::core();
        let schema = &core.definitions["io.k8s.api.apps.v1.Deployment"];
        let mut object = json!({
            "metadata": {"name": "d", "labels": {}, "creationTimestamp": null},
            "spec": {
                "replicas": 0,
                "minReadySeconds": 0,
                "paused": false,
                "template": {"spec": {"containers": [{"name": "c", "args": [], "image": ""}]}},
            },
        });
        canonicalise(&core.definitions, schema, &mut object);
        assert_eq!(
            object,
            json!({
                "metadata": {"name": "d"},
                "spec": {
                    "replicas": 0,
                    "selector": null,
                    "strategy": {},
                    "template": {
                        "metadata": {},
                        "spec": {"containers": [{"name": "c", "resources": {}}]},
                    },
                },
                "status": {},
            })
        );
    }
}
