//! The order that a patch gives to a list.

use serde_json::Value;

use super::super::PatchError;
use super::super::order::identity;
use super::lists::{arrange, check_item, element_kind, merge_lists};
use super::meta::Meta;
use super::{
    BAD_ORDER, DIRECTIVE, Object, SET_ORDER, list, no_key, parallel_field, without_directives,
    wrong_type,
};
use crate::apply::go_value;

/// `$setElementOrder/…` merges a list and gives it an order.
pub(super) fn set_orders(
    object: &mut Object,
    patch: &mut Object,
    meta: Meta<'_>,
) -> Result<(), PatchError> {
    let orders: Vec<_> = patch
        .keys()
        .filter(|name| name.starts_with(SET_ORDER))
        .cloned()
        .collect();
    for directive in orders {
        let Some(order) = patch.remove(&directive) else {
            continue;
        };
        let order = list(order)?;
        let name = parallel_field(&directive, SET_ORDER, BAD_ORDER)?;
        let old = object.get(&name).cloned().map(list).transpose()?;
        let new = patch.get(&name).cloned().map(list).transpose()?;
        let (below, merging) = meta.list(&name)?;
        let key = merging.key.as_deref();
        check_order(new.as_deref().unwrap_or_default(), &order, key)?;
        let is_map = element_kind(&[
            old.as_deref().unwrap_or_default(),
            new.as_deref().unwrap_or_default(),
        ]);
        let server_order = old.clone().unwrap_or_default();
        let merged = match (old, new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => new.into_iter().filter_map(without_directives).collect(),
            (Some(old), Some(new)) => merge_lists(old, new, below, &merging, false)?,
        };
        let merged = arrange(merged, &order, &server_order, key)?;
        is_map?;
        object.insert(name.clone(), Value::Array(merged));
        patch.remove(&name);
    }
    Ok(())
}

/// That the items a patch has are named by its order, one after the other.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut named = order.iter();
    for item in patch {
        if key.is_some() && !item.is_object() {
            return Err(wrong_type("map[string]interface {}", item));
        }
        let directive = item.get(DIRECTIVE);
        if directive.is_some_and(|d| key.is_some() && d == "delete")
            || (directive.is_some() && !named.as_slice().is_empty())
        {
            continue;
        }
        if let Some(key) = key.filter(|key| item.get(key).is_none()) {
            return Err(no_key(item, key));
        }
        let wanted = identity(item, key);
        let mut found = false;
        for next in named.by_ref() {
            check_item(next, key)?;
            if identity(next, key) == wanted {
                found = true;
                break;
            }
        }
        if !found {
            let show = |items: &[Value]| go_value(&Value::Array(items.to_vec()));
            return Err(PatchError::Other(format!(
                "The order in patch list:\n{}\n doesn't match {SET_ORDER} list:\n{}\n",
                show(patch),
                show(order)
            )));
        }
    }
    Ok(())
}
