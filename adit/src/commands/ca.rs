//! `adit ca`: one authority after another, while everything runs.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DataDirArg, clusters, notice};
use crate::addresses::Addresses;
use crate::authorities::{self, Authorities, AuthoritiesError};
use crate::ca::Subject;
use crate::clusters::ClusterRecord;
use crate::data_dir::{self, DataDir};
use crate::hub::{ClusterListing, SessionListing, prepare_for};
use crate::kubeconfig::{HubAccess, Login};
use crate::lifetime::Lifetime;
use crate::output;

/// Look at the hub's certificate authority, or replace it
///
/// `rotate` makes a new authority that signs from then on, and leaves the old
/// one trusted. Clusters that have joined get new certificates by themselves;
/// give every other agent and every user new credentials, then `retire` the
/// old one. Runs beside the hub; a running hub takes notice within a second or
/// two.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the authorities, and the agents that know only the old one
    Show(DataDirArg),
    /// Make a new authority that signs from now on; the old one stays trusted
    Rotate(DataDirArg),
    /// Trust the old authority no more; its certificates' sessions end
    Retire(Retire),
}

#[derive(Debug, clap::Args)]
struct Retire {
    #[command(flatten)]
    data_dir: DataDirArg,

    /// Shut out the agents that have no certificate of the new authority
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  adit ca rotate --data-dir /var/lib/adit
  adit credentials edge-7 --data-dir /var/lib/adit -o edge-7.yaml
      For each agent; put it in place of its old file, which it takes up by itself.
  adit ca show   --data-dir /var/lib/adit
  adit ca retire --data-dir /var/lib/adit";

/// Of the certificate that asks whether the hub trusts the new authority.
const QUESTION_LIFETIME: Lifetime = Lifetime::from_days(1);
/// Agents named in an error.
const NAMED: usize = 10;

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Show(args) => show(&DataDir::open(&args.data_dir)?).await,
        Command::Rotate(args) => rotate(&DataDir::open(&args.data_dir)?).await,
        Command::Retire(args) => retire(&DataDir::open(&args.data_dir.data_dir)?, args.force).await,
    }
}

