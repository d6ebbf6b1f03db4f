use serde_json::{Value, json};

use super::super::fields::{invalid, items, open, or_set, set, text};
use crate::{Change, FieldError, Hooks, names};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    validate: Some(validate),
    ..Hooks::NONE
};

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
const FINALIZER: &str = "kubernetes";

fn default(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    if !name.is_empty()
        && let Some(labels) = open(object, "metadata").and_then(|of| open(of, "labels"))
    {
        set(labels, NAME_LABEL, name);
    }
    if let Some(status) = open(object, "status") {
        or_set(status, "phase", "Active");
    }
}

/// A new namespace is active, and what is in it goes before it does.
fn prepare(object: &mut Value, change: Change<'_>) {
    if !matches!(change, Change::Create) {
        if !text(object, "/metadata/deletionTimestamp").is_empty()
            && let Some(status) = open(object, "status")
        {
            set(status, "phase", "Terminating");
        }
        return;
    }
    // The name may have been made up since the defaults were set.
    default(object);
    set(object, "status", json!({"phase": "Active"}));
    let Some(spec) = open(object, "spec") else {
        return;
    };
    or_set(spec, "finalizers", json!([]));
    if let Some(finalizers) = spec["finalizers"].as_array_mut()
        && !finalizers.iter().any(|of| of == FINALIZER)
    {
        finalizers.push(FINALIZER.into());
    }
}

fn validate(object: &Value, change: Change<'_>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Change::Update {
        subresource: Some("status"),
        ..
    } = change
    {
        let phase = text(object, "/status/phase");
        let deleted = !text(object, "/metadata/deletionTimestamp").is_empty();
        if !deleted && phase != "Active" {
            let why = "may only be 'Active' if `deletionTimestamp` is empty";
            wrong.push(invalid("status.Phase", phase, why));
        }
        return wrong;
    }
    for finalizer in items(object, "/spec/finalizers") {
        if FieldError::enough(&wrong) {
            break;
        }
        let name = finalizer.as_str().unwrap_or_default();
        let field = "spec.finalizers";
        wrong.extend(
            names::label_key(name)
                .into_iter()
                .map(|why| invalid(field, name, why)),
        );
        if !name.contains('/') && !matches!(name, FINALIZER | "orphan" | "foregroundDeletion") {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            wrong.push(invalid(field, name, why));
        }
    }
    wrong
}
