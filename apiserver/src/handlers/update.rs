use http::StatusCode;
use serde_json::Value;

use crate::Status;
use crate::answer::Answer;
use crate::apply::keep_times;
use crate::handlers::delete::keeps_itself;
use crate::object::{Stored, is_deleting, meta_str, meta_strings, metadata_mut};
use crate::options::{WriteOptions, revision};
use crate::scope::Scope;
use crate::storage::{Storage, Written, not_found};
use crate::writer::Writer;

/// How an object becomes another: what is there, `None` if nothing is, to what
/// is to be there. It runs again on what is then there if somebody was faster.
pub(crate) trait Update: Send {
    /// The new object, with the `resourceVersion` that it is made for, if any.
    fn next(&mut self, old: Option<&Value>) -> Result<Value, Status>;
    /// Whether an object that is not there is made.
    fn creates(&self) -> bool;
    /// Whether a uid in the new object says which one is meant.
    fn means_uid(&self) -> bool {
        false
    }
    /// The new object, if it is sent whole and not made of the old one.
    fn sent(&self) -> Option<&Value> {
        None
    }
    /// Whether the new object says already who owns which of its fields.
    fn owns(&self) -> bool {
        false
    }
}

/// A whole object in the place of another.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) object: Value,
    /// Whether it is made if it is not there.
    pub(crate) creates: bool,
}

impl Update for Replacement {
    fn next(&mut self, _: Option<&Value>) -> Result<Value, Status> {
        Ok(self.object.clone())
    }

    fn creates(&self) -> bool {
        self.creates
    }

    fn sent(&self) -> Option<&Value> {
        Some(&self.object)
    }

    fn means_uid(&self) -> bool {
        true
    }
}

/// Reads an object, makes another of it, and puts that in its place.
pub(crate) async fn update(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &WriteOptions,
    change: &mut dyn Update,
) -> Result<Answer, Status> {
    let scope = writer.scope;
    for _ in 0..RACES_MAX {
        let there = storage.get(&scope.key()).await?;
        let Some(there) = there else {
            if !change.creates() {
                if let Some(sent) = change.sent() {
                    writer.settle_kind(&mut sent.clone())?;
                    check_name(scope, sent)?;
                }
                return Err(not_found(&scope.resource, &scope.name));
            }
            if let Some(answer) = make(storage, writer, options, change).await? {
                return Ok(answer);
            }
            continue;
        };
        if let Some(answer) = replace(storage, writer, options, change, &there).await? {
            return Ok(answer);
        }
    }
    Err(Status::server_timeout(&scope.group_resource(), "update", 1))
}

/// Makes the object that is not there; `None` if somebody else has.
async fn make(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &WriteOptions,
    change: &mut dyn Update,
) -> Result<Option<Answer>, Status> {
    if let Some(guard) = &writer.guard {
        guard.check_create()?;
    }
    let mut new = change.next(None)?;
    writer.settle_kind(&mut new)?;
    check_name(writer.scope, &new)?;
    writer.settle_namespace(&mut new)?;
    let metadata = metadata_mut(&mut new)?;
    if let Some(uid) = metadata
        .get("uid")
        .and_then(Value::as_str)
        .filter(|uid| !uid.is_empty())
    {
        return Err(uid_mismatch(writer.scope, uid, ""));
    }
    let of = metadata.remove("resourceVersion").unwrap_or_default();
    let version = revision(of.as_str()).map_err(Status::unexpected)?;
    if !change.owns() {
        new = writer.owned(None, new);
    }
    writer.complete_new(&mut new)?;
    if change.owns() {
        writer.coerce(&mut new);
    }
    let stored = Stored::of(&writer.scope.resource, &new, 0)?;
    if options.dry_run {
        let stored = stored.at_revision(version.unwrap_or(0));
        return Ok(Some(Answer::Object(StatusCode::CREATED, stored)));
    }
    Ok(
        match storage
            .create(
                &writer.scope.resource,
                writer.scope.key(),
                stored.bytes().clone(),
            )
            .await?
        {
            Written::Done(revision) => Some(Answer::Object(
                StatusCode::CREATED,
                stored.at_revision(revision),
            )),
            Written::Lost => None,
        },
    )
}

