use std::sync::{Arc, PoisonError, RwLock};

use api::GroupResource;
use serde_json::Value;

use super::{Attributes, Authorizer, Decision, HeldRules, Object, PolicyRule};
use crate::User;
use crate::status::aggregate;

mod binding;
mod index;

pub(super) use self::binding::RoleRef;
use self::index::{Index, Visit};

/// Decides by Roles, ClusterRoles and their bindings.
///
/// It holds them parsed and indexed by whom they are bound to; whoever keeps
/// the objects tells it of each change ([`Rbac::put`], [`Rbac::remove`]), and
/// the next decision heeds it. Members of `system:masters` may do everything.
#[derive(Debug, Default)]
pub struct Rbac {
    index: RwLock<Index>,
}

/// The group of RBAC's kinds.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// The resources that [`Rbac`] wants to be told of.
const RESOURCES: [&str; 4] = [
    "clusterrolebindings",
    "clusterroles",
    "rolebindings",
    "roles",
];

impl Rbac {
    /// Whether changes of that resource matter to it.
    #[must_use]
    pub fn wants(resource: &GroupResource) -> bool {
        *resource.group == *GROUP && RESOURCES.contains(&&*resource.resource)
    }

    /// Takes up an object of one of its resources, new or changed. Others are
    /// ignored.
    pub fn put(&self, resource: &GroupResource, object: &Value) {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        if Self::wants(resource) {
            self.write(|index| match &*resource.resource {
                "clusterroles" | "roles" => {
                    index.put_role(namespace, name, PolicyRule::of_role(object));
                }
                _ => index.put_binding(namespace, name, object),
            });
        }
    }

    /// Forgets an object of one of its resources. Others are ignored.
    pub fn remove(&self, resource: &GroupResource, namespace: &str, name: &str) {
        if Self::wants(resource) {
            self.write(|index| match &*resource.resource {
                "clusterroles" | "roles" => index.remove_role(namespace, name),
                _ => index.remove_binding(namespace, name),
            });
        }
    }

    /// The rules of the role that a binding in `namespace` refers to; `None` if
    /// there is no such role.
    pub(super) fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<Arc<[PolicyRule]>> {
        self.read(|index| index.role(role, namespace))
    }

    fn read<T>(&self, of: impl FnOnce(&Index) -> T) -> T {
        of(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Index)) {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Authorizer for Rbac {
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let user = attributes.user;
        if user.is_in(User::MASTERS) {
            return Decision::Allow {
                reason: String::new(),
            };
        }
        let namespace = match attributes.on {
            Object::Path(_) => "",
            Object::Resource(of) => of.namespace,
        };
        let mut missing = Vec::new();
        let allowed = self.read(|index| {
            index.visit(user, namespace, |visit| match visit {
                Visit::Missing(role) => {
                    missing.push(role.not_found());
                    None
                }
                Visit::Rules(rules, source) => {
                    let allowed = rules.iter().any(|rule| rule.allows(attributes));
                    allowed.then(|| format!("RBAC: allowed by {source}"))
                }
            })
        });
        match allowed {
            Some(reason) => Decision::Allow { reason },
            None if missing.is_empty() => Decision::NoOpinion {
                reason: String::new(),
            },
            None => Decision::NoOpinion {
                reason: format!("RBAC: {}", aggregate(missing.into_iter())),
            },
        }
    }

    fn rules_for(&self, user: &User, namespace: &str) -> HeldRules {
        let mut held = HeldRules::default();
        self.read(|index| {
            index.visit(user, namespace, |visit| {
                match visit {
                    Visit::Missing(role) => held.errors.push(role.not_found()),
                    Visit::Rules(rules, _) => held.rules.extend_from_slice(rules),
                }
                None::<()>
            })
        });
        held
    }
}
