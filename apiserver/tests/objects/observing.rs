use std::io::Read as _;

use apiserver::audit::SourceAddress;
use apiserver::{Body, User};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::server::{CONFIG_MAPS, Server};

fn request(path: &str, user: User) -> Request<Full<Bytes>> {
    let mut request = Request::get(path).body(Full::default()).unwrap();
    request.extensions_mut().insert(user);
    request
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Code and text of a page, for one user.
async fn page(server: &Server, path: &str, user: User) -> (u16, String) {
    let response = server.service.handle(request(path, user)).await;
    (response.status().as_u16(), text(response).await)
}

fn admin() -> User {
    User::new("admin", [User::MASTERS.to_owned()])
}

fn monitor() -> User {
    User::new("monitor", ["system:monitoring".to_owned()])
}

#[tokio::test]
async fn health_is_told_together_and_check_by_check() {
    let server = Server::start().await;
    let ready = async || page(&server, "/readyz", User::anonymous()).await.0 == 200;
    server.until(ready).await;
    for (path, told) in [
        ("/readyz", "ok"),
        (
            "/readyz?verbose",
            "[+]ping ok\n[+]etcd ok\n[+]informer-sync ok\nreadyz check passed\n",
        ),
        (
            "/livez?verbose&exclude=etcd&exclude=b&exclude=a",
            "[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for \"a\",\"b\"\nlivez check passed\n",
        ),
    ] {
        let told = (200, told.to_owned());
        assert_eq!(page(&server, path, User::anonymous()).await, told, "{path}");
    }
    assert_eq!(
        page(&server, "/readyz/etcd", monitor()).await,
        (200, "ok".to_owned())
    );
    assert_eq!(page(&server, "/readyz/other", monitor()).await.0, 404);
    // What is behind the one answer is not everybody's.
    for path in ["/readyz/etcd", "/metrics"] {
        assert_eq!(
            page(&server, path, User::anonymous()).await.0,
            403,
            "{path}"
        );
    }
}

#[tokio::test]
async fn requests_are_counted_as_the_real_server_counts_them() {
    let server = Server::start().await;
    server.config_map("a", &json!({})).await;
    server.get(CONFIG_MAPS).await.ok(200);
    server
        .get(&format!("{CONFIG_MAPS}/b"))
        .await
        .failed(404, "NotFound");
    let watch = format!("{CONFIG_MAPS}?watch=1");
    let watch = server.open(Method::GET, &watch, "", Vec::new()).await;
    // What nobody serves makes no series.
    let others = "/apis/example.com/v1/others";
    let nobody = server.open(Method::GET, others, "", Vec::new()).await;
    assert_eq!(nobody.status(), 404);

    let (code, metrics) = page(&server, "/metrics", monitor()).await;
    assert_eq!(code, 200);
    let of = |verb, scope| {
        format!(
            r#"verb="{verb}",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="{scope}",component="apiserver""#
        )
    };
    let lasting = of("WATCH", "namespace").replace(r#"dry_run="","#, "");
    for line in [
        format!(
            "apiserver_request_total{{{},code=\"201\"}} 1",
            of("POST", "resource")
        ),
        format!(
            "apiserver_request_total{{{},code=\"200\"}} 1",
            of("LIST", "namespace")
        ),
        format!(
            "apiserver_request_total{{{},code=\"404\"}} 1",
            of("GET", "resource")
        ),
        format!(
            "apiserver_request_duration_seconds_count{{{}}} 1",
            of("POST", "resource")
        ),
        format!("apiserver_longrunning_requests{{{lasting}}} 1"),
        r#"apiserver_storage_objects{resource="clusterroles.rbac.authorization.k8s.io"} "#
            .to_owned(),
        "# TYPE apiserver_request_total counter\n".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("others"));

    drop(watch);
    let open = server.service.open_metrics().await;
    for line in [
        format!(
            "apiserver_request_total{{{},code=\"200\"}} 1",
            of("WATCH", "namespace")
        ),
        format!("apiserver_longrunning_requests{{{lasting}}} 0"),
        "# TYPE apiserver_request counter\n".to_owned(),
    ] {
        assert!(open.contains(&line), "{line}\n{open}");
    }
}

#[tokio::test]
async fn every_request_has_a_line_in_the_audit_log_and_no_secret_is_in_it() {
    let server = Server::start().await;
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}});
    let path = "/api/v1/namespaces/default/secrets?fieldManager=me";
    let mut create = Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .header("User-Agent", "tester/1")
        .header("Impersonate-User", "somebody")
        .header("Impersonate-Group", "system:masters")
        .body(Full::new(Bytes::from(secret.to_string())))
        .unwrap();
    create.extensions_mut().insert(admin());
    create
        .extensions_mut()
        .insert(SourceAddress([192, 0, 2, 7].into()));
    let response = server.service.handle(create).await;
    assert_eq!(response.status(), 201);
    let id = response.headers()["audit-id"].to_str().unwrap().to_owned();
    let line = server.audit.of(&id).unwrap();
    for (pointer, value) in [
        ("/kind", json!("Event")),
        ("/apiVersion", json!("audit.k8s.io/v1")),
        ("/level", json!("Metadata")),
        ("/stage", json!("ResponseComplete")),
        ("/requestURI", json!(path)),
        ("/verb", json!("create")),
        ("/user/username", json!("admin")),
        ("/impersonatedUser/username", json!("somebody")),
        ("/sourceIPs", json!(["192.0.2.7"])),
        ("/userAgent", json!("tester/1")),
        (
            "/objectRef",
            json!({"resource": "secrets", "namespace": "default", "name": "s", "apiVersion": "v1"}),
        ),
        ("/responseStatus/code", json!(201)),
        (
            "/annotations/authorization.k8s.io~1decision",
            json!("allow"),
        ),
    ] {
        assert_eq!(line.pointer(pointer), Some(&value), "{pointer} {line}");
    }
    assert!(!line.to_string().contains("hunter2"));

    let mut refused = request("/api/v1/secrets", User::new("nobody", []));
    let own = "a1b2".parse().unwrap();
    refused.headers_mut().insert("audit-id", own);
    let response = server.service.handle(refused).await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["audit-id"], "a1b2");
    drop(response);
    let line = server.audit.of("a1b2").unwrap();
    assert_eq!(line["responseStatus"]["reason"], "Forbidden");
    assert_eq!(
        line["annotations"]["authorization.k8s.io/decision"],
        "forbid"
    );
}

