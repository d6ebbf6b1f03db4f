//! One document for the groups, and one for each version of a group.

use api::{GroupVersionKind, Resource, Scope, Storage};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::verbs::verbs;
use crate::{Registry, Version};

/// The groups as they are told: those with built-in kinds before the others.
pub(super) fn ordered(registry: &Registry) -> Vec<(&str, &[Version])> {
    let mut groups: Vec<(&str, &[Version])> = registry.groups().collect();
    groups.sort_by_key(|(_, versions)| {
        let mut resources = versions
            .iter()
            .flat_map(|version| version.resources.values());
        resources.all(|resource| resource.custom)
    });
    groups
}

pub(super) fn versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

pub(super) fn groups(registry: &Registry) -> Value {
    let groups = ordered(registry).into_iter();
    let groups: Vec<Value> = groups
        .filter(|(name, _)| !name.is_empty())
        .filter_map(|(name, versions)| of_group(name, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

pub(super) fn group(registry: &Registry, name: &str) -> Option<Value> {
    let mut document = of_group(name, registry.versions(name))?;
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Some(document)
}

/// `None` for what is no group of this form.
fn of_group(name: &str, versions: &[Version]) -> Option<Value> {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            json!({"groupVersion": format!("{name}/{}", version.name), "version": version.name})
        })
        .collect();
    let preferred = versions.first().filter(|_| !name.is_empty())?.clone();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

pub(super) fn resources(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let version = registry
        .versions(group)
        .iter()
        .find(|of| *of.name == *version)?;
    let mut resources = Vec::new();
    for resource in version.resources.values() {
        push(&mut resources, registry, resource);
    }
    let mut document = json!({"kind": "APIResourceList", "resources": resources});
    if group.is_empty() {
        document["groupVersion"] = json!(version.name);
    } else {
        document["apiVersion"] = "v1".into();
        document["groupVersion"] = format!("{group}/{}", version.name).into();
    }
    Some(document)
}

/// A resource, and its subresources behind it.
fn push(resources: &mut Vec<Value>, registry: &Registry, resource: &Resource) {
    let namespaced = resource.scope == Scope::Namespaced;
    let mut document = json!({
        "name": resource.names.plural,
        "singularName": resource.names.singular,
        "namespaced": namespaced,
        "kind": resource.names.kind,
        "verbs": verbs(resource),
    });
    if !resource.names.short_names.is_empty() {
        document["shortNames"] = json!(resource.names.short_names);
    }
    if !resource.names.categories.is_empty() {
        document["categories"] = json!(resource.names.categories);
    }
    if let Some(stored) = stored_kind(registry, resource) {
        document["storageVersionHash"] = storage_version_hash(&stored).into();
    }
    resources.push(document);
    for subresource in &resource.subresources {
        let mut document = json!({
            "name": format!("{}/{}", resource.names.plural, subresource.name),
            "singularName": "",
            "namespaced": namespaced,
            "kind": resource.names.kind,
            "verbs": subresource.verbs,
        });
        if let Some(kind) = &subresource.kind {
            document["kind"] = json!(kind.kind);
            if kind.group != resource.group || kind.version != resource.version {
                document["group"] = json!(kind.group);
                document["version"] = json!(kind.version);
            }
        }
        resources.push(document);
    }
}

/// The kind that the resource's objects are kept as, if they are.
fn stored_kind(registry: &Registry, resource: &Resource) -> Option<GroupVersionKind> {
    match &resource.storage {
        Storage::Own => Some(resource.group_version_kind()),
        Storage::As(other) => registry
            .resource(&other.group, &other.version, &other.resource)
            .map(|other| other.group_version_kind()),
        Storage::Answered => None,
    }
}

/// By which clients see that objects are kept in another version than before.
fn storage_version_hash(kind: &GroupVersionKind) -> String {
    let name = format!("{}/{}/{}", kind.group, kind.version, kind.kind);
    let digest = digest(&SHA256, name.as_bytes());
    STANDARD.encode(&digest.as_ref()[..8])
}
