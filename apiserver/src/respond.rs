//! Puts what a handler found in the form that the client asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use api::Resource;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::answer::{Answer, List, WatchItem};
use crate::changes::Seen;
use crate::negotiation::{Rendering, Transform};
use crate::object::Stored;
use crate::scope::Scope;
use crate::table::{
    IncludeObject, Layout, check_transform, partial_object_metadata, partial_object_metadata_list,
};
use crate::{Body, Reason, Status};

/// As what the answer to a request about a resource is to be sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Form {
    rendering: Rendering,
    include: IncludeObject,
}

impl Form {
    /// What the client asks for.
    pub(crate) fn of(head: &Parts, watches: bool) -> Result<Self, Status> {
        let query = head.uri.query();
        Ok(Self {
            rendering: if watches {
                Rendering::of_watch(&head.headers)?
            } else {
                Rendering::of(&head.headers, query)?
            },
            include: IncludeObject::of(query)?,
        })
    }

    /// Whether objects can be sent as they lie in the store.
    fn is_plain(self) -> bool {
        self.rendering == Rendering::default()
    }

    fn is_table(self) -> bool {
        matches!(self.rendering.transform, Transform::Table(_))
    }

    /// What becomes of an object or a list.
    fn transform(self, layout: &Layout, value: Value, headers: bool) -> Value {
        match self.rendering.transform {
            Transform::None => value,
            Transform::PartialObjectMetadata(version) => partial_object_metadata(&value, version),
            Transform::PartialObjectMetadataList(version) => {
                partial_object_metadata_list(&value, version)
            }
            Transform::Table(version) => {
                let now = OffsetDateTime::from(SystemTime::now());
                layout.table(&value, version, self.include, headers, now)
            }
        }
    }
}

/// The answer to a request about a resource.
pub(crate) fn respond(scope: &Scope, form: Form, answer: Answer) -> Result<Response<Body>, Status> {
    let resource = &scope.resource;
    let transform = form.rendering.transform;
    Ok(match answer {
        // What is kept otherwise than it is shown says of each item what it is.
        Answer::List(list) if form.is_plain() && (resource.custom || !is_converted(resource)) => {
            json_response(StatusCode::OK, list_body(resource, &list))
        }
        Answer::List(list) => {
            check_transform(transform, true, &resource.names.list_kind)?;
            let value = list_value(resource, &list)?;
            let value = form.transform(&Layout::of(resource), value, true);
            encoded(StatusCode::OK, form.rendering, &value)
        }
        Answer::Object(code, object) if form.is_plain() => {
            let pieces = object
                .pieces(resource)
                .into_iter()
                .chain([Bytes::from_static(b"\n")]);
            json_response(code, Body::Pieces(pieces.collect()))
        }
        Answer::Object(code, object) => {
            check_transform(transform, false, &resource.names.kind)?;
            let value = object.value(resource)?;
            let value = form.transform(&Layout::of(resource), value, true);
            encoded(code, form.rendering, &value)
        }
        Answer::Value(code, value) => encoded(code, form.rendering, &value),
        Answer::Watch(items) => {
            check_transform(transform, false, &resource.names.kind)?;
            let lines = if form.is_plain() {
                let resource = resource.clone();
                Body::stream(items.map(move |item| line(&resource, item)))
            } else {
                Body::stream(transformed_lines(form, resource.clone(), items))
            };
            json_response(StatusCode::OK, lines)
        }
    })
}

const fn is_converted(resource: &Resource) -> bool {
    resource.hooks.conversion.is_some()
}

/// An answer that is one JSON value.
pub(crate) fn value_response(code: StatusCode, value: &Value) -> Response<Body> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    json_response(code, bytes.into())
}

/// An answer that tells of a failure.
pub(crate) fn failure(status: &Status) -> Response<Body> {
    let mut response = value_response(status.code(), &status.to_value());
    let headers = response.headers_mut();
    if let Some(seconds) = status
        .details()
        .and_then(|details| details.retry_after_seconds)
    {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if status.reason() == Reason::Unauthorized {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"adit\""),
        );
    }
    response
}

