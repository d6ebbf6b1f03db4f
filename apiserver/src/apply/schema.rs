//! What a schema says to whoever merges: which values are taken as one, which
//! lists have items with keys, which fields are declared.
//!
//! Read from [`api::Schema`] as it is needed; nothing is built beforehand.

use std::sync::LazyLock;

use api::{Catalogue, ListType, MapType, Properties, Schema, SchemaType};
use serde_json::Value;

/// Of what type a value is, before looking at the value.
#[derive(Clone, Copy, Debug)]
pub(super) enum TypeRef<'a> {
    /// Of none: it is not declared.
    Undeclared,
    /// Anything, taken as one.
    Untyped,
    /// Anything; objects field by field, lists as one.
    Deduced,
    /// Of that schema.
    Schema {
        schema: &'a Schema,
        /// Whether a schema around it keeps what is not declared.
        preserve: bool,
        /// Whether it is a whole Kubernetes object.
        whole: bool,
    },
}

/// What a value may be and how it is merged then: one of these, or any of
/// several of which the value decides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Atom<'a> {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<List<'a>>,
    pub(super) map: Option<ObjectType<'a>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scalar {
    Boolean,
    Numeric,
    String,
    Untyped,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    pub(super) items: TypeRef<'a>,
    /// `None` if the list is taken as one; the fields that tell its items
    /// apart, none of them if they are told apart by value.
    pub(super) keys: Option<&'a [Box<str>]>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ObjectType<'a> {
    fields: Option<&'a Properties>,
    preserve: bool,
    whole: bool,
    /// Of what type undeclared fields are.
    pub(super) undeclared: TypeRef<'a>,
    /// Whether the object is taken as one.
    pub(super) atomic: bool,
}

/// The names that Kubernetes gives to types whose schemas do not say all.
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

static STRING: LazyLock<Schema> = LazyLock::new(|| Schema {
    kind: Some(SchemaType::String),
    ..Schema::default()
});

/// `metadata` where the catalogue does not define it.
static METADATA: LazyLock<Schema> = LazyLock::new(|| {
    let text = r#"{"type": "object", "properties": {
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "creationTimestamp": {"type": "string", "format": "date-time"},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "deletionTimestamp": {"type": "string", "format": "date-time"},
        "finalizers": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "generateName": {"type": "string"},
        "generation": {"type": "integer"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "managedFields": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "atomic"},
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
            "items": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
                "apiVersion": {"type": "string"}, "blockOwnerDeletion": {"type": "boolean"},
                "controller": {"type": "boolean"}, "kind": {"type": "string"},
                "name": {"type": "string"}, "uid": {"type": "string"}}}},
        "resourceVersion": {"type": "string"},
        "selfLink": {"type": "string"},
        "uid": {"type": "string"}}}"#;
    serde_json::from_str(text).expect("a schema, as a test reads it")
});

/// The schemas that references are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types<'a> {
    catalogue: &'a Catalogue,
}

impl<'a> Types<'a> {
    pub(super) const fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue }
    }

    /// The type of the objects of a definition; anything, if there is none of
    /// that name.
    pub(super) fn object(self, definition: &str) -> TypeRef<'a> {
        self.catalogue
            .definitions
            .get(definition)
            .map_or(TypeRef::Deduced, |schema| TypeRef::Schema {
                schema,
                preserve: false,
                whole: true,
            })
    }

    /// What a value of that type may be. `None` if the schema refers to a
    /// definition that is not there.
    pub(super) fn resolve(self, of: TypeRef<'a>) -> Option<Atom<'a>> {
        match of {
            TypeRef::Undeclared => Some(Atom::default()),
            TypeRef::Untyped => Some(any(TypeRef::Untyped, true)),
            TypeRef::Deduced => Some(any(TypeRef::Deduced, false)),
            TypeRef::Schema {
                schema,
                preserve,
                whole,
            } => match reference(schema) {
                Some(name) => self.resolve_definition(name, schema, whole),
                None => Some(atom(schema, preserve, whole)),
            },
        }
    }

    fn resolve_definition(self, name: &str, at: &'a Schema, whole: bool) -> Option<Atom<'a>> {
        match name {
            QUANTITY => return Some(scalar(Scalar::Untyped)),
            RAW_EXTENSION => return Some(any(TypeRef::Untyped, true)),
            _ => {}
        }
        let definition = match self.catalogue.definitions.get(name) {
            Some(definition) => definition,
            None if name == OBJECT_META => &METADATA,
            None => return None,
        };
        let mut atom = atom(definition, false, whole);
        if let (Some(map), Some(map_type)) = (&mut atom.map, at.map_type) {
            map.atomic = map_type == MapType::Atomic;
        }
        Some(atom)
    }

    /// What an item's key is if the item does not have it.
    pub(super) fn key_default(
        self,
        list: List<'a>,
        key: &str,
    ) -> Result<Option<&'a Value>, String> {
        let Some(atom) = self.resolve(list.items) else {
            return Err("invalid elementType for list".to_owned());
        };
        match atom.map {
            None => Err("associative list may not have non-map types".to_owned()),
            Some(map) => Ok(map.declared(key).and_then(|schema| schema.default.as_ref())),
        }
    }
}

/// The definition that stands for a schema: referred to directly, or alone in
/// an `allOf` as OpenAPI v3 has it beside a default.
fn reference(schema: &Schema) -> Option<&str> {
    let all_of = || match schema.all_of.as_slice() {
        [only] => only.reference.as_deref(),
        _ => None,
    };
    let name = schema.reference.as_deref().or_else(all_of)?;
    Some(name.rsplit_once('/').map_or(name, |(_, name)| name))
}

