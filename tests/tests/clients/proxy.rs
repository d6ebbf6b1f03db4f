//! Programs that take the hub for an ordinary HTTPS proxy: through CONNECT they
//! reach what no route leads to.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::{API_PORT, User};
use tests::command::{self, Output};
use tests::hub::Agent;
use tests::kubectl::{Call, Kubectl};
use tests::network::CLUSTER;
use tests::scratch;
use tests::site::{Site, Tunnel};
use tests::wait::{GENEROUS, once, until};

use crate::SITE;

/// A cluster whose agent reaches the API server by TCP.
struct Dialled<'a> {
    site: &'a Site,
    tunnel: &'a Tunnel,
    cluster: &'static str,
    _agent: Agent,
}

impl<'a> Dialled<'a> {
    async fn start(site: &'a Site, cluster: &'static str) -> Self {
        let tunnel = &site.tunnels[0];
        let credentials = tunnel.hub.credentials(cluster, "agent").await.unwrap();
        let agent = Agent::start(
            site.needs,
            site.network.cluster(),
            &credentials,
            &site.cluster.kubeconfig(),
            &["--allow-target", &format!("{CLUSTER}:{API_PORT}")],
        )
        .unwrap();
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        let connected = async || once(!tunnel.sessions(&admin, cluster).await.ok()?.is_empty());
        until("the agent's session", GENEROUS, connected)
            .await
            .unwrap();
        Self {
            site,
            tunnel,
            cluster,
            _agent: agent,
        }
    }

    /// The hub as a proxy for a member of this group.
    async fn proxy(&self, group: &str) -> String {
        let token = ["token", "create", "--user", group, "--group", group];
        let token = self.tunnel.hub.adit(&token).await.unwrap().ok();
        format!(
            "https://{}:{}@{}",
            self.cluster,
            token.trim(),
            self.tunnel.hub.address()
        )
    }

    /// Where the hub takes CONNECT: on its own port, and where it takes nothing else.
    fn listeners(&self) -> [SocketAddr; 2] {
        let hub = &self.tunnel.hub;
        [hub.address(), hub.connect_address()]
    }

    /// A kubeconfig of the cluster itself, which knows nothing of any hub. Go
    /// trusts for a proxy whom it trusts for the target.
    fn kubeconfig(&self) -> PathBuf {
        let folder = scratch::fresh_folder("direct").unwrap();
        let authorities = folder.join("both.crt");
        let hubs = fs::read_to_string(self.hub_authority()).unwrap();
        let clusters = fs::read_to_string(self.site.cluster.authority()).unwrap();
        fs::write(&authorities, hubs + &clusters).unwrap();
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": DIRECT,
            "clusters": [{"name": DIRECT, "cluster": {
                "server": format!("https://{CLUSTER}:{API_PORT}"),
                "certificate-authority": authorities,
            }}],
            "users": [{"name": DIRECT, "user": {"token": User::ADMIN.token()}}],
            "contexts": [{"name": DIRECT, "context": {"cluster": DIRECT, "user": DIRECT}}],
        });
        let file = folder.join("config");
        fs::write(&file, config.to_string()).unwrap();
        file
    }

    /// kubectl, which is Go, asks the API server for its version.
    async fn kubectl(&self, proxy: &str) -> Output {
        let network = self.tunnel.hub.network();
        let kubectl = Kubectl::new(self.site.needs, network, self.kubeconfig(), DIRECT).unwrap();
        let call = Call::new(&["get", "--raw", "/version"]).env("HTTPS_PROXY", proxy);
        kubectl.call(&call).await.unwrap()
    }

    fn hub_authority(&self) -> PathBuf {
        self.tunnel.hub.data().join("ca.crt")
    }

    /// curl asks the API server for its version through the proxy.
    async fn curl(&self, proxy: &str) -> Output {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--proxy", proxy])
            .args(["--write-out", "\n%{http_connect}"])
            .arg("--proxy-cacert")
            .arg(self.hub_authority())
            .arg("--cacert")
            .arg(self.site.cluster.authority())
            .arg("--header")
            .arg(format!("Authorization: Bearer {}", User::ADMIN.token()))
            .arg(format!("https://{CLUSTER}:{API_PORT}/version"));
        let mut run = self.tunnel.hub.network().command("curl");
        run.args(curl.get_args());
        command::run(run, Vec::new(), GENEROUS).await.unwrap()
    }
}

