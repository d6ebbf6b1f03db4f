//! A whole installation: a cluster behind a NAT, and one tunnel or more out of
//! it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::time::Instant;

use crate::cluster::{API_PORT, Cluster, User};
use crate::fixture::Home;
use crate::https::Client;
use crate::hub::{Agent, CLUSTER_NAME, Hub};
use crate::kubectl::Kubectl;
use crate::namespace::Namespace;
use crate::needs::Needs;
use crate::network::{CLUSTER, Memory, Network};
use crate::pki::{Authority, Validity};
use crate::tls;
use crate::wait::{self, GENEROUS, once};

/// A cluster, and the tunnels that lead out of it.
#[derive(Debug)]
pub struct Site {
    /// The needs it was started with.
    pub needs: &'static Needs,
    /// The network.
    pub network: Network,
    /// The cluster.
    pub cluster: Cluster,
    /// One for each hub of the network.
    pub tunnels: Vec<Tunnel>,
}

/// A hub and the cluster's agent that dials it.
#[derive(Debug)]
pub struct Tunnel {
    /// Which hub of the network.
    pub index: u8,
    /// The hub.
    pub hub: Hub,
    /// The agent.
    pub agent: Agent,
}

/// A way that kubectl takes to the API server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// From beside the API server, straight to it.
    Direct,
    /// Through the gateway by its short form of paths.
    Short,
    /// Through the gateway by the aggregated form.
    Aggregated,
}

impl Route {
    /// All of them, the one to compare with first.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Short, Self::Aggregated];

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Short => "short",
            Self::Aggregated => "aggregated",
        }
    }
}

impl Site {
    /// Starts everything and waits until kubectl works through each tunnel.
    ///
    /// # Errors
    /// Something does not start; the error has its last words.
    pub async fn start(needs: &'static Needs, tunnels: u8, memory: Memory) -> Result<Self> {
        let network = Network::create(tunnels, memory)?;
        let cluster = Box::pin(Cluster::start(needs, network.cluster(), CLUSTER)).await?;
        let mut site = Self {
            needs,
            network,
            cluster,
            tunnels: Vec::new(),
        };
        for index in 0..tunnels {
            let tunnel = Box::pin(site.tunnel(index)).await?;
            site.tunnels.push(tunnel);
        }
        for tunnel in &site.tunnels {
            site.wait_for(tunnel).await?;
        }
        Ok(site)
    }

    /// kubectl for the user by this route, through the first tunnel.
    ///
    /// # Errors
    /// No kubeconfig can be made.
    pub async fn kubectl(&self, user: User, route: Route) -> Result<Kubectl> {
        self.kubectl_through(&self.tunnels[0], user, route).await
    }

    /// kubectl for the user by this route, through this tunnel.
    ///
    /// # Errors
    /// No kubeconfig can be made.
    pub async fn kubectl_through(
        &self,
        tunnel: &Tunnel,
        user: User,
        route: Route,
    ) -> Result<Kubectl> {
        if route == Route::Direct {
            return Kubectl::new(
                self.needs,
                self.network.cluster(),
                self.cluster.kubeconfig(),
                user.name,
            );
        }
        let mut args = vec!["--path", route.name()];
        if user != User::ADMIN {
            args.extend(["--user", user.name, "--group", user.group]);
        }
        let kubeconfig = tunnel.hub.kubeconfig(CLUSTER_NAME, &args).await?;
        let kubectl = Kubectl::new(self.needs, tunnel.hub.network(), kubeconfig, CLUSTER_NAME)?;
        // A running hub takes notice of a token within a second or two.
        let known = async || {
            let answer = kubectl.run(&["get", "--raw", "/version"]).await.ok()?;
            once(
                !answer.stderr.contains("Unauthorized")
                    && !answer.stderr.contains("unknown, expired"),
            )
        };
        wait::until("the token to be known", GENEROUS, known).await?;
        Ok(kubectl)
    }

    /// A raw client of the API server for its administrator, beside it.
    ///
    /// # Errors
    /// The server's certificate cannot be read.
    pub fn direct(&self) -> Result<Client> {
        let authority = std::fs::read_to_string(self.cluster.authority())?;
        let tls = tls::client(&authority, None, HTTP)?;
        Ok(Client::new(
            self.network.cluster(),
            (CLUSTER, API_PORT).into(),
            tls,
            Some(User::ADMIN.token()),
        ))
    }

