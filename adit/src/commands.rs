//! One module a command.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Command;
use crate::data_dir::{self, Secrecy};
use crate::output;

pub(crate) mod accept;
pub(crate) mod agent;
pub(crate) mod backup;
pub(crate) mod ca;
pub(crate) mod clusters;
pub(crate) mod crds;
pub(crate) mod credentials;
pub(crate) mod demo;
pub(crate) mod detach;
pub(crate) mod forward;
pub(crate) mod hub;
pub(crate) mod join;
pub(crate) mod kubeconfig;
mod notice;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod unjoin;

/// Runs a command to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Hub(args) => Box::pin(hub::run(args)).await,
        Command::Credentials(args) => credentials::run(args).await,
        Command::Agent(args) => Box::pin(agent::run(args)).await,
        Command::Join(args) => Box::pin(join::run(*args)).await,
        Command::Unjoin(args) => Box::pin(unjoin::run(args)).await,
        Command::Ca(args) => Box::pin(ca::run(args)).await,
        Command::Accept(args) => Box::pin(accept::run(args)).await,
        Command::Detach(args) => Box::pin(detach::run(args)).await,
        Command::Kubeconfig(args) => kubeconfig::run(args).await,
        Command::Clusters(args) => Box::pin(clusters::run(args)).await,
        Command::Crds(args) => crds::run(&args),
        Command::Backup(args) => Box::pin(backup::run(args)).await,
        Command::Restore(args) => Box::pin(restore::run(args)).await,
        Command::Token(args) => Box::pin(token::run(args)).await,
        Command::Forward(args) => Box::pin(forward::run(args)).await,
        Command::Demo(args) => Box::pin(demo::run(args)).await,
    }
}

/// The hub's data directory, for the commands that work on it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DataDirArg {
    /// The hub's data directory
    #[arg(long, env = "ADIT_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// Puts a secret where the user wants it: a file of mode 0600, or standard output.
fn deliver(secret: &str, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(path) => data_dir::write(path, secret.as_bytes(), Secrecy::Private)
            .with_context(|| format!("cannot write {}", path.display())),
        None => output::write(secret).context("cannot write to standard output"),
    }
}
