//! Bad input, from every side: a clear error, and the hub goes on serving
//! others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::api_double::{ApiDouble, Reply};
use tests::cluster::User;
use tests::fixture::Fixture;
use tests::https::Client;
use tests::hub::Agent;
use tests::network::{CLUSTER, Memory};
use tests::site::{Site, Tunnel, path};
use tests::wait::{GENEROUS, once, until};

#[path = "hostile/agents.rs"]
mod agents;
#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/connections.rs"]
mod connections;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/hubs.rs"]
mod hubs;
#[path = "hostile/requests.rs"]
mod requests;

static SITE: Fixture<Site> = Fixture::new(|needs| Box::pin(Site::start(needs, 1, Memory::Default)));

/// The others, whom bad input must not touch: a cluster that is served, and its
/// one session.
struct Others<'a> {
    tunnel: &'a Tunnel,
    admin: Client,
    alice: Client,
    session: String,
}

impl<'a> Others<'a> {
    async fn start(site: &'a Site) -> Self {
        let tunnel = &site.tunnels[0];
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        let alice = tunnel.client(User::ALICE).await.unwrap();
        let session = session_of(tunnel, &admin).await;
        Self {
            tunnel,
            admin,
            alice,
            session,
        }
    }

    /// They are served as before, over the session that was there before.
    async fn are_served(&self) {
        let answer = self.alice.get(&path("/version")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(session_of(self.tunnel, &self.admin).await, self.session);
    }
}

async fn session_of(tunnel: &Tunnel, admin: &Client) -> String {
    let sessions = tunnel.sessions(admin, "edge").await.unwrap();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0]["id"].to_string()
}

/// A cluster whose API server does what the script says, behind an agent that
/// is as good as any.
struct Double {
    name: String,
    api: ApiDouble,
    _agent: Agent,
}

impl Double {
    async fn start(site: &Site, name: &str, script: fn(&str) -> Reply) -> Self {
        let name = format!("double-{name}");
        let tunnel = &site.tunnels[0];
        let api = ApiDouble::start(site.network.cluster(), CLUSTER, script).unwrap();
        let credentials = tunnel.hub.credentials(&name, "agent").await.unwrap();
        let agent = Agent::start(
            site.needs,
            site.network.cluster(),
            &credentials,
            &api.kubeconfig,
            &[],
        );
        let this = Self {
            name,
            api,
            _agent: agent.unwrap(),
        };
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        let connected = async || once(!tunnel.sessions(&admin, &this.name).await.ok()?.is_empty());
        until("the double's session", GENEROUS, connected)
            .await
            .unwrap();
        this
    }

    /// The path of something of its API.
    fn path(&self, rest: &str) -> String {
        format!("/clusters/{}{rest}", self.name)
    }
}