    async fn tunnel(&self, index: u8) -> Result<Tunnel> {
        let hub = Hub::start(
            self.needs,
            self.network.hub(index),
            self.network.hub_address(index).into(),
        )
        .await?;
        let credentials = hub.credentials(CLUSTER_NAME, "agent").await?;
        let kubeconfig = self.cluster.kubeconfig();
        let agent = Agent::start(
            self.needs,
            self.network.cluster(),
            &credentials,
            &kubeconfig,
            &[],
        )?;
        Ok(Tunnel { index, hub, agent })
    }

    /// Waits until kubectl gets an answer of the API server through the tunnel.
    ///
    /// # Errors
    /// It gets none in a minute.
    pub async fn wait_for(&self, tunnel: &Tunnel) -> Result<()> {
        let begun = Instant::now();
        let kubectl = self
            .kubectl_through(tunnel, User::ADMIN, Route::Short)
            .await?;
        let answer = async || once(kubectl.run(&["get", "--raw", "/readyz"]).await.ok()?.code == 0);
        let process = tunnel.agent.process();
        let waited = process
            .until("an answer through the tunnel", LIMIT, answer)
            .await;
        waited.with_context(|| format!("the hub printed:\n{}", tunnel.hub.process().output()))?;
        eprintln!(
            "tunnel {}: answers after {:?}",
            tunnel.index,
            begun.elapsed()
        );
        Ok(())
    }
}

impl Tunnel {
    /// A raw client of the hub for this user, by bearer token; the
    /// administrator shows a certificate.
    ///
    /// # Errors
    /// There is no token or certificate to be had.
    pub async fn client(&self, user: User) -> Result<Client> {
        let authority = Authority::of_hub(self.hub.data())?;
        if user == User::ADMIN {
            let identity = authority.client(user.name, &[user.group], Validity::Now)?;
            let tls = tls::client(authority.pem(), Some(&identity), HTTP)?;
            return Ok(Client::new(
                self.hub.network(),
                self.hub.address(),
                tls,
                None,
            ));
        }
        let token = [
            "token", "create", "--user", user.name, "--group", user.group,
        ];
        let token = self.hub.adit(&token).await?.ok().trim().to_owned();
        let tls = tls::client(authority.pem(), None, HTTP)?;
        let client = Client::new(self.hub.network(), self.hub.address(), tls, Some(token));
        // A running hub takes notice of a token within a second or two.
        let known = async || once(client.get("/sessions").await.ok()?.status != 401);
        wait::until("the token to be known", GENEROUS, known).await?;
        Ok(client)
    }

    /// What the hub says of its sessions with a cluster.
    ///
    /// # Errors
    /// The hub does not answer.
    pub async fn sessions(&self, admin: &Client, cluster: &str) -> Result<Vec<Value>> {
        let listing: Value = serde_json::from_slice(&admin.get("/sessions").await?.body)?;
        let clusters = listing["clusters"]
            .as_array()
            .context("no list of clusters")?;
        let found = clusters.iter().find(|entry| entry["name"] == cluster);
        Ok(found
            .and_then(|entry| entry["sessions"].as_array())
            .cloned()
            .unwrap_or_default())
    }

    /// How many streams are open in the sessions of the test's cluster.
    ///
    /// # Errors
    /// The hub does not answer.
    pub async fn streams(&self, admin: &Client) -> Result<u64> {
        let sessions = self.sessions(admin, CLUSTER_NAME).await?;
        Ok(sessions
            .iter()
            .filter_map(|session| session["streams"].as_u64())
            .sum())
    }

    /// Tasks alive in the hub, that of the connection which asks included.
    ///
    /// # Errors
    /// The hub does not answer, or does not tell.
    pub async fn tasks(&self, admin: &Client) -> Result<u64> {
        let metrics = admin.get("/metrics").await?.text();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("adit_tasks "));
        Ok(line.context("no adit_tasks among the metrics")?.parse()?)
    }
}

/// The path of something of the cluster's API, in the gateway's short form.
pub fn path(rest: &str) -> String {
    format!("/clusters/{CLUSTER_NAME}{rest}")
}

/// ALPN of the protocol that the raw client speaks.
const HTTP: &[u8] = b"http/1.1";

impl Home for Site {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

const LIMIT: Duration = Duration::from_secs(60);
