//! Values of a schema.

use api::{Catalogue, ListType, Schema, SchemaType};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use regex::Regex;
use serde_json::{Map, Value, json};

const WORDS: [&str; 6] = ["a", "b", "web", "x-y", "A", "default"];
const DEEPEST: usize = 8;

/// Makes values of a catalogue's schemas, all of them valid as far as schemas
/// can tell.
pub(crate) struct Values<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) random: &'a mut StdRng,
}

impl Values<'_> {
    /// One field of a kind's objects; `None` if none was found that is valid.
    pub(crate) fn field(&mut self, version: &str, kind: &str, field: &str) -> Option<Value> {
        let catalogue = self.catalogue;
        let mut definitions = catalogue.definitions.values();
        let schema = definitions.find(|schema| {
            let mut kinds = schema.kinds.iter();
            kinds.any(|of| &*of.kind == kind && of.api_version() == version)
        });
        let schema = schema?.properties.get(field)?;
        self.value(schema, 0)
    }

    fn value(&mut self, schema: &Schema, depth: usize) -> Option<Value> {
        let catalogue = self.catalogue;
        let schema = catalogue.resolve(schema)?;
        if depth > DEEPEST {
            return None;
        }
        if let Some(value) = schema.values.choose(self.random) {
            return Some(value.clone());
        }
        if schema.int_or_string || schema.format.as_deref() == Some("int-or-string") {
            return Some(self.one(&[json!(1), json!("50%"), json!("2"), json!(100)]));
        }
        if schema.embedded_resource {
            let kind = self.one(&[json!("ConfigMap"), json!("Secret")]);
            return Some(
                json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "inner"}, "data": {"a": "b"}}),
            );
        }
        match schema.kind {
            Some(SchemaType::Array) => self.list(schema, depth),
            Some(SchemaType::Boolean) => Some(self.random.random_bool(0.5).into()),
            Some(SchemaType::Integer) => {
                let least = schema
                    .minimum
                    .as_ref()
                    .and_then(serde_json::Number::as_i64)
                    .unwrap_or(0);
                let most = schema
                    .maximum
                    .as_ref()
                    .and_then(serde_json::Number::as_i64)
                    .unwrap_or(least + 3);
                Some(self.random.random_range(least..=most.max(least)).into())
            }
            Some(SchemaType::Number) => Some(self.one(&[json!(1), json!(0.5), json!(2)])),
            Some(SchemaType::String) => self.text(schema),
            Some(SchemaType::Object) => self.object(schema, depth),
            None => Some(self.one(&[json!({"a": "b"}), json!({})])),
        }
    }

    fn text(&mut self, schema: &Schema) -> Option<Value> {
        match schema.format.as_deref() {
            Some("date-time") => return Some("2026-01-02T03:04:05Z".into()),
            Some("byte") => return Some("YQ==".into()),
            _ => {}
        }
        const POOL: [&str; 10] = [
            "a",
            "b",
            "web",
            "a.b/c",
            "https://a.b",
            "1.2.3",
            "10%",
            "5",
            "x/y",
            "30s",
        ];
        let pattern = schema.pattern.as_deref().map(Regex::new).transpose().ok()?;
        let fits = |text: &&&str| {
            let length = text.chars().count() as u64;
            pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(text))
                && schema.min_length.is_none_or(|least| length >= least)
                && schema.max_length.is_none_or(|most| length <= most)
        };
        let pool: Vec<&&str> = POOL.iter().filter(fits).collect();
        pool.choose(self.random).map(|text| Value::from(**text))
    }

    fn list(&mut self, schema: &Schema, depth: usize) -> Option<Value> {
        let of = schema.items.as_deref()?;
        let least = schema.min_items.unwrap_or(0);
        let most = schema.max_items.unwrap_or(2).min(least + 2);
        let count = self.random.random_range(least..=most.max(least));
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..count {
            let item = self.value(of, depth + 1)?;
            let same = |other: &Value| match schema.list_type {
                Some(ListType::Map) => {
                    let mut keys = schema.list_map_keys.iter();
                    keys.all(|key| other.get(&**key) == item.get(&**key))
                }
                Some(ListType::Set) => *other == item,
                Some(ListType::Atomic) | None => false,
            };
            if !items.iter().any(same) {
                items.push(item);
            }
        }
        ((items.len() as u64) >= least).then(|| items.into())
    }

    fn object(&mut self, schema: &Schema, depth: usize) -> Option<Value> {
        let mut fields = Map::new();
        let density = 0.7 / (depth as f64 / 2.0 + 1.0);
        for (name, of) in schema.properties.iter() {
            let required = schema.required.iter().any(|of| **of == *name);
            if required || self.random.random_bool(density) {
                match self.value(of, depth + 1) {
                    Some(value) => {
                        fields.insert(name.to_string(), value);
                    }
                    None if required => return None,
                    None => {}
                }
            }
        }
        if let Some(of) = &schema.additional_properties {
            for _ in 0..self.random.random_range(0..3) {
                let name = *WORDS.choose(self.random)?;
                if let Some(value) = self.value(of, depth + 1) {
                    fields.insert(name.to_owned(), value);
                }
            }
        }
        Some(fields.into())
    }

    fn one(&mut self, of: &[Value]) -> Value {
        of.choose(self.random).cloned().unwrap_or_default()
    }
}
