//! Open Cluster Management's agent at a hub of Adit's.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::{Cluster, User};
use tests::fixture::{Fixture, Home};
use tests::hub::Hub;
use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::process::Process;
use tests::scratch;
use tests::wait::{once, until};

use super::asking::{apply, get, is_gone, kubeconfig, reason, run};
use super::programs::{MANAGED, Place, define};

/// A hub, and a cluster behind a NAT.
struct Site {
    needs: &'static Needs,
    network: Network,
    hub: Hub,
    cluster: Cluster,
}

static SITE: Fixture<Site> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let address = network.hub_address(0).into();
        let hub = Box::pin(Hub::start(needs, network.hub(0), address)).await?;
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
const NAME: &str = "theirs";
const MANAGED_CLUSTER: &str = "managedcluster theirs";
const AVAILABLE: &str = "ManagedClusterConditionAvailable";

/// The agent looks at some things every 30 s or every minute.
const PATIENT: Duration = Duration::from_secs(300);

const AGENTS_NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: open-cluster-management-agent}
";

const CLAIM: &str = "
apiVersion: cluster.open-cluster-management.io/v1alpha1
kind: ClusterClaim
metadata: {name: region.example.org}
spec: {value: north}
";

const WORK: &str = "
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: settings, namespace: theirs}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings, namespace: default}
      data: {colour: blue}
    - apiVersion: v1
      kind: Namespace
      metadata: {name: made-by-work}
  manifestConfigs:
  - resourceIdentifier: {group: '', resource: configmaps, name: settings, namespace: default}
    feedbackRules:
    - type: JSONPaths
      jsonPaths: [{name: colour, path: .data.colour}]
";

const ADD_ON: &str = "
apiVersion: addon.open-cluster-management.io/v1alpha1
kind: ManagedClusterAddOn
metadata: {name: lamp, namespace: theirs}
spec: {installNamespace: default}
";

/// What the test talks to.
struct Ends {
    hub: Kubectl,
    cluster: Kubectl,
    /// Where the registration agent keeps its credential.
    kept: PathBuf,
}

impl Site {
    fn ends(&self) -> Ends {
        let of_cluster = self.cluster.kubeconfig();
        let inside = self.network.cluster();
        Ends {
            hub: self.hub.kubectl(self.needs).unwrap(),
            cluster: Kubectl::new(self.needs, inside, of_cluster, User::ADMIN.name).unwrap(),
            kept: scratch::fresh_folder("hub-kubeconfig").unwrap(),
        }
    }

    /// What `clusteradm join` makes of what `clusteradm get token` prints.
    async fn bootstrap_kubeconfig(&self, hub: &Kubectl) -> PathBuf {
        let hub = hub.in_namespace("open-cluster-management");
        let token = run(&hub, &["create", "token", "agent-registration-bootstrap"]).await;
        let server = format!("https://{}", self.hub.address());
        let authority = self.hub.data().join("ca.crt");
        kubeconfig(&server, authority.to_str().unwrap(), token.trim())
    }
}

/// Chapter 1.3 to 1.6 and 2.4, 2.5 of the reference, from the other side.
#[test]
fn their_agent_joins_a_hub_of_ours_and_applies_its_works() {
    SITE.test(async |site| {
        let ends = site.ends();
        define(site.needs, &ends.cluster, &MANAGED).await;
        apply(&ends.cluster, AGENTS_NAMESPACE).await;
        apply(&ends.cluster, CLAIM).await;
        let bootstrap = site.bootstrap_kubeconfig(&ends.hub).await;
        let place = Place {
            needs: site.needs,
            network: site.network.cluster(),
            kubeconfig: site.cluster.kubeconfig(),
        };
        let registration = place.registration_agent(NAME, &bootstrap, &ends.kept);

        joins(site, &ends, &registration).await;
        rotates(&ends, &registration).await;
        let work = place.work_agent(NAME, &ends.kept);
        works(&ends, &work).await;
        is_asked_about_add_ons(&ends, &registration).await;
        drop(registration);
        is_missed(&ends).await;
    });
}

