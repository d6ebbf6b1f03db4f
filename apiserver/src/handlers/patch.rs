use api::{FieldError, FieldErrorKind, GroupVersionKind};
use serde_json::Value;

use crate::apply::{ApplyError, describe, kind_text};
use crate::handlers::update::Update;
use crate::negotiation::PatchMedia;
use crate::object::meta_str;
use crate::options::FieldValidation;
use crate::patch::{PatchError, json, merge, strategic};
use crate::request_body::{Unfit, fit};
use crate::writer::Writer;
use crate::{Cause, Status};

/// A patch, applied to whatever is there.
pub(crate) struct Patch<'a> {
    pub(crate) writer: &'a Writer<'a>,
    pub(crate) media: PatchMedia,
    pub(crate) patch: Value,
    /// Whether an apply takes fields from others.
    pub(crate) force: bool,
    pub(crate) validation: FieldValidation,
    /// What is twice in the patch or unknown there, in words.
    pub(crate) faults: Vec<String>,
    /// What the schema does not know as well, in words.
    pub(crate) dropped: Vec<String>,
}

impl Update for Patch<'_> {
    fn next(&mut self, old: Option<&Value>) -> Result<Value, Status> {
        let scope = self.writer.scope;
        let catalogue = scope.registry.catalogue();
        let patch = &self.patch;
        if self.media == PatchMedia::Apply {
            return self.apply(old);
        }
        let old = old.cloned().unwrap_or_default();
        let new = match self.media {
            PatchMedia::Json => json::apply(old, patch),
            PatchMedia::Strategic => {
                strategic::apply(catalogue, &scope.resource.schema, old, patch.clone())
            }
            PatchMedia::Merge | PatchMedia::Apply => merge::apply(old, patch.clone()),
        };
        let mut new = new.map_err(patch_failed)?;
        self.check_kind(&new)?;
        self.fit(&mut new)?;
        Ok(new)
    }

    fn creates(&self) -> bool {
        self.media == PatchMedia::Apply && self.writer.scope.subresource.is_empty()
    }

    fn owns(&self) -> bool {
        self.media == PatchMedia::Apply
    }
}

impl Patch<'_> {
    /// Makes what was patched an object of its kind's schema.
    fn fit(&mut self, object: &mut Value) -> Result<(), Status> {
        let scope = self.writer.scope;
        let kind = &scope.resource.names.kind;
        let apply = self.media == PatchMedia::Apply;
        let fitted = fit(scope, &scope.resource.schema, kind, object, apply);
        self.dropped = match fitted {
            Err(Unfit { why, .. }) if apply => {
                let kind = kind_text(&scope.resource.group_version_kind());
                return Err(Status::unexpected(format!(
                    "failed to convert new object ({}) to proper version: unable to convert unstructured object to {kind}: {}",
                    describe(&self.patch),
                    in_converter(&why)
                )));
            }
            Err(Unfit { why, .. }) => return Err(unusable(object, &why)),
            Ok(dropped) => dropped,
        };
        self.dropped.splice(..0, self.faults.iter().cloned());
        if self.validation != FieldValidation::Strict || self.dropped.is_empty() {
            return Ok(());
        }
        let why = format!("strict decoding error: {}", self.dropped.join(", "));
        Err(unusable(object, &why))
    }

    /// What is patched stays of its kind.
    fn check_kind(&self, object: &Value) -> Result<(), Status> {
        let resource = &self.writer.scope.resource;
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let (kind, version) = (text("kind"), text("apiVersion"));
        let same = |said: &str, own: &str| said.is_empty() || said == own;
        if resource.custom
            || same(kind, &resource.names.kind) && same(version, &resource.api_version())
        {
            return Ok(());
        }
        let why = format!(
            "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
        );
        Err(unusable(object, &why))
    }

    fn apply(&mut self, old: Option<&Value>) -> Result<Value, Status> {
        let Writer {
            scope,
            manager,
            now,
            ..
        } = self.writer;
        let fields = self.writer.field_manager();
        let applied = fields.apply(old, &self.patch, manager, self.force, *now);
        let mut applied = applied.map_err(apply_failed)?;
        self.fit(&mut applied)?;
        let uid = meta_str(&applied, "uid");
        if old.is_none() && !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(&scope.group_resource(), &scope.name, &why));
        }
        Ok(applied)
    }
}

/// What the real server's converter of applied objects says instead of the
/// decoder of those that are sent.
fn in_converter(why: &str) -> String {
    if why.starts_with("illegal base64") {
        return format!("error decoding from json: {why}");
    }
    let number = why
        .strip_prefix("json: cannot unmarshal number ")
        .and_then(|rest| rest.split_once(' '));
    match (number, why.rsplit_once(" of type ")) {
        (Some((number, _)), Some((_, wanted))) => {
            let of = if number.parse::<i64>().is_ok() {
                "int64"
            } else {
                "float64"
            };
            format!("cannot convert {of} to {wanted}")
        }
        _ => why.to_owned(),
    }
}

/// 422: what a patch makes is no object of the kind.
fn unusable(object: &Value, why: &str) -> Status {
    let shown = format!("{:?}", object.to_string());
    let error = FieldError::new("patch", FieldErrorKind::Invalid(shown), why);
    let kind = GroupVersionKind {
        group: "".into(),
        version: "".into(),
        kind: "".into(),
    };
    Status::invalid(&kind, "", &[error])
}

fn apply_failed(error: ApplyError) -> Status {
    match error {
        ApplyError::BadRequest(message) => Status::bad_request(message),
        ApplyError::Conflict { message, conflicts } => {
            let causes = conflicts.into_iter().map(|of| Cause {
                reason: "FieldManagerConflict",
                message: of.message,
                field: of.field,
            });
            Status::apply_conflict(message, causes.collect())
        }
        ApplyError::Other(message) => Status::unexpected(message),
    }
}

pub(super) fn patch_failed(error: PatchError) -> Status {
    match error {
        PatchError::BadRequest(message) => Status::bad_request(message),
        PatchError::TooLarge(message) => Status::too_large_because(&message),
        PatchError::Unprocessable(_) => Status::unprocessable(),
        PatchError::Other(message) => Status::unexpected(message),
    }
}
