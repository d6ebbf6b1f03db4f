//! Where in the store objects are: `/registry/[GROUP/]RESOURCE/[NAMESPACE/]NAME`.

use api::{Resource, Scope, Storage};
use store::Key;

/// What the keys of a resource's objects begin with, those of one namespace
/// if one is given.
pub(crate) fn prefix(resource: &Resource, namespace: &str) -> Key {
    Key::from(prefix_text(resource, namespace))
}

/// The key of one object.
pub(crate) fn object(resource: &Resource, namespace: &str, name: &str) -> Key {
    let mut key = prefix_text(resource, namespace);
    key.push_str(name);
    Key::from(key)
}

/// The part of a key behind the [`prefix`]: `NAMESPACE/NAME` or `NAME`.
pub(crate) fn behind<'k>(resource: &Resource, namespace: &str, key: &'k Key) -> Option<&'k str> {
    let prefix = prefix_text(resource, namespace);
    std::str::from_utf8(key.as_bytes())
        .ok()?
        .strip_prefix(&prefix)
}

/// A key from what stands [`behind`] the prefix.
pub(crate) fn from_behind(resource: &Resource, namespace: &str, behind: &str) -> Key {
    let mut key = prefix_text(resource, namespace);
    key.push_str(behind);
    Key::from(key)
}

fn prefix_text(resource: &Resource, namespace: &str) -> String {
    let (group, plural) = match &resource.storage {
        Storage::As(other) => (&other.group, &other.resource),
        Storage::Own | Storage::Answered => (&resource.group, &resource.names.plural),
    };
    let mut key = String::with_capacity(96);
    key.push_str("/registry/");
    if !group.is_empty() {
        key.push_str(group);
        key.push('/');
    }
    key.push_str(plural);
    key.push('/');
    if resource.scope == Scope::Namespaced && !namespace.is_empty() {
        key.push_str(namespace);
        key.push('/');
    }
    key
}
