//! `metadata.managedFields`: who owns which fields, and since when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::fields_v1;
use super::path_set::PathSet;
use super::value::{Encoder, write_json_string};

/// Who owns what, and when each last changed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Managed {
    pub(super) fields: BTreeMap<ManagerId, OwnedFields>,
    /// In seconds since 1970. Kept for those that own nothing any more: they
    /// may again.
    pub(super) times: BTreeMap<ManagerId, Option<i64>>,
}

/// What one manager owns.
#[derive(Clone, Debug)]
pub(super) struct OwnedFields {
    pub(super) set: PathSet,
    /// The version of the object in which it does.
    pub(super) api_version: Box<str>,
    /// Whether by apply.
    pub(super) applied: bool,
}

/// What tells managers apart: all of an entry but its fields and time, and for
/// an apply its version. As the real server has it, JSON, by whose text
/// managers are also put in order.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ManagerId(Box<str>);

/// The parts of a [`ManagerId`].
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ManagerParts {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) manager: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) operation: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) subresource: String,
}

pub(super) const APPLY: &str = "Apply";
pub(super) const UPDATE: &str = "Update";

impl ManagerId {
    pub(super) fn new(parts: &ManagerParts) -> Self {
        let api_version = if parts.operation == APPLY {
            ""
        } else {
            &parts.api_version
        };
        let fields = [
            ("manager", parts.manager.as_str()),
            ("operation", &parts.operation),
            ("apiVersion", api_version),
            ("subresource", &parts.subresource),
        ];
        let mut text = String::from("{");
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            if text.len() > 1 {
                text.push(',');
            }
            write_json_string(&mut text, name, Encoder::Standard);
            text.push(':');
            write_json_string(&mut text, value, Encoder::Standard);
        }
        text.push('}');
        Self(text.into())
    }

    /// Who is at work, while it is not known whether anything changes.
    pub(super) fn current_operation() -> Self {
        Self("current-operation".into())
    }

    pub(super) fn parts(&self) -> ManagerParts {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// An entry as clients write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Entry {
    manager: Option<String>,
    operation: Option<String>,
    api_version: Option<String>,
    time: Option<String>,
    fields_type: Option<String>,
    fields_v1: Option<Value>,
    subresource: Option<String>,
}

/// The entries of an object; `None` if it has no list of them, or one that is
/// none.
pub(super) fn entries(object: &Value) -> Option<&Vec<Value>> {
    let entries = object.get("metadata")?.get("managedFields")?.as_array()?;
    let sound = |entry: &Value| entry.is_object() && Entry::deserialize(entry).is_ok();
    entries.iter().all(sound).then_some(entries)
}

/// Whether a client asks that all that is known of owners be forgotten: by no
/// entries, or by one that is empty.
pub(super) fn is_reset(object: &Value) -> bool {
    match entries(object).map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(only)]) => only.values().all(Value::is_null),
        _ => false,
    }
}

impl Managed {
    /// Reads the entries of an object.
    ///
    /// # Errors
    ///
    /// If one of them is not what it should be; a text that says why.
    pub(super) fn read(object: &Value) -> Result<Self, String> {
        let mut managed = Self::default();
        for (index, entry) in entries(object).into_iter().flatten().enumerate() {
            let entry = Entry::deserialize(entry).map_err(|error| error.to_string())?;
            managed.read_entry(index, entry)?;
        }
        Ok(managed)
    }

    fn read_entry(&mut self, index: usize, entry: Entry) -> Result<(), String> {
        let parts = ManagerParts {
            manager: entry.manager.unwrap_or_default(),
            operation: entry.operation.unwrap_or_default(),
            api_version: entry.api_version.unwrap_or_default(),
            subresource: entry.subresource.unwrap_or_default(),
        };
        if parts.operation != APPLY && parts.operation != UPDATE {
            return Err("operation must be `Apply` or `Update`".to_owned());
        }
        if parts.api_version.is_empty() {
            return Err("apiVersion must not be empty".to_owned());
        }
        match entry.fields_type.as_deref() {
            Some("FieldsV1") => {}
            None | Some("") => {
                return Err(format!(
                    "missing fieldsType in managed fields entry {index}"
                ));
            }
            Some(other) => {
                return Err(format!(
                    "invalid fieldsType {other:?} in managed fields entry {index}"
                ));
            }
        }
        let set = match &entry.fields_v1 {
            Some(fields) => fields_v1::from_json(fields)
                .map_err(|error| format!("error decoding set: {error}"))?,
            None => PathSet::new(),
        };
        let time = match entry.time.as_deref() {
            None => None,
            Some(time) => {
                let time =
                    OffsetDateTime::parse(time, &Rfc3339).map_err(|error| error.to_string())?;
                Some(time.unix_timestamp())
            }
        };
        let id = ManagerId::new(&parts);
        let owned = OwnedFields {
            set,
            api_version: parts.api_version.into(),
            applied: parts.operation == APPLY,
        };
        self.times.insert(id.clone(), time);
        self.fields.insert(id, owned);
        Ok(())
    }

    /// Writes the entries into an object, in the real server's order, or takes
    /// out its list of them if there are none.
    pub(super) fn write(&self, object: &mut Value) {
        let mut entries: Vec<_> = self
            .fields
            .iter()
            .map(|(id, owned)| self.entry(id, owned))
            .collect();
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
        if entries.is_empty() {
            strip(object);
        } else if let Value::Object(fields) = object {
            let metadata = fields
                .entry("metadata")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(metadata) = metadata {
                metadata.insert("managedFields".to_owned(), Value::Array(entries));
            }
        }
    }

    fn entry(&self, id: &ManagerId, owned: &OwnedFields) -> (Place, Value) {
        let parts = id.parts();
        let operation = if owned.applied {
            APPLY.to_owned()
        } else {
            parts.operation
        };
        let time = self.times.get(id).copied().flatten();
        let place = Place {
            operation: operation.clone(),
            seconds: time.unwrap_or(0),
            manager: parts.manager.clone(),
            api_version: owned.api_version.clone(),
            subresource: parts.subresource.clone(),
        };
        let mut entry = Map::new();
        let mut put = |name: &str, value: String| {
            if !value.is_empty() {
                entry.insert(name.to_owned(), Value::String(value));
            }
        };
        put("manager", parts.manager);
        put("operation", operation);
        put("apiVersion", owned.api_version.to_string());
        put("time", time.and_then(rfc3339).unwrap_or_default());
        put("fieldsType", "FieldsV1".to_owned());
        put("subresource", parts.subresource);
        entry.insert("fieldsV1".to_owned(), fields_v1::to_json(&owned.set));
        (place, Value::Object(entry))
    }
}

/// By what entries are put in order.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    operation: String,
    seconds: i64,
    manager: String,
    api_version: Box<str>,
    subresource: String,
}

fn rfc3339(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()?
        .format(&Rfc3339)
        .ok()
}

/// Takes the list of entries out of an object.
pub(super) fn strip(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
    }
}
