//! A hostile agent that has good credentials for one cluster: what it tries
//! against another cluster, and against the hub.

use http::Method;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::client::Body;
use kube::{Api, Client, ResourceExt as _};
use registration::hub::accept::{Whose, accept};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::{GENEROUS, TestHub, TunnelAgent, until};

const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const WORKS: &str = "/apis/work.open-cluster-management.io/v1/namespaces";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// An agent of edge-1 that wishes edge-2 ill, and the hub of both, where edge-2
/// has a work, a lease, a secret and an account.
async fn start() -> (TestHub, TunnelAgent) {
    let hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    for cluster in ["edge-1", "edge-2"] {
        let credentials = hub.credentials(cluster, "agent").await;
        drop(credentials);
        until("the cluster's rights", async || {
            let path = format!("{RBAC}/namespaces/{cluster}/rolebindings/open-cluster-management:managedcluster:{cluster}:work");
            admin.get(&path).await.unwrap().code == 200
        })
        .await;
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "m", "namespace": "default"},
            "data": {"of": cluster},
        });
        let lease = json!({"metadata": {"name": "managed-cluster-lease"}});
        let work = json!({
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": "w"},
            "spec": {"workload": {"manifests": [manifest]}},
        });
        for (path, object) in [
            (format!("{WORKS}/{cluster}/manifestworks"), work),
            (format!("{LEASES}/{cluster}/leases"), lease),
            (
                format!("/api/v1/namespaces/{cluster}/secrets"),
                json!({"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}),
            ),
            (
                format!("/api/v1/namespaces/{cluster}/serviceaccounts"),
                json!({"metadata": {"name": "adit-agent-agent"}}),
            ),
        ] {
            assert_eq!(admin.post(&path, &object).await, 201, "{path}");
        }
    }
    let credentials = hub.beside("edge-1-agent.yaml");
    let agent = TunnelAgent::with_credentials(&hub, &credentials);
    // What it may do, it can: otherwise the rest would say nothing.
    let own = format!("{WORKS}/edge-1/manifestworks/w");
    let (code, answer) = agent.asks(&own, &[]).await;
    assert_eq!(code, 200, "{answer}");
    (hub, agent)
}

/// Sends a request; the answer's code and body.
async fn tries(agent: &TunnelAgent, method: &Method, path: &str, body: &Value) -> (u16, String) {
    let kind = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string().into_bytes())
    };
    let request = http::Request::builder().method(method).uri(path);
    let request = request.header("content-type", kind).body(body);
    agent.sends(request.unwrap()).await
}

