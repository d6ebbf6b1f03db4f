use std::sync::Arc;

use api::{Catalogue, Schema};
use serde_json::{Value, json};

use super::*;
use crate::Registry;

fn schema() -> Schema {
    serde_json::from_value(json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
                    "count": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 3, "default": 2},
                    "mode": {"type": "string", "enum": ["A", "B"], "default": "A"},
                    "at": {"type": "string", "format": "date-time"},
                    "port": {"x-kubernetes-int-or-string": true},
                    "alt": {"type": "object", "additionalProperties": {"type": "string"},
                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "none": {"type": "string", "nullable": true, "default": "d"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1},
                    "list": {
                        "type": "array", "maxItems": 3,
                        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"],
                        "items": {"type": "object", "properties": {
                            "key": {"type": "string"}, "value": {"type": "string", "default": "v"},
                        }},
                    },
                    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                },
            },
        },
    }))
    .unwrap()
}

fn registry() -> Registry {
    Registry::new(Arc::new(Catalogue::default()))
}

fn errors(spec: Value) -> Vec<String> {
    let object = json!({"apiVersion": "e/v1", "kind": "A", "metadata": {}, "spec": spec});
    let errors = validate(&registry(), &schema(), &object);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_fields_are_dropped_and_told() {
    let mut object = json!({
        "apiVersion": "e/v1", "kind": "A", "metadata": {"name": "a", "labels": {"x": "y"}},
        "spec": {"name": "a", "x": 1, "any": {"x": {"y": 1}}, "labels": {"free": "1"},
            "list": [{"key": "a"}, {"key": "b", "other": 1}]},
        "status": {},
    });
    let dropped = prune(&registry(), &schema(), &mut object, true);
    assert_eq!(dropped, ["spec.list[1].other", "spec.x", "status"]);
    assert_eq!(
        object,
        json!({
            "apiVersion": "e/v1", "kind": "A", "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"name": "a", "any": {"x": {"y": 1}}, "labels": {"free": "1"},
                "list": [{"key": "a"}, {"key": "b"}]},
        })
    );
}

#[test]
fn a_schema_that_names_no_fields_has_none_in_a_custom_resource_alone() {
    let schema: Schema = serde_json::from_value(json!({
        "type": "object",
        "properties": {"metadata": {"type": "object"}, "spec": {"type": "object"}},
    }))
    .unwrap();
    let object = json!({"kind": "A", "metadata": {"name": "a"}, "spec": {"x": 1}});
    let mut custom = object.clone();
    assert_eq!(prune(&registry(), &schema, &mut custom, true), ["spec.x"]);
    assert_eq!(
        custom,
        json!({"kind": "A", "metadata": {"name": "a"}, "spec": {}})
    );
    let mut built_in = object.clone();
    assert!(prune(&registry(), &schema, &mut built_in, false).is_empty());
    assert_eq!(built_in, object);
}

#[test]
fn what_is_absent_is_filled_in() {
    let mut object =
        json!({"spec": {"mode": null, "name": null, "none": null, "list": [{"key": "a"}]}});
    drop_nulls(&registry(), &schema(), &mut object);
    default(&registry(), &schema(), &mut object, true);
    assert_eq!(
        object["spec"],
        json!({"count": 2, "mode": "A", "none": null, "list": [{"key": "a", "value": "v"}]})
    );
    let mut without = json!({});
    default(&registry(), &schema(), &mut without, true);
    assert_eq!(without, json!({}));
}

#[test]
fn a_good_object_has_nothing_wrong() {
    let spec = json!({
        "name": "abc", "count": 3, "mode": "B", "at": "2026-01-02T03:04:05Z", "port": "http",
        "any": {"x": 1}, "none": null, "labels": {"a": "b"}, "list": [{"key": "a"}, {"key": "b"}],
        "set": ["a", "b"],
    });
    assert_eq!(errors(spec), Vec::<String>::new());
}

