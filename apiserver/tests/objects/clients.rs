use apiserver::User;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;

use super::server::Server;

fn masters() -> User {
    User::new("controller", [User::MASTERS.to_owned()])
}

#[tokio::test]
async fn a_kube_client_in_the_process_finds_the_server_like_any_other() {
    let server = Server::start().await;
    let client = server.service.client(masters());
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let map = serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"x": "1"}}));
    let made = maps
        .create(&PostParams::default(), &map.unwrap())
        .await
        .unwrap();
    assert_eq!(made.data.unwrap()["x"], "1");
    let wanted = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"y": "2"},
    });
    let params = PatchParams::apply("test").force();
    let applied = maps
        .patch("a", &params, &Patch::Apply(&wanted))
        .await
        .unwrap();
    assert_eq!(applied.data.unwrap().len(), 2);
    let list = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let gone = maps.get("a").await.unwrap_err();
    assert!(matches!(gone, kube::Error::Api(status) if status.code == 404));
}

#[tokio::test]
async fn what_a_client_in_the_process_may_do_is_decided_as_for_anybody() {
    let server = Server::start().await;
    let client = server.service.client(User::new("nobody", []));
    let secrets: Api<Secret> = Api::namespaced(client, "default");
    let refused = secrets.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
}

#[tokio::test]
async fn a_watcher_of_kube_runtime_follows_objects_in_both_its_ways() {
    use futures_util::TryStreamExt as _;

    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let maps: Api<ConfigMap> = Api::namespaced(server.service.client(masters()), "default");
        let mut seen = Box::pin(watcher(maps, config).touched_objects());
        let first = seen.try_next().await.unwrap().unwrap();
        assert_eq!(first.metadata.name.as_deref(), Some("a"));
        let name = format!("b-{}", rand_name());
        server.config_map(&name, &json!({})).await;
        loop {
            let next = seen.try_next().await.unwrap().unwrap();
            if next.metadata.name.as_deref() == Some(&name) {
                break;
            }
        }
    }
}

/// A name that no other has had in this process.
fn rand_name() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

#[tokio::test]
async fn a_role_that_gathers_others_has_their_rules() {
    let server = Server::start().await;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let role = json!({
        "metadata": {"name": "more", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}],
    });
    server.post(roles, &role).await.ok(201);
    let view = format!("{roles}/view");
    let gathered = async || {
        let view = server.get(&view).await.ok(200);
        view["rules"].to_string().contains("example.com")
    };
    server.until(gathered).await;
}

#[tokio::test]
async fn a_certificate_that_is_approved_is_signed() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let server = Server::start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "jane");
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let object = json!({
        "metadata": {"name": "jane"},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    });
    let made = server.post(requests, &object).await.ok(201);
    assert_eq!(made["spec"]["username"], "admin");
    let mut approved = made.clone();
    approved["status"]["conditions"] = json!([{
        "type": "Approved",
        "status": "True",
        "reason": "Test",
        "message": "approved",
    }]);
    server
        .put(&format!("{requests}/jane/approval"), &approved)
        .await
        .ok(200);
    let path = format!("{requests}/jane");
    let certificate = async || {
        let request = server.get(&path).await.ok(200);
        request["status"]["certificate"]
            .as_str()
            .map(ToOwned::to_owned)
    };
    server.until(async || certificate().await.is_some()).await;
    let pem = STANDARD.decode(certificate().await.unwrap()).unwrap();
    assert!(pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn every_namespace_has_its_service_account() {
    let server = Server::start().await;
    let path = "/api/v1/namespaces/default/serviceaccounts/default";
    server
        .until(async || server.get(path).await.code == 200)
        .await;
    server.delete(path, &serde_json::Value::Null).await.ok(200);
    server
        .until(async || server.get(path).await.code == 200)
        .await;
}

#[tokio::test]
async fn a_right_is_there_and_gone_with_the_answer_to_what_gave_and_took_it() {
    let server = Server::start().await;
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let binding = json!({
        "metadata": {"name": "jane"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    });
    let read = async || {
        let mut request = http::Request::new(http_body_util::Full::new(bytes::Bytes::new()));
        *request.uri_mut() = super::server::CONFIG_MAPS.parse().unwrap();
        request.extensions_mut().insert(User::new("jane", []));
        server.service.handle(request).await.status().as_u16()
    };
    for _ in 0..20 {
        server.post(bindings, &binding).await.ok(201);
        assert_eq!(read().await, 200);
        let path = format!("{bindings}/jane");
        server.delete(&path, &serde_json::Value::Null).await.ok(200);
        assert_eq!(read().await, 403);
    }
}