/// An object as an administrator sees it.
async fn seen(hub: &TestHub, path: &str) -> Value {
    let admin = hub.client(hub.administrator());
    let answer = admin.get(path).await.unwrap();
    assert_eq!(answer.code, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn another_clusters_objects_are_neither_seen_nor_changed() {
    let (hub, agent) = Box::pin(start()).await;
    let theirs = [
        format!("{CLUSTERS}/edge-2"),
        format!("{WORKS}/edge-2/manifestworks/w"),
        format!("{LEASES}/edge-2/leases/managed-cluster-lease"),
        "/api/v1/namespaces/edge-2/secrets/s".to_owned(),
        "/api/v1/namespaces/edge-2/serviceaccounts/adit-agent-agent".to_owned(),
        "/api/v1/namespaces/edge-2".to_owned(),
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-2".to_owned(),
    ];
    // The last two the hub itself may write meanwhile.
    let mut before = Vec::new();
    for path in &theirs[1..5] {
        before.push(seen(&hub, path).await);
    }
    let change = json!({"metadata": {"labels": {"of": "mine"}}});
    for path in &theirs {
        for (method, body) in [
            (Method::GET, &Value::Null),
            (Method::PATCH, &change),
            (Method::PUT, &change),
            (Method::DELETE, &Value::Null),
        ] {
            let (code, answer) = tries(&agent, &method, path, body).await;
            assert!(
                matches!(code, 403 | 405),
                "{method} {path}: {code} {answer}"
            );
            assert!(!answer.contains("hunter2"), "{path}");
        }
        let status = format!("{path}/status");
        let (code, answer) = tries(&agent, &Method::PATCH, &status, &change).await;
        assert!(matches!(code, 403 | 404), "{status}: {code} {answer}");
    }
    for (path, before) in theirs[1..5].iter().zip(before) {
        assert_eq!(seen(&hub, path).await, before, "{path}");
    }
    let cluster = seen(&hub, &theirs[0]).await;
    assert_eq!(cluster["metadata"]["labels"]["of"], Value::Null);
}

#[tokio::test]
async fn lists_and_watches_tell_of_the_agents_own_cluster_alone() {
    let (_hub, agent) = Box::pin(start()).await;
    for path in [
        CLUSTERS.to_owned(),
        format!("{CLUSTERS}?watch=1"),
        format!("{CLUSTERS}?fieldSelector=metadata.name%3Dedge-2"),
        format!("{CLUSTERS}?fieldSelector=metadata.name!%3Dedge-1"),
        "/apis/work.open-cluster-management.io/v1/manifestworks".to_owned(),
        "/apis/work.open-cluster-management.io/v1/manifestworks?watch=1".to_owned(),
        format!("{WORKS}/edge-2/manifestworks?watch=1"),
        format!("{WORKS}/edge-1%2F..%2Fedge-2/manifestworks"),
        format!("{WORKS}/edge-1/../edge-2/manifestworks"),
        "/apis/coordination.k8s.io/v1/leases".to_owned(),
        "/api/v1/secrets".to_owned(),
        "/api/v1/namespaces/edge-1/secrets".to_owned(),
        "/api/v1/namespaces/kube-system/secrets".to_owned(),
        "/api/v1/events".to_owned(),
        "/api/v1/namespaces/edge-2/events".to_owned(),
        "/apis/addon.open-cluster-management.io/v1alpha1/managedclusteraddons".to_owned(),
        format!("{RBAC}/clusterroles"),
    ] {
        let (code, answer) = agent.asks(&path, &[]).await;
        assert!(matches!(code, 400 | 403 | 404), "{path}: {code} {answer}");
    }
    let own = format!("{CLUSTERS}?fieldSelector=metadata.name%3Dedge-1");
    let (code, answer) = agent.asks(&own, &[]).await;
    assert_eq!(code, 200, "{answer}");
    assert!(!answer.contains("edge-2"), "{answer}");
}

#[tokio::test]
async fn nobody_makes_himself_more_than_an_agent_of_his_cluster() {
    let (hub, agent) = Box::pin(start()).await;
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let me = json!([{
        "kind": "User",
        "apiGroup": "rbac.authorization.k8s.io",
        "name": "system:open-cluster-management:edge-1:agent",
    }]);
    let admin = json!({
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "cluster-admin",
    });
    let token = json!({"spec": {"audiences": ["adit-session"]}});
    let own = format!("{CLUSTERS}/edge-1");
    for (path, body) in [
        (
            format!("{RBAC}/clusterroles"),
            json!({"metadata": {"name": "mine"}, "rules": everything}),
        ),
        (
            format!("{RBAC}/clusterrolebindings"),
            json!({"metadata": {"name": "mine"}, "roleRef": admin, "subjects": me}),
        ),
        (
            format!("{RBAC}/namespaces/edge-1/rolebindings"),
            json!({"metadata": {"name": "mine"}, "roleRef": admin, "subjects": me}),
        ),
        (
            "/api/v1/namespaces/edge-2/serviceaccounts/adit-agent-agent/token".to_owned(),
            token.clone(),
        ),
        (
            "/api/v1/namespaces/edge-1/serviceaccounts/adit-agent-agent/token".to_owned(),
            token.clone(),
        ),
        (
            "/api/v1/namespaces/kube-system/serviceaccounts/default/token".to_owned(),
            token,
        ),
        (
            "/apis/authentication.k8s.io/v1/tokenreviews".to_owned(),
            json!({"spec": {"token": "guess"}}),
        ),
        (
            "/apis/authorization.k8s.io/v1/subjectaccessreviews".to_owned(),
            json!({"spec": {"user": "root"}}),
        ),
        (
            CLUSTERS.to_owned(),
            json!({"metadata": {"name": "edge-3"}, "spec": {"hubAcceptsClient": true}}),
        ),
        (
            format!("{WORKS}/edge-1/manifestworks"),
            json!({"metadata": {"name": "mine"}, "spec": {"workload": {"manifests": []}}}),
        ),
        (
            "/api/v1/namespaces/edge-1/secrets".to_owned(),
            json!({"metadata": {"name": "bootstrap-token-abcdef"}}),
        ),
        (
            "/api/v1/namespaces".to_owned(),
            json!({"metadata": {"name": "mine"}}),
        ),
        // What belongs to those who come by token is not for certificates.
        (
            "/adit/v1/session-token".to_owned(),
            json!({"token": "guess"}),
        ),
        ("/adit/v1/first-token".to_owned(), json!({})),
    ] {
        let (code, answer) = tries(&agent, &Method::POST, &path, &body).await;
        assert!(matches!(code, 403 | 404), "{path}: {code} {answer}");
    }
    // Its own ManagedCluster it may bring up to date, but not into another set,
    // and not as another cluster.
    let (_, text) = agent.asks(&own, &[]).await;
    let cluster: Value = serde_json::from_str(&text).unwrap();
    let mut moved = cluster.clone();
    moved["metadata"]["labels"]["cluster.open-cluster-management.io/clusterset"] = json!("other");
    let (code, answer) = tries(&agent, &Method::PUT, &own, &moved).await;
    assert!(code == 403, "{code} {answer}");
    let mut renamed = cluster;
    renamed["metadata"]["name"] = json!("edge-2");
    let (code, answer) = tries(&agent, &Method::PUT, &own, &renamed).await;
    assert_eq!(code, 400, "{answer}");
    let there = seen(&hub, &own).await;
    let set = &there["metadata"]["labels"]["cluster.open-cluster-management.io/clusterset"];
    assert_eq!(set, "default");
}

async fn asked(admin: &Client, name: &str) -> CertificateSigningRequest {
    let requests: Api<CertificateSigningRequest> = Api::all(admin.clone());
    requests.get(name).await.unwrap()
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_not_to_be_had() {
    let (hub, agent) = Box::pin(start()).await;
    let admin = hub.kube().await;
    let group = "system:open-cluster-management:managed-clusters";
    let of = |cluster: &str| format!("system:open-cluster-management:{cluster}");
    let mut made = Vec::new();
    for (label, name, organizations) in [
        (
            "edge-2",
            of("edge-2") + ":agent",
            vec![of("edge-2"), group.to_owned()],
        ),
        (
            "edge-1",
            of("edge-2") + ":agent",
            vec![of("edge-2"), group.to_owned()],
        ),
        (
            "edge-1",
            of("edge-1") + ":agent",
            vec![of("edge-2"), group.to_owned()],
        ),
        (
            "edge-1",
            of("edge-1") + ":agent",
            vec![of("edge-1"), "system:masters".to_owned()],
        ),
        (
            "edge-1",
            "adit-admin".to_owned(),
            vec!["system:masters".to_owned()],
        ),
        // Its own: this one is renewed, so that somebody has looked at all of them.
        (
            "edge-1",
            of("edge-1") + ":agent",
            vec![of("edge-1"), group.to_owned()],
        ),
    ] {
        let object = crate::agent_api::signing_request(label, &name, &organizations);
        let object = serde_json::to_value(object).unwrap();
        let (code, answer) = tries(&agent, &Method::POST, REQUESTS, &object).await;
        if code == 201 {
            let answer: CertificateSigningRequest = serde_json::from_str(&answer).unwrap();
            made.push(answer.name_any());
        } else {
            assert!(matches!(code, 403 | 422), "{name}: {code} {answer}");
        }
    }
    let own = made.pop().unwrap();
    until("its own is renewed", async || {
        let status = asked(&admin, &own).await.status;
        status.is_some_and(|status| status.certificate.is_some())
    })
    .await;
    // Nor does whoever accepts the other cluster give it to him.
    let accepted = accept(&admin, "edge-2", &Whose::default()).await.unwrap();
    assert!(!accepted.approved, "{accepted:?}");
    for name in made {
        let status = asked(&admin, &name).await.status.unwrap_or_default();
        assert!(status.certificate.is_none(), "{name}");
        let approved = status.conditions.unwrap_or_default();
        assert!(approved.is_empty(), "{name}: {approved:?}");
        // He may not approve it either.
        let path = format!("{REQUESTS}/{name}/approval");
        let approval = json!({"status": {"conditions": [{
            "type": "Approved", "status": "True", "reason": "Mine",
        }]}});
        let (code, answer) = tries(&agent, &Method::PATCH, &path, &approval).await;
        assert_eq!(code, 403, "{answer}");
    }
}

#[tokio::test]
async fn heads_and_bodies_without_end_are_cut_off_and_hurt_nobody() {
    let (hub, agent) = Box::pin(start()).await;
    let session = agent.view.sessions().pop().unwrap();
    let open = async || {
        let header = proto::StreamHeader::new(proto::Target::HubApi);
        session.open(header).await.unwrap().opened().await.unwrap()
    };
    let filler = vec![b'a'; 64 * 1024];
    // A head that does not end.
    let mut stream = open().await;
    let head = b"GET /api HTTP/1.1\r\nHost: hub\r\nX-Filler: ";
    let (mut reading, mut writing) = tokio::io::split(&mut stream);
    let writes = async {
        writing.write_all(head).await?;
        for _ in 0..64 {
            writing.write_all(&filler).await?;
        }
        std::io::Result::Ok(())
    };
    let mut answer = Vec::new();
    let (_, _) = timeout(GENEROUS, async {
        tokio::join!(writes, reading.read_to_end(&mut answer))
    })
    .await
    .expect("it is cut off");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    drop(stream);
    // A body of ever more, for an object that it may change.
    let path = format!("{WORKS}/edge-1/manifestworks/w/status");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/merge-patch+json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut stream = open().await;
    let (mut reading, mut writing) = tokio::io::split(&mut stream);
    let writes = async {
        writing.write_all(head.as_bytes()).await?;
        for _ in 0..1024 {
            writing.write_all(b"10000\r\n").await?;
            writing.write_all(&filler).await?;
            writing.write_all(b"\r\n").await?;
        }
        std::io::Result::Ok(())
    };
    let mut answer = Vec::new();
    let _ = timeout(GENEROUS, async {
        tokio::join!(writes, reading.read_to_end(&mut answer))
    })
    .await
    .expect("it is cut off");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.contains(" 200 "), "{answer}");
    drop(stream);
    // One that is deep.
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let request =
        http::Request::patch(&path).header("content-type", "application/merge-patch+json");
    let (code, _) = agent
        .sends(request.body(Body::from(deep.into_bytes())).unwrap())
        .await;
    assert!((400..500).contains(&code), "{code}");
    let admin = hub.client(hub.administrator());
    assert_eq!(admin.get("/api/v1/namespaces").await.unwrap().code, 200);
    assert_eq!(
        agent
            .asks(&format!("{WORKS}/edge-1/manifestworks/w"), &[])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn whoever_makes_objects_as_fast_as_he_can_is_slowed_down() {
    let (hub, agent) = Box::pin(start()).await;
    let path = "/apis/events.k8s.io/v1/namespaces/edge-1/events";
    let event = |number: usize| {
        json!({
            "metadata": {"name": format!("e{number}")},
            "eventTime": "2026-01-02T03:04:05.000000Z",
            "action": "a",
            "reason": "r",
            "type": "Normal",
            "regarding": {"kind": "ManagedCluster", "name": "edge-1", "namespace": "edge-1"},
            "reportingController": "c",
            "reportingInstance": "i",
            "note": "n",
        })
    };
    let mut codes = Vec::new();
    for number in 0..400 {
        codes.push(agent.posts(path, &event(number)).await);
        if codes.last().unwrap().0 == 429 {
            break;
        }
    }
    let made = codes.iter().filter(|(code, _)| *code == 201).count();
    assert!(
        made >= 50,
        "as many as an honest agent makes: {:?}",
        codes.last()
    );
    let (code, answer) = codes.last().unwrap();
    assert_eq!(*code, 429, "{answer}");
    // What keeps its cluster there goes on, and so do others.
    assert_eq!(
        agent
            .asks(&format!("{WORKS}/edge-1/manifestworks/w"), &[])
            .await
            .0,
        200
    );
    let other = TunnelAgent::with_credentials(&hub, &hub.beside("edge-2-agent.yaml"));
    let path = path.replace("edge-1", "edge-2");
    let (code, answer) = other.posts(&path, &event(0)).await;
    assert!(code != 429, "{answer}");
}
