use serde_json::Value;

use super::super::fields::{at, items_mut, or_set};
use crate::{Change, Hooks};

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    prepare: Some(prepare),
    ..Hooks::NONE
};

/// Other labels count as another generation, as proxies select by them.
fn prepare(object: &mut Value, change: Change<'_>) {
    let Change::Update { old, .. } = change else {
        return;
    };
    let generation = at(old, "/metadata/generation").as_i64();
    if at(object, "/metadata/labels") != at(old, "/metadata/labels")
        && let (Some(generation), Some(metadata)) = (generation, object.get_mut("metadata"))
    {
        metadata["generation"] = (generation + 1).into();
    }
}

fn default(object: &mut Value) {
    for port in items_mut(object, "/ports") {
        or_set(port, "name", "");
        or_set(port, "protocol", "TCP");
    }
}
