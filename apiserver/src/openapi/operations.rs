use api::{GroupVersionKind, Resource, Scope};
use serde_json::{Map, Value, json};

use super::components::PREFIX;

/// What an operation is done to.
#[derive(Clone)]
pub(super) struct Target<'a> {
    pub(super) resource: &'a Resource,
    /// The kind that is read and written there.
    pub(super) kind: GroupVersionKind,
    /// The names of its schema and of its list's, if they are defined.
    pub(super) schema: Option<String>,
    pub(super) list: Option<String>,
    /// Empty for the resource itself.
    pub(super) subresource: &'a str,
    /// Whether it is in all namespaces.
    pub(super) everywhere: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    Create,
    Delete,
    DeleteCollection,
    List,
    Patch,
    Read,
    Replace,
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const APPLY: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETE: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
];
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

impl Operation {
    /// The method, and what is to be known of the operation.
    pub(super) fn document(self, target: &Target<'_>) -> (&'static str, Value) {
        let status = format!("{META}.Status");
        let own = target.schema.as_deref();
        let (method, action, answer, codes): (_, _, _, &[u16]) = match self {
            Self::Create => ("post", "post", own, &[200, 201, 202]),
            Self::Delete => ("delete", "delete", Some(status.as_str()), &[200, 202]),
            Self::DeleteCollection => ("delete", "deletecollection", Some(status.as_str()), &[200]),
            Self::List => ("get", "list", target.list.as_deref(), &[200]),
            Self::Patch => ("patch", "patch", own, &[200, 201]),
            Self::Read => ("get", "get", own, &[200]),
            Self::Replace => ("put", "put", own, &[200, 201]),
        };
        let mut document = json!({
            "tags": [tag(target.resource)],
            "operationId": self.id(target),
            "responses": responses(answer, codes),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {
                "group": target.kind.group,
                "version": target.kind.version,
                "kind": target.kind.kind,
            },
        });
        let parameters: Vec<Value> = self
            .parameters()
            .iter()
            .map(|name| parameter(name))
            .collect();
        if !parameters.is_empty() {
            document["parameters"] = Value::Array(parameters);
        }
        if let Some(body) = self.body(target) {
            document["requestBody"] = body;
        }
        (method, document)
    }

    fn parameters(self) -> Vec<&'static str> {
        match self {
            Self::Create | Self::Replace => WRITE.to_vec(),
            Self::Delete => DELETE.to_vec(),
            Self::DeleteCollection => {
                let only_watches = ["allowWatchBookmarks", "watch"];
                let list = LIST.iter().filter(|name| !only_watches.contains(name));
                let mut all: Vec<&str> = DELETE.iter().chain(list).copied().collect();
                all.sort_unstable();
                all
            }
            Self::List => LIST.to_vec(),
            Self::Patch => APPLY.to_vec(),
            Self::Read => Vec::new(),
        }
    }

    fn body(self, target: &Target<'_>) -> Option<Value> {
        let custom = target.resource.custom;
        let (media, schema): (&[&str], _) = match self {
            Self::List | Self::Read => return None,
            Self::Patch => {
                let media: &[&str] = &[
                    "application/apply-patch+yaml",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/strategic-merge-patch+json",
                ];
                let taken = if custom { &media[..3] } else { media };
                (taken, Some(format!("{META}.Patch")))
            }
            Self::Delete | Self::DeleteCollection => {
                (&["*/*"], Some(format!("{META}.DeleteOptions")))
            }
            Self::Create | Self::Replace if custom => (
                &["application/json", "application/yaml"],
                target.schema.clone(),
            ),
            Self::Create | Self::Replace => (&["*/*"], target.schema.clone()),
        };
        let mut body = json!({"content": content(media, schema.as_deref())});
        if !matches!(self, Self::Delete | Self::DeleteCollection) {
            body["required"] = true.into();
        }
        Some(body)
    }

    /// A name of the operation, of its own in all documents.
    fn id(self, target: &Target<'_>) -> String {
        let verb = match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "delete",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Replace => "replace",
        };
        let resource = target.resource;
        let collection = if self == Self::DeleteCollection {
            "Collection"
        } else {
            ""
        };
        let namespaced = resource.scope == Scope::Namespaced && !target.everywhere;
        format!(
            "{verb}{}{}{collection}{}{}{}{}",
            capitalised(&group(resource)),
            capitalised(&resource.version),
            if namespaced { "Namespaced" } else { "" },
            resource.names.kind,
            capitalised(target.subresource),
            if target.everywhere {
                "ForAllNamespaces"
            } else {
                ""
            },
        )
    }
}

/// One that is given in the query.
pub(super) fn parameter(name: &str) -> Value {
    let kind = match name {
        "allowWatchBookmarks"
        | "force"
        | "ignoreStoreReadErrorWithClusterBreakingPotential"
        | "orphanDependents"
        | "sendInitialEvents"
        | "watch" => "boolean",
        "gracePeriodSeconds" | "limit" | "timeoutSeconds" => "integer",
        _ => "string",
    };
    json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
}

fn responses(schema: Option<&str>, codes: &[u16]) -> Value {
    let mut responses = Map::new();
    for code in codes {
        let description = match code {
            201 => "Created",
            202 => "Accepted",
            _ => "OK",
        };
        let content = content(&["application/json", "application/yaml"], schema);
        let response = json!({"description": description, "content": content});
        responses.insert(code.to_string(), response);
    }
    responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(responses)
}

fn content(media: &[&str], schema: Option<&str>) -> Value {
    let schema = match schema {
        Some(name) => json!({"$ref": format!("{PREFIX}{name}")}),
        None => json!({"type": "object"}),
    };
    let media = media
        .iter()
        .map(|media| ((*media).to_owned(), json!({"schema": schema.clone()})));
    Value::Object(media.collect())
}

fn tag(resource: &Resource) -> String {
    format!("{}_{}", group(resource), resource.version)
}

/// `core`, `apps`, `rbacAuthorization`, `clusterOpenClusterManagementIo`
fn group(resource: &Resource) -> String {
    if resource.group.is_empty() {
        return "core".to_owned();
    }
    let group = resource
        .group
        .strip_suffix(".k8s.io")
        .unwrap_or(&resource.group);
    let mut words = group.split(['.', '-']);
    let mut name = words.next().unwrap_or_default().to_owned();
    words.for_each(|word| name.push_str(&capitalised(word)));
    name
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    match characters.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(characters).collect(),
    }
}
