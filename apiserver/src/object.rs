//! Objects as JSON values, and as they are kept.

use std::borrow::Cow;

use api::{Resource, Storage as Kept};
use bytes::Bytes;
use serde_json::{Map, Value};
use store::KeyValue;

use crate::Status;

/// A string of an object's metadata; empty if it is absent or none.
pub(crate) fn meta_str<'v>(object: &'v Value, field: &str) -> &'v str {
    metadata(object)
        .and_then(|metadata| metadata.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An object's metadata, if it has any.
pub(crate) fn metadata(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata").and_then(Value::as_object)
}

/// An object's metadata, made if there is none.
///
/// # Errors
/// If the object is none, or its metadata is something else.
pub(crate) fn metadata_mut(object: &mut Value) -> Result<&mut Map<String, Value>, Status> {
    let object = object
        .as_object_mut()
        .ok_or_else(|| Status::bad_request("the object is no JSON object"))?;
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    metadata
        .as_object_mut()
        .ok_or_else(|| Status::bad_request("metadata is no JSON object"))
}

/// A label's value.
pub(crate) fn label<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    metadata(object)?.get("labels")?.get(key)?.as_str()
}

/// The strings of a list in an object's metadata.
pub(crate) fn meta_strings<'v>(object: &'v Value, field: &str) -> impl Iterator<Item = &'v str> {
    let list = metadata(object).and_then(|metadata| metadata.get(field));
    let items = list
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(Value::as_str)
}

/// Whether the object is being deleted.
pub(crate) fn is_deleting(object: &Value) -> bool {
    !meta_str(object, "deletionTimestamp").is_empty()
}

/// What is at a path with dots, as text; empty if it is not there.
pub(crate) fn text_at<'v>(object: &'v Value, path: &str) -> Cow<'v, str> {
    let mut value = object;
    for field in path.split('.') {
        match value.get(field) {
            Some(inner) => value = inner,
            None => return Cow::Borrowed(""),
        }
    }
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}

/// What is at a path with dots.
pub(crate) fn at<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .try_fold(object, |value, field| value.get(field))
}

/// Sets what is at a path with dots, or takes it away.
pub(crate) fn set_at(object: &mut Value, path: &str, to: Option<Value>) {
    let (parents, field) = path.rsplit_once('.').unwrap_or(("", path));
    let mut value = object;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        if to.is_none() && value.get(parent).is_none() {
            return;
        }
        let Some(map) = value.as_object_mut() else {
            return;
        };
        value = map
            .entry(parent)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if let Some(map) = value.as_object_mut() {
        match to {
            Some(to) => map.insert(field.to_owned(), to),
            None => map.remove(field),
        };
    }
}

/// An object as the store keeps it: JSON with `kind`, `apiVersion` and
/// `metadata` first and without a `resourceVersion`, which is the store's
/// revision of the key.
///
/// What stands before the metadata's fields can therefore be written anew for
/// every answer, and what stands behind is sent as it lies in the store.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    bytes: Bytes,
    /// Where the metadata's fields begin.
    fields: usize,
    /// The revision that wrote it.
    pub(crate) revision: u64,
    /// Whether it is as it was made.
    pub(crate) untouched: bool,
}

impl Stored {
    /// What the store has under a key.
    ///
    /// # Errors
    /// If it is not in the form that this server writes.
    pub(crate) fn new(kv: &KeyValue) -> Result<Self, Status> {
        let stored = Self::from_bytes(kv.value.clone(), kv.mod_revision.0)
            .ok_or_else(|| Status::internal(&format!("{} is not in this server's form", kv.key)))?;
        Ok(Self {
            untouched: kv.version == 1,
            ..stored
        })
    }

    fn from_bytes(bytes: Bytes, revision: u64) -> Option<Self> {
        let head = &bytes[..bytes.len().min(HEAD_MAX)];
        let at = head.windows(METADATA.len()).position(|of| of == METADATA)?;
        Some(Self {
            fields: at + METADATA.len(),
            bytes,
            revision,
            untouched: false,
        })
    }

    /// An object that is not in the store as it would be there.
    pub(crate) fn of(resource: &Resource, object: &Value, revision: u64) -> Result<Self, Status> {
        Self::from_bytes(encode(resource, object)?, revision)
            .ok_or_else(|| Status::internal("an object has too long a kind"))
    }

    /// The JSON of the whole object, as one of `resource`: a head written for
    /// it, and the rest as it is stored.
    pub(crate) fn pieces(&self, resource: &Resource) -> [Bytes; 2] {
        if let Some(whole) = self.converted(resource) {
            return [whole, Bytes::new()];
        }
        let head = format!(
            "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{{{}",
            resource.names.kind,
            resource.api_version(),
            self.version_member(),
        );
        [head.into(), self.tail()]
    }

