//! Whether a user may do what a request asks for.

use std::fmt::Debug;

use crate::quoted::Quoted;
use crate::{RequestInfo, Status, User};

mod aggregation;
mod bootstrap;
mod cover;
mod escalation;
mod rbac;
mod reconcile;
mod rule;

pub use aggregation::aggregated_rules;
pub use bootstrap::bootstrap_policy;
pub use escalation::{check_binding, check_role};
pub use rbac::Rbac;
pub use reconcile::{Reconciled, reconcile};
pub use rule::PolicyRule;

/// Decides what users may do.
///
/// It is asked for every request, so it answers from memory.
pub trait Authorizer: Debug + Send + Sync {
    /// Whether what is asked for may be done.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision;

    /// All that a user may do in a namespace, as far as it can be told.
    fn rules_for(&self, user: &User, namespace: &str) -> HeldRules;
}

/// The answer of an [`Authorizer`]. The reasons are for people and may be empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// It may be done.
    Allow {
        /// By what.
        reason: String,
    },
    /// It may not, whatever others say.
    Deny {
        /// Why not.
        reason: String,
    },
    /// Nothing allows it; others may.
    NoOpinion {
        /// Why nothing does.
        reason: String,
    },
}

/// What a user is known to be allowed.
#[derive(Clone, Debug, Default)]
pub struct HeldRules {
    /// The rules.
    pub rules: Vec<PolicyRule>,
    /// What kept further rules from being found.
    pub errors: Vec<String>,
    /// Whether there may be more that are not told.
    pub incomplete: bool,
}

/// Who wants to do what.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who.
    pub user: &'a User,
    /// The verb, `get` and the like.
    pub verb: &'a str,
    /// With what.
    pub on: Object<'a>,
}

/// What somebody wants to do something with.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A path that is no resource's.
    Path(&'a str),
    /// A resource.
    Resource(ResourceAttributes<'a>),
}

/// A resource that somebody wants to do something with. All may be empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceAttributes<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The namespace; empty for the cluster's scope and for all namespaces.
    pub namespace: &'a str,
    /// The resource, in the plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The object's name.
    pub name: &'a str,
}

impl Decision {
    /// Whether it may be done.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }

    /// The reason; may be empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Allow { reason } | Self::Deny { reason } | Self::NoOpinion { reason } => reason,
        }
    }
}

impl<'a> Attributes<'a> {
    /// Those of a request.
    #[must_use]
    pub fn new(user: &'a User, request: &'a RequestInfo) -> Self {
        let on = match &request.resource {
            None => Object::Path(&request.path),
            Some(of) => Object::Resource(ResourceAttributes {
                group: &of.group,
                namespace: &of.namespace,
                resource: &of.resource,
                subresource: &of.subresource,
                name: &of.name,
            }),
        };
        let verb = request.verb;
        Self { user, verb, on }
    }

    /// The error of one who may not, in the real server's words.
    #[must_use]
    pub fn forbidden(&self, reason: &str) -> Status {
        let message = self.refusal();
        let mut why = message
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        if !reason.is_empty() {
            why = format!("{why}: {reason}");
        }
        let of = match self.on {
            Object::Path(_) => ResourceAttributes::default(),
            Object::Resource(of) => of,
        };
        Status::forbidden(&of.group_resource(), of.name, &why)
    }

    fn refusal(&self) -> String {
        let (user, verb) = (Quoted(&self.user.name), self.verb);
        let of = match self.on {
            Object::Path(path) => {
                return format!("User {user} cannot {verb} path {}", Quoted(path));
            }
            Object::Resource(of) => of,
        };
        let resource = of.combined();
        let scope = if of.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {}", Quoted(of.namespace))
        };
        let (resource, group) = (Quoted(&resource), Quoted(of.group));
        format!("User {user} cannot {verb} resource {resource} in API group {group} {scope}")
    }
}

impl ResourceAttributes<'_> {
    fn group_resource(&self) -> api::GroupResource {
        api::GroupResource {
            group: self.group.into(),
            resource: self.resource.into(),
        }
    }

    /// The resource and its subresource, as rules name them.
    fn combined(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

/// Lets only those on who may.
///
/// # Errors
/// 403 in the real server's words.
pub fn authorize(authorizer: &dyn Authorizer, attributes: &Attributes<'_>) -> Result<(), Status> {
    match authorizer.authorize(attributes) {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny { reason } | Decision::NoOpinion { reason } => {
            Err(attributes.forbidden(&reason))
        }
    }
}

#[cfg(test)]
mod tests;
