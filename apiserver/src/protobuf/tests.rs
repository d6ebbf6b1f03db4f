use super::*;

/// What Kubernetes' own code made of the same objects, by
/// `api/generate/bodies`.
const BODIES: &str = include_str!("../../tests/bodies.jsonl");

#[test]
fn objects_are_what_kubernetes_own_code_has_in_json() {
    let mut kinds = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for (object, body) in bodies() {
        let envelope = Envelope::parse(&body).unwrap();
        let decoded = decode(&envelope).unwrap();
        let mut different = Vec::new();
        compare(envelope.kind, &decoded, &object, &mut different);
        all.extend(different);
        kinds.insert(envelope.kind.to_owned());
    }
    assert!(all.is_empty(), "{all:#?}");
    assert!(kinds.len() >= 25, "{kinds:?}");
}

#[test]
fn every_cut_of_a_body_is_an_error_or_an_object() {
    for (_, body) in bodies().filter(|(_, body)| body.len() < 4000) {
        let whole = Envelope::parse(&body).unwrap();
        for end in 0..whole.raw.len() {
            // A cut between two fields cannot be seen.
            let raw = &whole.raw[..end];
            let _ = decode(&Envelope { raw, ..whole });
        }
        for end in 0..body.len() {
            let _ = Envelope::parse(&body[..end]);
        }
    }
}

#[test]
fn what_is_not_kubernetes_protobuf_is_refused() {
    assert_eq!(Envelope::parse(b"{}"), Err(Error::NotKubernetes));
    assert_eq!(Envelope::parse(b"k8s\0\x0a\x05"), Err(Error::Truncated));
    assert_eq!(Envelope::parse(b"k8s\0\x0b"), Err(Error::WireType(3)));
    assert_eq!(
        Envelope::parse(b"k8s\0\x1a\x04gzip"),
        Err(Error::Encoded("gzip".to_owned()))
    );
    let config_map = |raw: &[u8]| {
        decode(&Envelope {
            api_version: "v1",
            kind: "ConfigMap",
            raw,
        })
    };
    assert_eq!(config_map(b"\x08\x01"), Err(Error::Type("metadata".into())));
    assert_eq!(config_map(b"\x0a\x03\x0a\x01\xff"), Err(Error::Text));
    assert_eq!(
        config_map(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        Err(Error::Overflow)
    );
}

#[test]
fn a_body_of_nothing_but_empty_messages_does_not_take_all_memory() {
    // A pod of a million empty containers in 2 MB.
    let spec = b"\x12\x00".repeat(1_000_000);
    let mut raw = vec![0x12];
    let mut length = spec.len();
    while length >= 0x80 {
        raw.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    raw.push(u8::try_from(length).unwrap());
    raw.extend(spec);
    let envelope = Envelope {
        api_version: "v1",
        kind: "Pod",
        raw: &raw,
    };
    assert_eq!(decode(&envelope), Err(Error::TooMany));
}

#[test]
fn json_in_a_body_counts_as_much_as_the_body() {
    // A ConfigMap with a manager whose fields are a list.
    let owned = |items: usize| {
        let json = format!("[{}1]", "1,".repeat(items - 1));
        let field = |number: u8, bytes: &[u8]| {
            let mut whole = Vec::new();
            for mut rest in [usize::from(number) << 3 | 2, bytes.len()] {
                while rest >= 0x80 {
                    whole.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
                    rest >>= 7;
                }
                whole.push(u8::try_from(rest).unwrap());
            }
            whole.extend(bytes);
            whole
        };
        let fields = field(7, &field(1, json.as_bytes()));
        decode(&Envelope {
            api_version: "v1",
            kind: "ConfigMap",
            raw: &field(1, &field(17, &fields)),
        })
    };
    let few = owned(2).unwrap();
    let fields = &few["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(*fields, serde_json::json!([1, 1]));
    assert_eq!(owned(199_999), Err(Error::TooMany));
    assert_eq!(owned(400_000), Err(Error::TooMany));
}

#[test]
fn unknown_fields_are_passed_over() {
    let envelope = Envelope {
        api_version: "v1",
        kind: "ConfigMap",
        // Field 1000, as every wire type there is.
        raw: b"\xc0\x3e\x05\xc1\x3e12345678\xc2\x3e\x02xx\xc5\x3e1234",
    };
    let decoded = decode(&envelope).unwrap();
    assert_eq!(decoded["metadata"], serde_json::json!({}));
}

/// Where two values differ, which is all that can be told of a large object.
fn compare(path: &str, one: &Value, other: &Value, different: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                let path = format!("{path}.{name}");
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => compare(&path, one, other, different),
                    (one, other) => different.push(format!("{path}: {one:?} {other:?}")),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (one, other) in one.iter().zip(other) {
                compare(&format!("{path}[]"), one, other, different);
            }
        }
        (one, other) if one == other => {}
        (one, other) => different.push(format!("{path}: {one:?} {other:?}")),
    }
}

fn bodies() -> impl Iterator<Item = (Value, Vec<u8>)> {
    use base64::{Engine, prelude::BASE64_STANDARD};

    BODIES.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let body = BASE64_STANDARD.decode(line["protobuf"].as_str().unwrap());
        (line["object"].take(), body.unwrap())
    })
}

fn decode(envelope: &Envelope<'_>) -> Result<Value, Error> {
    let core = api::core();
    let schema =
        core.definitions
            .values()
            .find(|schema| {
                schema.kinds.iter().any(|of| {
                    of.api_version() == envelope.api_version && *of.kind == *envelope.kind
                })
            })
            .unwrap_or_else(|| panic!("no schema of {envelope:?}"));
    envelope.decode(&core.definitions, schema)
}
