//! Where an agent keeps who it is and what it shows the hub.

use std::fmt;
use std::io;
use std::path::PathBuf;

use futures_util::future::BoxFuture;

use super::credential::Stored;

mod folder;
mod secret;

pub use folder::CredentialFolder;
pub use secret::CredentialSecret;

/// Keeps an agent's names and credential over restarts.
///
/// A save is whole or has not happened, whatever kills the process.
pub trait CredentialStore: fmt::Debug + Send + Sync {
    /// What was saved last; nothing is no error, nor is what cannot be
    /// understood.
    fn load(&self) -> BoxFuture<'_, Result<Stored, StoreError>>;

    /// Keeps this from now on.
    fn save<'a>(&'a self, stored: &'a Stored) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets everything.
    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder.
    #[error(
        "the agent's credential in {path} cannot be kept or read; it needs a folder of its own \
         that it may write to",
        path = path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its endpoint cannot be written as a kubeconfig.
    #[error("the agent's kubeconfig cannot be written")]
    Kubeconfig(#[source] Box<serde_saphyr::SerializeError>),
    /// A Secret.
    #[error(
        "the agent's credential in the Secret {namespace}/{name} cannot be kept or read; its \
         service account needs get, create and update there"
    )]
    Secret {
        /// The Secret's namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}
