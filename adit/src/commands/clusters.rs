//! `adit clusters`: who is connected.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::data_dir::DataDir;
use crate::hub::{ClusterListing, Listing};
use crate::hub_client;
use crate::hub_login::HubLogin;
use crate::output;
use crate::shutdown;

mod question;
mod watch;
mod wide;

use question::{fetch, parse};

/// List the known clusters and their agents' sessions
///
/// Asks the running hub, so it needs the login of an administrator (group
/// system:masters). Where a Kubernetes cluster is the hub it is asked by way of
/// that, and whoever may list sessions.cluster.core.oam.dev may ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit clusters --data-dir /var/lib/adit
  adit clusters --data-dir /var/lib/adit --output wide
  adit clusters --data-dir /var/lib/adit --watch
  adit clusters --kubeconfig admin.kubeconfig --output json")]
pub(crate) struct Args {
    #[command(flatten)]
    hub: HubLogin,

    /// The form of the list
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,

    /// Go on and print a line for each cluster that changes, until Ctrl-C
    ///
    /// Bytes alone are no change. The hub is asked once a second.
    #[arg(long, short, conflicts_with = "output")]
    watch: bool,
}

const HEAD: [&str; COLUMNS] = [
    "NAME",
    "AGENTS",
    "CONNECTED SINCE",
    "CARRIER",
    "REMOTE ADDRESS",
    "STREAMS",
    "IN",
    "OUT",
];
const COLUMNS: usize = 8;

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    /// Exactly what the hub answers, with every session and exact figures.
    Json,
    /// A line for each cluster.
    #[default]
    Table,
    /// A line for each cluster: whether it is accepted, joined and available, and its size.
    Wide,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let client = args.hub.client().await?;
    if args.watch {
        return shutdown::run(async |stop| watch::watch(&client, stop).await).await?;
    }
    let body = fetch(&client).await?;
    let text = match args.output {
        Format::Json => format!("{}\n", body.trim_end()),
        Format::Table => table(&parse(&body)?)?,
        Format::Wide => wide::table(&parse(&body)?, &wide::fetch(&client).await?),
    };
    output::write(&text)?;
    Ok(())
}

/// What the hub with this data directory tells of its sessions.
pub(super) async fn sessions(data: &DataDir) -> anyhow::Result<Listing> {
    let client = hub_client::administrator(data).await?;
    parse(&fetch(&client).await?)
}

fn head() -> Vec<String> {
    HEAD.map(str::to_owned).to_vec()
}

fn table(listing: &Listing) -> anyhow::Result<String> {
    let mut rows = vec![head()];
    for cluster in &listing.clusters {
        rows.push(row(cluster)?);
    }
    Ok(output::table(&rows))
}

fn row(cluster: &ClusterListing) -> anyhow::Result<Vec<String>> {
    let sessions = &cluster.sessions;
    let since = sessions.iter().map(|session| session.connected_since).min();
    let Some(since) = since else {
        let mut row = vec![cluster.name.clone(), "0".to_owned()];
        row.resize(COLUMNS, String::new());
        return Ok(row);
    };
    let links = || sessions.iter().flat_map(|session| &session.links);
    let carriers: BTreeSet<&str> = links().map(|link| link.carrier.as_str()).collect();
    let carriers: Vec<&str> = carriers.into_iter().collect();
    let remotes: Vec<String> = links().map(|link| link.remote.to_string()).collect();
    Ok(vec![
        cluster.name.clone(),
        sessions.len().to_string(),
        second(since)?,
        carriers.join(","),
        remotes.join(","),
        sessions.iter().map(|s| s.streams).sum::<u64>().to_string(),
        bytes(sessions.iter().map(|s| s.bytes_in).sum()),
        bytes(sessions.iter().map(|s| s.bytes_out).sum()),
    ])
}

fn second(moment: OffsetDateTime) -> anyhow::Result<String> {
    Ok(moment.replace_nanosecond(0)?.format(&Rfc3339)?)
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"{"clusters": [
        {"name": "edge-1", "sessions": [
            {"id": 1, "agent": "a", "agentVersion": "0.1.0",
             "connectedSince": "2026-01-02T03:04:05.678Z",
             "serial": "aa", "streams": 2, "bytesIn": 1536, "bytesOut": 10, "links": [
                {"carrier": "h2", "connectedSince": "2026-01-02T03:04:05.678Z",
                 "remote": "192.0.2.1:5000", "streams": 2, "bytesIn": 1536, "bytesOut": 10}]},
            {"id": 2, "agent": "b", "agentVersion": "0.1.0",
             "connectedSince": "2026-01-01T00:00:00Z",
             "serial": "bb", "streams": 1, "bytesIn": 512, "bytesOut": 10, "links": [
                {"carrier": "h2", "connectedSince": "2026-01-01T00:00:00Z",
                 "remote": "192.0.2.2:5000", "streams": 1, "bytesIn": 512, "bytesOut": 10}]}]},
        {"name": "edge-2", "sessions": []}]}"#;

    #[test]
    fn a_cluster_is_a_line_whether_connected_or_not() {
        let table = table(&serde_json::from_str(LISTING).unwrap()).unwrap();
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split("   ").map(str::trim).collect())
            .collect();
        let cells = |line: usize| -> Vec<&str> {
            lines[line]
                .iter()
                .copied()
                .filter(|cell| !cell.is_empty())
                .collect()
        };
        assert_eq!(
            cells(1),
            [
                "edge-1",
                "2",
                "2026-01-01T00:00:00Z",
                "h2",
                "192.0.2.1:5000,192.0.2.2:5000",
                "3",
                "2.0 KiB",
                "20 B"
            ]
        );
        assert_eq!(cells(2), ["edge-2", "0", "-", "-", "-", "-", "-", "-"]);
    }
}
