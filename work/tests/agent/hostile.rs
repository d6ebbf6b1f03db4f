//! What a hub can do to a cluster that means it harm: no more than the rights of
//! its agent allow, and nothing to what is there when it talks nonsense.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::Service;

use super::world::{APPLIED, MAPS, WORKS, World, manifests, map, map_path, until, work_path};

/// Answers some requests itself, in place of a hub that is honest.
#[derive(Clone)]
struct Liar {
    honest: Client,
    lie: Arc<Mutex<Option<Lie>>>,
    told: Arc<AtomicUsize>,
}

/// What becomes of a request.
enum Said {
    /// What an honest hub says.
    Truth,
    Lie(Response<Body>),
    /// Nothing, for ever.
    Silence,
}

type Lie = Arc<dyn Fn(&Request<Body>) -> Said + Send + Sync>;

impl Liar {
    fn new(honest: Client, lie: impl Fn(&Request<Body>) -> Said + Send + Sync + 'static) -> Self {
        Self {
            honest,
            lie: Arc::new(Mutex::new(Some(Arc::new(lie)))),
            told: Arc::default(),
        }
    }

    fn client(&self) -> Client {
        Client::new(self.clone(), "default")
    }

    fn is_honest_from_now_on(&self) {
        *self.lie.lock().unwrap() = None;
    }

    async fn has_told(&self, times: usize) {
        until("it has lied", async || {
            self.told.load(Ordering::SeqCst) >= times
        })
        .await;
    }
}

impl Service<Request<Body>> for Liar {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let lie = this.lie.lock().unwrap().clone();
            match lie.map_or(Said::Truth, |lie| lie(&request)) {
                Said::Truth => {}
                Said::Lie(answer) => {
                    this.told.fetch_add(1, Ordering::SeqCst);
                    return Ok(answer);
                }
                Said::Silence => std::future::pending().await,
            }
            this.honest.send(request).await
        })
    }
}

fn answer(code: u16, body: impl Into<Vec<u8>>) -> Response<Body> {
    let response = Response::builder().status(code);
    let response = response.header("content-type", "application/json");
    response.body(Body::from(body.into())).unwrap()
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|of| of == "watch=true")
}

/// Whether works are listed or watched.
fn is_of_works(request: &Request<Body>) -> bool {
    request.method() == Method::GET && request.uri().path() == WORKS
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// An agent that may have ConfigMaps, and write bindings of what it has itself.
async fn limited() -> World {
    let mut world = World::without_agent().await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "agent"},
        "rules": [
            {"apiGroups": ["work.open-cluster-management.io"],
                "resources": ["appliedmanifestworks", "appliedmanifestworks/status"],
                "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
            {"apiGroups": ["rbac.authorization.k8s.io"],
                "resources": ["clusterroles", "clusterrolebindings", "rolebindings"],
                "verbs": ["create", "get", "list", "patch", "update", "watch"]},
            {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"],
                "verbs": ["create"]},
        ],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agent"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "agent"}],
    });
    let managed = world.on_managed();
    let roles = format!("{RBAC}/clusterroles");
    managed.post(&roles, &role).await.unwrap();
    let bindings = format!("{RBAC}/clusterrolebindings");
    managed.post(&bindings, &binding).await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "open-cluster-management-agent"}});
    managed
        .post("/api/v1/namespaces", &namespace)
        .await
        .unwrap();
    world.start_agent_with(world.hub.client(), world.managed.client_of("agent"));
    world
}

fn grants(kind: &str, namespace: Option<&str>, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "grasp", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "agent"}],
    })
}

#[tokio::test]
async fn a_hub_gets_no_more_than_its_agent_may() {
    let world = limited().await;
    let own = "open-cluster-management-agent";
    let secret = |name| {
        json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": own}, "stringData": {"cluster-name": "x"}})
    };
    let everything = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "agent"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    });
    let tried = [
        map("allowed", "1"),
        grants("ClusterRoleBinding", None, "cluster-admin"),
        grants("RoleBinding", Some("kube-system"), "admin"),
        everything,
        secret("hub-kubeconfig-secret"),
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "another", "namespace": own}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}),
    ];
    world.create_work("w", manifests(&tried)).await;
    world.not_applied("w").await;
    world.map_has("allowed", "1").await;
    for ordinal in 1..tried.len() {
        let applied = world.manifest_condition("w", ordinal, "Applied").await;
        let applied = applied.unwrap();
        let message = applied["message"].as_str().unwrap();
        assert_eq!(applied["status"], "False", "{ordinal}");
        assert!(message.contains("forbidden"), "{ordinal}: {message}");
    }
    let managed = world.on_managed();
    for absent in [
        format!("{RBAC}/clusterrolebindings/grasp"),
        format!("{RBAC}/namespaces/kube-system/rolebindings/grasp"),
        format!("/api/v1/namespaces/{own}/secrets/hub-kubeconfig-secret"),
        format!("/api/v1/namespaces/{own}/serviceaccounts/another"),
        "/api/v1/namespaces/mine".to_owned(),
    ] {
        assert_eq!(managed.get(&absent).await, None, "{absent}");
    }
    let role = managed.get(&format!("{RBAC}/clusterroles/agent")).await;
    assert_eq!(role.unwrap()["rules"].as_array().unwrap().len(), 4);
}

