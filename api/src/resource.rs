use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Behaviour, Hooks};

/// All that is to be known of one served kind in one version.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: Box<str>,
    /// The version, `v1` and the like.
    pub version: Box<str>,
    /// What it is called.
    pub names: Names,
    /// Whether its objects are in namespaces.
    pub scope: Scope,
    /// How it is kept.
    #[serde(default)]
    pub storage: Storage,
    /// What may be done with it, in discovery's order: alphabetical, but for
    /// custom resources.
    pub verbs: Vec<Verb>,
    /// The name of its schema in the catalogue's definitions.
    pub schema: Box<str>,
    /// Its subresources, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subresources: Vec<Subresource>,
    /// The columns of its Table; name and age, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// What field selectors may name, beside `metadata.name` and
    /// `metadata.namespace`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selectable: Vec<SelectableField>,
    /// Whether it behaves as a custom resource does where Kubernetes treats
    /// those otherwise than its built-in kinds: no strategic merge patch, no
    /// update without a `resourceVersion`, unknown fields pruned by schema.
    #[serde(default)]
    pub custom: bool,
    /// What an API server does otherwise with it than with others.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// What whoever uses it is warned of, if it is about to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<Box<str>>,
    /// What is done to an object beyond its schema.
    #[serde(skip)]
    pub hooks: Hooks,
}

impl Resource {
    /// Its group and plural name.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource {
            group: self.group.clone(),
            resource: self.names.plural.clone(),
        }
    }

    /// Its group, version and plural name.
    #[must_use]
    pub fn group_version_resource(&self) -> GroupVersionResource {
        GroupVersionResource {
            group: self.group.clone(),
            version: self.version.clone(),
            resource: self.names.plural.clone(),
        }
    }

    /// Its group, version and kind.
    #[must_use]
    pub fn group_version_kind(&self) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.names.kind.clone(),
        }
    }

    /// `apiVersion` of its objects: `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The subresource of that name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| &*subresource.name == name)
    }
}

/// What a kind is called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Names {
    /// `ConfigMap`
    pub kind: Box<str>,
    /// `ConfigMapList`
    pub list_kind: Box<str>,
    /// `configmaps`
    pub plural: Box<str>,
    /// `configmap`
    pub singular: Box<str>,
    /// `cm`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<Box<str>>,
    /// `all` and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Box<str>>,
}

/// Whether objects are in namespaces.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Scope {
    /// They are not.
    Cluster,
    /// They are.
    Namespaced,
}

/// How a kind's objects are kept.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Storage {
    /// Under its own group and resource.
    #[default]
    Own,
    /// In the version and under the name of another: this one only shows it
    /// (`v1beta1` of a kind kept as `v1`).
    As(GroupVersionResource),
    /// Not at all: an object that is created is answered and forgotten, as
    /// reviews are. Whoever builds the server gives the function that answers.
    Answered,
}

/// What may be done with a kind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

/// One subresource of a kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subresource {
    /// `status`, `scale`, `approval`, `token`, `finalize`, …
    pub name: Box<str>,
    /// The kind of its objects; the resource's own, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GroupVersionKind>,
    /// What may be done with it.
    pub verbs: Vec<Verb>,
    /// The object's fields that it writes, by their names from the top, each a
    /// path with dots (`status`, `status.conditions`, `spec.finalizers`). All
    /// other fields are kept as they were, and the main resource leaves
    /// these alone. Empty for those that are answered by a function.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Box<str>>,
    /// Whether labels and annotations are written with it too.
    #[serde(default)]
    pub writes_metadata: bool,
    /// Whether labels are kept as they were all the same.
    #[serde(default)]
    pub keeps_labels: bool,
    /// Where a scale is kept, for `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

/// Where in an object its scale is, as paths with dots (`.spec.replicas`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    /// What is asked for.
    pub spec_replicas_path: Box<str>,
    /// What there is.
    pub status_replicas_path: Box<str>,
    /// The selector of what is counted, as a string or a `LabelSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector_path: Option<Box<str>>,
}

/// A column of a kind's Table, as in a CustomResourceDefinition.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Its heading.
    pub name: Box<str>,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// `name` for the column of names.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub format: Box<str>,
    /// 0 is always shown, more only with `-o wide`.
    #[serde(default)]
    pub priority: i32,
    /// Where the cell's value is, in Kubernetes' simple JSONPath, as in
    /// `.status.phase`. Empty where [`Hooks::row`] says it.
    pub json_path: Box<str>,
}

/// Something a field selector may name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectableField {
    /// What it is called in a selector: `involvedObject.name`.
    pub label: Box<str>,
    /// Where it is, as a path with dots. The label itself, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<str>>,
    /// What it is where the object has nothing at the path: `false` of a flag.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub absent: Box<str>,
}

/// A group and a plural name.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(missing_docs, reason = "named by the type")]
pub struct GroupResource {
    pub group: Box<str>,
    pub resource: Box<str>,
}

/// As messages have it: `configmaps`, `deployments.apps`.
impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if self.group.is_empty() {
            Ok(())
        } else {
            write!(f, ".{}", self.group)
        }
    }
}

/// A group, a version and a plural name.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(missing_docs, reason = "named by the type")]
pub struct GroupVersionResource {
    pub group: Box<str>,
    pub version: Box<str>,
    pub resource: Box<str>,
}

/// A group, a version and a kind.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(missing_docs, reason = "named by the type")]
pub struct GroupVersionKind {
    pub group: Box<str>,
    pub version: Box<str>,
    pub kind: Box<str>,
}

impl GroupVersionKind {
    /// `apiVersion` of its objects: `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}
