//! The hub's API as agents reach it, through their own tunnel: who joins, who
//! has joined, and who would like to be somebody else.

use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use proto::{StreamHeader, Target};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::{GENEROUS, TestHub, TunnelAgent, until};

async fn who(client: &Client) -> kube::Result<(String, Vec<String>)> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let review = reviews.create(&PostParams::default(), &review).await?;
    let user = review.status.unwrap().user_info.unwrap();
    Ok((user.username.unwrap(), user.groups.unwrap()))
}

fn managed_clusters(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("cluster.open-cluster-management.io", "v1", "ManagedCluster");
    Api::all_with(client.clone(), &kube::api::ApiResource::from_gvk(&kind))
}

/// Makes a token to join with, and takes it out of the command that is printed.
async fn join_token(hub: &TestHub) -> String {
    let made = hub
        .adit(&["token", "create", "--join", "--cluster-name", "edge-1"])
        .await;
    let words: Vec<&str> = made.stdout.split_whitespace().collect();
    assert_eq!(words[..2], ["adit", "join"], "{}", made.stdout);
    let behind = |flag: &str| {
        let at = words.iter().position(|word| *word == flag).unwrap();
        words[at + 1].to_owned()
    };
    assert_eq!(behind("--hub"), hub.address().to_string());
    assert!(behind("--ca-pin").starts_with("sha256:"));
    assert_eq!(behind("--cluster-name"), "edge-1");
    behind("--token")
}

#[tokio::test]
async fn an_agent_asks_as_whom_its_certificate_names() {
    let hub = TestHub::start().await;
    for cluster in ["edge-1", "edge-2"] {
        let credentials = hub.credentials(cluster, "first").await;
        let agent = TunnelAgent::with_credentials(&hub, &credentials);
        let (user, groups) = who(&agent.api).await.unwrap();
        let name = format!("system:open-cluster-management:{cluster}");
        assert_eq!(user, format!("{name}:first"));
        assert!(groups.contains(&name), "{groups:?}");
        let configs: Api<ConfigMap> = Api::namespaced(agent.api.clone(), "default");
        let error = configs.list(&Default::default()).await.unwrap_err();
        assert!(matches!(error, kube::Error::Api(of) if of.code == 403));
    }
}

#[tokio::test]
async fn an_agent_is_nobody_else_whatever_its_requests_say() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let agent = TunnelAgent::with_credentials(&hub, &credentials);
    let own = hub
        .adit(&[
            "token",
            "create",
            "--user",
            "root",
            "--group",
            "system:masters",
        ])
        .await;
    let bearer = format!("Bearer {}", own.stdout.trim());
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("impersonate-user", "adit:admin"),
        ("impersonate-group", "system:masters"),
        ("x-remote-user", "adit:admin"),
        ("x-remote-group", "system:masters"),
    ] {
        let (code, body) = agent.asks("/api/v1/namespaces", &[(name, value)]).await;
        assert_eq!(code, 403, "{name}: {body}");
        let status: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status["kind"], "Status");
        assert!(body.contains(name), "{body}");
    }
    for path in [
        "/metrics",
        "/sessions",
        "/backup",
        "/clusters/edge-1/api",
        "/",
    ] {
        let (code, body) = agent.asks(path, &[]).await;
        assert_eq!(code, 404, "{path}: {body}");
    }
}

