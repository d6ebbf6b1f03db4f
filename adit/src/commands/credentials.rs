//! `adit credentials`: lets a cluster's agents in, or shuts them out.

use std::path::PathBuf;

use proto::{AgentIdentity, AgentName, ClusterName};
use time::OffsetDateTime;

use super::{DataDirArg, deliver};
use crate::addresses::Addresses;
use crate::authorities::Authorities;
use crate::ca::{Issued, Subject};
use crate::clusters::{ClusterRecord, IssuedCertificate};
use crate::credentials::render;
use crate::data_dir::DataDir;
use crate::lifetime::Lifetime;
use crate::output;

/// Make a cluster known and issue the credentials its agent joins with
///
/// Runs beside the hub, on its data directory; a running hub takes notice
/// within a second or two. The file holds a private key: carry it to the
/// cluster as you would a password.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The cluster's name: lower-case letters, digits, '-' and '.'
    cluster: ClusterName,

    #[command(flatten)]
    data_dir: DataDirArg,

    /// The agent's name; agents of one cluster with different names share its load
    ///
    /// With --revoke: only this agent's certificates. Default: `agent`, and all
    /// agents with --revoke.
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,

    /// Where to write the credentials, mode 0600; default: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Refuse all certificates issued so far and end their sessions
    #[arg(long, conflicts_with_all = ["output", "valid_for"])]
    revoke: bool,

    /// How long the certificate is good for
    #[arg(long, value_name = "TIME", default_value = "365d")]
    valid_for: Lifetime,
}

const EXAMPLES: &str = "\
Examples:
  adit credentials edge-7 --data-dir /var/lib/adit --output edge-7.yaml
  adit credentials edge-7 --data-dir /var/lib/adit --agent second -o edge-7-second.yaml
  adit credentials edge-7 --data-dir /var/lib/adit --revoke";

/// An agent that nobody named otherwise.
const DEFAULT_AGENT: &str = "agent";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let data = DataDir::open(&args.data_dir.data_dir)?;
    if args.revoke {
        return revoke(&data, &args.cluster, args.agent.as_ref()).await;
    }
    let agent = match args.agent {
        Some(agent) => agent,
        None => DEFAULT_AGENT.parse()?,
    };
    let identity = AgentIdentity {
        cluster: args.cluster,
        agent,
    };
    let credentials = issue(&data, &identity, args.valid_for).await?;
    deliver(&credentials, args.output.as_deref())
}

/// Issues an agent's credentials and makes its cluster known; returns the file's text.
pub(crate) async fn issue(
    data: &DataDir,
    identity: &AgentIdentity,
    lifetime: Lifetime,
) -> anyhow::Result<String> {
    let addresses = Addresses::load(data)?;
    let _writer = data.lock_for_writing().await?;
    let authorities = Authorities::load(data)?;
    let subject = Subject::Agent(identity.clone());
    let issued = authorities.signer().issue_client(&subject, lifetime)?;
    let signer = authorities.signer().facts()?.name;
    let bundle = authorities.bundle_pem();
    let text = render(identity, addresses.all(), &bundle, &issued)?;
    note(data, identity, &issued, signer)?;
    Ok(text)
}

/// The certificate is on record before anybody holds it. The caller holds the
/// writers' lock.
fn note(
    data: &DataDir,
    identity: &AgentIdentity,
    issued: &Issued,
    signer: String,
) -> anyhow::Result<()> {
    let now = OffsetDateTime::now_utc();
    let mut record = ClusterRecord::load(data, &identity.cluster)?
        .unwrap_or_else(|| ClusterRecord::new(&identity.cluster, now));
    record.note(IssuedCertificate {
        serial: issued.serial.clone(),
        agent: identity.agent.to_string(),
        issued: now,
        expires: issued.not_after,
        authority: Some(signer),
        revoked: None,
    });
    record.save(data, &identity.cluster)?;
    Ok(())
}

/// Refuses all certificates of a cluster that were issued so far, if any were.
pub(super) async fn revoke_if_known(data: &DataDir, cluster: &ClusterName) -> anyhow::Result<()> {
    if ClusterRecord::load(data, cluster)?.is_none() {
        return Ok(());
    }
    revoke(data, cluster, None).await
}

async fn revoke(
    data: &DataDir,
    cluster: &ClusterName,
    agent: Option<&AgentName>,
) -> anyhow::Result<()> {
    let _writer = data.lock_for_writing().await?;
    let Some(mut record) = ClusterRecord::load(data, cluster)? else {
        anyhow::bail!("the cluster {cluster} is not known to this hub");
    };
    let count = record.revoke(agent, OffsetDateTime::now_utc());
    record.save(data, cluster)?;
    output::line(&format!("revoked {count} certificate(s) of {cluster}"))?;
    Ok(())
}
