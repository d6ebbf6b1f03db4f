use http::HeaderValue;
use http::header::ACCEPT;

use super::*;

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn registry() -> Registry {
    let mut catalogue = api::core().clone();
    let custom = json!({
        "group": "example.com", "version": "v1alpha1", "scope": "Cluster", "custom": true,
        "schema": "com.example.v1alpha1.Widget",
        "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget",
            "shortNames": ["wd"], "categories": ["all"]},
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "subresources": [{"name": "status", "verbs": ["get", "patch", "update"], "writes": ["status"]}],
    });
    catalogue
        .resources
        .push(serde_json::from_value(custom).unwrap());
    Registry::new(std::sync::Arc::new(catalogue))
}

fn ask(path: &str, headers: &HeaderMap) -> Option<Result<Response<Body>, Status>> {
    let request = Request {
        path,
        query: None,
        headers,
        address: "hub:8443",
    };
    answer(&registry(), request)
}

fn accept(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))])
}

fn body(response: Response<Body>) -> Value {
    let Body::Pieces(pieces) = response.into_body() else {
        panic!("a stream")
    };
    let bytes: Vec<u8> = pieces.into_iter().flatten().collect();
    serde_json::from_slice(&bytes).unwrap()
}

fn document(path: &str) -> Value {
    body(ask(path, &HeaderMap::new()).unwrap().unwrap())
}

fn named<'a>(list: &'a Value, field: &str, name: &str) -> &'a Value {
    let mut items = list.as_array().unwrap().iter();
    items.find(|item| item[field] == name).unwrap()
}

#[test]
fn the_old_form_tells_groups_versions_and_resources() {
    assert_eq!(document("/api")["versions"], json!(["v1"]));
    assert_eq!(document("/api/")["kind"], "APIVersions");
    let groups = document("/apis");
    assert_eq!(groups["kind"], "APIGroupList");
    let apps = named(&groups["groups"], "name", "apps");
    assert_eq!(
        *apps,
        json!({
            "name": "apps",
            "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
            "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
        })
    );
    let groups = groups["groups"].as_array().unwrap();
    assert_eq!(groups.last().unwrap()["name"], "example.com");
    assert_eq!(document("/apis/apps")["kind"], "APIGroup");
}

#[test]
fn resources_of_the_old_form_are_as_the_real_server_tells_them() {
    let core = document("/api/v1");
    assert_eq!(core.get("apiVersion"), None);
    assert_eq!(core["groupVersion"], "v1");
    assert_eq!(
        *named(&core["resources"], "name", "configmaps"),
        json!({
            "name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap",
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "shortNames": ["cm"], "storageVersionHash": "qFsyl6wFWjQ=",
        })
    );
    let apps = document("/apis/apps/v1");
    assert_eq!(
        *named(&apps["resources"], "name", "deployments/scale"),
        json!({
            "name": "deployments/scale", "singularName": "", "namespaced": true,
            "group": "autoscaling", "version": "v1", "kind": "Scale",
            "verbs": ["get", "patch", "update"],
        })
    );
    let custom = document("/apis/example.com/v1alpha1");
    assert_eq!(custom["apiVersion"], "v1");
    assert_eq!(
        custom["resources"][0]["verbs"],
        json!([
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "create",
            "update",
            "watch"
        ])
    );
}

#[test]
fn the_new_form_tells_all_at_once_under_its_own_content_type() {
    let headers = accept(
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
    );
    let response = ask("/apis", &headers).unwrap().unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], V2);
    assert_eq!(response.headers()[VARY], "Accept");
    let document = body(response);
    assert_eq!(document["apiVersion"], "apidiscovery.k8s.io/v2");
    let items = document["items"].as_array().unwrap();
    assert_eq!(
        *items.last().unwrap(),
        json!({
            "metadata": {"name": "example.com"},
            "versions": [{"version": "v1alpha1", "freshness": "Current", "resources": [{
                "resource": "widgets", "scope": "Cluster", "singularResource": "widget",
                "responseKind": {"group": "example.com", "version": "v1alpha1", "kind": "Widget"},
                "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
                "shortNames": ["wd"], "categories": ["all"],
                "subresources": [{
                    "subresource": "status", "verbs": ["get", "patch", "update"],
                    "responseKind": {"group": "example.com", "version": "v1alpha1", "kind": "Widget"},
                }],
            }]}],
        })
    );

    let core = body(ask("/api", &accept(V2)).unwrap().unwrap());
    assert_eq!(core["items"].as_array().unwrap().len(), 1);
    assert_eq!(core["items"][0]["metadata"], json!({}));
    let resources = &core["items"][0]["versions"][0]["resources"];
    assert_eq!(
        named(resources, "resource", "configmaps")["responseKind"],
        json!({"group": "", "version": "", "kind": "ConfigMap"})
    );
}

#[test]
fn who_knows_the_document_does_not_get_it_again() {
    let first = ask("/apis", &accept(V2)).unwrap().unwrap();
    let tag = first.headers()[ETAG].clone();
    let mut headers = accept(V2);
    headers.insert(IF_NONE_MATCH, tag.clone());
    let again = ask("/apis", &headers).unwrap().unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()[ETAG], tag);
    headers.insert(IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
    assert_eq!(ask("/apis", &headers).unwrap().unwrap().status(), 200);
}

#[test]
fn who_takes_neither_form_is_refused() {
    for path in ["/api", "/apis", "/apis/apps/v1"] {
        let refused = ask(path, &accept("text/html")).unwrap().unwrap_err();
        assert_eq!(refused.code(), 406, "{path}");
    }
}

#[test]
fn what_is_not_served_has_no_document() {
    for path in [
        "/apis/nope",
        "/apis/apps/v9",
        "/api/v9",
        "/apis/apps/v1/deployments",
        "/healthz",
        "/",
    ] {
        assert!(ask(path, &HeaderMap::new()).is_none(), "{path}");
    }
}

#[test]
fn the_version_is_one_that_clients_can_compare() {
    let version = document("/version");
    assert_eq!(version["major"], "1");
    let release = version["gitVersion"].as_str().unwrap();
    let minor = version["minor"].as_str().unwrap();
    assert!(release.starts_with(&format!("v1.{minor}.")));
}
