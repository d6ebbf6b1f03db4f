use api::Resource;

use super::path::PathElement;
use super::path_set::PathSet;

/// Which fields an endpoint cannot change, so that nobody comes to own them
/// through it.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    /// It can change all but these.
    Without(PathSet),
    /// It can change only `fields`, and of those not what is in `without`.
    Only { fields: PathSet, without: PathSet },
}

impl Filter {
    /// That of the main resource, or of the subresource of that name, by what
    /// the kind's subresources write. What the main resource shares with one
    /// (a scale's replicas, a namespace's finalizers) is no status.
    pub(super) fn of(resource: &Resource, subresource: &str) -> Self {
        let path = |path: &str| -> Vec<_> { path.split('.').map(PathElement::field).collect() };
        let mut fields = PathSet::new();
        if subresource.is_empty() {
            let written = resource.subresources.iter().flat_map(|s| &s.writes);
            for written in written.filter(|path| is_status(path)) {
                fields.insert(&path(written));
            }
            return Self::Without(fields);
        }
        let Some(subresource) = resource
            .subresource(subresource)
            .filter(|found| !found.writes.is_empty())
        else {
            return Self::Without(fields);
        };
        for written in &subresource.writes {
            fields.insert(&path(written));
        }
        if subresource.writes_metadata {
            fields.insert(&path("metadata"));
        }
        let mut without = PathSet::new();
        if subresource.keeps_labels {
            without.insert(&path("metadata.labels"));
        }
        Self::Only { fields, without }
    }

    pub(super) fn apply(&self, set: PathSet) -> PathSet {
        match self {
            Self::Without(fields) => set.recursive_difference(fields),
            Self::Only { fields, without } => set.along(fields).recursive_difference(without),
        }
    }
}

fn is_status(path: &str) -> bool {
    path == "status" || path.starts_with("status.")
}
