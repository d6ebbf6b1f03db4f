use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attributes, Object, ResourceAttributes};
use crate::quoted::QuotedList;

/// One rule of a role: its verbs may be done with each of its resources, or
/// with each of its paths.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// What may be done; `*` for all.
    #[serde(deserialize_with = "list")]
    pub verbs: Vec<Box<str>>,
    /// API groups; `*` for all.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<Box<str>>,
    /// Resources, `pods` or `pods/log`, `*/scale` or `*`.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Box<str>>,
    /// The only names it holds for; none for all.
    #[serde(deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<Box<str>>,
    /// Paths; `*` at the end stands for the rest.
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<Box<str>>,
}

impl PolicyRule {
    /// The rules of a role. One that is not of the form allows nothing and is
    /// left out.
    #[must_use]
    pub fn of_role(role: &Value) -> Vec<Self> {
        let rules = role.get("rules").and_then(Value::as_array);
        rules
            .into_iter()
            .flatten()
            .filter_map(|rule| Self::deserialize(rule).ok())
            .collect()
    }

    /// Whether it allows that.
    #[must_use]
    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        holds(&self.verbs, attributes.verb)
            && match attributes.on {
                Object::Path(path) => self.has_path(path),
                Object::Resource(of) => {
                    holds(&self.api_groups, of.group)
                        && self.has_resource(&of)
                        && (self.resource_names.is_empty() || has(&self.resource_names, of.name))
                }
            }
    }

    fn has_resource(&self, asked: &ResourceAttributes<'_>) -> bool {
        let subresource = Some(asked.subresource).filter(|sub| !sub.is_empty());
        self.resources.iter().any(|of| {
            let of: &str = of;
            let same = match subresource {
                None => of == asked.resource,
                Some(sub) => {
                    let behind = of.strip_prefix(asked.resource);
                    behind.and_then(|behind| behind.strip_prefix('/')) == Some(sub)
                }
            };
            same || of == "*" || subresource.is_some() && of.strip_prefix("*/") == subresource
        })
    }

    fn has_path(&self, path: &str) -> bool {
        self.non_resource_urls.iter().any(|of| covers(of, path))
    }
}

/// As the real server writes one into its messages.
impl fmt::Display for PolicyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name}:{}", QuotedList(list)))
            .collect();
        write!(f, "{{{}}}", parts.join(", "))
    }
}

pub(super) fn has(list: &[Box<str>], text: &str) -> bool {
    list.iter().any(|of| **of == *text)
}

/// Whether the list has the text or the `*` that stands for all.
pub(super) fn holds(list: &[Box<str>], text: &str) -> bool {
    list.iter().any(|of| **of == *text || **of == *"*")
}

/// Whether a path of a rule is or stands for a path.
pub(super) fn covers(of: &str, path: &str) -> bool {
    of == path || of.ends_with('*') && path.starts_with(of.trim_end_matches('*'))
}

/// A list, which Go also writes as null.
fn list<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Box<str>>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
