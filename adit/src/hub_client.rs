//! A client of the hub's API for commands.

use std::path::Path;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::data_dir::DataDir;

/// A client as the hub's administrator, by the kubeconfig in the data directory.
///
/// It connects when it is asked for something; the hub has to run by then.
pub(crate) async fn administrator(data: &DataDir) -> anyhow::Result<Client> {
    of(&data.admin_kubeconfig(), None).await
}

/// A client by a kubeconfig, as the user of this context or of its current one.
pub(crate) async fn of(path: &Path, context: Option<String>) -> anyhow::Result<Client> {
    let shown = path.display();
    let kubeconfig = Kubeconfig::read_from(path)
        .with_context(|| format!("cannot read {shown}; has the hub been started here?"))?;
    let options = KubeConfigOptions {
        context,
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let config = config.with_context(|| format!("cannot use {shown}"))?;
    Client::try_from(config).with_context(|| format!("cannot use {shown}"))
}
