use std::sync::{Arc, PoisonError, RwLock};

use super::TargetPolicy;

/// A target policy that can be replaced while an agent runs.
///
/// Clones are handles to the same policy. It judges streams that are opened;
/// those that are open stay.
#[derive(Clone, Debug, Default)]
pub struct LiveTargets {
    current: Arc<RwLock<Arc<TargetPolicy>>>,
}

impl LiveTargets {
    /// Judges new streams by another policy from now on.
    pub fn replace(&self, policy: TargetPolicy) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    pub(crate) fn current(&self) -> Arc<TargetPolicy> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<TargetPolicy> for LiveTargets {
    fn from(policy: TargetPolicy) -> Self {
        let live = Self::default();
        live.replace(policy);
        live
    }
}
