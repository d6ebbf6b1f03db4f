use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::server::Server;

const ROOT_CA: &str = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

#[tokio::test]
async fn each_namespace_has_the_servers_certificates_as_they_are_now() {
    let root_ca = watch::Sender::new(Arc::from("the first"));
    let server = Server::publishing(root_ca.subscribe()).await;
    let published = async |wanted: &str| {
        let map = server.get(ROOT_CA).await;
        map.body["data"] == json!({"ca.crt": wanted})
    };
    server.until(async || published("the first").await).await;
    root_ca.send_replace(Arc::from("the second"));
    server.until(async || published("the second").await).await;
    server.delete(ROOT_CA, &Value::Null).await.ok(200);
    server.until(async || published("the second").await).await;
    let mut map = server.get(ROOT_CA).await.ok(200);
    map["data"] = json!({"ca.crt": "another's", "more": "x"});
    server.put(ROOT_CA, &map).await.ok(200);
    server.until(async || published("the second").await).await;
}

/// A request for a certificate, as a client sends it.
fn signing_request(request: &str) -> Value {
    json!({
        "metadata": {"name": "jane"},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "username": "somebody",
            "uid": "1",
            "groups": ["system:masters"],
            "extra": {"a": ["b"]},
        },
    })
}

#[tokio::test]
async fn who_asks_for_a_certificate_is_for_the_server_to_say_and_stays() {
    let server = Server::start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key);
    let object = signing_request(&request.unwrap().pem().unwrap());
    let made = server.post(REQUESTS, &object).await.ok(201);
    let spec = &made["spec"];
    assert_eq!(spec["username"], "admin");
    assert_eq!(
        spec["groups"],
        json!(["system:masters", "system:authenticated"])
    );
    assert_eq!((&spec["uid"], &spec["extra"]), (&Value::Null, &Value::Null));
    let path = format!("{REQUESTS}/jane");
    for way in ["", "/approval", "/status"] {
        let mut changed = server.get(&path).await.ok(200);
        changed["spec"]["username"] = "somebody".into();
        changed["spec"]["usages"] = json!(["server auth"]);
        let changed = server.put(&format!("{path}{way}"), &changed).await.ok(200);
        assert_eq!(changed["spec"], made["spec"], "{way}");
    }
}

#[tokio::test]
async fn what_is_no_request_for_a_certificate_is_not_taken() {
    let server = Server::start().await;
    let broken = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    for request in ["", "nothing", broken] {
        let answer = server.post(REQUESTS, &signing_request(request)).await;
        let message = answer.failed(422, "Invalid");
        assert!(message.contains("spec.request: Invalid value"), "{message}");
    }
}

/// How a request with a token is answered.
async fn code(server: &Server, token: &str) -> u16 {
    let request = Request::get("/api/v1").header(AUTHORIZATION, format!("Bearer {token}"));
    let request = request.body(Full::<Bytes>::default()).unwrap();
    server.service.handle(request).await.status().as_u16()
}

async fn token(server: &Server, account: &str, bound: Value) -> String {
    let request = json!({"spec": {"boundObjectRef": bound}});
    let path = format!("{ACCOUNTS}/{account}/token");
    let answer = server.post(&path, &request).await.ok(201);
    answer["status"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_ends_with_its_account_and_with_what_it_is_bound_to() {
    let server = Server::start().await;
    let account = json!({"metadata": {"name": "a"}});
    let secret = json!({"metadata": {"name": "s"}});
    server.post(ACCOUNTS, &account).await.ok(201);
    server.post(SECRETS, &secret).await.ok(201);
    let free = token(&server, "a", Value::Null).await;
    let to_secret = json!({"kind": "Secret", "apiVersion": "v1", "name": "s"});
    let bound = token(&server, "a", to_secret).await;
    assert_eq!(
        (code(&server, &free).await, code(&server, &bound).await),
        (200, 200)
    );
    let path = format!("{SECRETS}/s");
    server.delete(&path, &Value::Null).await.ok(200);
    // Another of that name is not it.
    server.post(SECRETS, &secret).await.ok(201);
    assert_eq!(
        (code(&server, &free).await, code(&server, &bound).await),
        (200, 401)
    );
    let path = format!("{ACCOUNTS}/a");
    server.delete(&path, &Value::Null).await.ok(200);
    assert_eq!(code(&server, &free).await, 401);
    server.post(ACCOUNTS, &account).await.ok(201);
    assert_eq!(code(&server, &free).await, 401);
}
