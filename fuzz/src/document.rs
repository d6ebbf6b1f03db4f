use apiserver::negotiation::{Document, DocumentError, unrecognized};
use serde_json::Value;

/// The deepest that a body is read.
const MAX_DEPTH: usize = 128;
/// How much larger than its text a body may become: aliases of YAML repeat.
const MAX_GROWTH: usize = 4 * 1024 * 1024;

/// Bodies of requests to the API server in JSON and in YAML.
///
/// What is taken is not too deep nor too large, and is read back as it is
/// written; JSON that is taken is read the same by whoever else reads JSON. What
/// is refused can be told.
pub fn document(data: &[u8]) {
    for read in [Document::from_json(data), Document::from_yaml(data)] {
        match read {
            Ok(document) => check(&document.value),
            Err(error) => {
                let why = if let DocumentError::Json(why) | DocumentError::Yaml(why) = &error {
                    why.clone()
                } else {
                    error.to_string()
                };
                assert!(!why.is_empty());
                assert!(unrecognized("Kind", &why, data).message().contains(&why));
            }
        }
    }
    let plain = serde_json::from_slice::<Value>(data);
    if let (Ok(document), Ok(plain)) = (Document::from_json(data), plain) {
        assert_eq!(document.value, plain);
    }
}

fn check(value: &Value) {
    let text = value.to_string();
    assert!(text.len() <= MAX_GROWTH);
    assert!(depth(value) <= MAX_DEPTH + 1);
    let again = Document::from_json(text.as_bytes()).expect("it was written as JSON");
    assert_eq!(&again.value, value);
    assert!(again.duplicates.is_empty());
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    inner.unwrap_or(0) + 1
}
