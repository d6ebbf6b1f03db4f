use std::time::SystemTime;

use api::{Change, FieldError, FieldErrorKind, Request, Schema, canonicalise};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

mod guard;
mod names;

pub(crate) use self::guard::Guard;
pub(crate) use self::names::{generate_name, new_uid};

use crate::apply::FieldManager;
use crate::object::{at, is_deleting, meta_str, metadata_mut, set_at};
use crate::schema::{check_embedded, coerce_embedded, validate};
use crate::scope::Scope;
use crate::{Registry, Status, User, certificates, metadata};

/// Makes objects what the server keeps: fills in what clients do not decide,
/// puts back what a change may not touch, and checks the rest.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) user: &'a User,
    /// Who writes, for `managedFields`.
    pub(crate) manager: &'a str,
    pub(crate) now: OffsetDateTime,
    pub(crate) guard: Option<Guard<'a>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(scope: &'a Scope, user: &'a User, manager: &'a str) -> Self {
        let now = OffsetDateTime::from(SystemTime::now());
        Self {
            scope,
            user,
            manager,
            now: now.replace_nanosecond(0).unwrap_or(now),
            guard: None,
        }
    }

    /// As it is, with something checked before an object is kept.
    pub(crate) fn guarded(self, guard: Guard<'a>) -> Self {
        Self {
            guard: Some(guard),
            ..self
        }
    }

    /// Now, as objects have it.
    pub(crate) fn now_text(&self) -> String {
        self.now.format(&Rfc3339).unwrap_or_default()
    }

    /// Keeps who owns which field of an object.
    pub(crate) fn field_manager(&self) -> FieldManager<'_> {
        let catalogue = self.scope.registry.catalogue();
        FieldManager::new(catalogue, &self.scope.resource, &self.scope.subresource)
    }

    /// The object with its owners: what has changed is the manager's, what
    /// the kind sets where he says nothing included, and nothing that is the
    /// server's own.
    pub(crate) fn owned(&self, old: Option<&Value>, mut new: Value) -> Value {
        if old.is_none()
            && let Ok(metadata) = metadata_mut(&mut new)
        {
            for field in SYSTEM_FIELDS.iter().filter(|of| **of != "resourceVersion") {
                metadata.remove(*field);
            }
        }
        if let (true, Ok(metadata)) = (self.scope.resource.custom, metadata_mut(&mut new)) {
            let owners = metadata.remove("managedFields");
            drop_empty(metadata);
            metadata.extend(owners.map(|owners| ("managedFields".to_owned(), owners)));
        }
        if let Some(default) = self.scope.resource.hooks.default {
            default(&mut new);
        }
        self.field_manager()
            .update_or_forget(old, new, self.manager, self.now)
    }

    /// Checks that the object is of the kind and in the namespace that the
    /// request is about, and sets the namespace if it has none.
    pub(crate) fn settle(&self, object: &mut Value) -> Result<(), Status> {
        self.settle_kind(object)?;
        self.settle_namespace(object)
    }

    /// Checks that the object is of the version and the kind that the request
    /// is about. That a custom resource is of another kind is told last.
    pub(crate) fn settle_kind(&self, object: &mut Value) -> Result<(), Status> {
        let resource = &self.scope.resource;
        let said = |object: &Value, field: &str| {
            object
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (version, kind) = (said(object, "apiVersion"), said(object, "kind"));
        let expected = resource.api_version();
        if !version.is_empty() && version != expected {
            return Err(Status::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({expected})"
            )));
        }
        let other = !kind.is_empty() && kind != *resource.names.kind;
        if other && !resource.custom {
            let (group, version) = match version.rsplit_once('/') {
                Some((group, version)) => (group, version),
                None => ("", &*version),
            };
            let group = if group.is_empty() {
                String::new()
            } else {
                format!("{group}/")
            };
            return Err(Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): no kind {kind:?} is registered for version \"{group}{version}\"",
                resource.names.kind
            )));
        }
        if let Some(fields) = object.as_object_mut() {
            if !other {
                fields.insert("kind".into(), (&*resource.names.kind).into());
            }
            fields.insert("apiVersion".into(), expected.into());
        }
        Ok(())
    }

    /// 422 to a custom resource of another kind.
    fn check_kind(&self, object: &Value) -> Result<(), Status> {
        let said = object["kind"].as_str().unwrap_or_default();
        let mut kind = self.scope.resource.group_version_kind();
        if said == &*kind.kind {
            return Ok(());
        }
        let wrong = FieldErrorKind::Invalid(format!("{said:?}"));
        let error = FieldError::new("kind", wrong, format!("must be {}", kind.kind));
        kind.kind = said.into();
        Err(Status::invalid(&kind, meta_str(object, "name"), &[error]))
    }

    /// Checks that the object is in the namespace that the request is about,
    /// and sets it if it has none.
    pub(crate) fn settle_namespace(&self, object: &mut Value) -> Result<(), Status> {
        let requested = if self.scope.namespaced() {
            &*self.scope.namespace
        } else {
            ""
        };
        let metadata = metadata_mut(object)?;
        let own = metadata
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if own == requested {
        } else if requested.is_empty() {
            metadata.remove("namespace");
        } else if own.is_empty() {
            metadata.insert("namespace".into(), requested.into());
        } else {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Ok(())
    }

    /// Makes a new object complete.
    ///
    /// # Errors
    /// If something is wrong with it that the client has to mend.
    pub(crate) fn complete_new(&self, object: &mut Value) -> Result<(), Status> {
        self.check_kind(object)?;
        let resource = &self.scope.resource;
        let behaviour = resource.behaviour;
        let metadata = metadata_mut(object)?;
        for field in SYSTEM_FIELDS {
            metadata.remove(field);
        }
        drop_empty(metadata);
        metadata.insert("uid".into(), new_uid().into());
        metadata.insert("creationTimestamp".into(), self.now_text().into());
        if behaviour.generation {
            metadata.insert("generation".into(), 1.into());
        }
        if !behaviour.keeps_status && resource.subresource("status").is_some() {
            set_at(object, "status", None);
        }
        self.run_hooks(object, Change::Create);
        let mut errors = metadata::check_new(self.scope, object);
        errors.extend(self.schema_errors(object));
        errors.extend(self.hook_errors(object, Change::Create));
        if *self.scope.resource.group == *certificates::GROUP {
            certificates::check_fields(object, &mut errors);
        }
        self.reject(object, &errors)?;
        self.guard
            .map_or(Ok(()), |guard| guard.check(self, object, Change::Create))
    }

    /// Makes the object that takes the place of `old` complete.
    ///
    /// # Errors
    /// If something is wrong with it that the client has to mend.
    pub(crate) fn complete_update(&self, object: &mut Value, old: &Value) -> Result<(), Status> {
        let subresource = Some(&*self.scope.subresource).filter(|name| !name.is_empty());
        if subresource.is_none() {
            self.check_kind(object)?;
        }
        self.put_back(object, old, subresource)?;
        let change = Change::Update { old, subresource };
        self.run_hooks(object, change);
        if self.scope.resource.behaviour.generation && asks_otherwise(object, old) {
            let generation = at(old, "metadata.generation").and_then(Value::as_i64);
            metadata_mut(object)?.insert("generation".into(), (generation.unwrap_or(0) + 1).into());
        }
        let mut errors = metadata::check_update(self.scope, object, old);
        errors.extend(self.schema_errors(object));
        errors.extend(self.hook_errors(object, change));
        self.reject(object, &errors)?;
        self.guard
            .map_or(Ok(()), |guard| guard.check(self, object, change))
    }

    /// Gives what was applied the form that it has where it is kept.
    pub(crate) fn coerce(&self, object: &mut Value) {
        let registry = &self.scope.registry;
        let custom = Some(&self.scope.resource).filter(|of| of.custom);
        if let Some(schema) = custom.and_then(|of| registry.schema(of)) {
            // Nothing is wrong with it any more.
            drop(coerce_embedded(registry, schema, object));
        }
    }

    /// Undoes what this change may not touch.
    fn put_back(
        &self,
        object: &mut Value,
        old: &Value,
        subresource: Option<&str>,
    ) -> Result<(), Status> {
        let resource = &self.scope.resource;
        if let Some(through) = subresource.and_then(|name| resource.subresource(name)) {
            let mut kept = old.clone();
            for path in &through.writes {
                let written = at(object, path).filter(|value| !value.is_null());
                set_at(&mut kept, path, written.cloned());
            }
            let metadata = object.get("metadata").cloned().unwrap_or_default();
            let kept_metadata = metadata_mut(&mut kept)?;
            for field in METADATA_WRITTEN {
                let kept = field == "labels" && through.keeps_labels;
                if field == "managedFields" || through.writes_metadata && !kept {
                    put(kept_metadata, field, metadata.get(field).cloned());
                }
            }
            for field in ["uid", "name", "namespace", "resourceVersion"] {
                put(kept_metadata, field, metadata.get(field).cloned());
            }
            *object = kept;
        } else {
            for other in resource.subresources.iter().filter(|of| of.scale.is_none()) {
                for path in &other.writes {
                    set_at(object, path, at(old, path).cloned());
                }
            }
        }
        let metadata = metadata_mut(object)?;
        drop_empty(metadata);
        for field in ["generation", "creationTimestamp", "selfLink"] {
            put(
                metadata,
                field,
                at(old, &format!("metadata.{field}")).cloned(),
            );
        }
        for field in ["uid", "deletionGracePeriodSeconds", "deletionTimestamp"] {
            let deleting = field == "deletionTimestamp" && is_deleting(old);
            if deleting || metadata.get(field).is_none_or(Value::is_null) {
                put(
                    metadata,
                    field,
                    at(old, &format!("metadata.{field}")).cloned(),
                );
            }
        }
        Ok(())
    }

    pub(crate) fn run_hooks(&self, object: &mut Value, change: Change<'_>) {
        let Scope {
            registry, resource, ..
        } = self.scope;
        let hooks = resource.hooks;
        if let Some(schema) = registry.schema(resource).filter(|_| !resource.custom) {
            canonicalise(registry.definitions(), schema, object);
        }
        if let Some(default) = hooks.default {
            default(object);
        }
        if let Some(prepare) = hooks.prepare {
            prepare(object, change);
        }
        if let Some(stamp) = hooks.stamp {
            let now = self.now_text();
            stamp(object, change, &self.request(&now));
        }
    }

    fn request<'r>(&'r self, now: &'r str) -> Request<'r> {
        Request {
            user: &self.user.name,
            uid: &self.user.uid,
            groups: &self.user.groups,
            extra: &self.user.extra,
            now,
        }
    }

    /// What the schema says against a custom resource. Built-in kinds are read
    /// by theirs, and their hooks say the rest.
    fn schema_errors(&self, object: &Value) -> Vec<FieldError> {
        let registry = &self.scope.registry;
        match registry.schema(&self.scope.resource) {
            Some(schema) if self.scope.resource.custom => {
                let mut errors = validate(registry, schema, object);
                if &*self.scope.subresource == "status" {
                    errors.iter_mut().for_each(of_status);
                } else {
                    errors.extend(check_embedded(registry, schema, object));
                }
                if errors.iter().any(hides_rules) && has_rules(registry, schema, 0) {
                    let kind = FieldErrorKind::Invalid("null".to_owned());
                    errors.push(FieldError::new("<nil>", kind, RULES_NOT_CHECKED));
                }
                errors
            }
            _ => Vec::new(),
        }
    }

    fn hook_errors(&self, object: &Value, change: Change<'_>) -> Vec<FieldError> {
        let validate = self.scope.resource.hooks.validate;
        validate.map_or_else(Vec::new, |validate| validate(object, change))
    }

    fn reject(&self, object: &Value, errors: &[FieldError]) -> Result<(), Status> {
        if errors.is_empty() {
            return Ok(());
        }
        let kind = self.scope.resource.group_version_kind();
        Err(Status::invalid(&kind, meta_str(object, "name"), errors))
    }
}

