//! Puts what a handler found in the form that the client asked for.

use std::collections::VecDeque;

use api::Resource;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::answer::{Answer, List, WatchItem};
use crate::object::Stored;
use crate::scope::Scope;
use crate::{Body, Reason, Status};

/// The answer to a request about a resource.
pub(crate) fn respond(scope: &Scope, answer: Answer) -> Result<Response<Body>, Status> {
    let resource = &scope.resource;
    Ok(match answer {
        Answer::List(list) => json_response(StatusCode::OK, list_body(resource, &list)),
        Answer::Object(code, object) => {
            let pieces = object
                .pieces(resource)
                .into_iter()
                .chain([Bytes::from_static(b"\n")]);
            json_response(code, Body::Pieces(pieces.collect()))
        }
        Answer::Value(code, value) => value_response(code, &value),
        Answer::Watch(items) => {
            let resource = scope.resource.clone();
            let lines = items.map(move |item| line(&resource, item));
            json_response(StatusCode::OK, Body::stream(lines))
        }
    })
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

/// Adds texts that clients show to people.
pub(crate) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::try_from(format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
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
    let metadata = list_metadata(list);
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
            item.bare_pieces()
        });
    }
    pieces.push_back(Bytes::from_static(b"]}\n"));
    Body::Pieces(pieces)
}

/// A list's own metadata.
fn list_metadata(list: &List) -> Value {
    let mut metadata = json!({"resourceVersion": list.revision.to_string()});
    if let Some(token) = &list.continues {
        metadata["continue"] = token.as_str().into();
    }
    if let Some(remaining) = list.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

/// A watch's item as a line of JSON.
fn line(resource: &Resource, item: WatchItem) -> Bytes {
    let (kind, object) = match item {
        WatchItem::Added(object) => ("ADDED", object),
        WatchItem::Deleted(object) => ("DELETED", object),
        WatchItem::Modified(object) => ("MODIFIED", object),
        WatchItem::Bookmark {
            revision,
            initial_events_end,
        } => return bookmark(resource, revision, initial_events_end),
        WatchItem::Error(status) => {
            return Bytes::from(format!(
                "{{\"type\":\"ERROR\",\"object\":{}}}\n",
                status.to_value()
            ));
        }
    };
    event_line(kind, resource, &object)
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
fn bookmark(resource: &Resource, revision: u64, initial_events_end: bool) -> Bytes {
    let mut metadata = json!({
        "resourceVersion": revision.to_string(),
        "creationTimestamp": null,
    });
    if initial_events_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let event = json!({
        "type": "BOOKMARK",
        "object": {
            "kind": resource.names.kind,
            "apiVersion": resource.api_version(),
            "metadata": metadata,
        },
    });
    Bytes::from(format!("{event}\n"))
}

const WARNING: HeaderName = HeaderName::from_static("warning");
