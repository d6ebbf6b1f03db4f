use std::borrow::Cow;
use std::collections::BTreeSet;

use api::{Catalogue, GroupVersionKind, Resource};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::cap::cap_update_managers;
use super::error::{ApplyError, FieldConflict};
use super::filter::Filter;
use super::last_applied;
use super::managed::{self, APPLY, Managed, ManagerId, ManagerParts, UPDATE};
use super::native;
use super::path_set::PathSet;
use super::schema::Types;
use super::typed::{Duplicates, validate};
use super::updater::{UpdateError, Updater};

/// Keeps `metadata.managedFields` of one kind's objects, as they are changed
/// through one endpoint, and applies configurations to them.
///
/// Pure: it is made for a request and holds nothing.
#[derive(Clone, Debug)]
pub struct FieldManager<'a> {
    catalogue: &'a Catalogue,
    resource: &'a Resource,
    kind: GroupVersionKind,
    subresource: &'a str,
    updater: Updater<'a>,
}

/// Who owns fields that were there before owners were kept.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What nobody owns: what names an object, and what the server alone sets.
const NOBODYS: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

impl<'a> FieldManager<'a> {
    /// For objects of `resource` that are changed through the subresource of
    /// that name, or the main resource if the name is empty.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, resource: &'a Resource, subresource: &'a str) -> Self {
        let types = Types::new(catalogue);
        let kind = resource.group_version_kind();
        let same_kind = catalogue
            .resources
            .iter()
            .filter(|other| other.group == kind.group && other.names.kind == kind.kind);
        let mut versions: BTreeSet<Box<str>> =
            same_kind.map(|other| other.api_version().into()).collect();
        versions.insert(resource.api_version().into());
        let updater = Updater {
            types,
            root: types.object(&resource.schema),
            api_version: resource.api_version().into(),
            versions,
            filter: Filter::of(resource, subresource),
        };
        Self {
            catalogue,
            resource,
            kind,
            subresource,
            updater,
        }
    }

    /// `new`, which took the place of `live` by anything but an apply, with
    /// its owners: `manager` owns what changed. `live` is `None` for one that
    /// is created. Owners that `new` names are believed, but not through a
    /// subresource; if it names none they are those of `live`.
    ///
    /// # Errors
    ///
    /// If one of the objects is not of the kind's schema.
    pub fn update(
        &self,
        live: Option<&Value>,
        mut new: Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<Value, ApplyError> {
        self.own(live, &mut new, manager, now)?;
        Ok(new)
    }

    /// As [`update`](Self::update), but without owners if those cannot be found.
    #[must_use]
    pub fn update_or_forget(
        &self,
        live: Option<&Value>,
        mut new: Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Value {
        if self.own(live, &mut new, manager, now).is_err() {
            managed::strip(&mut new);
        }
        new
    }

    /// Writes the owners of `new` into it.
    fn own(
        &self,
        live: Option<&Value>,
        new: &mut Value,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<(), ApplyError> {
        let mut managed = self.owners_of(live, new);
        managed::strip(new);
        let created = live.is_none_or(|live| {
            let uid = live.pointer("/metadata/uid").and_then(Value::as_str);
            uid.unwrap_or_default().is_empty()
        });
        // An object whose owners are not known is left without.
        if created || !managed.fields.is_empty() {
            self.track(&self.typed(live), new, &mut managed, manager, now)?;
        }
        managed.write(new);
        Ok(())
    }

    /// The object that applying `patch` makes of `live`, or of nothing if that
    /// is `None`, with its owners. Defaults are not set on it.
    ///
    /// # Errors
    ///
    /// If the patch is of another kind, names owners or is not of the kind's
    /// schema, or sets fields that others own to other values and is not to
    /// take them by `force`.
    pub fn apply(
        &self,
        live: Option<&Value>,
        patch: &Value,
        manager: &str,
        force: bool,
        now: OffsetDateTime,
    ) -> Result<Value, ApplyError> {
        let mut managed = Managed::read(live.unwrap_or(&Value::Null)).map_err(|error| {
            ApplyError::Other(format!("failed to decode managed fields: {error}"))
        })?;
        self.check_kind(patch)?;
        let mut live = self.typed(live);
        if managed.fields.is_empty() {
            managed::strip(live.to_mut());
            self.track(
                &self.typed(None),
                &live,
                &mut managed,
                BEFORE_FIRST_APPLY,
                now,
            )
            .map_err(|error| {
                ApplyError::Other(format!(
                    "failed to create manager for existing fields: {error}"
                ))
            })?;
        }
        self.check_patch(patch)?;
        let applied = match self.apply_over(&live, patch, managed.clone(), manager, force, now) {
            Err(UpdateError::Conflicts(conflicts)) if manager == last_applied::MANAGER => {
                let left = last_applied::forgive(&self.updater, &live, conflicts);
                if !left.is_empty() {
                    return Err(FieldConflict::error(left));
                }
                self.apply_over(&live, patch, managed, manager, true, now)
            }
            other => other,
        };
        let mut object = applied.map_err(|error| match error {
            UpdateError::Conflicts(conflicts) => FieldConflict::error(conflicts),
            UpdateError::Other(message) => ApplyError::Other(message),
        })?;
        if manager == last_applied::MANAGER {
            last_applied::refresh(&mut object, patch);
        }
        Ok(object)
    }

    fn apply_over(
        &self,
        live: &Value,
        patch: &Value,
        mut managed: Managed,
        manager: &str,
        force: bool,
        now: OffsetDateTime,
    ) -> Result<Value, UpdateError> {
        self.validate(live, Duplicates::Allowed).map_err(|errors| {
            format!(
                "failed to create typed live object ({}): {errors}",
                describe(live)
            )
        })?;
        let id = self.manager_id(manager, APPLY);
        let applied = self
            .updater
            .apply(live, patch, &mut managed.fields, &id, force)?;
        strip_nobodys(&mut managed, &id);
        let mut object = match applied {
            Some(object) => {
                managed.times.insert(id, Some(now.unix_timestamp()));
                object
            }
            None => live.clone(),
        };
        managed.write(&mut object);
        Ok(object)
    }

    /// Gives `manager` what changed from `live`, a typed object, to `new`.
    fn track(
        &self,
        live: &Value,
        new: &Value,
        managed: &mut Managed,
        manager: &str,
        now: OffsetDateTime,
    ) -> Result<(), ApplyError> {
        let new = &*self.typed(Some(new));
        for (what, object) in [("new", new), ("live", live)] {
            self.validate(object, Duplicates::Allowed)
                .map_err(|errors| {
                    let kind = describe(object);
                    ApplyError::Other(format!(
                        "failed to convert {what} object ({kind}) to smd typed: {errors}"
                    ))
                })?;
        }
        let current = ManagerId::current_operation();
        self.updater
            .update(live, new, &mut managed.fields, &current)
            .map_err(|error| match error {
                UpdateError::Conflicts(conflicts) => FieldConflict::error(conflicts),
                UpdateError::Other(message) => ApplyError::Other(format!(
                    "failed to update ManagedFields ({}): {message}",
                    describe(new)
                )),
            })?;
        strip_nobodys(managed, &current);
        if let Some(mut owned) = managed.fields.remove(&current) {
            let id = self.manager_id(manager, UPDATE);
            if let Some(previous) = managed.fields.get(&id) {
                owned.set = owned.set.union(&previous.set);
            }
            managed.fields.insert(id.clone(), owned);
            managed.times.insert(id, Some(now.unix_timestamp()));
        }
        cap_update_managers(managed);
        Ok(())
    }

    fn owners_of(&self, live: Option<&Value>, new: &Value) -> Managed {
        if self.subresource.is_empty() {
            if managed::is_reset(new) {
                return Managed::default();
            }
            if let Ok(managed) = Managed::read(new)
                && !managed.fields.is_empty()
            {
                return managed;
            }
        }
        live.and_then(|live| Managed::read(live).ok())
            .unwrap_or_default()
    }

    /// An object as owners are found from it; one that is not there yet has
    /// only a kind.
    fn typed<'v>(&self, object: Option<&'v Value>) -> Cow<'v, Value> {
        let object = object.map_or_else(
            || {
                let version = self.resource.api_version();
                Cow::Owned(json!({"apiVersion": version, "kind": &*self.resource.names.kind}))
            },
            Cow::Borrowed,
        );
        match self.catalogue.definitions.get(&self.resource.schema) {
            Some(schema) if !self.resource.custom => {
                Cow::Owned(native::fill(self.catalogue, schema, &object))
            }
            _ => object,
        }
    }

    fn validate(
        &self,
        object: &Value,
        duplicates: Duplicates,
    ) -> Result<(), super::typed::TypeErrors> {
        validate(self.updater.types, self.updater.root, object, duplicates)
    }

    fn check_kind(&self, patch: &Value) -> Result<(), ApplyError> {
        let kind = kind_of(patch);
        if kind == self.kind {
            return Ok(());
        }
        Err(ApplyError::BadRequest(format!(
            "invalid object type: {}",
            kind_text(&kind)
        )))
    }

    fn check_patch(&self, patch: &Value) -> Result<(), ApplyError> {
        if managed::entries(patch).is_some() {
            return Err(ApplyError::BadRequest(
                "metadata.managedFields must be nil".to_owned(),
            ));
        }
        self.validate(patch, Duplicates::Refused).map_err(|errors| {
            let kind = describe(patch);
            ApplyError::Other(format!(
                "failed to create typed patch object ({kind}): {errors}"
            ))
        })
    }

    fn manager_id(&self, manager: &str, operation: &str) -> ManagerId {
        ManagerId::new(&ManagerParts {
            manager: if manager.is_empty() {
                "unknown"
            } else {
                manager
            }
            .to_owned(),
            operation: operation.to_owned(),
            api_version: self.resource.api_version(),
            subresource: self.subresource.to_owned(),
        })
    }
}

