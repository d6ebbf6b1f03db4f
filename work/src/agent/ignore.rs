//! Fields that a manifest has and that are left to others all the same, for the
//! strategy `ServerSideApply`.

use api::types::work::{IgnoreField, IgnoreFieldsCondition};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use super::failure::Failure;
use super::options::hex;
use path::Path;

mod path;

/// The annotation of an object with what was applied to it, in short, where fields
/// are left to others once these have changed them.
pub(super) const APPLIED: &str = "open-cluster-management.io/config-spec-hash";

/// The object to apply over `live`: without the fields that are left to others,
/// but for what nobody but `manager` has, which would go if it were not applied.
pub(super) fn applicable(
    manifest: &Value,
    live: Option<&Value>,
    rules: &[IgnoreField],
    manager: &str,
) -> Result<Value, Failure> {
    let mut object = manifest.clone();
    let mut unchanged = true;
    if rules
        .iter()
        .any(|of| of.condition == IgnoreFieldsCondition::OnSpokeChange)
    {
        let hash = hash(manifest);
        unchanged = live.is_some_and(|of| annotation(of) == Some(&hash));
        annotate(&mut object, hash);
    }
    for rule in rules {
        let pointers = pointers(rule, manifest)?;
        let ignored = match rule.condition {
            IgnoreFieldsCondition::OnSpokePresent => true,
            IgnoreFieldsCondition::OnSpokeChange => unchanged,
        };
        let Some(live) = live.filter(|_| ignored) else {
            continue;
        };
        // From the last one on, as elements of lists move up.
        for pointer in pointers.iter().rev() {
            leave(&mut object, live, pointer, manager);
        }
    }
    Ok(object)
}

/// Where the fields of a rule are in a manifest, in the order in which they stand.
fn pointers(rule: &IgnoreField, manifest: &Value) -> Result<Vec<String>, Failure> {
    let failed = |text: &str, why: &str| Failure::IgnoreFields(format!("{text}: {why}"));
    let mut pointers: Vec<String> = Vec::new();
    for pointer in &rule.json_pointers {
        if !pointer.starts_with('/') {
            return Err(failed(pointer, "a JSON pointer begins with a slash"));
        }
        pointers.push(pointer.clone());
    }
    for text in &rule.json_paths {
        let path = Path::parse(text).map_err(|why| failed(text, why))?;
        pointers.extend(path.find(manifest));
    }
    for text in &rule.jq_path_expressions {
        let path = Path::parse_jq(text).map_err(|why| failed(text, why))?;
        pointers.extend(path.find(manifest));
    }
    Ok(pointers)
}

fn leave(object: &mut Value, live: &Value, pointer: &str, manager: &str) {
    if object.pointer(pointer).is_none() {
        return;
    }
    let kept = live
        .pointer(pointer)
        .filter(|_| is_alike(object, live, pointer));
    match kept {
        Some(value) if !others_have(live, pointer, manager) => {
            if let Some(place) = object.pointer_mut(pointer) {
                *place = value.clone();
            }
        }
        _ => remove(object, pointer),
    }
}

/// Whether a pointer leads through the same elements of lists in both.
fn is_alike(object: &Value, live: &Value, pointer: &str) -> bool {
    let ends = pointer.match_indices('/').map(|(at, _)| &pointer[..at]);
    ends.skip(1).all(|of| {
        let name = |of: Option<&Value>| of.and_then(|of| of.get("name")).cloned();
        name(object.pointer(of)) == name(live.pointer(of))
    })
}

/// Whether somebody else has the field as well, so that it stays without us.
fn others_have(live: &Value, pointer: &str, manager: &str) -> bool {
    let entries = live["metadata"]["managedFields"].as_array();
    let others = entries
        .into_iter()
        .flatten()
        .filter(|of| of["manager"] != manager || of["operation"] != "Apply");
    others.into_iter().any(|entry| {
        let mut fields = &entry["fieldsV1"];
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            match fields.get(format!("f:{part}")) {
                Some(inner) => fields = inner,
                // What is above it is had as a whole.
                None => return fields.as_object().is_some_and(|of| of.is_empty()),
            }
        }
        true
    })
}

fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return;
    };
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&last.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Ok(at) = last.parse::<usize>()
                && at < items.len()
            {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn annotation(live: &Value) -> Option<&str> {
    live["metadata"]["annotations"].get(APPLIED)?.as_str()
}

fn annotate(object: &mut Value, hash: String) {
    let annotations = &mut object["metadata"]["annotations"];
    if !annotations.is_object() {
        *annotations = Value::Object(serde_json::Map::new());
    }
    annotations[APPLIED] = hash.into();
}

/// A manifest in short.
fn hash(manifest: &Value) -> String {
    hex(&digest(&SHA256, manifest.to_string().as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests;
