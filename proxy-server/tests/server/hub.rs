//! A hub's end and agents that connect to it in memory.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::{AgentIdentity, ClusterName, Credential, Hello, SessionKey};
use proxy_server::{
    AdmissionError, AgentCertificate, Clusters, HubTargets, ProxyServer, ProxyServerConfig,
    ServeError,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use tokio::io::duplex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tunnel::{CloseReason, HandshakeError, Incoming, LinkConfig};

pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) struct Hub {
    pub(crate) server: ProxyServer,
    pub(crate) known: Arc<Known>,
    pub(crate) tasks: JoinSet<Result<(), ServeError>>,
    /// For how long both ends of a link say nothing.
    ping_after: Duration,
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) session: tunnel::Link,
    pub(crate) incoming: Incoming,
    pub(crate) tasks: JoinSet<CloseReason>,
}

#[derive(Default)]
pub(crate) struct Known {
    clusters: Vec<ClusterName>,
    pub(crate) revoked: Mutex<HashSet<String>>,
}

impl Clusters for Known {
    fn contains(&self, cluster: &ClusterName) -> bool {
        self.clusters.contains(cluster)
    }

    fn admit(&self, certificate: &AgentCertificate) -> Result<(), AdmissionError> {
        if !self.contains(&certificate.identity.cluster) {
            return Err(AdmissionError::UnknownCluster);
        }
        if self.revoked.lock().unwrap().contains(&certificate.serial) {
            return Err(AdmissionError::Revoked);
        }
        Ok(())
    }

    fn admit_token(&self, identity: &AgentIdentity) -> Result<(), AdmissionError> {
        if self.contains(&identity.cluster) {
            Ok(())
        } else {
            Err(AdmissionError::UnknownCluster)
        }
    }
}

impl Hub {
    pub(crate) fn new<const N: usize>(clusters: [&str; N]) -> Self {
        Self::with_limit(clusters, 100)
    }

    pub(crate) fn with_limit<const N: usize>(clusters: [&str; N], max_sessions: usize) -> Self {
        let ping_after = LinkConfig::new(Hello::new("hub")).ping_after;
        Self::with(clusters, max_sessions, ping_after, None)
    }

    /// One to which agents may open streams.
    pub(crate) fn with_targets<const N: usize>(
        clusters: [&str; N],
        targets: Arc<dyn HubTargets>,
    ) -> Self {
        let ping_after = LinkConfig::new(Hello::new("hub")).ping_after;
        Self::with(clusters, 100, ping_after, Some(targets))
    }

    /// One whose links, and those of its agents, are silent by themselves.
    pub(crate) fn without_pings<const N: usize>(clusters: [&str; N]) -> Self {
        Self::with(clusters, 100, LONG, None)
    }

    fn with<const N: usize>(
        clusters: [&str; N],
        max_sessions: usize,
        ping_after: Duration,
        targets: Option<Arc<dyn HubTargets>>,
    ) -> Self {
        let clusters = clusters.iter().map(|name| name.parse().unwrap()).collect();
        let known = Arc::new(Known {
            clusters,
            ..Known::default()
        });
        let mut session = LinkConfig::new(Hello::new("hub"));
        session.ping_after = ping_after;
        let config = ProxyServerConfig {
            max_sessions,
            max_hub_streams: 2,
            ..ProxyServerConfig::new(session)
        };
        let clusters = Arc::clone(&known) as Arc<dyn Clusters>;
        let server = ProxyServer::with_targets(config, clusters, targets);
        Self {
            server,
            known,
            tasks: JoinSet::new(),
            ping_after,
        }
    }

    pub(crate) fn cluster(&self, name: &str) -> ClusterName {
        name.parse().unwrap()
    }

    pub(crate) async fn agent(&mut self, cluster: &str, agent: &str) -> Agent {
        let before: Vec<_> = self.server.sessions().iter().map(|s| s.id).collect();
        let agent = self
            .connect(Some(certificate(cluster, agent)))
            .await
            .unwrap();
        while self
            .server
            .sessions()
            .iter()
            .all(|s| before.contains(&s.id))
        {
            sleep(Duration::from_millis(1)).await;
        }
        agent
    }

