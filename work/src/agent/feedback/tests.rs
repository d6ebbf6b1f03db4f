use api::types::work;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;

fn well_known() -> FeedbackRule {
    FeedbackRule::default()
}

fn paths(paths: &[(&str, &str, &str)]) -> FeedbackRule {
    let paths = paths.iter().map(|(name, version, path)| work::JsonPath {
        name: (*name).to_owned(),
        version: (*version).to_owned(),
        path: (*path).to_owned(),
    });
    FeedbackRule {
        type_: FeedbackType::JsonPaths,
        json_paths: paths.collect(),
    }
}

fn told(feedback: &Feedback) -> Vec<(&str, Value)> {
    let value = |of: &FieldValue| {
        let set = [
            of.integer.map(Value::from),
            of.boolean.map(Value::from),
            of.string.clone().map(Value::from),
            of.json_raw.clone().map(|raw| json!({ "raw": raw })),
        ];
        let mut set = set.into_iter().flatten();
        let value = set.next().unwrap();
        assert_eq!(set.next(), None);
        value
    };
    let values = feedback.values.iter();
    values
        .map(|one| (one.name.as_str(), value(&one.field_value)))
        .collect()
}

fn one(object: &Value, path: &str, raw: bool) -> Feedback {
    read(object, &[paths(&[("x", "", path)])], raw)
}

#[test]
fn a_deployment_tells_its_replicas() {
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "status": {"readyReplicas": 1, "replicas": 3, "availableReplicas": 2},
    });
    let expected = [
        ("ReadyReplicas", json!(1)),
        ("Replicas", json!(3)),
        ("AvailableReplicas", json!(2)),
    ];
    let feedback = read(&object, &[well_known()], false);
    assert_eq!(told(&feedback), expected);
    assert_eq!(feedback.errors, [""; 0]);
}

#[test]
fn a_daemon_set_tells_its_pods() {
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "status": {"numberReady": 1, "desiredNumberScheduled": 3, "numberAvailable": 2},
    });
    let expected = [
        ("NumberReady", json!(1)),
        ("DesiredNumberScheduled", json!(3)),
        ("NumberAvailable", json!(2)),
    ];
    assert_eq!(told(&read(&object, &[well_known()], false)), expected);
}

#[test]
fn a_job_tells_whether_it_is_complete() {
    let object = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "status": {
            "conditions": [
                {"type": "SuccessCriteriaMet", "status": "False"},
                {"type": "Complete", "status": "True"},
            ],
            "succeeded": 4,
        },
    });
    let expected = [("JobComplete", json!("True")), ("JobSucceeded", json!(4))];
    assert_eq!(told(&read(&object, &[well_known()], false)), expected);
}

#[test]
fn a_pod_tells_its_phase_and_whether_it_is_ready() {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "status": {"conditions": [{"type": "Ready", "status": "False"}], "phase": "Pending"},
    });
    let expected = [("PodReady", json!("False")), ("PodPhase", json!("Pending"))];
    assert_eq!(told(&read(&object, &[well_known()], false)), expected);
}

#[test]
fn no_other_kind_or_version_is_well_known() {
    for (api_version, kind, gvk) in [
        ("apps/v1", "StatefulSet", "apps/v1, Kind=StatefulSet"),
        (
            "apps/v1beta1",
            "Deployment",
            "apps/v1beta1, Kind=Deployment",
        ),
        ("v1", "ConfigMap", "/v1, Kind=ConfigMap"),
    ] {
        let object = json!({"apiVersion": api_version, "kind": kind});
        let feedback = read(&object, &[well_known()], false);
        let error = format!("cannot find the wellknown statuses for resource with gvk {gvk}");
        assert_eq!(feedback.errors, [error]);
        assert_eq!(feedback.values, []);
    }
}

#[test]
fn a_path_tells_a_number_a_text_or_a_boolean() {
    let object = json!({"a": 1, "b": "two", "c": true});
    let rule = paths(&[("A", "", ".a"), ("B", "", ".b"), ("C", "", ".c")]);
    let expected = [("A", json!(1)), ("B", json!("two")), ("C", json!(true))];
    assert_eq!(told(&read(&object, &[rule], false)), expected);
}