/// A status alone is checked on its own: the texts say where in it a fault is.
fn of_status(error: &mut FieldError) {
    for start in ["status.", "\"status."] {
        if error.detail.starts_with(start) {
            error.detail = error.detail.replacen("status.", "", 1);
        }
    }
    if let Some(rest) = error.detail.strip_prefix("status in body") {
        error.detail = format!(" in body{rest}");
    }
    if error.field == "<nil>" {
        "status".clone_into(&mut error.field);
    }
}

/// Whether it is an error with which rules in CEL are not looked at.
const fn hides_rules(error: &FieldError) -> bool {
    matches!(
        error.kind,
        FieldErrorKind::NotSupported(_)
            | FieldErrorKind::Required
            | FieldErrorKind::TooLong
            | FieldErrorKind::TooMany(_)
            | FieldErrorKind::TypeInvalid(_)
    )
}

/// Whether a schema has rules in CEL anywhere.
fn has_rules(registry: &Registry, schema: &Schema, depth: usize) -> bool {
    let Some(schema) = registry.resolve(schema).filter(|_| depth < RULES_DEPTH) else {
        return false;
    };
    let inner = schema.properties.values();
    let inner = inner.chain(schema.items.as_deref());
    !schema.validations.is_empty()
        || inner
            .chain(schema.additional_properties.as_deref())
            .any(|of| has_rules(registry, of, depth + 1))
}

/// Whether a change is one of what is asked for, which `generation` counts.
fn asks_otherwise(object: &Value, old: &Value) -> bool {
    let asked = |of: &Value| {
        let fields = of.as_object().into_iter().flat_map(Map::iter);
        let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status"));
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
    };
    asked(object) != asked(old)
}

fn put(map: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(field.to_owned(), value),
        None => map.remove(field),
    };
}

/// Go leaves such fields out when it writes, and sends `null` for times.
fn drop_empty(metadata: &mut Map<String, Value>) {
    metadata.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    });
}

/// What the real server adds to what it finds, where it then does not look at
/// the rules in CEL.
const RULES_NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
/// Schemas are no deeper.
const RULES_DEPTH: usize = 64;
/// What a client cannot set of a new object.
const SYSTEM_FIELDS: [&str; 6] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// What a change through a subresource writes of the metadata, if it does.
const METADATA_WRITTEN: [&str; 5] = [
    "annotations",
    "finalizers",
    "labels",
    "managedFields",
    "ownerReferences",
];
