//! Lists that are merged item by item.

use std::collections::HashSet;

use serde_json::Value;

use super::super::PatchError;
use super::super::order::{identity, places, weave};
use super::meta::{Merging, Meta};
use super::{DIRECTIVE, merge_objects, no_key, unknown_directive, wrong_type};
use crate::apply::{go_type, go_value};

/// `old` with `patch` merged into it, or `patch` itself if such lists are not
/// merged. If `deleting`, without the items of `patch`.
pub(super) fn merge_lists(
    old: Vec<Value>,
    patch: Vec<Value>,
    meta: Meta<'_>,
    merging: &Merging,
    deleting: bool,
) -> Result<Vec<Value>, PatchError> {
    if !merging.merges && !deleting {
        return Ok(patch);
    }
    if old.is_empty() && patch.is_empty() {
        return Ok(old);
    }
    let of_objects = element_kind(&[&old, &patch])?;
    if !of_objects {
        let named = places(&patch, None);
        if deleting {
            let kept = old
                .into_iter()
                .filter(|item| !named.contains_key(&identity(item, None)));
            return Ok(kept.collect());
        }
        let mut seen = HashSet::new();
        let both = old
            .iter()
            .chain(&patch)
            .filter(|item| seen.insert(identity(item, None)));
        let both = both.cloned().collect();
        return arrange(both, &patch, &old, merging.key.as_deref());
    }
    let Some(key) = merging.key.as_deref() else {
        let kind = meta.kind();
        return Err(PatchError::Other(format!(
            "cannot merge lists without merge key for {kind}"
        )));
    };
    let (old, patch) = special_items(old, patch, key)?;
    let (server_order, patch_order) = (old.clone(), patch.clone());
    let merged = merge_items(old, patch, key, meta)?;
    arrange(merged, &patch_order, &server_order, Some(key))
}

/// Does what items with a directive say, and leaves the others.
fn special_items(
    mut old: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut others = Vec::with_capacity(patch.len());
    let mut gone = HashSet::new();
    let mut replace = false;
    for item in patch {
        match item.get(DIRECTIVE) {
            None => others.push(item),
            Some(directive) => match directive.as_str() {
                Some("delete") if item.get(key).is_none() => return Err(no_key(&item, key)),
                Some("delete") => {
                    gone.insert(identity(&item, Some(key)));
                }
                Some("replace") => replace = true,
                Some("merge") => {
                    let message = "merging lists cannot yet be specified in the patch";
                    return Err(PatchError::Other(message.to_owned()));
                }
                _ => return Err(unknown_directive(directive, item.clone())),
            },
        }
    }
    if replace {
        return Ok((others, Vec::new()));
    }
    if !gone.is_empty() {
        old.retain(|item| item.get(key).is_none() || !gone.contains(&identity(item, Some(key))));
    }
    Ok((old, others))
}

fn merge_items(
    mut old: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    meta: Meta<'_>,
) -> Result<Vec<Value>, PatchError> {
    let mut places = places(&old, Some(key));
    for item in patch {
        if item.get(key).is_none() {
            return Err(no_key(&item, key));
        }
        let next = old.len();
        let place = *places.entry(identity(&item, Some(key))).or_insert(next);
        match (old.get_mut(place).map(Value::take), item) {
            (Some(Value::Object(fields)), Value::Object(patch)) => {
                old[place] = Value::Object(merge_objects(fields, patch, meta)?);
            }
            (_, item) => old.push(item),
        }
    }
    Ok(old)
}

/// Puts a merged list in order.
pub(super) fn arrange(
    merged: Vec<Value>,
    by_patch: &[Value],
    by_server: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    for item in merged.iter().chain(by_patch) {
        check_item(item, key)?;
    }
    let (patch_places, server_places) = (places(by_patch, key), places(by_server, key));
    let is_named = |item: &Value| patch_places.contains_key(&identity(item, key));
    let (named, others): (Vec<_>, Vec<_>) = merged.into_iter().partition(is_named);
    Ok(weave(named, others, &patch_places, &server_places, key))
}

/// Whether the items of lists are objects; all have to be of one type.
pub(super) fn element_kind(lists: &[&[Value]]) -> Result<bool, PatchError> {
    let mut items = lists.iter().copied().flatten();
    let Some(first) = items.next() else {
        return Err(PatchError::Other(
            "no elements in any of the given slices".to_owned(),
        ));
    };
    if first.is_array() {
        return Err(PatchError::Unprocessable(
            "lists of lists are not supported".to_owned(),
        ));
    }
    if items.any(|item| go_type(item) != go_type(first)) {
        let shown: Vec<_> = lists
            .iter()
            .map(|list| go_value(&Value::Array(list.to_vec())))
            .collect();
        return Err(PatchError::Other(format!(
            "list element types are not identical: [{}]",
            shown.join(" ")
        )));
    }
    Ok(first.is_object())
}

/// That an item has what tells it apart.
pub(super) fn check_item(item: &Value, key: Option<&str>) -> Result<(), PatchError> {
    match key {
        Some(_) if !item.is_object() => Err(wrong_type("map[string]interface {}", item)),
        Some(key) if item.get(key).is_none() => Err(no_key(item, key)),
        _ => Ok(()),
    }
}