#[tokio::test]
async fn a_session_lasts_longer_than_its_links_for_whoever_asks() {
    let mut hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let agent = TunnelAgent::with_credentials(&hub, &credentials);
    who(&agent.api).await.unwrap();
    hub.restart().await;
    who(&agent.api).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_holds_all_it_can_keeps_nobody_else_out() {
    let hub = TestHub::start().await;
    let greedy = hub.credentials("edge-1", "agent").await;
    let greedy = TunnelAgent::with_credentials(&hub, &greedy);
    let modest = hub.credentials("edge-2", "agent").await;
    let modest = TunnelAgent::with_credentials(&hub, &modest);
    who(&greedy.api).await.unwrap();
    who(&modest.api).await.unwrap();
    let session = greedy.view.sessions().pop().unwrap();
    let mut held = Vec::new();
    let refused = loop {
        let header = StreamHeader::new(Target::HubApi);
        match session.open(header).await.unwrap().opened().await {
            Ok(mut stream) => {
                // Half of them say nothing, and half do not come to the end of it.
                if held.len() % 2 == 0 {
                    let head = "GET /api/v1/namespaces HTTP/1.1\r\nHost: hub\r\n";
                    stream.write_all(head.as_bytes()).await.unwrap();
                }
                held.push(stream);
            }
            Err(error) => break error.to_string(),
        }
    };
    assert!(refused.contains("busy"), "{refused}");
    assert!(held.len() <= 128, "{}", held.len());
    who(&modest.api).await.unwrap();
    let admin = hub.client(hub.administrator());
    assert_eq!(admin.get("/api/v1/namespaces").await.unwrap().code, 200);
    // Whoever says nothing is not kept.
    for stream in &mut held {
        let mut rest = Vec::new();
        let ended = timeout(GENEROUS, stream.read_to_end(&mut rest));
        let _ = ended.await.expect("the hub ends it");
    }
    who(&greedy.api).await.unwrap();
}

#[tokio::test]
async fn a_token_lets_its_holder_join_until_it_is_revoked() {
    let hub = TestHub::start().await;
    let token = join_token(&hub).await;
    let (id, _) = token.split_once('.').unwrap();
    let joining = TunnelAgent::with_token(&hub, &token);
    let (user, groups) = who(&joining.api).await.unwrap();
    assert_eq!(user, format!("system:bootstrap:{id}"));
    let group = "system:bootstrappers:managedcluster".to_owned();
    assert!(groups.contains(&group), "{groups:?}");
    assert!(hub.sessions("edge-1").await.is_empty());
    let secrets: Api<Secret> = Api::namespaced(joining.api.clone(), "kube-system");
    assert!(secrets.list(&Default::default()).await.is_err());
    let (code, _) = joining
        .asks("/api", &[("impersonate-user", "adit:admin")])
        .await;
    assert_eq!(code, 403);
    hub.adit(&["token", "revoke", id]).await;
    let error = who(&joining.api).await.unwrap_err();
    assert!(
        matches!(&error, kube::Error::Api(of) if of.code == 401),
        "{error}"
    );
    let mut again = TunnelAgent::with_token(&hub, &token);
    let why = again.refused().await;
    assert!(why.contains("does not know the token"), "{why}");
}

#[tokio::test]
async fn a_strangers_token_lets_nobody_in() {
    let hub = TestHub::start().await;
    let token = join_token(&hub).await;
    let (id, _) = token.split_once('.').unwrap();
    for guess in [
        format!("{id}.0123456789abcdef"),
        "abcdef.0123456789abcdef".to_owned(),
    ] {
        let why = TunnelAgent::with_token(&hub, &guess).refused().await;
        assert!(why.contains("does not know the token"), "{why}");
    }
    let user = hub
        .adit(&[
            "token",
            "create",
            "--user",
            "root",
            "--group",
            "system:masters",
        ])
        .await;
    let why = TunnelAgent::with_token(&hub, user.stdout.trim())
        .refused()
        .await;
    assert!(why.contains("does not know the token"), "{why}");
}

/// The key of a request for the agent `first` of edge-1, PEM, and the request.
fn request() -> (String, CertificateSigningRequest) {
    let name = "system:open-cluster-management:edge-1";
    let agents = "system:open-cluster-management:managed-clusters";
    let organizations = [name, agents].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let request = request_for(&key, &format!("{name}:first"), &organizations);
    (key.serialize_pem(), request)
}

/// A request that is said to be of a cluster.
pub(crate) fn signing_request(
    cluster: &str,
    name: &str,
    organizations: &[String],
) -> CertificateSigningRequest {
    let mut request = request_for(&KeyPair::generate().unwrap(), name, organizations);
    let label = "open-cluster-management.io/cluster-name".to_owned();
    request.labels_mut().insert(label, cluster.to_owned());
    request
}

fn request_for(key: &KeyPair, name: &str, organizations: &[String]) -> CertificateSigningRequest {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = &mut params.distinguished_name;
    // A later attribute would replace an earlier one under the same key.
    let organization = DnType::CustomDnType(vec![2, 5, 4, 10]);
    for (kind, name) in [DnType::OrganizationName, organization]
        .into_iter()
        .zip(organizations)
    {
        subject.push(kind, name.as_str());
    }
    subject.push(DnType::CommonName, name);
    let pem = params.serialize_request(key).unwrap().pem().unwrap();
    let usages = ["digital signature", "key encipherment", "client auth"];
    CertificateSigningRequest {
        metadata: kube::api::ObjectMeta {
            generate_name: Some("edge-1-".to_owned()),
            ..Default::default()
        },
        spec: CertificateSigningRequestSpec {
            request: ByteString(pem.into_bytes()),
            signer_name: "kubernetes.io/kube-apiserver-client".to_owned(),
            usages: Some(usages.map(str::to_owned).to_vec()),
            ..Default::default()
        },
        status: None,
    }
}

#[tokio::test]
async fn a_certificate_that_was_approved_is_good_while_the_cluster_is_accepted() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    let token = join_token(&hub).await;
    let joining = TunnelAgent::with_token(&hub, &token);
    let (key, request) = request();
    let requests: Api<CertificateSigningRequest> = Api::all(admin.clone());
    let made = requests.create(&PostParams::default(), &request).await;
    let name = made.unwrap().name_any();
    let approval = Patch::Merge(json!({"status": {"conditions": [{
        "type": "Approved", "status": "True", "reason": "ByHand",
    }]}}));
    let params = PatchParams::default();
    requests
        .patch_approval(&name, &params, &approval)
        .await
        .unwrap();
    let mut certificate = String::new();
    until("a certificate", async || {
        let signed = requests.get(&name).await.unwrap();
        let signed = signed.status.and_then(|status| status.certificate);
        if let Some(ByteString(pem)) = signed {
            certificate = String::from_utf8(pem).unwrap();
        }
        !certificate.is_empty()
    })
    .await;
    drop(joining);

    let clusters = managed_clusters(&admin);
    let why = TunnelAgent::with_certificate(&hub, &certificate, &key)
        .refused()
        .await;
    assert!(why.contains("not known"), "{why}");
    let cluster = DynamicObject::new(
        "edge-1",
        &kube::api::ApiResource::from_gvk(&GroupVersionKind::gvk(
            "cluster.open-cluster-management.io",
            "v1",
            "ManagedCluster",
        )),
    )
    .data(json!({"spec": {"hubAcceptsClient": false}}));
    clusters
        .create(&PostParams::default(), &cluster)
        .await
        .unwrap();
    let why = TunnelAgent::with_certificate(&hub, &certificate, &key)
        .refused()
        .await;
    assert!(why.contains("not accepted"), "{why}");

    let accept = async |accepted: bool| {
        let patch = Patch::Merge(json!({"spec": {"hubAcceptsClient": accepted}}));
        let patched = clusters.patch("edge-1", &params, &patch);
        patched.await.unwrap();
    };
    accept(true).await;
    let mut agent = TunnelAgent::with_certificate(&hub, &certificate, &key);
    let (user, _) = who(&agent.api).await.unwrap();
    assert_eq!(user, "system:open-cluster-management:edge-1:first");
    assert_eq!(hub.sessions("edge-1").await.len(), 1);
    accept(false).await;
    until("its session is over", async || {
        hub.sessions("edge-1").await.is_empty()
    })
    .await;
    let why = agent.refused().await;
    assert!(why.contains("not accepted"), "{why}");
}

#[tokio::test]
async fn credentials_of_a_cluster_that_is_deleted_are_revoked() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let mut agent = TunnelAgent::with_credentials(&hub, &credentials);
    let clusters = managed_clusters(&admin);
    until("its ManagedCluster", async || {
        clusters.get_opt("edge-1").await.unwrap().is_some()
    })
    .await;
    who(&agent.api).await.unwrap();
    clusters
        .delete("edge-1", &Default::default())
        .await
        .unwrap();
    let why = agent.refused().await;
    assert!(why.contains("revoked"), "{why}");
    // It does not come back by itself, and does with new credentials.
    hub.credentials("edge-2", "agent").await;
    until("another cluster's ManagedCluster", async || {
        clusters.get_opt("edge-2").await.unwrap().is_some()
    })
    .await;
    assert!(clusters.get_opt("edge-1").await.unwrap().is_none());
    let credentials = hub.credentials("edge-1", "agent").await;
    let agent = TunnelAgent::with_credentials(&hub, &credentials);
    who(&agent.api).await.unwrap();
    until("its ManagedCluster again", async || {
        clusters.get_opt("edge-1").await.unwrap().is_some()
    })
    .await;
}
