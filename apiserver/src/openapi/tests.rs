use http::header::ACCEPT;

use super::*;

fn ask(path: &str, headers: &HeaderMap) -> Option<Result<Response<Body>, Status>> {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(p, q)| (p, Some(q)));
    let request = Request {
        path,
        query,
        headers,
        address: "hub",
    };
    documents().answer(request, OffsetDateTime::UNIX_EPOCH)
}

fn documents() -> &'static OpenApi {
    static DOCUMENTS: OnceLock<OpenApi> = OnceLock::new();
    DOCUMENTS.get_or_init(|| OpenApi::new(Arc::new(Registry::new(Arc::new(api::all())))))
}

fn get(path: &str) -> Response<Body> {
    ask(path, &HeaderMap::new()).unwrap().unwrap()
}

fn body(response: Response<Body>) -> Value {
    let Body::Pieces(pieces) = response.into_body() else {
        panic!("a stream")
    };
    let bytes: Vec<u8> = pieces.into_iter().flatten().collect();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn the_index_leads_to_each_document_by_its_hash() {
    let index = body(get("/openapi/v3"));
    let paths = index["paths"].as_object().unwrap();
    assert!(paths.contains_key("api/v1"));
    assert!(paths.contains_key("apis/cluster.open-cluster-management.io/v1"));
    for (name, path) in paths {
        let url = path["serverRelativeURL"].as_str().unwrap();
        assert!(
            url.starts_with(&format!("/openapi/v3/{name}?hash=")),
            "{url}"
        );
        let response = get(url);
        assert_eq!(response.status(), 200, "{url}");
        assert_eq!(response.headers()[CACHE_CONTROL], "public, immutable");
        assert_eq!(response.headers()[EXPIRES], "Fri, 01 Jan 1971 00:00:00 GMT");
        assert_eq!(body(response)["openapi"], "3.0.0");
    }
}

#[test]
fn a_hash_that_is_no_longer_right_leads_to_the_one_that_is() {
    let moved = get("/openapi/v3/api/v1?hash=OLD");
    assert_eq!(moved.status(), 301);
    let to = moved.headers()[LOCATION].to_str().unwrap().to_owned();
    assert_eq!(get(&to).status(), 200);
}

#[test]
fn who_knows_a_document_does_not_get_it_again() {
    let first = get("/openapi/v3/apis/apps/v1");
    assert_eq!(first.headers().get(CACHE_CONTROL), None);
    let known = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
    let again = ask("/openapi/v3/apis/apps/v1", &known).unwrap().unwrap();
    assert_eq!(again.status(), 304);
}

#[test]
fn every_reference_leads_to_a_schema() {
    fn check(document: &Value, schemas: &Map<String, Value>) {
        match document {
            Value::Array(items) => items.iter().for_each(|item| check(item, schemas)),
            Value::Object(fields) => {
                for own in ["x-go-zero", "x-protobuf-field"] {
                    assert!(fields.get(own).is_none_or(Value::is_object), "{own}");
                }
                if let Some(Value::String(target)) = fields.get("$ref") {
                    let name = target.strip_prefix("#/components/schemas/").unwrap();
                    assert!(schemas.contains_key(name), "{name}");
                    assert_eq!(fields.len(), 1, "{fields:?}");
                }
                fields.values().for_each(|value| check(value, schemas));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for name in documents().hashes().keys() {
        let document = body(get(&format!("/openapi/v3/{name}")));
        let schemas = document["components"]["schemas"].as_object().unwrap();
        check(&document, schemas);
    }
}

#[test]
fn a_patch_tells_its_kind_and_what_it_may_carry() {
    let document = body(get("/openapi/v3/api/v1"));
    let patch = &document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "", "version": "v1", "kind": "ConfigMap"})
    );
    assert_eq!(patch["operationId"], "patchCoreV1NamespacedConfigMap");
    let parameters = patch["parameters"].as_array().unwrap();
    let names: Vec<&str> = parameters
        .iter()
        .filter_map(|of| of["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["dryRun", "fieldManager", "fieldValidation", "force"]
    );
    let media = patch["requestBody"]["content"].as_object().unwrap();
    assert!(media.contains_key("application/strategic-merge-patch+json"));

    let custom = body(get(
        "/openapi/v3/apis/cluster.open-cluster-management.io/v1",
    ));
    let path = "/apis/cluster.open-cluster-management.io/v1/managedclusters/{name}";
    let patch = &custom["paths"][path]["patch"];
    assert_eq!(
        patch["operationId"],
        "patchClusterOpenClusterManagementIoV1ManagedCluster"
    );
    let media = patch["requestBody"]["content"].as_object().unwrap();
    assert!(!media.contains_key("application/strategic-merge-patch+json"));
}

#[test]
fn no_operation_has_anothers_name() {
    let mut seen = std::collections::BTreeSet::new();
    for name in documents().hashes().keys() {
        let document = body(get(&format!("/openapi/v3/{name}")));
        let items = document["paths"].as_object().unwrap().values();
        for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
            if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                assert!(seen.insert(id.to_owned()), "{id}");
            }
        }
    }
}