const fn any(within: TypeRef<'_>, atomic: bool) -> Atom<'_> {
    Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(List {
            items: TypeRef::Untyped,
            keys: None,
        }),
        map: Some(ObjectType {
            fields: None,
            preserve: false,
            whole: false,
            undeclared: within,
            atomic,
        }),
    }
}

const fn scalar<'a>(scalar: Scalar) -> Atom<'a> {
    Atom {
        scalar: Some(scalar),
        list: None,
        map: None,
    }
}

fn atom(schema: &Schema, preserve: bool, whole: bool) -> Atom<'_> {
    let preserve = preserve || schema.preserve_unknown_fields;
    let whole = whole || schema.embedded_resource;
    match schema.kind {
        None => Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(list(schema, preserve)),
            map: Some(object(schema, preserve, whole)),
        },
        Some(_) if schema.int_or_string => scalar(Scalar::Untyped),
        Some(SchemaType::Object) => Atom {
            map: Some(object(schema, preserve, whole)),
            ..Atom::default()
        },
        Some(SchemaType::Array) => Atom {
            list: Some(list(schema, preserve)),
            ..Atom::default()
        },
        Some(SchemaType::Integer | SchemaType::Number) => scalar(Scalar::Numeric),
        Some(SchemaType::Boolean) => scalar(Scalar::Boolean),
        Some(SchemaType::String) => scalar(match schema.format.as_deref() {
            None | Some("" | "byte") => Scalar::String,
            Some(_) => Scalar::Untyped,
        }),
    }
}

fn list(schema: &Schema, preserve: bool) -> List<'_> {
    const NO_KEYS: &[Box<str>] = &[];
    let keys = match schema.list_type {
        Some(ListType::Atomic) => None,
        Some(ListType::Set) => Some(NO_KEYS),
        Some(ListType::Map) => Some(schema.list_map_keys.as_slice()),
        None => match schema.patch_strategy.as_deref() {
            Some("merge" | "merge,retainKeys") => Some(
                schema
                    .patch_merge_key
                    .as_ref()
                    .map_or(NO_KEYS, std::slice::from_ref),
            ),
            _ => None,
        },
    };
    let items = schema
        .items
        .as_deref()
        .map_or(TypeRef::Untyped, |schema| TypeRef::Schema {
            schema,
            preserve,
            whole: false,
        });
    List { items, keys }
}

fn object(schema: &Schema, preserve: bool, whole: bool) -> ObjectType<'_> {
    let undeclared = match schema.additional_properties.as_deref() {
        Some(schema) => TypeRef::Schema {
            schema,
            preserve,
            whole: false,
        },
        None if preserve || (schema.properties.is_empty() && !whole) => TypeRef::Deduced,
        None => TypeRef::Undeclared,
    };
    ObjectType {
        fields: (!schema.properties.is_empty()).then_some(&schema.properties),
        preserve,
        whole,
        undeclared,
        atomic: schema.map_type == Some(MapType::Atomic),
    }
}

impl<'a> ObjectType<'a> {
    fn declared(self, name: &str) -> Option<&'a Schema> {
        let declared = self.fields.and_then(|fields| fields.get(name));
        if !self.whole {
            return declared;
        }
        match name {
            "apiVersion" | "kind" => Some(&STRING),
            "metadata" => {
                let own = declared.filter(|schema| reference(schema).is_some());
                Some(own.unwrap_or(&METADATA))
            }
            _ => declared,
        }
    }

    /// The type of a declared field.
    pub(super) fn field(self, name: &str) -> Option<TypeRef<'a>> {
        let schema = self.declared(name)?;
        // What metadata has is known, whatever else is not.
        let metadata = self.whole && name == "metadata";
        Some(TypeRef::Schema {
            schema,
            preserve: self.preserve && !metadata,
            whole: false,
        })
    }

    /// The type of a field, declared or not.
    pub(super) fn field_or_undeclared(self, name: &str) -> TypeRef<'a> {
        self.field(name).unwrap_or(self.undeclared)
    }

    /// Whether it has no declared fields and takes any others.
    pub(super) fn is_deduced(self) -> bool {
        let anything = match self.undeclared {
            TypeRef::Deduced => true,
            TypeRef::Schema { schema, .. } => {
                reference(schema).is_none()
                    && atom(schema, false, false).scalar == Some(Scalar::Untyped)
            }
            TypeRef::Undeclared | TypeRef::Untyped => false,
        };
        anything && self.fields.is_none() && !self.whole
    }
}

impl<'a> Atom<'a> {
    /// What of it applies to a value. All of it, if the value is absent, null
    /// or of none of its types.
    pub(super) fn narrow(self, value: Option<&Value>) -> Self {
        match value {
            Some(Value::Number(_) | Value::String(_) | Value::Bool(_)) if self.scalar.is_some() => {
                Self {
                    scalar: self.scalar,
                    ..Self::default()
                }
            }
            Some(Value::Array(_)) if self.list.is_some() => Self {
                list: self.list,
                ..Self::default()
            },
            Some(Value::Object(_)) if self.map.is_some() => Self {
                map: self.map,
                ..Self::default()
            },
            _ => self,
        }
    }

    /// Whether two that were narrowed from the same are the same still.
    pub(super) const fn is_like(self, other: Self) -> bool {
        self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
            && self.map.is_some() == other.map.is_some()
    }

    /// The one of them that is looked at: the first, of several.
    pub(super) fn shape(self) -> Option<Shape<'a>> {
        self.map
            .map(Shape::Object)
            .or_else(|| self.scalar.map(Shape::Scalar))
            .or_else(|| self.list.map(Shape::List))
    }
}

/// How a value is merged.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    Object(ObjectType<'a>),
    Scalar(Scalar),
    List(List<'a>),
}
