//! What the demo tells its user.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use proto::ClusterName;

use super::backend::Backend;
use super::folder::Folder;
use crate::output;

/// The commands to try.
#[derive(Debug)]
pub(super) struct Guide {
    kubeconfig: PathBuf,
    hub: PathBuf,
    keeps: bool,
    own: bool,
    clusters: Vec<(ClusterName, &'static str)>,
}

/// Whoever uses a demo of his own cluster has to know it.
const OWN: &str = "\n\
CAUTION: on your own clusters the kubeconfig below acts as an administrator\n\
(system:masters), by the impersonation that your kubeconfig's user may do there.\n\
Whoever has it can do everything there while the demo runs. Nothing is installed.\n";

impl Guide {
    pub(super) fn new(folder: &Folder, names: &[ClusterName], backends: &[Backend]) -> Self {
        let kind = |backend: &Backend| match backend {
            Backend::Peer { .. } => "etcd and kube-apiserver, started by this demo",
            Backend::Embedded { .. } => "an API server of Adit's own: keeps objects, runs no pods",
            Backend::User(_) => "your own cluster, where you are system:masters through the hub",
        };
        Self {
            kubeconfig: folder.kubeconfig(),
            hub: folder.path().join("hub"),
            keeps: !folder.is_temporary(),
            own: backends
                .iter()
                .any(|backend| matches!(backend, Backend::User(_))),
            clusters: names
                .iter()
                .cloned()
                .zip(backends.iter().map(kind))
                .collect(),
        }
    }

    /// Prints the guide and, as its last line, `ready`.
    pub(super) fn print(&self) -> io::Result<()> {
        output::write(&self.text())
    }

    fn text(&self) -> String {
        let mut text = String::from("\nClusters, reached through the hub only:\n");
        for (name, kind) in &self.clusters {
            let _ = writeln!(text, "  {:12} {kind}", name.as_str());
        }
        if self.own {
            text.push_str(OWN);
        }
        let first = self
            .clusters
            .first()
            .map_or("edge-1", |(name, _)| name.as_str());
        let last = self
            .clusters
            .last()
            .map_or("edge-2", |(name, _)| name.as_str());
        let kubeconfig = self.kubeconfig.display();
        let hub = self.hub.display();
        let adit = program();
        let _ = write!(
            text,
            "\nTry, in another terminal:\n\
             \x20 export KUBECONFIG={kubeconfig}\n\
             \x20 kubectl config get-contexts\n\
             \x20 kubectl --context {first} version\n\
             \x20 kubectl --context {first} get namespaces\n\
             \x20 kubectl --context {last} get namespaces -w\n\
             \x20 kubectl --context {last} create namespace hello\n\
             \x20 kubectl --context {last} --namespace hello create configmap a --from-literal=b=c\n\
             \x20 kubectl --context {last} --namespace hello get configmap a --output yaml\n"
        );
        let _ = write!(
            text,
            "  {adit} clusters --data-dir {hub}\n\
             \x20 {adit} kubeconfig {first} --data-dir {hub} --path aggregated\n\n"
        );
        if self.keeps {
            let _ = writeln!(
                text,
                "Everything is kept in that folder. Ctrl-C ends the demo."
            );
        } else {
            let _ = writeln!(text, "Ctrl-C ends the demo and leaves nothing behind.");
        }
        text.push_str("ready\n");
        text
    }
}

/// This program as it was called, so that the commands can be copied.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| "adit".into());
    called.to_string_lossy().into_owned()
}
