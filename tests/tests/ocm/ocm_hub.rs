//! Adit's agent at a hub under Open Cluster Management's controllers.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tests::cluster::{API_PORT, Cluster, User};
use tests::command;
use tests::fixture::{Fixture, Home};
use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::pki::Authority;
use tests::process::Process;
use tests::scratch;
use tests::wait::{once, until};

use super::asking::{apply, get, is_gone, kubeconfig, reason, run};
use super::programs::{HUB, Place, define};

/// A Kubernetes cluster that is a hub, and one behind a NAT.
struct Site {
    needs: &'static Needs,
    network: Network,
    hub: Cluster,
    cluster: Cluster,
}

static SITE: Fixture<Site> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let hub = Cluster::without_nodes(needs, network.hub(0), network.hub_address(0));
        let hub = Box::pin(hub).await?;
        let cluster = Cluster::without_nodes(needs, network.cluster(), CLUSTER);
        let cluster = Box::pin(cluster).await?;
        Ok(Site {
            needs,
            network,
            hub,
            cluster,
        })
    })
});

impl Home for Site {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

/// What the managed cluster is called.
const NAME: &str = "ours";
const MANAGED_CLUSTER: &str = "managedcluster ours";
const AVAILABLE: &str = "ManagedClusterConditionAvailable";

/// Their controllers look at some things every minute.
const PATIENT: Duration = Duration::from_secs(300);

/// What `clusteradm init` makes for those who join.
const BOOTSTRAP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: open-cluster-management}
---
apiVersion: v1
kind: Namespace
metadata: {name: open-cluster-management-hub}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent-registration-bootstrap, namespace: open-cluster-management}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: 'open-cluster-management:bootstrap'}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get]}
- {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create, get, list, watch]}
- {apiGroups: [cluster.open-cluster-management.io], resources: [managedclusters], verbs: [get, create, list, watch]}
- {apiGroups: [cluster.open-cluster-management.io], resources: [managedclustersets/join], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'open-cluster-management:bootstrap'}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'open-cluster-management:bootstrap'}
subjects:
- {kind: ServiceAccount, name: agent-registration-bootstrap, namespace: open-cluster-management}
"#;

const HOOKS: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: managedclusters}
webhooks:
- name: mutating.managedclusters.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig:
    url: https://127.0.0.1:9443/mutate-cluster-open-cluster-management-io-v1-managedcluster
    caBundle: {authority}
  rules: [{apiGroups: [cluster.open-cluster-management.io], apiVersions: ['*'], resources: [managedclusters], operations: [CREATE, UPDATE]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: managedclusters}
webhooks:
- name: validating.managedclusters.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig:
    url: https://127.0.0.1:9443/validate-cluster-open-cluster-management-io-v1-managedcluster
    caBundle: {authority}
  rules: [{apiGroups: [cluster.open-cluster-management.io], apiVersions: ['*'], resources: [managedclusters], operations: [CREATE, UPDATE]}]
"#;

const WORK: &str = "
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: settings, namespace: ours}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings, namespace: default}
      data: {colour: blue}
  manifestConfigs:
  - resourceIdentifier: {group: '', resource: configmaps, name: settings, namespace: default}
    feedbackRules:
    - type: JSONPaths
      jsonPaths: [{name: colour, path: .data.colour}]
";

/// A set of works, and a placement that nobody schedules.
const SET: &str = "
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: all, namespace: default}
spec: {}
---
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: PlacementDecision
metadata:
  name: all-decision-1
  namespace: default
  labels:
    cluster.open-cluster-management.io/placement: all
    cluster.open-cluster-management.io/decision-group-name: ''
    cluster.open-cluster-management.io/decision-group-index: '0'
---
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: everywhere, namespace: default}
spec:
  placementRefs: [{name: all, rolloutStrategy: {type: All}}]
  manifestWorkTemplate:
    workload:
      manifests:
      - apiVersion: v1
        kind: ConfigMap
        metadata: {name: everywhere, namespace: default}
        data: {from: a set}
";

/// What the test talks to, and what runs for it.
struct Ends {
    hub: Kubectl,
    cluster: Kubectl,
    controllers: Process,
    _works: Process,
    _hooks: Process,
}