/// Puts the new object in the place of the old one; `None` if that has changed
/// meanwhile and the new one was not made for a certain revision.
async fn replace(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &WriteOptions,
    change: &mut dyn Update,
    there: &Stored,
) -> Result<Option<Answer>, Status> {
    let scope = writer.scope;
    let resource = scope.group_resource();
    let old = there.value(&scope.resource)?;
    let mut new = change.next(Some(&old))?;
    writer.settle_kind(&mut new)?;
    check_name(scope, &new)?;
    writer.settle_namespace(&mut new)?;
    let uid = meta_str(&new, "uid");
    if change.means_uid() && !uid.is_empty() && uid != meta_str(&old, "uid") {
        return Err(uid_mismatch(scope, uid, meta_str(&old, "uid")));
    }
    let of = revision(Some(meta_str(&new, "resourceVersion"))).map_err(Status::unexpected)?;
    match of.filter(|of| *of > 0) {
        Some(of) if of != there.revision => return Err(Status::modified(&resource, &scope.name)),
        None if !scope.resource.behaviour.unconditional_update => {
            return Err(must_be_specified(scope));
        }
        _ => {}
    }
    if !change.owns() {
        new = writer.owned(Some(&old), new);
    }
    writer.complete_update(&mut new, &old)?;
    if change.owns() {
        writer.coerce(&mut new);
    }
    let new = keep_times(&old, new);
    let stored = Stored::of(&scope.resource, &new, there.revision)?;
    let rewritten = scope.resource.hooks.rewritten;
    let rewritten = there.untouched && rewritten.is_some_and(|hook| hook(&old));
    if stored.bytes() == there.bytes() && !rewritten {
        return Ok(Some(Answer::Object(StatusCode::OK, there.clone())));
    }
    let ends = is_deleting(&new)
        && meta_strings(&new, "finalizers").next().is_none()
        && !keeps_itself(&new)
        && grace_seconds(&old) == 0;
    if options.dry_run {
        return Ok(Some(Answer::Object(StatusCode::OK, stored)));
    }
    let written = if ends {
        storage.remove(scope.key(), there.revision).await?
    } else {
        storage
            .replace(
                &scope.resource,
                scope.key(),
                there.revision,
                stored.bytes().clone(),
            )
            .await?
    };
    Ok(match written {
        Written::Done(revision) => {
            // What has gone has no other version than before.
            let revision = if ends { there.revision } else { revision };
            let stored = stored.at_revision(revision);
            Some(Answer::Object(StatusCode::OK, stored))
        }
        Written::Lost => None,
    })
}

/// 409 to an update that is meant for another object of the same name.
fn uid_mismatch(scope: &Scope, wanted: &str, there: &str) -> Status {
    let mut key = scope.key().to_string();
    // The real server keeps its own kinds without their group.
    let group = format!("/{}/", scope.resource.group);
    if !scope.resource.custom && !scope.resource.group.is_empty() {
        key = key.replacen(&group, "/", 1);
    }
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {there}"
    );
    Status::conflict(&scope.group_resource(), &scope.name, &why)
}

/// How long an object that is being deleted still has.
fn grace_seconds(object: &Value) -> i64 {
    let seconds = crate::object::at(object, "metadata.deletionGracePeriodSeconds");
    seconds.and_then(Value::as_i64).unwrap_or(0)
}

fn check_name(scope: &Scope, object: &Value) -> Result<(), Status> {
    let (name, namespace) = (meta_str(object, "name"), meta_str(object, "namespace"));
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            scope.name
        )));
    }
    if name != scope.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            scope.name
        )));
    }
    if !scope.namespace.is_empty() && !namespace.is_empty() && namespace != scope.namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// 422 to an update without a `resourceVersion`; the real server names the
/// resource where the kind would stand.
fn must_be_specified(scope: &Scope) -> Status {
    let mut kind = scope.resource.group_version_kind();
    kind.kind = scope.resource.names.plural.clone();
    let error = api::FieldError::new(
        "metadata.resourceVersion",
        api::FieldErrorKind::Invalid("0".into()),
        "must be specified for an update",
    );
    Status::invalid(&kind, &scope.name, &[error])
}

/// How often an update is tried that somebody else overtakes. Each time
/// somebody has made progress.
const RACES_MAX: usize = 1000;
