use api::json_path::JsonPath;
use serde_json::json;

/// Paths of a table's columns and of works' feedback.
///
/// One that is taken finds in an object what it finds, the same each time, and
/// no more than there is.
pub fn json_path(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(path) = text.parse::<JsonPath>() else {
        return;
    };
    let object = json!({
        "metadata": {"name": "a", "labels": {"a.b/c": "d"}},
        "spec": {"replicas": 3, "flag": true, "none": null, "list": [1, "b", [2], {"k": "v"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Bad", "status": "False"}]},
    });
    let found = path.find(&object);
    assert_eq!(found.is_ok(), path.find(&object).is_ok());
    if let Ok(found) = found {
        assert!(found.len() <= 100_000, "{}", found.len());
    }
}
