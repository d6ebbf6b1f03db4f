//! What Open Cluster Management's webhooks admit.

use apiserver::User;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::server::{Answer, Server, with_kind};

const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const BINDINGS: &str =
    "/apis/cluster.open-cluster-management.io/v1beta2/namespaces/default/managedclustersetbindings";
const WORKS: &str = "/apis/work.open-cluster-management.io/v1/namespaces/default/manifestworks";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Lets jane do that, beside all with clusters, bindings and works themselves.
async fn allow(server: &Server, rule: Value) {
    let objects = json!({
        "apiGroups": ["cluster.open-cluster-management.io", "work.open-cluster-management.io"],
        "resources": ["managedclusters", "managedclustersetbindings", "manifestworks"],
        "verbs": ["*"],
    });
    let role = json!({"metadata": {"name": "jane"}, "rules": [objects, rule]});
    let path = format!("{RBAC}/clusterroles");
    if server.post(&path, &role).await.code == 409 {
        server.put(&format!("{path}/jane"), &role).await.ok(200);
    }
    let binding = json!({
        "metadata": {"name": "jane"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "jane"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    });
    server
        .post(&format!("{RBAC}/clusterrolebindings"), &binding)
        .await;
}

fn right(group: &str, resource: &str, verb: &str, name: &str) -> Value {
    json!({
        "apiGroups": [group], "resources": [resource], "verbs": [verb], "resourceNames": [name],
    })
}

async fn as_jane(server: &Server, method: Method, path: &str, body: &Value) -> Answer {
    let body = if method == Method::PATCH {
        body.clone()
    } else {
        with_kind(path, body)
    };
    let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let json = "application/json".parse().unwrap();
    request.headers_mut().insert(CONTENT_TYPE, json);
    request.extensions_mut().insert(User::new("jane", []));
    let response = server.service.handle(request).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        code,
        body: serde_json::from_slice(&bytes).unwrap(),
    }
}

/// What is told if the webhook of that name refuses something.
fn denied(webhook: &str, why: &str) -> String {
    format!("admission webhook {webhook:?} denied the request: {why}")
}

/// The webhook that looks at works.
const WORK: &str = "manifestworkvalidators.admission.work.open-cluster-management.io";

fn join(set: &str) -> Value {
    right(
        "cluster.open-cluster-management.io",
        "managedclustersets/join",
        "create",
        set,
    )
}

#[tokio::test]
async fn a_cluster_is_in_a_set_that_its_maker_may_join() {
    let server = Server::of(api::all()).await;
    allow(&server, join("default")).await;
    let cluster = json!({"metadata": {"name": "c"}});
    let made = as_jane(&server, Method::POST, CLUSTERS, &cluster)
        .await
        .ok(201);
    let set = "cluster.open-cluster-management.io/clusterset";
    assert_eq!(made["metadata"]["labels"][set], "default");
    let path = format!("{CLUSTERS}/c");
    let mut moved = made.clone();
    moved["metadata"]["labels"][set] = "others".into();
    let refused = as_jane(&server, Method::PUT, &path, &moved).await;
    assert_eq!(
        refused.failed(403, "Forbidden"),
        r#"admission webhook "managedclustervalidators.admission.cluster.open-cluster-management.io" denied the request: managedclustersets/join.cluster.open-cluster-management.io "others" is forbidden: user "jane" cannot add/remove a ManagedCluster to/from ManagedClusterSet "others""#
    );
    // From a set takes a right as well as to one.
    allow(&server, join("others")).await;
    let refused = as_jane(&server, Method::PUT, &path, &moved).await;
    assert!(refused.failed(403, "Forbidden").contains("\"default\""));
    // Who changes nothing of it needs none.
    let mut other = made;
    other["metadata"]["labels"]["more"] = "x".into();
    as_jane(&server, Method::PUT, &path, &other).await.ok(200);
}

