use http::Method;
use serde_json::{Value, json};

use super::place::{ACCEPTED, CLUSTERS, Place, RBAC, says, send, work, works};

const NAME: &str = "open-cluster-management:managedcluster:c1";

fn role(name: &str) -> String {
    format!("{RBAC}/clusterroles/{name}")
}

fn binding(purpose: &str) -> String {
    format!("{RBAC}/namespaces/c1/rolebindings/{NAME}:{purpose}")
}

fn lease(cluster: &str) -> String {
    let group = "/apis/coordination.k8s.io/v1";
    format!("{group}/namespaces/{cluster}/leases/managed-cluster-lease")
}

#[tokio::test]
async fn a_cluster_that_nobody_has_accepted_gets_nothing() {
    let place = Place::start().await;
    place.join("quiet").await;
    place.accepted("c1").await;
    let quiet = place.get(&format!("{CLUSTERS}/quiet")).await;
    assert!(quiet["metadata"]["finalizers"].is_null(), "{quiet}");
    assert!(quiet["status"]["conditions"].is_null(), "{quiet}");
    for path in [
        "/api/v1/namespaces/quiet".to_owned(),
        role("open-cluster-management:managedcluster:quiet"),
        lease("quiet"),
    ] {
        assert!(place.find(&path).await.is_none(), "{path}");
    }
}

#[tokio::test]
async fn an_accepted_cluster_gets_its_namespace_its_rights_and_the_condition() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let condition = place.until_condition("c1", ACCEPTED, "True").await;
    let message = "Accepted by hub cluster admin";
    says(&condition, "True", "HubClusterAdminAccepted", message);
    let event = place.until_event("c1", "ManagedClusterAccepted").await;
    assert_eq!(
        event["note"],
        "managed cluster c1 is accepted by hub cluster admin"
    );

    let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
    let finalizers = json!([
        "cluster.open-cluster-management.io/resource-cleanup",
        "cluster.open-cluster-management.io/api-resource-cleanup",
    ]);
    assert_eq!(cluster["metadata"]["finalizers"], finalizers);

    let label = "open-cluster-management.io/cluster-name";
    let namespace = place.get("/api/v1/namespaces/c1").await;
    let own = place.get(&role(NAME)).await;
    let bound = place
        .get(&format!("{RBAC}/clusterrolebindings/{NAME}"))
        .await;
    let registration = place.get(&binding("registration")).await;
    let works = place.get(&binding("work")).await;
    for of in [&namespace, &own, &bound, &registration, &works] {
        assert_eq!(of["metadata"]["labels"][label], "c1", "{of}");
    }
    let rules = json!([
        {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"],
         "verbs": ["create", "get", "list", "watch"]},
        {"apiGroups": ["register.open-cluster-management.io"],
         "resources": ["managedclusters/clientcertificates"], "verbs": ["renew"]},
        {"apiGroups": ["cluster.open-cluster-management.io"], "resources": ["managedclusters"],
         "resourceNames": ["c1"], "verbs": ["get", "list", "update", "watch"]},
        {"apiGroups": ["cluster.open-cluster-management.io"],
         "resources": ["managedclusters/status"], "resourceNames": ["c1"],
         "verbs": ["patch", "update"]},
    ]);
    assert_eq!(own["rules"], rules);
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    let groups = json!([
        group("system:open-cluster-management:c1"),
        group("open-cluster-management:c1"),
    ]);
    for of in [&bound, &registration, &works] {
        assert_eq!(of["subjects"], groups, "{of}");
    }
    assert_eq!(bound["roleRef"]["name"], NAME);
    let shared = "open-cluster-management:managedcluster";
    assert_eq!(
        registration["roleRef"]["name"],
        format!("{shared}:registration")
    );
    assert_eq!(works["roleRef"]["name"], format!("{shared}:work"));
    let held = json!(["cluster.open-cluster-management.io/manifest-work-cleanup"]);
    assert_eq!(works["metadata"]["finalizers"], held);
}

#[tokio::test]
async fn the_two_shared_roles_have_the_rules_of_all_agents() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let shared = "open-cluster-management:managedcluster";
    let registration = place.get(&role(&format!("{shared}:registration"))).await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["kube-root-ca.crt"],
         "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
         "verbs": ["get", "list", "watch", "update"]},
        {"apiGroups": ["addon.open-cluster-management.io"], "resources": ["managedclusteraddons"],
         "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["addon.open-cluster-management.io"],
         "resources": ["managedclusteraddons/status"], "verbs": ["patch", "update"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]);
    assert_eq!(registration["rules"], rules);
    let works = place.get(&role(&format!("{shared}:work"))).await;
    let rules = json!([
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"],
         "verbs": ["create", "patch", "update"]},
        {"apiGroups": ["work.open-cluster-management.io"], "resources": ["manifestworks"],
         "verbs": ["get", "list", "watch", "update", "patch"]},
        {"apiGroups": ["work.open-cluster-management.io"], "resources": ["manifestworks/status"],
         "verbs": ["patch", "update"]},
    ]);
    assert_eq!(works["rules"], rules);
}

