use std::sync::Arc;
use std::time::Duration;

use proto::Hello;

use crate::{Counters, ProcessBudget, Siblings};

/// What one end of a link allows and says of itself.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// This end's hello.
    pub hello: Hello,
    /// Streams open at once, those of both ends together. Default 4096, at most 7900.
    ///
    /// One more is refused with [`OpenError::StreamLimit`](crate::OpenError)
    /// here and as busy there. The connection window covers the initial
    /// 256 KiB of every stream and must stay below 2 GiB.
    pub max_streams: usize,
    /// Bytes the peer may send on a stream before this end has read them, for
    /// a reader that keeps up. Default 4 MiB.
    ///
    /// A stream starts with 256 KiB, which is all that a stream can hold that
    /// nobody reads. This bounds a stream's throughput to one window a round trip.
    pub max_stream_window: u32,
    /// Bytes by which the windows of a link's streams may grow, all together. Default 16 MiB.
    ///
    /// What nobody reads can hold at most this on top of 256 KiB a stream.
    pub window_growth: u64,
    /// Bytes received and not yet read, on all streams of the link. Default 64 MiB.
    ///
    /// Over it the streams whose readers have stalled longest are reset with
    /// [`ResetReason::Budget`](crate::ResetReason).
    pub unread_budget: usize,
    /// The same on all links that share it, by cloning the configuration.
    /// Default 1 GiB.
    pub process_budget: Arc<ProcessBudget>,
    /// Counts what happens on all links that share it, by cloning the configuration.
    pub counters: Arc<Counters>,
    /// The links that share it, by cloning the configuration, are of one
    /// session: an agent that makes several lets streams move between them.
    pub siblings: Arc<Siblings>,
    /// Streams of the peer that wait to be taken. Default 1024; one more is refused as busy.
    ///
    /// As many may come in one read: hundreds of watches begun at once must fit.
    pub accept_backlog: usize,
    /// How long the handshake, and the header of a stream, may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// Silence after which the peer is pinged. Default 5 s.
    pub ping_after: Duration,
    /// Further silence after which the link is given up. Default 5 s.
    pub ping_timeout: Duration,
}

impl LinkConfig {
    /// The defaults, with `hello`.
    pub fn new(hello: Hello) -> Self {
        Self {
            hello,
            max_streams: 4096,
            max_stream_window: 4 * 1024 * 1024,
            window_growth: 16 * 1024 * 1024,
            unread_budget: 64 * 1024 * 1024,
            process_budget: Arc::new(ProcessBudget::new(1 << 30)),
            counters: Arc::default(),
            siblings: Arc::default(),
            accept_backlog: 1024,
            handshake_timeout: Duration::from_secs(10),
            ping_after: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(5),
        }
    }
}