#[tokio::test]
async fn a_cluster_is_accepted_by_those_who_may() {
    let server = Server::of(api::all()).await;
    allow(&server, join("default")).await;
    let cluster = json!({"metadata": {"name": "c"}, "spec": {"hubAcceptsClient": true}});
    let refused = as_jane(&server, Method::POST, CLUSTERS, &cluster).await;
    assert_eq!(
        refused.failed(403, "Forbidden"),
        r#"admission webhook "managedclustervalidators.admission.cluster.open-cluster-management.io" denied the request: managedclusters/accept.cluster.open-cluster-management.io "c" is forbidden: user "jane" cannot update the HubAcceptsClient field"#
    );
    let cluster = json!({"metadata": {"name": "c"}});
    let mut made = as_jane(&server, Method::POST, CLUSTERS, &cluster)
        .await
        .ok(201);
    let group = "register.open-cluster-management.io";
    allow(
        &server,
        right(group, "managedclusters/accept", "update", "c"),
    )
    .await;
    made["spec"]["hubAcceptsClient"] = true.into();
    let path = format!("{CLUSTERS}/c");
    let mut made = as_jane(&server, Method::PUT, &path, &made).await.ok(200);
    // What is accepted stays so for others' changes.
    allow(&server, join("default")).await;
    made["metadata"]["labels"]["more"] = "x".into();
    as_jane(&server, Method::PUT, &path, &made).await.ok(200);
}

#[tokio::test]
async fn since_when_a_cluster_is_tainted_is_for_the_server_to_say() {
    let server = Server::of(api::all()).await;
    let long_ago = "2001-01-01T00:00:00Z";
    let taint = |key: &str| json!({"key": key, "effect": "NoSelect", "timeAdded": long_ago});
    let cluster = json!({"metadata": {"name": "c"}, "spec": {"taints": [taint("a")]}});
    let made = server.post(CLUSTERS, &cluster).await.ok(201);
    let since = &made["spec"]["taints"][0]["timeAdded"];
    assert!(since.is_string() && since != long_ago, "{made}");
    let path = format!("{CLUSTERS}/c");
    let mut more = made.clone();
    more["spec"]["taints"]
        .as_array_mut()
        .unwrap()
        .push(taint("b"));
    let message = server.put(&path, &more).await.failed(400, "BadRequest");
    assert_eq!(
        message,
        r#"admission webhook "managedclustermutators.admission.cluster.open-cluster-management.io" denied the request: It is not allowed to set TimeAdded of Taint "b"."#
    );
    more["spec"]["taints"][1]["timeAdded"] = Value::Null;
    let more = server.put(&path, &more).await.ok(200);
    assert!(more["spec"]["taints"][1]["timeAdded"].is_string());
    assert_eq!(more["spec"]["taints"][0], made["spec"]["taints"][0]);
}

#[tokio::test]
async fn a_cluster_with_a_name_or_an_address_that_is_none_is_not_taken() {
    let server = Server::of(api::all()).await;
    let configs = json!([{"url": "http://x"}]);
    for (name, spec, message) in [
        (
            "c",
            json!({"managedClusterClientConfigs": configs}),
            r#"url "http://x" is invalid in client configs"#,
        ),
        ("c.d", json!({}), "metadata.name format is not correct: "),
    ] {
        let cluster = json!({"metadata": {"name": name}, "spec": spec});
        let told = server.post(CLUSTERS, &cluster).await;
        let told = told.failed(400, "BadRequest");
        let webhook = "managedclustervalidators.admission.cluster.open-cluster-management.io";
        assert!(told.starts_with(&denied(webhook, message)), "{told}");
    }
}

