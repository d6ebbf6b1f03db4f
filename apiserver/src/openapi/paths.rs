use api::{Resource, Scope, Subresource, Verb};
use serde_json::{Map, Value, json};

use super::operations::{Operation, Target};
use crate::{Registry, Version};

/// The paths of all resources of a version, with what may be done there.
pub(super) fn paths(registry: &Registry, group: &str, version: &Version) -> Value {
    let mut paths = Map::new();
    let root = match group {
        "" => format!("/api/{}", version.name),
        _ => format!("/apis/{group}/{}", version.name),
    };
    for resource in version.resources.values() {
        of_resource(&mut paths, registry, &root, resource);
    }
    Value::Object(paths)
}

fn of_resource(
    paths: &mut Map<String, Value>,
    registry: &Registry,
    root: &str,
    resource: &Resource,
) {
    let plural = &resource.names.plural;
    let target = Target::of(registry, resource);
    let mut add =
        |path: String, operations: &[(Verb, Operation)], verbs: &[Verb], target: &Target<'_>| {
            if let Some(item) = item(&path, operations, verbs, target) {
                paths.insert(path, item);
            }
        };
    let collection = match resource.scope {
        Scope::Cluster => format!("{root}/{plural}"),
        Scope::Namespaced => {
            let everywhere = Target {
                everywhere: true,
                ..target.clone()
            };
            let list = [(Verb::List, Operation::List)];
            add(
                format!("{root}/{plural}"),
                &list,
                &resource.verbs,
                &everywhere,
            );
            format!("{root}/namespaces/{{namespace}}/{plural}")
        }
    };
    let object = format!("{collection}/{{name}}");
    let of_collection = [
        (Verb::List, Operation::List),
        (Verb::Create, Operation::Create),
        (Verb::DeleteCollection, Operation::DeleteCollection),
    ];
    add(collection, &of_collection, &resource.verbs, &target);
    let of_object = [
        (Verb::Get, Operation::Read),
        (Verb::Update, Operation::Replace),
        (Verb::Delete, Operation::Delete),
        (Verb::Patch, Operation::Patch),
    ];
    add(object.clone(), &of_object, &resource.verbs, &target);
    for subresource in &resource.subresources {
        let of_subresource = [
            (Verb::Get, Operation::Read),
            (Verb::Create, Operation::Create),
            (Verb::Update, Operation::Replace),
            (Verb::Patch, Operation::Patch),
        ];
        let target = target.subresource(registry, subresource);
        let path = format!("{object}/{}", subresource.name);
        add(path, &of_subresource, &subresource.verbs, &target);
    }
}

/// What may be done at one path; `None` if nothing.
fn item(
    path: &str,
    operations: &[(Verb, Operation)],
    verbs: &[Verb],
    target: &Target<'_>,
) -> Option<Value> {
    let allowed = operations.iter().filter(|(verb, _)| verbs.contains(verb));
    let mut item: Map<String, Value> = allowed
        .map(|(_, operation)| operation.document(target))
        .map(|(method, document)| (method.to_owned(), document))
        .collect();
    if item.is_empty() {
        return None;
    }
    item.insert("parameters".to_owned(), parameters(path));
    Some(Value::Object(item))
}

impl<'a> Target<'a> {
    fn of(registry: &Registry, resource: &'a Resource) -> Self {
        let list = format!("{}List", resource.schema);
        Target {
            resource,
            kind: resource.group_version_kind(),
            list: registry
                .definitions()
                .contains_key(list.as_str())
                .then_some(list),
            schema: Some(resource.schema.to_string()),
            subresource: "",
            everywhere: false,
        }
    }

    fn subresource(&self, registry: &Registry, subresource: &'a Subresource) -> Self {
        let mut target = Target {
            subresource: &subresource.name,
            list: None,
            ..self.clone()
        };
        if let Some(kind) = &subresource.kind {
            let mut definitions = registry.definitions().iter();
            target.schema = definitions
                .find(|(_, schema)| schema.kinds.contains(kind))
                .map(|(name, _)| name.to_string());
            target.kind = kind.clone();
        }
        target
    }
}

/// What stands in the path itself, and what any request may carry.
fn parameters(path: &str) -> Value {
    let mut parameters = Vec::new();
    for name in ["name", "namespace"] {
        if path.contains(&format!("{{{name}}}")) {
            parameters.push(json!({
                "name": name, "in": "path", "required": true,
                "schema": {"type": "string", "uniqueItems": true},
            }));
        }
    }
    parameters.push(super::operations::parameter("pretty"));
    Value::Array(parameters)
}