impl Site {
    /// Starts the hub's controllers and webhook.
    async fn ends(&self) -> Ends {
        let (outside, inside) = (self.network.hub(0), self.network.cluster());
        let kubectl = |network, of: &Cluster| {
            Kubectl::new(self.needs, network, of.kubeconfig(), User::ADMIN.name).unwrap()
        };
        let hub = kubectl(outside, &self.hub);
        define(self.needs, &hub, &HUB).await;
        apply(&hub, BOOTSTRAP).await;
        let place = Place {
            needs: self.needs,
            network: outside,
            kubeconfig: self.hub.kubeconfig(),
        };
        let namespace = "--namespace=open-cluster-management-hub";
        let works = [
            "manager",
            namespace,
            "--work-driver=kube",
            "--feature-gates=ManifestWorkReplicaSet=true",
        ];
        Ends {
            controllers: place.start("ocm-registration", 9445, &["controller", namespace]),
            _works: place.start("ocm-work", 9446, &works),
            _hooks: self.hooks(&hub).await,
            cluster: kubectl(inside, &self.cluster),
            hub,
        }
    }

    /// Starts the webhook, and has the hub ask it.
    async fn hooks(&self, hub: &Kubectl) -> Process {
        let folder = scratch::fresh_folder("webhook").unwrap();
        let authority = Authority::unknown().unwrap();
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (certificate, key) = authority.server_pem(here).unwrap();
        fs::write(folder.join("tls.crt"), certificate).unwrap();
        fs::write(folder.join("tls.key"), key).unwrap();
        let program = self.needs.peers.join("ocm-registration");
        let mut command = self.network.hub(0).command(program);
        command
            .args(["webhook-server", "--port=9443", "--certdir"])
            .arg(folder)
            .env("KUBECONFIG", self.hub.kubeconfig());
        let process = Process::start("webhook", command).unwrap();
        let serves = async || once(process.output().contains("Serving webhook server"));
        let serves = process.until("a webhook that serves", PATIENT, serves);
        serves.await.unwrap();
        let authority = BASE64.encode(authority.pem());
        apply(hub, &HOOKS.replace("{authority}", &authority)).await;
        process
    }

    async fn bootstrap_kubeconfig(&self, hub: &Kubectl) -> PathBuf {
        let hub = hub.in_namespace("open-cluster-management");
        let token = run(&hub, &["create", "token", "agent-registration-bootstrap"]).await;
        let server = format!("https://{}:{API_PORT}", self.network.hub_address(0));
        let authority = self.hub.authority();
        kubeconfig(&server, authority.to_str().unwrap(), token.trim())
    }

    /// Starts `adit join`.
    fn agent(&self, bootstrap: &Path, state: &Path) -> Process {
        let mut command = self.network.cluster().command(&self.needs.adit);
        command
            .args(["join", "--cluster-name", NAME, "--hub-kubeconfig"])
            .arg(bootstrap)
            .arg("--kubeconfig")
            .arg(self.cluster.kubeconfig())
            .arg("--state-dir")
            .arg(state);
        Process::start("join", command).unwrap()
    }
}

/// Chapter 1.3 to 1.6, 1.13, 2.4, 2.5 and 2.9 of the reference.
#[test]
fn our_agent_joins_a_hub_of_theirs_and_applies_its_works() {
    SITE.test(async |site| {
        let ends = site.ends().await;
        let bootstrap = site.bootstrap_kubeconfig(&ends.hub).await;
        let state = scratch::fresh_folder("state").unwrap();
        let agent = site.agent(&bootstrap, &state);

        joins(site, &ends, &agent).await;
        works(&ends, &agent).await;
        sets(&ends, &agent).await;
        drop(agent);
        let agent = site.agent(&bootstrap, &state);
        goes(&ends, &agent).await;
    });
}

