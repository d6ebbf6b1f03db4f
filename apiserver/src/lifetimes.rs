use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{LeaseId, Store, StoreError};
use tokio::time::Instant;

/// Leases for objects that are kept for a time. Objects of one time share a
/// lease while it is new, so that there are few.
#[derive(Debug, Default)]
pub(crate) struct Lifetimes(Mutex<HashMap<u32, Shared>>);

#[derive(Clone, Copy, Debug)]
struct Shared {
    lease: LeaseId,
    granted: Instant,
    objects: u32,
}

impl Lifetimes {
    /// A lease by which an object lives for so many seconds, and up to a
    /// minute more.
    pub(crate) async fn lease(
        &self,
        store: &Arc<dyn Store>,
        seconds: u32,
    ) -> Result<LeaseId, StoreError> {
        if let Some(lease) = self.shared(seconds) {
            return Ok(lease);
        }
        let ttl = Duration::from_secs(seconds.into()) + REUSE;
        let lease = store.grant_lease(ttl).await?.id;
        let new = Shared {
            lease,
            granted: Instant::now(),
            objects: 1,
        };
        self.lock().insert(seconds, new);
        Ok(lease)
    }

    /// The lease that is still given out, if there is one.
    fn shared(&self, seconds: u32) -> Option<LeaseId> {
        let mut all = self.lock();
        let of = all.get_mut(&seconds)?;
        if of.granted.elapsed() >= REUSE || of.objects >= OBJECTS_MAX {
            return None;
        }
        of.objects += 1;
        Some(of.lease)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long a lease is given to further objects.
const REUSE: Duration = Duration::from_secs(60);
/// To how many objects a lease is given.
const OBJECTS_MAX: u32 = 1000;
