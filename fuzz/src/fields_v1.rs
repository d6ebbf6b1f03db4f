use apiserver::apply::{PathSet, fields_v1};
use serde_json::Value;

/// `fieldsV1` of managedFields, as a client sends it.
///
/// What is taken is read back as it is written, as JSON and as the text that
/// is by the order of its steps, and holds exactly the paths it lists.
pub fn fields_v1(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let Ok(set) = fields_v1::from_json(&value) else {
        return;
    };
    let json = fields_v1::to_json(&set);
    assert_eq!(fields_v1::from_json(&json), Ok(set.clone()));
    let text: Value = serde_json::from_str(&fields_v1::to_text(&set)).expect("it is JSON");
    assert_eq!(text, json);
    let mut again = PathSet::new();
    for path in set.paths() {
        assert!(set.contains(&path.0));
        again.insert(&path.0);
    }
    assert_eq!(again, set);
    assert!(set.clone().difference(&set).is_empty());
}
