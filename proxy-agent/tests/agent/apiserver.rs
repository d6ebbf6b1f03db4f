//! Requests and responses through the agent, and how they are changed.

use std::io::Write as _;

use rustls::version::TLS13;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use proxy_agent::{ApiServer, ApiServerError, ImpersonationPolicy, TargetPolicy};

use crate::harness::{Authority, Cluster, Connection, Hub, Target, object, request, within};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_arrives_to_the_byte_with_the_agents_credential() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    let line = "POST //api/%2e%2E/a%2Fb?dryRun=All&x=%zz?";
    let headers = [
        "Content-Length: 5",
        "X-Custom: a, b",
        "Impersonate-Group: devs",
    ];
    exchange.send(&request(line, &headers)).await;
    exchange.send("hello").await;
    let mut upstream = api.accept().await;
    let head = upstream.read_head().await;
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), format!("{line} HTTP/1.1"));
    lines.sort_unstable();
    let host = format!("host: {}", api.address());
    let expected = [
        "authorization: Bearer agents-own",
        "content-length: 5",
        &host,
        "impersonate-group: devs",
        "impersonate-user: jane",
        "x-custom: a, b",
    ];
    assert_eq!(lines, expected);
    assert_eq!(upstream.read_exact(5).await, b"hello");
    upstream
        .send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok")
        .await;
    let response = exchange.read().await;
    assert!(
        response.starts_with("HTTP/1.1 201 Created\r\n"),
        "{response}"
    );
    assert!(response.contains("\r\nx-a: b\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nok"), "{response}");
}

#[tokio::test]
async fn a_far_end_that_has_said_all_still_gets_its_response() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request("GET /api", &[])).await;
    exchange.finish().await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    upstream.send(OK).await;
    assert!(exchange.read().await.ends_with("ok"));
}

#[tokio::test]
async fn events_of_a_watch_arrive_as_they_come() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange
        .send(&request("GET /api/v1/pods?watch=1", &[]))
        .await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    exchange.read_until("\r\n\r\n").await;
    for event in 0..3 {
        upstream.send(&format!("7\r\nevent {event}\r\n")).await;
        exchange.read_until(&format!("event {event}\r\n")).await;
    }
    upstream.send("0\r\n\r\n").await;
    assert_eq!(exchange.read().await, "0\r\n\r\n");
}

#[tokio::test]
async fn trailers_come_through_to_who_takes_them() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange
        .send(&request(
            "GET /",
            &["Connection: close, te", "TE: trailers"],
        ))
        .await;
    let mut upstream = api.accept().await;
    let head = upstream.read_head().await;
    assert!(head.contains("\r\nte: trailers\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: te\r\n"), "{head}");
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                    2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
    upstream.send(response).await;
    let response = exchange.read().await;
    assert!(
        response.ends_with("ok\r\n0\r\nx-sum: 7\r\n\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn one_stream_carries_one_exchange_only() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    let two = request("GET /first", &[]) + &request("GET /second", &[]);
    exchange.send(&two).await;
    let mut upstream = api.accept().await;
    assert!(upstream.read_head().await.starts_with("GET /first "));
    upstream.send(OK).await;
    let response = exchange.read().await;
    assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
    // The connection is free for the next stream, and nothing else came on it.
    let mut next = cluster.exchange().await;
    next.send(&request("GET /third", &[])).await;
    assert!(upstream.read_head().await.starts_with("GET /third "));
    api.assert_untouched();
}

#[tokio::test]
async fn an_idle_connection_that_the_server_has_closed_is_given_up() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    for _ in 0..3 {
        let mut exchange = cluster.exchange().await;
        exchange.send(&request("GET /", &[])).await;
        let mut upstream = api.accept().await;
        upstream.read_head().await;
        upstream.send(OK).await;
        assert!(exchange.read().await.ends_with("ok"));
    }
}

#[tokio::test]
async fn a_long_response_has_a_connection_of_its_own() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut watch = cluster.exchange().await;
    watch.send(&request("GET /watch", &[])).await;
    let mut watched = api.accept().await;
    watched.read_head().await;
    watched
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    watch.read_until("\r\n\r\n").await;
    let mut other = cluster.exchange().await;
    other.send(&request("GET /other", &[])).await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    upstream.send(OK).await;
    assert!(other.read().await.ends_with("ok"));
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_not_followed() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request("GET /", &[])).await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    upstream
        .send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        .await;
    let response = exchange.read().await;
    assert!(response.starts_with("HTTP/1.1 302 Found\r\n"), "{response}");
    assert!(
        response.contains("\r\nlocation: /elsewhere\r\n"),
        "{response}"
    );
    api.assert_untouched();
}

