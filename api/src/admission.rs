use std::fmt;

use serde_json::Value;

use crate::{GroupResource, Request};

/// What a hook may ask the server for when it admits a change or refuses it.
pub struct Admission<'a> {
    /// Who asks for the change, and when.
    pub request: &'a Request<'a>,
    /// Whether who asks for the change may do something else.
    pub may: &'a dyn Fn(&Right<'_>) -> bool,
    /// The object of a resource, namespace (may be empty) and name, as it is
    /// now.
    pub find: &'a dyn Fn(&GroupResource, &str, &str) -> Option<Value>,
}

/// Something that a user may do or not. All but the verb may be empty.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Right<'a> {
    /// The verb, `get` and the like.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The resource, in the plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The namespace; empty for the cluster's scope.
    pub namespace: &'a str,
    /// The object's name.
    pub name: &'a str,
}

/// That a change is not admitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The webhook that refuses it where there are webhooks, which the answer
    /// names; `None` if none does.
    pub webhook: Option<&'static str>,
    /// Why.
    pub grounds: Grounds,
}

/// Why a change is not admitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Grounds {
    /// 400, with a text.
    BadRequest(String),
    /// 403: it takes a right on an object of that resource that the user has
    /// not.
    Forbidden {
        /// The resource, with its subresource as in `pods/log`.
        resource: GroupResource,
        /// The object's name.
        name: String,
        /// What follows "is forbidden: ".
        why: String,
    },
}

impl Refusal {
    /// 400, with that text, as the webhook of that name says it.
    #[must_use]
    pub const fn bad_request(webhook: &'static str, why: String) -> Self {
        Self {
            webhook: Some(webhook),
            grounds: Grounds::BadRequest(why),
        }
    }
}

impl fmt::Debug for Admission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("request", self.request)
            .finish_non_exhaustive()
    }
}
