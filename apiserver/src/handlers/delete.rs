use api::Change;
use http::StatusCode;
use serde_json::{Value, json};

use crate::Status;
use crate::answer::Answer;
use crate::metadata::{FOREGROUND, ORPHAN};
use crate::object::{Stored, at, encode, is_deleting, meta_str, meta_strings, metadata_mut};
use crate::options::{DeleteOptions, Propagation};
use crate::scope::Scope;
use crate::storage::{Storage, Written, not_found};
use crate::writer::Writer;

mod grace;

use grace::Grace;

/// Deletes an object, or marks it as being deleted if it has finalizers.
pub(crate) async fn delete(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &DeleteOptions,
) -> Result<Answer, Status> {
    let scope = writer.scope;
    for _ in 0..RACES_MAX {
        let there = storage.get(&scope.key()).await?;
        let there = there.ok_or_else(|| not_found(&scope.resource, &scope.name))?;
        let old = there.value(&scope.resource)?;
        check_preconditions(scope, options, &old)?;
        let next = mark(writer, options, &old)?;
        let done = match &next {
            Some(new) if encode(&scope.resource, new)? == there.bytes() => {
                Some(Kept(there.clone()))
            }
            Some(new) if options.dry_run => {
                Some(Kept(Stored::of(&scope.resource, new, there.revision)?))
            }
            Some(new) => {
                let written = storage
                    .replace(
                        &scope.resource,
                        scope.key(),
                        there.revision,
                        encode(&scope.resource, new)?,
                    )
                    .await?;
                match written {
                    Written::Done(revision) => {
                        Some(Kept(Stored::of(&scope.resource, new, revision)?))
                    }
                    Written::Lost => None,
                }
            }
            None if options.dry_run => Some(Gone(there.revision)),
            None => match storage.remove(scope.key(), there.revision).await? {
                Written::Done(revision) => Some(Gone(revision)),
                Written::Lost => None,
            },
        };
        match done {
            Some(Kept(stored)) => {
                let code = if options.waits {
                    StatusCode::ACCEPTED
                } else {
                    StatusCode::OK
                };
                return Ok(Answer::Object(code, stored));
            }
            Some(Gone(revision)) if scope.resource.behaviour.returns_deleted => {
                let last = ended(writer, old)?;
                return Ok(Answer::Object(
                    StatusCode::OK,
                    Stored::of(&scope.resource, &last, revision)?,
                ));
            }
            Some(Gone(_)) => return Ok(Answer::Value(StatusCode::OK, success(scope, &old))),
            None => {}
        }
    }
    Err(Status::server_timeout(&scope.group_resource(), "delete", 1))
}

/// The object as it ends: what its kind gives time to has none left.
fn ended(writer: &Writer<'_>, mut object: Value) -> Result<Value, Status> {
    if writer.scope.resource.hooks.grace.is_none() {
        return Ok(object);
    }
    let deleting = is_deleting(&object);
    let generation = at(&object, "metadata.generation").and_then(Value::as_i64);
    let metadata = metadata_mut(&mut object)?;
    metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
    if !deleting {
        metadata.insert("deletionTimestamp".into(), writer.now_text().into());
        if let Some(generation) = generation {
            metadata.insert("generation".into(), (generation + 1).into());
        }
    }
    Ok(object)
}

enum Done {
    Gone(u64),
    Kept(Stored),
}
use Done::{Gone, Kept};

/// The object as being deleted, if something is still to be done before it
/// can go.
fn mark(
    writer: &Writer<'_>,
    options: &DeleteOptions,
    old: &Value,
) -> Result<Option<Value>, Status> {
    let mut new = old.clone();
    let finalizers = finalizers(writer.scope, options, old);
    // A namespace goes when its content has.
    let waits_for_content = keeps_itself(old);
    let grace = Grace::of(writer, options, old);
    let takes_time = match grace {
        Grace::None => false,
        Grace::Runs => return Ok(Some(new)),
        Grace::Until { seconds, .. } => seconds > 0,
    };
    if finalizers.is_empty() && !waits_for_content && !takes_time {
        return Ok(None);
    }
    let metadata = metadata_mut(&mut new)?;
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), finalizers.into());
    }
    if let Grace::Until { at, seconds } = &grace {
        metadata.insert("deletionTimestamp".into(), at.as_str().into());
        metadata.insert("deletionGracePeriodSeconds".into(), (*seconds).into());
    }
    if !is_deleting(old) {
        if grace == Grace::None {
            metadata.insert("deletionTimestamp".into(), writer.now_text().into());
            if !waits_for_content {
                metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
            }
        }
        if let Some(generation) = at(old, "metadata.generation").and_then(Value::as_i64) {
            metadata.insert("generation".into(), (generation + 1).into());
        }
    }
    writer.run_hooks(
        &mut new,
        Change::Update {
            old,
            subresource: None,
        },
    );
    Ok(Some(new))
}

/// Whether an object has finalizers of its own in its spec, as namespaces do.
pub(super) fn keeps_itself(object: &Value) -> bool {
    at(object, "spec.finalizers")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty())
}

/// The finalizers an object has while it is being deleted as the options say.
fn finalizers(scope: &Scope, options: &DeleteOptions, old: &Value) -> Vec<Value> {
    let has = |name: &str| meta_strings(old, "finalizers").any(|of| of == name);
    let (orphan, foreground) = match options.propagation {
        Some(Propagation::Background) => (false, false),
        Some(Propagation::Foreground) => (false, true),
        Some(Propagation::Orphan) => (true, false),
        None if scope.resource.behaviour.orphans && !has(FOREGROUND) => (true, false),
        None => (has(ORPHAN), has(FOREGROUND)),
    };
    let others = meta_strings(old, "finalizers").filter(|of| !matches!(*of, ORPHAN | FOREGROUND));
    let own = [(orphan, ORPHAN), (foreground, FOREGROUND)];
    let own = own
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, name)| name);
    others.chain(own).map(Into::into).collect()
}

fn check_preconditions(scope: &Scope, options: &DeleteOptions, old: &Value) -> Result<(), Status> {
    let mut resource = scope.group_resource();
    resource.resource = scope.resource.names.kind.clone();
    let uid = meta_str(old, "uid");
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(&resource, &scope.name, &why));
    }
    let revision = meta_str(old, "resourceVersion");
    if let Some(wanted) = options
        .revision
        .as_deref()
        .filter(|wanted| *wanted != revision)
    {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
        );
        return Err(Status::conflict(&resource, &scope.name, &why));
    }
    Ok(())
}

/// What is answered when an object is gone.
fn success(scope: &Scope, old: &Value) -> Value {
    let mut details = json!({
        "name": meta_str(old, "name"),
        "kind": scope.resource.names.plural,
        "uid": meta_str(old, "uid"),
    });
    if !scope.resource.group.is_empty() {
        details["group"] = (&*scope.resource.group).into();
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

/// How often a delete is tried that somebody else overtakes.
const RACES_MAX: usize = 1000;