    pub(crate) async fn connect(
        &mut self,
        certificate: Option<Vec<u8>>,
    ) -> Result<Agent, HandshakeError> {
        self.connect_with(certificate, None).await
    }

    /// A link of the session with this key.
    pub(crate) async fn link(
        &mut self,
        cluster: &str,
        agent: &str,
        key: Option<SessionKey>,
    ) -> Agent {
        let certificate = certificate(cluster, agent);
        self.connect_with(Some(certificate), key).await.unwrap()
    }

    async fn connect_with(
        &mut self,
        certificate: Option<Vec<u8>>,
        session_key: Option<SessionKey>,
    ) -> Result<Agent, HandshakeError> {
        let (near, far) = duplex(64 * 1024);
        let server = self.server.clone();
        self.tasks.spawn(async move {
            let remote = "192.0.2.1:4711".parse().unwrap();
            server
                .serve(near, certificate.as_deref(), remote, None)
                .await
        });
        let mut config = LinkConfig::new(Hello {
            session_key,
            ..Hello::new("agent")
        });
        config.ping_after = self.ping_after;
        let (session, incoming, driver) = tunnel::h2::agent(far, config).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(driver);
        Ok(Agent {
            session,
            incoming,
            tasks,
        })
    }

    /// Somebody who joins with this token.
    pub(crate) async fn join(&mut self, token: Option<&str>) -> Agent {
        let (near, far) = duplex(64 * 1024);
        let server = self.server.clone();
        self.tasks.spawn(async move {
            let remote = "192.0.2.1:4711".parse().unwrap();
            server.serve_join(near, remote).await
        });
        let config = LinkConfig::new(Hello {
            credential: token.and_then(Credential::new),
            ..Hello::new("agent")
        });
        let (session, incoming, driver) = tunnel::h2::agent(far, config).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver);
        Agent {
            session,
            incoming,
            tasks,
        }
    }

    /// A link of an agent that shows this token.
    pub(crate) async fn by_token(
        &mut self,
        token: Option<&str>,
        session_key: Option<SessionKey>,
    ) -> Agent {
        let (near, far) = duplex(64 * 1024);
        let server = self.server.clone();
        self.tasks.spawn(async move {
            let remote = "192.0.2.1:4711".parse().unwrap();
            server.serve_token(near, remote, None).await
        });
        let config = LinkConfig::new(Hello {
            credential: token.and_then(Credential::new),
            session_key,
            ..Hello::new("agent")
        });
        let (session, incoming, driver) = tunnel::h2::agent(far, config).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver);
        Agent {
            session,
            incoming,
            tasks,
        }
    }

    /// How the next connection to end was served.
    pub(crate) async fn ended(&mut self) -> Result<(), ServeError> {
        timeout(LONG, self.tasks.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }

    /// Waits until there are so many links.
    pub(crate) async fn until_links(&self, wanted: usize) {
        let links = || {
            self.server
                .sessions()
                .iter()
                .map(|s| s.links.len())
                .sum::<usize>()
        };
        let wait = async {
            while links() != wanted {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, wait).await.unwrap();
    }

    pub(crate) async fn until(&self, condition: impl Fn(usize) -> bool) {
        let wait = async {
            while !condition(self.server.sessions().len()) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, wait).await.unwrap();
    }
}

pub(crate) fn certificate(cluster: &str, agent: &str) -> Vec<u8> {
    let identity = AgentIdentity {
        cluster: cluster.parse().unwrap(),
        agent: agent.parse().unwrap(),
    };
    let [first, second] = identity.organizations();
    subject(&identity.common_name(), &[&first, &second])
}

pub(crate) fn subject(common_name: &str, organizations: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    // A later attribute would replace an earlier one under the same key.
    let keys = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    assert!(organizations.len() <= keys.len());
    for (key, organization) in keys.into_iter().zip(organizations) {
        params.distinguished_name.push(key, *organization);
    }
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .der()
        .to_vec()
}
