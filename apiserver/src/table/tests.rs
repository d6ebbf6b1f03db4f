use std::sync::Arc;

use api::{Catalogue, Column};
use time::{Date, Month};

use super::*;
use crate::Registry;

const NOW: OffsetDateTime = match Date::from_calendar_date(2026, Month::January, 2) {
    Ok(day) => match day.with_hms(3, 4, 5) {
        Ok(time) => time.assume_utc(),
        Err(_) => panic!(),
    },
    Err(_) => panic!(),
};

fn layout(columns: &[(&str, &str, &str)]) -> Layout {
    let mut resource: Resource = serde_json::from_value(json!({
        "group": "example.com", "version": "v1", "scope": "Namespaced", "verbs": [], "schema": "x",
        "names": {"kind": "A", "listKind": "AList", "plural": "as", "singular": "a"},
    }))
    .unwrap();
    let column = |(name, kind, json_path): &(&str, &str, &str)| Column {
        name: (*name).into(),
        kind: (*kind).into(),
        format: "".into(),
        priority: 0,
        json_path: (*json_path).into(),
    };
    resource.columns = columns.iter().map(column).collect();
    Layout::of(&resource)
}

fn cell(kind: &str, value: Value) -> Value {
    let object = json!({"metadata": {"name": "a"}, "x": value});
    let table = layout(&[("X", kind, ".x")]).table(
        &object,
        MetaVersion::V1,
        IncludeObject::None,
        true,
        NOW,
    );
    table["rows"][0]["cells"][1].clone()
}

#[test]
fn a_kind_without_columns_shows_name_and_age() {
    let list = json!({
        "kind": "AList", "apiVersion": "example.com/v1",
        "metadata": {"resourceVersion": "7", "continue": "", "remainingItemCount": 3},
        "items": [
            {"metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:00Z"}, "spec": 1},
            {"metadata": {"name": "b", "creationTimestamp": "2025-12-31T03:04:05Z"}},
        ],
    });
    let table = layout(&[]).table(&list, MetaVersion::V1, IncludeObject::default(), true, NOW);
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["apiVersion"], "meta.k8s.io/v1");
    assert_eq!(
        table["metadata"],
        json!({"resourceVersion": "7", "remainingItemCount": 3})
    );
    let names: Vec<&Value> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["name"])
        .collect();
    assert_eq!(names, ["Name", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", "5s"]));
    assert_eq!(table["rows"][1]["cells"], json!(["b", "2d"]));
    assert_eq!(
        table["rows"][0]["object"],
        json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:00Z"},
        })
    );
}

#[test]
fn cells_show_values_by_the_columns_type() {
    assert_eq!(cell("string", json!("x")), "x");
    assert_eq!(cell("string", json!(3)), "3");
    assert_eq!(cell("string", json!(true)), "true");
    assert_eq!(
        cell("string", json!({"b": "<", "a": 1})),
        r#"{"a":1,"b":"\u003c"}"#
    );
    assert_eq!(cell("string", Value::Null), "<no value>");
    assert_eq!(cell("integer", json!(3)), 3);
    assert_eq!(cell("integer", json!(3.7)), 3);
    assert_eq!(cell("integer", json!("3")), Value::Null);
    assert_eq!(cell("number", json!(0.5)), 0.5);
    assert_eq!(cell("boolean", json!(false)), false);
    assert_eq!(cell("boolean", json!("false")), Value::Null);
    assert_eq!(cell("date", json!("2026-01-02T02:04:05Z")), "60m");
    assert_eq!(cell("date", json!("2027-01-02T02:04:05Z")), "<invalid>");
    assert_eq!(cell("date", json!("yesterday")), "<invalid>");
    assert_eq!(cell("date", json!("")), "<unknown>");
    assert_eq!(cell("date", Value::Null), Value::Null);
}

#[test]
fn what_is_not_there_is_an_empty_cell() {
    let layout = layout(&[("X", "string", ".a.b"), ("Y", "string", ".a[0]")]);
    let object = json!({"metadata": {"name": "a"}, "a": {}});
    let table = layout.table(&object, MetaVersion::V1, IncludeObject::None, true, NOW);
    assert_eq!(table["rows"][0]["cells"], json!(["a", null, null]));
}

#[test]
fn a_row_carries_as_much_of_the_object_as_is_asked_for() {
    let object = json!({"metadata": {"name": "a"}, "spec": 1});
    let row = |include| {
        let table = layout(&[]).table(&object, MetaVersion::V1Beta1, include, true, NOW);
        table["rows"][0]["object"].clone()
    };
    assert_eq!(row(IncludeObject::None), Value::Null);
    // With the kind that an item of a list lacks.
    let whole =
        json!({"apiVersion": "example.com/v1", "kind": "A", "metadata": {"name": "a"}, "spec": 1});
    assert_eq!(row(IncludeObject::Object), whole);
    assert_eq!(
        row(IncludeObject::Metadata)["apiVersion"],
        "meta.k8s.io/v1beta1"
    );

    assert_eq!(IncludeObject::of(None), Ok(IncludeObject::Metadata));
    assert_eq!(
        IncludeObject::of(Some("includeObject=Object")),
        Ok(IncludeObject::Object)
    );
    assert_eq!(
        IncludeObject::of(Some("includeObject=All"))
            .unwrap_err()
            .message(),
        "Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty"
    );
}

#[test]
fn a_watchs_bookmark_keeps_its_annotation_and_later_events_have_no_headers() {
    let bookmark = json!({
        "kind": "A",
        "metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}},
    });
    let table = layout(&[]).table(&bookmark, MetaVersion::V1, IncludeObject::None, false, NOW);
    assert_eq!(table["columnDefinitions"], Value::Null);
    assert_eq!(table["metadata"], json!({"resourceVersion": "9"}));
    assert_eq!(table["rows"][0]["object"]["metadata"], bookmark["metadata"]);
    assert_eq!(table["rows"][0]["cells"], json!(["", null]));
}

#[test]
fn a_list_of_metadata_has_nothing_else_of_its_objects() {
    let list = json!({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}, "spec": 1}]});
    assert_eq!(
        partial_object_metadata_list(&list, MetaVersion::V1),
        json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": "7"},
            "items": [{
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"name": "a"},
            }],
        })
    );
    let object = Transform::PartialObjectMetadata(MetaVersion::V1);
    assert!(check_transform(object, false, "A").is_ok());
    assert_eq!(
        check_transform(object, true, "AList").unwrap_err().code(),
        406
    );
    let list = Transform::PartialObjectMetadataList(MetaVersion::V1);
    assert_eq!(check_transform(list, false, "A").unwrap_err().code(), 406);
}

#[test]
fn every_column_of_the_known_kinds_is_understood() {
    let mut catalogue = Catalogue::default();
    catalogue
        .resources
        .extend(api::core().resources.iter().cloned());
    for (_, versions) in Registry::new(Arc::new(catalogue)).groups() {
        for resource in versions
            .iter()
            .flat_map(|version| version.resources.values())
        {
            for cell in Layout::of(resource).cells {
                assert!(
                    matches!(cell, Cell::Name | Cell::Value { path: Some(_), .. }),
                    "{}: {cell:?}",
                    resource.names.kind
                );
            }
        }
    }
}