async fn show(data: &DataDir) -> anyhow::Result<()> {
    let writer = data.lock_for_writing().await?;
    let authorities = Authorities::load(data)?;
    let mut old = old_agents(data, &authorities)?;
    drop(writer);
    old.extend(old_sessions(data, &authorities).await?);
    let mut rows = vec![
        ["NAME", "MADE", "EXPIRES", "SIGNS"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for authority in authorities.trusted() {
        let signs = match authorities.previous() {
            None => "everything",
            Some(previous) if previous.certificate() == authority.certificate() => {
                "the hub's certificate"
            }
            Some(_) => "clients' certificates",
        };
        let facts = authority.facts()?;
        rows.push(vec![
            facts.name,
            facts.made.format(&Rfc3339)?,
            facts.expires.format(&Rfc3339)?,
            signs.to_owned(),
        ]);
    }
    output::write(&output::table(&rows))?;
    for agent in old {
        output::line(&format!("only of the old authority: {agent}"))?;
    }
    Ok(())
}

async fn rotate(data: &DataDir) -> anyhow::Result<()> {
    let addresses = Addresses::load(data)?;
    let writer = data.lock_for_writing().await?;
    let authorities = authorities::rotate(data)?;
    prepare_for(data, &authorities, &addresses)?;
    drop(writer);
    notice::trusted(&access(&authorities, &addresses)?).await;
    let name = authorities.signer().facts()?.name;
    output::line(&format!(
        "{name} signs from now on; give agents and users new credentials, then `adit ca retire`"
    ))?;
    Ok(())
}

async fn retire(data: &DataDir, force: bool) -> anyhow::Result<()> {
    let addresses = Addresses::load(data)?;
    let writer = data.lock_for_writing().await?;
    let authorities = Authorities::load(data)?;
    let previous = authorities.previous();
    let name = previous
        .ok_or(AuthoritiesError::NothingToRetire)?
        .facts()?
        .name;
    let mut old = old_agents(data, &authorities)?;
    old.extend(old_sessions(data, &authorities).await?);
    if !force && !old.is_empty() {
        let named = old.iter().take(NAMED).cloned().collect::<Vec<_>>();
        anyhow::bail!(
            "{} agent(s) have no certificate of the new authority: {}{}; those that have joined \
             get one within a minute, give others one with `adit credentials`, or shut them out \
             with --force",
            old.len(),
            named.join(", "),
            if old.len() > NAMED { ", ..." } else { "" },
        );
    }
    // Nothing is signed by the old one any more when it goes.
    let authorities = authorities.retiring();
    prepare_for(data, &authorities, &addresses)?;
    authorities::retire(data)?;
    drop(writer);
    notice::trusted(&access(&authorities, &addresses)?).await;
    output::line(&format!("{name} is trusted no more"))?;
    Ok(())
}

/// The way in of somebody with a certificate of the authority that signs.
fn access(authorities: &Authorities, addresses: &Addresses) -> anyhow::Result<HubAccess> {
    let subject = Subject::administrator();
    let issued = authorities
        .signer()
        .issue_client(&subject, QUESTION_LIFETIME)?;
    Ok(HubAccess {
        server: addresses.url(),
        authority_pem: authorities.bundle_pem(),
        user: String::new(),
        login: Login::Certificate {
            certificate_pem: issued.certificate_pem,
            key_pem: issued.key_pem,
        },
    })
}

/// The agents, as `cluster:agent`, that have good certificates, but none of the
/// authority that signs; nobody if there is no other.
fn old_agents(data: &DataDir, authorities: &Authorities) -> anyhow::Result<Vec<String>> {
    if authorities.previous().is_none() {
        return Ok(Vec::new());
    }
    let signer = authorities.signer().facts()?.name;
    let now = OffsetDateTime::now_utc();
    let folder = data.clusters();
    let entries = std::fs::read_dir(&folder);
    let mut old = Vec::new();
    for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if is_record(&path) {
            let record = ClusterRecord::parse(path.clone(), &data_dir::read(&path)?)?;
            let agents = record.agents_without_one_of(&signer, now);
            old.extend(agents.map(|agent| format!("{}:{agent}", record.name)));
        }
    }
    old.sort_unstable();
    Ok(old)
}

/// The agents, as `cluster:agent`, of clusters that have joined, and are
/// connected with certificates of the authority that signs no more alone: what
/// they were issued is on no record. Without a hub that runs nobody is.
async fn old_sessions(data: &DataDir, authorities: &Authorities) -> anyhow::Result<Vec<String>> {
    let Some(previous) = authorities.previous() else {
        return Ok(Vec::new());
    };
    let previous = previous.facts()?.name;
    let listing = match clusters::sessions(data).await {
        Ok(listing) => listing,
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "the hub does not say which clusters that have joined are connected"
            );
            return Ok(Vec::new());
        }
    };
    let joined = listing.clusters.iter().filter(|cluster| {
        let record = data.clusters().join(format!("{}.json", cluster.name));
        !record.exists()
    });
    let old = joined.flat_map(|cluster| {
        let agents = agents_of(cluster, &previous).into_iter();
        agents.map(|agent| format!("{}:{agent}", cluster.name))
    });
    Ok(old.collect())
}

/// The agents of a cluster that are connected by certificates of this authority
/// alone. One that has gone over has its session from before for a while still,
/// until that has no streams any more.
fn agents_of<'a>(cluster: &'a ClusterListing, authority: &str) -> BTreeSet<&'a str> {
    let of_it = |session: &&SessionListing| session.authority == authority;
    let name = |session: &'a SessionListing| session.agent.as_str();
    let sessions = &cluster.sessions;
    let gone_over: BTreeSet<_> = sessions.iter().filter(|of| !of_it(of)).map(name).collect();
    let old: BTreeSet<_> = sessions.iter().filter(of_it).map(name).collect();
    old.difference(&gone_over).copied().collect()
}

fn is_record(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_gone_over_is_not_named_for_a_session_that_drains() {
        let session = |agent: &str, authority: &str| {
            serde_json::json!({
                "id": 1, "agent": agent, "agentVersion": "", "serial": "",
                "connectedSince": "2026-01-01T00:00:00Z", "authority": authority,
                "streams": 0, "bytesIn": 0, "bytesOut": 0, "links": [],
            })
        };
        let cluster: ClusterListing = serde_json::from_value(serde_json::json!({
            "name": "edge-1",
            "sessions": [
                session("first", "old"), session("first", "new"), session("second", "old"),
                session("second", "old"), session("third", "new"),
            ],
        }))
        .unwrap();
        let named: Vec<&str> = agents_of(&cluster, "old").into_iter().collect();
        assert_eq!(named, ["second"]);
    }
}
