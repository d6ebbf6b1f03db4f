use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Catalogue, GroupVersionKind, Resource, Schema};

/// What is served: resources by group, version and plural name, with the
/// schemas they are of. It does not change; a server whose kinds change puts
/// another in its place.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    catalogue: Arc<Catalogue>,
    groups: BTreeMap<Box<str>, Vec<Version>>,
}

/// One version of a group.
#[derive(Clone, Debug)]
pub struct Version {
    /// `v1`
    pub name: Box<str>,
    /// Its resources, by plural name.
    pub resources: BTreeMap<Box<str>, Arc<Resource>>,
}

impl Registry {
    /// All that the catalogue has, each group's versions in order of
    /// preference: stable ones first, then beta, then alpha, newest first.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        let mut groups: BTreeMap<Box<str>, Vec<Version>> = BTreeMap::new();
        for resource in &catalogue.resources {
            let versions = groups.entry(resource.group.clone()).or_default();
            let at = match versions.iter().position(|of| of.name == resource.version) {
                Some(at) => at,
                None => {
                    versions.push(Version {
                        name: resource.version.clone(),
                        resources: BTreeMap::new(),
                    });
                    versions.len() - 1
                }
            };
            let plural = resource.names.plural.clone();
            versions[at]
                .resources
                .insert(plural, Arc::new(resource.clone()));
        }
        for versions in groups.values_mut() {
            versions.sort_by_key(|version| priority(&version.name));
        }
        Self { catalogue, groups }
    }

    /// The resource of that group, version and plural name.
    #[must_use]
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        let versions = self.groups.get(group)?;
        let version = versions.iter().find(|of| &*of.name == version)?;
        version.resources.get(plural)
    }

    /// The resource whose objects are of that kind.
    #[must_use]
    pub fn kind(&self, kind: &GroupVersionKind) -> Option<&Arc<Resource>> {
        let versions = self.groups.get(&kind.group)?;
        let version = versions.iter().find(|of| of.name == kind.version)?;
        version
            .resources
            .values()
            .find(|of| of.names.kind == kind.kind)
    }

    /// The groups by name, the core group (empty) first, each with its
    /// versions in order of preference.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &[Version])> {
        self.groups
            .iter()
            .map(|(name, versions)| (&**name, versions.as_slice()))
    }

    /// The versions of one group, in order of preference; none if there is no
    /// such group.
    #[must_use]
    pub fn versions(&self, group: &str) -> &[Version] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// All that is served, with the schemas it is of.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The schemas by name.
    #[must_use]
    pub fn definitions(&self) -> &BTreeMap<Box<str>, Schema> {
        &self.catalogue.definitions
    }

    /// The schema of a resource's objects, if its name is defined.
    #[must_use]
    pub fn schema(&self, resource: &Resource) -> Option<&Schema> {
        self.catalogue.definitions.get(&resource.schema)
    }

    /// The schema that `schema` refers to, or itself; `None` if the name it
    /// refers to is not defined.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Schema) -> Option<&'a Schema> {
        self.catalogue.resolve(schema)
    }
}

/// Smaller is preferred, by Kubernetes' rules for versions: `v2`, `v1`,
/// `v1beta2`, `v1beta1`, `v1alpha1`, and what is no version last, by name.
fn priority(version: &str) -> (u8, i64, i64, String) {
    let parsed = (|| {
        let rest = version.strip_prefix('v')?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let major: i64 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (0, "0"),
            behind => match behind.strip_prefix("beta") {
                Some(minor) => (1, minor),
                None => (2, behind.strip_prefix("alpha")?),
            },
        };
        let minor: i64 = minor.parse().ok()?;
        Some((stage, -major, -minor, String::new()))
    })();
    parsed.unwrap_or_else(|| (3, 0, 0, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_preferred_as_kubernetes_prefers_them() {
        let mut versions = ["v1alpha1", "foo", "v1", "v1beta1", "v10", "v1beta2", "v2"];
        versions.sort_by_key(|version| priority(version));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]
        );
    }
}
