use http::HeaderValue;

use super::*;

fn rendering(accept: &'static str) -> Result<Rendering, Status> {
    let header = HeaderValue::from_static(accept);
    Rendering::of(&HeaderMap::from_iter([(ACCEPT, header)]), None)
}

fn transform(accept: &'static str) -> Transform {
    rendering(accept).unwrap().transform
}

#[test]
fn json_is_the_answer_to_whoever_asks_for_nothing_else() {
    let plain = Ok(Rendering::default());
    assert_eq!(Rendering::of(&HeaderMap::new(), None), plain);
    for accept in [
        "",
        "*/*",
        "*",
        "application/*",
        "application/json;unknown=1",
        "application/vnd.kubernetes.protobuf,application/json",
        "text/html, application/json;q=0.2",
    ] {
        assert_eq!(rendering(accept), plain, "{accept:?}");
    }
}

#[test]
fn kubectls_get_asks_for_a_table_of_the_newest_version() {
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    assert_eq!(transform(accept), Transform::Table(MetaVersion::V1));
    let old = "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    assert_eq!(transform(old), Transform::Table(MetaVersion::V1Beta1));
}

#[test]
fn a_transformation_that_there_is_not_passes_to_the_next_clause() {
    for clause in [
        "application/json;as=Chair;v=v1;g=meta.k8s.io,application/json",
        "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
        "application/json;g=meta.k8s.io,application/json",
        "application/json;sv=v9,application/json",
        "application/json;stream=other,application/json",
    ] {
        assert_eq!(transform(clause), Transform::None, "{clause}");
    }
    let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    assert_eq!(
        transform(metadata),
        Transform::PartialObjectMetadataList(MetaVersion::V1)
    );
}

#[test]
fn quality_decides_the_order() {
    let media = |accept| rendering(accept).unwrap().media;
    assert_eq!(
        media("application/json;q=0.1,application/yaml"),
        Media::Yaml
    );
    assert_eq!(media("*/*,application/yaml;q=0.1"), Media::Yaml);
    assert_eq!(media("application/json,application/yaml"), Media::Json);
}

#[test]
fn what_cannot_be_answered_is_told_with_what_can() {
    for accept in [
        "text/plain",
        "application/vnd.kubernetes.protobuf",
        "nonsense",
    ] {
        let refused = rendering(accept).unwrap_err();
        assert_eq!(refused.code(), 406);
        assert_eq!(
            refused.message(),
            "only the following media types are accepted: application/json, application/yaml"
        );
    }
}

#[test]
fn a_watch_streams_json_only() {
    let watch = |accept| {
        let header = HeaderValue::from_static(accept);
        Rendering::of_watch(&HeaderMap::from_iter([(ACCEPT, header)]))
    };
    assert!(watch("application/json;stream=watch").is_ok());
    assert!(watch("application/vnd.kubernetes.protobuf;stream=watch,application/json").is_ok());
    assert_eq!(watch("application/yaml").unwrap_err().code(), 406);
}

#[test]
fn values_are_written_in_the_form_asked_for() {
    let value = serde_json::json!({"kind": "A", "name": 1, "s": "1"});
    let written = |accept| {
        let bytes = rendering(accept).unwrap().encode(&value);
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(written("*/*"), "{\"kind\":\"A\",\"name\":1,\"s\":\"1\"}\n");
    let pretty = "{\n  \"kind\": \"A\",\n  \"name\": 1,\n  \"s\": \"1\"\n}";
    assert_eq!(written("application/json;pretty=1"), pretty);
    assert_eq!(written("application/yaml"), "kind: A\nname: 1\ns: \"1\"\n");
}

#[test]
fn people_get_it_indented() {
    let curl = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static("curl/8.1"))]);
    assert!(Rendering::of(&curl, None).unwrap().pretty);
    assert!(!Rendering::of(&curl, Some("pretty=0")).unwrap().pretty);
    assert!(
        Rendering::of(&HeaderMap::new(), Some("pretty=true"))
            .unwrap()
            .pretty
    );
    assert!(rendering("application/json;pretty=1").unwrap().pretty);
}
