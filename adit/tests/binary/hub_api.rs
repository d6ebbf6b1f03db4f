//! The hub's own Kubernetes-style API, on its port.

use serde_json::{Value, json};

use crate::support::{Identity, TestHub};

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
