//! `adit join`: makes a cluster a managed one, and keeps it so.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;
use proto::{AgentName, ClusterName, Credential as Token};
use proxy_agent::HubAddress;
use registration::agent::install::{Mode, NAMESPACE, install};
use registration::agent::{
    Agent, AgentConfig, CredentialFolder, CredentialSecret, CredentialStore, Driver, State,
    cluster_name,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use work::agent::{AgentOptions, hub_hash};

use self::in_cluster::InClusterArgs;
use super::serve::{Beside, ServeArgs, Serving};
use crate::ca::HUB_NAME;
use crate::ca_pin::CaPin;
use crate::join::{Contact, Straight, Trust, Way, Ways, WorkWay, first_contact};
use crate::shutdown;

mod in_cluster;

/// Join a cluster to a hub, and keep it joined
///
/// Runs in the foreground: asks the hub to take the cluster, waits until
/// somebody there accepts it (`adit accept`), and then serves the hub as `adit
/// agent` does, renews its own certificate, tells the hub how the cluster is
/// and applies what the hub has for it (ManifestWorks). `adit token create
/// --join` on the hub prints the whole command. Started again, it goes on with
/// what is in its state folder; then it needs neither token nor hub. With
/// --in-cluster a Deployment in the cluster does all of this instead.
///
/// With --hub-kubeconfig the hub may be any Kubernetes API server under Open
/// Cluster Management's controllers, to which the agent goes straight: it does
/// all but serve a tunnel, which such a hub does not have.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the hub is reached
    #[arg(long, value_name = "HOST:PORT", requires = "trust")]
    hub: Option<HubAddress>,

    /// The token to join with; better in ADIT_JOIN_TOKEN or --token-file
    #[arg(
        long,
        env = TOKEN_VARIABLE,
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,

    /// A file with the token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,

    /// The hash of an authority's certificate that the hub has to show; may be repeated
    #[arg(long = "ca-pin", value_name = "sha256:HEX", group = "trust")]
    ca_pins: Vec<CaPin>,

    /// The certificates of the hub's authorities, PEM, instead of their hashes
    #[arg(long, value_name = "FILE", group = "trust", conflicts_with = "ca_pins")]
    ca_file: Option<PathBuf>,

    /// A kubeconfig for a hub without a tunnel, at every start
    ///
    /// Its user has to be allowed what a cluster needs to join, as that of Open
    /// Cluster Management's bootstrap kubeconfig is; once the cluster has joined,
    /// only the address and the authorities count.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "hub", "token", "token_file", "trust", "registration_auth", "in_cluster", "carrier",
            "proxy", "allow_targets", "expose", "targets", "allow_impersonate", "metrics_listen",
        ]
    )]
    hub_kubeconfig: Option<PathBuf>,

    /// What the cluster is called on the hub; default: a random UUID
    #[arg(long, value_name = "NAME", value_parser = cluster_name)]
    cluster_name: Option<ClusterName>,

    /// What this agent is called among those of its cluster; default: at random
    #[arg(long, value_name = "NAME")]
    agent_name: Option<AgentName>,

    /// How the agent registers; default: as it did before, or csr
    #[arg(long, value_enum, value_name = "DRIVER")]
    registration_auth: Option<RegistrationAuth>,

    /// Where its certificate or token and its names are kept, mode 0700
    ///
    /// Default: /var/lib/adit-agent, and in a pod the Secret
    /// hub-kubeconfig-secret of its namespace.
    #[arg(long, env = "ADIT_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,

    #[command(flatten)]
    in_cluster: InClusterArgs,

    #[command(flatten)]
    serve: ServeArgs,
}

/// By what a hub knows an agent that has joined.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum RegistrationAuth {
    /// A certificate, which is renewed
    Csr,
    /// A token of a service account on the hub, which is renewed: where something
    /// stands between that ends TLS, or nobody signs certificates
    Token,
}