/// That there is nothing of that name, as the real server says it of what it
/// has no group for.
pub(crate) fn not_found() -> Response<Body> {
    let mut response = json_response(
        StatusCode::NOT_FOUND,
        Bytes::from_static(b"404 page not found\n").into(),
    );
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn encoded(code: StatusCode, rendering: Rendering, value: &Value) -> Response<Body> {
    let mut response = json_response(code, rendering.encode(value).into());
    let content_type = HeaderValue::from_static(rendering.media.content_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn json_response(code: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn list_body(resource: &Resource, list: &List) -> Body {
    let metadata = list_metadata(resource, list);
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
        resource.names.list_kind,
        resource.api_version(),
    );
    let mut pieces = VecDeque::with_capacity(3 * list.items.len() + 2);
    pieces.push_back(Bytes::from(head));
    for (at, item) in list.items.iter().enumerate() {
        if at > 0 {
            pieces.push_back(Bytes::from_static(b","));
        }
        // Only custom resources say of each item in a list what it is.
        pieces.extend(if resource.custom {
            item.pieces(resource)
        } else {
            item.bare_pieces(resource)
        });
    }
    pieces.push_back(Bytes::from_static(b"]}\n"));
    Body::Pieces(pieces)
}

/// A list as one value; its items always say what they are, for what is made
/// of them.
fn list_value(resource: &Resource, list: &List) -> Result<Value, Status> {
    let items = list.items.iter().map(|item| {
        let mut item = item.value(resource)?;
        if let (false, Some(fields)) = (resource.custom, item.as_object_mut()) {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        Ok(item)
    });
    Ok(json!({
        "kind": resource.names.list_kind,
        "apiVersion": resource.api_version(),
        "metadata": list_metadata(resource, list),
        "items": items.collect::<Result<Vec<_>, Status>>()?,
    }))
}

/// A list's own metadata.
fn list_metadata(resource: &Resource, list: &List) -> Value {
    let mut metadata = json!({"resourceVersion": list.revision.to_string()});
    if resource.custom {
        metadata["continue"] = "".into();
    }
    if let Some(token) = &list.continues {
        metadata["continue"] = token.as_str().into();
    }
    if let Some(remaining) = list.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

/// A watch's item as a line of JSON, its object as it lies in the store.
fn line(resource: &Resource, item: WatchItem) -> Bytes {
    match told(resource, item) {
        Told::Object(kind, seen) => seen.line(kind, Form::default(), || {
            event_line(kind, resource, &seen.object)
        }),
        Told::Bookmark(value) => value_line("BOOKMARK", &value),
        Told::Error(status) => value_line("ERROR", &status.to_value()),
    }
}

/// A watch's items as lines of JSON, with something else made of each object.
fn transformed_lines(
    form: Form,
    resource: Arc<Resource>,
    items: impl Stream<Item = WatchItem> + Send + 'static,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let layout = Layout::of(&resource);
    let mut first = true;
    items.map(move |item| {
        let write = |kind, value: Result<Value, Status>, headers| match value {
            Ok(value) => value_line(kind, &form.transform(&layout, value, headers)),
            Err(status) => value_line("ERROR", &status.to_value()),
        };
        match told(&resource, item) {
            // A table has headers once, and ages that go on.
            Told::Object(kind, seen) if form.is_table() => {
                let headers = std::mem::take(&mut first);
                write(kind, seen.object.value(&resource), headers)
            }
            Told::Object(kind, seen) => seen.line(kind, form, || {
                write(kind, seen.object.value(&resource), false)
            }),
            Told::Bookmark(value) => {
                let headers = std::mem::take(&mut first);
                write("BOOKMARK", Ok(value), headers)
            }
            Told::Error(status) => write("ERROR", Err(status), false),
        }
    })
}

/// What a watch tells.
enum Told {
    Bookmark(Value),
    Error(Status),
    Object(&'static str, Seen),
}

fn told(resource: &Resource, item: WatchItem) -> Told {
    match item {
        WatchItem::Added(seen) => Told::Object("ADDED", seen),
        WatchItem::Deleted(seen) => Told::Object("DELETED", seen),
        WatchItem::Modified(seen) => Told::Object("MODIFIED", seen),
        WatchItem::Bookmark {
            revision,
            initial_events_end,
        } => Told::Bookmark(bookmark(resource, revision, initial_events_end)),
        WatchItem::Error(status) => Told::Error(status),
    }
}

fn value_line(kind: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}

fn event_line(kind: &str, resource: &Resource, object: &Stored) -> Bytes {
    let [head, tail] = object.pieces(resource);
    let mut line = Vec::with_capacity(kind.len() + head.len() + tail.len() + 32);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(&head);
    line.extend_from_slice(&tail);
    line.extend_from_slice(b"}\n");
    line.into()
}

/// An object that tells only how far the watch is.
fn bookmark(resource: &Resource, revision: u64, initial_events_end: bool) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if initial_events_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    json!({
        "kind": resource.names.kind,
        "apiVersion": resource.api_version(),
        "metadata": metadata,
    })
}
