//! What becomes of objects and lists for clients that ask for a `Table` or
//! for metadata alone.

use api::json_path::JsonPath;
use api::{Elapsed, Resource};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::Status;
use crate::human_duration::human_duration;
use crate::negotiation::{MetaVersion, Transform};
use crate::query::Query;

/// What of its object a Table's row carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum IncludeObject {
    #[default]
    Metadata,
    None,
    Object,
}

impl IncludeObject {
    /// What the request's query says.
    ///
    /// # Errors
    /// 400, if it says something else.
    pub fn of(query: Option<&str>) -> Result<Self, Status> {
        let query = Query::parse(query.unwrap_or_default());
        match query.get("includeObject").unwrap_or_default() {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

/// The columns of a kind, ready to be filled.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `apiVersion` and `kind` of the objects, which those of a list lack.
    kind: [(&'static str, String); 2],
    definitions: Value,
    cells: Vec<Cell>,
    /// What says the cells, if it is not the columns.
    row: Option<fn(&Value, Elapsed<'_>) -> Vec<Value>>,
}

#[derive(Clone, Debug)]
enum Cell {
    Name,
    Value {
        kind: Box<str>,
        /// `None` if it is not understood: the cell stays empty.
        path: Option<JsonPath>,
    },
}

impl Layout {
    /// The kind's own columns; name and age, if it has none. The name's column
    /// goes first where the kind does not place it.
    #[must_use]
    pub fn of(resource: &Resource) -> Self {
        let kind = resource.names.kind.to_string();
        let mut layout = Self {
            kind: [("apiVersion", resource.api_version()), ("kind", kind)],
            definitions: json!([]),
            cells: Vec::new(),
            row: resource.hooks.row,
        };
        let own = &resource.columns;
        if !own.iter().any(|column| &*column.format == "name") {
            layout.push(("Name", "string", "name", 0), "The object's name.", "");
        }
        for column in own {
            let description = if column.json_path.is_empty() {
                column.name.to_string()
            } else {
                format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    column.json_path
                )
            };
            layout.push(
                (&column.name, &column.kind, &column.format, column.priority),
                &description,
                &column.json_path,
            );
        }
        if own.is_empty() {
            let made = ".metadata.creationTimestamp";
            layout.push(("Age", "date", "", 0), "When the object was made.", made);
        }
        layout
    }

    fn push(
        &mut self,
        (name, kind, format, priority): (&str, &str, &str, i32),
        description: &str,
        path: &str,
    ) {
        if let Value::Array(definitions) = &mut self.definitions {
            definitions.push(json!({
                "name": name, "type": kind, "format": format,
                "description": description, "priority": priority,
            }));
        }
        self.cells.push(match format {
            "name" => Cell::Name,
            _ => Cell::Value {
                kind: kind.into(),
                path: path.parse().ok(),
            },
        });
    }

    /// The Table of an object or a list, as it is at `now`. Of a watch's
    /// events only the first need have `headers`.
    #[must_use]
    pub fn table(
        &self,
        answer: &Value,
        version: MetaVersion,
        include: IncludeObject,
        headers: bool,
        now: OffsetDateTime,
    ) -> Value {
        let items = answer.get("items").and_then(Value::as_array);
        let rows: Vec<Value> = match items {
            Some(items) => {
                let row = |item| self.row(item, version, include, now);
                items.iter().map(row).collect()
            }
            None => vec![self.row(answer, version, include, now)],
        };
        json!({
            "kind": "Table",
            "apiVersion": version.api_version(),
            "metadata": list_metadata(answer),
            "columnDefinitions": if headers { self.definitions.clone() } else { Value::Null },
            "rows": rows,
        })
    }

    fn row(
        &self,
        object: &Value,
        version: MetaVersion,
        include: IncludeObject,
        now: OffsetDateTime,
    ) -> Value {
        let cells: Vec<Value> = match self.row {
            Some(row) => row(object, elapsed(&between(now))),
            None => self.cells.iter().map(|cell| cell.of(object, now)).collect(),
        };
        let object = match include {
            IncludeObject::Object => self.whole(object),
            IncludeObject::None if !ends_initial_events(object) => Value::Null,
            IncludeObject::None | IncludeObject::Metadata => {
                partial_object_metadata(object, version)
            }
        };
        json!({"cells": cells, "object": object})
    }

    /// The object, with its kind, without which clients cannot read it.
    fn whole(&self, object: &Value) -> Value {
        let mut whole = object.clone();
        if let Some(fields) = whole.as_object_mut() {
            for (name, value) in &self.kind {
                fields.entry(*name).or_insert_with(|| value.clone().into());
            }
        }
        whole
    }
}

impl Cell {
    /// `null`, which kubectl shows as `<none>`, if there is no such value.
    fn of(&self, object: &Value, now: OffsetDateTime) -> Value {
        let (kind, path) = match self {
            Self::Name => {
                let name = object.pointer("/metadata/name");
                return name.cloned().unwrap_or_else(|| "".into());
            }
            Self::Value { kind, path } => (kind, path),
        };
        let found = path.as_ref().and_then(|path| path.find(object).ok());
        // Of several values only the first is shown.
        let Some(value) = found.and_then(|found| found.first().copied()) else {
            return Value::Null;
        };
        match (&**kind, value) {
            ("string", value) => text(value).into(),
            ("integer", Value::Number(number)) => match number.as_i64() {
                Some(number) => number.into(),
                #[expect(clippy::cast_possible_truncation, reason = "as the real server does")]
                None => (number.as_f64().unwrap_or_default() as i64).into(),
            },
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
            ("date", Value::String(date)) => age(date, now).into(),
            _ => Value::Null,
        }
    }
}

/// What tells the kinds' rows how long things took.
fn elapsed<'a>(between: &'a dyn Fn(&str, &str) -> String) -> Elapsed<'a> {
    Elapsed {
        between,
        seconds: &|seconds| human_duration(Duration::seconds(seconds)),
    }
}

fn between(now: OffsetDateTime) -> impl Fn(&str, &str) -> String {
    move |from, to| {
        let to = OffsetDateTime::parse(to, &Rfc3339).unwrap_or(now);
        age(from, to)
    }
}

/// The elapsed time, or what the real server shows for a date that is none.
fn age(date: &str, now: OffsetDateTime) -> String {
    if matches!(date, "" | "null") {
        return "<unknown>".to_owned();
    }
    match OffsetDateTime::parse(date, &Rfc3339) {
        Ok(date) => human_duration(now - date),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// A value in a column of text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<no value>".to_owned(),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            let json = value.to_string();
            json.replace('&', "\\u0026")
                .replace('<', "\\u003c")
                .replace('>', "\\u003e")
        }
    }
}

/// The object with nothing but its metadata.
#[must_use]
pub fn partial_object_metadata(object: &Value, version: MetaVersion) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": version.api_version(),
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}

