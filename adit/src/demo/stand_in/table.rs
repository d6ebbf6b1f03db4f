//! Namespaces as kubectl's tables.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether the client asks for a table, as `kubectl get` does.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    accept.contains("as=Table") && accept.contains("g=meta.k8s.io")
}

pub(super) fn of_list(list: &Value) -> Value {
    let items = list["items"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    of(items.iter().map(row).collect(), &list["metadata"])
}

pub(super) fn of_one(object: &Value) -> Value {
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    of(vec![row(object)], &metadata)
}

fn of(rows: Vec<Value>, metadata: &Value) -> Value {
    let column = |name: &str, format: &str| json!({"name": name, "type": "string", "format": format, "description": "", "priority": 0});
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": [column("Name", "name"), column("Status", ""), column("Age", "")],
        "rows": rows,
    })
}

fn row(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "cells": [metadata["name"], object["status"]["phase"], age(&metadata["creationTimestamp"])],
        "object": {
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        },
    })
}

/// As kubectl shows it: `42s`, `3m7s`, `5h`, `2d`.
fn age(created: &Value) -> String {
    let created = created
        .as_str()
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let Some(created) = created else {
        return "<unknown>".to_owned();
    };
    age_of((OffsetDateTime::now_utc() - created).whole_seconds().max(0))
}

fn age_of(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{}m{}s", seconds / 60, seconds % 60),
        120..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_shown_as_kubectl_shows_them() {
        let shown = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (187, "3m7s"),
            (3600, "60m"),
            (10_800, "3h"),
            (172_800, "2d"),
        ];
        for (seconds, age) in shown {
            assert_eq!(age_of(seconds), age);
        }
    }
}