#[tokio::test]
async fn megabytes_pass_in_both_directions() {
    const SIZE: usize = 8 * 1024 * 1024;
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let exchange = cluster.exchange().await;
    let length = format!("Content-Length: {SIZE}");
    let (mut read, mut write) = exchange.stream.into_split();
    let up = async {
        let head = request("PUT /", &[&length]);
        write.write_all(head.as_bytes()).await.unwrap();
        write.write_all(&vec![b'u'; SIZE]).await.unwrap();
    };
    let server = async {
        let mut upstream = api.accept().await;
        upstream.read_head().await;
        let body = upstream.read_exact(SIZE).await;
        assert!(body.iter().all(|&b| b == b'u'));
        upstream
            .send(&format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n"))
            .await;
        upstream.io.write_all(&vec![b'd'; SIZE]).await.unwrap();
    };
    let down = async {
        let mut response = Vec::new();
        read.read_to_end(&mut response).await.unwrap();
        response.iter().filter(|&&b| b == b'd').count()
    };
    let ((), (), received) = within(async { tokio::join!(up, server, down) }).await;
    assert!(received >= SIZE);
}

/// An API server with TLS, behind a path, that knows the agent by its certificate.
#[tokio::test]
async fn a_kubeconfig_says_where_the_server_is_and_how_the_agent_is_known() {
    let authority = Authority::new();
    let server = Hub::speaking(&authority, &[&TLS13], None).await;
    let agent = authority.issue("agent");
    let [ca, certificate, key] = [
        authority.pem.as_str(),
        &agent.pem,
        &agent.key.serialize_pem(),
    ]
    .map(|pem| {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        file
    });
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: other\n\
         clusters:\n- name: c\n  cluster: {{server: 'https://{}/k8s/c-1/', \
         tls-server-name: hub.test, certificate-authority: '{}'}}\n\
         users:\n- name: u\n  user: {{client-certificate: '{}', client-key: '{}'}}\n\
         contexts:\n- name: here\n  context: {{cluster: c, user: u}}\n",
        server.address(),
        ca.path().display(),
        certificate.path().display(),
        key.path().display(),
    );
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(kubeconfig.as_bytes()).unwrap();
    let error = ApiServer::from_kubeconfig(file.path(), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ApiServerError::Kubeconfig { .. }),
        "{error}"
    );
    let api = ApiServer::from_kubeconfig(file.path(), Some("here"))
        .await
        .unwrap();
    let (targets, policy) = (TargetPolicy::default(), ImpersonationPolicy::default());
    let cluster = Cluster::new(Some(api), targets, policy).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request("GET /api?x=1", &[])).await;
    let io = server.accept_tls().await.unwrap();
    assert_eq!(
        io.get_ref().1.peer_certificates(),
        Some(agent.chain.as_slice())
    );
    let mut upstream = Connection { io };
    let head = upstream.read_head().await;
    assert!(
        head.starts_with("GET /k8s/c-1/api?x=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "{head}");
    upstream.send(OK).await;
    assert!(exchange.read().await.ends_with("ok"));
}

#[tokio::test]
async fn a_kubeconfig_that_impersonates_is_refused() {
    let mut file = NamedTempFile::new().unwrap();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters:\n- name: c\n  cluster: {server: 'https://10.0.0.1'}\n\
         users:\n- name: u\n  user: {token: t, as: admin}\n\
         contexts:\n- name: c\n  context: {cluster: c, user: u}\n";
    file.write_all(kubeconfig.as_bytes()).unwrap();
    let error = ApiServer::from_kubeconfig(file.path(), None)
        .await
        .unwrap_err();
    assert!(matches!(error, ApiServerError::Impersonates), "{error}");
}

#[tokio::test]
async fn an_api_server_that_cannot_be_reached_is_named() {
    let gone = Target::new().await;
    let api = crate::harness::api(&gone);
    let url = gone.url();
    drop(gone);
    let (targets, policy) = (TargetPolicy::default(), ImpersonationPolicy::default());
    let cluster = Cluster::new(Some(api), targets, policy).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request("GET /", &[])).await;
    let response = exchange.read().await;
    let (head, status) = object(&response);
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(status["kind"], "Status");
    assert_eq!(status["reason"], "ServiceUnavailable");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.starts_with("agent: cannot reach kube-apiserver at "),
        "{message}"
    );
    assert!(message.contains(&url), "{message}");
    assert!(
        message.to_lowercase().contains("connection refused"),
        "{message}"
    );
}