/// The list with nothing of its objects but their metadata.
#[must_use]
pub fn partial_object_metadata_list(list: &Value, version: MetaVersion) -> Value {
    let items = list.get("items").and_then(Value::as_array);
    let items: Vec<Value> = items
        .into_iter()
        .flatten()
        .map(|item| partial_object_metadata(item, version))
        .collect();
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": version.api_version(),
        "metadata": list_metadata(list),
        "items": items,
    })
}

/// Refuses a transformation that an answer of that shape cannot go through.
///
/// # Errors
/// 406, if the metadata of an object are asked of a list or the other way.
/// `kind` is what the answer is.
pub fn check_transform(transform: Transform, is_list: bool, kind: &str) -> Result<(), Status> {
    let message = match (transform, is_list) {
        (Transform::PartialObjectMetadata(_), true) => format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({kind})"
        ),
        (Transform::PartialObjectMetadataList(_), false) => format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list ({kind})"
        ),
        _ => return Ok(()),
    };
    Err(Status::not_acceptable_because(message))
}

/// What a Table keeps of the metadata of what it is made of.
fn list_metadata(answer: &Value) -> Value {
    let mut kept = Map::new();
    for field in ["resourceVersion", "continue", "remainingItemCount"] {
        match answer.pointer(&format!("/metadata/{field}")) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => {
                kept.insert(field.to_owned(), value.clone());
            }
        }
    }
    Value::Object(kept)
}

/// Clients read this off a bookmark even if they asked for no objects.
fn ends_initial_events(object: &Value) -> bool {
    let annotation = object.pointer("/metadata/annotations/k8s.io~1initial-events-end");
    annotation.and_then(Value::as_str) == Some("true")
}

#[cfg(test)]
mod tests;
