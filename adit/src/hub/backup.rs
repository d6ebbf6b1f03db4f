//! The store's backup, for `adit backup` beside a hub that runs.

use std::sync::Arc;

use apiserver::Body;
use futures_util::StreamExt as _;
use gateway::{GatewayBody, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use store::Embedded;
use tokio::sync::Semaphore;

use crate::backup::sealed;

/// Where a hub gives the backup of its store, to administrators.
pub(crate) const BACKUP_PATH: &str = "/backup";

/// Gives backups of the store, one at a time.
#[derive(Debug)]
pub(super) struct StoreBackup {
    store: Arc<Embedded>,
    place: Arc<Semaphore>,
}

impl StoreBackup {
    pub(super) fn new(store: Arc<Embedded>) -> Self {
        Self {
            store,
            place: Arc::new(Semaphore::new(1)),
        }
    }

    /// The store as it is now. The keys of the hub are not in it.
    pub(super) fn answer(&self) -> Result<Response<GatewayBody>, Status> {
        let place = self.place.clone().try_acquire_owned();
        let place = place.map_err(|_| {
            Status::unavailable("hub: another backup is being made; try again when it is done")
        })?;
        let pieces = sealed(self.store.clone()).inspect(move |_| {
            let _ = &place;
        });
        let mut response = Response::new(GatewayBody::from(Body::stream(pieces)));
        let binary = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, binary);
        Ok(response)
    }
}
