//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::agents;
use crate::api;
use crate::fleet;
use crate::relay;
use crate::store;
use crate::system::Kind;
use crate::works;

/// Measure what a path through Adit costs, beside others.
#[derive(Debug, Parser)]
#[command(name = "adit-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Report(ReportArgs),
    Relay(relay::Args),
    Agents(agents::Args),
    Store(store::Args),
    Api(api::Args),
    Works(works::Args),
    Fleet(fleet::Args),
}

/// Run the cases, print tables and write results.json
///
/// Needs root (for network namespaces), and the folders that bench/peers/build
/// and tests/peers/build print, in ADIT_BENCH_PEERS and ADIT_PEERS.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Also the cases with delay and loss, with 10,000 agents, and for an hour
    #[arg(long)]
    pub(crate) all: bool,

    /// Only this case; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,

    /// Only this system; may be repeated
    #[arg(long = "system", value_name = "NAME", value_enum)]
    pub(crate) systems: Vec<Kind>,

    /// So many rounds of each case, in place of its own number
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: Option<u32>,

    /// Keep the cases that are in the folder already, and run only the others
    #[arg(long)]
    pub(crate) resume: bool,

    /// Where results.json goes
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub(crate) out: PathBuf,
}

/// Print the tables of results that are there
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// Where results.json is
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub(crate) out: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn systems_are_named_as_in_the_results() {
        for kind in Kind::ALL {
            let cli = Cli::try_parse_from(["adit-bench", "run", "--system", kind.name()]).unwrap();
            let Command::Run(args) = cli.command else {
                panic!("another command");
            };
            assert_eq!(args.systems, [kind]);
        }
    }
}