const DIRECT: &str = "direct";

fn at(proxy: &str, listener: SocketAddr) -> String {
    let (before, _) = proxy.rsplit_once('@').unwrap();
    format!("{before}@{listener}")
}

/// Go offers HTTP/2 to the proxy, and speaks HTTP/1.1 whatever is taken.
#[test]
fn programs_in_go_take_the_hub_for_a_proxy() {
    SITE.test(async |site| {
        let dialled = Dialled::start(site, "tcp-go").await;
        let proxy = dialled.proxy("dialers").await;
        for listener in dialled.listeners() {
            let proxy = at(&proxy, listener);
            let version: Value = serde_json::from_str(&dialled.kubectl(&proxy).await.ok()).unwrap();
            assert!(version["gitVersion"].is_string(), "{version}");

            let mut program = dialled
                .tunnel
                .hub
                .network()
                .command(site.needs.peers.join("adit-client-go"));
            program
                .arg("-kubeconfig")
                .arg(dialled.kubeconfig())
                .args(["-namespace", "kube-system", "-check", "list"])
                .env("HTTPS_PROXY", &proxy);
            let listed = command::run(program, Vec::new(), GENEROUS).await.unwrap();
            let listed: Value = serde_json::from_str(&listed.ok()).unwrap();
            assert_ne!(listed["result"]["count"], 0, "{listed}");
        }
    });
}

#[test]
fn programs_in_go_show_why_the_hub_refuses() {
    SITE.test(async |site| {
        let dialled = Dialled::start(site, "tcp-go-denied").await;
        let guest = dialled.proxy("guests").await;
        let dialer = dialled.proxy("dialers").await;
        let unknown = dialer.replace('@', "0@");
        let elsewhere = dialer.replace(dialled.cluster, "tcp-nowhere");
        for listener in dialled.listeners() {
            for (proxy, words) in [
                (&guest, "cannot create resource"),
                (&unknown, "hub: the token is unknown"),
                (&elsewhere, "no such cluster tcp-nowhere"),
            ] {
                let output = dialled.kubectl(&at(proxy, listener)).await;
                assert_ne!(output.code, 0, "{output:?}");
                assert!(output.stderr.contains(words), "{words}: {output:?}");
            }
        }
    });
}

#[test]
fn curl_takes_the_hub_for_a_proxy() {
    SITE.test(async |site| {
        let dialled = Dialled::start(site, "tcp-curl").await;
        let output = dialled.curl(&dialled.proxy("dialers").await).await.ok();
        let (body, connect) = output.rsplit_once('\n').unwrap();
        assert_eq!(connect, "200");
        let version: Value = serde_json::from_str(body).unwrap();
        assert!(version["gitVersion"].is_string(), "{version}");
    });
}

#[test]
fn who_may_not_learns_nothing_of_the_cluster() {
    SITE.test(async |site| {
        let dialled = Dialled::start(site, "tcp-denied").await;
        let guest = dialled.proxy("guests").await;
        let unknown = guest.replace(dialled.cluster, "tcp-unknown");
        for proxy in [guest, unknown] {
            let output = dialled.curl(&proxy).await;
            assert_eq!(output.stdout, "\n403", "{output:?}");
            assert!(output.stderr.contains("403"), "{output:?}");
        }
        let wrong = dialled.proxy("dialers").await.replace('@', "0@");
        assert_eq!(dialled.curl(&wrong).await.stdout, "\n407");
    });
}
