//! The order of a list's items after a strategic merge patch: those that the
//! patch names as it has them, the others where they were beside them.

use std::collections::HashMap;

use serde_json::Value;

/// What tells an item apart: itself, or its merge key.
pub(super) fn identity(item: &Value, key: Option<&str>) -> String {
    match key {
        None => item.to_string(),
        Some(key) => item.get(key).unwrap_or(&Value::Null).to_string(),
    }
}

/// The place of each item by what tells it apart; the first, of several.
pub(super) fn places(items: &[Value], key: Option<&str>) -> HashMap<String, usize> {
    let mut places = HashMap::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        places.entry(identity(item, key)).or_insert(place);
    }
    places
}

/// Puts the items that a patch names in `by_patch`'s order and those it does
/// not in `by_server`'s, and weaves the two: one that was before another stays
/// before it, and else what the patch names comes first.
pub(super) fn weave(
    mut named: Vec<Value>,
    mut others: Vec<Value>,
    by_patch: &HashMap<String, usize>,
    by_server: &HashMap<String, usize>,
    key: Option<&str>,
) -> Vec<Value> {
    let place =
        |order: &HashMap<String, usize>, item: &Value| order.get(&identity(item, key)).copied();
    named.sort_by_cached_key(|item| place(by_patch, item));
    others.sort_by_cached_key(|item| place(by_server, item));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    while let (Some(next), Some(other)) = (named.peek(), others.peek()) {
        match (place(by_server, other), place(by_server, next)) {
            (Some(other), Some(next)) if other < next => out.extend(others.next()),
            _ => out.extend(named.next()),
        }
    }
    out.extend(named);
    out.extend(others);
    out
}
