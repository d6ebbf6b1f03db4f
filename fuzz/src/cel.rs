use serde_json::{Value, json};
use work::cel::{Budget, Program};

/// Expressions of works.
///
/// One that is taken has the same value each time, or none, within a number of
/// steps.
pub fn cel(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(program) = Program::new(text, &["object", "result"]) else {
        return;
    };
    let object = json!({
        "metadata": {"name": "a", "labels": {"a.b/c": "d"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"replicas": 3, "flag": true, "none": null, "list": [1, "b", [2], {"k": 1.5}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    let run = || {
        let mut budget = Budget::new(20_000);
        let value = program.run(&[&object, &Value::Bool(true)], &mut budget);
        (value.map(|value| value.type_name()), budget)
    };
    assert_eq!(run(), run());
}
