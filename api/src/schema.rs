use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod properties;

pub use properties::Properties;

/// An OpenAPI v3 schema, as far as Kubernetes uses it, with Kubernetes'
/// extensions.
///
/// One form serves for everything that needs to know a kind's fields:
/// validation, pruning, defaults, merging, protobuf and the published OpenAPI
/// documents. Descriptions are left out.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Schema {
    /// The name, in the [`Catalogue`](crate::Catalogue)'s definitions, of the
    /// schema that stands here. Of the rest only `default`, the patch strategy
    /// and the protobuf field count beside it.
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Box<str>>,
    /// The JSON type; any, if absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SchemaType>,
    /// `int32`, `int64`, `byte`, `date-time`, `double`, `int-or-string` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Box<str>>,
    /// What an absent field is set to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether `null` is a value and not an absent field.
    #[serde(skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// The only values allowed.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// An object's declared fields.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
    /// An object's fields that have to be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<Box<str>>,
    /// Of what an object's undeclared fields are, if it may have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_properties: Option<Box<Self>>,
    /// Of what an array's items are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Self>>,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<serde_json::Number>,
    /// Whether `minimum` itself is not allowed.
    #[serde(skip_serializing_if = "is_false")]
    pub exclusive_minimum: bool,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<serde_json::Number>,
    /// Whether `maximum` itself is not allowed.
    #[serde(skip_serializing_if = "is_false")]
    pub exclusive_maximum: bool,
    /// What a number is a multiple of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_of: Option<serde_json::Number>,
    /// The least characters of a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// The most characters of a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// The regular expression (RE2's syntax) that a string has a match of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Box<str>>,
    /// The least items of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u64>,
    /// The most items of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// The least fields of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_properties: Option<u64>,
    /// The most fields of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_properties: Option<u64>,
    /// Schemas that all have to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<Self>,
    /// Schemas of which one has to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Self>,
    /// Schemas of which exactly one has to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Self>,
    /// The schema that must not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Self>>,
    /// How the items of an array are told apart when it is merged; atomic, if absent.
    #[serde(
        rename = "x-kubernetes-list-type",
        skip_serializing_if = "Option::is_none"
    )]
    pub list_type: Option<ListType>,
    /// The fields that are the key of an item of a [`ListType::Map`].
    #[serde(
        rename = "x-kubernetes-list-map-keys",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub list_map_keys: Vec<Box<str>>,
    /// How an object is merged; granular, if absent.
    #[serde(
        rename = "x-kubernetes-map-type",
        skip_serializing_if = "Option::is_none"
    )]
    pub map_type: Option<MapType>,
    /// The strategy of a strategic merge patch: `merge`, `replace`,
    /// `retainKeys`, or several with commas between.
    #[serde(
        rename = "x-kubernetes-patch-strategy",
        skip_serializing_if = "Option::is_none"
    )]
    pub patch_strategy: Option<Box<str>>,
    /// The field that tells items apart in a strategic merge patch.
    #[serde(
        rename = "x-kubernetes-patch-merge-key",
        skip_serializing_if = "Option::is_none"
    )]
    pub patch_merge_key: Option<Box<str>>,
    /// Whether the value is an integer or a string.
    #[serde(
        rename = "x-kubernetes-int-or-string",
        skip_serializing_if = "is_false"
    )]
    pub int_or_string: bool,
    /// Whether undeclared fields are kept.
    #[serde(
        rename = "x-kubernetes-preserve-unknown-fields",
        skip_serializing_if = "is_false"
    )]
    pub preserve_unknown_fields: bool,
    /// Whether the value is a whole Kubernetes object.
    #[serde(
        rename = "x-kubernetes-embedded-resource",
        skip_serializing_if = "is_false"
    )]
    pub embedded_resource: bool,
    /// Rules in CEL that have to hold.
    #[serde(
        rename = "x-kubernetes-validations",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub validations: Vec<Value>,
    /// The kinds whose objects are of this schema.
    #[serde(
        rename = "x-kubernetes-group-version-kind",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub kinds: Vec<crate::GroupVersionKind>,
    /// The number of this field in the kind's protobuf message. More than one
    /// number where JSON has the fields of an inner message in the outer
    /// object: the inner message's number first.
    #[serde(rename = "x-protobuf-field", skip_serializing_if = "Vec::is_empty")]
    pub protobuf_field: Vec<u32>,
    /// What the real server's encoder does with this field's zero; a null is
    /// dropped and any other value kept, if absent.
    #[serde(rename = "x-go-zero", skip_serializing_if = "Option::is_none")]
    pub zero: Option<Zero>,
}

impl Schema {
    /// Has equal fields' schemas be one in memory, with those that were `seen`
    /// before.
    pub(crate) fn share(&mut self, seen: &mut HashSet<Arc<Self>>) {
        self.properties.share(seen);
        let boxed = [
            &mut self.additional_properties,
            &mut self.items,
            &mut self.not,
        ];
        for inner in boxed.into_iter().flatten() {
            inner.share(seen);
        }
        let lists = [&mut self.all_of, &mut self.any_of, &mut self.one_of];
        for inner in lists.into_iter().flatten() {
            inner.share(seen);
        }
    }

    /// What an absent field is set to when an object is stored.
    ///
    /// Kubernetes' own kinds publish the zero of every field that its servers
    /// keep without a pointer (`""`, `0`, `{}`) as its default, without ever
    /// storing it; only merges by key look at those. The defaults of custom
    /// resources are all meant.
    #[must_use]
    pub fn default_to_set(&self, custom: bool) -> Option<&Value> {
        self.default
            .as_ref()
            .filter(|default| custom || !is_zero(default))
    }
}

/// A JSON type.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "JSON's own names")]
pub enum SchemaType {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

/// What becomes of a field's zero (`""`, `0`, `false`, `[]`, `{}`) in the real
/// server's JSON.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Zero {
    /// It is a value like others, and null is written where there is none.
    Null,
    /// It is left out.
    Omit,
    /// It is written, also where the field was absent.
    Write,
}

/// How an array's items are told apart (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListType {
    /// They are not: the array is one value.
    Atomic,
    /// By the fields in `list_map_keys`.
    Map,
    /// By their value.
    Set,
}

/// How an object is merged (`x-kubernetes-map-type`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MapType {
    /// It is one value.
    Atomic,
    /// Field by field.
    Granular,
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}
