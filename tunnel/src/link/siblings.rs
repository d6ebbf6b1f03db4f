use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::Core;

/// The links of one session by their numbers, so that streams can move from one
/// to another: an agent's links share it by clones of their configuration.
#[derive(Debug, Default)]
pub struct Siblings {
    numbers: AtomicU32,
    links: Mutex<BTreeMap<NonZeroU32, Weak<Core>>>,
    busy: Notify,
}

impl Siblings {
    /// Waits until a link that had no streams gets one. Cancel-safe.
    pub async fn busy(&self) {
        self.busy.notified().await;
    }

    pub(super) fn note_busy(&self) {
        self.busy.notify_one();
    }

    /// A number for a new link; `None` when they have run out.
    pub(crate) fn number(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.numbers.fetch_add(1, Relaxed).wrapping_add(1))
    }

    /// Adds a link under the number that its hello says.
    pub(crate) fn add(&self, core: &Arc<Core>) {
        if let Some(number) = core.config.hello.link {
            let mut links = self.lock();
            links.retain(|_, link| link.strong_count() > 0);
            links.insert(number, Arc::downgrade(core));
        }
    }

    pub(crate) fn find(&self, number: u32) -> Option<Arc<Core>> {
        self.lock().get(&NonZeroU32::new(number)?)?.upgrade()
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<NonZeroU32, Weak<Core>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
