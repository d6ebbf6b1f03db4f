use api::canonicalise;
use apiserver::protobuf::Envelope;
use serde_json::Value;

/// Bodies of requests to the API server in protobuf.
///
/// What is taken says of what kind it is, has the form that the real server
/// would give it, can be written as JSON, and takes no more of it than a fixed
/// number of bytes for each of its own.
pub fn protobuf_body(data: &[u8]) {
    let Ok(envelope) = Envelope::parse(data) else {
        return;
    };
    let core = api::core();
    let schema = core.definitions.values().find(|schema| {
        let mut kinds = schema.kinds.iter();
        kinds.any(|of| of.api_version() == envelope.api_version && *of.kind == *envelope.kind)
    });
    let Some(schema) = schema else {
        return;
    };
    let Ok(object) = envelope.decode(&core.definitions, schema) else {
        return;
    };
    assert_eq!(object["kind"], envelope.kind);
    assert_eq!(object["apiVersion"], envelope.api_version);

    let mut again = object.clone();
    canonicalise(&core.definitions, schema, &mut again);
    assert_eq!(again, object);

    let text = object.to_string();
    assert!(text.len() <= 1000 + 500 * data.len(), "{}", text.len());
    let read: Value = serde_json::from_str(&text).expect("it was written as JSON");
    assert_eq!(read, object);
}
