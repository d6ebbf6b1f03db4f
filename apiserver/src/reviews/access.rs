use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{answered, invalid, text, texts, validate};
use crate::authorization::{Attributes, Authorizer, Decision, Object, ResourceAttributes};
use crate::{Status, User};

/// Answers a SubjectAccessReview: whether somebody may do something.
///
/// # Errors
/// 422 if it does not say who, or not what.
pub fn subject_access(authorizer: &dyn Authorizer, review: Value) -> Result<Value, Status> {
    let mut errors = validate::spec(&review["spec"], true);
    errors.extend(validate::no_metadata(&review, ""));
    answer_of(authorizer, review, &errors)
}

/// Answers a LocalSubjectAccessReview, which is made in a namespace.
///
/// # Errors
/// As [`subject_access`], and if it is about another namespace.
pub fn local_subject_access(
    authorizer: &dyn Authorizer,
    review: Value,
    namespace: &str,
) -> Result<Value, Status> {
    let spec = &review["spec"];
    let own = text(&review["metadata"], "namespace");
    let mut errors = validate::spec(spec, true);
    errors.extend(validate::no_metadata(&review, "namespace"));
    errors.extend(validate::local(spec, own));
    if errors.is_empty() && own != namespace {
        return Err(Status::bad_request(format!(
            "spec.resourceAttributes.namespace must match namespace: {namespace}"
        )));
    }
    answer_of(authorizer, review, &errors)
}

/// Answers a SelfSubjectAccessReview: whether who asks may do something.
///
/// # Errors
/// 422 if it does not say what.
pub fn self_subject_access(
    authorizer: &dyn Authorizer,
    review: Value,
    user: &User,
) -> Result<Value, Status> {
    let mut errors = validate::spec(&review["spec"], false);
    errors.extend(validate::no_metadata(&review, ""));
    if !errors.is_empty() {
        return Err(invalid(&errors));
    }
    Ok(answer(authorizer, review, user))
}

fn answer_of(
    authorizer: &dyn Authorizer,
    review: Value,
    errors: &[api::FieldError],
) -> Result<Value, Status> {
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    let user = user(&review["spec"]);
    Ok(answer(authorizer, review, &user))
}

/// The user that a review is about, with those groups only that it names.
fn user(spec: &Value) -> User {
    let extra = spec["extra"].as_object().into_iter().flatten();
    let extra: BTreeMap<String, Vec<String>> = extra
        .map(|(key, _)| (key.clone(), texts(&spec["extra"], key)))
        .collect();
    User {
        name: text(spec, "user").to_owned(),
        uid: text(spec, "uid").to_owned(),
        groups: texts(spec, "groups"),
        extra,
    }
}

fn answer(authorizer: &dyn Authorizer, review: Value, user: &User) -> Value {
    let spec = &review["spec"];
    let of = &spec["resourceAttributes"];
    let attributes = if of.is_null() {
        let of = &spec["nonResourceAttributes"];
        Attributes {
            user,
            verb: text(of, "verb"),
            on: Object::Path(text(of, "path")),
        }
    } else {
        Attributes {
            user,
            verb: text(of, "verb"),
            on: Object::Resource(ResourceAttributes {
                group: text(of, "group"),
                namespace: text(of, "namespace"),
                resource: text(of, "resource"),
                subresource: text(of, "subresource"),
                name: text(of, "name"),
            }),
        }
    };
    let decision = authorizer.authorize(&attributes);
    let mut status = json!({"allowed": decision.is_allowed()});
    if matches!(decision, Decision::Deny { .. }) {
        status["denied"] = true.into();
    }
    if !decision.reason().is_empty() {
        status["reason"] = decision.reason().into();
    }
    let ignored = validate::ignored_selectors(of);
    if !ignored.is_empty() {
        status["evaluationError"] = ignored.join("; ").into();
    }
    answered(review, status)
}
