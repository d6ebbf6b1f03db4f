//! Who owns what after an object changed, and what an applied configuration
//! makes of an object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::field_set::field_set;
use super::filter::Filter;
use super::managed::{ManagerId, OwnedFields};
use super::merge::merge;
use super::path::Path;
use super::path_set::PathSet;
use super::reconcile::reconcile;
use super::remove::remove;
use super::schema::{TypeRef, Types};
use super::value;

/// Managers, and what each owns.
pub(super) type Owners = BTreeMap<ManagerId, OwnedFields>;

/// What owners are kept of one kind, through one of its endpoints.
#[derive(Clone, Debug)]
pub(super) struct Updater<'a> {
    pub(super) types: Types<'a>,
    /// The kind's type.
    pub(super) root: TypeRef<'a>,
    /// The version through which objects are changed.
    pub(super) api_version: Box<str>,
    /// The versions in which the kind is served. What is owned in others is
    /// forgotten.
    pub(super) versions: BTreeSet<Box<str>>,
    pub(super) filter: Filter,
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct OwnerConflict {
    pub(super) manager: ManagerId,
    pub(super) path: Path,
}

/// Why a configuration cannot be applied.
#[derive(Clone, Debug)]
pub(super) enum UpdateError {
    Conflicts(Vec<OwnerConflict>),
    Other(String),
}

impl From<String> for UpdateError {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl Updater<'_> {
    /// Gives `manager` what changed from `live` to `new`, and takes it from
    /// all others.
    pub(super) fn update(
        &self,
        live: &Value,
        new: &Value,
        owners: &mut Owners,
        manager: &ManagerId,
    ) -> Result<(), UpdateError> {
        self.reconcile(owners);
        let changes = self.take_over(live, new, owners, manager, true)?;
        let old = owners
            .remove(manager)
            .map(|owned| owned.set)
            .unwrap_or_default();
        let set = old
            .difference(&changes.removed)
            .union(&changes.modified)
            .union(&changes.added);
        let set = self.filter.apply(set);
        if !set.is_empty() {
            let owned = OwnedFields {
                set,
                api_version: self.api_version.clone(),
                applied: false,
            };
            owners.insert(manager.clone(), owned);
        }
        Ok(())
    }

    /// The object that applying `config` makes of `live`; `None` if that is
    /// the same.
    pub(super) fn apply(
        &self,
        live: &Value,
        config: &Value,
        owners: &mut Owners,
        manager: &ManagerId,
        force: bool,
    ) -> Result<Option<Value>, UpdateError> {
        self.reconcile(owners);
        let merged = merge(self.types, self.root, live, config)
            .map_err(|errors| format!("failed to merge config: {errors}"))?;
        let set = field_set(self.types, self.root, config)
            .map_err(|errors| format!("failed to get field set: {errors}"))?;
        let owned = OwnedFields {
            set: self.filter.apply(set),
            api_version: self.api_version.clone(),
            applied: true,
        };
        let last = owners.insert(manager.clone(), owned);
        let new = match last {
            Some(last) if !last.set.is_empty() => self.prune(&merged, owners, &last)?,
            _ => merged,
        };
        self.take_over(live, &new, owners, manager, force)?;
        Ok((!value::equal(live, &new)).then_some(new))
    }

    /// Takes what changed from all but `manager`. If that is not to be forced
    /// and somebody owns any of it, that is an error.
    fn take_over(
        &self,
        live: &Value,
        new: &Value,
        owners: &mut Owners,
        manager: &ManagerId,
        force: bool,
    ) -> Result<Comparison, UpdateError> {
        let mut changes = compare(self.types, self.root, live, new)
            .map_err(|errors| format!("failed to compare objects: {errors}"))?;
        for set in [
            &mut changes.removed,
            &mut changes.modified,
            &mut changes.added,
        ] {
            *set = self.filter.apply(std::mem::take(set));
        }
        let changed = changes.modified.clone().union(&changes.added);
        let conflicts: Vec<_> = owners
            .iter()
            .filter(|(owner, _)| *owner != manager)
            .map(|(owner, owned)| (owner.clone(), owned.set.intersection(&changed)))
            .filter(|(_, set)| !set.is_empty())
            .collect();
        if !force && !conflicts.is_empty() {
            let each = conflicts.into_iter().flat_map(|(manager, set)| {
                let paths = set.paths().into_iter();
                paths.map(move |path| OwnerConflict {
                    manager: manager.clone(),
                    path,
                })
            });
            return Err(UpdateError::Conflicts(each.collect()));
        }
        for (owner, set) in &conflicts {
            if let Some(owned) = owners.get_mut(owner) {
                owned.set = std::mem::take(&mut owned.set).difference(set);
            }
        }
        for (_, owned) in owners.iter_mut().filter(|(owner, _)| *owner != manager) {
            owned.set = std::mem::take(&mut owned.set).difference(&changes.removed);
        }
        owners.retain(|_, owned| !owned.set.is_empty());
        Ok(changes)
    }

    /// Takes out what was applied the last time, is not applied now, and
    /// nobody else owns.
    fn prune(
        &self,
        merged: &Value,
        owners: &Owners,
        last: &OwnedFields,
    ) -> Result<Value, UpdateError> {
        let declared = |set: &PathSet| set.with_declared(self.types, self.root);
        let sets = |value: &Value, what: &str, at: &str| {
            field_set(self.types, self.root, value)
                .map(|set| declared(&set))
                .map_err(|errors| format!("failed to prune fields: failed {at}: failed to create field set from {what} object: {errors}"))
        };
        let last_set = declared(&last.set);
        let mut pruned = remove(self.types, self.root, merged, &last_set);

        // What somebody owns comes back, version by version, that of the last
        // apply first: a part of an item does not bring back the item that
        // another version has left empty.
        let at = "add back owned items";
        let mut owned: BTreeMap<(bool, &str), PathSet> = BTreeMap::new();
        for of in owners.values() {
            let version = (of.api_version != last.api_version, &*of.api_version);
            let set = owned.entry(version).or_default();
            *set = std::mem::take(set).union(&of.set);
        }
        let in_merged = sets(merged, "merged", at)?;
        for owned in owned.values() {
            let gone = in_merged
                .clone()
                .difference(&sets(&pruned, "pruned", at)?.union(&declared(owned)));
            pruned = remove(self.types, self.root, merged, &gone);
        }

        // So does what went with something else, and was not applied itself.
        let at = "add back dangling items";
        let gone = in_merged
            .difference(&sets(&pruned, "pruned", at)?)
            .intersection(&last_set);
        Ok(remove(self.types, self.root, merged, &gone))
    }

    fn reconcile(&self, owners: &mut Owners) {
        owners.retain(|_, owned| self.versions.contains(&owned.api_version));
        for owned in owners.values_mut() {
            if let Some(set) = reconcile(self.types, self.root, &owned.set) {
                owned.set = set;
            }
        }
    }
}
