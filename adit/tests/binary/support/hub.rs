//! A hub on a loopback port.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Finished, Identity, Process, arg, run, until, yaml};

/// A hub, its data directory, and what is asked of it.
#[derive(Debug)]
pub(crate) struct TestHub {
    folder: TempDir,
    process: Process,
    address: SocketAddr,
}

impl TestHub {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a hub with further arguments.
    pub(crate) async fn start_with(args: &[&str]) -> Self {
        Self::start_in(args, &[]).await
    }

    /// Starts a hub with further arguments and environment variables.
    pub(crate) async fn start_in(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, address) = launch(folder.path(), "127.0.0.1:0", args, environment).await;
        Self {
            folder,
            process,
            address,
        }
    }

    /// Ends the hub and starts it again on the same data and port.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Ends the hub.
    pub(crate) async fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        assert_eq!(
            self.process.end().await,
            Some(0),
            "{}",
            self.process.stderr()
        );
    }

    /// Starts it again on what is in its data directory, and on its port.
    pub(crate) async fn start_again(&mut self) {
        let (process, _) = launch(self.folder.path(), &self.address.to_string(), &[], &[]).await;
        self.process = process;
    }

    /// What the hub has logged since it was last started.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The address behind these words in the hub's log, when they are there.
    pub(crate) async fn logged_address(&self, words: &str) -> SocketAddr {
        let logged = || {
            let log = self.process.stderr();
            let (_, rest) = log.split_once(words)?;
            let (address, _) =
                rest.split_once(|c: char| !c.is_ascii_digit() && !".:".contains(c))?;
            address.parse().ok()
        };
        until(words, async || logged().is_some()).await;
        logged().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// A path beside the data directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command with the hub's data directory; it has to succeed.
    pub(crate) async fn adit(&self, args: &[&str]) -> Finished {
        let data = self.data();
        let finished = run(&[args, &["--data-dir", arg(&data)]].concat()).await;
        assert_eq!(finished.code, 0, "{args:?}: {}", finished.stderr);
        finished
    }

    /// Issues credentials and returns their file.
    pub(crate) async fn credentials(&self, cluster: &str, agent: &str) -> PathBuf {
        let file = self.beside(&format!("{cluster}-{agent}.yaml"));
        self.adit(&[
            "credentials",
            cluster,
            "--agent",
            agent,
            "--output",
            arg(&file),
        ])
        .await;
        file
    }

    /// Starts an agent that serves no API.
    pub(crate) fn agent(&self, credentials: &Path) -> Process {
        Self::agent_for(credentials, "192.0.2.1:80")
    }

    /// Starts an agent that serves no API, and lets the hub reach a target.
    pub(crate) fn agent_for(credentials: &Path, target: &str) -> Process {
        let args = [
            "agent",
            "--credentials",
            arg(credentials),
            "--allow-target",
            target,
        ];
        Process::start(&args)
    }

    /// Makes a cluster known and starts an agent for it that lets the hub
    /// reach a target; waits for its session.
    pub(crate) async fn cluster_with(&self, cluster: &str, target: &str) -> Process {
        let credentials = self.credentials(cluster, "agent").await;
        let agent = Self::agent_for(&credentials, target);
        until("the agent's session", async || {
            self.sessions(cluster).await.len() == 1
        })
        .await;
        agent
    }

    /// The administrator's certificate and key.
    pub(crate) fn administrator(&self) -> Identity {
        Identity::of_kubeconfig(&self.data().join("admin.kubeconfig"))
    }

    /// The administrator's client, as controllers have it.
    pub(crate) async fn kube(&self) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(self.data().join("admin.kubeconfig")).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        kube::Client::try_from(config.unwrap()).unwrap()
    }

    pub(crate) fn client(&self, identity: Identity) -> Client {
        let kubeconfig = yaml(&self.data().join("admin.kubeconfig"));
        let authorities = &kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"];
        let authorities = STANDARD.decode(authorities.as_str().unwrap()).unwrap();
        let authorities = String::from_utf8(authorities).unwrap();
        Client::new(self.address, &authorities, identity)
    }

    /// Lets a user reach these subresources of clusters, by a role on the hub;
    /// without names, of all clusters.
    pub(crate) async fn allow(&self, user: &str, subresources: &[&str], names: &[&str]) {
        let resources: Vec<String> = subresources
            .iter()
            .map(|subresource| format!("clustergateways/{subresource}"))
            .collect();
        let mut rule = json!({
            "apiGroups": ["cluster.core.oam.dev"],
            "resources": resources,
            "verbs": ["*"],
        });
        if !names.is_empty() {
            rule["resourceNames"] = json!(names);
        }
        let name = format!("{user}-reaches");
        let role = json!({"metadata": {"name": name}, "rules": [rule]});
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        });
        let admin = self.client(self.administrator());
        for (plural, object) in [("clusterroles", role), ("clusterrolebindings", binding)] {
            let path = format!("/apis/{group}/v1/{plural}");
            assert_eq!(admin.post(&path, &object).await, 201, "{object}");
        }
    }

    /// What `/sessions` says of a cluster.
    pub(crate) async fn sessions(&self, cluster: &str) -> Vec<Value> {
        let answer = self
            .client(self.administrator())
            .get("/sessions")
            .await
            .unwrap();
        assert_eq!(answer.code, 200, "{}", answer.body);
        let listing: Value = serde_json::from_str(&answer.body).unwrap();
        let clusters = listing["clusters"].as_array().unwrap();
        let cluster = clusters.iter().find(|entry| entry["name"] == cluster);
        cluster.map_or_else(Vec::new, |entry| {
            entry["sessions"].as_array().unwrap().clone()
        })
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

async fn launch(
    folder: &Path,
    listen: &str,
    args: &[&str],
    environment: &[(&str, &str)],
) -> (Process, SocketAddr) {
    let data = data(folder);
    let hub = ["hub", "--data-dir", arg(&data), "--listen", listen];
    let process = Process::start_with(&[&hub, args].concat(), environment);
    until("a hub that listens", async || {
        process.stderr().contains("hub listens")
    })
    .await;
    let text = fs::read_to_string(data.join("hub.json")).unwrap();
    let addresses: Value = serde_json::from_str(&text).unwrap();
    (
        process,
        addresses["advertise"][0].as_str().unwrap().parse().unwrap(),
    )
}