/// Whoever may not impersonate has no use for an executor, however much that may.
#[tokio::test]
async fn a_hub_borrows_no_account_that_its_agent_may_not_be() {
    let world = limited().await;
    let managed = world.on_managed();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "mighty"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "mighty", "namespace": "kube-system"}],
    });
    let bindings = format!("{RBAC}/clusterrolebindings");
    managed.post(&bindings, &binding).await.unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "grasp", "namespace": "kube-system"}});
    let mut spec = manifests(&[secret]);
    spec["executor"] = json!({"subject": {"type": "ServiceAccount",
        "serviceAccount": {"namespace": "kube-system", "name": "mighty"}}});
    world.create_work("w", spec).await;
    world.not_applied("w").await;
    let applied = world.manifest_condition("w", 0, "Applied").await.unwrap();
    let message = applied["message"].as_str().unwrap();
    assert!(message.contains("impersonate"), "{message}");
    let secret = "/api/v1/namespaces/kube-system/secrets/grasp";
    assert_eq!(managed.get(secret).await, None);
}

#[tokio::test]
async fn a_work_takes_nothing_away_by_what_agents_keep() {
    let world = World::start().await;
    world.create_work("good", manifests(&[map("a", "1")])).await;
    world.applied("good").await;
    let before = world.applied_work("good").await.unwrap();
    let name = before["metadata"]["name"].as_str().unwrap();
    let taken = json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "AppliedManifestWork",
        "metadata": {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"hubHash": "another", "agentID": "another", "manifestWorkName": "none"},
        "status": {"appliedResources": []},
    });
    let made = json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "AppliedManifestWork",
        "metadata": {"name": "another-hub-w"},
        "spec": {"hubHash": "another", "agentID": "another", "manifestWorkName": "w"},
    });
    let spec = manifests(&[taken, made, map("b", "1")]);
    world.create_work("hostile", spec).await;
    world.not_applied("hostile").await;
    world.map_has("b", "1").await;
    world.delete_work("hostile").await;
    world.work_gone("hostile").await;
    world.map_gone("b").await;
    assert_eq!(world.applied_work("good").await, Some(before));
    world.map_has("a", "1").await;
    let others = format!("{}/another-hub-w", APPLIED);
    assert_eq!(world.on_managed().get(&others).await, None);
}