fn strip_nobodys(managed: &mut Managed, manager: &ManagerId) {
    if let Some(mut owned) = managed.fields.remove(manager) {
        owned.set = owned
            .set
            .difference(&PathSet::of_fields(NOBODYS.iter().copied()));
        if !owned.set.is_empty() {
            managed.fields.insert(manager.clone(), owned);
        }
    }
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The kind an object says it is of; empty if its version cannot be read.
fn kind_of(object: &Value) -> GroupVersionKind {
    let (group, version) = match text(object, "/apiVersion").split('/').collect::<Vec<_>>()[..] {
        [version] => ("", version),
        [group, version] => (group, version),
        _ => {
            return GroupVersionKind {
                group: "".into(),
                version: "".into(),
                kind: "".into(),
            };
        }
    };
    GroupVersionKind {
        group: group.into(),
        version: version.into(),
        kind: text(object, "/kind").into(),
    }
}

/// A kind as messages name it: `group/version, Kind=kind`.
pub(crate) fn kind_text(kind: &GroupVersionKind) -> String {
    format!("{}/{}, Kind={}", kind.group, kind.version, kind.kind)
}

/// An object as messages name it: `namespace/name; group/version, Kind=kind`.
pub(crate) fn describe(object: &Value) -> String {
    let (namespace, name) = (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    format!("{namespace}/{name}; {}", kind_text(&kind_of(object)))
}
