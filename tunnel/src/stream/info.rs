use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proto::{RefusalReason, Target};

/// One open stream as it stands, for people.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// Its number on its link.
    pub id: u64,
    /// What it is for; `None` until its header has come.
    pub target: Option<Target>,
    /// For whom it was opened, as its owner at this end has said.
    pub user: Option<Arc<str>>,
    /// Why this end has refused it, if it has.
    pub refused: Option<RefusalReason>,
    /// How long it has been open.
    pub age: Duration,
    /// Bytes that were received and read.
    pub received: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that were received and wait to be read.
    pub unread: usize,
}

/// What is known of a stream besides its figures.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) target: OnceLock<Target>,
    pub(super) user: OnceLock<Arc<str>>,
    pub(super) refused: OnceLock<RefusalReason>,
}