    /// As [`Self::pieces`], without kind and version, as the items of a list
    /// of a built-in kind are.
    pub(crate) fn bare_pieces(&self, resource: &Resource) -> [Bytes; 2] {
        if resource.hooks.conversion.is_some() {
            return self.pieces(resource);
        }
        let head = format!(
            "{{\"metadata\":{{\"resourceVersion\":\"{}\",",
            self.revision
        );
        [head.into(), self.tail()]
    }

    /// The JSON of an object that is kept in another version with other fields.
    fn converted(&self, resource: &Resource) -> Option<Bytes> {
        resource.hooks.conversion?;
        let value = self.value(resource).ok()?;
        serde_json::to_vec(&value).ok().map(Bytes::from)
    }

    /// The same object, as another revision shows it: that of its deletion.
    pub(crate) fn at_revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// The member `resourceVersion` with a comma; what was not kept has none.
    fn version_member(&self) -> String {
        match self.revision {
            0 => String::new(),
            revision => format!("\"resourceVersion\":\"{revision}\","),
        }
    }

    fn tail(&self) -> Bytes {
        self.bytes.slice(self.fields..)
    }

    /// The object, as one of `resource`.
    ///
    /// # Errors
    /// If the bytes are no JSON, which the store's checksums rule out.
    pub(crate) fn value(&self, resource: &Resource) -> Result<Value, Status> {
        let mut value: Value = serde_json::from_slice(&self.bytes)
            .map_err(|error| Status::internal(&format!("what is stored is no JSON: {error}")))?;
        if let Some(conversion) = &resource.hooks.conversion {
            (conversion.from_stored)(&mut value);
        }
        if let Some(object) = value.as_object_mut() {
            object.insert("kind".into(), (&*resource.names.kind).into());
            object.insert("apiVersion".into(), resource.api_version().into());
        }
        let metadata = metadata_mut(&mut value)?;
        if self.revision > 0 {
            metadata.insert("resourceVersion".into(), self.revision.to_string().into());
        }
        Ok(value)
    }

    /// What is stored, byte for byte.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// An object of `resource` in the form in which it is kept.
///
/// # Errors
/// If it has no metadata with a name.
pub(crate) fn encode(resource: &Resource, object: &Value) -> Result<Bytes, Status> {
    let Kept::As(kept) = &resource.storage else {
        return write(object);
    };
    let mut converted = object.clone();
    if let Some(conversion) = &resource.hooks.conversion {
        (conversion.to_stored)(&mut converted);
    }
    let version = match &*kept.group {
        "" => kept.version.to_string(),
        group => format!("{group}/{}", kept.version),
    };
    if let Some(fields) = converted.as_object_mut() {
        fields.insert("apiVersion".into(), version.into());
    }
    write(&converted)
}

fn write(object: &Value) -> Result<Bytes, Status> {
    let wrong = || Status::internal("an object without metadata cannot be kept");
    let fields = object.as_object().ok_or_else(wrong)?;
    let metadata = metadata(object)
        .filter(|of| !of.is_empty())
        .ok_or_else(wrong)?;
    let mut out = Vec::with_capacity(512);
    let written = (|| {
        out.extend_from_slice(b"{\"kind\":");
        serde_json::to_writer(&mut out, fields.get("kind").unwrap_or(&Value::Null))?;
        out.extend_from_slice(b",\"apiVersion\":");
        serde_json::to_writer(&mut out, fields.get("apiVersion").unwrap_or(&Value::Null))?;
        out.extend_from_slice(b",\"metadata\":{");
        members(&mut out, metadata, &["resourceVersion"])?;
        out.push(b'}');
        if fields.keys().any(|field| !FIRST.contains(&field.as_str())) {
            out.push(b',');
            members(&mut out, fields, &FIRST)?;
        }
        out.push(b'}');
        Ok::<_, serde_json::Error>(())
    })();
    written.map_err(|error| Status::internal(&format!("the object is no JSON: {error}")))?;
    Ok(out.into())
}

/// Writes a map's members but those left out, with commas between.
fn members(
    out: &mut Vec<u8>,
    map: &Map<String, Value>,
    leave_out: &[&str],
) -> Result<(), serde_json::Error> {
    let mut first = true;
    for (name, value) in map
        .iter()
        .filter(|(name, _)| !leave_out.contains(&name.as_str()))
    {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        serde_json::to_writer(&mut *out, value)?;
    }
    Ok(())
}

const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];
const METADATA: &[u8] = b"\"metadata\":{";
/// Kinds and versions are at most 63 and 317 characters long.
const HEAD_MAX: usize = 1024;
