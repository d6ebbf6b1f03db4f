//! Measures what a path through Adit costs, beside the paths it is compared
//! with, and the helpers that this takes. README.md beside it tells how.

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

mod agents;
mod api;
mod case;
mod cases;
mod cli;
mod figures;
mod fleet;
mod keys;
mod load;
mod measure;
mod part;
mod place;
mod programs;
mod relay;
mod report;
mod run;
mod store;
mod system;
mod targets;
mod usage;
mod works;

use cli::{Cli, Command};

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    raise_descriptor_limit()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match cli.command {
        Command::Run(args) => runtime.block_on(Box::pin(run::run(args))),
        Command::Agents(args) => runtime.block_on(Box::pin(agents::run(args))),
        Command::Report(args) => report::print_results(&args.out),
        Command::Api(args) => runtime.block_on(Box::pin(api::run(args))),
        Command::Fleet(args) => runtime.block_on(Box::pin(fleet::run(args))),
        Command::Works(args) => runtime.block_on(Box::pin(works::run(args))),
        Command::Store(args) => runtime.block_on(Box::pin(store::run(args))),
        Command::Relay(args) => runtime.block_on(Box::pin(relay::run(args))),
    }
}

/// Every connection is a descriptor, here and in the programs started from here.
fn raise_descriptor_limit() -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}
