use std::fmt;

use api::types::work::{AppliedResource, ResourceIdentifier};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where an object of the managed cluster is.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) group: String,
    pub(super) version: String,
    /// The plural.
    pub(super) resource: String,
    /// Empty for what has none.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Place {
    /// The path of the object; `None` if some part of it is no segment of a path,
    /// as then it would be that of something else.
    pub(super) fn path(&self) -> Option<String> {
        let name = segment(&self.name)?;
        Some(format!("{}/{name}", self.collection()?))
    }

    /// The path of the objects of its kind in its namespace.
    pub(super) fn collection(&self) -> Option<String> {
        let version = segment(&self.version)?;
        let mut path = match self.group.as_str() {
            "" => format!("/api/{version}"),
            group => format!("/apis/{}/{version}", segment(group)?),
        };
        if !self.namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(&segment(&self.namespace)?);
        }
        path.push('/');
        path.push_str(&segment(&self.resource)?);
        Some(path)
    }

    pub(super) fn applied(&self, uid: &str) -> AppliedResource {
        AppliedResource {
            group: self.group.clone(),
            version: self.version.clone(),
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: uid.to_owned(),
        }
    }

    /// Whether it is the same object, whatever version it is seen in.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.group == other.group
            && self.resource == other.resource
            && self.namespace == other.namespace
            && self.name == other.name
    }

    /// Whether a rule that names one object names this one.
    pub(super) fn is(&self, rule: &ResourceIdentifier) -> bool {
        self.group == rule.group
            && self.resource == rule.resource
            && self.namespace == rule.namespace
            && self.name == rule.name
    }
}

impl From<&AppliedResource> for Place {
    fn from(of: &AppliedResource) -> Self {
        Self {
            group: of.group.clone(),
            version: of.version.clone(),
            resource: of.resource.clone(),
            namespace: of.namespace.clone(),
            name: of.name.clone(),
        }
    }
}

/// `deployments.apps default/web`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        f.write_str(" ")?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// As Kubernetes has it of names that stand in paths.
fn segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") || text.contains(['/', '%']) {
        return None;
    }
    Some(utf8_percent_encode(text, ESCAPED).to_string())
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b':')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn place(group: &str, namespace: &str, name: &str) -> Place {
        Place {
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: "things".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_place_has_the_path_of_its_object_and_of_no_other() {
        let path = |group, namespace, name| place(group, namespace, name).path();
        assert_eq!(path("", "", "a").unwrap(), "/api/v1/things/a");
        assert_eq!(
            path("g.example", "n", "system:a b?c").unwrap(),
            "/apis/g.example/v1/namespaces/n/things/system:a%20b%3Fc"
        );
        for name in ["", ".", "..", "a/status", "a%2Fstatus"] {
            assert_eq!(path("", "n", name), None, "{name}");
            assert_eq!(path("", name, "a").is_none(), !name.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_place_is_told_as_people_write_it() {
        assert_eq!(place("", "", "a").to_string(), "things a");
        assert_eq!(place("g", "n", "a").to_string(), "things.g n/a");
    }
}