#[test]
fn what_is_wrong_is_told_in_the_real_servers_words() {
    for (field, value, told) in [
        (
            "name",
            json!(3),
            r#"spec.name: Invalid value: "integer": spec.name in body must be of type string: "integer""#,
        ),
        (
            "name",
            json!("a"),
            r#"spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long"#,
        ),
        (
            "name",
            json!("abcdef"),
            "spec.name: Too long: may not be more than 5 bytes",
        ),
        (
            "name",
            json!("AB"),
            r#"spec.name: Invalid value: "AB": spec.name in body should match '^[a-z]+$'"#,
        ),
        (
            "count",
            json!(0),
            "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1",
        ),
        (
            "count",
            json!(4),
            "spec.count: Invalid value: 4: spec.count in body should be less than or equal to 3",
        ),
        (
            "mode",
            json!("C"),
            r#"spec.mode: Unsupported value: "C": supported values: "A", "B""#,
        ),
        (
            "at",
            json!("now"),
            r#"spec.at: Invalid value: "now": spec.at in body must be of type date-time: "now""#,
        ),
        (
            "port",
            json!(true),
            r#"spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean""#,
        ),
        (
            "name",
            Value::Null,
            r#"spec.name: Invalid value: "null": spec.name in body must be of type string: "null""#,
        ),
        (
            "labels",
            json!({"a": "b", "c": "d"}),
            "spec.labels: Too many: 2: must have at most 1 item",
        ),
        (
            "list",
            json!([{"key": "a"}, {"key": "a"}]),
            r#"spec.list[1]: Duplicate value: {"key":"a"}"#,
        ),
        (
            "set",
            json!(["a", "a", "a"]),
            r#"spec.set[1]: Duplicate value: "a""#,
        ),
    ] {
        let mut spec = json!({"name": "abc"});
        spec[field] = value;
        assert_eq!(errors(spec), [told]);
    }
    assert_eq!(
        errors(json!({"name": "abc", "count": 1.5})),
        [
            r#"spec.count: Invalid value: "float64": spec.count in body must be of type int32: "float64""#,
            r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.count"#,
        ]
    );
    assert_eq!(
        errors(json!({"name": "abc", "alt": {}})),
        [
            r#"<nil>: Invalid value: "": "spec.alt" must validate one and only one schema (oneOf). Found none valid"#,
            "spec.alt.a: Required value",
        ]
    );
    assert_eq!(errors(json!({})), ["spec.name: Required value"]);
}

#[test]
fn a_built_in_kinds_object_has_to_have_the_fields_types() {
    let registry = Registry::new(Arc::new(api::core().clone()));
    let schema = &registry.definitions()["io.k8s.api.core.v1.ConfigMap"];
    let wrong = |object: Value| check_types(&registry, schema, &object, "ConfigMap");
    assert_eq!(wrong(json!({"data": {"a": "b"}, "immutable": null})), None);
    assert_eq!(
        wrong(json!({"data": {"a": 1}})).unwrap(),
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    );
    assert_eq!(
        wrong(json!({"immutable": "yes"})).unwrap(),
        "json: cannot unmarshal string into Go struct field ConfigMap.immutable of type bool"
    );
}

fn manifests() -> Schema {
    serde_json::from_value(json!({"type": "object", "properties": {
        "manifests": {"type": "array", "items": {
            "type": "object",
            "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true,
        }},
    }}))
    .unwrap()
}

#[test]
fn metadata_of_an_object_within_an_object_has_the_form_of_metadata() {
    let registry = Registry::new(Arc::new(api::core().clone()));
    let mut object = json!({"manifests": [{
        "apiVersion": "v1", "kind": "A", "spec": {"free": null},
        "metadata": {"name": "a", "creationTimestamp": null, "labels": {"x": null}, "annotations": {}, "no": 1},
    }]});
    let dropped = coerce_embedded(&registry, &manifests(), &mut object);
    assert_eq!(dropped, Ok(vec!["manifests[0].metadata.no".to_owned()]));
    assert_eq!(
        object["manifests"][0],
        json!({
            "apiVersion": "v1", "kind": "A", "spec": {"free": null},
            "metadata": {"name": "a", "labels": {"x": ""}},
        })
    );
    let mut object = json!({"manifests": [{"apiVersion": 1}]});
    let why = "manifests[0].apiVersion: Invalid value: 1: must be a string";
    assert_eq!(
        coerce_embedded(&registry, &manifests(), &mut object),
        Err(why.to_owned())
    );
}

#[test]
fn an_object_within_an_object_says_what_it_is() {
    let registry = Registry::new(Arc::new(api::core().clone()));
    let object = json!({"manifests": [
        {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}},
        {"apiVersion": "a/b/c", "kind": "", "metadata": {"name": "a/b"}},
        {"kind": 1},
    ]});
    let errors = check_embedded(&registry, &manifests(), &object);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            r#"manifests[1].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c"#,
            r#"manifests[1].kind: Invalid value: "": must not be empty"#,
            r#"manifests[1].metadata.name: Invalid value: "a/b": may not contain '/'"#,
            "manifests[2].apiVersion: Required value",
            "manifests[2].kind: Invalid value: 1: must be a string",
        ]
    );
}
