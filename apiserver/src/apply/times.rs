use serde_json::{Map, Value};

use super::managed;

/// Puts back the old times of entries where nothing else changed, so that a
/// change of times alone is no change.
#[must_use]
pub fn keep_times(old: &Value, mut new: Value) -> Value {
    let (Some(old_entries), Some(new_entries)) = (managed::entries(old), managed::entries(&new))
    else {
        return new;
    };
    let timeless = |entry: &Value| {
        let fields = entry.as_object().into_iter().flatten();
        let kept = fields.filter(|(name, _)| *name != "time");
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
    };
    let same_entries = old_entries.len() == new_entries.len()
        && old_entries
            .iter()
            .zip(new_entries)
            .all(|(old, new)| timeless(old) == timeless(new));
    if !same_entries {
        return new;
    }
    let old_entries = old_entries.clone();
    let mut with_old_times = new.clone();
    if let Some(entries) = with_old_times.pointer_mut("/metadata/managedFields") {
        *entries = Value::Array(old_entries);
    }
    if with_old_times == *old {
        new = with_old_times;
    }
    new
}
