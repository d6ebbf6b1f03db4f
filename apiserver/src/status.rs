//! Errors as Kubernetes `Status` objects, with the real server's codes,
//! reasons and texts.

use std::collections::HashSet;
use std::fmt;

use api::{FieldError, GroupResource, GroupVersionKind};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// A failed request, as clients read it: they print the message and decide by
/// the reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    code: StatusCode,
    reason: Reason,
    message: String,
    details: Option<Box<Details>>,
    continue_token: Option<String>,
}

/// Kubernetes' names for kinds of failure.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Reason {
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Gone,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    RequestEntityTooLarge,
    ServerTimeout,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unauthorized,
    /// None that has a name; left out of the object.
    Unknown,
    UnsupportedMediaType,
}

/// What a failure is about.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its group.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub group: Box<str>,
    /// Its resource, or for what is invalid its kind.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub kind: Box<str>,
    /// Its uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The single faults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// After how many seconds a client may try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// One fault.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Cause {
    /// Its kind, for programs.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
    /// Its text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The field it is in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Status {
    fn new(code: StatusCode, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            continue_token: None,
        }
    }

    fn about(mut self, resource: &GroupResource, name: &str) -> Self {
        let details = self.details.get_or_insert_default();
        details.group = resource.group.clone();
        details.kind = resource.resource.clone();
        name.clone_into(&mut details.name);
        self
    }

    fn caused_by(mut self, causes: Vec<Cause>) -> Self {
        self.details.get_or_insert_default().causes = causes;
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    /// Tells clients to try again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = Some(seconds);
        self
    }

    /// 409: there is one of that name.
    #[must_use]
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} already exists");
        Self::new(StatusCode::CONFLICT, Reason::AlreadyExists, message).about(resource, name)
    }

    /// 409: a generated name was taken, again and again.
    #[must_use]
    pub fn generated_name_taken(resource: &GroupResource, name: &str) -> Self {
        let message = format!(
            "{resource} {name:?} already exists, the server was not able to generate a unique name for the object"
        );
        Self::new(StatusCode::CONFLICT, Reason::AlreadyExists, message)
            .about(resource, name)
            .retry_after(1)
    }

    /// Says that the object that is in the way is being deleted.
    #[must_use]
    pub fn being_deleted(mut self) -> Self {
        self.message = format!("object is being deleted: {}", self.message);
        self
    }

    /// Says that an admission webhook of that name refuses it.
    #[must_use]
    pub fn denied_by(mut self, webhook: &str) -> Self {
        self.message = format!(
            "admission webhook {webhook:?} denied the request: {}",
            self.message
        );
        self
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Reason::BadRequest, message)
    }

    /// 409: the object is not as the request takes it to be.
    #[must_use]
    pub fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, Reason::Conflict, message).about(resource, name)
    }

    /// 409 to an update of an object that has changed since it was read.
    #[must_use]
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 to an apply of fields that others own.
    #[must_use]
    pub fn apply_conflict(message: impl Into<String>, causes: Vec<Cause>) -> Self {
        Self::new(StatusCode::CONFLICT, Reason::Conflict, message).caused_by(causes)
    }

    /// 410: that part of the history is gone.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, Reason::Expired, message)
    }

    /// As [`Status::expired`], with a token by which a list can go on inconsistently.
    #[must_use]
    pub fn expired_continue(message: impl Into<String>, token: String) -> Self {
        Self {
            continue_token: Some(token),
            ..Self::expired(message)
        }
    }

    /// 403: the user may not; `why` follows "is forbidden: ".
    #[must_use]
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = if resource.resource.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        Self::new(StatusCode::FORBIDDEN, Reason::Forbidden, message).about(resource, name)
    }

    /// 500: something broke here.
    #[must_use]
    pub fn internal(why: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Reason::InternalError,
            format!("Internal error occurred: {why}"),
        )
        .caused_by(vec![Cause {
            message: why.to_owned(),
            ..Cause::default()
        }])
    }

    /// 422: fields of the object are wrong. No more than [`FieldError::MOST`]
    /// are told.
    #[must_use]
    pub fn invalid(kind: &GroupVersionKind, name: &str, errors: &[FieldError]) -> Self {
        let errors = &errors[..errors.len().min(FieldError::MOST)];
        let all = errors.iter().map(ToString::to_string);
        let qualified = GroupResource {
            group: kind.group.clone(),
            resource: kind.kind.clone(),
        };
        let message = format!("{qualified} {name:?} is invalid: {}", aggregate(all));
        let causes = errors.iter().map(|error| Cause {
            reason: error.kind.reason(),
            message: error.body(),
            field: error.field.clone(),
        });
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Reason::Invalid, message)
            .about(&qualified, name)
            .caused_by(causes.collect())
    }

    /// 405: the resource does not do that.
    #[must_use]
    pub fn method_not_supported(resource: &GroupResource, action: &str) -> Self {
        let message = format!("{action} is not supported on resources of kind \"{resource}\"");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Reason::MethodNotAllowed,
            message,
        )
        .about(resource, "")
    }

    /// 405 to a method that no handler of the path takes.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Reason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )
        .caused_by(Vec::new())
    }

    /// 406: the client takes none of the forms there are.
    #[must_use]
    pub fn not_acceptable(offered: &[&str]) -> Self {
        Self::not_acceptable_because(format!(
            "only the following media types are accepted: {}",
            offered.join(", ")
        ))
    }

    /// 406: what is answered cannot be made into what the client takes.
    #[must_use]
    pub fn not_acceptable_because(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, Reason::NotAcceptable, message)
    }

    /// 404: there is no object of that name.
    #[must_use]
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        Self::new(StatusCode::NOT_FOUND, Reason::NotFound, message).about(resource, name)
    }

    /// 404: nothing is served at that path. kubectl reads it as "no such
    /// resource type".
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Reason::NotFound,
            "the server could not find the requested resource",
        )
        .caused_by(Vec::new())
    }

    /// 422 to a patch that cannot be applied to the object; the real server
    /// keeps to itself why.
    #[must_use]
    pub fn unprocessable() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Reason::Invalid,
            "the server rejected our request due to an error in our request",
        )
        .caused_by(Vec::new())
    }

    /// 500 with a text alone, as the real server has it for what it did not
    /// foresee.
    #[must_use]
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::Unknown, message)
    }

    /// 413: the request asks for too much.
    #[must_use]
    pub fn too_large_because(why: &str) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: {why}"),
        )
    }

    /// 413: the body is too large.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::too_large_because(&format!("limit is {limit}"))
    }

    /// 500: it did not succeed in time, but may if tried again.
    #[must_use]
    pub fn server_timeout(resource: &GroupResource, operation: &str, seconds: u32) -> Self {
        let message = format!(
            "The {operation} operation against {resource} could not be completed at this time, please try again."
        );
        let mut status = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Reason::ServerTimeout,
            message,
        )
        .about(resource, "")
        .retry_after(seconds);
        operation.clone_into(&mut status.details.get_or_insert_default().name);
        status
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::ServiceUnavailable,
            message,
        )
    }

    /// 504: it took too long.
    #[must_use]
    pub fn timeout(message: &str) -> Self {
        let message = format!("Timeout: {message}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, Reason::Timeout, message)
    }

    /// 504: a revision was asked for that is not reached yet.
    #[must_use]
    pub fn too_large_revision(asked: u64, current: u64) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            Reason::Timeout,
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
        )
        .caused_by(vec![Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            ..Cause::default()
        }])
        .retry_after(1)
    }

    /// 429: too much at once.
    #[must_use]
    pub fn too_many_requests(seconds: u32) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            Reason::TooManyRequests,
            "Too many requests, please try again later.",
        )
        .retry_after(seconds)
    }

    /// 401: who asks is not known.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Reason::Unauthorized,
            "Unauthorized",
        )
    }

    /// 415: the body is in none of the forms that are read here.
    #[must_use]
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::UnsupportedMediaType,
            message,
        )
    }

    /// The HTTP status code.
    #[must_use]
    pub const fn code(&self) -> StatusCode {
        self.code
    }

    /// The kind of failure.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it is about.
    #[must_use]
    pub fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    /// The object that is sent.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut metadata = json!({});
        if let Some(token) = &self.continue_token {
            metadata["continue"] = token.as_str().into();
        }
        let mut value = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if self.reason != Reason::Unknown {
            value["reason"] = serde_json::to_value(self.reason).unwrap_or_default();
        }
        if let Some(details) = &self.details {
            value["details"] = serde_json::to_value(details).unwrap_or_default();
        }
        value
    }
}

/// Several errors as one text: alone as it is, more in brackets, each once.
pub(crate) fn aggregate(errors: impl Iterator<Item = String>) -> String {
    let mut told = HashSet::new();
    let all: Vec<String> = errors.filter(|error| told.insert(error.clone())).collect();
    match all.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", all.join(", ")),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
