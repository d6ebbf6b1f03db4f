//! The options of requests, from their queries and bodies.

mod delete;
mod list;
mod write;

pub(crate) use delete::{DeleteOptions, Propagation};
pub(crate) use list::{ListOptions, RevisionMatch, revision, wanted_revision};
pub(crate) use write::{FieldValidation, PatchOptions, WriteOptions};

use api::{FieldError, GroupVersionKind};

use crate::Status;

/// 422 for options: the kind is theirs.
fn invalid(kind: &str, errors: &[FieldError]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    let kind = GroupVersionKind {
        group: "meta.k8s.io".into(),
        version: "v1".into(),
        kind: kind.into(),
    };
    Err(Status::invalid(&kind, "", errors))
}
