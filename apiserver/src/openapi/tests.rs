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
    assert!(ask("/openapi/v2", &HeaderMap::new()).is_none());
}
