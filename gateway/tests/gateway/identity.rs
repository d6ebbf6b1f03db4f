//! Who gets through, as whom, and with what.

use crate::harness::{Hub, user_certificate};

const SHORT: &str = "/clusters/edge-7";
const AGGREGATED: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-7/proxy";

#[tokio::test]
async fn a_request_arrives_as_its_user_and_byte_for_byte_by_both_forms() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let rest = "/api/v1/namespaces/x/services/y/proxy/a%2Fb//%C3%A4?dryRun=All&path=..%2f&b=/../";
    for form in [SHORT, AGGREGATED] {
        let mut client = hub.client();
        client.get(&format!("{form}{rest}"), "alice").await;
        let mut upstream = agent.accept().await;
        let head = upstream.head().await;
        assert!(
            head.starts_with(&format!("GET {rest} HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(head.contains("\r\nimpersonate-user: alice\r\n"), "{head}");
        assert!(head.contains("\r\nimpersonate-group: dev\r\n"), "{head}");
        assert_eq!(head.matches("impersonate-").count(), 2, "{head}");
        upstream.respond("hello").await;
        let answer = client.answer().await;
        assert_eq!((answer.code, answer.body.as_slice()), (200, &b"hello"[..]));
    }
}

#[tokio::test]
async fn credentials_and_headers_of_front_proxies_never_arrive() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = [
        "x-remote-user: root",
        "X-Remote-Group: system:masters",
        "proxy-authorization: Basic c2VjcmV0",
        "sec-websocket-protocol: x, base64url.bearer.authorization.k8s.io.c2VjcmV0",
        "connection: x-mine",
        "x-mine: 1",
        "x-yours: 2",
    ];
    client
        .ask("GET", "/clusters/edge-7/api", "alice", &lines)
        .await;
    let head = agent.accept().await.head().await;
    assert!(head.contains("\r\nx-yours: 2\r\n"), "{head}");
    assert!(head.contains("\r\nte: trailers\r\n"), "{head}");
    assert!(head.contains("\r\nsec-websocket-protocol: x\r\n"), "{head}");
    for gone in [
        "authorization:",
        "alice\r\nauthorization",
        "x-remote",
        "x-mine",
        "c2vjcmv0",
    ] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
}

#[tokio::test]
async fn a_client_certificate_names_the_user_and_his_groups() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client_with(user_certificate("alice", &["dev", "ops"]));
    client.get("/clusters/edge-7/api", "unknown-token").await;
    let head = agent.accept().await.head().await;
    assert!(head.contains("\r\nimpersonate-user: alice\r\n"), "{head}");
    assert!(head.contains("\r\nimpersonate-group: dev\r\n"), "{head}");
    assert!(head.contains("\r\nimpersonate-group: ops\r\n"), "{head}");
}

#[tokio::test]
async fn who_does_not_say_who_he_is_gets_401() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for token in ["", "unknown"] {
        let mut client = hub.client();
        client.get("/clusters/edge-7/api", token).await;
        let answer = client.answer().await;
        assert_eq!(answer.failure(), (401, "Unauthorized".into(), "hub".into()));
        assert!(
            answer.head.contains("www-authenticate: bearer"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_agents_certificate_gets_403() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let certificate = user_certificate(
        "system:open-cluster-management:edge-7:agent-a",
        &["system:open-cluster-management:managed-clusters"],
    );
    let mut client = hub.client_with(certificate);
    client.get("/clusters/edge-7/api", "root").await;
    let answer = client.answer().await;
    assert_eq!(answer.failure(), (403, "Forbidden".into(), "hub".into()));
    assert!(
        answer.status()["message"]
            .as_str()
            .unwrap()
            .contains("agent's")
    );
}

#[tokio::test]
async fn who_may_not_reach_a_cluster_does_not_learn_whether_it_exists() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let mut told = Vec::new();
    // One with an agent, one without, one that the hub does not know.
    for cluster in ["edge-7", "edge-8", "edge-9"] {
        let mut client = hub.client();
        client
            .get(&format!("/clusters/{cluster}/api"), "mallory")
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.failure(), (403, "Forbidden".into(), "hub".into()));
        let status = answer.status().to_string();
        told.push(status.replace(cluster, "CLUSTER"));
    }
    assert!(told.iter().all(|status| *status == told[0]), "{told:?}");
}

#[tokio::test]
async fn a_plain_user_who_impersonates_is_told_so() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for line in [
        "Impersonate-User: bob",
        "impersonate-group: system:masters",
        "Impersonate-Extra-Scopes: all",
        "Impersonate-Uid: 0",
    ] {
        let mut client = hub.client();
        client
            .ask("GET", "/clusters/edge-7/api", "alice", &[line])
            .await;
        let answer = client.answer().await;
        assert_eq!(
            answer.failure(),
            (403, "Forbidden".into(), "hub".into()),
            "{line}"
        );
        let status = answer.status();
        let message = status["message"].as_str().unwrap();
        assert!(
            message.contains("User \"alice\" cannot impersonate resource"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_master_who_impersonates_arrives_as_the_other() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = [
        "Impersonate-User: bob",
        "Impersonate-Group: dev",
        "Impersonate-Uid: 7",
        "Impersonate-Extra-Scopes: view",
    ];
    client
        .ask("GET", "/clusters/edge-7/api", "root", &lines)
        .await;
    let head = agent.accept().await.head().await;
    for line in lines {
        assert!(
            head.contains(&format!("\r\n{}\r\n", line.to_ascii_lowercase())),
            "{head}"
        );
    }
    assert_eq!(head.matches("impersonate-").count(), 4, "{head}");
    assert!(!head.contains("system:masters"), "{head}");
}

#[tokio::test]
async fn a_header_cannot_take_the_identity_off_a_request() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for line in [
        "Connection: impersonate-user",
        "Connection: keep-alive, Impersonate-Group",
        "Connection: X-Remote-User",
    ] {
        let mut client = hub.client();
        client
            .ask("GET", "/clusters/edge-7/api", "alice", &[line])
            .await;
        let answer = client.answer().await;
        assert_eq!(
            answer.failure(),
            (400, "BadRequest".into(), "hub".into()),
            "{line}"
        );
    }
}