#[tokio::test]
async fn a_watch_is_told_when_it_ends() {
    let server = Server::start().await;
    let watch = request(&format!("{CONFIG_MAPS}?watch=1"), admin());
    let response = server.service.handle(watch).await;
    let id = response.headers()["audit-id"].to_str().unwrap().to_owned();
    assert_eq!(server.audit.of(&id), None);
    drop(response);
    assert_eq!(server.audit.of(&id).unwrap()["verb"], "watch");
}

#[tokio::test]
async fn a_long_list_goes_compressed_to_who_takes_that() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        let map = json!({"metadata": {"name": name}, "data": {"of": "x".repeat(100_000)}});
        server.post(CONFIG_MAPS, &map).await.ok(201);
    }
    let plain = page(&server, CONFIG_MAPS, admin()).await.1;
    let mut list = request(CONFIG_MAPS, admin());
    let gzip = "gzip".parse().unwrap();
    list.headers_mut().insert(ACCEPT_ENCODING, gzip);
    let response = server.service.handle(list).await;
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(bytes.len() < plain.len() / 10);
    let mut text = String::new();
    GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    // Controllers may have written something else meanwhile.
    let long = |list: &str| {
        let list: Value = serde_json::from_str(list).unwrap();
        let items = list["items"].as_array().unwrap().clone();
        let long = items
            .into_iter()
            .filter(|item| item["data"]["of"] != Value::Null);
        long.collect::<Vec<_>>()
    };
    assert_eq!(long(&text).len(), 2);
    assert_eq!(long(&text), long(&plain));
}
