use std::borrow::Cow;
use std::sync::Arc;

use api::{GroupResource, Resource, Scope as ResourceScope};
use serde_json::Value;

use crate::object::text_at;
use crate::request_info::ResourceInfo;
use crate::selector::{FieldSelector, LabelSelector};
use crate::{Registry, Status, object};

/// What a request is about, found in the registry.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) registry: Arc<Registry>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    /// The name in the path; empty for a collection.
    pub(crate) name: String,
    /// The subresource in the path; may be empty.
    pub(crate) subresource: String,
}

impl Scope {
    /// Finds what is asked for.
    ///
    /// # Errors
    /// If nothing of the kind is served there.
    pub(crate) fn new(registry: Arc<Registry>, info: &ResourceInfo) -> Result<Self, Status> {
        let resource = registry
            .resource(&info.group, &info.version, &info.resource)
            .cloned()
            .ok_or_else(Status::no_such_path)?;
        let namespaced = resource.scope == ResourceScope::Namespaced;
        // A path of a cluster-scoped resource has no namespace, but for the
        // kind that is called as the segment is: its own name stands there.
        let own = &*resource.names.plural == "namespaces" && resource.group.is_empty();
        let fits = if namespaced {
            !info.namespace.is_empty() || !info.named_by_path
        } else {
            info.namespace.is_empty() || own
        };
        if !fits || info.rest > 0 {
            return Err(Status::no_such_path());
        }
        Ok(Self {
            registry,
            resource,
            namespace: if namespaced {
                info.namespace.clone()
            } else {
                String::new()
            },
            name: if info.named_by_path {
                info.name.clone()
            } else {
                String::new()
            },
            subresource: info.subresource.clone(),
        })
    }

    pub(crate) fn group_resource(&self) -> GroupResource {
        self.resource.group_resource()
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.resource.scope == ResourceScope::Namespaced
    }

    pub(crate) fn key(&self) -> store::Key {
        crate::key::object(&self.resource, &self.namespace, &self.name)
    }

    /// Whether the fields that a selector names can be selected by.
    pub(crate) fn check_fields(&self, fields: &FieldSelector) -> Result<(), Status> {
        for field in fields.fields() {
            let known = matches!(field, "metadata.name")
                || (field == "metadata.namespace" && (self.namespaced() || !self.resource.custom))
                || self
                    .resource
                    .selectable
                    .iter()
                    .any(|of| &*of.label == field);
            if !known {
                let resource = &self.resource;
                let why = if resource.custom || !resource.selectable.is_empty() {
                    format!("field label not supported: {field}")
                } else {
                    let known = r#"only "metadata.name", "metadata.namespace""#;
                    format!("{field:?} is not a known field selector: {known}")
                };
                return Err(Status::bad_request(why));
            }
        }
        Ok(())
    }

    /// Whether an object is selected.
    pub(crate) fn selects(
        &self,
        labels: &LabelSelector,
        fields: &FieldSelector,
        of: &Value,
    ) -> bool {
        labels.matches(|key| object::label(of, key))
            && fields.matches(|field| match field {
                "metadata.name" | "metadata.namespace" => text_at(of, field),
                field => {
                    let mut selectable = self.resource.selectable.iter();
                    let own = selectable.find(|of| &*of.label == field);
                    let path = own.and_then(|own| own.path.as_deref()).unwrap_or(field);
                    let value = text_at(of, path);
                    match own {
                        Some(own) if value.is_empty() => Cow::Owned(own.absent.to_string()),
                        _ => value,
                    }
                }
            })
    }
}