/// It asks, is accepted, and tells how the cluster is.
async fn joins(site: &Site, ends: &Ends, agent: &Process) {
    let asked = async || {
        let requests = get(&ends.hub, "csr").await?;
        once(!requests["items"].as_array()?.is_empty())
    };
    let asked = agent.until("a certificate request", PATIENT, asked).await;
    asked.unwrap();
    let mut accept = site.network.hub(0).command(&site.needs.adit);
    accept
        .args(["accept", NAME, "--wait", "2m", "--kubeconfig"])
        .arg(site.hub.kubeconfig());
    let accepted = command::run(accept, Vec::new(), PATIENT).await;
    accepted.unwrap().ok();

    let available = async || {
        let cluster = get(&ends.hub, MANAGED_CLUSTER).await?;
        reason(&cluster, AVAILABLE, "True")?;
        reason(&cluster, "ManagedClusterConditionClockSynced", "True")?;
        once(
            cluster["spec"]["taints"]
                .as_array()
                .is_none_or(Vec::is_empty),
        )
        .map(|()| cluster)
    };
    let available = agent
        .until("an available cluster", PATIENT, available)
        .await;
    let cluster = available
        .map_err(|error| error.context(ends.controllers.output()))
        .unwrap();
    let of = |kind| reason(&cluster, kind, "True").unwrap_or_default();
    assert_eq!(of("HubAcceptedManagedCluster"), "HubClusterAdminAccepted");
    assert_eq!(of("ManagedClusterJoined"), "ManagedClusterJoined");
    assert_eq!(of(AVAILABLE), "ManagedClusterAvailable");
    let told = async || {
        let events = get(&ends.hub, "events.events.k8s.io --namespace=ours").await?;
        let events = events["items"].as_array()?;
        once(events.iter().any(|event| event["reason"] == "Available"))
    };
    agent.until("an Event", PATIENT, told).await.unwrap();
    // Their webhook has seen it.
    let set = &cluster["metadata"]["labels"]["cluster.open-cluster-management.io/clusterset"];
    assert_eq!(set, "default");
}

/// It applies a work, and tells what became of it.
async fn works(ends: &Ends, agent: &Process) {
    apply(&ends.hub, WORK).await;
    let applied = async || {
        let work = get(&ends.hub, "manifestwork --namespace=ours settings").await?;
        let told = (
            reason(&work, "Applied", "True")?,
            reason(&work, "Available", "True")?,
        );
        let first = &work["status"]["resourceStatus"]["manifests"][0];
        let colour = &first["statusFeedback"]["values"][0];
        once(colour["fieldValue"]["string"] == "blue").map(|()| told)
    };
    let applied = agent.until("feedback of a work", PATIENT, applied).await;
    let expected = ["AppliedManifestWorkComplete", "ResourcesAvailable"].map(str::to_owned);
    assert_eq!(<[String; 2]>::from(applied.unwrap()), expected);
}

/// Their controller makes a work of a set by a decision written by hand, and
/// reads from the agent's conditions that it is applied.
async fn sets(ends: &Ends, agent: &Process) {
    apply(&ends.hub, SET).await;
    let decided = r#"{"status": {"decisions": [{"clusterName": "ours", "reason": ""}]}}"#;
    let selected = r#"{"status": {"numberOfSelectedClusters": 1, "conditions": []}}"#;
    for (what, status) in [
        ("placementdecision/all-decision-1", decided),
        ("placement/all", selected),
    ] {
        let default = ends.hub.in_namespace("default");
        let patch = [
            "patch",
            what,
            "--subresource=status",
            "--type=merge",
            "--patch",
            status,
        ];
        run(&default, &patch).await;
    }
    let counted = async || {
        let named = "manifestworkreplicaset --namespace=default everywhere";
        let set = get(&ends.hub, named).await?;
        let summary = &set["status"]["summary"];
        once(summary["total"] == 1 && summary["Applied"] == 1 && summary["available"] == 1)?;
        reason(&set, "ManifestworkApplied", "True")
    };
    let counted = agent.until("a set that is applied", PATIENT, counted).await;
    assert_eq!(counted.unwrap(), "AsExpected");
    let made = get(&ends.cluster, "configmap --namespace=default everywhere").await;
    assert_eq!(made.unwrap()["data"]["from"], "a set");

    let set = [
        "delete",
        "manifestworkreplicaset",
        "--namespace=default",
        "everywhere",
    ];
    run(&ends.hub, &set).await;
    let gone = async || is_gone(&ends.cluster, "configmap --namespace=default everywhere").await;
    agent
        .until("the end of a set", PATIENT, gone)
        .await
        .unwrap();
}

/// Deleted on the hub, the cluster is rid of its works before it is gone.
async fn goes(ends: &Ends, agent: &Process) {
    run(
        &ends.hub,
        &["delete", "managedcluster", NAME, "--wait=false"],
    )
    .await;
    let gone = async || is_gone(&ends.hub, MANAGED_CLUSTER).await;
    let gone = agent.until("the end of a cluster", PATIENT, gone).await;
    gone.unwrap();
    let settings = async || is_gone(&ends.cluster, "configmap --namespace=default settings").await;
    until("the end of its works", PATIENT, settings)
        .await
        .unwrap();
}
