//! What a schema says of how fields are patched.

use api::{Catalogue, Schema, SchemaType};

use super::super::PatchError;
use crate::quoted::Quoted;

/// Where in a schema a patch is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta<'a> {
    catalogue: &'a Catalogue,
    schema: Option<&'a Schema>,
    /// What its type is called: the last part of a definition's name.
    name: &'a str,
}

/// How a field is patched.
#[derive(Clone, Debug)]
pub(super) struct Merging {
    /// Whether lists are merged.
    pub(super) merges: bool,
    /// Whether objects are not.
    pub(super) replaces: bool,
    /// The field that tells a list's items apart.
    pub(super) key: Option<Box<str>>,
}

impl<'a> Meta<'a> {
    pub(super) fn of_definition(catalogue: &'a Catalogue, name: &'a str) -> Self {
        Self {
            catalogue,
            schema: catalogue.definitions.get(name),
            name: name.rsplit_once('.').map_or(name, |(_, name)| name),
        }
    }

    /// A field that is an object, and how it is patched.
    pub(super) fn field(self, field: &str) -> Result<(Self, Merging), PatchError> {
        let Some(schema) = self.schema.filter(|schema| !schema.properties.is_empty()) else {
            return Err(PatchError::Other(format!(
                "merging an object in json but data type is not struct, instead is: {}",
                self.kind()
            )));
        };
        let Some(of) = schema.properties.get(field) else {
            return Err(PatchError::Other(format!(
                "unable to find api field in struct {} for the json field {}",
                self.name,
                Quoted(field)
            )));
        };
        let strategies: Vec<_> = of
            .patch_strategy
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .collect();
        let merging = Merging {
            merges: strategies.contains(&"merge"),
            replaces: strategies.contains(&"replace"),
            key: of.patch_merge_key.clone(),
        };
        Ok((self.at(of), merging))
    }

    /// The items of a field that is a list, and how it is patched.
    pub(super) fn list(self, field: &str) -> Result<(Self, Merging), PatchError> {
        let (list, merging) = self.field(field)?;
        match list.schema.and_then(|schema| schema.items.as_deref()) {
            Some(items) => Ok((self.at(items), merging)),
            None => Err(PatchError::Other(format!(
                "expected slice or array type, but got: {}",
                self.kind()
            ))),
        }
    }

    fn at(self, schema: &'a Schema) -> Self {
        let schema = match schema.all_of.as_slice() {
            [only] if schema.reference.is_none() => only,
            _ => schema,
        };
        match schema.reference.as_deref() {
            Some(name) => Self::of_definition(self.catalogue, name),
            None => Self {
                schema: Some(schema),
                name: "",
                ..self
            },
        }
    }

    /// What Go calls its sort of type.
    pub(super) fn kind(self) -> &'static str {
        match self.schema.and_then(|schema| schema.kind) {
            Some(SchemaType::Array) => "slice",
            Some(SchemaType::Boolean) => "bool",
            Some(SchemaType::Integer) => "int32",
            Some(SchemaType::Number) => "float64",
            Some(SchemaType::String) => "string",
            Some(SchemaType::Object) if self.schema.is_some_and(|s| s.properties.is_empty()) => {
                "map"
            }
            Some(SchemaType::Object) | None => "struct",
        }
    }
}
