//! Of what patches may not do, and of how long they take then.

use serde_json::{Value, json};

use super::PatchError;
use super::{json as json_patch, merge, strategic};

#[test]
fn a_json_patch_has_at_most_ten_thousand_operations() {
    let operation = json!({"op": "add", "path": "/a", "value": 1});
    let patch = |count| Value::Array(vec![operation.clone(); count]);
    json_patch::apply(json!({}), &patch(10_000)).unwrap();
    assert_eq!(
        json_patch::apply(json!({}), &patch(10_001)),
        Err(PatchError::TooLarge(
            "The allowed maximum operations in a JSON patch is 10000, got 10001".to_owned()
        ))
    );
}

#[test]
fn a_json_patch_that_doubles_an_object_again_and_again_is_stopped() {
    let copy = json!({"op": "copy", "from": "/a", "path": "/a/-"});
    let patch = Value::Array(vec![copy; 1_000]);
    let error = json_patch::apply(json!({"a": ["x".repeat(100)]}), &patch).unwrap_err();
    let start = "Unable to complete the copy, the accumulated size increase of copy is ";
    assert!(error.to_string().starts_with(start), "{error}");
    assert!(
        error.to_string().ends_with("exceeding the limit 3145728"),
        "{error}"
    );
}

#[test]
fn a_json_patch_does_not_make_an_object_too_deep() {
    let deeper = [
        json!({"op": "add", "path": "/b", "value": {}}),
        json!({"op": "move", "from": "/a", "path": "/b/a"}),
        json!({"op": "move", "from": "/b", "path": "/a"}),
    ];
    let patch: Value = (0..600).flat_map(|_| deeper.clone()).collect();
    let error = json_patch::apply(json!({"a": {}}), &patch).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the patch makes the object deeper than 512"
    );
}

#[test]
fn a_json_patch_that_moves_a_long_list_along_again_and_again_is_stopped() {
    let insert = json!({"op": "add", "path": "/a/0", "value": 1});
    let patch = Value::Array(vec![insert; 10_000]);
    let error = json_patch::apply(json!({"a": vec![0; 100_000]}), &patch).unwrap_err();
    let end = "the patch moves more than 50000000 values";
    assert!(error.to_string().ends_with(end), "{error}");
}

#[test]
fn what_is_no_patch_is_refused() {
    for (patch, error) in [
        (
            json!({}),
            "cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ),
        (
            json!([1]),
            "cannot unmarshal number into Go value of type handlers.jsonPatchOp",
        ),
        (
            json!([{"op": 1}]),
            "cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
        ),
    ] {
        let error = PatchError::BadRequest(format!("error decoding patch: json: {error}"));
        assert_eq!(json_patch::apply(json!({}), &patch), Err(error));
    }
    for (patch, error) in [
        (json!(null), "Invalid JSON Patch"),
        (
            json!([]),
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
    ] {
        assert_eq!(
            merge::apply(json!({}), patch),
            Err(PatchError::BadRequest(error.to_owned()))
        );
    }
}

fn pod_patch(object: Value, patch: Value) -> Result<Value, PatchError> {
    strategic::apply(api::core(), "io.k8s.api.core.v1.Pod", object, patch)
}

#[test]
fn long_lists_are_merged_item_by_item_in_no_time() {
    let containers = |image: &str| -> Value {
        let names = (0..30_000).map(|i| json!({"name": format!("c{i}"), "image": image}));
        names.collect()
    };
    let merged = pod_patch(
        json!({"spec": {"containers": containers("old")}}),
        json!({"spec": {"containers": containers("new")}}),
    );
    assert_eq!(
        merged,
        Ok(json!({"spec": {"containers": containers("new")}}))
    );
}

#[test]
fn directives_that_say_nothing_known_are_refused() {
    let pod = json!({"metadata": {"finalizers": ["a"]}, "spec": {"containers": [{"name": "a"}]}});
    for (patch, error) in [
        (
            json!({"$patch": "x"}),
            "unknown patch type: x in map: map[$patch:x]",
        ),
        (
            json!({"metadata": {"$setElementOrder": []}}),
            "invalid patch format of setElementOrder list",
        ),
        (
            json!({"metadata": {"$deleteFromPrimitiveListx": ["a"]}}),
            "invalid patch format of primitive list",
        ),
        (
            json!({"spec": {"$retainKeys": "x"}}),
            "invalid patch format of retainKeys",
        ),
        (
            json!({"spec": {"containers": [{"name": "a", "$patch": "merge"}]}}),
            "merging lists cannot yet be specified in the patch",
        ),
        (
            json!({"spec": {"containers": [{"image": "x"}]}}),
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            json!({"spec": {"containers": ["x"]}}),
            "list element types are not identical: [[map[name:a]] [x]]",
        ),
        (
            json!({"spec": {"containers": [["x"]]}}),
            "list element types are not identical: [[map[name:a]] [[x]]]",
        ),
    ] {
        let got = pod_patch(pod.clone(), patch).map_err(|error| error.to_string());
        assert_eq!(got, Err(error.to_owned()));
    }
}