#[tokio::test]
async fn an_agent_sees_its_own_cluster_and_nothing_of_another() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.accepted("c2").await;
    place.until_there(&lease("c1")).await;
    place.until_there(&lease("c2")).await;
    let agent = place.as_agent("c1");
    let sees = async |path: &str| send(&agent, Method::GET, path, &Value::Null).await.err();
    place
        .until("the agent's rights", async || {
            sees(&lease("c1")).await.is_none().then_some(())
        })
        .await;
    assert_eq!(sees(&format!("{CLUSTERS}/c1")).await, None);
    assert_eq!(sees(&works("c1")).await, None);
    for path in [
        format!("{CLUSTERS}/c2"),
        CLUSTERS.to_owned(),
        lease("c2"),
        works("c2"),
        "/api/v1/namespaces/c1/secrets".to_owned(),
    ] {
        assert_eq!(sees(&path).await, Some(403), "{path}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_denied_loses_its_rights_at_once_even_with_works() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let mut held = work("w");
    held["metadata"]["finalizers"] =
        json!(["cluster.open-cluster-management.io/manifest-work-cleanup"]);
    place.post(&works("c1"), &held).await;

    place.decide("c1", false).await;
    let condition = place.until_condition("c1", ACCEPTED, "False").await;
    let message = "Denied by hub cluster admin";
    says(&condition, "False", "HubClusterAdminDenied", message);
    let event = place.until_event("c1", "ManagedClusterDenied").await;
    assert_eq!(
        event["note"],
        "managed cluster c1 is denied by hub cluster admin"
    );
    for purpose in ["registration", "work"] {
        assert!(place.find(&binding(purpose)).await.is_none(), "{purpose}");
    }
    let rules = json!([{
        "apiGroups": ["cluster.open-cluster-management.io"],
        "resources": ["managedclusters"],
        "resourceNames": ["c1"],
        "verbs": ["get", "list", "watch"],
    }]);
    assert_eq!(place.get(&role(NAME)).await["rules"], rules);
    let agent = place.as_agent("c1");
    place
        .until("the agent's rights", async || {
            let seen = send(&agent, Method::GET, &works("c1"), &Value::Null).await;
            (seen == Err(403)).then_some(())
        })
        .await;
    place.get(&format!("{}/w", works("c1"))).await;
    place.get("/api/v1/namespaces/c1").await;

    place.decide("c1", true).await;
    place.until_condition("c1", ACCEPTED, "True").await;
    place.until_there(&binding("work")).await;
}

#[tokio::test]
async fn rights_that_somebody_changes_or_removes_are_mended() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.delete(&binding("registration")).await;
    place.until_there(&binding("registration")).await;

    let first = place.get(&binding("work")).await["metadata"]["uid"].clone();
    place.delete(&binding("work")).await;
    place
        .until("the binding is another", async || {
            let binding = place.find(&binding("work")).await?;
            (binding["metadata"]["uid"] != first).then_some(())
        })
        .await;

    let wide = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    place.patch(&role(NAME), &wide).await;
    place
        .until("the role is as it was", async || {
            let role = place.get(&role(NAME)).await;
            (role["rules"].as_array().unwrap().len() == 4).then_some(())
        })
        .await;

    let shared = role("open-cluster-management:managedcluster:work");
    place.delete(&shared).await;
    place.until_there(&shared).await;
}

#[tokio::test]
async fn labels_that_others_have_put_on_are_left() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let patch = json!({"metadata": {"labels": {"team": "a", "open-cluster-management.io/cluster-name": "c1"}},
                       "rules": []});
    place.patch(&role(NAME), &patch).await;
    let mended = place.until("the role is as it was", async || {
        let role = place.get(&role(NAME)).await;
        (role["rules"]
            .as_array()
            .is_some_and(|rules| rules.len() == 4))
        .then_some(role)
    });
    assert_eq!(mended.await["metadata"]["labels"]["team"], "a");
}

#[tokio::test]
async fn a_cluster_named_like_a_namespace_of_the_hub_is_not_accepted() {
    let place = Place::start().await;
    place.join("kube-system").await;
    place.decide("kube-system", true).await;
    let condition = place
        .until_condition("kube-system", ACCEPTED, "False")
        .await;
    let message = "namespace kube-system is the hub's own: no cluster may have its name";
    says(&condition, "False", "Error", message);
    let bindings = place
        .get(&format!("{RBAC}/namespaces/kube-system/rolebindings"))
        .await;
    let names = bindings["items"].as_array().unwrap().iter();
    let mut ours = names.filter(|of| {
        let name = of["metadata"]["name"].as_str().unwrap();
        name.contains("managedcluster")
    });
    assert_eq!(ours.next(), None);
}
