//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    accept, agent, backup, ca, clusters, crds, credentials, demo, detach, forward, hub, join,
    kubeconfig, restore, token, unjoin,
};
use crate::telemetry::LogFormat;

/// Reach every Kubernetes cluster, wherever it runs.
///
/// An agent in or beside each cluster dials out to the hub; through the hub
/// kubectl and every other Kubernetes client reach the cluster's API. The
/// cluster needs no open port and no route to it.
#[derive(Debug, Parser)]
#[command(name = "adit", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What to log: a level, or levels by module such as `info,tunnel=debug`
    ///
    /// Default: info for the hub, the agent and join, warn for everything else.
    #[arg(
        long,
        global = true,
        env = "RUST_LOG",
        value_name = "FILTER",
        hide_env_values = true
    )]
    log: Option<String>,

    /// The form of the log on standard error
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Hub(hub::Args),
    Join(Box<join::Args>),
    Unjoin(unjoin::Args),
    Credentials(credentials::Args),
    Agent(agent::Args),
    Accept(accept::Args),
    Detach(detach::Args),
    Kubeconfig(kubeconfig::Args),
    Clusters(clusters::Args),
    Crds(crds::Args),
    Forward(forward::Args),
    Token(token::Args),
    Ca(ca::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Demo(demo::Args),
}

const EXAMPLES: &str = "\
Examples:
  adit demo
      A hub and two clusters on this machine, to try it out.

  adit hub --data-dir /var/lib/adit --advertise hub.example.org:8443
  adit credentials edge-7 --data-dir /var/lib/adit --output edge-7.yaml
      On the hub; then carry edge-7.yaml to the cluster, and there:
  adit agent --credentials edge-7.yaml --kubeconfig ~/.kube/config

  adit kubeconfig edge-7 --data-dir /var/lib/adit --user alice --group dev > alice.kubeconfig
      On the hub, where a role lets dev reach edge-7; then anywhere:
  kubectl --kubeconfig alice.kubeconfig get pods -w

Exit codes: 0 done, 1 failed, 2 wrong usage.";

impl Cli {
    /// What to log if nothing else is said.
    pub(crate) fn log_filter(&self) -> String {
        let default = match self.command {
            Command::Hub(_) | Command::Agent(_) | Command::Join(_) => "info",
            Command::Credentials(_)
            | Command::Accept(_)
            | Command::Detach(_)
            | Command::Kubeconfig(_)
            | Command::Clusters(_)
            | Command::Crds(_)
            | Command::Forward(_)
            | Command::Token(_)
            | Command::Ca(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Unjoin(_)
            | Command::Demo(_) => "warn",
        };
        self.log.clone().unwrap_or_else(|| default.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
