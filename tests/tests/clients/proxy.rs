//! Programs that take the hub for an ordinary HTTPS proxy: through CONNECT they
//! reach what no route leads to.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::cluster::{API_PORT, User};
use tests::command::{self, Output};
use tests::hub::Agent;
use tests::network::CLUSTER;
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
