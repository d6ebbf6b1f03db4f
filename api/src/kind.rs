use crate::{
    Behaviour, Column, GroupVersionKind, GroupVersionResource, Hooks, Names, Resource, Scope,
    SelectableField, Storage, Subresource, Verb,
};

/// A built-in kind as its table says it; what it does not say follows from
/// Kubernetes' conventions.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) categories: &'static [&'static str],
    pub(crate) scope: Scope,
    pub(crate) storage: Kept,
    pub(crate) verbs: &'static [Verb],
    pub(crate) subresources: &'static [Sub],
    pub(crate) columns: &'static [Col],
    pub(crate) selectable: &'static [Selectable],
    pub(crate) behaviour: Behaviour,
    pub(crate) deprecation: Option<&'static str>,
    pub(crate) hooks: Hooks,
}

/// [`Storage`], for tables.
#[derive(Debug)]
pub(crate) enum Kept {
    Own,
    /// As the core group's resource of that name.
    AsCore(&'static str),
    Answered,
}

/// [`Subresource`], for tables.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) name: &'static str,
    /// Group, version and kind, if they are not the resource's own.
    pub(crate) kind: Option<(&'static str, &'static str, &'static str)>,
    pub(crate) verbs: &'static [Verb],
    pub(crate) writes: &'static [&'static str],
    pub(crate) keeps_labels: bool,
    pub(crate) scale: Option<ScalePaths>,
}

/// [`crate::Scale`], for tables.
#[derive(Debug)]
pub(crate) struct ScalePaths {
    pub(crate) spec: &'static str,
    pub(crate) status: &'static str,
    pub(crate) selector: &'static str,
}

/// [`Column`], for tables. What stands in it is said by [`Hooks::row`].
#[derive(Debug)]
pub(crate) struct Col {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) wide: bool,
}

/// [`SelectableField`], for tables.
#[derive(Debug)]
pub(crate) struct Selectable {
    pub(crate) label: &'static str,
    pub(crate) path: &'static str,
    pub(crate) absent: &'static str,
}

pub(crate) const ALL_VERBS: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];
pub(crate) const SUBRESOURCE_VERBS: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];

/// What most kinds are, for the rest of a table's entry.
pub(crate) const NAMESPACED: Kind = Kind {
    group: "",
    kind: "",
    plural: "",
    short: &[],
    categories: &[],
    scope: Scope::Namespaced,
    storage: Kept::Own,
    verbs: ALL_VERBS,
    subresources: &[],
    columns: &[],
    selectable: &[],
    behaviour: Behaviour::BUILT_IN,
    deprecation: None,
    hooks: Hooks::NONE,
};

/// As [`NAMESPACED`], but in no namespace.
pub(crate) const CLUSTER: Kind = Kind {
    scope: Scope::Cluster,
    ..NAMESPACED
};

/// A kind whose objects are answered and not kept.
pub(crate) const ANSWERED: Kind = Kind {
    storage: Kept::Answered,
    verbs: &[Verb::Create],
    ..CLUSTER
};

pub(crate) const STATUS: Sub = Sub {
    name: "status",
    kind: None,
    verbs: SUBRESOURCE_VERBS,
    writes: &["status"],
    keeps_labels: false,
    scale: None,
};

/// A field that is selected by its path.
pub(crate) const fn field(path: &'static str) -> Selectable {
    Selectable {
        label: path,
        path,
        absent: "",
    }
}

impl Kind {
    /// The resource in full, at `v1`, as all built-in kinds here are.
    pub(crate) fn resource(&self) -> Resource {
        // The Go package that the definitions are named after.
        let package = match self.group {
            "" => "core",
            group => group.split('.').next().unwrap_or_default(),
        };
        Resource {
            group: self.group.into(),
            version: "v1".into(),
            names: Names {
                kind: self.kind.into(),
                list_kind: format!("{}List", self.kind).into(),
                plural: self.plural.into(),
                singular: self.kind.to_lowercase().into(),
                short_names: boxed(self.short),
                categories: boxed(self.categories),
            },
            scope: self.scope,
            storage: match self.storage {
                Kept::Own => Storage::Own,
                Kept::AsCore(resource) => Storage::As(GroupVersionResource {
                    group: "".into(),
                    version: "v1".into(),
                    resource: resource.into(),
                }),
                Kept::Answered => Storage::Answered,
            },
            verbs: self.verbs.into(),
            schema: format!("io.k8s.api.{package}.v1.{}", self.kind).into(),
            subresources: self.subresources.iter().map(Sub::subresource).collect(),
            columns: self.columns.iter().map(Col::column).collect(),
            selectable: self.selectable.iter().map(Selectable::field).collect(),
            custom: false,
            behaviour: self.behaviour,
            deprecation: self.deprecation.map(Into::into),
            hooks: self.hooks,
        }
    }
}

impl Sub {
    fn subresource(&self) -> Subresource {
        Subresource {
            name: self.name.into(),
            kind: self.kind.map(|(group, version, kind)| GroupVersionKind {
                group: group.into(),
                version: version.into(),
                kind: kind.into(),
            }),
            verbs: self.verbs.into(),
            writes: boxed(self.writes),
            // A built-in kind's objects are written whole, but for what the
            // subresource keeps.
            writes_metadata: !self.writes.is_empty() && self.scale.is_none(),
            keeps_labels: self.keeps_labels,
            scale: self.scale.as_ref().map(|scale| crate::Scale {
                spec_replicas_path: scale.spec.into(),
                status_replicas_path: scale.status.into(),
                label_selector_path: Some(scale.selector.into()),
            }),
        }
    }
}

impl Col {
    fn column(&self) -> Column {
        Column {
            name: self.name.into(),
            kind: self.kind.into(),
            format: if self.name == "Name" { "name" } else { "" }.into(),
            priority: self.wide.into(),
            json_path: "".into(),
        }
    }
}

impl Selectable {
    fn field(&self) -> SelectableField {
        SelectableField {
            label: self.label.into(),
            path: (self.path != self.label).then(|| self.path.into()),
            absent: self.absent.into(),
        }
    }
}

fn boxed(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|&name| name.into()).collect()
}
