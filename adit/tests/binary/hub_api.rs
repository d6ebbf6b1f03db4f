//! The hub's own Kubernetes-style API, on its port.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Identity, TestHub, until};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn objects_are_kept_while_the_hub_is_restarted() {
    let mut hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let object = json!({
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a"},
        "data": {"x": "1"},
    });
    assert_eq!(admin.post(CONFIG_MAPS, &object).await, 201);
    hub.restart().await;
    let admin = hub.client(hub.administrator());
    let read = admin.get(&format!("{CONFIG_MAPS}/a")).await.unwrap();
    assert_eq!(read.code, 200, "{}", read.body);
    let read: Value = serde_json::from_str(&read.body).unwrap();
    assert_eq!(read["data"]["x"], "1");
}

#[tokio::test]
async fn open_cluster_managements_kinds_are_served() {
    let hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let clusters = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
    let object = json!({
        "kind": "ManagedCluster",
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "metadata": {"name": "edge-1"},
        "spec": {"hubAcceptsClient": true},
    });
    assert_eq!(admin.post(clusters, &object).await, 201);
    let list = admin.get(clusters).await.unwrap();
    assert!(list.body.contains("edge-1"), "{}", list.body);
}

#[tokio::test]
async fn who_has_no_role_reads_nothing_and_strangers_less() {
    let hub = TestHub::start().await;
    let token = hub
        .adit(&["token", "create", "--user", "jane"])
        .await
        .stdout;
    let jane = hub.client(Identity::Token(token.trim().to_owned()));
    let refused = jane.get(CONFIG_MAPS).await.unwrap();
    assert_eq!(refused.code, 403);
    let text = "configmaps is forbidden: User \\\"jane\\\" cannot list resource \\\"configmaps\\\" in API group \\\"\\\" in the namespace \\\"default\\\"";
    assert!(refused.body.contains(text), "{}", refused.body);
    assert_eq!(
        jane.get("/api").await.unwrap().code,
        200,
        "all that are known may discover"
    );
    let stranger = hub.client(Identity::Token("adit_0123456789abcdef_x".to_owned()));
    assert_eq!(stranger.get("/api").await.unwrap().code, 401);
}

#[tokio::test]
async fn roles_made_through_the_api_give_rights_at_once() {
    let hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let token = hub
        .adit(&["token", "create", "--user", "jane"])
        .await
        .stdout;
    let jane = hub.client(Identity::Token(token.trim().to_owned()));
    let binding = json!({
        "metadata": {"name": "jane-views"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(jane.post(bindings, &binding).await, 403);
    assert_eq!(admin.post(bindings, &binding).await, 201);
    assert_eq!(jane.get(CONFIG_MAPS).await.unwrap().code, 200);
}

/// What a list of objects names, in order.
fn names(list: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(list).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

const GATEWAYS: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways";
const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";

#[tokio::test]
async fn a_cluster_with_credentials_is_a_managed_cluster_and_a_cluster_gateway() {
    let hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let credentials = hub.credentials("edge-1", "agent").await;
    hub.credentials("edge-2", "agent").await;
    for path in [CLUSTERS, GATEWAYS] {
        until("both are there", async || {
            names(&admin.get(path).await.unwrap().body) == ["edge-1", "edge-2"]
        })
        .await;
    }
    let read = admin.get(&format!("{CLUSTERS}/edge-1")).await.unwrap();
    let read: Value = serde_json::from_str(&read.body).unwrap();
    assert_eq!(read["spec"]["hubAcceptsClient"], true);

    let status = async |name: &str| {
        let read = admin.get(&format!("{GATEWAYS}/{name}")).await.unwrap();
        let mut read: Value = serde_json::from_str(&read.body).unwrap();
        let spec = json!({"provider": "", "access": {"endpoint": {"type": "ClusterProxy"}}});
        assert_eq!(read["spec"], spec);
        read["status"].take()
    };
    assert_eq!(status("edge-1").await["healthy"], false);
    let mut agent = hub.agent(&credentials);
    until("edge-1 is healthy", async || {
        status("edge-1").await == json!({"healthy": true})
    })
    .await;
    assert_eq!(status("edge-2").await["healthy"], false);
    agent.signal(Signal::TERM);
    agent.end().await;
    until("edge-1 is not any more", async || {
        status("edge-1").await["healthy"] == false
    })
    .await;
}

#[tokio::test]
async fn a_cluster_gateway_is_derived_and_goes_with_its_cluster() {
    let hub = TestHub::start().await;
    let admin = hub.client(hub.administrator());
    let cluster = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": "edge-1"},
        "spec": {"hubAcceptsClient": false},
    });
    assert_eq!(admin.post(CLUSTERS, &cluster).await, 201);
    until("the gateway is there", async || {
        names(&admin.get(GATEWAYS).await.unwrap().body) == ["edge-1"]
    })
    .await;
    let gateway = json!({"metadata": {"name": "edge-2"}});
    assert_eq!(
        admin.post(GATEWAYS, &gateway).await,
        405,
        "nobody else writes"
    );
    assert_eq!(admin.delete(&format!("{GATEWAYS}/edge-1")).await, 405);
    assert_eq!(admin.delete(&format!("{CLUSTERS}/edge-1")).await, 200);
    until("the gateway is gone", async || {
        names(&admin.get(GATEWAYS).await.unwrap().body).is_empty()
    })
    .await;
}
