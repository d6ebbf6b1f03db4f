use serde_json::json;

use super::*;

fn rule(condition: IgnoreFieldsCondition) -> IgnoreField {
    IgnoreField {
        condition,
        json_pointers: vec!["/spec/replicas".to_owned()],
        ..IgnoreField::default()
    }
}

fn object(replicas: u32, image: &str) -> Value {
    json!({"metadata": {"name": "a"}, "spec": {"replicas": replicas, "image": image}})
}

/// As the API server has it, with the managers of `replicas`.
fn live(replicas: u32, managers: &[&str]) -> Value {
    let mut live = object(replicas, "live");
    let entries = managers.iter().map(|manager| {
        let operation = if *manager == "work-agent" {
            "Apply"
        } else {
            "Update"
        };
        json!({"manager": manager, "operation": operation,
            "fieldsV1": {"f:spec": {"f:replicas": {}}}})
    });
    live["metadata"]["managedFields"] = entries.collect::<Vec<_>>().into();
    live
}

fn spec(manifest: &Value, live: Option<&Value>, rule: IgnoreField) -> Value {
    applicable(manifest, live, &[rule], "work-agent").unwrap()["spec"].clone()
}

/// 2.4 OnSpokePresent: left out of what is applied if the object exists.
#[test]
fn on_spoke_present_a_field_is_applied_once_and_then_left_to_others() {
    let rule = || rule(IgnoreFieldsCondition::OnSpokePresent);
    let manifest = object(1, "mine");
    assert_eq!(spec(&manifest, None, rule()), manifest["spec"]);
    let theirs = live(5, &["work-agent", "hpa"]);
    assert_eq!(
        spec(&manifest, Some(&theirs), rule()),
        json!({"image": "mine"})
    );
    // Nobody else has it: it would go with our saying so.
    let ours = live(5, &["work-agent"]);
    let kept = json!({"replicas": 5, "image": "mine"});
    assert_eq!(spec(&manifest, Some(&ours), rule()), kept);
}

/// 2.4 OnSpokeChange: by the hash in the annotation `config-spec-hash`.
#[test]
fn on_spoke_change_a_field_is_left_to_others_until_the_manifest_changes() {
    let rule = || rule(IgnoreFieldsCondition::OnSpokeChange);
    let manifest = object(1, "mine");
    let first = applicable(&manifest, None, &[rule()], "work-agent").unwrap();
    assert_eq!(first["spec"], manifest["spec"]);
    let mut theirs = live(5, &["hpa"]);
    theirs["metadata"]["annotations"] = first["metadata"]["annotations"].clone();
    assert_eq!(
        spec(&manifest, Some(&theirs), rule()),
        json!({"image": "mine"})
    );
    let changed = object(2, "mine");
    assert_eq!(spec(&changed, Some(&theirs), rule()), changed["spec"]);
}

#[test]
fn fields_in_lists_are_left_to_others_element_by_element() {
    let of = |first: &str, image: &str| {
        json!({"metadata": {}, "spec": {"containers": [
            {"name": first, "image": image}, {"name": "b", "image": image}]}})
    };
    let rule = IgnoreField {
        json_paths: vec![".spec.containers[*].image".to_owned()],
        ..IgnoreField::default()
    };
    let applied = spec(&of("a", "mine"), Some(&of("c", "theirs")), rule);
    let wanted = json!({"containers": [{"name": "a"}, {"name": "b", "image": "theirs"}]});
    assert_eq!(applied, wanted);
}

/// 2.4: an error has a message that begins "Failed to process ignoreFields: ".
#[test]
fn a_rule_that_cannot_be_read_is_told() {
    let of = |rule: IgnoreField| {
        let applied = applicable(&object(1, "a"), None, &[rule], "work-agent");
        applied.unwrap_err().to_string()
    };
    let begin = "Failed to process ignoreFields: ";
    let jq = of(IgnoreField {
        jq_path_expressions: vec![".spec | select(.a)".to_owned()],
        ..IgnoreField::default()
    });
    assert!(jq.starts_with(begin) && jq.contains("supported"), "{jq}");
    let pointer = of(IgnoreField {
        json_pointers: vec!["spec".to_owned()],
        ..IgnoreField::default()
    });
    assert!(pointer.starts_with(begin), "{pointer}");
}
