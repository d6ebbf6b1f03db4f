use std::time::Duration;

/// What an agent allows. The defaults fit a cluster that many users and
/// controllers share.
#[derive(Clone, Debug)]
pub struct AgentLimits {
    /// Streams that the hub may ask for in a second, and at most as many at
    /// once. Default 8,000, as many as a hub lets one cluster's callers ask for.
    ///
    /// More than that are refused as busy. Every TCP dial takes a port of this
    /// machine's for about a minute if its target does not end it first.
    pub dials_per_second: u32,
    /// Looking a target up and connecting to it. Default 10 s; the hub's own
    /// deadline counts if it is shorter.
    pub dial_timeout: Duration,
    /// Streams served at once on one link. Default 4,096,
    /// at most 7,900; more are refused as busy.
    pub max_streams: usize,
    /// Bytes received on one link and not yet taken by targets. Default 64 MiB.
    ///
    /// Over it, and over the next, the streams whose targets have stalled
    /// longest are reset.
    pub max_unread: usize,
    /// The same on all links. Default 1 GiB.
    pub max_unread_in_all: usize,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            dials_per_second: 8000,
            dial_timeout: Duration::from_secs(10),
            max_streams: 4096,
            max_unread: 64 * 1024 * 1024,
            max_unread_in_all: 1 << 30,
        }
    }
}
