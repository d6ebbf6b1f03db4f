use serde_json::{Map, Value, json};

use crate::{Catalogue, Resource, Schema, Storage};

impl Catalogue {
    /// The CustomResourceDefinitions of this catalogue's custom resources, for
    /// an API server that does not have them: one for each resource that is
    /// kept under its own name, with all versions that need no conversion.
    /// What is not written by clients (ClusterGateway) is not among them.
    #[must_use]
    pub fn custom_resource_definitions(&self) -> Vec<Value> {
        let kept = self.resources.iter().filter(|of| {
            let written = of.verbs.contains(&crate::Verb::Create);
            of.custom && written && of.storage == Storage::Own
        });
        kept.map(|of| self.definition(of)).collect()
    }

    fn definition(&self, kept: &Resource) -> Value {
        let same = self.resources.iter().filter(|of| {
            of.group_resource() == kept.group_resource() && of.hooks.conversion.is_none()
        });
        let versions: Vec<Value> = same.map(|of| self.version(of)).collect();
        let names = &kept.names;
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": kept.group_resource().to_string()},
            "spec": {
                "group": kept.group,
                "names": names,
                "scope": kept.scope,
                "versions": versions,
            },
        })
    }

    fn version(&self, of: &Resource) -> Value {
        let mut version = Map::new();
        version.insert("name".into(), json!(of.version));
        version.insert("served".into(), true.into());
        version.insert("storage".into(), (of.storage == Storage::Own).into());
        if let Some(warning) = &of.deprecation {
            version.insert("deprecated".into(), true.into());
            version.insert("deprecationWarning".into(), json!(warning));
        }
        let schema = self.definitions.get(&of.schema).map(structural);
        version.insert("schema".into(), json!({"openAPIV3Schema": schema}));
        if of.subresource("status").is_some() {
            version.insert("subresources".into(), json!({"status": {}}));
        }
        if !of.columns.is_empty() {
            let columns: Vec<Value> = of
                .columns
                .iter()
                .map(|of| without_empty(json!(of)))
                .collect();
            version.insert("additionalPrinterColumns".into(), columns.into());
        }
        version.into()
    }
}

/// The schema of a kind's objects as a definition has it: it says nothing of
/// metadata, which is no kind's own.
fn structural(schema: &Schema) -> Value {
    let mut schema = schema.clone();
    schema.kinds.clear();
    let metadata = schema.properties.get_mut("metadata");
    if let Some(metadata) = metadata.filter(|of| of.reference.is_some()) {
        *metadata = Schema {
            kind: Some(crate::SchemaType::Object),
            ..Schema::default()
        };
    }
    json!(schema)
}

fn without_empty(mut column: Value) -> Value {
    if let Some(fields) = column.as_object_mut() {
        fields.retain(|_, value| *value != "" && *value != 0);
    }
    column
}
