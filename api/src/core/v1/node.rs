use serde_json::Value;

use super::super::fields::or_set;
use crate::Hooks;

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    ..Hooks::NONE
};

/// All that there is can be had, unless it is said otherwise.
fn default(object: &mut Value) {
    let capacity = object["status"]["capacity"].clone();
    if let Some(status) = object.get_mut("status")
        && !capacity.is_null()
    {
        or_set(status, "allocatable", capacity);
    }
}