#[test]
fn who_takes_no_json_is_refused() {
    let protobuf =
        HeaderValue::from_static("application/com.github.proto-openapi.spec.v3@v1.0+protobuf");
    let headers = HeaderMap::from_iter([(ACCEPT, protobuf)]);
    for path in ["/openapi/v3", "/openapi/v3/api/v1"] {
        assert_eq!(ask(path, &headers).unwrap().unwrap_err().code(), 406);
    }
    assert!(ask("/openapi/v3/apis/nope/v1", &HeaderMap::new()).is_none());
}

fn v2() -> Value {
    body(get("/openapi/v2"))
}

#[test]
fn everything_that_the_older_document_refers_to_is_in_it() {
    fn check(value: &Value, definitions: &Map<String, Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| check(item, definitions)),
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    let name = target.strip_prefix("#/definitions/").unwrap();
                    assert!(definitions.contains_key(name), "{target}");
                }
                fields.values().for_each(|value| check(value, definitions));
            }
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = v2();
    assert_eq!(document["swagger"], "2.0");
    let definitions = document["definitions"].as_object().unwrap();
    check(&document, definitions);
    for kind in [
        "io.k8s.api.core.v1.ConfigMap",
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "io.open-cluster-management.cluster.v1.ManagedCluster",
    ] {
        assert!(definitions.contains_key(kind), "{kind}");
    }
    let spec = &definitions["io.k8s.api.apps.v1.DeploymentSpec"]["properties"];
    // A reference with a default beside it, which v3 has to wrap.
    assert_eq!(
        spec["template"]["$ref"],
        "#/definitions/io.k8s.api.core.v1.PodTemplateSpec"
    );
    assert!(!document.to_string().contains("#/components/"));
}

#[test]
fn the_older_document_tells_what_an_operation_takes_in_its_own_words() {
    let document = v2();
    let item = &document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"];
    assert_eq!(
        item["parameters"][0],
        json!({"name": "name", "in": "path", "required": true, "type": "string", "uniqueItems": true})
    );
    let patch = &item["patch"];
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(
        patch["parameters"][0]["schema"]["$ref"],
        "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
    );
    let consumes = patch["consumes"].as_array().unwrap();
    assert!(consumes.contains(&json!("application/apply-patch+yaml")));
    assert_eq!(
        patch["responses"]["200"]["schema"]["$ref"],
        "#/definitions/io.k8s.api.core.v1.ConfigMap"
    );
    let names = patch["parameters"].as_array().unwrap().iter();
    let names: Vec<&str> = names.filter_map(|of| of["name"].as_str()).collect();
    assert!(names.contains(&"dryRun"), "{names:?}");
}

#[test]
fn the_older_document_is_sent_as_it_is_asked_for_and_once() {
    let protobuf =
        HeaderValue::from_static("application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
    let mut headers = HeaderMap::from_iter([(ACCEPT, protobuf)]);
    let response = ask("/openapi/v2", &headers).unwrap().unwrap();
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    );
    let tag = response.headers()[ETAG].clone();
    assert_ne!(get("/openapi/v2").headers()[ETAG], tag);
    headers.insert(IF_NONE_MATCH, tag);
    assert_eq!(ask("/openapi/v2", &headers).unwrap().unwrap().status(), 304);
    let cbor = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/cbor"))]);
    let refused = ask("/openapi/v2", &cbor).unwrap().unwrap_err();
    assert_eq!(refused.code(), 406);
}
