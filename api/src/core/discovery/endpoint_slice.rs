use serde_json::Value;

use super::super::fields::{items_mut, or_set};
use crate::Hooks;

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    for port in items_mut(object, "/ports") {
        or_set(port, "name", "");
        or_set(port, "protocol", "TCP");
    }
}
