use serde_json::Value;

use super::super::fields::{or_set, set, text};
use crate::Hooks;

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    ..Hooks::NONE
};

/// All that there is can be had, unless it is said otherwise, and the one
/// range of addresses is the first of all.
fn default(object: &mut Value) {
    let one = text(object, "/spec/podCIDR").to_owned();
    let first = text(object, "/spec/podCIDRs/0").to_owned();
    if let Some(spec) = object.get_mut("spec") {
        if !one.is_empty() && one != first {
            set(spec, "podCIDRs", vec![one]);
        } else if one.is_empty() && !first.is_empty() {
            set(spec, "podCIDR", first);
        }
    }
    let capacity = object["status"]["capacity"].clone();
    if let Some(status) = object.get_mut("status")
        && !capacity.is_null()
    {
        or_set(status, "allocatable", capacity);
    }
}
