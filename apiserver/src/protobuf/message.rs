use api::{Definitions, Schema, SchemaType};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::{
    Error, MAX_VALUES, known, utf8,
    wire::{Data, Fields, varint},
};

/// The fields of a message, as those of an object of `schema`. Unknown numbers
/// are passed over.
pub(super) fn decode(
    definitions: &Definitions,
    schema: &Schema,
    message: &[u8],
) -> Result<Map<String, Value>, Error> {
    let mut decoder = Decoder {
        definitions,
        values: 0,
    };
    let mut object = Map::new();
    decoder.message(schema, &[], message, &mut object, MAX_DEPTH)?;
    Ok(object)
}

/// Kubernetes' kinds go a dozen deep; only those that hold themselves (none
/// today) could go further.
const MAX_DEPTH: usize = 64;

struct Decoder<'a> {
    definitions: &'a Definitions,
    /// How many have been made.
    values: usize,
}

impl<'a> Decoder<'a> {
    /// Adds a message's fields to `object`. `path` leads to the message from
    /// the one whose fields `schema` has, where JSON does not tell them apart.
    fn message(
        &mut self,
        schema: &'a Schema,
        path: &[u32],
        message: &[u8],
        object: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), Error> {
        let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
        let schema = self.target(schema);
        for field in Fields::of(message) {
            let (number, data) = field?;
            let path = &[path, &[number]].concat();
            self.count()?;
            let mut below = schema
                .properties
                .iter()
                .filter(|(_, property)| property.protobuf_field.starts_with(path));
            match (below.next(), data) {
                (None, _) => {}
                (Some((name, property)), data) if property.protobuf_field == *path => {
                    let to = object.entry(name).or_insert(Value::Null);
                    self.field(name, property, data, to, depth)?;
                }
                (Some(_), Data::Bytes(inner)) => {
                    self.message(schema, path, inner, object, depth)?;
                }
                (Some((name, _)), _) => return Err(Error::Type(name.into())),
            }
        }
        Ok(())
    }

    /// Adds what one field has to what its like had before: items to lists,
    /// entries to maps, fields to objects; others take the place.
    fn field(
        &mut self,
        name: &str,
        property: &'a Schema,
        data: Data<'_>,
        to: &mut Value,
        depth: usize,
    ) -> Result<(), Error> {
        let schema = self.target(property);
        match (schema.kind, data) {
            (Some(SchemaType::Array), data) => {
                let of = schema.items.as_deref().ok_or(Error::Depth)?;
                let items = list(to);
                match (self.target(of).kind, data) {
                    (Some(SchemaType::Integer | SchemaType::Boolean), Data::Bytes(mut packed)) => {
                        while !packed.is_empty() {
                            self.count()?;
                            let data = Data::Varint(varint(&mut packed)?);
                            items.push(self.value(name, of, data, depth)?);
                        }
                    }
                    (_, data) => items.push(self.value(name, of, data, depth)?),
                }
            }
            (Some(SchemaType::Object), Data::Bytes(message))
                if let Some(of) = &schema.additional_properties =>
            {
                let (key, value) = self.entry(name, of, message, depth)?;
                fields(to).insert(key, value);
            }
            (Some(SchemaType::Object), Data::Bytes(message)) if !schema.properties.is_empty() => {
                self.message(schema, &[], message, fields(to), depth)?;
            }
            (_, data) => *to = self.value(name, property, data, depth)?,
        }
        Ok(())
    }

    /// A key and its value, as a map's entry has them.
    fn entry(
        &mut self,
        name: &str,
        of: &'a Schema,
        message: &[u8],
        depth: usize,
    ) -> Result<(String, Value), Error> {
        let (mut key, mut value) = ("", Value::Null);
        for field in Fields::of(message) {
            self.count()?;
            match field? {
                (1, Data::Bytes(text)) => key = utf8(text)?,
                // A list cannot be a map's value in protobuf, so a message
                // with nothing else stands between.
                (2, Data::Bytes(list)) if self.target(of).kind == Some(SchemaType::Array) => {
                    value = Value::Array(Vec::new());
                    for item in Fields::of(list) {
                        self.count()?;
                        if let (1, data) = item? {
                            self.field(name, of, data, &mut value, depth)?;
                        }
                    }
                }
                (2, data) => value = self.value(name, of, data, depth)?,
                _ => {}
            }
        }
        Ok((key.to_owned(), value))
    }

    /// One value that is no list.
    fn value(
        &mut self,
        name: &str,
        schema: &'a Schema,
        data: Data<'_>,
        depth: usize,
    ) -> Result<Value, Error> {
        let of = self.target(schema);
        match (of.kind, data) {
            (_, Data::Bytes(message))
                if let Some(value) = schema
                    .reference
                    .as_deref()
                    .and_then(|name| known::decode(name, message)) =>
            {
                let value = value?;
                self.count_within(&value)?;
                Ok(value)
            }
            (Some(SchemaType::Object), Data::Bytes(message)) => {
                let mut object = Map::new();
                self.message(of, &[], message, &mut object, depth)?;
                Ok(object.into())
            }
            (Some(SchemaType::String), Data::Bytes(bytes)) => Ok(match of.format.as_deref() {
                Some("byte") => BASE64_STANDARD.encode(bytes).into(),
                _ => utf8(bytes)?.into(),
            }),
            (Some(SchemaType::Boolean), Data::Varint(number)) => Ok((number != 0).into()),
            (Some(SchemaType::Integer), Data::Varint(number)) => Ok(match of.format.as_deref() {
                #[expect(clippy::cast_possible_truncation, reason = "an int32 on the wire")]
                Some("int32") => (number as i32).into(),
                _ => number.cast_signed().into(),
            }),
            (Some(SchemaType::Number), Data::Fixed64(bits)) => Ok(f64::from_bits(bits).into()),
            (Some(SchemaType::Number), Data::Fixed32(bits)) => Ok(f32::from_bits(bits).into()),
            _ => Err(Error::Type(name.into())),
        }
    }

    fn target(&self, schema: &'a Schema) -> &'a Schema {
        schema
            .reference
            .as_ref()
            .and_then(|name| self.definitions.get(name))
            .unwrap_or(schema)
    }

    /// Counts what JSON has in it.
    fn count_within(&mut self, value: &Value) -> Result<(), Error> {
        let count = |value: &Value| {
            self.count()?;
            self.count_within(value)
        };
        match value {
            Value::Array(items) => items.iter().try_for_each(count),
            Value::Object(fields) => fields.values().try_for_each(count),
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn count(&mut self) -> Result<(), Error> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Error::TooMany);
        }
        Ok(())
    }
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("it has just been made one")
}

fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it has just been made one")
}