#[tokio::test]
async fn a_binding_is_called_as_its_set_and_made_by_who_may_bind_it() {
    let server = Server::of(api::all()).await;
    let group = "cluster.open-cluster-management.io";
    allow(
        &server,
        right(group, "managedclustersets/bind", "create", "mine"),
    )
    .await;
    let binding =
        |name: &str, set: &str| json!({"metadata": {"name": name}, "spec": {"clusterSet": set}});
    let post = async |binding| as_jane(&server, Method::POST, BINDINGS, &binding).await;
    let message = post(binding("a", "mine")).await.failed(400, "BadRequest");
    assert_eq!(
        message,
        denied(
            "managedclustersetbindingvalidators.admission.cluster.open-cluster-management.io",
            "The ManagedClusterSetBinding must have the same name as the target ManagedClusterSet"
        )
    );
    let message = post(binding("yours", "yours"))
        .await
        .failed(403, "Forbidden");
    assert!(
        message.ends_with(r#"user "jane" is not allowed to bind cluster set "yours""#),
        "{message}"
    );
    post(binding("mine", "mine")).await.ok(201);
}

#[tokio::test]
async fn a_work_has_manifests_that_are_whole_and_not_too_large() {
    let server = Server::of(api::all()).await;
    let map = |name: &str, data: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "n"}, "data": {"of": data},
        })
    };
    let work = |manifests: Value| json!({"metadata": {"name": "w"}, "spec": {"workload": {"manifests": manifests}}});
    let long = "x".repeat(1_100_000);
    for (manifests, message) in [
        (json!([]), "manifests should not be empty"),
        (json!([map("", "")]), "name must be set in manifest"),
        (
            json!([map("a", ""), map("a", "")]),
            "duplicate manifest for resource n/a with resource type v1.ConfigMap",
        ),
        (
            json!([map("a", &long), map("b", &long)]),
            "the size of manifests is 2200198 bytes which exceeds the 2097152 limit",
        ),
    ] {
        let told = server.post(WORKS, &work(manifests)).await;
        assert_eq!(told.failed(400, "BadRequest"), denied(WORK, message));
    }
    server
        .post(WORKS, &work(json!([map("a", &long)])))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_work_is_done_as_somebody_by_who_may_act_as_him() {
    let server = Server::of(api::all()).await;
    let name = "system:serviceaccount:n:robot";
    let group = "work.open-cluster-management.io";
    allow(&server, right(group, "manifestworks", "execute-as", name)).await;
    let work = |executor: &str| {
        json!({"metadata": {"name": executor}, "spec": {
            "workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}},
            ]},
            "executor": {"subject": {
                "type": "ServiceAccount",
                "serviceAccount": {"namespace": "n", "name": executor},
            }},
        }})
    };
    // Whoever may do everything with works may execute as anybody.
    let limited = json!({
        "metadata": {"name": "jane"},
        "rules": [
            {"apiGroups": [group], "resources": ["manifestworks"], "verbs": ["create", "update"]},
            right(group, "manifestworks", "execute-as", name),
        ],
    });
    let path = format!("{RBAC}/clusterroles/jane");
    server.put(&path, &limited).await.ok(200);
    let refused = as_jane(&server, Method::POST, WORKS, &work("other")).await;
    assert_eq!(
        refused.failed(400, "BadRequest"),
        denied(
            WORK,
            "user jane cannot manipulate the Manifestwork with executor n/other in namespace default"
        )
    );
    as_jane(&server, Method::POST, WORKS, &work("robot"))
        .await
        .ok(201);
}

#[tokio::test]
async fn a_rule_in_cel_says_what_it_is() {
    let server = Server::of(api::all()).await;
    let rule = |condition: &str| {
        json!({
            "metadata": {"name": "w"},
            "spec": {
                "workload": {"manifests": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}},
                ]},
                "manifestConfigs": [{
                    "resourceIdentifier": {"resource": "configmaps", "name": "a", "namespace": "n"},
                    "conditionRules": [{"type": "CEL", "condition": condition}],
                }],
            },
        })
    };
    let message = server.post(WORKS, &rule("")).await.failed(422, "Invalid");
    assert_eq!(
        message,
        r#"ManifestWork.work.open-cluster-management.io "w" is invalid: spec.manifestConfigs[0].conditionRules[0]: Invalid value: Condition is required for CEL rules"#
    );
    server.post(WORKS, &rule("Complete")).await.ok(201);
}

#[tokio::test]
async fn a_cluster_that_renews_its_lease_every_no_seconds_does_so_every_minute() {
    let server = Server::of(api::all()).await;
    let cluster = json!({"metadata": {"name": "c"}, "spec": {"leaseDurationSeconds": 0}});
    let mut made = server.post(CLUSTERS, &cluster).await.ok(201);
    assert_eq!(made["spec"]["leaseDurationSeconds"], 60);
    for (asked, kept) in [(5, 5), (0, 60)] {
        made["spec"]["leaseDurationSeconds"] = asked.into();
        let path = format!("{CLUSTERS}/c");
        made = server.put(&path, &made).await.ok(200);
        assert_eq!(made["spec"]["leaseDurationSeconds"], kept);
    }
}

#[tokio::test]
async fn nobody_owns_what_only_the_server_says_of_a_cluster() {
    let server = Server::of(api::all()).await;
    let cluster = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
        "metadata": {"name": "c", "labels": {"a": "b"}},
        "spec": {"hubAcceptsClient": false},
    });
    let made = server.post(CLUSTERS, &cluster).await.ok(201);
    let labels = &made["metadata"]["labels"];
    assert_eq!(
        labels["cluster.open-cluster-management.io/clusterset"],
        "default"
    );
    assert_eq!(
        made["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"],
        json!({".": {}, "f:a": {}})
    );
    // Who changes something else does not own it either.
    let mut other = made;
    other["metadata"]["labels"]["c"] = "d".into();
    let path = format!("{CLUSTERS}/c");
    let other = server.put(&path, &other).await.ok(200);
    let text = other["metadata"]["managedFields"].to_string();
    assert!(!text.contains("clusterset"), "{text}");
}
