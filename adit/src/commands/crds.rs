//! `adit crds`: Open Cluster Management's kinds, for a Kubernetes hub.

use anyhow::Context as _;

use crate::output;

/// Print Open Cluster Management's kinds as CustomResourceDefinitions
///
/// A hub of Adit's own has them. These are for a Kubernetes cluster that is to
/// keep them instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  adit crds | kubectl apply --server-side -f -")]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    let mut text = String::new();
    for definition in api::ocm().custom_resource_definitions() {
        let yaml = serde_saphyr::to_string(&definition).context("cannot write a definition")?;
        text.push_str("---\n");
        text.push_str(&yaml);
    }
    output::write(&text).context("cannot write to standard output")
}
