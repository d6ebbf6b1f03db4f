//! All groups in one document.

use api::{GroupVersionKind, Resource, Scope};
use serde_json::{Value, json};

use super::verbs::verbs;
use crate::{Registry, Version};

/// The core group's document, or that of all others.
pub(super) fn groups(registry: &Registry, core: bool, version: &str) -> Value {
    let groups = super::legacy::ordered(registry)
        .into_iter()
        .filter(|(name, _)| name.is_empty() == core);
    let items: Vec<Value> = groups
        .map(|(name, versions)| {
            let metadata = if core {
                json!({})
            } else {
                json!({"name": name})
            };
            let versions: Vec<Value> = versions.iter().map(of_version).collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": super::LIST,
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

fn of_version(version: &Version) -> Value {
    let resources: Vec<Value> = version
        .resources
        .values()
        .map(|of| of_resource(of))
        .collect();
    json!({"version": version.name, "resources": resources, "freshness": "Current"})
}

fn of_resource(resource: &Resource) -> Value {
    // A built-in kind's group and version are those of the document.
    let own = if resource.custom {
        kind(&resource.group_version_kind())
    } else {
        json!({"group": "", "version": "", "kind": resource.names.kind})
    };
    let scope = match resource.scope {
        Scope::Cluster => "Cluster",
        Scope::Namespaced => "Namespaced",
    };
    let mut document = json!({
        "resource": resource.names.plural,
        "responseKind": own,
        "scope": scope,
        "singularResource": resource.names.singular,
        "verbs": verbs(resource),
    });
    if !resource.names.short_names.is_empty() {
        document["shortNames"] = json!(resource.names.short_names);
    }
    if !resource.names.categories.is_empty() {
        document["categories"] = json!(resource.names.categories);
    }
    if !resource.subresources.is_empty() {
        let subresources = resource.subresources.iter().map(|of| {
            json!({
                "subresource": of.name,
                "responseKind": of.kind.as_ref().map_or_else(|| own.clone(), kind),
                "verbs": of.verbs,
            })
        });
        document["subresources"] = subresources.collect();
    }
    document
}

fn kind(kind: &GroupVersionKind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}
