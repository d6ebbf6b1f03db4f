//! The annotation in which `kubectl apply` keeps what it applied, for those
//! who go over from applying at the client to applying at the server.

use serde_json::{Map, Value};

use super::compare::compare;
use super::field_set::field_set;
use super::path_set::PathSet;
use super::typed::{Duplicates, validate};
use super::updater::{OwnerConflict, Updater};
use super::value::{Encoder, write_json};

/// Whose annotation it is. To go without all this, one applies by another name.
pub(super) const MANAGER: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The most bytes of all annotations of an object.
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// The conflicts that are left when those are forgiven that are about fields
/// which the annotation sets as they are.
pub(super) fn forgive(
    updater: &Updater<'_>,
    live: &Value,
    conflicts: Vec<OwnerConflict>,
) -> Vec<OwnerConflict> {
    match applied_before(updater, live) {
        Some(own) => conflicts
            .into_iter()
            .filter(|conflict| !own.contains(&conflict.path.0))
            .collect(),
        None => conflicts,
    }
}

fn applied_before(updater: &Updater<'_>, live: &Value) -> Option<PathSet> {
    let text = annotations(live)?.get(ANNOTATION)?.as_str()?;
    let applied: Value = serde_json::from_str(text).ok()?;
    if applied.get("apiVersion")?.as_str()? != &*updater.api_version {
        return None;
    }
    let (types, root) = (updater.types, updater.root);
    validate(types, root, live, Duplicates::Refused).ok()?;
    validate(types, root, &applied, Duplicates::Refused).ok()?;
    let changes = compare(types, root, &applied, live).ok()?;
    let set = field_set(types, root, &applied).ok()?;
    Some(
        set.difference(&changes.modified)
            .difference(&changes.added)
            .difference(&changes.removed),
    )
}

/// Writes what is applied now into the annotation, if the object has it.
pub(super) fn refresh(object: &mut Value, patch: &Value) {
    let has = |object: &Value| {
        let text = annotations(object).and_then(|all| all.get(ANNOTATION)?.as_str());
        text.is_some_and(|text| !text.is_empty())
    };
    if !has(object) {
        return;
    }
    let applied = written(patch);
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.insert(ANNOTATION.to_owned(), Value::String(applied));
        let sizes = annotations
            .iter()
            .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len));
        if sizes.sum::<usize>() > MOST_ANNOTATIONS {
            annotations.remove(ANNOTATION);
        }
    }
}

/// A configuration without the annotation, as the real server writes it.
fn written(patch: &Value) -> String {
    let mut patch = patch.clone();
    if let Some(Value::Object(annotations)) = patch.pointer_mut("/metadata/annotations") {
        annotations.remove(ANNOTATION);
    }
    let mut text = String::new();
    write_json(&mut text, &patch, Encoder::Standard);
    text.push('\n');
    text
}

fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    object.pointer("/metadata/annotations")?.as_object()
}