impl From<RegistrationAuth> for Driver {
    fn from(auth: RegistrationAuth) -> Self {
        match auth {
            RegistrationAuth::Csr => Self::Csr,
            RegistrationAuth::Token => Self::Token,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  adit join --hub hub.example.org:8443 --ca-pin sha256:4f1c… --token abcdef.0123456789abcdef \\
      --cluster-name edge-7 --kubeconfig ~/.kube/config
      As `adit token create --join` on the hub prints it; then, on the hub:
  adit accept edge-7
  adit join --kubeconfig ~/.kube/config
      Again, with what is in the state folder.
  adit join --hub hub.example.org:8443 --ca-pin sha256:4f1c… --token abcdef.0123456789abcdef \\
      --cluster-name edge-7 --in-cluster --image registry.example.org/adit:1 \\
      --kubeconfig ~/.kube/config -- --expose 'monitoring/*:9090'
      As a Deployment; behind -- what its pod gets beside.
  adit join --hub-kubeconfig bootstrap.kubeconfig --cluster-name edge-7 --kubeconfig ~/.kube/config
      A hub under Open Cluster Management's controllers; there:
  clusteradm accept --clusters edge-7";

/// Where the token may be instead of on the command line.
const TOKEN_VARIABLE: &str = "ADIT_JOIN_TOKEN";
/// The longest token file that is read, in bytes.
const TOKEN_MAX: u64 = 16 * 1024;
/// Where the state is kept, but in a pod.
const STATE_DIR: &str = "/var/lib/adit-agent";
/// Where a pod finds its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    if args.in_cluster.is_wanted() {
        let (token, trust) = (token(&args)?, trust(&args)?);
        return Box::pin(in_cluster::run(args, token, trust)).await;
    }
    let in_pod = args.serve.is_in_pod();
    let (serving, beside) = args.serve.prepare().await?;
    let api = serving.api.as_ref().context(
        "there is no cluster to join: pass --kubeconfig FILE, or run in a pod of the cluster",
    )?;
    let managed = api.client();
    let kept = Kept::new(args.state_dir.clone(), &managed, in_pod);
    let hub = match &args.hub_kubeconfig {
        Some(path) => Hub::straight(Straight::new(path).await?),
        None => Box::pin(Hub::by_tunnel(&args, &kept, serving)).await?,
    };
    match install(&managed, Mode::Hosted).await {
        // They were installed with the pod.
        Err(error) if in_pod && error.is_forbidden() => {
            tracing::warn!(%error, "the kinds of works are taken as they are");
        }
        installed => installed?,
    }
    let mut config = AgentConfig::new(hub.way.clone(), kept.store, managed.clone());
    config.cluster = args.cluster_name;
    config.agent = args.agent_name;
    config.driver = hub.driver;
    config.follows_authorities = hub.has_tunnel;
    let joined = Joined {
        hub,
        managed,
        beside: Some(beside),
        tasks: JoinSet::new(),
    };
    let agent = Agent::new(config);
    Box::pin(shutdown::run(async |stop| joined.run(agent, stop).await)).await?
}

/// A hub that is joined.
struct Hub {
    way: Arc<dyn WorkWay>,
    /// Its address, as AppliedManifestWorks have it.
    hash: String,
    driver: Driver,
    has_tunnel: bool,
    /// What the tunnel is made of, if there is one.
    started: mpsc::Receiver<Ways>,
}

impl Hub {
    /// One without a tunnel.
    fn straight(way: Arc<Straight>) -> Self {
        let hash = hub_hash(&way.server());
        // Closed from the start.
        let (_, started) = mpsc::channel(1);
        Self {
            way,
            hash,
            driver: Driver::Csr,
            has_tunnel: false,
            started,
        }
    }

