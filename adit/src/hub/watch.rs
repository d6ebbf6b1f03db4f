//! Takes notice of what other commands change in the data directory.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway::{LivePolicy, PolicyError, PolicyFile};
use proxy_server::ProxyServer;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::folder::{Change, Folder, Stamp};
use super::known::Known;
use super::lookout::Lookout;
use super::setup::renew_serving;
use super::tls::Serving;
use crate::addresses::Addresses;
use crate::clusters::ClusterRecord;
use crate::data_dir::DataDir;
use crate::tokens::TokenRecord;

/// Keeps the hub's memory like its data directory.
pub(super) struct Watch {
    parts: WatchParts,
    clusters: Folder<ClusterRecord>,
    tokens: Folder<TokenRecord>,
    policy_stamp: Option<Stamp>,
    policy_error: Option<String>,
    health: DataHealth,
    lookout: Arc<Lookout>,
}

/// What is watched, and where it goes.
pub(super) struct WatchParts {
    pub(super) data: DataDir,
    pub(super) addresses: Addresses,
    pub(super) policy_path: PathBuf,
    pub(super) known: Arc<Known>,
    pub(super) policy: LivePolicy,
    pub(super) serving: Arc<Serving>,
}

/// Whether the data directory could be read the last time.
#[derive(Clone, Debug, Default)]
pub(super) struct DataHealth(Arc<AtomicBool>);

/// How soon a change is noticed.
const POLL: Duration = Duration::from_secs(1);
/// The least time between looks, however often one is asked for.
const REST: Duration = Duration::from_millis(100);
/// How often sessions are asked for, even if no record has changed.
const RECHECK: Duration = Duration::from_secs(60);
/// How often the serving certificate's end is looked at.
const RENEW: Duration = Duration::from_secs(3600);

impl Watch {
    /// Reads everything for the first time; a policy that cannot be used is an
    /// error now, and later leaves the last good one in force.
    pub(super) fn start(parts: WatchParts) -> Result<Self, PolicyError> {
        let mut watch = Self {
            clusters: Folder::new(parts.data.clusters()),
            tokens: Folder::new(parts.data.tokens()),
            parts,
            policy_stamp: None,
            policy_error: None,
            health: DataHealth::default(),
            lookout: Arc::default(),
        };
        watch.read_policy()?;
        watch.refresh();
        Ok(watch)
    }

    pub(super) fn health(&self) -> DataHealth {
        self.health.clone()
    }

    /// Where a look before its time is asked for.
    pub(super) fn lookout(&self) -> Arc<Lookout> {
        self.lookout.clone()
    }

    /// Looks every second, and when asked, until told to stop.
    pub(super) async fn run(self, proxy: ProxyServer, stop: CancellationToken) {
        let mut watch = self;
        let lookout = watch.lookout();
        let mut renewed = Instant::now();
        let mut rechecked = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
                () = asked(&lookout) => {}
            }
            let number = lookout.begin();
            let renew = renewed.elapsed() >= RENEW;
            if renew {
                renewed = Instant::now();
            }
            let look = move || {
                let change = watch.refresh();
                if renew {
                    watch.renew();
                }
                (watch, change)
            };
            let change;
            (watch, change) = match tokio::task::spawn_blocking(look).await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::error!(%error, "the data directory is no longer watched");
                    return;
                }
            };
            // Certificates expire without a change of anything.
            if change == Change::Some || rechecked.elapsed() >= RECHECK {
                proxy.recheck();
                rechecked = Instant::now();
            }
            lookout.end(number);
        }
    }

    /// Looks once; says whether the clusters' records changed.
    pub(super) fn refresh(&mut self) -> Change {
        let clusters = self.clusters.refresh();
        if matches!(clusters, Ok(Change::Some)) {
            self.parts.known.replace_clusters(self.clusters.records());
        }
        let tokens = self.tokens.refresh();
        if matches!(tokens, Ok(Change::Some)) {
            self.parts.known.replace_tokens(self.tokens.records());
        }
        self.refresh_policy();
        self.health
            .note(clusters.as_ref().err().or_else(|| tokens.as_ref().err()));
        clusters.unwrap_or(Change::None)
    }

    fn refresh_policy(&mut self) {
        let error = self.read_policy().err().map(|error| error.to_string());
        if let Some(error) = &error
            && self.policy_error.as_ref() != Some(error)
        {
            tracing::error!(
                error,
                "the policy file cannot be used; the last good one stays"
            );
            self.policy_error = Some(error.clone());
        }
    }

    /// Takes up the policy if its file has changed; without a file nobody but
    /// administrators may reach anything.
    fn read_policy(&mut self) -> Result<(), PolicyError> {
        let stamp = match fs::metadata(&self.parts.policy_path) {
            Ok(metadata) => Some(Stamp::of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(PolicyError::Read {
                    path: self.parts.policy_path.clone(),
                    source,
                });
            }
        };
        if stamp == self.policy_stamp {
            return Ok(());
        }
        self.policy_stamp = stamp;
        let policy = match stamp {
            Some(_) => PolicyFile::read(&self.parts.policy_path)?,
            None => PolicyFile::default(),
        };
        self.parts.policy.replace(policy);
        self.policy_error = None;
        tracing::info!(path = %self.parts.policy_path.display(), "policy taken up");
        Ok(())
    }

    fn renew(&self) {
        match renew_serving(&self.parts.data, &self.parts.addresses) {
            Ok(Some(key)) => self.parts.serving.replace(key),
            Ok(None) => {}
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "cannot renew the serving certificate");
            }
        }
    }
}

async fn asked(lookout: &Lookout) {
    tokio::time::sleep(REST).await;
    lookout.asked().await;
}

impl DataHealth {
    pub(super) fn is_good(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self, error: Option<&io::Error>) {
        let was_good = self.0.swap(error.is_none(), Ordering::Relaxed);
        if let (true, Some(error)) = (was_good, error) {
            tracing::error!(%error, "the data directory cannot be read; what is known stays");
        }
    }
}