/// It asks, is accepted, and tells how the cluster is.
async fn joins(site: &Site, ends: &Ends, agent: &Process) {
    let asked = async || {
        get(&ends.hub, MANAGED_CLUSTER).await?;
        let requests = get(&ends.hub, "csr").await?;
        once(!requests["items"].as_array()?.is_empty())
    };
    let asked = agent.until("a certificate request", PATIENT, asked).await;
    asked.unwrap();
    let accepted = site.hub.adit(&["accept", NAME]).await;
    accepted.unwrap().ok();

    let told = async || {
        let cluster = get(&ends.hub, MANAGED_CLUSTER).await?;
        let claims = cluster["status"]["clusterClaims"].as_array()?;
        let claim = json!({"name": "region.example.org", "value": "north"});
        once(reason(&cluster, AVAILABLE, "True").is_some() && claims.contains(&claim))?;
        Some(cluster)
    };
    let told = agent.until("an available cluster with its claims", PATIENT, told);
    let cluster = told.await.unwrap();
    let of = |kind| reason(&cluster, kind, "True").unwrap_or_default();
    assert_eq!(of("HubAcceptedManagedCluster"), "HubClusterAdminAccepted");
    assert_eq!(of("ManagedClusterJoined"), "ManagedClusterJoined");
    assert_eq!(of(AVAILABLE), "ManagedClusterAvailable");
    assert!(cluster["status"]["version"]["kubernetes"].is_string());

    let renewed = async || {
        let lease = get(&ends.hub, "lease --namespace=theirs managed-cluster-lease").await?;
        let cluster = get(&ends.hub, MANAGED_CLUSTER).await?;
        once(lease["spec"]["renewTime"].is_string())?;
        reason(&cluster, "ManagedClusterConditionClockSynced", "True")
    };
    let renewed = agent.until("a lease that the hub has seen", PATIENT, renewed);
    assert_eq!(renewed.await.unwrap(), "ManagedClusterClockSynced");
}

/// Without its certificate it asks for another one by the one that it goes by,
/// which nobody has to approve.
async fn rotates(ends: &Ends, agent: &Process) {
    let kept = ends.kept.join("tls.crt");
    let first = fs::read(&kept).unwrap();
    let secrets = ends.cluster.in_namespace("open-cluster-management-agent");
    let without = r#"[{"op": "remove", "path": "/data/tls.crt"}]"#;
    let patch = [
        "patch",
        "secret",
        "hub-kubeconfig-secret",
        "--type=json",
        "--patch",
        without,
    ];
    run(&secrets, &patch).await;
    let rotated = async || {
        let cluster = get(&ends.hub, MANAGED_CLUSTER).await?;
        let now = fs::read(&kept).ok()?;
        once(!now.is_empty() && now != first)?;
        reason(&cluster, "ClusterCertificateRotated", "True")
    };
    let rotated = agent.until("another certificate", PATIENT, rotated).await;
    assert_eq!(rotated.unwrap(), "ClientCertificateUpdated");
    let requests = get(&ends.hub, "csr").await.unwrap();
    let approved = |request: &Value| reason(request, "Approved", "True");
    let requests = requests["items"].as_array().unwrap();
    let by_hub = "AutoApprovedByHubCSRApprovingController".to_owned();
    assert!(
        requests
            .iter()
            .filter_map(approved)
            .any(|why| why == by_hub),
        "{requests:?}"
    );
}

/// It applies a work, tells what became of it, and takes it away again.
async fn works(ends: &Ends, agent: &Process) {
    const NAMED: &str = "manifestwork --namespace=theirs settings";
    apply(&ends.hub, WORK).await;
    let applied = async || {
        let work = get(&ends.hub, NAMED).await?;
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
    assert!(get(&ends.cluster, "namespace made-by-work").await.is_some());

    let redder = WORK.replace("blue", "red");
    apply(&ends.hub, &redder).await;
    let changed = async || {
        let settings = get(&ends.cluster, "configmap --namespace=default settings").await?;
        once(settings["data"]["colour"] == "red")
    };
    agent.until("the change", PATIENT, changed).await.unwrap();

    run(
        &ends.hub,
        &["delete", "manifestwork", "--namespace=theirs", "settings"],
    )
    .await;
    let gone = async || is_gone(&ends.cluster, "configmap --namespace=default settings").await;
    until("the end of what a work made", PATIENT, gone)
        .await
        .unwrap();
}

/// Chapter 4.4: an add-on that nobody has heard of.
async fn is_asked_about_add_ons(ends: &Ends, agent: &Process) {
    apply(&ends.hub, ADD_ON).await;
    let judged = async || {
        let add_on = get(&ends.hub, "managedclusteraddon --namespace=theirs lamp").await?;
        reason(&add_on, "Available", "Unknown")
    };
    let judged = agent.until("a word on an add-on", PATIENT, judged).await;
    assert_eq!(judged.unwrap(), "ManagedClusterAddOnLeaseNotFound");
}

/// Its lease tells the hub that it has gone.
async fn is_missed(ends: &Ends) {
    let often = r#"{"spec": {"leaseDurationSeconds": 1}}"#;
    let patch = [
        "patch",
        "managedcluster",
        NAME,
        "--type=merge",
        "--patch",
        often,
    ];
    run(&ends.hub, &patch).await;
    let missed = async || {
        let cluster = get(&ends.hub, MANAGED_CLUSTER).await?;
        let taints = cluster["spec"]["taints"].as_array()?;
        let unreachable = "cluster.open-cluster-management.io/unreachable";
        once(taints.iter().any(|taint| taint["key"] == unreachable))?;
        reason(&cluster, AVAILABLE, "Unknown")
    };
    let missed = until("a cluster that is missed", PATIENT, missed).await;
    assert_eq!(missed.unwrap(), "ManagedClusterLeaseUpdateStopped");
}
