use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use super::failure::Failure;

/// What the managed cluster serves, as far as it was asked for: a version of a
/// group is read when a kind of it is wanted, and again when one is not in it.
pub(super) struct Discovery {
    client: Client,
    versions: Mutex<HashMap<String, Arc<Version>>>,
}

/// How a kind is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Served {
    /// The plural.
    pub(super) resource: String,
    pub(super) namespaced: bool,
}

/// The kinds of a version of a group, as it was read.
#[derive(Debug)]
struct Version {
    read: Instant,
    kinds: HashMap<String, Served>,
}

impl Discovery {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            versions: Mutex::default(),
        }
    }

    /// How a kind is served. One that is not known is asked for, but not more often
    /// than every [`PAUSE`].
    pub(super) async fn served(&self, api_version: &str, kind: &str) -> Result<Served, Failure> {
        let known = self.known(api_version);
        if let Some(served) = known.as_ref().and_then(|of| of.kinds.get(kind)) {
            return Ok(served.clone());
        }
        let version = match known {
            Some(version) if version.read.elapsed() < PAUSE => version,
            _ => self.read(api_version).await?,
        };
        let served = version.kinds.get(kind).cloned();
        served.ok_or_else(|| Failure::UnknownKind {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// Has a version read again when it is wanted next: something was not where it
    /// should be.
    pub(super) fn forget(&self, api_version: &str) {
        self.lock().remove(api_version);
    }

    fn known(&self, api_version: &str) -> Option<Arc<Version>> {
        self.lock().get(api_version).cloned()
    }

    async fn read(&self, api_version: &str) -> Result<Arc<Version>, Failure> {
        let list = if api_version.contains('/') {
            Box::pin(self.client.list_api_group_resources(api_version)).await
        } else {
            Box::pin(self.client.list_core_api_resources(api_version)).await
        };
        let resources = match list.map_err(Failure::from) {
            Ok(list) => list.resources,
            Err(failure) if failure.is_not_found() => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let kinds = resources
            .into_iter()
            .filter(|of| !of.name.contains('/'))
            .map(|of| {
                let served = Served {
                    resource: of.name,
                    namespaced: of.namespaced,
                };
                (of.kind, served)
            });
        let version = Arc::new(Version {
            read: Instant::now(),
            kinds: kinds.collect(),
        });
        let mut versions = self.lock();
        if versions.len() >= MOST {
            versions.clear();
        }
        versions.insert(api_version.to_owned(), version.clone());
        Ok(version)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Version>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery").finish_non_exhaustive()
    }
}

/// How long a version that lacks a kind is believed.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// So many versions are remembered; then all are read anew as they are wanted.
const MOST: usize = 1024;
