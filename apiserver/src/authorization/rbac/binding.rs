use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::GROUP;
use crate::User;
use crate::quoted::Quoted;

/// A binding, as far as decisions need it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    pub(super) role_ref: RoleRef,
    #[serde(default)]
    subjects: Option<Vec<Subject>>,
}

/// Which role a binding is of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct RoleRef {
    #[serde(default = "own_group")]
    pub(in super::super) api_group: Box<str>,
    pub(in super::super) kind: RoleKind,
    pub(in super::super) name: Box<str>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(in super::super) enum RoleKind {
    ClusterRole,
    Role,
}

#[derive(Clone, Debug, Deserialize)]
struct Subject {
    kind: SubjectKind,
    name: Box<str>,
    #[serde(default)]
    namespace: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum SubjectKind {
    Group,
    ServiceAccount,
    User,
}

/// Whom a binding holds for, as requests have it: service accounts are users.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Holder {
    Group(Box<str>),
    User(Box<str>),
}

/// A binding that holds for a user, and by which of its subjects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'b> {
    namespace: &'b str,
    name: &'b str,
    binding: &'b Binding,
    subject: &'b Subject,
}

fn own_group() -> Box<str> {
    GROUP.into()
}

impl Binding {
    /// Reads one; `None` if it is not of the form, and binds nothing.
    pub(super) fn read(object: &Value) -> Option<Self> {
        Self::deserialize(object).ok()
    }

    pub(super) fn holders(&self, namespace: &str) -> impl Iterator<Item = Holder> {
        let subjects = self.subjects.iter().flatten();
        subjects.filter_map(move |subject| subject.holder(namespace))
    }

    /// By which subject it holds for the user, if it does.
    pub(super) fn source<'b>(
        &'b self,
        namespace: &'b str,
        name: &'b str,
        user: &User,
    ) -> Option<Source<'b>> {
        let mut subjects = self.subjects.iter().flatten();
        let subject = subjects.find(|subject| match subject.holder(namespace) {
            None => false,
            Some(Holder::Group(group)) => user.is_in(&group),
            Some(Holder::User(name)) => *name == *user.name,
        })?;
        Some(Source {
            namespace,
            name,
            binding: self,
            subject,
        })
    }
}

impl Subject {
    fn holder(&self, namespace: &str) -> Option<Holder> {
        match self.kind {
            SubjectKind::Group => Some(Holder::Group(self.name.clone())),
            SubjectKind::User => Some(Holder::User(self.name.clone())),
            SubjectKind::ServiceAccount => {
                let namespace = self.namespace_or(namespace);
                let name = format!("system:serviceaccount:{namespace}:{}", self.name);
                (!namespace.is_empty()).then(|| Holder::User(name.into()))
            }
        }
    }

    fn namespace_or<'b>(&'b self, namespace: &'b str) -> &'b str {
        let own = self.namespace.as_deref();
        own.filter(|own| !own.is_empty()).unwrap_or(namespace)
    }
}

impl RoleRef {
    pub(in super::super) fn read(binding: &Value) -> Option<Self> {
        Self::deserialize(binding.get("roleRef")?).ok()
    }

    /// The resource of what it refers to.
    pub(in super::super) const fn resource(&self) -> &'static str {
        match self.kind {
            RoleKind::ClusterRole => "clusterroles",
            RoleKind::Role => "roles",
        }
    }

    /// What the authorizer says when there is no such role.
    pub(super) fn not_found(&self) -> String {
        let resource = self.resource().trim_end_matches('s');
        format!("{resource}.{GROUP} {} not found", Quoted(&self.name))
    }
}

/// `RoleBinding "b/ns" of Role "r" to ServiceAccount "s/ns"`
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = &self.binding.role_ref;
        if self.namespace.is_empty() {
            write!(f, "ClusterRoleBinding {}", Quoted(self.name))?;
        } else {
            let name = format!("{}/{}", self.name, self.namespace);
            write!(f, "RoleBinding {}", Quoted(&name))?;
        }
        write!(f, " of {:?} {} to ", role.kind, Quoted(&role.name))?;
        let kind = self.subject.kind;
        let name = match kind {
            SubjectKind::Group | SubjectKind::User => self.subject.name.to_string(),
            SubjectKind::ServiceAccount => {
                let namespace = self.subject.namespace_or(self.namespace);
                format!("{}/{namespace}", self.subject.name)
            }
        };
        write!(f, "{kind:?} {}", Quoted(&name))
    }
}
