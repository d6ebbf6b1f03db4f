use http::StatusCode;
use serde_json::Value;

use crate::Status;
use crate::answer::Answer;
use crate::object::{Stored, is_deleting, meta_str, metadata_mut};
use crate::options::{WriteOptions, revision};
use crate::scope::Scope;
use crate::storage::{Storage, Written};
use crate::writer::{Writer, generate_name};

/// Makes a new object.
pub(crate) async fn create(
    storage: &Storage,
    writer: &Writer<'_>,
    options: &WriteOptions,
    mut object: Value,
) -> Result<Answer, Status> {
    let scope = writer.scope;
    writer.settle(&mut object)?;
    let generates = meta_str(&object, "name").is_empty();
    let base = meta_str(&object, "generateName").to_owned();
    let mut tries = if generates && !base.is_empty() {
        GENERATED_TRIES
    } else {
        1
    };
    // One that is no version is passed over.
    let said = meta_str(&object, "resourceVersion").to_owned();
    let version = revision(Some(&said));
    loop {
        tries -= 1;
        let mut new = if tries == 0 {
            std::mem::take(&mut object)
        } else {
            object.clone()
        };
        if generates && !base.is_empty() {
            metadata_mut(&mut new)?.insert("name".into(), generate_name(&base).into());
        }
        let mut new = writer.owned(None, new);
        writer.complete_new(&mut new)?;
        if !matches!(version, Ok(None | Some(0)) | Err(_)) && !options.dry_run {
            return Err(Status::unexpected(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let name = meta_str(&new, "name").to_owned();
        match keep_new(storage, scope, options, &name, &new).await? {
            Ok(stored) if options.dry_run => {
                // What is only tried keeps the version that it came with.
                if let Ok(version) = version {
                    let stored = stored.at_revision(version.unwrap_or(0));
                    return Ok(Answer::Object(StatusCode::CREATED, stored));
                }
                let mut tried = stored.value(&scope.resource)?;
                metadata_mut(&mut tried)?.insert("resourceVersion".into(), said.into());
                return Ok(Answer::Value(StatusCode::CREATED, tried));
            }
            Ok(stored) => return Ok(Answer::Object(StatusCode::CREATED, stored)),
            Err(_) if tries > 0 => {}
            Err(status) if base.is_empty() => return Err(status),
            Err(_) => {
                return Err(Status::generated_name_taken(&scope.group_resource(), &name));
            }
        }
    }
}

/// Writes a complete new object; the inner error is that there is one.
async fn keep_new(
    storage: &Storage,
    scope: &Scope,
    options: &WriteOptions,
    name: &str,
    new: &Value,
) -> Result<Result<Stored, Status>, Status> {
    let key = crate::key::object(&scope.resource, &scope.namespace, name);
    let stored = Stored::of(&scope.resource, new, 0)?;
    let taken = |there: Option<Stored>| {
        let status = Status::already_exists(&scope.group_resource(), name);
        let there = there.map(|stored| stored.value(&scope.resource));
        Ok(match there.transpose()? {
            Some(there) if is_deleting(&there) => status.being_deleted(),
            _ => status,
        })
    };
    if options.dry_run {
        return match storage.get(&key).await? {
            None => Ok(Ok(stored)),
            there => taken(there).map(Err),
        };
    }
    match storage
        .create(&scope.resource, key.clone(), stored.bytes().clone())
        .await?
    {
        Written::Done(revision) => Ok(Ok(stored.at_revision(revision))),
        Written::Lost => taken(storage.get(&key).await?).map(Err),
    }
}

/// How many names are generated before a client is told to try again.
const GENERATED_TRIES: u32 = 8;