/// Neither its size nor how much there is to tell of it stands in others' way.
#[tokio::test]
async fn a_giant_work_keeps_no_other_from_being_applied_and_goes() {
    let world = World::start().await;
    let mut large = map("large", "1");
    large["data"]["more"] = "x".repeat(900_000).into();
    world.create_work("large", manifests(&[large])).await;
    let many: Vec<Value> = (0..700).map(|n| map(&format!("m{n}"), "1")).collect();
    world.create_work("many", manifests(&many)).await;
    world
        .create_work("small", manifests(&[map("small", "1")]))
        .await;
    world.applied("small").await;
    world.applied("large").await;
    world.applied("many").await;
    for work in ["large", "many"] {
        world.delete_work(work).await;
        world.work_gone(work).await;
    }
    let left = world.on_managed().get(MAPS).await.unwrap();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

/// Nothing is taken for an answer that is none.
#[tokio::test]
async fn a_hub_that_talks_nonsense_changes_nothing() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "1")])).await;
    world.applied("w").await;
    let before = (world.map("a").await, world.applied_work("w").await);
    let nonsense: [(u16, &str); 9] = [
        (200, ""),
        (200, "<html>please log in</html>"),
        (200, "[]"),
        (200, "null"),
        (200, r#"{"items": [{"metadata": 5}]}"#),
        (200, r#"{"metadata": {"resourceVersion": "1"}, "items": [{"#),
        (204, ""),
        (302, "elsewhere"),
        (500, "\u{0}\u{1}\u{2}"),
    ];
    for (number, (code, body)) in nonsense.into_iter().enumerate() {
        world.stop_agent().await;
        let liar = Liar::new(world.hub.client(), move |_| Said::Lie(answer(code, body)));
        world.start_agent_with(liar.client(), world.managed.client());
        liar.has_told(3).await;
        let after = (world.map("a").await, world.applied_work("w").await);
        assert_eq!(after, before, "{code} {body}");
        liar.is_honest_from_now_on();
        let name = format!("w{number}");
        world
            .create_work(&name, manifests(&[map(&name, "1")]))
            .await;
        world.applied(&name).await;
    }
    let after = (world.map("a").await, world.applied_work("w").await);
    assert_eq!(after, before);
}

/// It may say what it likes of its works, and nothing is lost for it.
#[tokio::test]
async fn a_hub_whose_revisions_go_back_loses_nothing() {
    let mut world = World::start().await;
    world.create_work("w", manifests(&[map("a", "old")])).await;
    world.applied("w").await;
    let old = world.work("w").await.unwrap();
    let spec = manifests(&[map("a", "new"), map("b", "new")]);
    world.patch_work("w", json!({"spec": spec})).await;
    world.applied("w").await;
    world.map_has("b", "new").await;
    let uid = |object: Option<Value>| object.unwrap()["metadata"]["uid"].clone();
    let before = uid(world.map("a").await);
    world.stop_agent().await;
    let liar = Liar::new(world.hub.client(), move |request| {
        if request.method() == Method::GET && request.uri().path() == work_path("w") {
            return Said::Lie(answer(200, old.to_string()));
        }
        if !is_of_works(request) {
            return Said::Truth;
        }
        if is_watch(request) {
            // Events of earlier and earlier revisions, and then its end.
            let event = |number: u32| {
                let mut old = old.clone();
                old["metadata"]["resourceVersion"] = number.to_string().into();
                format!("{}\n", json!({"type": "MODIFIED", "object": old}))
            };
            let events: String = (2..50).rev().map(event).collect();
            return Said::Lie(answer(200, events));
        }
        let list = json!({"apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWorkList", "metadata": {"resourceVersion": "1"},
            "items": [old]});
        Said::Lie(answer(200, list.to_string()))
    });
    world.start_agent_with(liar.client(), world.managed.client());
    // It is its work, so that it may have it as it was.
    world.map_has("a", "old").await;
    world.map_gone("b").await;
    liar.is_honest_from_now_on();
    world.map_has("a", "new").await;
    world.map_has("b", "new").await;
    world.applied("w").await;
    assert_eq!(uid(world.map("a").await), before, "it was never deleted");
}

/// However much it tells, a work waits in one place, and others have their turn.
#[tokio::test]
async fn a_flood_of_events_is_gone_through_as_fast_as_it_goes_and_no_faster() {
    const EVENTS: usize = 10_000;
    let mut world = World::without_agent().await;
    let flooded = world
        .create_work("flooded", manifests(&[map("flooded", "0")]))
        .await;
    world
        .create_work("calm", manifests(&[map("calm", "1")]))
        .await;
    let flooding = AtomicUsize::new(0);
    let liar = Liar::new(world.hub.client(), move |request| {
        if !is_of_works(request) || !is_watch(request) {
            return Said::Truth;
        }
        if flooding.fetch_add(1, Ordering::SeqCst) > 0 {
            return Said::Silence;
        }
        let event = |number: usize| {
            let mut work = flooded.clone();
            work["metadata"]["resourceVersion"] = (1_000_000 + number).to_string().into();
            work["metadata"]["generation"] = (2 + number).into();
            work["spec"] = manifests(&[map("flooded", &number.to_string())]);
            format!("{}\n", json!({"type": "MODIFIED", "object": work}))
        };
        let events: String = (1..=EVENTS).map(event).collect();
        Said::Lie(answer(200, events))
    });
    let writes = Arc::new(AtomicUsize::new(0));
    let counting = Liar::new(world.managed.client(), {
        let writes = writes.clone();
        move |request| {
            let written =
                request.uri().path() == map_path("flooded") || request.uri().path() == MAPS;
            if written && request.method() != Method::GET {
                writes.fetch_add(1, Ordering::SeqCst);
            }
            Said::Truth
        }
    });
    world.start_agent_with(liar.client(), counting.client());
    world.map_has("calm", "1").await;
    world.map_has("flooded", &EVENTS.to_string()).await;
    let writes = writes.load(Ordering::SeqCst);
    assert!(writes < EVENTS / 2, "{writes} writes of one object");
}
