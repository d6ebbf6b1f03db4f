//! A cluster joins a hub that is a Kubernetes cluster, by nothing but the
//! tunnel's port; it is reached, given work, follows the hub's authorities, and
//! leaves. The hub is the test's own: others replace authorities too.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::cluster::User;
use tests::command::{self, Output};
use tests::kubectl::{Call, Kubectl};
use tests::namespace::Namespace;
use tests::process::Process;
use tests::scratch;
use tests::wait::{self, GENEROUS, once};

use crate::SITE;
use crate::site::{HubCluster, KubernetesHub, path_to};

/// The name that the cluster joins under.
const NAME: &str = "joined";

/// A hub of the test's own, and a cluster that joins it.
struct Joining {
    site: &'static KubernetesHub,
    own: HubCluster,
    /// For the hub's cluster, as its administrator.
    admin: Kubectl,
    /// For the managed cluster, beside it.
    managed: Kubectl,
    folder: PathBuf,
}

impl Joining {
    async fn start(site: &'static KubernetesHub) -> Self {
        let own = Box::pin(site.another()).await.unwrap();
        let at = |network: &Namespace, kubeconfig| {
            Kubectl::new(site.needs, network, kubeconfig, User::ADMIN.name).unwrap()
        };
        Self {
            admin: at(site.network.hub(1), own.cluster.kubeconfig()),
            managed: at(site.network.cluster(), site.managed.kubeconfig()),
            folder: scratch::fresh_folder("joining").unwrap(),
            site,
            own,
        }
    }

    /// Runs a command of the product as the administrator of the hub's cluster,
    /// who knows nothing else of the hub.
    async fn ask(&self, args: &[&str]) -> Output {
        let mut command = self.site.network.hub(1).command(&self.site.needs.adit);
        command.args(args);
        command
            .arg("--kubeconfig")
            .arg(self.own.cluster.kubeconfig());
        command::run(command, Vec::new(), 2 * GENEROUS)
            .await
            .unwrap()
    }

    /// The same; it has to succeed.
    async fn asked(&self, args: &[&str]) -> String {
        let output = self.ask(args).await;
        assert_eq!(output.code, 0, "{args:?}: {}", output.stderr);
        output.stdout
    }

    fn beside(&self, args: &[&str]) -> Command {
        let mut command = self.site.network.cluster().command(&self.site.needs.adit);
        command
            .args(args)
            .arg("--kubeconfig")
            .arg(self.site.managed.kubeconfig())
            .arg("--state-dir")
            .arg(self.folder.join("state"));
        command
    }

    /// Starts the agent with these arguments.
    fn join(&self, args: &[&str]) -> Process {
        let command = self.beside(&[&["join"], args].concat());
        Process::start("join", command).unwrap()
    }

    async fn condition(&self, kind: &str) -> Option<String> {
        let args = ["get", "managedcluster", NAME, "-o", "json"];
        let json = self.admin.run(&args).await.ok()?.stdout;
        let cluster: Value = serde_json::from_str(&json).ok()?;
        let mut conditions = cluster["status"]["conditions"].as_array()?.iter();
        let found = conditions.find(|of| of["type"] == kind)?;
        found["status"].as_str().map(str::to_owned)
    }

    async fn until_available(&self, agent: &Process) {
        for kind in ["ManagedClusterJoined", "ManagedClusterConditionAvailable"] {
            let is = async || once(self.condition(kind).await.as_deref() == Some("True"));
            agent.until(kind, GENEROUS, is).await.unwrap();
        }
    }

    /// How many agents of the cluster are connected.
    async fn agents(&self) -> Option<usize> {
        let listed = self.ask(&["clusters", "--output", "json"]).await;
        let listed: Value = serde_json::from_str(&listed.stdout).ok()?;
        let mut clusters = listed["clusters"].as_array()?.iter();
        let Some(cluster) = clusters.find(|of| of["name"] == NAME) else {
            return Some(0);
        };
        Some(cluster["sessions"].as_array()?.len())
    }

    async fn gone(&self, kubectl: &Kubectl, args: &[&str]) {
        let args = [&["get"], args, &["--ignore-not-found", "-o", "name"]].concat();
        let gone = async || {
            let shown = kubectl.run(&args).await.ok()?;
            once(shown.code == 0 && shown.stdout.trim().is_empty())
        };
        let waited = wait::until("the end of what there was", GENEROUS, gone).await;
        waited.unwrap_or_else(|error| panic!("{args:?}: {error}"));
    }
}

/// Made on the hub for the cluster.
const WORK: &str = r#"
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: greeting, namespace: joined}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: by-work, namespace: default}
      data: {greeting: hello}
"#;

