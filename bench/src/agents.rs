//! Many agents in one process, each of a cluster of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use proto::AgentIdentity;
use proxy_agent::{
    Agent, AgentConfig, AgentLimits, AgentStatus, CarrierChoice, HubAddress, HubLogin,
    ImpersonationPolicy, LiveTargets, ProxyConfig,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use time::format_description::well_known::Rfc3339;
use time::{Duration as Span, OffsetDateTime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::keys::{AgentKey, Keys};

/// Many idle agents in one process, each with a certificate of its own
///
/// Makes the hub know them first, in its data directory. Prints a line
/// whenever all of them have sessions: `all connected at`, and the times, in
/// seconds since 1970, when a tenth, half, nine tenths and all of them had.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The data directory of the hub
    #[arg(long, value_name = "FOLDER")]
    data_dir: PathBuf,

    /// Where the hub is
    #[arg(long, value_name = "HOST:PORT")]
    hub: HubAddress,

    /// What carries their sessions
    #[arg(long, value_enum)]
    carrier: Carrier,

    /// How many
    #[arg(long, value_name = "NUMBER")]
    count: u32,

    /// They connect when this file is there
    #[arg(long, value_name = "FILE")]
    go: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Carrier {
    H2,
    Quic,
}

/// What the line begins with that says that all have sessions.
pub(crate) const CONNECTED: &str = "all connected at";

/// Of how many of a hundred it then tells the time.
pub(crate) const SHARES: [usize; 4] = [10, 50, 90, 100];

/// A running hub takes notice of clusters within a second or two.
const NOTICE: Duration = Duration::from_secs(3);

/// The name in every hub's certificate.
const HUB_NAME: &str = "adit-hub";

/// Runs until the process ends.
pub(crate) async fn run(args: Args) -> Result<()> {
    let keys = Keys::of_hub(&args.data_dir)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(keys.file("ca.crt"))?)?;
    let roots = Arc::new(roots);
    let mut agents = Vec::new();
    for number in 0..args.count {
        let identity = AgentIdentity {
            cluster: format!("idle-{number}").parse()?,
            agent: "agent".parse()?,
        };
        let key = keys.agent(&identity, number)?;
        note(&args.data_dir, &identity, &key.serial)?;
        agents.push(agent(&args, Arc::clone(&roots), key)?);
    }
    sleep(NOTICE).await;
    while args.go.as_ref().is_some_and(|go| !go.exists()) {
        sleep(NOTICE / 30).await;
    }
    let statuses: Vec<_> = agents.iter().map(Agent::status).collect();
    let mut running = JoinSet::new();
    for agent in agents {
        running.spawn(Box::pin(agent.run(CancellationToken::new())));
    }
    tokio::select! {
        ended = running.join_next() => bail!("an agent ended: {ended:?}"),
        failed = tell(statuses) => failed,
    }
}

fn agent(args: &Args, roots: Arc<RootCertStore>, key: AgentKey) -> Result<Agent> {
    let tls = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![key.certificate], key.key)?;
    Ok(Agent::new(AgentConfig {
        carrier: match args.carrier {
            Carrier::H2 => CarrierChoice::H2,
            Carrier::Quic => CarrierChoice::Quic,
        },
        hubs: vec![args.hub.clone()],
        tls: Arc::new(tls),
        proxy: ProxyConfig::default(),
        server_name: ServerName::try_from(HUB_NAME)?,
        login: HubLogin::Certificate,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        api: None,
        targets: LiveTargets::default(),
        impersonation: ImpersonationPolicy::default(),
        limits: AgentLimits::default(),
    }))
}

/// Writes the record by which the hub knows the cluster and the certificate.
fn note(data: &Path, identity: &AgentIdentity, serial: &str) -> Result<()> {
    let now = OffsetDateTime::now_utc();
    let (issued, expires) = (
        now.format(&Rfc3339)?,
        (now + Span::days(1)).format(&Rfc3339)?,
    );
    let cluster = identity.cluster.to_string();
    let record = serde_json::json!({
        "name": cluster,
        "created": issued,
        "certificates": [{
            "serial": serial,
            "agent": identity.agent.to_string(),
            "issued": issued,
            "expires": expires,
        }],
    });
    let path = data.join("clusters").join(format!("{cluster}.json"));
    fs::write(&path, record.to_string()).with_context(|| format!("cannot write {}", path.display()))
}

/// Says when all are connected, at first and then each time that all have lost
/// their hub and have come back.
#[expect(clippy::print_stdout, reason = "read by whoever started this")]
async fn tell(mut statuses: Vec<watch::Receiver<AgentStatus>>) -> Result<()> {
    let count = statuses.len();
    ensure!(count > 0, "there are no agents");
    let mut again = false;
    loop {
        let mut coming: FuturesUnordered<_> = statuses
            .iter_mut()
            .map(|status| come(status, again))
            .collect();
        let (mut here, mut line) = (0, CONNECTED.to_owned());
        while let Some(came) = coming.next().await {
            came?;
            here += 1;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            for _ in SHARES
                .iter()
                .filter(|share| here == (count * *share).div_ceil(100))
            {
                line.push_str(&format!(" {}", now.as_secs_f64()));
            }
        }
        println!("{line}");
        again = true;
    }
}

/// Waits until an agent has a session, or after a change `again`.
async fn come(status: &mut watch::Receiver<AgentStatus>, again: bool) -> Result<()> {
    if again {
        status.changed().await?;
    }
    status.wait_for(connected).await?;
    Ok(())
}

fn connected(status: &AgentStatus) -> bool {
    matches!(status, AgentStatus::Connected { .. })
}
