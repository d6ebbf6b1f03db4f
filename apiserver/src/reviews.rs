//! Kinds that are asked and answered, and never stored: reviews of what
//! somebody may do, and of who somebody is.
//!
//! Each function takes the object as a client sends it, decoded, defaulted and
//! with its `managedFields`, and returns it with its `status`.

use api::{FieldError, GroupVersionKind};
use serde_json::{Map, Value};

use crate::{Status, User};

mod access;
mod answers;
mod identity;
mod rules;
mod validate;

pub use access::{local_subject_access, self_subject_access, subject_access};
pub use answers::Reviewer;
pub use identity::{self_subject, token};
pub use rules::self_subject_rules;

const AUTHORIZATION: &str = "authorization.k8s.io";

/// The real server names no kind in these errors.
fn invalid(errors: &[FieldError]) -> Status {
    let kind = GroupVersionKind {
        group: AUTHORIZATION.into(),
        version: "v1".into(),
        kind: "".into(),
    };
    Status::invalid(&kind, "", errors)
}

/// The review with its answer.
fn answered(mut review: Value, status: Value) -> Value {
    if let Some(review) = review.as_object_mut() {
        review.insert("status".to_owned(), status);
    }
    review
}

/// The text of a field; empty if there is none.
fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object[field].as_str().unwrap_or_default()
}

/// The texts of a field.
fn texts(object: &Value, field: &str) -> Vec<String> {
    let list = object[field].as_array().into_iter().flatten();
    list.filter_map(Value::as_str)
        .map(ToOwned::to_owned)
        .collect()
}

/// A user as these kinds write one.
fn user_info(user: &User) -> Map<String, Value> {
    let mut info = Map::new();
    let mut put = |key: &str, value: Value, is_empty: bool| {
        if !is_empty {
            info.insert(key.to_owned(), value);
        }
    };
    put("username", user.name.as_str().into(), user.name.is_empty());
    put("uid", user.uid.as_str().into(), user.uid.is_empty());
    put("groups", user.groups.clone().into(), user.groups.is_empty());
    let extra = serde_json::to_value(&user.extra).unwrap_or_default();
    put("extra", extra, user.extra.is_empty());
    info
}

#[cfg(test)]
mod tests;
