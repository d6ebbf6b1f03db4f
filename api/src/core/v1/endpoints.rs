use serde_json::Value;

use super::super::fields::{items_mut, or_set};
use crate::Hooks;

pub(super) const HOOKS: Hooks = Hooks {
    default: Some(default),
    ..Hooks::NONE
};

fn default(object: &mut Value) {
    for subset in items_mut(object, "/subsets") {
        items_mut(subset, "/ports").for_each(|port| or_set(port, "protocol", "TCP"));
    }
}