    /// The one that the cluster has joined, or one that lets it join.
    async fn by_tunnel(args: &Args, kept: &Kept, serving: Serving) -> anyhow::Result<Self> {
        let (token, trust) = (token(args)?, trust(args)?);
        let stored = kept.store.load().await?;
        let before = match (&stored.certificate_pem, &stored.claim) {
            (None, Some(_)) => Driver::Token,
            _ => Driver::Csr,
        };
        let driver = args.registration_auth.map_or(before, Driver::from);
        let has = match driver {
            Driver::Csr => stored.certificate_pem.is_some(),
            Driver::Token => stored.token.is_some(),
        };
        let known = stored.endpoint.filter(|_| has);
        let endpoint = match (known, &args.hub, trust, &token) {
            (Some(known), None, ..) => {
                anyhow::ensure!(
                    known.tls_server_name.as_deref() == Some(HUB_NAME),
                    "the cluster has joined {}, which has no tunnel: pass --hub-kubeconfig again",
                    known.server
                );
                known
            }
            // As it was started the first time.
            (Some(known), Some(hub), ..) if known.server == format!("https://{hub}") => known,
            (_, Some(hub), Some(trust), Some(token)) => {
                let contact = Contact {
                    hub: hub.clone(),
                    trust,
                    token: token.clone(),
                    driver,
                };
                Box::pin(first_contact(&contact, &serving)).await?
            }
            _ => anyhow::bail!(
                "{} holds no certificate or token of a cluster that has joined: pass --hub, \
                 --token and --ca-pin, as `adit token create --join` on the hub prints them",
                kept.called
            ),
        };
        let hash = hub_hash(&endpoint.server);
        let (way, started) = Way::new(endpoint, token, serving);
        Ok(Self {
            way,
            hash,
            driver,
            has_tunnel: true,
            started,
        })
    }
}

/// What runs for a cluster that joins.
struct Joined {
    hub: Hub,
    managed: Client,
    /// Taken when there is a session.
    beside: Option<Beside>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Joined {
    async fn run(mut self, agent: Agent, stop: CancellationToken) -> anyhow::Result<()> {
        let mut state = agent.state();
        let mut working = false;
        let mut registered = pin!(agent.run(stop.clone()));
        let ended = loop {
            tokio::select! {
                ended = &mut registered => break ended.map_err(anyhow::Error::from),
                Some(agent) = self.hub.started.recv() => self.start(agent, &stop),
                Ok(()) = state.changed(), if !working => {
                    working = self.work(&state.borrow_and_update(), &stop);
                }
                Some(ended) = self.tasks.join_next() => {
                    // What has failed is what somebody asked for: nothing goes on without it.
                    if let Ok(Err(error)) = ended {
                        break Err(error);
                    }
                }
            }
        };
        stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        ended
    }

    /// Begins to apply the hub's works once the cluster has joined; whether it has.
    ///
    /// So it does when the agent, although it has its certificate, may not see
    /// that it has: of a cluster that goes, a hub takes the right to that away
    /// before the one to its works, which are to be removed first.
    fn work(&mut self, state: &State, stop: &CancellationToken) -> bool {
        let may = matches!(state, State::Joined { .. } | State::Failing { .. });
        let Some(works) = self.hub.way.works().filter(|_| may) else {
            return false;
        };
        let mut options = AgentOptions::new(
            works.identity.cluster.as_str(),
            works.identity.agent.as_str(),
            self.hub.hash.as_str(),
        );
        options.incarnation = works.incarnation;
        let hub = works.hub;
        let works = work::agent::Agent::run(hub, self.managed.clone(), options, stop.clone());
        self.tasks.spawn(async move {
            Box::pin(works).await;
            Ok(())
        });
        true
    }

    fn start(&mut self, agent: Ways, stop: &CancellationToken) {
        let stop = stop.clone();
        match agent {
            Ways::Joining(agent, done) => {
                self.tasks.spawn(async move {
                    // Nothing is worth draining once the cluster has joined.
                    tokio::select! {
                        ended = Box::pin(agent.run(stop)) => Ok(ended?),
                        () = done.cancelled() => Ok(()),
                    }
                });
            }
            Ways::Session(agent) => {
                let view = agent.view();
                if let Some(beside) = self.beside.take() {
                    let stop = stop.clone();
                    self.tasks.spawn(async move {
                        let beside = stop.run_until_cancelled(beside.run(view));
                        match Box::pin(beside).await {
                            Some(failed) => match failed? {},
                            None => Ok(()),
                        }
                    });
                }
                self.tasks
                    .spawn(async move { Ok(Box::pin(agent.run(stop)).await?) });
            }
        }
    }
}

/// Where the state is kept.
struct Kept {
    store: Arc<dyn CredentialStore>,
    /// What that is called.
    called: String,
}

impl Kept {
    fn new(folder: Option<PathBuf>, managed: &Client, in_pod: bool) -> Self {
        if in_pod && folder.is_none() {
            let namespace = std::fs::read_to_string(POD_NAMESPACE);
            let namespace = namespace.unwrap_or_else(|_| NAMESPACE.to_owned());
            let secret = CredentialSecret::new(managed.clone(), namespace.trim());
            return Self {
                store: Arc::new(secret),
                called: format!("the Secret {}/{}", namespace.trim(), CredentialSecret::NAME),
            };
        }
        let folder = folder.unwrap_or_else(|| STATE_DIR.into());
        Self {
            called: folder.display().to_string(),
            store: Arc::new(CredentialFolder::new(folder)),
        }
    }
}

/// The token, wherever it was said.
fn token(args: &Args) -> anyhow::Result<Option<Token>> {
    let text = match (&args.token, &args.token_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => {
            let shown = path.display();
            let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
            let mut text = String::new();
            let read = file.take(TOKEN_MAX).read_to_string(&mut text);
            read.with_context(|| format!("cannot read {shown}"))?;
            text
        }
        (None, None) => return Ok(None),
    };
    let token = Token::new(text.trim()).context("the token is none")?;
    Ok(Some(token))
}

/// By what the hub is to be known, if that was said.
fn trust(args: &Args) -> anyhow::Result<Option<Trust>> {
    if let Some(path) = &args.ca_file {
        let pem = std::fs::read_to_string(path);
        let pem = pem.with_context(|| format!("cannot read {}", path.display()))?;
        return Ok(Some(Trust::Authorities(pem)));
    }
    Ok((!args.ca_pins.is_empty()).then(|| Trust::Pins(args.ca_pins.clone())))
}
