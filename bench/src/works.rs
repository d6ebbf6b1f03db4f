//! How long a `ManifestWork` takes to the managed cluster, and what was made of it back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::api::server::Kind;
use crate::figures::{Results, Round, summarize};
use crate::report;
use delivery::Pace;
use place::Place;

pub(crate) mod delivery;
pub(crate) mod place;

/// Measure how long ManifestWorks take to a managed cluster and back
///
/// Needs the folder that tests/peers/build prints, in ADIT_PEERS.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this case; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,

    /// So many rounds of each case
    #[arg(long, value_name = "NUMBER", default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Leave out what the folder has already
    #[arg(long)]
    resume: bool,

    /// Where results.json goes, and the data of the servers for the time being
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
}

/// The cases, in the order in which they are run.
pub(crate) const CASES: [&str; 2] = [EMBEDDED, KUBERNETES];

const EMBEDDED: &str = "works_embedded";
const KUBERNETES: &str = "works_kubernetes";

const ADIT: &str = "adit";

/// For how many seconds works are made in a round.
const MAKING: u32 = 10;

pub(crate) async fn run(args: Args) -> Result<()> {
    for case in &args.cases {
        ensure!(
            CASES.contains(&case.as_str()),
            "there is no case {case}; there are: {}",
            CASES.join(" ")
        );
    }
    let begun = Instant::now();
    let data = args.out.join("works");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let data = data.canonicalize()?;
    for (case, managed, each_second) in [
        (EMBEDDED, Kind::AditHub, 100),
        (KUBERNETES, Kind::KubeApiserver, 10),
    ] {
        let chosen = args.cases.is_empty() || args.cases.iter().any(|of| of == case);
        if !chosen || (args.resume && Results::has(&args.out, case)) {
            continue;
        }
        let pace = Pace {
            each_second,
            works: each_second * MAKING,
        };
        let rounds = Box::pin(measure(&data, managed, pace, args.rounds)).await?;
        let figures: Vec<_> = rounds
            .iter()
            .flat_map(|(system, rounds)| summarize(case, system, rounds))
            .collect();
        Results::keep(&args.out, case, &figures)?;
    }
    fs::remove_dir_all(&data)?;
    eprintln!("the works: {:.0?}", begun.elapsed());
    report::print_results(&args.out)
}

async fn measure(
    data: &Path,
    managed: Kind,
    pace: Pace,
    rounds: u32,
) -> Result<BTreeMap<&'static str, Vec<Round>>> {
    let place = Box::pin(Place::start(managed, data)).await?;
    let mut measured: BTreeMap<_, Vec<Round>> = BTreeMap::new();
    for _ in 0..rounds {
        let clusters = [place::CLUSTER.to_owned()];
        let round = delivery::deliver(&place.hub, &place.managed, &clusters, pace);
        let round = Box::pin(round).await?;
        measured.entry(ADIT).or_default().push(round);
    }
    Ok(measured)
}