#[test]
fn nothing_is_told_of_what_is_missing() {
    let object = json!({"a": null});
    for path in [".a", ".b", ".a.b.c", ".b[?(@.x==1)].y"] {
        assert_eq!(one(&object, path, false), Feedback::default(), "{path}");
    }
}

#[test]
fn anything_else_is_an_error_unless_json_is_wanted() {
    let object = json!({"f": 1.5, "o": {"b": 1, "a": [1]}, "l": [1, 2], "u": u64::MAX});
    for (path, go_type, json) in [
        (".f", "float64", "1.5"),
        (".o", "map[string]interface {}", r#"{"a":[1],"b":1}"#),
        (".l", "[]interface {}", "[1,2]"),
        (".u", "float64", "18446744073709551615"),
    ] {
        let error = format!("the type {go_type} of the value for x is not found");
        assert_eq!(one(&object, path, false).errors, [error]);
        assert_eq!(
            told(&one(&object, path, true)),
            [("x", json!({"raw": json}))]
        );
    }
}

#[test]
fn of_several_values_the_first_is_told_or_all_as_json() {
    let object = json!({"l": [{"n": "a"}, {"n": "b"}]});
    assert_eq!(told(&one(&object, ".l[*].n", false)), [("x", json!("a"))]);
    let raw = one(&object, ".l[*].n", true);
    assert_eq!(told(&raw), [("x", json!({"raw": r#"["a","b"]"#}))]);
}

#[test]
fn json_is_told_up_to_a_kibibyte() {
    let fits = json!({"l": ["a".repeat(1020)]});
    assert_eq!(told(&one(&fits, ".l", true)).len(), 1);
    let long = json!({"l": ["a".repeat(1021)]});
    let error = "the length of returned json raw string for name x is larger than the maximum \
                 length 1024";
    assert_eq!(one(&long, ".l", true).errors, [error]);
}

#[test]
fn a_path_for_another_version_is_an_error() {
    let object = json!({"apiVersion": "apps/v1", "a": 1});
    let rule = paths(&[("old", "v1beta1", ".a"), ("new", "v1", ".a")]);
    let feedback = read(&object, &[rule], false);
    let error = "version set in the path old is not matched for the related resource";
    assert_eq!(feedback.errors, [error]);
    assert_eq!(told(&feedback), [("new", json!(1))]);
}

#[test]
fn what_can_be_read_is_told_beside_what_cannot() {
    let object = json!({"a": 1, "l": []});
    let rule = paths(&[("bad", "", ".["), ("out", "", ".l[3]"), ("a", "", ".a")]);
    let feedback = read(&object, &[rule, well_known()], false);
    assert_eq!(told(&feedback), [("a", json!(1))]);
    let [bad, out, kind] = feedback.errors.as_slice() else {
        panic!("{:?}", feedback.errors);
    };
    assert!(
        bad.starts_with("failed to parse json path .[ of bad with error: "),
        "{bad}"
    );
    assert!(
        out.starts_with("failed to find value for out with error: "),
        "{out}"
    );
    assert!(
        kind.starts_with("cannot find the wellknown statuses"),
        "{kind}"
    );
}

#[test]
fn the_condition_is_of_another_time_when_values_change() {
    let at = |second| Time(Timestamp::from_second(second).unwrap());
    let mut manifest = ManifestCondition::default();
    let mut told_at = |second, value: i64| {
        let feedback = one(&json!({"a": value}), ".a", false);
        tell(&mut manifest, Some(feedback), 1, &at(second));
        let [condition] = manifest.conditions.as_slice() else {
            panic!("{:?}", manifest.conditions);
        };
        assert_eq!(condition.reason, "StatusFeedbackSynced");
        condition.last_transition_time.clone()
    };
    assert_eq!(told_at(1, 7), at(1));
    assert_eq!(told_at(2, 7), at(1));
    assert_eq!(told_at(3, 8), at(3));
    tell(&mut manifest, None, 2, &at(4));
    assert_eq!(manifest.status_feedback.values, []);
    assert_eq!(manifest.conditions[0].reason, "NoStatusFeedbackSynced");
}
