//! One hub and two clusters with agents.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use tests::cluster::{API_PORT, Cluster, User};
use tests::fixture::Home;
use tests::hub::{Agent, Hub};
use tests::kubectl::{Call, Kubectl};
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::scratch;

pub(crate) struct Spokes {
    pub(crate) needs: &'static Needs,
    pub(crate) network: Network,
    pub(crate) hub: Hub,
    pub(crate) spokes: [Spoke; 2],
    /// A file with the token of one who may reach Services only.
    pub(crate) token: PathBuf,
}

/// A cluster behind the NAT, and its agent.
pub(crate) struct Spoke {
    pub(crate) name: &'static str,
    pub(crate) network: Namespace,
    pub(crate) address: Ipv4Addr,
    pub(crate) cluster: Cluster,
    /// Of an administrator, beside the API server.
    pub(crate) kubectl: Kubectl,
    targets: PathBuf,
    _agent: Agent,
}

/// What the agent needs in the cluster, as docs/operating.md has it. Bob has no
/// other right.
const ROLE: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: adit-agent}
rules:
- {apiGroups: [""], resources: [users, groups], verbs: [impersonate]}
- {apiGroups: [""], resources: [services], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: adit-agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: adit-agent}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: bob}
---
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
"#;

pub(crate) const EXPOSED: &str = "expose: ['monitoring/*:*', 'default/kubernetes:https']\n";

impl Spokes {
    pub(crate) async fn start(needs: &'static Needs) -> Result<Self> {
        let mut network = Network::create(1, Memory::Default)?;
        let second = network.add_cluster()?;
        let hub = Hub::start(needs, network.hub(0), network.hub_address(0).into()).await?;
        let places = [network.cluster_at(0).clone(), network.cluster_at(1).clone()];
        let [first_place, second_place] = places;
        let spokes = [
            Box::pin(Spoke::start(needs, &hub, "spoke-a", first_place, CLUSTER)).await?,
            Box::pin(Spoke::start(needs, &hub, "spoke-b", second_place, second)).await?,
        ];
        let args = [
            "token",
            "create",
            "--user",
            "prometheus",
            "--group",
            "scrapers",
        ];
        let token = scratch::fresh_folder("token")?.join("token");
        fs::write(&token, hub.adit(&args).await?.ok().trim())?;
        Ok(Self {
            needs,
            network,
            hub,
            spokes,
            token,
        })
    }

    /// The hub's authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.hub.data().join("ca.crt")
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(&self.token).unwrap()
    }
}

impl Home for Spokes {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

impl Spoke {
    async fn start(
        needs: &'static Needs,
        hub: &Hub,
        name: &'static str,
        network: Namespace,
        address: Ipv4Addr,
    ) -> Result<Self> {
        let cluster = Box::pin(Cluster::start(needs, &network, address)).await?;
        let kubectl = Kubectl::new(needs, &network, cluster.kubeconfig(), User::ADMIN.name)?;
        let targets = scratch::fresh_folder("targets")?.join("targets.yaml");
        fs::write(&targets, EXPOSED)?;
        let credentials = hub.credentials(name, "agent").await?;
        let file = targets.to_string_lossy();
        let more = ["--context", User::BOB.name, "--targets", &file];
        let agent = Agent::start(needs, &network, &credentials, &cluster.kubeconfig(), &more)?;
        let this = Self {
            name,
            network,
            address,
            cluster,
            kubectl,
            targets: targets.clone(),
            _agent: agent,
        };
        this.apply(ROLE).await.context("the agent gets no rights")?;
        // The API server makes the Service, and here no endpoints for it.
        let slice = this.slice(("default", "kubernetes", 0), "https", API_PORT);
        this.apply(&slice).await?;
        Ok(this)
    }

    /// Replaces the agent's list of targets.
    pub(crate) fn set_targets(&self, text: &str) {
        let new = self.targets.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.targets).unwrap();
    }

    /// Makes a Service of the namespace `monitoring` whose endpoints are these
    /// ports of the cluster's address, or changes it.
    pub(crate) async fn serve(&self, service: &str, port: &str, endpoints: &[u16]) -> Result<()> {
        let mut objects = format!(
            r#"
apiVersion: v1
kind: Service
metadata: {{name: {service}, namespace: monitoring}}
spec: {{ports: [{{name: {port}, port: 9090}}]}}
"#
        );
        for (index, number) in endpoints.iter().enumerate() {
            objects += &self.slice(("monitoring", service, index), port, *number);
        }
        self.apply(&objects).await
    }

    /// One slice of a Service, with the cluster's address at this port.
    fn slice(&self, slice: (&str, &str, usize), port: &str, number: u16) -> String {
        let (namespace, service, index) = slice;
        format!(
            r#"---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {service}-{index}
  namespace: {namespace}
  labels: {{kubernetes.io/service-name: {service}}}
addressType: IPv4
ports: [{{name: {port}, port: {number}}}]
endpoints: [{{addresses: [{}]}}]
"#,
            self.address
        )
    }

    async fn apply(&self, objects: &str) -> Result<()> {
        let call = Call::new(&["apply", "-f", "-"]).stdin(objects);
        let applied = self.kubectl.call(&call).await?;
        ensure!(applied.code == 0, "cannot apply: {}", applied.stderr);
        Ok(())
    }
}
