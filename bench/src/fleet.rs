//! What many managed clusters cost their hub.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::figures::{Results, summarize};
use crate::report;

mod agents;
mod registered;

/// Measure what many managed clusters cost their hub
///
/// `fleet_registered` has no agents: it makes the clusters, and renews their
/// leases as agents do. `fleet_agents` runs a process of `adit join` for each.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this case; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,

    /// So many clusters are registered
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    clusters: u32,

    /// So many agents join
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    agents: u32,

    /// So many works for each of them
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    works: u32,

    /// Leave out what the folder has already
    #[arg(long)]
    resume: bool,

    /// Where results.json goes, and the data of the servers for the time being
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
}

/// The cases, in the order in which they are run.
pub(crate) const CASES: [&str; 2] = [REGISTERED, AGENTS];

const REGISTERED: &str = "fleet_registered";
const AGENTS: &str = "fleet_agents";

pub(crate) async fn run(args: Args) -> Result<()> {
    for case in &args.cases {
        ensure!(
            CASES.contains(&case.as_str()),
            "there is no case {case}; there are: {}",
            CASES.join(" ")
        );
    }
    let data = args.out.join("fleet");
    for case in CASES {
        let chosen = args.cases.is_empty() || args.cases.iter().any(|of| of == case);
        if !chosen || (args.resume && Results::has(&args.out, case)) {
            continue;
        }
        let begun = Instant::now();
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let data = data.canonicalize()?;
        let round = if case == REGISTERED {
            Box::pin(registered::measure(&data, args.clusters)).await?
        } else {
            Box::pin(agents::measure(&data, args.agents, args.works)).await?
        };
        Results::keep(&args.out, case, &summarize(case, "adit", &[round]))?;
        eprintln!("{case}: {:.0?}", begun.elapsed());
        fs::remove_dir_all(&data)?;
    }
    report::print_results(&args.out)
}
