use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::binding::{Binding, Holder, RoleKind, RoleRef, Source};
use crate::User;
use crate::authorization::PolicyRule;

/// The roles, and the bindings by whom they hold for. The namespace of what is
/// the cluster's is empty.
#[derive(Debug, Default)]
pub(super) struct Index {
    roles: HashMap<Box<str>, Roles>,
    bindings: HashMap<Box<str>, Bindings>,
}

/// The rules of the roles of one namespace, or the cluster's.
#[derive(Debug, Default)]
struct Roles(HashMap<Box<str>, Arc<[PolicyRule]>>);

/// The bindings of one namespace, or the cluster's.
#[derive(Debug, Default)]
struct Bindings {
    by_name: BTreeMap<Box<str>, Binding>,
    by_holder: HashMap<Holder, BTreeSet<Box<str>>>,
}

/// What is met on the way through the bindings of a user.
#[derive(Debug)]
pub(super) enum Visit<'i> {
    /// A binding to a role that is not there.
    Missing(&'i RoleRef),
    /// A binding and its role's rules.
    Rules(&'i [PolicyRule], Source<'i>),
}

impl Index {
    pub(super) fn put_role(&mut self, namespace: &str, name: &str, rules: Vec<PolicyRule>) {
        let roles = self.roles.entry(namespace.into()).or_default();
        roles.0.insert(name.into(), rules.into());
    }

    pub(super) fn remove_role(&mut self, namespace: &str, name: &str) {
        if let Some(roles) = self.roles.get_mut(namespace) {
            roles.0.remove(name);
            if roles.0.is_empty() {
                self.roles.remove(namespace);
            }
        }
    }

    pub(super) fn put_binding(&mut self, namespace: &str, name: &str, object: &Value) {
        self.remove_binding(namespace, name);
        let Some(binding) = Binding::read(object) else {
            return;
        };
        let bindings = self.bindings.entry(namespace.into()).or_default();
        for holder in binding.holders(namespace) {
            let names = bindings.by_holder.entry(holder).or_default();
            names.insert(name.into());
        }
        bindings.by_name.insert(name.into(), binding);
    }

    pub(super) fn remove_binding(&mut self, namespace: &str, name: &str) {
        let Some(bindings) = self.bindings.get_mut(namespace) else {
            return;
        };
        let Some(binding) = bindings.by_name.remove(name) else {
            return;
        };
        for holder in binding.holders(namespace) {
            if let Some(names) = bindings.by_holder.get_mut(&holder) {
                names.remove(name);
                if names.is_empty() {
                    bindings.by_holder.remove(&holder);
                }
            }
        }
        if bindings.by_name.is_empty() {
            self.bindings.remove(namespace);
        }
    }

    pub(super) fn role(&self, role: &RoleRef, namespace: &str) -> Option<Arc<[PolicyRule]>> {
        self.find(role, namespace).cloned()
    }

    /// Goes through what is bound to the user, the cluster's first, each by
    /// name, until `on` returns something.
    pub(super) fn visit<T>(
        &self,
        user: &User,
        namespace: &str,
        mut on: impl FnMut(Visit<'_>) -> Option<T>,
    ) -> Option<T> {
        let own = Some(namespace).filter(|namespace| !namespace.is_empty());
        for scope in [""].into_iter().chain(own) {
            let Some((scope, bindings)) = self.bindings.get_key_value(scope) else {
                continue;
            };
            for name in bindings.of_user(user) {
                let source = bindings
                    .by_name
                    .get(name)
                    .and_then(|binding| Some((binding, binding.source(scope, name, user)?)));
                let Some((binding, source)) = source else {
                    continue;
                };
                let found = match self.find(&binding.role_ref, scope) {
                    None => on(Visit::Missing(&binding.role_ref)),
                    Some(rules) => on(Visit::Rules(rules, source)),
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn find(&self, role: &RoleRef, namespace: &str) -> Option<&Arc<[PolicyRule]>> {
        let scope = match role.kind {
            RoleKind::ClusterRole => "",
            // The cluster's own bindings have no Role to refer to.
            RoleKind::Role if namespace.is_empty() => return None,
            RoleKind::Role => namespace,
        };
        self.roles.get(scope)?.0.get(&role.name)
    }
}

impl Bindings {
    fn of_user(&self, user: &User) -> BTreeSet<&str> {
        let groups = user
            .groups
            .iter()
            .map(|group| Holder::Group(group.as_str().into()));
        let holders = [Holder::User(user.name.as_str().into())]
            .into_iter()
            .chain(groups);
        let names = holders.filter_map(|holder| self.by_holder.get(&holder));
        names.flatten().map(|name| &**name).collect()
    }
}