impl Joining {
    /// Makes a token, and joins with what is printed; the agent, and the token's id.
    async fn invited(&self) -> (Process, String) {
        let printed = self
            .asked(&["token", "create", "--join", "--cluster-name", NAME])
            .await;
        let words: Vec<&str> = printed.split_whitespace().collect();
        assert_eq!(words[..2], ["adit", "join"], "{printed}");
        let token = words.iter().position(|word| *word == "--token").unwrap() + 1;
        let (id, _) = words[token].split_once('.').unwrap();
        let listed = self.asked(&["token", "list"]).await;
        let line = listed.lines().find(|line| line.starts_with(id));
        assert!(line.is_some_and(|line| line.contains(NAME)), "{listed}");
        let counted = self
            .ask(&["token", "create", "--join", "--uses", "2"])
            .await;
        assert_eq!(counted.code, 1, "{counted:?}");
        let by_token = [&["join"], &words[2..], &["--registration-auth", "token"]].concat();
        let refused = command::run(self.beside(&by_token), Vec::new(), GENEROUS);
        let refused = refused.await.unwrap();
        assert!(
            refused.code == 1 && refused.stderr.contains("the hub is a Kubernetes cluster"),
            "{refused:?}"
        );
        (self.join(&words[2..]), id.to_owned())
    }

    /// Has a work applied, and reads what it brought by the kube-apiserver's own path.
    async fn works(&self, agent: &Process) {
        let call = Call::new(&["apply", "-f", "-"]).stdin(WORK);
        let made = self.admin.call(&call).await.unwrap();
        assert_eq!(made.code, 0, "{}", made.stderr);
        let network = self.site.network.hub(1);
        let path = path_to(NAME, &self.own.cluster, self.site.network.hub_address(1)).unwrap();
        let alice = Kubectl::new(self.site.needs, network, path, User::ALICE.name).unwrap();
        let args = [
            "get",
            "configmap",
            "by-work",
            "-o",
            "jsonpath={.data.greeting}",
        ];
        let reads = async || once(alice.run(&args).await.ok()?.stdout == "hello");
        agent
            .until("the work's object", GENEROUS, reads)
            .await
            .unwrap();
    }

    /// Replaces the hub's authority under the agent; returns the agent, started
    /// again with nothing but what it has kept.
    async fn goes_over(&self, agent: Process) -> Process {
        let rotated = self.own.hub.adit(&["ca", "rotate"]).await.unwrap();
        assert_eq!(rotated.code, 0, "{}", rotated.stderr);
        let told = async || once(agent.output().contains("the hub has other authorities"));
        agent.until("trust in both", GENEROUS, told).await.unwrap();
        let retired = self.own.hub.adit(&["ca", "retire"]).await.unwrap();
        assert_eq!(retired.code, 0, "{}", retired.stderr);
        drop(agent);
        let none = async || once(self.agents().await? == 0);
        wait::until("the session's end", GENEROUS, none)
            .await
            .unwrap();
        let agent = self.join(&[]);
        let one = async || once(self.agents().await? == 1);
        agent.until("a session", GENEROUS, one).await.unwrap();
        self.until_available(&agent).await;
        agent
    }

    /// Lets the cluster go; nothing of it is left at either end.
    async fn detached(&self, agent: Process, token: &str) {
        self.asked(&["token", "revoke", token]).await;
        let listed = self.asked(&["token", "list"]).await;
        assert!(!listed.contains(token), "{listed}");
        let shown = self.asked(&["clusters", "--output", "wide"]).await;
        assert!(shown.contains(NAME), "{shown}");
        self.asked(&["detach", NAME]).await;
        let gone = async || once(self.agents().await? == 0);
        agent
            .until("its session's end", GENEROUS, gone)
            .await
            .unwrap();
        self.gone(&self.managed, &["configmap", "by-work"]).await;
        self.gone(&self.managed, &["appliedmanifestworks"]).await;
        self.gone(&self.admin, &["managedcluster", NAME]).await;
        self.gone(&self.admin, &["-n", NAME, "manifestworks"]).await;
        self.gone(&self.admin, &["-n", NAME, "rolebindings"]).await;
        for name in ["clusterrole", "clusterrolebinding"] {
            let of_it = format!("open-cluster-management:managedcluster:{NAME}");
            self.gone(&self.admin, &[name, &of_it]).await;
        }
        drop(agent);
        let left = command::run(self.beside(&["unjoin"]), Vec::new(), GENEROUS);
        let left = left.await.unwrap();
        assert_eq!(left.code, 0, "{}", left.stderr);
        self.gone(
            &self.managed,
            &[
                "crd",
                "appliedmanifestworks.work.open-cluster-management.io",
            ],
        )
        .await;
    }
}

#[test]
fn a_cluster_joins_by_the_tunnel_with_a_certificate_of_the_hubs_cluster() {
    SITE.test(async |site| {
        let joining = Box::pin(Joining::start(site)).await;
        let (agent, token) = Box::pin(joining.invited()).await;
        joining.asked(&["accept", NAME, "--wait", "2m"]).await;
        // The agent writes its status and its lease in the hub's cluster, as itself.
        joining.until_available(&agent).await;
        assert_eq!(joining.agents().await, Some(1));
        Box::pin(joining.works(&agent)).await;
        let agent = Box::pin(joining.goes_over(agent)).await;
        Box::pin(joining.detached(agent, &token)).await;
    });
}
