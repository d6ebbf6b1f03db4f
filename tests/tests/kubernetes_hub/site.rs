//! Kubernetes clusters: two are hubs, and one is managed.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tests::cluster::{API_PORT, Cluster, User};
use tests::fixture::Home;
use tests::hub::{Agent, CLUSTER_NAME, Hub};
use tests::kubectl::{Call, Kubectl};
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::scratch;
use tests::wait::{GENEROUS, once, until};

/// A cluster that is a hub, and the process that makes it one.
#[derive(Debug)]
pub(crate) struct HubCluster {
    pub(crate) cluster: Cluster,
    pub(crate) hub: Hub,
}

/// Everything, started.
#[derive(Debug)]
pub(crate) struct KubernetesHub {
    pub(crate) needs: &'static Needs,
    pub(crate) network: Network,
    /// The cluster that is the hub.
    pub(crate) main: Cluster,
    pub(crate) managed: Cluster,
    pub(crate) hub: Hub,
    _agent: Agent,
}

/// What leads the aggregation layer to the hub, which is no pod here.
fn service(address: Ipv4Addr) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: adit-hub, namespace: adit}}
spec:
  ports: [{{name: https, port: 443, targetPort: 8443}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: adit-hub
  namespace: adit
  labels: {{kubernetes.io/service-name: adit-hub}}
addressType: IPv4
ports: [{{name: https, port: 8443}}]
endpoints: [{{addresses: [{address}], conditions: {{ready: true}}}}]
"
    )
}

/// Who may reach the cluster; what he may do there is its own affair.
const ROLES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reach-clusters}
rules:
- {apiGroups: [cluster.core.oam.dev], resources: [clustergateways/proxy], verbs: ["*"], resourceNames: [edge, joined]}
- {apiGroups: [cluster.core.oam.dev], resources: [clustergateways], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reach-clusters}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reach-clusters}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}
"#;

impl KubernetesHub {
    /// Starts everything, and waits until kubectl reaches the managed cluster.
    pub(crate) async fn start(needs: &'static Needs) -> Result<Self> {
        let network = Network::create(2, Memory::Default)?;
        let managed = Box::pin(Cluster::start(needs, network.cluster(), CLUSTER)).await?;
        let HubCluster { cluster: main, hub } =
            Box::pin(HubCluster::start(needs, &network, 0)).await?;
        let admin = Kubectl::new(needs, network.hub(0), main.kubeconfig(), User::ADMIN.name)?;
        let credentials = hub.credentials(CLUSTER_NAME, "agent").await?;
        let of_managed = managed.kubeconfig();
        let agent = Agent::start(needs, network.cluster(), &credentials, &of_managed, &[])?;
        let this = Self {
            needs,
            network,
            main,
            managed,
            hub,
            _agent: agent,
        };
        let kubectl = this.through(User::ADMIN)?;
        let reached = async || {
            let answer = kubectl.run(&["get", "namespace", "default"]).await;
            once(answer.ok()?.code == 0)
        };
        let reached = until("the managed cluster behind the hub's", GENEROUS, reached).await;
        if let Err(error) = reached {
            let last = kubectl.run(&["get", "namespace", "default"]).await?;
            let service = admin
                .run(&["get", "apiservices", "-o", "yaml", APISERVICE])
                .await?;
            return Err(error.context(format!(
                "{last:?}\n{}\n{}",
                service.stdout,
                this.hub.process().output()
            )));
        }
        Ok(this)
    }

    /// Another hub in a cluster of its own, for a test that changes it.
    pub(crate) async fn another(&self) -> Result<HubCluster> {
        HubCluster::start(self.needs, &self.network, 1).await
    }

    /// kubectl for the cluster that is the hub.
    pub(crate) fn beside_hub(&self, user: User) -> Result<Kubectl> {
        let network = self.network.hub(0);
        Kubectl::new(self.needs, network, self.main.kubeconfig(), user.name)
    }

    /// kubectl for the managed cluster, whose kubeconfig says nothing but a path
    /// of the hub's kube-apiserver.
    pub(crate) fn through(&self, user: User) -> Result<Kubectl> {
        let address = self.network.hub_address(0);
        let file = path_to(CLUSTER_NAME, &self.main, address)?;
        Kubectl::new(self.needs, self.network.hub(0), file, user.name)
    }
}

/// A kubeconfig of a managed cluster: the hub cluster's with a path behind its server.
pub(crate) fn path_to(name: &str, hub: &Cluster, address: Ipv4Addr) -> Result<PathBuf> {
    let folder = scratch::fresh_folder("kubeconfig")?;
    let server = format!("https://{address}:{API_PORT}");
    let path = format!("{server}{GATEWAYS}/{name}/proxy");
    let text = fs::read_to_string(hub.kubeconfig())?.replace(&server, &path);
    let text = text.replace(
        "certificate-authority: apiserver-certs/apiserver.crt",
        &format!("certificate-authority: {}", hub.authority().display()),
    );
    let file = folder.join("config");
    fs::write(&file, text)?;
    Ok(file)
}

impl HubCluster {
    /// Starts it in the namespace of the hub of this number.
    async fn start(needs: &Needs, network: &Network, number: u8) -> Result<Self> {
        let (beside, address) = (network.hub(number), network.hub_address(number));
        let cluster = Box::pin(Cluster::for_a_hub(needs, beside, address)).await?;
        let admin = Kubectl::new(needs, beside, cluster.kubeconfig(), User::ADMIN.name)?;
        let kubeconfig = prepare(&admin, &cluster, address).await?;
        let service = "adit/adit-hub";
        let started = Hub::on_kubernetes(needs, beside, address.into(), &kubeconfig, service);
        let hub = Box::pin(started).await?;
        Ok(Self { cluster, hub })
    }
}

impl Home for KubernetesHub {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

pub(crate) const APISERVICE: &str = "v1alpha1.cluster.core.oam.dev";
pub(crate) const GATEWAYS: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways";

/// Has there what `deploy/` has, but for the pod; the hub's kubeconfig, with the
/// rights of its service account alone.
async fn prepare(admin: &Kubectl, main: &Cluster, address: Ipv4Addr) -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/hub-kubernetes.yaml");
    let manifest = fs::read_to_string(manifest)?;
    let wanted = [
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
    ];
    let kept: Vec<&str> = manifest
        .split("\n---\n")
        .filter(|object| {
            let kind = object.lines().find_map(|line| line.strip_prefix("kind: "));
            kind.is_some_and(|kind| wanted.contains(&kind))
        })
        .collect();
    let rights = kept.join("\n---\n");
    for objects in [rights.as_str(), &service(address), ROLES] {
        let call = Call::new(&["apply", "-f", "-"]).stdin(objects);
        let applied = admin.call(&call).await?;
        ensure!(applied.code == 0, "{}", applied.stderr);
    }
    let args = ["-n", "adit", "create", "token", "adit-hub", "--duration=8h"];
    let token = admin.run(&args).await?;
    ensure!(token.code == 0, "{}", token.stderr);
    let text = fs::read_to_string(main.kubeconfig())?;
    let text = text.replace(&User::ADMIN.token(), token.stdout.trim());
    let file = main.folder().join("adit-hub.kubeconfig");
    fs::write(&file, text)?;
    Ok(file)
}
