//! Takes notice of what other commands change in the data directory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proxy_server::ProxyServer;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authority_files::AuthorityFiles;
use super::folder::{Change, Folder};
use super::known::Known;
use super::lookout::Lookout;
use super::serving_files::ServingFiles;
use super::setup::{SetupError, renew_serving};
use super::signing_files::SigningFiles;
use crate::addresses::Addresses;
use crate::clusters::ClusterRecord;
use crate::data_dir::DataDir;
use crate::tokens::TokenRecord;

/// Keeps the hub's memory like its data directory.
pub(super) struct Watch {
    parts: WatchParts,
    clusters: Folder<ClusterRecord>,
    tokens: Folder<TokenRecord>,
    health: DataHealth,
    lookout: Arc<Lookout>,
}

/// What is watched, and where it goes.
pub(super) struct WatchParts {
    pub(super) data: DataDir,
    pub(super) addresses: Addresses,
    pub(super) known: Arc<Known>,
    pub(super) authorities: AuthorityFiles,
    pub(super) serving: ServingFiles,
    pub(super) signing: SigningFiles,
}

/// Whether the data directory could be read the last time.
#[derive(Clone, Debug)]
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
    /// Reads everything for the first time.
    pub(super) fn start(parts: WatchParts) -> Self {
        let mut watch = Self {
            clusters: Folder::new(parts.data.clusters()),
            tokens: Folder::new(parts.data.tokens()),
            parts,
            health: DataHealth::default(),
            lookout: Arc::default(),
        };
        watch.refresh();
        watch
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
            if renew {
                watch.renew().await;
            }
            let look = move || {
                let change = watch.refresh();
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
        // What was read is taken up, whatever could not be read.
        let change = self.clusters.take_change();
        if change == Change::Some {
            self.parts.known.replace_clusters(self.clusters.records());
        }
        let tokens = self.tokens.refresh();
        if self.tokens.take_change() == Change::Some {
            self.parts.known.replace_tokens(self.tokens.records());
        }
        let authorities = self.parts.authorities.refresh();
        let serving = self.parts.serving.refresh();
        let signing = self.parts.signing.refresh();
        let looks = clusters
            .and(tokens)
            .and(authorities)
            .and(serving)
            .and(signing);
        self.health.note(looks);
        change
    }

    /// Makes another serving certificate if its end is near; the look that
    /// follows takes it up.
    async fn renew(&self) {
        let (data, addresses) = (self.parts.data.clone(), self.parts.addresses.clone());
        let renewed = async {
            let _writer = data.lock_for_writing().await?;
            let data = data.clone();
            let renew = move || renew_serving(&data, &addresses);
            match tokio::task::spawn_blocking(renew).await {
                Ok(renewed) => renewed,
                Err(_) => Ok(()),
            }
        };
        if let Err::<(), SetupError>(error) = renewed.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "cannot renew the serving certificate");
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

    fn note(&self, look: io::Result<()>) {
        let was_good = self.0.swap(look.is_ok(), Ordering::Relaxed);
        match look {
            Err(error) if was_good => {
                tracing::error!(%error, "the data directory cannot be read; what is known stays");
            }
            Ok(()) if !was_good => tracing::info!("the data directory can be read again"),
            Ok(()) | Err(_) => {}
        }
    }
}

impl Default for DataHealth {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}
