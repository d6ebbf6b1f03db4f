//! Bodies in protobuf, which is what Go's typed clients send of built-in kinds.
//!
//! A body is an envelope that says of what kind its object is, and the object
//! as a message of that kind's. Messages are read by the field numbers in the
//! kind's [`Schema`] into the JSON that the real server would make of them.

use api::{Definitions, Schema, canonicalise};
use serde_json::Value;

mod known;
mod message;
mod wire;

use wire::{Data, Fields};

use crate::negotiation::MAX_VALUES;

/// The content type of such bodies.
pub const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// An object that says of what kind it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Envelope<'a> {
    /// `apps/v1`
    pub api_version: &'a str,
    /// `Deployment`
    pub kind: &'a str,
    /// The object's message.
    pub raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads what is around an object.
    ///
    /// # Errors
    /// The body is no such envelope, or one of something encoded further.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let unknown = body.strip_prefix(MAGIC).ok_or(Error::NotKubernetes)?;
        if unknown.is_empty() {
            return Err(Error::Empty);
        }
        let mut envelope = Self {
            api_version: "",
            kind: "",
            raw: &[],
        };
        for field in Fields::of(unknown) {
            match field? {
                (1, Data::Bytes(kind)) => {
                    for field in Fields::of(kind) {
                        match field? {
                            (1, Data::Bytes(text)) => envelope.api_version = utf8(text)?,
                            (2, Data::Bytes(text)) => envelope.kind = utf8(text)?,
                            _ => {}
                        }
                    }
                }
                (2, Data::Bytes(raw)) => envelope.raw = raw,
                (3, Data::Bytes(encoding)) if !encoding.is_empty() => {
                    return Err(Error::Encoded(utf8(encoding)?.to_owned()));
                }
                _ => {}
            }
        }
        Ok(envelope)
    }

    /// The object in JSON, as one of `schema`.
    ///
    /// # Errors
    /// It is no message of that schema, or beyond the limits of depth and of
    /// number of values.
    pub fn decode(&self, definitions: &Definitions, schema: &Schema) -> Result<Value, Error> {
        let mut object = message::decode(definitions, schema, self.raw)?;
        object.insert("apiVersion".to_owned(), self.api_version.into());
        object.insert("kind".to_owned(), self.kind.into());
        let mut object = Value::Object(object);
        canonicalise(definitions, schema, &mut object);
        Ok(object)
    }
}

/// Why a body cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not begin as such bodies do.
    #[error("provided data does not appear to be a protobuf message, expected prefix {MAGIC:?}")]
    NotKubernetes,
    /// Nothing stands behind the prefix.
    #[error("empty body")]
    Empty,
    /// The object is compressed or the like.
    #[error("the object is encoded as {0:?}, which is not supported")]
    Encoded(String),
    /// A field ends after its message.
    #[error("unexpected EOF")]
    Truncated,
    /// A number takes more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// There is no such wire type, or none that Kubernetes' messages have.
    #[error("proto: illegal wireType {0}")]
    WireType(u8),
    /// A field is of another type than its kind has there.
    #[error("proto: wrong wireType for field {0}")]
    Type(Box<str>),
    /// A text is not UTF-8.
    #[error("proto: a string is not valid UTF-8")]
    Text,
    /// A point in time that no text can say.
    #[error("proto: a time is out of range")]
    Time,
    /// Something raw is not JSON.
    #[error("proto: a raw value is not JSON")]
    Json,
    /// Messages are in messages too many times over.
    #[error("proto: exceeded max depth")]
    Depth,
    /// There are too many values to be taken.
    #[error("proto: more than {MAX_VALUES} values")]
    TooMany,
}

/// What such bodies begin with.
const MAGIC: &[u8] = b"k8s\0";

fn utf8(text: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(text).map_err(|_| Error::Text)
}

#[cfg(test)]
mod tests;
