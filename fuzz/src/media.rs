use apiserver::negotiation::{BodyMedia, PatchMedia, Rendering, clauses};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// `Accept` and `Content-Type`, the same text as both.
///
/// Its clauses are no more than its commas, in order of preference, and
/// whatever rendering is chosen can write an object.
pub fn media(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    if let Ok(text) = value.to_str() {
        let commas = text.matches(',').count();
        assert!(clauses(text).len() <= commas + 1);
    }
    let mut headers = HeaderMap::new();
    headers.insert("accept", value.clone());
    headers.insert("content-type", value);
    let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}});
    let chosen = [
        Rendering::of(&headers, None),
        Rendering::of_plain(&headers, Some("pretty=1")),
        Rendering::of_watch(&headers),
    ];
    for rendering in chosen.into_iter().flatten() {
        let text = rendering.encode(&object);
        assert!(!text.is_empty());
        if let Ok(read) = serde_json::from_slice::<Value>(&text) {
            assert_eq!(read, object);
        }
    }
    drop(BodyMedia::of(&headers));
    let strategic = PatchMedia::of(&headers, true);
    if let Ok(media) = PatchMedia::of(&headers, false) {
        assert_eq!(strategic.ok(), Some(media));
    }
}
